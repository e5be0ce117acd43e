"""What is stored for an account goes with it, from every table."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from burble.jid import JID
from burble.modules.roster import RosterItem
from burble.routing.events import SessionClosed
from burble.server import Server
from burble.storage.schema import account_tables
from tests.conftest import Connect, Serve
from tests.im.scripts import get
from tests.modules.contacts import subscribe


async def rows(server: Server, user: str) -> dict[str, int]:
    """How many rows an account has, by table; only where it has any."""
    await server.database.batch.flush()
    found = {}
    for table in account_tables():
        count = select(func.count().label("rows")).select_from(table).where(table.c.user == user)
        row = await server.database.fetch_one(count)
        if row is not None and row.rows:
            found[table.name] = row.rows
    return found


async def test_nothing_is_left_of_a_removed_account(server: Server, connect: Connect) -> None:
    """Neither what it stored before, nor what the end of its sessions would store."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo")
    await subscribe(romeo, juliet)
    await juliet.ask("set", "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>")
    await juliet.ask("set", "<query xmlns='jabber:iq:private'><a xmlns='one'/></query>")
    host = server.hosts["localhost"]
    for session in host.sessions.of("juliet"):
        session.close()
    await connect("juliet")
    assert {"accounts", "credentials", "roster_items", "vcards", "private_xml", "last_activity"} <= set(
        await rows(server, "juliet")
    )
    closed = asyncio.Event()  # set when the handlers of the modules are done, for it comes after them
    host.hooks.on(SessionClosed, lambda event: closed.set(), priority=-100)
    await host.unregister("juliet")
    await closed.wait()
    assert await rows(server, "juliet") == {}
    assert "vcards" not in await rows(server, "romeo")


async def test_the_last_word_of_an_account_does_not_outlive_it(serve: Serve, connect: Connect) -> None:
    """A row that still waited for its batch when the account was removed is not written afterwards."""
    server = await serve(modules={"disable": ["offline"]})
    await server.hosts["localhost"].register("tybalt", "secret")
    tybalt = await connect("tybalt", to=server)
    host = server.hosts["localhost"]
    (session,) = host.sessions
    session.close()
    await host.unregister("tybalt")
    assert await rows(server, "tybalt") == {}
    await tybalt.close()


async def test_a_new_account_has_nothing_of_an_earlier_one(server: Server, connect: Connect) -> None:
    """What was under way when the earlier one was removed, and was stored after it, goes now."""
    host = server.hosts["localhost"]
    store = host.modules["roster"].store
    roster = await store.load("juliet")
    await host.unregister("juliet")
    await store.put(roster, JID.parse("romeo@localhost"), RosterItem(JID.parse("romeo@localhost")), b"")
    assert set(await rows(server, "juliet")) == {"roster_items", "roster_versions", "subscription_requests"}
    await host.register("juliet", "secret")
    assert set(await rows(server, "juliet")) == {"accounts", "credentials"}
    juliet = await connect("juliet")
    assert await get(juliet) == []
