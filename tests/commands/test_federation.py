"""The commands about other servers: two servers on loopback that speak with each other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from burble.testing import port_of, serving, settings
from tests.client import ScriptedClient, condition
from tests.commands.calling import call

CASTLE, GARDEN = "castle.example", "garden.example"


def options(host: str, peers: dict[str, int]) -> dict[str, Any]:
    """What a server for a host needs to speak with others, whose addresses are given by their ports."""
    domains = {domain: {"address": f"127.0.0.1:{port}"} for domain, port in peers.items()}
    return {
        "hosts": [host],
        "listen": {"s2s": ["127.0.0.1:0"]},
        "federation": {"enabled": True, "domains": domains},
    }


def s2s_port(server: Server) -> int:
    return int(server.listening["s2s"][0].rpartition(":")[2])


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    """Servers for castle.example and garden.example, each with the account juliet."""
    async with AsyncExitStack() as stack:
        castle = await stack.enter_async_context(serving(tmp_path / "castle", **options(CASTLE, {})))
        garden = await stack.enter_async_context(
            serving(tmp_path / "garden", **options(GARDEN, {CASTLE: s2s_port(castle)}))
        )
        peers = {GARDEN: s2s_port(garden)}
        await castle.reload(settings(tmp_path / "castle", **options(CASTLE, peers)))
        await castle.hosts[CASTLE].register("juliet", "secret")
        await garden.hosts[GARDEN].register("juliet", "secret")
        yield castle, garden


@pytest.fixture
async def juliet(servers: tuple[Server, Server]) -> AsyncIterator[ScriptedClient]:
    """At castle.example."""
    client = await (await ScriptedClient(port_of(servers[0]), CASTLE).connect()).login("juliet")
    yield client
    await client.close()


async def test_streams_are_counted_and_listed(servers: tuple[Server, Server], juliet: ScriptedClient) -> None:
    castle, garden = servers
    await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)
    assert await call(castle, "outgoing_s2s_number") == 1
    assert await call(garden, "incoming_s2s_number") == 1
    (out,) = [each for each in await call(castle, "list_s2s") if each.direction == "out"]
    assert (out.local, out.remote, out.tls, out.proved_by) == (CASTLE, GARDEN, True, "dialback")
    assert out.address == f"127.0.0.1:{s2s_port(garden)}"
    (into,) = [each for each in await call(garden, "list_s2s") if each.direction == "in"]
    assert (into.local, into.remote, into.proved_by) == (GARDEN, CASTLE, "dialback")


async def test_streams_are_closed_and_opened_anew(
    servers: tuple[Server, Server], juliet: ScriptedClient
) -> None:
    castle, _ = servers
    await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)
    closing = list(castle.federation.outgoing)
    await call(castle, "stop_s2s_connections")
    assert [stream.closing for stream in closing] == [True]
    answer = await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)
    assert answer.get("type") == "result"
    assert closing[0] not in castle.federation.outgoing


async def test_a_domain_that_was_not_reached_is_told_of_and_tried_again(
    servers: tuple[Server, Server], juliet: ScriptedClient, tmp_path: Path
) -> None:
    castle, _ = servers
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        peers = {GARDEN: nobody.getsockname()[1]}
        await castle.reload(settings(tmp_path / "castle", **options(CASTLE, peers)))
        answer = await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)
    assert answer.get("type") == "error"
    (unreached,) = await call(castle, "list_s2s_unreached")
    assert (unreached.domain, unreached.condition) == (GARDEN, "remote-server-timeout")
    assert 0 < unreached.seconds <= 10
    (finding,) = [each for each in await call(castle, "doctor") if each.subject == "federation"]
    assert finding.text == "0 streams, 0 stanzas wait, 1 domains not reached of late"
    assert await call(castle, "reset_s2s", GARDEN) == 0
    assert await call(castle, "list_s2s_unreached") == []


async def test_what_waits_is_told_of(servers: tuple[Server, Server], juliet: ScriptedClient) -> None:
    castle, _ = servers
    async with _Silent() as silent:
        peers = {GARDEN: silent.port}
        await castle.reload(settings(castle.settings.data_dir, **options(CASTLE, peers)))
        for number in range(3):
            juliet.write(f"<message to='juliet@{GARDEN}' id='{number}'><body>?</body></message>")
        await juliet.sync()
        (waiting,) = await call(castle, "list_s2s_waiting")
        assert (waiting.local, waiting.remote, waiting.stanzas) == (CASTLE, GARDEN, 3)
        await silent.visited.wait()
        assert await call(castle, "reset_s2s", GARDEN) == 1


class _Silent:
    """A server that accepts connections and never speaks."""

    async def __aenter__(self) -> _Silent:
        self.visited = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        await reader.read(1)
        self.visited.set()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()


@pytest.mark.parametrize(
    ("name", "entries", "free"),
    [("blacklist", GARDEN, False), ("whitelist", "elsewhere.example", False), ("whitelist", GARDEN, True)],
)
async def test_lists_of_a_host_hold_for_real_servers(
    servers: tuple[Server, Server], juliet: ScriptedClient, name: str, entries: str, free: bool
) -> None:
    """What they forbid is refused in both directions, for accounts and for rooms, and both are told."""
    castle, garden = servers
    await call(castle, "set_access_list", CASTLE, name, entries)
    rose = await (await ScriptedClient(port_of(garden), GARDEN).connect()).login("juliet")
    query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    pairs = [(juliet, GARDEN), (rose, CASTLE), (rose, f"conference.{CASTLE}")]
    answers = [await client.ask("get", query, target) for client, target in pairs]
    assert [each.get("type") for each in answers] == ["result" if free else "error"] * 3
    if not free:
        assert {condition(each) for each in answers} == {"policy-violation"}
    await rose.close()


async def test_streams_of_a_host_that_is_removed_are_closed(servers: tuple[Server, Server]) -> None:
    castle, garden = servers
    tower = "tower.example"
    peers = {CASTLE: s2s_port(castle), tower: s2s_port(castle)}
    await garden.reload(settings(garden.settings.data_dir, **options(GARDEN, peers)))
    await call(castle, "add_host", tower)
    await call(castle, "register", "rose", tower, "secret")
    rose = await (await ScriptedClient(port_of(castle), tower).connect()).login("rose")
    await rose.ask("get", "<query xmlns='jabber:iq:version'/>", GARDEN)
    await call(castle, "remove_host", tower)
    await rose.closed()
    await rose.close()
    late = await (await ScriptedClient(port_of(garden), GARDEN).connect()).login("juliet")
    answer = await late.ask("get", "<query xmlns='jabber:iq:version'/>", tower)
    assert answer.get("type") == "error"
    assert [each for each in await call(castle, "list_s2s") if each.local == tower] == []
    await late.close()
