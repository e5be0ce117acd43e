"""Commands about message archives."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed, WrongArguments
from burble.server import Server
from tests.client import ScriptedClient
from tests.conftest import Connect
from tests.modules.archives import search
from tests.modules.test_archive_erasing import age, say, stanzas
from tests.muc.stage import COVEN, INSTANT

CALLER = Caller("test", frozenset({ADMIN}))
BATCH = "delete_old_mam_messages_batch"


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


@pytest.fixture
async def juliet(server: Server, connect: Connect) -> ScriptedClient:
    """Has said something to Romeo and her nurse; of it two messages are old."""
    client = await connect("juliet")
    say(client, "romeo", "one", "two", "three")
    say(client, "nurse", "four")
    await client.sync()
    await age(server, "juliet", 10, 2)
    return client


async def test_an_archive_is_counted_and_listed(server: Server, juliet: ScriptedClient) -> None:
    assert await call(server, "get_mam_count", "juliet", "localhost") == 4
    assert await call(server, "get_mam_count", "romeo", "localhost") == 3
    first, *_, last = await call(server, "get_mam_messages", "juliet", "localhost")
    assert (first.from_, first.to) == (juliet.jid, "romeo@localhost")
    assert "<body>one</body>" in first.packet
    assert first.time < last.time
    assert "<body>four</body>" in last.packet


async def test_old_messages_are_deleted(server: Server, juliet: ScriptedClient) -> None:
    await call(server, "delete_old_mam_messages", "groupchat", "9")
    await call(server, "delete_old_mam_messages", "chat", "11")
    assert await call(server, "get_mam_count", "juliet", "localhost") == 4
    await call(server, "delete_old_mam_messages", "all", "9")
    assert (await search(juliet)).bodies == ["three", "four"]
    assert await stanzas(server) == 2
    await call(server, "delete_old_mam_messages", "chat", "0")
    assert await stanzas(server) == 0


async def test_the_archives_of_rooms_are_another_matter(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    juliet.write(f"<presence to='{COVEN}/j'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    form = INSTANT.replace("/>", "><field var='muc#roomconfig_persistentroom'><value>1</value></field></x>")
    await juliet.ask("set", f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", COVEN)
    juliet.write(f"<message to='{COVEN}' type='groupchat'><body>in the room</body></message>")
    say(juliet, "romeo", "one")
    await juliet.sync()
    assert len((await search(juliet, to=COVEN)).results) == 1
    await call(server, "delete_old_mam_messages", "groupchat", "0")
    assert (await search(juliet, to=COVEN)).results == []
    assert (await search(juliet)).bodies == ["one"]


async def test_old_messages_are_deleted_bit_by_bit(server: Server, juliet: ScriptedClient) -> None:
    status = "delete_old_mam_messages_status"
    assert await call(server, status, "localhost") == "Operation not started"
    assert await call(server, "abort_delete_old_mam_messages", "localhost") == "No task running"
    # At this rate it takes hours, but for the first piece.
    assert await call(server, BATCH, "localhost", "all", "0", "2", "1") == ""
    while await call(server, status, "localhost") != "Operation in progress, deleted 2 messages":
        await juliet.sync()
    with pytest.raises(CommandFailed, match="in progress"):
        await call(server, BATCH, "localhost", "all", "0", "2", "1")
    assert await call(server, "abort_delete_old_mam_messages", "localhost") == "Operation aborted"
    assert await call(server, status, "localhost") == "Operation was aborted after deleting 2 messages"
    assert (await search(juliet)).bodies == ["two", "three", "four"]
    await call(server, BATCH, "localhost", "chat", "0", "1000", "100000000")
    while await call(server, status, "localhost") != "Operation was completed after deleting 6 messages":
        await juliet.sync()
    assert await stanzas(server) == 0


async def test_a_server_that_stops_waits_for_no_deletion(server: Server, juliet: ScriptedClient) -> None:
    await call(server, BATCH, "localhost", "all", "0", "2", "1")  # the fixture stops it


async def test_an_archive_is_erased_for_its_owner_alone(
    server: Server, connect: Connect, juliet: ScriptedClient
) -> None:
    await call(server, "remove_mam_for_user_with_peer", "juliet", "localhost", "romeo@localhost/x")
    assert (await search(juliet)).bodies == ["four"]
    await call(server, "remove_mam_for_user", "juliet", "localhost")
    assert (await search(juliet)).bodies == []
    romeo = await connect("romeo")
    assert (await search(romeo)).bodies == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("delete_old_mam_messages", ("some", "1")),
        ("delete_old_mam_messages", ("all", "-1")),
        (BATCH, ("localhost", "all", "1", "0", "1")),
        (BATCH, ("localhost", "all", "1", "1", "0")),
        ("remove_mam_for_user_with_peer", ("juliet", "localhost", "@")),
    ],
)
async def test_arguments_that_make_no_sense(server: Server, name: str, arguments: tuple[str, ...]) -> None:
    with pytest.raises(WrongArguments):
        await call(server, name, *arguments)


async def test_accounts_and_hosts_that_are_not_there(server: Server) -> None:
    for name in ("get_mam_count", "get_mam_messages", "remove_mam_for_user"):
        with pytest.raises(Exception, match="nobody"):
            await call(server, name, "nobody", "localhost")
    with pytest.raises(CommandFailed, match="not served"):
        await call(server, "delete_old_mam_messages_status", "example.org")
