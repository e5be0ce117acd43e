"""SQLite: one connection that writes on a thread of its own, one that reads inline.

A reader of a write-ahead log never waits for the writer, and a point read takes less time than handing it to
a thread, so reads run on the event loop's thread. With `synchronous=FULL` a committed row survives the
machine's power loss and not only the process's end; group commit spreads the one fsync over a batch, and
over the transactions that wait for the thread (see `group`).
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, SelectBase, StaticPool, create_engine, event

from burble.storage.batch import Entry, grouped
from burble.storage.database import Database
from burble.storage.errors import StorageError, is_unavailable, reason, refused, unavailable
from burble.storage.group import Write, commit, settle
from burble.storage.snapshot import PAGE, Snapshot
from burble.storage.statements import STATEMENTS, Params, Row, many_rows, query
from burble.storage.upgrade import upgrade

T = TypeVar("T")

# Seconds to wait for another process (a backup, a second start) that holds the database's lock.
_PATIENCE = 5.0
# A write-ahead log that grew in a burst is cut back to this many bytes.
_LOG_SIZE = 16 * 1024 * 1024


class SQLiteDatabase(Database):
    """A database in one file of this machine.

    Args:
        url: `sqlite:///PATH`.
    """

    def __init__(self, url: URL) -> None:
        if not url.database or url.database == ":memory:":
            raise StorageError(
                "SQLite needs a file: sqlite:///burble.db, or sqlite:////var/lib/burble/burble.db"
            )
        self._path = url.database
        self._engine: Engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)
        # BEGIN IMMEDIATE takes the lock at once, so that a transaction never fails half way for want of it.
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        self._thread: ThreadPoolExecutor | None = None
        # SQLAlchemy keeps a connection that is never closed, and with it all of this, as long as the process.
        self._opened = ExitStack()
        # The writes that the thread will take next, together.
        self._group: list[Write[Any]] | None = None
        self._lock = Lock()

    async def start(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="burble-sqlite")
        try:
            await self._run(self._open)
            self._reader = self._connect()
        except BaseException as error:
            await self._close()
            if isinstance(error, Exception) and is_unavailable(error):
                raise StorageError(f"cannot open the database {self._path}: {reason(error)}") from error
            raise
        self._reader.execute("PRAGMA query_only = ON")

    async def stop(self) -> None:
        if self._thread is not None:
            await self.batch.close()
            self._reader.close()
            await self._close()

    async def fetch(self, statement: SelectBase, params: Params | None = None) -> Sequence[Row]:
        try:
            prepared = query(statement)
            cursor = prepared.run(self._reader, params or {})
            return [prepared.row(values, cursor) for values in cursor.fetchall()]
        except sqlite3.Error as error:
            self._name(error)
            raise

    async def fetch_one(self, statement: SelectBase, params: Params | None = None) -> Row | None:
        try:
            prepared = query(statement)
            cursor = prepared.run(self._reader, params or {})
            values = cursor.fetchone()
            row = None if values is None else prepared.row(values, cursor)
            # An unfinished SELECT would keep the log from being checkpointed.
            cursor.close()
            return row
        except sqlite3.Error as error:
            self._name(error)
            raise

    def _name(self, error: sqlite3.Error) -> None:
        """Raise the `StorageError` that tells what a failed read means, if there is one."""
        if self._thread is None:
            raise StorageError("the database is closed") from error
        if is_unavailable(error):
            raise unavailable(error) from error

    async def write(self, function: Callable[[Connection], T]) -> T:
        write = Write(function)
        self._enqueue(write)
        await write.settled
        if write.error is None:
            return write.result
        if is_unavailable(write.error):
            raise unavailable(write.error)
        raise write.error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        if self._thread is None:
            raise StorageError("the database is closed")
        connection = self._connect()
        try:
            connection.execute("PRAGMA query_only = ON")
            # The first read decides which moment the transaction sees.
            connection.execute("BEGIN").execute("SELECT 1 FROM sqlite_master").fetchone()
            yield _SQLiteSnapshot(connection)
        except sqlite3.Error as error:
            self._name(error)
            raise
        finally:
            connection.close()

    def _enqueue(self, write: Write[Any]) -> None:
        """Have `write` run with those that wait for the thread already; the first of a group wakes it."""
        if self._thread is None:
            raise StorageError("the database is closed")
        with self._lock:
            if self._group is None:
                self._group = []
                self._thread.submit(self._commit, self._group, asyncio.get_running_loop())
            self._group.append(write)

    async def _store(self, rows: Sequence[Entry], *, singly: bool) -> dict[int, Exception]:
        # What is written after this batch must not run before it, with a group that is ahead of it.
        with self._lock:
            self._group = None
        return await self._run(lambda: self._transaction(rows, singly))

    def _run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        if self._thread is None:
            raise StorageError("the database is closed")
        return asyncio.get_running_loop().run_in_executor(self._thread, function)

    # Below: on the writer's thread.

    def _commit(self, group: list[Write[Any]], loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._group is group:
                self._group = None
        # Nobody adds to the group from here on.
        commit(group, self._writer, self._raw)
        loop.call_soon_threadsafe(settle, group)

    def _transaction(self, rows: Sequence[Entry], singly: bool) -> dict[int, Exception]:
        writer = self._raw
        try:
            writer.execute("BEGIN IMMEDIATE")
            errors = self._insert_singly(rows) if singly else self._insert(rows)
            writer.execute("COMMIT")
        except BaseException as error:
            # SQLite has ended the transaction itself after some errors, a full disk among them.
            if writer.in_transaction:
                with suppress(sqlite3.Error):
                    writer.execute("ROLLBACK")
            if is_unavailable(error):
                raise unavailable(error) from error
            raise
        return errors

    def _insert(self, rows: Sequence[Entry]) -> dict[int, Exception]:
        for statement, group in grouped(rows):
            many_rows(statement, tuple(group[0])).run(self._raw, group)
        return {}

    def _insert_singly(self, rows: Sequence[Entry]) -> dict[int, Exception]:
        errors: dict[int, Exception] = {}
        for index, (statement, row, _) in enumerate(rows):
            # A statement that fails undoes itself and leaves the transaction open.
            try:
                many_rows(statement, tuple(row)).run(self._raw, [row])
            except Exception as error:
                if is_unavailable(error):
                    raise
                errors[index] = refused(error)
        return errors

    def _open(self) -> None:
        """Make the file, readable by its owner alone, set the connection up and migrate."""
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._writer = self._opened.enter_context(self._engine.connect())
        raw = self._writer.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self._raw = raw
        _use_log(raw)
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute(f"PRAGMA journal_size_limit = {_LOG_SIZE}")
        with self._writer.begin():
            upgrade(self._writer)

    # Below: on either thread.

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=_PATIENCE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    async def _close(self) -> None:
        if self._thread is not None:
            await self._run(self._opened.close)
            await self._run(self._engine.dispose)
            self._thread.shutdown()
            self._thread = None


class _SQLiteSnapshot:
    """A reading transaction on a connection of its own, used by one thread after another."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def stream(
        self, statement: SelectBase, params: Params | None = None, size: int = PAGE
    ) -> AsyncIterator[Sequence[Row]]:
        prepared = query(statement)
        cursor = await asyncio.to_thread(prepared.run, self._connection, params or {})

        def page() -> list[Row]:
            return [prepared.row(values, cursor) for values in cursor.fetchmany(size)]

        while rows := await asyncio.to_thread(page):
            yield rows


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself for another who does the same."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        raise StorageError("SQLite cannot keep a write-ahead log here: put the database on a local disk")
