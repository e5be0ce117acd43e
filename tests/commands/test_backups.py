"""Commands that write the database to a file and read it from one, while people are connected."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from burble.commands import CommandFailed, WrongArguments
from burble.commands.progress import Progress
from burble.server import Server
from burble.storage import StorageError
from tests.client import CLIENT, ScriptedClient, condition
from tests.commands.calling import CALLER, call
from tests.conftest import Connect, Serve

ROSTER = "<query xmlns='jabber:iq:roster'/>"
BLOCKLIST = "urn:xmpp:blocking"


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "saved")


async def contacts(client: ScriptedClient) -> list[str | None]:
    answer = await client.ask("get", ROSTER)
    return sorted(item.get("jid") or "" for item in answer.iter("{jabber:iq:roster}item"))


async def add_contact(client: ScriptedClient, jid: str) -> None:
    await client.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{jid}'/></query>")


async def say(client: ScriptedClient, to: str, text: str) -> None:
    client.write(f"<message to='{to}' type='chat'><body>{text}</body></message>")
    await client.sync()


async def kept(client: ScriptedClient) -> list[str | None]:
    """Become available, and read what was kept."""
    client.write("<presence/>")
    client.write("<iq type='get' id='end' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    texts = []
    while (element := await client.next()).get("id") != "end":
        if element.tag == f"{CLIENT}message":
            texts.append(element.findtext(f"{CLIENT}body"))
    return texts


@pytest.mark.parametrize(("write", "read"), [("backup", "restore"), ("dump", "load")])
async def test_a_restore_brings_back_what_was(
    server: Server, connect: Connect, file: str, write: str, read: str
) -> None:
    juliet = await connect("juliet/balcony")
    await add_contact(juliet, "romeo@localhost")
    await say(juliet, "nurse@localhost", "before")
    said = await call(server, write, file)
    assert file in said
    assert await contacts(juliet) == ["romeo@localhost"]  # she has not noticed anything
    await add_contact(juliet, "paris@localhost")
    await say(juliet, "nurse@localhost", "after")
    await call(server, "register", "mercutio", "localhost", "secret")
    await call(server, "unregister", "romeo", "localhost")

    assert f"restored from {file}" in await call(server, read, file)

    assert condition((await juliet.closed())[-1]) == "reset"
    assert await call(server, "registered_users", "localhost") == ["juliet", "nurse", "romeo"]
    assert await contacts(await connect("juliet/balcony")) == ["romeo@localhost"]
    await connect("romeo/orchard")
    assert await kept(await connect("nurse/kitchen")) == ["before"]


async def test_nothing_goes_by_what_was_remembered(server: Server, connect: Connect, file: str) -> None:
    # Who exists, how many messages are kept for whom, and who blocks whom is in memory.
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", f"<block xmlns='{BLOCKLIST}'><item jid='romeo@localhost'/></block>")
    await call(server, "backup", file)
    await juliet.ask("set", f"<unblock xmlns='{BLOCKLIST}'/>")
    await call(server, "unregister", "nurse", "localhost")
    await call(server, "restore", file)
    romeo = await connect("romeo/orchard")
    await say(romeo, "juliet@localhost", "Wilt thou leave me so unsatisfied?")
    assert await kept(await connect("juliet/balcony")) == []
    await connect("nurse/kitchen")


async def test_rooms_are_as_they_were(server: Server, connect: Connect, file: str) -> None:
    juliet = await connect("juliet/balcony")
    room = "garden@conference.localhost"
    juliet.write(f"<presence to='{room}/j'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await juliet.find(lambda each: each.tag.endswith("message"))  # the subject: she is in
    await call(server, "backup", file)
    await call(server, "restore", file)
    romeo = await connect("romeo/orchard")
    romeo.write(f"<presence to='{room}/r'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    presence = await romeo.next()
    assert presence.get("from") == f"{room}/r"  # she is not there any more


async def test_who_calls_hears_how_far_it_is(server: Server, file: str) -> None:
    heard: dict[str, list[Progress]] = {}

    async def listened(*words: str) -> list[str]:
        told: list[Progress] = []
        await server.commands.call(words[0], list(words[1:]), CALLER, progress=told.append)
        heard[words[0]] = told
        return [each.text for each in told]

    assert "accounts" in await listened("backup", file)
    assert {"checking saved", "restoring accounts"} <= {*await listened("restore", file)}
    assert Progress(3, 3, "accounts") in heard["backup"]


# ---- what is refused


@pytest.mark.parametrize("read", ["restore", "load", "install_fallback"])
async def test_a_file_that_is_no_good_changes_nothing(
    server: Server, connect: Connect, file: str, tmp_path: Path, read: str
) -> None:
    await call(server, "backup", file)
    juliet = await connect("juliet/balcony")
    await add_contact(juliet, "romeo@localhost")
    good = (tmp_path / "saved").read_bytes()
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 8
    for content in (good[:-20], bytes(damaged), b"root:x:0:0\n", gzip.compress(b"hello\n"), b""):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(CommandFailed, match="bad"):
            await call(server, read, str(tmp_path / "bad"))
    with pytest.raises(CommandFailed, match="can't be read: no such file or directory"):
        await call(server, read, str(tmp_path / "nothing"))
    assert await contacts(juliet) == ["romeo@localhost"]


async def test_what_the_database_refuses_changes_nothing(
    server: Server, connect: Connect, file: str, tmp_path: Path
) -> None:
    await call(server, "dump", file)
    lines = (tmp_path / "saved").read_text().split("\n")
    place = next(index for index, line in enumerate(lines) if line.startswith('["localhost","juliet"'))
    lines.insert(place, lines[place])
    end = json.loads(lines[-2])
    end["end"]["accounts"] += 1
    lines[-2] = json.dumps(end)
    (tmp_path / "saved").write_text("\n".join(lines))
    await call(server, "register", "mercutio", "localhost", "secret")
    with pytest.raises(CommandFailed, match="the database does not take it"):
        await call(server, "restore", file)
    assert await call(server, "registered_users", "localhost") == ["juliet", "mercutio", "nurse", "romeo"]
    await connect("mercutio/square")


async def test_two_restores_at_once(server: Server, file: str) -> None:
    await call(server, "backup", file)
    first, second = await asyncio.gather(
        call(server, "restore", file), call(server, "load", file), return_exceptions=True
    )
    assert "restored from" in first
    assert str(second) == "restore is under way; try again when it has ended"
    assert "restored from" in await call(server, "restore", file)


async def test_no_restore_during_a_backup(server: Server, file: str) -> None:
    # What is being read can't be replaced: PostgreSQL would wait for its end.
    await call(server, "backup", file)
    first, second = await asyncio.gather(
        call(server, "backup", file), call(server, "restore", file), return_exceptions=True
    )
    assert "written to" in first
    assert str(second) == "a backup is under way; try again when it has ended"


async def test_who_comes_during_a_restore_is_asked_to_come_again(
    server: Server, connect: Connect, file: str
) -> None:
    async def come() -> str:
        client = await connect()
        client.write(
            "<stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
            " xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        return condition((await client.closed())[-1])

    await call(server, "backup", file)
    told: list[str] = []

    async def work() -> None:
        told.append(await come())

    await server.replace_data(work)
    assert told == ["reset"]
    await connect("juliet/balcony")


async def test_other_files_stay_as_they_are(server: Server, tmp_path: Path) -> None:
    secret = server.settings.data_dir / "secret"
    before = secret.read_bytes()
    for name, more in (("backup", []), ("dump", []), ("dump_table", ["vcards"])):
        with pytest.raises(CommandFailed, match="is there already, and is no backup or dump"):
            await call(server, name, str(secret), *more)
    assert secret.read_bytes() == before
    with pytest.raises(WrongArguments, match="the path of a file on the server's machine"):
        await call(server, "backup", "")


async def test_paths_start_at_the_data_directory(server: Server) -> None:
    assert await call(server, "backup", "saved") == (
        f"Backup of {_rows(server.settings.data_dir / 'saved')} rows written to "
        f"{server.settings.data_dir / 'saved'}"
    )
    assert "restored" in await call(server, "restore", "saved")


def _rows(path: Path) -> int:
    return sum(json.loads(gzip.decompress(path.read_bytes()).splitlines()[-1])["end"].values())


# ---- tables


async def test_a_table_is_put_back_in_its_place(server: Server, connect: Connect, file: str) -> None:
    juliet = await connect("juliet/balcony")
    await add_contact(juliet, "romeo@localhost")
    await call(server, "dump_table", file, "roster")  # as ejabberd calls it
    await add_contact(juliet, "paris@localhost")
    with pytest.raises(CommandFailed, match="has only some tables: load puts them in their place"):
        await call(server, "restore", file)
    await call(server, "register", "mercutio", "localhost", "secret")
    await call(server, "load", file)
    assert await contacts(await connect("juliet/balcony")) == ["romeo@localhost"]
    await connect("mercutio/square")


async def test_a_table_that_is_not_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="there is no table vcardz; did you mean vcard"):
        await call(server, "dump_table", str(tmp_path / "saved"), "vcardz")
    assert "saved" not in os.listdir(tmp_path)


# ---- at the next start


async def test_a_fallback_is_used_at_the_next_start(serve: Serve, tmp_path: Path, database_url: str) -> None:
    database = {"url": database_url}
    first = await serve(database=database)
    await first.hosts["localhost"].register("juliet", "secret")
    await call(first, "backup", "saved")
    await first.hosts["localhost"].register("romeo", "secret")
    said = await call(first, "install_fallback", "saved")
    assert "will be restored at the next start" in said
    (first.settings.data_dir / "saved").unlink()
    assert await call(first, "registered_users", "localhost") == ["juliet", "romeo"]
    await first.stop()

    for _ in range(2):  # the second start finds nothing to do
        again = Server(first.settings)
        async with again:
            assert await call(again, "registered_users", "localhost") == ["juliet"]


async def test_a_fallback_that_has_rotted_stops_the_start(serve: Serve, database_url: str) -> None:
    first = await serve()
    await first.hosts["localhost"].register("juliet", "secret")
    await call(first, "backup", "saved")
    await call(first, "install_fallback", "saved")
    await first.stop()
    fallback = first.settings.data_dir / "fallback.backup"
    shutil.copyfile(fallback, first.settings.data_dir / "kept")
    fallback.write_bytes(fallback.read_bytes()[:-9])
    with pytest.raises(StorageError, match=r"fallback\.backup.*damaged.*remove it, and the server starts"):
        await Server(first.settings).start()
    fallback.unlink()
    async with Server(first.settings) as again:
        assert await call(again, "registered_users", "localhost") == ["juliet"]
