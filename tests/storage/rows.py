"""Rows for every table there is, made by the types of its columns, so that the next table is held as well."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, LargeBinary, Table, select

from burble.storage import Database
from burble.storage.schema import metadata

Contents = dict[str, list[tuple[Any, ...]]]

# What a text may hold: quotes, a line's end, letters from everywhere, what JSON escapes.
_TEXTS = ("juliet", "ro'm\"eo", "née\nCapulet\t", "\u2028𝔍\\", "")


def row(table: Table, number: int) -> dict[str, Any]:
    """A row that differs from those of other numbers in each column that can."""
    return {column.name: _value(column, number) for column in table.columns}


def _value(column: Column[Any], number: int) -> Any:
    if column.nullable and number % 2:
        return None
    if isinstance(column.type, Boolean):
        return bool(number % 2)
    if isinstance(column.type, Integer):
        large = 2**40 if isinstance(column.type, BigInteger) else 2**20
        return number + 1 if column.primary_key else large + number
    if isinstance(column.type, LargeBinary):
        return bytes([0xFF, number % 256, 0x0A]) if number % 2 else f"<a>{number}é</a>".encode()
    return f"{_TEXTS[number % len(_TEXTS)]}{number}"


async def fill(database: Database, rows: int = 7) -> None:
    """Put rows into every table."""

    def insert(connection: Connection) -> None:
        for table in metadata.sorted_tables:
            connection.execute(table.insert(), [row(table, number) for number in range(rows)])

    await database.write(insert)


async def contents(database: Database) -> Contents:
    """Everything that is in the database."""
    return {
        table.name: sorted(map(tuple, await database.fetch(select(table))), key=repr)
        for table in metadata.sorted_tables
    }
