"""The one way to the database, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, SelectBase
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from burble.storage.batch import Batcher, Entry
from burble.storage.errors import StorageError
from burble.storage.ids import TimeIds
from burble.storage.snapshot import Snapshot
from burble.storage.statements import Params, Row

T = TypeVar("T")


class Database(ABC):
    """A database of one server.

    Statements are SQLAlchemy Core's; make each once, as a constant with `bindparam`, because compiling one
    costs more than running it. Reads see what is committed: rows that still wait in `batch` are not, so
    `await batch.flush()` before reading back what a batch may hold.

    Every method that reaches the database raises `DatabaseUnavailable` when it cannot do its work just now.
    The next call tries anew.
    """

    batch: Batcher
    #: Gives the ids of archived stanzas, to all hosts of the server alike.
    ids: TimeIds

    @staticmethod
    def open(
        url: str,
        *,
        interval: float = 0.005,
        rows: int = 256,
        capacity: int = 10_000,
        connections: int = 5,
    ) -> "Database":
        """Choose the database for `url`; nothing is connected before `start`.

        Args:
            url: an SQLAlchemy URL: `sqlite:///path/burble.db`, `postgresql://user:password@host/name`, or
                one with another asynchronous driver.
            interval, rows, capacity: see `Batcher`.
            connections: at most this many connections to a database server. SQLite has two: one that
                writes, one that reads.

        Raises:
            StorageError: the URL cannot be used, or the driver it needs is not installed.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StorageError(
                "the database URL cannot be read: expected something like sqlite:///burble.db "
                "or postgresql://user:password@host/name"
            ) from None
        database: Database
        if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
            from burble.storage.sqlite import SQLiteDatabase

            database = SQLiteDatabase(parsed)
        else:
            from burble.storage.engine import EngineDatabase

            database = EngineDatabase(parsed, connections)
        database.ids = TimeIds()
        database.batch = Batcher(database._store, interval=interval, rows=rows, capacity=capacity)
        return database

    @abstractmethod
    async def start(self) -> None:
        """Connect and migrate.

        Raises:
            StorageError: there is no connection to be had.
            SchemaTooNew: a newer Burble has used this database.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Commit what the batcher holds and close every connection."""

    @abstractmethod
    async def fetch(self, statement: SelectBase, params: Params | None = None) -> Sequence[Row]:
        """Return all rows of a SELECT."""

    @abstractmethod
    async def fetch_one(self, statement: SelectBase, params: Params | None = None) -> Row | None:
        """Return the first row of a SELECT, or None."""

    @abstractmethod
    async def write(self, function: Callable[[Connection], T]) -> T:
        """Run `function` in one transaction, on another thread, and return what it returns.

        The transaction is committed when `function` returns and rolled back when it raises; the exception
        (`sqlalchemy.exc.IntegrityError`, say) reaches the caller. A transaction that a dead connection or a
        deadlock has undone runs a second time, so `function` changes nothing but the database. It must not
        return a cursor. Cancelling the caller does not stop it.
        """

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Look at all that is committed now, for as long as the context lasts; nobody has to wait for it."""

    async def rebuild(self, function: Callable[[Connection], T]) -> T:
        """Run `function` as `write` does; it may also drop and make tables."""
        return await self.write(function)

    async def execute(self, statement: Executable, params: Params | Sequence[Params] | None = None) -> int:
        """Run one INSERT, UPDATE or DELETE in a transaction of its own, for one or many sets of `params`.

        Returns:
            How many rows it touched; for many sets -1 where the driver does not count them (asyncpg).
        """

        def run(connection: Connection) -> int:
            result: CursorResult[Any] = connection.execute(statement, params)
            return result.rowcount

        return await self.write(run)

    @abstractmethod
    async def _store(self, rows: Sequence[Entry], *, singly: bool) -> dict[int, Exception]:
        """Write a batch: see `burble.storage.batch.Store`."""
