"""The commands of the server itself, called through its registry."""

from __future__ import annotations

from typing import Any

import pytest

from burble import __version__
from burble.commands import ADMIN, Caller, CommandFailed, WrongArguments
from burble.commands.server import Status
from burble.server import Server
from tests.client import SASL, condition
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def test_a_registered_account_can_log_in(server: Server, connect: Connect) -> None:
    said = await call(server, "register", "Mercutio", "localhost", "queen mab")
    assert said == "User mercutio@localhost successfully registered"
    client = await connect()
    await client.open()
    assert (await client.authenticate("mercutio", "queen mab")).tag == f"{SASL}success"


async def test_register_refuses_what_is_there_already(server: Server) -> None:
    with pytest.raises(CommandFailed, match="juliet@localhost is already registered"):
        await call(server, "register", "juliet", "localhost", "other")


async def test_register_refuses_a_password_that_cannot_be_typed(server: Server) -> None:
    with pytest.raises(WrongArguments, match=r"^password: "):
        await call(server, "register", "mercutio", "localhost", "bell\a")


@pytest.mark.parametrize("name", ["registered_users", "unregister", "register"])
async def test_hosts_served_elsewhere_are_refused(server: Server, name: str) -> None:
    texts = {"registered_users": [], "unregister": ["a"], "register": ["a"]}[name]
    more = ["pw"] if name == "register" else []
    with pytest.raises(CommandFailed, match=r"elsewhere.example is not served here; the hosts are localhost"):
        await call(server, name, *texts, "elsewhere.example", *more)


async def test_unregister_ends_the_sessions(server: Server, connect: Connect) -> None:
    client = await connect("juliet/balcony")
    await call(server, "unregister", "juliet", "localhost")
    assert condition((await client.closed())[-1]) == "not-authorized"
    assert await call(server, "registered_users", "localhost") == ["nurse", "romeo"]
    with pytest.raises(CommandFailed, match="there is no account juliet@localhost"):
        await call(server, "unregister", "juliet", "localhost")


async def test_who_is_connected(server: Server, connect: Connect) -> None:
    assert await call(server, "connected_users") == []
    await connect("romeo/orchard")
    await connect("juliet/balcony")
    assert await call(server, "connected_users") == ["juliet@localhost/balcony", "romeo@localhost/orchard"]
    assert await call(server, "connected_users_number") == 2


async def test_status(server: Server, connect: Connect) -> None:
    await connect("romeo/orchard")
    status = await call(server, "status")
    assert isinstance(status, Status)
    assert (status.version, status.hosts, status.addresses, status.connected_users) == (
        __version__,
        ["localhost"],
        server.addresses,
        1,
    )
    assert 0 <= status.uptime < 60


async def test_reload_needs_a_settings_file(server: Server) -> None:
    with pytest.raises(CommandFailed, match="not started from a settings file"):
        await call(server, "reload")


async def test_stop(server: Server, connect: Connect) -> None:
    client = await connect("romeo/orchard")
    await call(server, "stop")
    assert condition((await client.closed())[-1]) == "system-shutdown"
    await client.close()
    await server.wait_stopped()


async def test_every_command_has_a_summary_an_example_and_words_for_each_argument(server: Server) -> None:
    for each in server.commands:
        assert each.doc.summary, each.name
        assert each.doc.examples, each.name
        assert all(argument.help for argument in each.arguments), each.name
        assert all(example.split()[0] == each.name for example in each.doc.examples), each.name


async def test_help_finds_by_pattern(server: Server) -> None:
    assert [each.name for each in await call(server, "help", "connected-users-n*")] == [
        "connected_users_number"
    ]
    (register,) = await call(server, "help", "register")
    assert [argument.name for argument in register.arguments] == ["user", "host", "password"]
    with pytest.raises(CommandFailed, match="did you mean register"):
        await call(server, "help", "regster")
