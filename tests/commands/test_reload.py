"""Server.reload: other settings take effect while sessions stay, or nothing changes at all."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bench.ports import free_port

from burble import modules
from burble.config import Address, ConfigError, Listen
from burble.listeners import ListenError
from burble.module import Module, ModuleSettings, command
from burble.server import Server
from burble.testing import port_of, settings
from burble.tls import TlsError, self_signed
from tests.client import ScriptedClient, condition


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(settings(tmp_path)) as server:
        await server.hosts["localhost"].register("juliet", "secret")
        yield server


@pytest.fixture
async def juliet(server: Server) -> AsyncIterator[ScriptedClient]:
    client = await (await ScriptedClient(port_of(server)).connect()).login("juliet", resource="balcony")
    yield client
    await client.close()


def changed(server: Server, **changes: Any) -> Any:
    return settings(server.settings.data_dir, **changes)


async def test_a_session_outlives_a_reload_and_gets_the_new_limits(
    server: Server, juliet: ScriptedClient
) -> None:
    assert await server.reload(changed(server, limits={"resources_per_account": 1})) == []
    await juliet.sync()
    other = await ScriptedClient(port_of(server)).connect()
    await other.open()
    await other.authenticate("juliet", "secret")
    await other.open()
    assert condition(await other.bind("phone")) == "resource-constraint"
    await other.close()
    await server.reload(changed(server, limits={"elements": 3}))
    third = await (await ScriptedClient(port_of(server)).connect()).login("juliet")
    third.write("<message><a/><b/><c/><d/></message>")
    assert condition((await third.closed())[-1]) == "policy-violation"
    await third.close()


async def test_hosts_come_and_go(server: Server, juliet: ScriptedClient) -> None:
    """RFC 6120 §4.9.3.5: the sessions of a host that goes are told so, the others stay."""
    await server.reload(changed(server, hosts=["localhost", "garden.example"]))
    await server.hosts["garden.example"].register("rose", "secret")
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            client = await ScriptedClient(port_of(server), "garden.example").connect()
            stack.push_async_callback(client.close)
            clients.append(client)
        rose, stranger = clients
        await rose.login("rose")
        await stranger.open()
        await server.reload(changed(server))
        assert condition((await rose.closed())[-1]) == "host-gone"
        assert condition((await stranger.closed())[-1]) == "host-gone"
    await juliet.sync()
    late = await ScriptedClient(port_of(server), "garden.example").connect()
    late.write(
        "<stream:stream to='garden.example' xmlns='jabber:client' version='1.0'"
        " xmlns:stream='http://etherx.jabber.org/streams'>"
    )
    assert condition((await late.closed())[-1]) == "host-unknown"
    await late.close()


async def test_listeners_come_and_go(server: Server, juliet: ScriptedClient) -> None:
    first = server.addresses
    await server.reload(changed(server, listen={"c2s": ["127.0.0.1:0", "127.0.0.2:0"]}))
    assert server.addresses[0] == first[0]
    host, _, port = server.addresses[1].rpartition(":")
    assert host == "127.0.0.2"
    (await asyncio.open_connection(host, int(port)))[1].close()
    await server.reload(changed(server, listen={"c2s": ["127.0.0.2:0"]}))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(first[0].rpartition(":")[2]))
    await juliet.sync()


async def test_an_address_in_use_leaves_everything_as_it_was(server: Server, juliet: ScriptedClient) -> None:
    before, settings_before = server.addresses, server.settings
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"can't listen on {address}: another program listens there"):
            await server.reload(
                changed(server, hosts=["garden.example"], listen={"c2s": [f"127.0.0.2:{free}", address]})
            )
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", free)
    assert (server.addresses, server.settings, list(server.hosts)) == (before, settings_before, ["localhost"])
    await juliet.sync()


async def test_a_default_address_that_the_machine_lacks_is_left_out(server: Server) -> None:
    """So a server starts without settings where there is no IPv6; an address somebody asked for is needed."""
    lacking = [Address("127.0.0.1", 0), Address("192.0.2.1", 0)]  # RFC 5737: nobody's address
    named = server.settings.model_copy(update={"listen": Listen(c2s=lacking, c2s_tls=[], s2s=[])})
    with pytest.raises(ListenError, match=r"192.0.2.1:0: this machine does not have that address"):
        await server.reload(named)
    by_default = Listen.model_construct(set(), c2s=lacking, c2s_tls=[], s2s=[])
    await server.reload(server.settings.model_copy(update={"listen": by_default}))
    assert len(server.addresses) == 1


async def test_a_certificate_that_cannot_be_used_leaves_everything_as_it_was(
    server: Server, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    before = server.settings
    with pytest.raises(TlsError, match="holds no PEM certificate"):
        await server.reload(
            changed(
                server,
                hosts=["localhost", "garden.example"],
                tls={"certificate": wrong, "key": wrong, "require": False},
            )
        )
    assert server.settings is before
    assert list(server.hosts) == ["localhost"]


async def test_a_new_certificate_is_shown_to_the_next_client(server: Server, tmp_path: Path) -> None:
    async def shown() -> bytes | None:
        client = await ScriptedClient(port_of(server)).connect()
        await client.open()
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await client.start_tls(context)
        certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        await client.close()
        return bytes(certificate)

    before = await shown()
    own = self_signed(tmp_path / "own", ["localhost"])
    await server.reload(
        changed(server, tls={"certificate": own.certificate, "key": own.key, "require": False})
    )
    assert await shown() != before


async def test_what_needs_a_restart_is_said_and_left(server: Server, tmp_path: Path) -> None:
    other = settings(tmp_path / "elsewhere", database={"pool_size": 9})
    assert await server.reload(other) == [
        "data_dir takes effect with the next start",
        "database takes effect with the next start",
    ]
    assert server.settings.data_dir == tmp_path
    assert server.settings.database.pool_size == 5


class Echo(Module):
    name = "echo"
    log: list[str] = []

    class Settings(ModuleSettings):
        word: str = "echo"
        breaks: bool = False

    async def start(self) -> None:
        if self.settings.breaks:
            raise RuntimeError("no more echo")
        type(self).log.append(f"start {self.settings.word}")

    async def stop(self) -> None:
        type(self).log.append("stop")

    @command(tags=["echo"])
    def shout(self, host: str) -> str:
        """Say the word."""
        return str(self.settings.word)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A third-party module, installed for one test."""
    from importlib.metadata import EntryPoint

    home = ModuleType("burble_echo")
    home.Echo = Echo
    monkeypatch.setitem(sys.modules, "burble_echo", home)
    point = EntryPoint("echo", "burble_echo:Echo", "burble.modules")
    monkeypatch.setattr(modules, "_entry_points", lambda: {"echo": point})
    Echo.log = []
    return Echo.log


async def test_modules_load_change_and_unload(server: Server, echo: list[str]) -> None:
    from burble.commands import ADMIN, Caller, UnknownCommand

    caller = Caller("test", frozenset({ADMIN}))
    await server.reload(changed(server, modules={"load": ["echo"]}))
    assert await server.commands.call("shout", ["localhost"], caller) == "echo"
    await server.reload(changed(server, modules={"load": ["echo"], "echo": {"word": "hello"}}))
    assert await server.commands.call("shout", ["localhost"], caller) == "hello"
    assert echo == ["start echo"]  # the same module, which has kept what it knows
    await server.reload(changed(server))
    assert echo == ["start echo", "stop"]
    assert "echo" not in server.hosts["localhost"].modules
    with pytest.raises(UnknownCommand):
        await server.commands.call("shout", ["localhost"], caller)


async def test_a_module_that_does_not_start_is_told_of_and_the_rest_takes_effect(
    server: Server, juliet: ScriptedClient, echo: list[str]
) -> None:
    notes = await server.reload(
        changed(
            server,
            hosts=["localhost", "garden.example"],
            modules={"load": ["echo"], "echo": {"breaks": True}},
        )
    )
    assert notes == [
        "module echo of localhost could not be loaded: no more echo",
        "module echo of garden.example could not be loaded: no more echo",
    ]
    assert list(server.hosts) == ["localhost", "garden.example"]
    await juliet.sync()


async def test_wrong_options_of_a_module_leave_everything_as_it_was(server: Server, echo: list[str]) -> None:
    with pytest.raises(
        ConfigError, match=r'host.localhost.modules.echo.wrod: unknown key; did you mean "word"'
    ):
        await server.reload(changed(server, modules={"load": ["echo"], "echo": {"wrod": "x"}}))
    assert "echo" not in server.hosts["localhost"].modules
