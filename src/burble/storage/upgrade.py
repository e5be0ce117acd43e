"""Bring a database to the schema of this code, quickly where it is there already, or not at all.

Alembic is imported only when there is something to migrate: that takes a third of a server's start. A new
SQLite file gets the tables as the schema declares them, which are those that all migrations lead to.
"""

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from burble.storage.schema import metadata

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"

_REVISION_TABLE: Final = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def newest_revision() -> str:
    """The newest migration's revision, which its file is named after: ``v0001_accounts.py`` is 0001."""
    return max(path.stem for path in VERSIONS.glob("v*.py"))[1:].partition("_")[0]


def upgrade(connection: Connection) -> None:
    """Apply every migration the database lacks; `burble.storage.migrate.migrate` says how."""
    if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
        _create(connection)
    elif not _is_current(connection):
        from burble.storage.migrate import migrate

        migrate(connection)


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return list(found) == [newest_revision()]


def _create(connection: Connection) -> None:
    for declaration in _declarations():
        connection.exec_driver_sql(declaration)
    connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": newest_revision()})


@cache
def _declarations() -> list[str]:
    """What makes the tables of the schema, and that of Alembic, on SQLite."""
    parts = [_REVISION_TABLE]
    for table in metadata.sorted_tables:
        parts.append(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        parts += [str(CreateIndex(index).compile(dialect=sqlite.dialect())) for index in table.indexes]
    return parts
