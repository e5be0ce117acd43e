"""Sessions that wait for their clients outlive a clean restart of the server."""

from __future__ import annotations

import time

from sqlalchemy import update

from burble.server import Server
from burble.storage import Database
from burble.storage.schema import hibernated_sessions
from tests.client import CLIENT, STREAMS, ScriptedClient, condition
from tests.conftest import Serve
from tests.im.scripts import ROSTER, befriend, query, said
from tests.management.words import (
    QUIET,
    SM,
    acknowledge,
    ask,
    available,
    bodies,
    drop,
    enable,
    everything,
    failure,
    login,
    managed,
    resume,
    write,
)


async def start(serve: Serve, url: str, *, users: bool = True) -> Server:
    server = await serve(database={"url": url}, modules={"stream_management": QUIET})
    for user in ("juliet", "romeo") if users else ():
        await server.hosts["localhost"].register(user, "secret")
    return server


async def connected(server: Server, user: str, resource: str) -> ScriptedClient:
    client = await login(server, user)
    await client.bind(resource)
    return client


async def test_clients_go_on_after_a_restart(serve: Serve, database_url: str) -> None:
    """One that was away and one that was there: counters, queue, presence and roster pushes go on."""
    first = await start(serve, database_url)
    juliet = await connected(first, "juliet", "balcony")
    romeo = await connected(first, "romeo", "orchard")
    await befriend(juliet, romeo)
    hers, his = await enable(juliet), await enable(romeo)
    await juliet.ask("get", query())
    await juliet.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    await available(juliet)
    await available(romeo)
    await everything(juliet)
    await everything(romeo)
    had = len(managed(first, "romeo").queue)
    write(romeo, "juliet@localhost/balcony", "1")
    await romeo.sync()
    await drop(first, juliet)
    write(romeo, "juliet@localhost/balcony", "2")
    sent = await ask(romeo)
    juliet_had = len(managed(first, "juliet").queue) - 2  # all but the two messages
    await first.stop()
    assert condition(await romeo.find(lambda e: e.tag == f"{STREAMS}error")) == "system-shutdown"

    second = await start(serve, database_url, users=False)
    (session,) = second.hosts["localhost"].sessions.of("juliet")
    assert session.presence is not None
    assert not session.connected
    romeo, answer = await resume(second, "romeo", his, had + 1)
    assert (answer.tag, answer.get("h")) == (f"{SM}resumed", str(sent))
    assert await bodies(romeo) == []
    write(romeo, "juliet@localhost/balcony", "3")
    await romeo.sync()
    juliet, answer = await resume(second, "juliet", hers, juliet_had)
    assert answer.tag == f"{SM}resumed"
    assert await bodies(juliet) == ["1", "2", "3"]
    # Both are as available to each other as they were, and hear of changes to their rosters.
    await everything(romeo)
    juliet.write("<presence><show>away</show></presence>")
    assert said((await everything(juliet))[0])[0] == "juliet@localhost/balcony"
    assert said((await everything(romeo))[0]) == ("juliet@localhost/balcony", "", "romeo@localhost")
    other = await connected(second, "juliet", "chamber")
    await other.ask("set", query("<item jid='nurse@localhost'/>"))
    await other.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='tybalt@localhost'/></block>")
    pushes = {e[0].tag for e in await everything(juliet) if e.get("type") == "set"}
    assert pushes == {f"{ROSTER}query", "{urn:xmpp:blocking}block"}
    for client in (other, juliet, romeo):
        await client.close()


async def test_the_time_goes_on_while_the_server_is_down(serve: Serve, database_url: str) -> None:
    """A session whose time was over meanwhile is over: its messages are kept for later."""
    first = await start(serve, database_url)
    juliet, romeo = await connected(first, "juliet", "balcony"), await connected(first, "romeo", "orchard")
    id = await enable(juliet)
    await available(juliet)
    await drop(first, juliet)
    write(romeo, "juliet@localhost", "1")
    await romeo.sync()
    await first.stop()
    database = Database.open(database_url)
    await database.start()
    await database.execute(update(hibernated_sessions).values(expires=int(time.time()) - 1))
    await database.stop()

    second = await start(serve, database_url, users=False)
    assert not second.hosts["localhost"].sessions.of("juliet")
    client, answer = await resume(second, "juliet", id, 0)
    assert failure(answer) == "item-not-found"
    await client.bind("balcony")
    assert await bodies(await available(client)) == ["1"]
    await client.close()


async def test_what_a_client_did_not_acknowledge_of_messages_kept_for_later(
    serve: Serve, database_url: str
) -> None:
    """They are sent again after the restart, once."""
    first = await start(serve, database_url)
    romeo = await connected(first, "romeo", "orchard")
    write(romeo, "juliet@localhost", *"123")
    await romeo.sync()
    juliet = await connected(first, "juliet", "balcony")
    id = await enable(juliet)
    await available(juliet)
    acknowledge(juliet, 1)
    await juliet.sync()
    await first.stop()
    second = await start(serve, database_url, users=False)
    juliet, answer = await resume(second, "juliet", id, 1)
    assert answer.tag == f"{SM}resumed"
    assert await bodies(juliet) == ["2", "3"]
    juliet.write("</stream:stream>")
    await juliet.stream_end()
    juliet = await connected(second, "juliet", "balcony")
    assert await bodies(await available(juliet)) == ["2", "3"]
    await juliet.close()


async def test_a_restored_session_is_stored_again(serve: Serve, database_url: str) -> None:
    """Over two restarts without its client, it neither loses nor doubles anything."""
    server = await start(serve, database_url)
    juliet, romeo = await connected(server, "juliet", "balcony"), await connected(server, "romeo", "orchard")
    id = await enable(juliet)
    write(romeo, juliet.jid, "0")
    for number in range(1, 3):
        await romeo.sync()
        await server.stop()
        server = await start(serve, database_url, users=False)
        romeo = await connected(server, "romeo", f"orchard{number}")
        write(romeo, "juliet@localhost/balcony", str(number))
        await romeo.sync()
    juliet, answer = await resume(server, "juliet", id, 0)
    assert answer.tag == f"{SM}resumed"
    assert await bodies(juliet) == ["0", "1", "2"]
    acknowledge(juliet, 3)
    await juliet.sync()
    await juliet.close()


async def test_directed_presence_ends_with_the_session(serve: Serve, database_url: str) -> None:
    """RFC 6121 §4.6.3, though the server was restarted between the two."""
    first = await start(serve, database_url)
    juliet = await connected(first, "juliet", "balcony")
    id = await enable(juliet)
    juliet.write("<presence to='romeo@localhost/orchard'/>")
    await juliet.sync()
    await first.stop()
    second = await start(serve, database_url, users=False)
    romeo = await connected(second, "romeo", "orchard")
    juliet, _ = await resume(second, "juliet", id, 0)
    juliet.write("</stream:stream>")
    presence = await romeo.find(lambda e: e.tag == f"{CLIENT}presence")
    assert said(presence) == ("juliet@localhost/balcony", "unavailable", "romeo@localhost/orchard")
    await romeo.close()
    await juliet.close()
