"""Statements compiled once and run with the bare driver.

SQLAlchemy builds and compiles the statements; running them through its connections costs several times
what SQLite itself takes for a point read. So the SQLite database keeps each statement's text with what its
values need on the way in and out, once for the process: a server that is started a second time, in a test
say, finds them compiled. A statement should therefore be made once, as a constant with `bindparam`, and not
anew for each call.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol, cast

from sqlalchemy import ClauseElement, Dialect, Insert, LargeBinary, SelectBase, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Params = Mapping[str, Any]
_Processor = Callable[[Any], Any]

#: Compiled statements kept; more means that somebody makes statements anew for each call.
STATEMENTS: Final = 512
_DIALECT: Final[Dialect] = SQLiteDialect_pysqlite(dbapi=sqlite3, paramstyle="qmark")

# SQLite's own limit on the values of one statement, and how many rows are worth putting into one.
_MAX_VALUES = 32766
_MAX_ROWS = 256


class Row(Protocol):
    """A row of a result: a tuple whose values also go by their column's name (`row.jid`)."""

    def __getattr__(self, name: str, /) -> Any: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


def upsert(table: Table, *columns: str) -> Insert:
    """An INSERT that overwrites the row with the same primary key, on SQLite and PostgreSQL alike.

    Args:
        table: the table.
        columns: what to overwrite; by default every column outside the key, so a row must give them all.
    """
    # Both dialects compile PostgreSQL's form of the clause.
    insert = postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    names = columns or tuple(column.name for column in table.columns if not column.primary_key)
    if not names:
        return insert.on_conflict_do_nothing(index_elements=key)
    return insert.on_conflict_do_update(
        index_elements=key, set_={name: insert.excluded[name] for name in names}
    )


class _Values:
    """The values of a compiled statement, in the order of its question marks."""

    __slots__ = ("_defaults", "_processors", "names")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.names = list(compiled.positiontup or ())
        required = {name for name, bind in compiled.binds.items() if bind.required}
        # The values which the statement holds itself: `table.c.host == "example.org"`.
        self._defaults = {name: value for name, value in compiled.params.items() if name not in required}
        processors = [(name, _bind_processor(compiled.binds[name].type)) for name in self.names]
        self._processors = {name: process for name, process in processors if process is not None}

    def merge(self, params: Params) -> Params:
        return {**self._defaults, **params} if self._defaults else params

    def of(self, params: Params) -> list[Any]:
        params = self.merge(params)
        values = [params[name] for name in self.names]
        if self._processors:
            for index, name in enumerate(self.names):
                if process := self._processors.get(name):
                    values[index] = process(values[index])
        return values


class Query:
    """A SELECT made ready for `sqlite3`.

    Args:
        statement: the statement; values it holds itself may be overridden by name.
    """

    __slots__ = ("_compiled", "_expands", "_processors", "_row", "_text", "_values")

    def __init__(self, statement: SelectBase) -> None:
        self._compiled = _compile(statement)
        self._text = self._compiled.string
        # An IN list becomes text only once its length is known.
        self._expands = bool(self._compiled.post_compile_params)
        self._values = _Values(self._compiled)
        processors = [_result_processor(column.type) for column in statement.selected_columns]
        self._processors = [
            (index, process) for index, process in enumerate(processors) if process is not None
        ]
        self._row: Callable[[Sequence[Any]], Row] | None = None

    def run(self, connection: sqlite3.Connection, params: Params) -> sqlite3.Cursor:
        """Execute on `connection` and return the cursor; its rows are for `row`.

        Raises:
            LookupError: a bound parameter has no value.
            sqlite3.Error: as SQLite says.
        """
        if self._expands:
            state = self._compiled.construct_expanded_state(dict(self._values.merge(params)))
            return connection.execute(state.statement, state.positional_parameters)
        return connection.execute(self._text, self._values.of(params))

    def row(self, values: tuple[Any, ...], cursor: sqlite3.Cursor) -> Row:
        """Turn a tuple which `cursor` gave into a row of this query."""
        if self._processors:
            converted = list(values)
            for index, process in self._processors:
                converted[index] = process(converted[index])
            values = tuple(converted)
        make = self._row
        if make is None:
            factory: Callable[..., Any] = namedtuple
            names = [column[0] for column in cursor.description]
            make = self._row = factory("Row", names, rename=True)._make
        return make(values)


class ManyRows:
    """An INSERT made ready for many rows through `sqlite3`.

    `executemany` takes and releases the interpreter lock for each row, and beside a busy event loop every
    one of these may wait for milliseconds. So the rows go many to a statement, where the VALUES clause
    allows: powers of two, that the driver's cache may keep the few texts there are.

    Args:
        statement: the statement.
        keys: the names which every row gives.

    Raises:
        ValueError: a key is no column of the table, or a column's default is made in Python: only the
            database's own are supported here.
    """

    __slots__ = ("_limit", "_texts", "_values")

    def __init__(self, statement: Insert, keys: Sequence[str]) -> None:
        compiled = _compile(statement, list(keys))
        if compiled.insert_prefetch:
            names = ", ".join(column.name for column in compiled.insert_prefetch)
            raise ValueError(f"columns with a default made in Python cannot be written in batches: {names}")
        if unknown := set(keys) - set(compiled.binds):
            raise ValueError(f"the statement has no use for {', '.join(sorted(unknown))}")
        self._values = _Values(compiled)
        self._texts = {1: compiled.string}
        self._limit = 1
        width = len(self._values.names)
        clause = f"({', '.join('?' * width)})"
        if width and compiled.string.count("?") == width and compiled.string.count(f"VALUES {clause}") == 1:
            while self._limit < _MAX_ROWS and self._limit * 2 * width <= _MAX_VALUES:
                self._limit *= 2
                self._texts[self._limit] = compiled.string.replace(clause, ", ".join([clause] * self._limit))

    def run(self, connection: sqlite3.Connection, rows: Sequence[Params]) -> None:
        """Insert `rows` in their order.

        Raises:
            LookupError: a row lacks a key.
            sqlite3.Error: as SQLite says.
        """
        start, left, size = 0, len(rows), self._limit
        while left:
            while size > left:
                size //= 2
            values: list[Any] = []
            for row in rows[start : start + size]:
                values += self._values.of(row)
            connection.execute(self._texts[size], values)
            start, left = start + size, left - size


@lru_cache(STATEMENTS)
def query(statement: SelectBase) -> Query:
    """A SELECT made ready for `sqlite3`, once."""
    return Query(statement)


@lru_cache(STATEMENTS)
def many_rows(statement: Insert, keys: tuple[str, ...]) -> ManyRows:
    """An INSERT made ready for many rows, once; see `ManyRows`."""
    return ManyRows(statement, keys)


def _compile(statement: ClauseElement, keys: list[str] | None = None) -> SQLCompiler:
    return cast(SQLCompiler, statement.compile(dialect=_DIALECT, column_keys=keys))


# `sqlite3` takes and gives bytes as they are: for these SQLAlchemy's conversions would only cost time.


def _bind_processor(type_: TypeEngine[Any]) -> _Processor | None:
    return None if isinstance(type_, LargeBinary) else type_.dialect_impl(_DIALECT).bind_processor(_DIALECT)


def _result_processor(type_: TypeEngine[Any]) -> _Processor | None:
    return (
        None
        if isinstance(type_, LargeBinary)
        else type_.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    )
