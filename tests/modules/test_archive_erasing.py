"""Messages go out of archives: too old, too many, with their account; and are deleted when in none."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Connection, func, select, update

from burble.jid import JID
from burble.modules.archive.erasing import Eraser
from burble.modules.archive.pairs import pair
from burble.server import Server
from burble.storage.ids import first_id
from burble.storage.schema import archive_entries, archive_stanzas
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve
from tests.modules.archives import search

DAY = 86_400_000_000


async def stanzas(server: Server) -> int:
    """How many messages are stored."""
    await server.database.batch.flush()
    row = await server.database.fetch_one(select(func.count().label("n")).select_from(archive_stanzas))
    assert row is not None
    return int(row.n)


async def age(server: Server, user: str, days: int, most: int) -> None:
    """Make the oldest messages of an archive older, for all who have them."""
    await server.database.batch.flush()

    def run(connection: Connection) -> None:
        mine = select(archive_entries.c.stanza).where(archive_entries.c.user == user)
        for id in connection.execute(mine.order_by(archive_entries.c.stanza).limit(most)).scalars().all():
            older = id - first_id(days * DAY)
            for table, column in ((archive_entries, "stanza"), (archive_stanzas, "id")):
                connection.execute(update(table).where(table.c[column] == id).values({column: older}))

    await server.database.write(run)


def say(client: ScriptedClient, to: str, *bodies: str) -> None:
    for body in bodies:
        client.write(f"<message to='{to}@localhost' type='chat'><body>{body}</body></message>")


async def test_a_message_is_deleted_when_it_is_in_no_archive(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    say(juliet, "romeo", "one", "two")
    say(juliet, "nurse", "three")
    say(juliet, "juliet", "four")
    await juliet.sync()
    assert await stanzas(server) == 4
    host = server.hosts["localhost"]
    await host.unregister("juliet")
    assert await stanzas(server) == 3
    assert (await search(romeo)).bodies == ["one", "two"]
    await host.unregister("romeo")
    assert await stanzas(server) == 1


async def test_a_new_account_sees_nothing_of_an_earlier_one(server: Server, connect: Connect) -> None:
    romeo = await connect("romeo")
    say(romeo, "juliet", "one")
    await romeo.sync()
    host = server.hosts["localhost"]
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    juliet = await connect("juliet")
    say(romeo, "juliet", "two")
    await romeo.sync()
    assert (await search(juliet)).bodies == ["two"]


async def test_what_is_too_old_is_erased(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"archive": {"keep_days": 30, "erase_interval": 0.05}})
    juliet, romeo = await connect("juliet", to=server), await connect("romeo", to=server)
    say(juliet, "romeo", "one", "two", "three", "four")
    await juliet.sync()
    await age(server, "juliet", 29, 2)
    assert (await search(juliet)).bodies == ["one", "two", "three", "four"]
    await age(server, "juliet", 2, 1)
    while len((await search(juliet)).results) > 3:
        pass
    assert (await search(juliet)).bodies == ["two", "three", "four"]
    assert (await search(romeo)).bodies == ["two", "three", "four"]
    assert await stanzas(server) == 3


async def test_what_is_too_much_is_erased(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"archive": {"keep_messages": 3, "erase_interval": 0.05}})
    juliet, romeo = await connect("juliet", to=server), await connect("romeo", to=server)
    say(juliet, "romeo", "one", "two")
    say(juliet, "nurse", "three", "four", "five")
    await juliet.sync()
    while len((await search(juliet)).results) > 3:
        pass
    assert (await search(juliet)).bodies == ["three", "four", "five"]
    assert (await search(romeo)).bodies == ["one", "two"]  # that is not too much
    assert await stanzas(server) == 5


async def test_hosts_keep_as_long_as_each_of_them_wants(serve: Serve, connect: Connect) -> None:
    """What is in the archives of both goes when the second has erased it."""
    server = await serve(
        hosts=["localhost", "other.localhost"],
        host={"other.localhost": {"modules": {"archive": {"keep_days": 1, "erase_interval": 0.05}}}},
    )
    await server.hosts["other.localhost"].register("romeo", "secret")
    juliet = await connect("juliet", to=server)
    juliet.write("<message to='romeo@other.localhost'><body>one</body></message>")
    await juliet.sync()
    await age(server, "juliet", 2, 1)
    assert await stanzas(server) == 1
    romeo = await ScriptedClient(juliet.port, "other.localhost").connect()
    await romeo.login("romeo")
    while (await search(romeo)).results:
        pass
    await romeo.close()
    assert (await search(juliet)).bodies == ["one"]
    eraser = Eraser(server.database)
    assert await eraser.erase("localhost", "juliet") == 1
    assert await stanzas(server) == 0


@pytest.mark.parametrize("piece", [1, 2, 3, 500])
async def test_erasing_in_pieces_of_any_size(server: Server, connect: Connect, piece: int) -> None:
    juliet = await connect("juliet")
    say(juliet, "romeo", *map(str, range(7)))
    say(juliet, "juliet", "note")
    await juliet.sync()
    newest = int((await search(juliet)).ids[5])
    eraser = Eraser(server.database)
    erased = [number async for number in eraser.erase_before(newest, {"localhost"}, piece)]
    assert sum(erased) == 10
    assert (await search(juliet)).bodies == ["5", "6", "note"]
    assert await stanzas(server) == 3
    assert sum([number async for number in eraser.erase_before(newest + 2**50, {"example.org"}, piece)]) == 0
    assert await stanzas(server) == 3


async def test_erasing_what_went_between_two(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    say(juliet, "romeo", "one", "two")
    say(juliet, "nurse", "three")
    await juliet.sync()
    parties = pair(JID.parse("juliet@localhost"), JID.parse("romeo@localhost"))
    assert await Eraser(server.database).erase("localhost", "juliet", pair=parties) == 2
    assert (await search(juliet)).bodies == ["three"]
    assert (await search(romeo)).bodies == ["one", "two"]


async def test_ids_go_on_where_they_were_whatever_the_clock_says(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await serve()
    juliet = await connect("juliet", to=first)
    say(juliet, "romeo", "one")
    (before,) = (await search(juliet)).ids
    an_hour_ago = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr("burble.storage.ids.time.time_ns", lambda: an_hour_ago)
    second = await serve()
    juliet = await connect("juliet", to=second)
    say(juliet, "romeo", "two")
    answer = await search(juliet)
    assert answer.bodies == ["one", "two"]
    assert int(answer.ids[1]) == int(before) + 1
