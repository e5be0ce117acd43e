"""Files that hold a database: written while it is in use, read on any other."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, delete, insert, inspect, select, text

from burble.storage import Database, SchemaTooNew
from burble.storage.dump import write_dump
from burble.storage.dumpformat import DumpError
from burble.storage.restore import check_dump, load_tables, restore_dump
from burble.storage.schema import accounts, metadata, offline_messages, vcards
from tests.databases import Databases
from tests.storage.rows import contents, fill

OTHER = {"host": "other.example", "user": "stranger", "created": 1}


async def write(
    database: Database, path: Path, *, compress: bool = False, tables: Sequence[Table] | None = None
) -> Path:
    await write_dump(database, path, version="1.0", compress=compress, tables=tables)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
async def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Another database, empty, of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    else:
        databases: Databases = request.getfixturevalue("postgresql")
        url = databases.url(databases.create())
    database = Database.open(url)
    await database.start()
    yield database
    await database.stop()


@pytest.mark.parametrize("compress", [True, False])
async def test_every_table_comes_back_on_any_database(
    database: Database, elsewhere: Database, tmp_path: Path, compress: bool
) -> None:
    await fill(database, 603)
    path = await write(database, tmp_path / "file", compress=compress)
    await elsewhere.execute(insert(accounts), OTHER)
    header = await check_dump(path)
    assert header.whole
    assert await restore_dump(elsewhere, path) == 603 * len(metadata.tables)
    assert await contents(elsewhere) == await contents(database)


async def test_the_database_goes_on_after_a_restore(database: Database, tmp_path: Path) -> None:
    await fill(database)
    path = await write(database, tmp_path / "file")
    await database.fetch(select(accounts))
    await restore_dump(database, path)
    # A new row gets a number that none of those has, which came with theirs.
    row = {"host": "h", "user": "u", "stanza": b"<message/>", "stored_at": 1}
    ticket = database.batch.add(insert(offline_messages), row)
    await database.batch.committed(ticket)
    assert len(await database.fetch(select(offline_messages))) == 8
    assert len(await database.fetch(select(accounts))) == 7


async def test_a_dump_shows_one_moment(database: Database, tmp_path: Path) -> None:
    await fill(database, 3)
    before = await contents(database)
    async with database.snapshot() as snapshot:
        first = [row async for rows in snapshot.stream(select(accounts)) for row in rows]
        await database.execute(delete(vcards))
        seen = [tuple(row) async for rows in snapshot.stream(select(vcards), size=2) for row in rows]
    assert len(first) == 3
    assert sorted(seen, key=repr) == before["vcards"]
    assert await database.fetch(select(vcards)) == []


async def test_what_waits_for_its_batch_is_in_the_dump(database: Database, tmp_path: Path) -> None:
    database.batch.add(insert(accounts), OTHER)
    path = await write(database, tmp_path / "file")
    assert json.dumps(["other.example", "stranger"])[1:-1].replace(" ", "") in path.read_text()


async def test_some_tables_are_loaded_into_place(database: Database, tmp_path: Path) -> None:
    await fill(database)
    before = await contents(database)
    path = await write(database, tmp_path / "file", tables=[vcards])
    await database.execute(delete(vcards))
    await database.execute(insert(vcards), {"host": "h", "user": "u", "xml": b"<vCard/>"})
    assert not (await check_dump(path)).whole
    assert await load_tables(database, path) == 7
    assert await contents(database) == before


async def test_a_file_of_an_older_schema_is_migrated(database: Database, tmp_path: Path) -> None:
    header = {"burble": "dump", "format": 1, "schema": "0001", "version": "0.1", "created": "", "whole": True}
    lines: list[object] = [header]
    tables = {
        "accounts": {"host": "text", "user": "text", "created": "integer", "disabled": "boolean"},
        "credentials": {
            "host": "text",
            "user": "text",
            "mechanism": "text",
            "salt": "bytes",
            "iterations": "integer",
            "stored_key": "bytes",
            "server_key": "bytes",
        },
        "roster_items": {
            "host": "text",
            "user": "text",
            "jid": "text",
            "name": "text",
            "subscription": "text",
            "ask": "boolean",
            "approved": "boolean",
            "groups": "text",
        },
        "roster_versions": {"host": "text", "user": "text", "ver": "integer"},
        "subscription_requests": {"host": "text", "user": "text", "jid": "text", "stanza": "bytes"},
        "offline_messages": {
            "id": "integer",
            "host": "text",
            "user": "text",
            "stanza": "bytes",
            "stored_at": "integer",
            "expires": "integer",
        },
        "private_xml": {"host": "text", "user": "text", "ns": "text", "name": "text", "xml": "bytes"},
        "vcards": {"host": "text", "user": "text", "xml": "bytes"},
        "blocklist": {"host": "text", "user": "text", "jid": "text"},
        "last_activity": {"host": "text", "user": "text", "seconds": "integer", "status": "text"},
    }
    for name, columns in tables.items():
        lines.append({"table": name, "columns": columns})
        if name == "accounts":
            lines.append(["example.org", "juliet", 5, False])
    lines.append({"end": {name: int(name == "accounts") for name in tables}})
    path = tmp_path / "old"
    path.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in lines))
    await fill(database)
    await check_dump(path)
    assert await restore_dump(database, path) == 1
    kept = {name: rows for name, rows in (await contents(database)).items() if rows}
    assert {name: [row[:3] for row in rows] for name, rows in kept.items()} == {
        "accounts": [("example.org", "juliet", 5)]
    }


async def test_a_file_of_a_newer_schema_is_refused(database: Database, tmp_path: Path) -> None:
    path = await write(database, tmp_path / "file")
    path.write_text(path.read_text().replace('"schema":"', '"schema":"9', 1))
    with pytest.raises(SchemaTooNew, match=r"does not know; Burble 1\.0 has written it"):
        await check_dump(path)


async def test_a_damaged_file_is_not_taken_for_a_newer_one(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    newer = gzip.decompress(good).replace(b'"schema":"', b'"schema":"9', 1)
    path.write_bytes(gzip.compress(newer)[:-8] + good[-8:])
    with pytest.raises(DumpError, match="it is damaged"):
        await check_dump(path)


async def test_what_is_made_from_other_tables_is_made_anew(database: Database, tmp_path: Path) -> None:
    await fill(database)
    path = await write(database, tmp_path / "file")
    one = await write(database, tmp_path / "one", tables=[vcards])

    def make(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE archive_search (words TEXT)"))
        connection.execute(text("CREATE TABLE of_somebody_else (thing TEXT)"))

    def there(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - set(metadata.tables)

    await database.rebuild(make)
    await restore_dump(database, path)
    assert await database.write(there) == {"alembic_version", "of_somebody_else"}
    await database.execute(text("DROP TABLE of_somebody_else"))
    await database.rebuild(make)
    await load_tables(database, one)
    assert await database.write(there) == {"alembic_version", "of_somebody_else"}


# ---- files that are no good


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good file, compressed."""
    directory = tmp_path_factory.mktemp("good")

    async def make() -> bytes:
        database = Database.open(f"sqlite:///{directory / 'b.db'}")
        await database.start()
        await fill(database)
        await write(database, directory / "file", compress=True)
        await database.stop()
        return (directory / "file").read_bytes()

    return asyncio.run(make())


def says_the_same(changed: bytes, good: bytes) -> bool:
    """Whether only bits were changed that mean nothing: deflate fills up to whole bytes (RFC 1951 §3.2.4)."""
    try:
        return gzip.decompress(changed) == gzip.decompress(good)
    except (OSError, EOFError, zlib.error):
        return False


@given(data=st.data())
def test_whatever_happens_to_a_backup_is_noticed(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    kind = data.draw(st.sampled_from(["cut", "flip", "more"]))
    place = data.draw(st.integers(10, len(good) - 1))
    if kind == "cut":
        path.write_bytes(good[:place])
    elif kind == "flip":
        changed = bytearray(good)
        changed[place] ^= 1 << data.draw(st.integers(0, 7))
        assume(not says_the_same(changed, good))
        path.write_bytes(changed)
    else:
        path.write_bytes(good + gzip.compress(data.draw(st.binary(min_size=1))))
    with pytest.raises(DumpError):
        asyncio.run(check_dump(path))


def _lines(good: bytes) -> list[str]:
    return gzip.decompress(good).decode().split("\n")


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('"burble":"dump"', '"burble":"soup"', "it is no backup or dump of Burble"),
        ('"format":1', '"format":2', "a newer version of Burble, 1.0, has written it"),
        ('"table":"vcards"', '"table":"vcard"', "there is no table vcard"),
        ('"disabled":"boolean"', '"disabled":"text"', "the table accounts has other columns"),
        ('"disabled":"boolean"', '"disabled":"colour"', "columns of an unknown kind"),
        ("1099511627776,false", '"1",false', r"line \d+: created: expected a value of the kind integer"),
        ("1099511627776,false", "99999999999999999999,false", "created: the number is too large"),
        ("1099511627776,false", "null,false", "a row of accounts lacks a value that it must have"),
        ("1099511627776,false", "false", r"line \d+: a row with 3 values; the table has 4 columns"),
        ('{"base64":"/wEK"}', '{"base64":"/wE"}', "this is not base64"),
        ('"accounts":7', '"accounts":8', "other numbers of rows"),
        ('["juliet0"', "[", "this is not JSON"),
    ],
)
async def test_mistakes_in_a_dump_are_named(
    good: bytes, tmp_path: Path, old: str, new: str, wrong: str
) -> None:
    text = gzip.decompress(good).decode()
    assert old in text
    path = tmp_path / "file"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DumpError, match=wrong):
        await check_dump(path)


async def test_a_dump_without_one_of_its_tables_is_refused(good: bytes, tmp_path: Path) -> None:
    lines = _lines(good)
    start = next(index for index, line in enumerate(lines) if line.startswith('{"table":"blocklist"'))
    del lines[start : start + 8]
    path = tmp_path / "file"
    path.write_text("\n".join(lines).replace('"blocklist":7,', ""))
    with pytest.raises(DumpError, match="it lacks the tables blocklist"):
        await check_dump(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x1f\x8b", gzip.compress(b"<a/>", mtime=0), b"SQLite format 3\0"]
)
async def test_foreign_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=r"file: it is (no backup or dump of Burble|damaged)"):
        await check_dump(path)
    with pytest.raises(DumpError, match="it can't be read: no such file"):
        await check_dump(tmp_path / "missing")


async def test_a_row_that_is_there_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    await fill(database)
    before = await contents(database)
    path = await write(database, tmp_path / "file")
    lines = path.read_text().replace('"vcards":7', '"vcards":8').split("\n")
    place = next(index for index, line in enumerate(lines) if line.startswith('{"table":"vcards"'))
    lines.insert(place + 1, lines[place + 1])
    path.write_text("\n".join(lines))
    await check_dump(path)
    with pytest.raises(DumpError, match="file: the database does not take it: "):
        await restore_dump(database, path)
    assert await contents(database) == before


# ---- the place of the file


async def test_only_the_owner_may_read_the_file(database: Database, tmp_path: Path) -> None:
    path = await write(database, tmp_path / "file")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name for name in os.listdir(tmp_path) if "file" in name] == ["file"]


async def test_a_dump_takes_the_place_of_another_but_of_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    await write(database, tmp_path / "file", compress=True)
    await write(database, tmp_path / "file", compress=False)
    (tmp_path / "letter").write_text("Dear Juliet")
    for place in (tmp_path / "letter", tmp_path):
        with pytest.raises(DumpError, match="is there already, and is no backup or dump; it stays as it is"):
            await write(database, place)
    assert (tmp_path / "letter").read_text() == "Dear Juliet"
    with pytest.raises(DumpError, match="can't be written: no such file or directory"):
        await write(database, tmp_path / "nowhere" / "file")
