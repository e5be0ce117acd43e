"""Make the database what a file of `burble.storage.dump` says, whichever database wrote it, and all at once.

The file is read to its end before anything is changed. Then one transaction drops all tables, makes those of
the schema which the file follows, fills them, and migrates them to the schema of this code.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from burble.storage.bulk import BulkInsert
from burble.storage.database import Database
from burble.storage.dump import Report
from burble.storage.dumpformat import DumpError, Header, Section, columns_of
from burble.storage.dumpreading import Dump
from burble.storage.errors import SchemaTooNew, is_unavailable, reason
from burble.storage.migrate import migrate
from burble.storage.schema import metadata
from burble.storage.upgrade import newest_revision, upgrade

__all__ = ["check_dump", "load_tables", "restore_dump"]

T = TypeVar("T")

_Schema = dict[str, Table]

# What is made from other tables when it is needed, and must not outlive them.
_DERIVED: Final = ("archive_search", "archive_searched")


def _silent(done: int, total: int | None, text: str) -> None:
    """Nobody wants to know."""


async def check_dump(path: Path, report: Report = _silent) -> Header:
    """Read a file to its end and make sure that a database can be made of it.

    Args:
        path: the file.
        report: is told of the progress.

    Raises:
        DumpError: it is no dump, is damaged, or does not fit its schema.
        SchemaTooNew: a newer Burble has written it.
    """
    return await asyncio.to_thread(_check, path, report)


async def restore_dump(database: Database, path: Path, report: Report = _silent) -> int:
    """Have everything in the database be as in a file, and nothing else. Check the file before.

    Nobody else may use the database meanwhile, nor remember what was in it.

    Args:
        database: which.
        path: a file that `check_dump` has found good, and whole.
        report: is told of the progress.

    Returns:
        How many rows there are.

    Raises:
        DumpError: the file is not what it was, or the database does not take what is in it; nothing has
            changed.
        DatabaseUnavailable: likewise.
    """

    def replace(connection: Connection) -> int:
        with Dump(path) as dump:
            metadata.drop_all(connection)
            _drop(connection, "alembic_version", *_DERIVED)
            migrate(connection, dump.header.schema)
            rows = _fill(connection, dump, report)
        _set_sequences(connection)
        upgrade(connection)
        return rows

    return await _named(path, database, replace)


async def load_tables(database: Database, path: Path, report: Report = _silent) -> int:
    """Have some tables be as in a file that is not whole. Check the file before.

    Args, Returns, Raises: as `restore_dump`.
    """

    def replace(connection: Connection) -> int:
        _drop(connection, *_DERIVED)
        with Dump(path) as dump:
            rows = _fill(connection, dump, report, empty=True)
        _set_sequences(connection)
        return rows

    return await _named(path, database, replace)


def _drop(connection: Connection, *names: str) -> None:
    for name in names:
        connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


async def _named(path: Path, database: Database, replace: Callable[[Connection], int]) -> int:
    await database.batch.flush()
    try:
        return await database.rebuild(replace)
    except SQLAlchemyError as error:
        if is_unavailable(error):
            raise
        raise DumpError(f"{path}: the database does not take it: {reason(error)}") from error


# ---- checking


def _check(path: Path, report: Report) -> Header:
    with Dump(path) as dump:
        try:
            schema = _schema(path, dump.header)
        except SchemaTooNew:
            dump.finish()  # a damaged file may say anything
            raise
        seen: dict[str, list[str]] = {}
        done = 0
        for section in dump.sections():
            if section.table not in seen:
                seen[section.table] = _check_table(path, section, schema)
            _check_rows(path, section, seen[section.table])
            done += len(section.rows)
            report(done, None, f"checking {path.name}")
    missing = schema.keys() - seen.keys()
    if dump.header.whole and missing:
        raise DumpError(f"{path}: it lacks the tables {', '.join(sorted(missing))}")
    return dump.header


def _schema(path: Path, header: Header) -> _Schema:
    """The tables of the schema which a file follows."""
    if header.schema == newest_revision():
        return dict(metadata.tables)
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            try:
                migrate(connection, header.schema)
            except Exception:
                raise SchemaTooNew(
                    f"{path}: it has the schema version {header.schema!r}, which this version of Burble does "
                    f"not know; Burble {header.version} has written it. Install that version or a newer one."
                ) from None
            found = MetaData()
            found.reflect(connection)
    finally:
        engine.dispose()
    return {name: table for name, table in found.tables.items() if name != "alembic_version"}


def _check_table(path: Path, section: Section, schema: _Schema) -> list[str]:
    """Make sure that a table is one of the schema; return its columns that must have a value."""
    table = schema.get(section.table)
    if table is None:
        raise DumpError(f"{path}: there is no table {section.table} in the schema which it follows")
    if columns_of(table) != section.columns:
        raise DumpError(f"{path}: the table {section.table} has other columns than its schema says")
    return [column.name for column in table.columns if not column.nullable]


def _check_rows(path: Path, section: Section, required: list[str]) -> None:
    if not section.empty.isdisjoint(required):
        raise DumpError(f"{path}: a row of {section.table} lacks a value that it must have")


# ---- filling


def _fill(connection: Connection, dump: Dump, report: Report, *, empty: bool = False) -> int:
    inserts: dict[str, BulkInsert] = {}
    done = 0
    for section in dump.sections():
        if section.table not in inserts:
            table = Table(section.table, MetaData(), *section.statement_columns())
            if empty:
                connection.execute(table.delete())
            inserts[section.table] = BulkInsert(connection, table, [*section.columns])
        if section.rows:
            inserts[section.table].run(section.rows)
        done += len(section.rows)
        report(done, None, f"restoring {section.table}")
    return done


def _set_sequences(connection: Connection) -> None:
    """Have PostgreSQL go on numbering rows behind those that are there; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for name in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(name):
            if column["autoincrement"] is True:
                _set_sequence(connection, name, str(column["name"]))


def _set_sequence(connection: Connection, table: str, column: str) -> None:
    connection.execute(
        text(
            f'SELECT setval(pg_get_serial_sequence(:table, :column), max("{column}")) FROM "{table}" '
            f'HAVING max("{column}") IS NOT NULL'
        ),
        {"table": f'"{table}"', "column": column},
    )
