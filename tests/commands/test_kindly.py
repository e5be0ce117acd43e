"""Stopping after telling everybody."""

from __future__ import annotations

import asyncio

import pytest

from burble.commands import ADMIN, Caller, CommandFailed, WrongArguments
from burble.commands.progress import Progress
from burble.namespaces import CLIENT
from burble.server import Server
from tests.client import ScriptedClient, condition, header
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))
ROOM = "ball@conference.localhost"


async def enter(client: ScriptedClient) -> None:
    """Make a room and be in it."""
    client.write(
        f"<presence to='{ROOM}/nick'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        f"<iq type='set' id='make' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    await client.find(lambda stanza: stanza.get("id") == "make")


async def refused(connect: Connect, reason: str) -> None:
    """Hold that nobody can log in, and why."""
    late = await connect()
    late.write(header())
    error = (await late.closed())[-1]
    assert condition(error) == "system-shutdown"
    assert error.findtext("{urn:ietf:params:xml:ns:xmpp-streams}text") == reason


async def test_everybody_is_told_and_then_it_ends(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await enter(romeo)
    heard: list[Progress] = []
    call = server.commands.call("stop_kindly", ["1", "Good night"], CALLER, heard.append)
    stopping = asyncio.create_task(call)
    for client in (juliet, romeo):
        told = await client.find(lambda stanza: stanza.get("type") == "headline")
        assert told.get("from") == "localhost"
        assert told.findtext(f"{{{CLIENT}}}subject") == "Server stop in 1 seconds!"
        assert told.findtext(f"{{{CLIENT}}}body") == "Good night"
    body = f"{{{CLIENT}}}body"
    said = await romeo.find(lambda stanza: stanza.get("type") == "groupchat" and bool(stanza.findtext(body)))
    assert said.get("from") == ROOM
    assert said.findtext(body) == "Server stop in 1 seconds!\nGood night"
    await refused(connect, "Good night")
    assert not stopping.done()
    for client in (juliet, romeo):
        assert condition((await client.closed())[-1]) == "system-shutdown"
        await client.close()
    await stopping
    assert heard[0] == Progress(0, 1, "seconds until the end")


async def test_the_server_goes_on_without_anybody(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await server.commands.call("evacuate_kindly", ["0", "Out!"], CALLER)
    stanzas = await juliet.closed()
    assert any(stanza.get("type") == "headline" for stanza in stanzas)
    assert condition(stanzas[-1]) == "system-shutdown"
    await refused(connect, "Out!")
    assert await server.commands.call("connected_users", [], CALLER) == []


async def test_a_restart_that_is_refused_lets_people_in_again(server: Server, connect: Connect) -> None:
    with pytest.raises(CommandFailed, match="part of a program"):
        await server.commands.call("restart_kindly", ["0", "soon"], CALLER)
    await connect("juliet/balcony")


async def test_who_stops_the_server_meanwhile_need_not_wait(server: Server) -> None:
    stopping = asyncio.create_task(server.commands.call("stop_kindly", ["3600", "Good night"], CALLER))
    await asyncio.sleep(0)
    await server.commands.call("stop", [], CALLER)
    await asyncio.wait_for(stopping, 5)
    await server.wait_stopped()


async def test_what_is_part_of_a_program_is_not_restarted(server: Server) -> None:
    for command in ("restart", "halt"):
        with pytest.raises(CommandFailed, match="part of a program"):
            await server.commands.call(command, [], CALLER)
    assert "localhost" in server.hosts


@pytest.mark.parametrize("delay", ["-1", "soon", "86401"])
async def test_a_delay_that_is_none(server: Server, delay: str) -> None:
    with pytest.raises(WrongArguments, match=r"^delay: expected"):
        await server.commands.call("stop_kindly", [delay, "bye"], CALLER)
