"""What is acknowledged is committed: the promise that outlives a crash."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Table, func, select

from burble.server import Server
from burble.storage.schema import archive_entries, offline_messages, unacknowledged_stanzas
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Serve
from tests.management.words import (
    NS,
    QUIET,
    SM,
    acknowledge,
    available,
    bodies,
    drop,
    enable,
    expire,
    login,
    managed,
    write,
)


async def slow(serve: Serve, **changes: object) -> Server:
    """A server that lets rows wait for others for a fifth of a second."""
    settings = {"modules": {"stream_management": QUIET}, "database": {"batch_interval": 0.2}, **changes}
    server = await serve(**settings)
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


async def rows(server: Server, table: Table) -> int:
    of_juliet = select(func.count().label("n")).where(table.c.user == "juliet")
    row = await server.database.fetch_one(of_juliet)
    assert row is not None
    return int(row.n)


async def connected(server: Server, user: str) -> ScriptedClient:
    client = await login(server, user)
    await client.bind("here")
    return client


@pytest.mark.parametrize("archived", [True, False])
async def test_an_answer_waits_for_the_commit(serve: Serve, database_url: str, archived: bool) -> None:
    """Other answers overtake it; when it comes the rows are there."""
    server = await slow(serve, database={"url": database_url, "batch_interval": 0.2})
    if not archived:
        await server.hosts["localhost"].modules["archive"].unload()
    romeo = await connected(server, "romeo")
    await enable(romeo)
    write(romeo, "juliet@localhost", "1", "2")
    romeo.write(f"<r xmlns='{NS}'/>")
    await romeo.sync()
    assert not [e for e in romeo._arrived if e.tag == f"{SM}a"]
    answer = await romeo.find(lambda e: e.tag == f"{SM}a")
    assert answer.get("h") == "2"  # as it was when the client asked
    assert await rows(server, archive_entries if archived else offline_messages) == 2
    await romeo.close()


async def test_requests_that_wait_are_answered_together(serve: Serve, database_url: str) -> None:
    server = await slow(serve, database={"url": database_url, "batch_interval": 0.1})
    romeo = await connected(server, "romeo")
    await enable(romeo)
    for number in range(10):
        write(romeo, "juliet@localhost", str(number))
        romeo.write(f"<r xmlns='{NS}'/>")
    await romeo.sync()
    first = await romeo.find(lambda e: e.tag == f"{SM}a")
    last = await romeo.find(lambda e: e.tag == f"{SM}a")
    assert (first.get("h"), last.get("h")) == ("1", "10")
    await romeo.nothing()
    await romeo.close()


async def test_a_resumption_waits_for_the_commit_too(serve: Serve, database_url: str) -> None:
    server = await slow(serve, database={"url": database_url, "batch_interval": 0.2})
    romeo = await connected(server, "romeo")
    id = await enable(romeo)
    write(romeo, "juliet@localhost", "1")
    await romeo.sync()
    assert server.database.batch.unsettled
    again = await login(server, "romeo")
    again.write(f"<resume xmlns='{NS}' previd='{id}' h='1'/>")
    assert (await again.next()).get("h") == "2"
    assert await rows(server, archive_entries) == 1
    await again.close()
    await romeo.close()


async def test_what_no_archive_has_is_stored_until_it_is_acknowledged(
    serve: Serve, database_url: str
) -> None:
    server = await slow(serve, database={"url": database_url})
    await server.hosts["localhost"].modules["archive"].unload()
    romeo, juliet = await connected(server, "romeo"), await connected(server, "juliet")
    await enable(romeo)
    await enable(juliet)
    write(romeo, juliet.jid, *"123")
    write(romeo, juliet.jid, "4", extra="<no-store xmlns='urn:xmpp:hints'/>")
    romeo.write(
        f"<message to='{juliet.jid}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    write(romeo, juliet.jid, "5", kind="headline")
    romeo.write(f"<r xmlns='{NS}'/>")
    await romeo.find(lambda e: e.tag == f"{SM}a")
    assert await rows(server, unacknowledged_stanzas) == 3
    acknowledge(juliet, 2)
    await _until_rows(server, romeo, 1)
    acknowledge(juliet, 6)
    await _until_rows(server, romeo, 0)
    await romeo.close()
    await juliet.close()


async def test_what_an_archive_has_is_not(serve: Serve, database_url: str) -> None:
    server = await slow(serve, database={"url": database_url})
    romeo, juliet = await connected(server, "romeo"), await connected(server, "juliet")
    await enable(romeo)
    await enable(juliet)
    write(romeo, juliet.jid, *"123")
    romeo.write(f"<r xmlns='{NS}'/>")
    await romeo.find(lambda e: e.tag == f"{SM}a")
    assert await rows(server, unacknowledged_stanzas) == 0
    assert await rows(server, archive_entries) == 3
    await romeo.close()
    await juliet.close()


async def test_rows_of_a_session_that_is_over_are_deleted(serve: Serve, database_url: str) -> None:
    """Once its messages are kept elsewhere."""
    server = await slow(serve, database={"url": database_url})
    await server.hosts["localhost"].modules["archive"].unload()
    romeo, juliet = await connected(server, "romeo"), await connected(server, "juliet")
    await enable(juliet)
    write(romeo, juliet.jid, *"12")
    await romeo.sync()
    await drop(server, juliet)
    expire(server, "juliet")
    await server.database.batch.flush()
    await _until_rows(server, romeo, 0)
    assert await rows(server, offline_messages) == 2
    await romeo.close()


async def test_what_a_crash_leaves_is_delivered_after_it(serve: Serve, database_url: str) -> None:
    """A row of a session that nobody has any more: the message is kept for later."""
    server = await slow(serve, database={"url": database_url})
    await server.hosts["localhost"].modules["archive"].unload()
    romeo, juliet = await connected(server, "romeo"), await connected(server, "juliet")
    await enable(juliet, "")
    write(romeo, juliet.jid, *"12")
    await romeo.sync()
    await server.database.batch.flush()
    # As a crash does: nothing is done for the session, and its row is not deleted.
    counters = managed(server, "juliet")
    counters.stored_from, counters.queue = 0, []
    await romeo.close()
    await juliet.close()
    await server.stop()
    again = await serve(database={"url": database_url}, modules={"stream_management": QUIET})
    juliet = await available(await connected(again, "juliet"))
    assert await bodies(juliet) == ["1", "2"]
    await _until_rows(again, juliet, 0)
    await juliet.close()


async def _until_rows(server: Server, client: ScriptedClient, number: int) -> None:
    async with asyncio.timeout(5):
        while await rows(server, unacknowledged_stanzas) != number:
            await client.sync()


async def test_nothing_is_promised_to_who_does_not_ask(serve: Serve, database_url: str) -> None:
    """A client without stream management costs no rows."""
    server = await slow(serve, database={"url": database_url})
    await server.hosts["localhost"].modules["archive"].unload()
    romeo, juliet = await connected(server, "romeo"), await connected(server, "juliet")
    await enable(romeo)
    write(romeo, juliet.jid, "1")
    romeo.write(f"<r xmlns='{NS}'/>")
    await romeo.find(lambda e: e.tag == f"{SM}a")
    assert (await juliet.next()).findtext(f"{CLIENT}body") == "1"
    assert await rows(server, unacknowledged_stanzas) == 0
    await romeo.close()
    await juliet.close()
