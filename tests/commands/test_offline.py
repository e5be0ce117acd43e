"""Commands about messages that are kept for accounts."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from burble.commands import CommandFailed
from burble.server import Server
from burble.storage.schema import offline_messages
from tests.client import ScriptedClient
from tests.commands.calling import call
from tests.conftest import Connect
from tests.modules.letters import bodies, kept, write

DAY = 86_400


@pytest.fixture
async def romeo(connect: Connect) -> ScriptedClient:
    return await connect("romeo/orchard")


async def keep(server: Server, romeo: ScriptedClient, *texts: str, days: int = 0, extra: str = "") -> None:
    """Have messages kept for juliet, some days ago."""
    for text in texts:
        write(romeo, text, extra=extra)
    await romeo.sync()
    await server.database.batch.flush()
    if days:
        column = offline_messages.c.stored_at
        await server.database.execute(
            update(offline_messages).where(column > 10**9).values(stored_at=column - days * DAY)
        )


async def test_what_is_kept_is_listed(server: Server, romeo: ScriptedClient) -> None:
    await keep(server, romeo, "one", "two")
    assert await call(server, "get_offline_count", "juliet", "localhost") == 2
    found = await call(server, "get_offline_messages", "juliet", "localhost")
    assert [(from_, to) for _, from_, to, _ in found] == [("romeo@localhost/orchard", "juliet@localhost")] * 2
    assert ["<body>one</body>" in packet for *_, packet in found] == [True, False]
    with pytest.raises(CommandFailed, match="there is no account tybalt@localhost"):
        await call(server, "get_offline_messages", "tybalt", "localhost")


async def test_old_messages_are_deleted(server: Server, connect: Connect, romeo: ScriptedClient) -> None:
    await keep(server, romeo, "old", "older", days=10)
    await keep(server, romeo, "new")
    assert await call(server, "delete_old_messages", "11") == "0 messages deleted"
    assert await call(server, "delete_old_messages", "9") == "2 messages deleted"
    assert kept(server) == 1
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert await bodies(juliet) == ["new"]


async def test_expired_messages_are_deleted(server: Server, connect: Connect, romeo: ScriptedClient) -> None:
    await keep(server, romeo, "stale", extra="<x xmlns='jabber:x:expire' seconds='0'/>")
    await keep(server, romeo, "fresh", extra="<x xmlns='jabber:x:expire' seconds='600'/>")
    await keep(server, romeo, "lasting")
    assert await call(server, "delete_expired_messages") == "1 messages deleted"
    assert kept(server) == 2
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert await bodies(juliet) == ["fresh", "lasting"]


async def test_expired_messages_are_not_delivered(
    server: Server, connect: Connect, romeo: ScriptedClient
) -> None:
    await keep(server, romeo, "stale", extra="<x xmlns='jabber:x:expire' seconds='0'/>")
    await keep(server, romeo, "odd", extra="<x xmlns='jabber:x:expire' seconds='soon'/>")
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert await bodies(juliet) == ["odd"]


async def status(server: Server, *texts: str) -> str:
    """What is said of the deletion as soon as it is one of these texts; it goes on by itself."""
    for _ in range(500):
        said: str = await call(server, "delete_old_messages_status", "localhost")
        if any(text in said for text in texts):
            return said
        await asyncio.sleep(0.01)
    raise AssertionError(said)


async def test_little_by_little(server: Server, romeo: ScriptedClient) -> None:
    assert await call(server, "delete_old_messages_status", "localhost") == "Operation not started"
    await keep(server, romeo, *map(str, range(7)), days=10)
    await call(server, "delete_old_messages_batch", "localhost", "9", "2", "1000000")
    assert await status(server, "completed") == "Operation completed, 7 messages deleted"
    assert kept(server) == 0
    assert await call(server, "abort_delete_old_messages", "localhost") == "No task running"


async def test_it_is_slow_where_it_is_told_to(server: Server, romeo: ScriptedClient) -> None:
    await keep(server, romeo, *map(str, range(7)), days=10)
    slowly = ("delete_old_messages_batch", "localhost", "9", "2", "1")
    await call(server, *slowly)
    await status(server, "Operation in progress, 2 messages deleted")
    with pytest.raises(CommandFailed, match="Operation in progress"):
        await call(server, *slowly)
    assert await call(server, "abort_delete_old_messages", "localhost") == "Operation aborted"
    assert await status(server, "aborted") == "Operation aborted, 2 messages deleted"
    assert kept(server) == 5


async def test_the_server_stops_in_the_midst_of_it(server: Server, romeo: ScriptedClient) -> None:
    await keep(server, romeo, *map(str, range(7)), days=10)
    await call(server, "delete_old_messages_batch", "localhost", "9", "2", "1")
    async with asyncio.timeout(10):
        await server.stop()
