"""The files that hold a database: text, a JSON value on each line, compressed by gzip or not.

    {"burble":"dump","format":1,"schema":"0003","version":"0.1","created":"2026-11-21T17:00:00Z","whole":true}
    {"table":"accounts","columns":{"host":"text","user":"text","created":"integer","disabled":"boolean"}}
    ["example.org","juliet",1795280400,false]
    {"table":"vcards","columns":{"host":"text","user":"text","xml":"bytes"}}
    {"end":{"accounts":1,"vcards":0}}

Values of the kind ``bytes`` are written as text where they are UTF-8, as ``{"base64": "..."}`` elsewhere. The
last line tells how many rows each table has, so that a file which was cut off is known as such; a compressed
file has a checksum besides.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Table, Text
from sqlalchemy.types import Integer, TypeEngine

from burble.storage.errors import StorageError
from burble.storage.statements import Row

__all__ = ["FORMAT", "KINDS", "START", "DumpError", "Header", "Section", "columns_of", "encoder", "line"]

FORMAT: Final = 1
"""The version of the format. One that only adds tables or columns is no new version."""

START: Final = b'{"burble":"dump"'
"""How a file begins, once it is no longer compressed."""

KINDS: Final[dict[str, type[TypeEngine[Any]]]] = {
    "text": Text,
    "integer": BigInteger,
    "boolean": Boolean,
    "bytes": LargeBinary,
}
"""The kinds of values, and what a column that takes them is."""


class DumpError(StorageError):
    """A file is no dump, is damaged, or can't be written; the text says which file, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a file.

    Attributes:
        schema: the revision of the schema that the tables follow.
        version: of the Burble that wrote it.
        created: when the database was as the file says, XEP-0082.
        whole: it has every table, and not only some.
    """

    schema: str
    version: str
    created: str
    whole: bool

    def line(self) -> bytes:
        """The line, with its end."""
        fields = {"burble": "dump", "format": FORMAT, "schema": self.schema, "version": self.version}
        return line({**fields, "created": self.created, "whole": self.whole})


@dataclass(frozen=True, slots=True)
class Section:
    """Some rows of a table.

    Attributes:
        table: its name.
        columns: the kind of each column, in order.
        rows: a tuple of values each; none in the first section of a table, which tells that it is there.
        empty: the columns in which a row has no value.
    """

    table: str
    columns: Mapping[str, str]
    rows: list[tuple[Any, ...]]
    empty: frozenset[str] = frozenset()

    def statement_columns(self) -> list["Column[Any]"]:
        """The columns, for a statement."""
        return [Column(name, KINDS[kind]) for name, kind in self.columns.items()]


def columns_of(table: Table) -> dict[str, str]:
    """The kind of each column of a table.

    Raises:
        TypeError: there is none for a column's type.
    """
    return {column.name: _kind(column) for column in table.columns}


def _kind(column: "Column[Any]") -> str:
    if isinstance(column.type, Boolean):
        return "boolean"
    for name, kinds in (("text", Text), ("integer", Integer), ("bytes", LargeBinary)):
        if isinstance(column.type, kinds):
            return name
    raise TypeError(f"{column.table.name}.{column.name}: a dump can't hold {column.type!r}")


# ---- writing


def line(value: Any) -> bytes:
    """A value as a line."""
    return to_json(value) + b"\n"


def encoder(columns: Mapping[str, str]) -> Callable[[Sequence[Row]], bytes]:
    """A function that writes rows of such columns, each as a line."""
    places = [index for index, kind in enumerate(columns.values()) if kind == "bytes"]

    def encode(rows: Sequence[Row]) -> bytes:
        if not places:
            return b"\n".join([*map(to_json, map(tuple, rows)), b""])
        lines = []
        for row in rows:
            values = [*row]
            for index in places:
                values[index] = _text(values[index])
            lines.append(to_json(values))
        lines.append(b"")
        return b"\n".join(lines)

    return encode


def _text(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
