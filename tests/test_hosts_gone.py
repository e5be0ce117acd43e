"""A host that is served no longer while the server goes on: who is told, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from burble.config import ConfigError
from burble.errors import StreamError
from burble.hooks import Event
from burble.module import Module
from burble.modules.muc import Muc
from burble.modules.muc.config import RoomConfig
from burble.routing.events import HostStopping
from burble.server import Server
from burble.testing import port_of, serving, settings
from tests.client import CLIENT, ScriptedClient, condition
from tests.commands.calling import call

Connect = Callable[..., Awaitable[ScriptedClient]]
GARDEN = "garden.example"
ROOM = f"roses@conference.{GARDEN}"
SM = "urn:xmpp:sm:3"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with the accounts juliet@localhost and rose@garden.example."""
    async with serving(tmp_path, hosts=["localhost", GARDEN]) as server:
        await server.hosts["localhost"].register("juliet", "secret")
        await server.hosts[GARDEN].register("rose", "secret")
        yield server


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Connect]:
    clients: list[ScriptedClient] = []

    async def make(user: str, host: str) -> ScriptedClient:
        client = await ScriptedClient(port_of(server), host).connect()
        clients.append(client)
        return await client.login(user)

    yield make
    for client in clients:
        await client.close()


async def leave_out(server: Server, *hosts: str) -> list[str]:
    """Reload with other hosts than before."""
    return await server.reload(settings(server.settings.data_dir, hosts=list(hosts)))


async def until(client: ScriptedClient, wanted: Callable[[Any], bool]) -> Any:
    """The next stanza that is wanted."""
    while not wanted(stanza := await client.next()):
        pass
    return stanza


def gone(sender: str) -> Callable[[Any], bool]:
    return lambda stanza: (stanza.get("type"), stanza.get("from")) == ("unavailable", sender)


async def befriend(server: Server) -> None:
    """Let juliet see the presence of rose."""
    await call(server, "add_rosteritem", "juliet", "localhost", "rose", GARDEN, "Rose", "", "to")
    await call(server, "add_rosteritem", "rose", GARDEN, "juliet", "localhost", "Juliet", "", "from")


async def test_contacts_on_other_hosts_see_its_users_leave(server: Server, connect: Connect) -> None:
    await befriend(server)
    juliet, rose = await connect("juliet", "localhost"), await connect("rose", GARDEN)
    juliet.write("<presence/>")
    rose.write("<presence/>")
    await until(juliet, lambda stanza: stanza.get("from") == rose.jid and stanza.get("type") is None)
    assert await leave_out(server, "localhost") == []
    await until(juliet, gone(rose.jid))


async def test_sessions_that_wait_for_their_clients_end_too(server: Server, connect: Connect) -> None:
    """XEP-0198: a stop of the server would keep them, but here the rest of the world goes on."""
    await befriend(server)
    juliet, rose = await connect("juliet", "localhost"), await connect("rose", GARDEN)
    juliet.write("<presence/>")
    rose.write(f"<presence/><enable xmlns='{SM}' resume='true'/>")
    await until(juliet, lambda stanza: stanza.get("from") == rose.jid and stanza.get("type") is None)
    await until(rose, lambda stanza: stanza.tag == f"{{{SM}}}enabled")
    await rose.close()
    assert len(server.hosts[GARDEN].sessions) == 1
    assert await leave_out(server, "localhost") == []
    await until(juliet, gone(rose.jid))
    assert await leave_out(server, "localhost", GARDEN) == []
    assert len(server.hosts[GARDEN].sessions) == 0


async def test_occupants_of_its_rooms_are_told(server: Server, connect: Connect) -> None:
    rooms = server.hosts[GARDEN].modules["muc"]
    assert isinstance(rooms, Muc)
    await rooms.create("roses", RoomConfig())
    juliet = await connect("juliet", "localhost")
    juliet.write(f"<presence to='{ROOM}/J'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await until(juliet, lambda stanza: stanza.tag == f"{CLIENT}message")
    await leave_out(server, "localhost")
    await until(juliet, gone(f"{ROOM}/J"))
    juliet.write(f"<message to='{ROOM}' type='groupchat' id='late'><body>?</body></message>")
    answer = await until(juliet, lambda stanza: stanza.get("id") == "late")
    assert condition(answer) == "remote-server-not-found"


async def test_nobody_logs_in_while_it_goes(server: Server, connect: Connect) -> None:
    found: list[object] = []

    def look(event: Event) -> None:
        try:
            found.append(server.client_host(GARDEN))
        except StreamError as error:
            found.append(error)

    server.hosts[GARDEN].hooks.on(HostStopping, look)
    await leave_out(server, "localhost")
    assert found == [None]


async def test_its_data_is_there_when_it_comes_back(server: Server, connect: Connect) -> None:
    await leave_out(server, "localhost")
    await leave_out(server, "localhost", GARDEN)
    await connect("rose", GARDEN)


async def test_nothing_of_it_stays(
    server: Server, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the router, nor among the commands, nor in memory."""
    caplog.set_level(logging.ERROR, "burble")  # what is captured of a stream's log lines keeps the stream

    def commands_of_garden() -> list[str]:
        return [name for name, versions in entries.items() if any(GARDEN in e.functions for e in versions)]

    entries = {name: list(versions.values()) for name, versions in server.commands._entries.items()}
    assert commands_of_garden()
    rose = await connect("rose", GARDEN)
    rose.write(f"<presence/><presence to='{ROOM}/R'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await until(rose, lambda stanza: stanza.tag == f"{CLIENT}message")
    parts: list[Module | object] = [server.hosts[GARDEN], server.hosts[GARDEN].authenticator]
    known = [weakref.ref(part) for part in [*parts, *server.hosts[GARDEN].modules.values()]]
    parts.clear()
    await leave_out(server, "localhost")
    assert [domain for domain in server.router.domains if GARDEN in domain] == []
    assert commands_of_garden() == []
    await rose.closed()
    await rose.close()
    async with asyncio.timeout(10):  # the server may not have seen the end of her connection yet
        while [reference() for reference in known if reference() is not None]:
            await asyncio.sleep(0.05)
            gc.collect()


async def test_a_host_whose_domain_is_taken_is_told_of(server: Server) -> None:
    """Rooms have it already; at a start it is a mistake in the settings, later a sentence."""
    assert await leave_out(server, "localhost", GARDEN, "conference.localhost") == [
        "the host conference.localhost could not be made: "
        "conference.localhost is served already, by another host, a service or a component"
    ]
    assert list(server.hosts) == ["localhost", GARDEN]


async def test_two_of_one_domain_keep_a_server_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'host."conference.localhost": conference.localhost is served alr'):
        async with serving(tmp_path, hosts=["localhost", "conference.localhost"]):
            pass
