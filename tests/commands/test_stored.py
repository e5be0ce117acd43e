"""Commands about private XML, last logouts and messages that wait."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def test_clients_and_commands_read_the_same_private_xml(server: Server, connect: Connect) -> None:
    await call(server, "private_set", "juliet", "localhost", "<storage xmlns='storage:bookmarks'>a</storage>")
    juliet = await connect("juliet/balcony")
    query = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>{}</storage></query>"
    answer = await juliet.ask("get", query.format(""))
    assert answer.findtext(".//{storage:bookmarks}storage") == "a"
    await juliet.ask("set", query.format("b"))
    found = await call(server, "private_get", "juliet", "localhost", "storage", "storage:bookmarks")
    assert found == "<storage xmlns='storage:bookmarks'>b</storage>"
    assert await call(server, "private_get", "juliet", "localhost", "x", "y:z") == "<x xmlns='y:z'/>"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("private_set", "juliet", "localhost", "<storage"), "bad-request"),
        (("private_set", "juliet", "localhost", "<storage/>"), "namespace of its own"),
        (("private_set", "juliet", "localhost", "<a xmlns='jabber:iq:private'/>"), "namespace of its own"),
        (("private_set", "nobody", "localhost", "<a xmlns='b'/>"), "there is no account nobody"),
        (("private_get", "juliet", "localhost", "a b='c'", "d"), "the name of no element"),
        (("private_get", "juliet", "localhost", "", "d"), "the name of no element"),
        (("set_last", "juliet", "localhost", "-1", ""), "timestamp: expected"),
        (("set_last", "nobody", "localhost", "1", ""), "there is no account nobody"),
        (("get_last", "nobody", "localhost"), "there is no account nobody"),
        (("get_offline_count", "nobody", "localhost"), "there is no account nobody"),
    ],
)
async def test_what_cannot_be_done(server: Server, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        await call(server, *arguments)


async def test_last_logout_is_told_and_noted(server: Server, connect: Connect) -> None:
    assert (await call(server, "get_last", "juliet", "localhost")).status == "NOT FOUND"
    juliet = await connect("juliet/balcony")
    assert (await call(server, "get_last", "juliet", "localhost")).status == "ONLINE"
    juliet.write("<presence/><presence type='unavailable'><status>Good night</status></presence>")
    await juliet.next()
    await juliet.next()
    await call(server, "kick_user", "juliet", "localhost")
    assert (await call(server, "get_last", "juliet", "localhost")).status == "Good night"
    await call(server, "set_last", "juliet", "localhost", "86400", "Long ago")
    last = await call(server, "get_last", "juliet", "localhost")
    assert (last.timestamp, last.status) == ("1970-01-02T00:00:00Z", "Long ago")


async def test_messages_that_wait_are_counted_and_stay(server: Server, connect: Connect) -> None:
    for text in ("one", "two"):
        await call(server, "send_message_chat", "romeo@localhost", "juliet@localhost", text)
    assert await call(server, "get_offline_count", "juliet", "localhost") == 2
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert [(await juliet.next()).findtext("{jabber:client}body") for _ in range(2)] == ["one", "two"]
