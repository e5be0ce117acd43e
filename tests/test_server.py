"""The server as a whole: two people chat, and it stops when all is done."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path

from sqlalchemy import select

from burble.routing.events import PresenceSent
from burble.server import Server
from burble.storage.schema import accounts
from burble.testing import serving
from tests.client import STREAMS
from tests.conftest import Connect


async def test_a_message_reaches_a_full_jid(connect: Connect) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    romeo.write(
        "<message to='juliet@localhost/balcony' type='chat' id='m1'><body>hi &amp; hello</body></message>"
    )
    message = await juliet.next()
    assert message.get("from") == "romeo@localhost/orchard"
    assert message.find("{jabber:client}body").text == "hi & hello"


async def test_a_stop_waits_for_what_a_stanza_has_begun(server: Server, connect: Connect) -> None:
    """The database stays open until handlers are done with it, though the connection is gone."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    found: list[str] = []

    async def handle(event: PresenceSent) -> None:
        begun.set()
        await go_on.wait()
        found.extend(row.user for row in await server.database.fetch(select(accounts.c.user)))

    server.hosts["localhost"].hooks.on(PresenceSent, handle)
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    await begun.wait()
    stopping = asyncio.ensure_future(server.stop())
    assert (await juliet.closed())[-1].tag == f"{STREAMS}error"
    await juliet.close()
    done, _ = await asyncio.wait({stopping}, timeout=0.5)
    assert not done
    go_on.set()
    await stopping
    assert "juliet" in found


async def test_a_stopped_server_is_forgotten(tmp_path: Path, database_url: str) -> None:
    """A process may start and stop many: none leaves its database, its hosts or what they know in memory."""
    async with serving(tmp_path, database={"url": database_url}) as server:
        await server.hosts["localhost"].register("juliet", "secret")
        known = [weakref.ref(each) for each in (server, server.database, server.hosts["localhost"])]
    del server
    gc.collect()
    assert [reference() for reference in known] == [None] * 3
