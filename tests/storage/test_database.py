"""Reads and transactions."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from burble.storage import Database, StorageError, upsert
from burble.storage.schema import account_tables, accounts, blocklist, roster_items, vcards
from tests.storage.messages import CREATE_ACCOUNT, FIND_ACCOUNT

JULIET = {"host": "example.org", "user": "juliet"}


async def test_fetch_one_gives_a_row_by_name_and_by_position(database: Database) -> None:
    await database.execute(CREATE_ACCOUNT, {**JULIET, "created": 7, "disabled": True})
    for _ in range(2):
        row = await database.fetch_one(FIND_ACCOUNT, JULIET)
        assert row is not None
        created, disabled = row
        assert (created, row.created, row[0]) == (7, 7, 7)
        assert row.disabled is True
        assert disabled is True
    assert await database.fetch_one(FIND_ACCOUNT, {"host": "example.org", "user": "romeo"}) is None


async def test_fetch_knows_values_in_the_statement_lists_and_functions(database: Database) -> None:
    rows = [
        {"host": "example.org", "user": user, "created": age} for user, age in [("a", 1), ("b", 2), ("c", 3)]
    ]
    await database.execute(CREATE_ACCOUNT, rows)
    assert await database.execute(delete(accounts).where(accounts.c.user == "nobody")) == 0
    assert await database.execute(CREATE_ACCOUNT, rows[0] | {"user": "d", "host": "example.net"}) == 1
    some = (
        select(accounts.c.user, (accounts.c.created * 2).label("twice"))
        .where(accounts.c.host == "example.org", accounts.c.user.in_(bindparam("users", expanding=True)))
        .order_by(accounts.c.user.desc())
        .limit(2)
    )
    assert [tuple(row) for row in await database.fetch(some, {"users": ["a", "b", "c"]})] == [
        ("c", 6),
        ("b", 4),
    ]
    assert [tuple(row) for row in await database.fetch(some, {"users": ["a"]})] == [("a", 2)]
    count = await database.fetch_one(select(func.count()).select_from(accounts))
    assert count is not None
    assert count[0] == 4


async def test_a_forgotten_parameter_is_an_error(database: Database) -> None:
    with pytest.raises(Exception, match="user"):
        await database.fetch_one(FIND_ACCOUNT, {"host": "example.org"})


async def test_bytes_and_text_come_back_as_they_went_in(database: Database) -> None:
    xml = bytes(range(256))
    await database.execute(insert(vcards), {"host": "bücher.example", "user": "жюльет", "xml": xml})
    row = await database.fetch_one(select(vcards))
    assert row is not None
    assert tuple(row) == ("bücher.example", "жюльет", xml)
    assert type(row.xml) is bytes


async def test_write_is_all_or_nothing(database: Database) -> None:
    def create_twice(connection: Connection) -> None:
        connection.execute(CREATE_ACCOUNT, {**JULIET, "created": 1})
        connection.execute(CREATE_ACCOUNT, {**JULIET, "created": 2})

    with pytest.raises(IntegrityError):
        await database.write(create_twice)
    assert await database.fetch_one(FIND_ACCOUNT, JULIET) is None
    await database.execute(CREATE_ACCOUNT, {**JULIET, "created": 3})
    assert (await database.fetch(FIND_ACCOUNT, JULIET))[0].created == 3


async def test_write_returns_what_the_function_returns(database: Database) -> None:
    assert (
        await database.write(lambda connection: connection.scalar(select(func.count(accounts.c.user)))) == 0
    )


async def test_upsert_overwrites_all_or_only_the_named_columns(database: Database) -> None:
    item = {**JULIET, "jid": "romeo@example.net", "subscription": "none", "name": "Romeo"}
    item |= {"ask": False, "approved": False, "groups": "[]"}
    await database.execute(upsert(roster_items), item)
    await database.execute(upsert(roster_items), item | {"subscription": "both", "groups": '["Montague"]'})
    await database.execute(upsert(roster_items, "name"), item | {"name": "R.", "subscription": "from"})
    (row,) = await database.fetch(select(roster_items))
    assert (row.subscription, row.groups, row.name) == ("both", '["Montague"]', "R.")


async def test_upsert_into_a_table_of_keys_alone_does_nothing_twice(database: Database) -> None:
    for _ in range(2):
        await database.execute(upsert(blocklist), {**JULIET, "jid": "tybalt@example.net"})
    assert len(await database.fetch(select(blocklist))) == 1


async def test_an_account_is_removed_from_every_table(database: Database) -> None:
    samples = {int: 1, str: "x", bytes: b"x", bool: False}
    for table in account_tables():
        needed = [
            column.name for column in table.columns if not column.nullable and column.server_default is None
        ]
        for user in ("juliet", "romeo"):
            row = {name: samples[table.c[name].type.python_type] for name in needed if name != "id"}
            await database.execute(insert(table), row | {"host": "example.org", "user": user})

    def remove(connection: Connection) -> None:
        for table in account_tables():
            connection.execute(delete(table).where(table.c.host == "example.org", table.c.user == "juliet"))

    await database.write(remove)
    for table in account_tables():
        assert [row.user for row in await database.fetch(select(table.c.user))] == ["romeo"]


async def test_a_stopped_database_says_so(database_url: str) -> None:
    database = Database.open(database_url)
    await database.start()
    await database.stop()
    with pytest.raises(StorageError, match="closed"):
        database.batch.add(CREATE_ACCOUNT, {**JULIET, "created": 1})
    with pytest.raises(StorageError, match="closed"):
        await database.execute(insert(accounts), {**JULIET, "created": 1})
    with pytest.raises(StorageError, match="closed"):
        await database.fetch(select(accounts.c.user))
    await database.stop()


async def test_sqlite_keeps_the_file_from_others_and_its_reader_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "burble.db"
    database = Database.open(f"sqlite:///{path}")
    await database.start()
    try:
        assert _modes(tmp_path) == {0o600}
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._reader.execute("DELETE FROM accounts")
    finally:
        await database.stop()


def _modes(directory: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in directory.iterdir()}
