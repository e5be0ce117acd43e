"""Group commit for the transactions of SQLite: those that wait for the writer together share one commit.

Most of what a small transaction costs is its commit (an fsync) and its way to the writer's thread and back.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from burble.storage.errors import DatabaseUnavailable

T = TypeVar("T")


class _Undone(DatabaseUnavailable):
    """SQLite has rolled the whole transaction back by itself."""


class Write(Generic[T]):
    """A function that waits to be run in a transaction.

    Args:
        function: what to run.

    Attributes:
        settled: done when the transaction is over; made for the running event loop.
        error: why nothing of it is stored.
        result: what the function returned, if there is no error.
    """

    __slots__ = ("error", "function", "result", "settled")

    result: T

    def __init__(self, function: Callable[[Connection], T]) -> None:
        self.function = function
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.error: BaseException | None = None


def commit(writes: Sequence[Write[Any]], connection: Connection, raw: sqlite3.Connection) -> None:
    """Run `writes` in their order and commit them together; a function that raises is undone alone.

    Afterwards each has its result or its error; nothing is raised. When the commit fails, all have failed:
    even the exception of one that raised may speak of what another had written, and that is gone.

    Args:
        writes: at least one.
        connection: where they run.
        raw: the driver's side of `connection`.
    """
    if len(writes) == 1:
        _commit_alone(writes[0], connection, raw)
        return
    try:
        with connection.begin():
            for write in writes:
                _run_guarded(write, connection, raw)
    except _Undone:
        # A full disk, for one, takes back what went well before, and those are not to blame.
        for write in writes:
            _commit_alone(write, connection, raw)
    except BaseException as error:
        for write in writes:
            write.error = error


def settle(writes: Sequence[Write[Any]]) -> None:
    """Wake those who wait for `writes`; for the event loop's thread."""
    for write in writes:
        if not write.settled.done():
            write.settled.set_result(None)


def _commit_alone(write: Write[Any], connection: Connection, raw: sqlite3.Connection) -> None:
    write.error = None
    try:
        with connection.begin():
            write.result = write.function(connection)
            _check(raw)
    except BaseException as error:
        write.error = error


def _run_guarded(write: Write[Any], connection: Connection, raw: sqlite3.Connection) -> None:
    # The bare driver's savepoints cost a fraction of SQLAlchemy's.
    raw.execute("SAVEPOINT one")
    try:
        write.result = write.function(connection)
    except BaseException as error:
        write.error = error
    _check(raw)
    if write.error is not None:
        raw.execute("ROLLBACK TO one")
    raw.execute("RELEASE one")


def _check(raw: sqlite3.Connection) -> None:
    """See to it that a transaction is open.

    SQLite ends it after some errors (`SQLITE_FULL`, `SQLITE_IOERR`); the driver would not notice, and commit
    nothing without a word.
    """
    if not raw.in_transaction:
        raise _Undone("the database has undone a transaction")
