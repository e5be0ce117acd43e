"""Read the files of `burble.storage.dumpformat`, believing nothing that is in them."""

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from types import NoneType
from typing import Any, Final

from pydantic_core import from_json

from burble.storage.dumpformat import FORMAT, KINDS, START, DumpError, Header, Section

__all__ = ["Dump", "is_dump"]

_GZIP: Final = b"\x1f\x8b"
# Longest line; nothing that Burble stores comes near, and a foreign file may have no lines at all.
_LINE: Final = 256 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
# Rows read at a time.
_PAGE: Final = 500

_ALLOWED: Final[dict[str, frozenset[type]]] = {
    "text": frozenset({str}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "bytes": frozenset({str, dict}),
}
_LARGEST: Final = 2**63


def is_dump(path: Path) -> bool:
    """Whether a file looks like one of these.

    Raises:
        OSError: it can't be read.
    """
    try:
        with _open(path) as file:
            return file.read(len(START)) == START
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    return gzip.GzipFile(path, "rb") if compressed else path.open("rb")


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
        text = self._line()
        while True:
            if table and text.startswith(b"["):
                texts = [text]
                while (text := self._line()).startswith(b"[") and len(texts) < _PAGE:
                    texts.append(text)
                counts[table] += len(texts)
                yield self._section(table, columns, texts)
                continue
            match self._value(text):
                case {"table": str(table), "columns": dict(columns)} if table not in counts:
                    if not all(isinstance(kind, str) and kind in KINDS for kind in columns.values()):
                        raise self._error(f"the table {table} has columns of an unknown kind")
                    counts[table] = 0
                    yield Section(table, columns, [])
                case {"end": dict(told)}:
                    self._finish(told, counts)
                    return
                case _:
                    raise self._error("neither a table nor a row of one nor the end")
            text = self._line()

    def finish(self) -> None:
        """Read to the end without understanding it; of a compressed file this checks every byte.

        Raises:
            DumpError: it is damaged.
        """
        while self._read(_BLOCK):
            pass

    def _header(self) -> Header:
        try:
            start = self._file.peek(len(START))[: len(START)]
        except (EOFError, OSError, zlib.error) as error:
            raise self._error("it is damaged") from error
        match self._value(self._line()) if start == START else None:
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

    def _line(self) -> bytes:
        self._number += 1
        try:
            text = self._file.readline(_LINE)
        except (EOFError, OSError, zlib.error) as error:
            raise self._error(f"it is damaged: {error}") from error
        if not text.endswith(b"\n"):
            raise self._error("it is damaged: it was cut off")
        return text

    def _value(self, text: bytes) -> Any:
        try:
            return from_json(text)
        except ValueError as error:
            raise self._error(f"it is damaged: this is not JSON ({error})") from None

    def _section(self, table: str, columns: Mapping[str, str], texts: list[bytes]) -> Section:
        """The rows of some lines; the line behind them has been read, too."""
        try:
            return _section(table, columns, texts)
        except ValueError as error:
            behind = self._number
            for number, text in enumerate(texts, behind - len(texts)):
                self._number = number
                try:
                    _section(table, columns, [text])
                except ValueError as wrong:
                    raise self._error(str(wrong)) from None
            raise self._error(f"some lines before: {error}") from None

    def _finish(self, told: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        if told != counts:
            raise self._error("it is damaged: the end tells of other numbers of rows than there are")
        # Reading on to the end of a compressed file checks it.
        if self._read(1):
            raise self._error("something follows the end")

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise self._error(f"it is damaged: {error}") from error

    def _error(self, what: str) -> DumpError:
        place = f", line {self._number}" if self._number > 1 else ""
        return DumpError(f"{self._path}{place}: {what}")


def _section(table: str, columns: Mapping[str, str], texts: Sequence[bytes]) -> Section:
    """Rows by columns: what is looked at together is looked at fast.

    Raises:
        ValueError: a line is no row of such columns.
    """
    try:
        rows = from_json(b"[" + b",".join(texts) + b"]")
    except ValueError as error:
        raise ValueError(f"it is damaged: this is not JSON ({error})") from None
    widths = {len(row) if isinstance(row, list) else -1 for row in rows}
    if len(rows) != len(texts) or widths != {len(columns)}:
        raise ValueError(f"a row with {max(widths)} values; the table has {len(columns)} columns")
    checked = []
    empty = set()
    for (name, kind), column in zip(columns.items(), zip(*rows, strict=True), strict=True):
        kinds = set(map(type, column))
        if NoneType in kinds:
            empty.add(name)
            kinds.discard(NoneType)
        if not kinds <= _ALLOWED[kind]:
            raise ValueError(f"{name}: expected a value of the kind {kind}")
        if kind == "integer" and any(
            not -_LARGEST <= value < _LARGEST for value in column if value is not None
        ):
            raise ValueError(f"{name}: the number is too large")
        checked.append([_bytes(value) for value in column] if kind == "bytes" else column)
    return Section(table, columns, list(zip(*checked, strict=True)), frozenset(empty))


def _bytes(value: str | dict[str, Any] | None) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    match value:
        case None:
            return None
        case {"base64": str(text)}:
            try:
                return base64.b64decode(text, validate=True)
            except ValueError:
                pass
    raise ValueError("this is not base64")
