"""The schema a start leaves behind."""

import asyncio
import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from burble.storage import Database, SchemaTooNew, StorageError
from burble.storage.migrate import migrate
from burble.storage.schema import account_tables, accounts, metadata
from tests.databases import Databases


async def test_migrating_gives_the_tables_of_the_schema(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await database.write(differences) == []


async def test_a_new_sqlite_file_has_what_all_migrations_lead_to(tmp_path: Path) -> None:
    # Alembic's comparison does not look at WITHOUT ROWID, AUTOINCREMENT, conditions of indexes or defaults.
    database = Database.open(f"sqlite:///{tmp_path / 'new.db'}")
    await database.start()
    await database.stop()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as connection:
        migrate(connection)
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []
    migrated = _declarations(tmp_path / "migrated.db")
    assert len(migrated) == 1 + sum(1 + len(table.indexes) for table in metadata.tables.values())
    assert _declarations(tmp_path / "new.db") == migrated


def _declarations(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    assert len(revisions) == 1
    return {
        name: re.sub(r"\s+", "", sql) + (f" {revisions[0]}" if name == "alembic_version" else "")
        for name, sql in rows
        if not name.startswith("sqlite_")
    }


async def test_two_servers_start_at_once_on_an_empty_database(
    request: pytest.FixtureRequest, database_url: str
) -> None:
    url = database_url
    if url.startswith("postgresql"):
        databases: Databases = request.getfixturevalue("postgresql")
        url = databases.url(databases.create(template="template1"))
    servers = [Database.open(url) for _ in range(4)]
    await asyncio.gather(*(server.start() for server in servers))
    try:
        await servers[0].execute(accounts.insert(), {"host": "example.org", "user": "juliet", "created": 1})
        assert len(await servers[3].fetch(accounts.select())) == 1
    finally:
        for server in servers:
            await server.stop()


async def test_a_second_start_keeps_the_data(database_url: str) -> None:
    for expected in (0, 1):
        database = Database.open(database_url)
        await database.start()
        assert len(await database.fetch(accounts.select())) == expected
        if not expected:
            await database.execute(accounts.insert(), {"host": "example.org", "user": "juliet", "created": 1})
        await database.stop()


async def test_a_database_of_a_newer_version_is_refused(database: Database, database_url: str) -> None:
    await database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    )
    with pytest.raises(SchemaTooNew, match=r"'9999'.*newer Burble"):
        await Database.open(database_url).start()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("burble.db", "URL cannot be read"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nonexistent/burble.db", "/nonexistent/burble.db"),
        (
            "postgresql://burble:secret@127.0.0.1:1/burble",
            r"postgresql\+asyncpg://burble:\*\*\*@127.0.0.1:1/burble",
        ),
        ("sqlite+aiosqlite:///burble.db", "aiosqlite"),
        ("nonsense://host/name", "nonsense"),
    ],
)
async def test_an_unusable_url_is_explained(url: str, said: str) -> None:
    with pytest.raises(StorageError, match=said):
        await Database.open(url).start()


def test_account_tables_end_with_the_account_itself() -> None:
    tables = account_tables()
    assert tables[-1] is accounts
    of_rooms = {"rooms", "room_accounts", "room_history"}
    of_hosts = {"announcements", "access_lists"}
    shared = {"archive_stanzas"}
    assert {table.name for table in tables} == set(metadata.tables) - of_rooms - of_hosts - shared
