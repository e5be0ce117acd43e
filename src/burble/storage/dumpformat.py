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
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Table, Text
from sqlalchemy.types import Integer, TypeEngine

from burble.storage.errors import StorageError
from burble.storage.statements import Row

__all__ = ["FORMAT", "Dump", "DumpError", "Header", "Section", "columns_of", "encoder", "is_dump"]

FORMAT: Final = 1
"""The version of the format. One that only adds tables or columns is no new version."""

_GZIP: Final = b"\x1f\x8b"
_START: Final = b'{"burble":"dump"'
# Longest line; nothing that Burble stores comes near, and a foreign file may have no lines at all.
_LINE: Final = 256 * 1024 * 1024
# Rows read at a time.
_PAGE: Final = 500

_KINDS: Final[dict[str, type[TypeEngine[Any]]]] = {
    "text": Text,
    "integer": BigInteger,
    "boolean": Boolean,
    "bytes": LargeBinary,
}
_ALLOWED: Final[dict[str, frozenset[type]]] = {
    "text": frozenset({str}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "bytes": frozenset({str, dict}),
}
_LARGEST: Final = 2**63


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
        rows: a list of values each; none in the first section of a table, which tells that it is there.
    """

    table: str
    columns: Mapping[str, str]
    rows: list[list[Any]]

    def statement_columns(self) -> list["Column[Any]"]:
        """The columns, for a statement."""
        return [Column(name, _KINDS[kind]) for name, kind in self.columns.items()]


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

_dumps: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def line(value: Any) -> bytes:
    """A value as a line."""
    return _dumps(value).encode() + b"\n"


def encoder(columns: Mapping[str, str]) -> Callable[[Sequence[Row]], bytes]:
    """A function that writes rows of such columns, each as a line."""
    places = [index for index, kind in enumerate(columns.values()) if kind == "bytes"]

    def encode(rows: Sequence[Row]) -> bytes:
        lines = []
        for row in rows:
            values = list(row)
            for index in places:
                values[index] = _text(values[index])
            lines.append(_dumps(values))
        lines.append("")
        return "\n".join(lines).encode()

    return encode


def _text(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


# ---- reading


def is_dump(path: Path) -> bool:
    """Whether a file looks like one of these.

    Raises:
        OSError: it can't be read.
    """
    try:
        with _open(path) as file:
            return file.read(len(_START)) == _START
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path, "rb") if compressed else path.open("rb"))


class Dump:
    """A file, open for reading.

    Args:
        path: where it is.

    Attributes:
        header: its first line.

    Raises:
        DumpError: it can't be read, or is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        try:
            self._file = _open(path)
        except OSError as error:
            raise self._error(f"it can't be read: {(error.strerror or str(error)).lower()}") from error
        try:
            self.header = self._header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Dump":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def sections(self) -> Iterator[Section]:
        """What is in it, in order, to the end.

        Raises:
            DumpError: it is damaged; what came before may be good or not.
        """
        counts: dict[str, int] = {}
        table, columns = "", dict[str, str]()
        rows: list[list[Any]] = []
        while True:
            value = self._next()
            if isinstance(value, list):
                if not table:
                    raise self._error("a row before its table")
                rows.append(self._row(value, columns))
                if len(rows) < _PAGE:
                    continue
            if rows:
                counts[table] += len(rows)
                yield Section(table, columns, rows)
                rows = []
            match value:
                case {"table": str(table), "columns": dict(columns)} if table not in counts:
                    if not all(isinstance(kind, str) and kind in _KINDS for kind in columns.values()):
                        raise self._error(f"the table {table} has columns of an unknown kind")
                    counts[table] = 0
                    yield Section(table, columns, [])
                case {"end": dict(told)}:
                    self._finish(told, counts)
                    return
                case list():
                    pass
                case _:
                    raise self._error("neither a table nor a row of one nor the end")

    def _header(self) -> Header:
        try:
            start = self._file.peek(len(_START))[: len(_START)]  # type: ignore[attr-defined]
        except (EOFError, OSError, zlib.error) as error:
            raise self._error("it is damaged") from error
        match self._next() if start == _START else None:
            case {
                "format": int(number),
                "schema": str(schema),
                "version": str(version),
                "created": str(created),
                "whole": bool(whole),
            }:
                if number > FORMAT:
                    raise self._error(f"a newer version of Burble, {version}, has written it")
                return Header(schema, version, created, whole)
        raise self._error("it is no backup or dump of Burble")

    def _next(self) -> Any:
        self._number += 1
        try:
            text = self._file.readline(_LINE)
        except (EOFError, OSError, zlib.error) as error:
            raise self._error(f"it is damaged: {error}") from error
        if not text.endswith(b"\n"):
            raise self._error("it is damaged: it was cut off")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._error(f"it is damaged: this is not JSON ({error})") from None

    def _row(self, row: list[Any], columns: Mapping[str, str]) -> list[Any]:
        if len(row) != len(columns):
            raise self._error(f"a row with {len(row)} values; the table has {len(columns)} columns")
        for index, ((name, kind), value) in enumerate(zip(columns.items(), row, strict=True)):
            if value is None:
                continue
            if type(value) not in _ALLOWED[kind]:
                raise self._error(f"{name}: expected a value of the kind {kind}")
            if kind == "bytes":
                row[index] = self._bytes(value)
            elif kind == "integer" and not -_LARGEST <= value < _LARGEST:
                raise self._error(f"{name}: the number is too large")
        return row

    def _bytes(self, value: str | dict[str, Any]) -> bytes:
        if isinstance(value, str):
            return value.encode()
        match value:
            case {"base64": str(text)}:
                try:
                    return base64.b64decode(text, validate=True)
                except ValueError:
                    pass
        raise self._error("this is not base64")

    def _finish(self, told: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        if told != counts:
            raise self._error("it is damaged: the end tells of other numbers of rows than there are")
        try:
            # Reading on to the end of a compressed file checks it.
            more = self._file.read(1)
        except (EOFError, OSError, zlib.error) as error:
            raise self._error(f"it is damaged: {error}") from error
        if more:
            raise self._error("something follows the end")

    def _error(self, what: str) -> DumpError:
        place = f", line {self._number}" if self._number > 1 else ""
        return DumpError(f"{self._path}{place}: {what}")
