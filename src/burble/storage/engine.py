"""A database server through one of SQLAlchemy's asynchronous drivers: PostgreSQL with asyncpg."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, cast

from sqlalchemy import URL, Connection, Executable, SelectBase
from sqlalchemy.exc import InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from burble.storage.batch import Entry, grouped
from burble.storage.database import Database
from burble.storage.errors import StorageError, is_lost, is_unavailable, reason, refused, unavailable
from burble.storage.snapshot import PAGE, Snapshot
from burble.storage.statements import Params, Row
from burble.storage.upgrade import upgrade

T = TypeVar("T")

# Seconds for a connection to come about and for the slowest statement. A server that has vanished without a
# word is noticed by these.
_CONNECT_TIMEOUT = 10
_STATEMENT_TIMEOUT = 60
# Characters sent in one `executemany`. What asyncpg cannot write at once (it starts with 128 KiB) it writes
# when the socket has room; should the connection break before, it waits until the statement's timeout.
_PIECE = 32 * 1024


class _Progress:
    """How far a transaction came."""

    def __init__(self) -> None:
        self.committing = False


class EngineDatabase(Database):
    """A database that another process serves.

    Args:
        url: the URL; `postgresql://` means asyncpg.
        connections: the size of the pool.
    """

    def __init__(self, url: URL, connections: int) -> None:
        self._engine = new_engine(url, connections)
        # A SELECT alone needs no transaction around it, which would cost two more round trips.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._open = False

    async def start(self) -> None:
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(upgrade)
        except StorageError:
            await self._engine.dispose()
            raise
        except Exception as error:
            await self._engine.dispose()
            url = self._engine.url.render_as_string(hide_password=True)
            raise StorageError(f"cannot use the database {url}: {reason(error)}") from error
        self._open = True

    async def stop(self) -> None:
        if self._open:
            await self.batch.close()
            self._open = False
            await self._engine.dispose()

    async def fetch(self, statement: SelectBase, params: Params | None = None) -> Sequence[Row]:
        async def run(_: _Progress) -> Sequence[Row]:
            async with self._reading.connect() as connection:
                return (await connection.execute(_executable(statement), params)).all()

        return await self._guarded(run)

    async def fetch_one(self, statement: SelectBase, params: Params | None = None) -> Row | None:
        async def run(_: _Progress) -> Row | None:
            async with self._reading.connect() as connection:
                return (await connection.execute(_executable(statement), params)).first()

        return await self._guarded(run)

    async def write(self, function: Callable[[Connection], T]) -> T:
        async def run(progress: _Progress) -> T:
            async with self._engine.connect() as connection:
                transaction = await connection.begin()
                result = await connection.run_sync(function)
                progress.committing = True
                await transaction.commit()
                return result

        return await self._guarded(run)

    async def rebuild(self, function: Callable[[Connection], T]) -> T:
        try:
            return await self.write(function)
        finally:
            # Connections remember how statements on the tables of before were planned.
            await self._engine.dispose()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        if not self._open:
            raise StorageError("the database is closed")
        try:
            async with self._engine.connect() as connection:
                # A transaction that only reads never waits for others, nor they for it.
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                yield _EngineSnapshot(connection)
        except Exception as error:
            if is_unavailable(error):
                raise unavailable(error) from error
            raise

    async def _store(self, rows: Sequence[Entry], *, singly: bool) -> dict[int, Exception]:
        async def run(progress: _Progress) -> dict[int, Exception]:
            errors: dict[int, Exception] = {}
            async with self._engine.connect() as connection:
                transaction = await connection.begin()
                if singly:
                    for index, (statement, row, _) in enumerate(rows):
                        try:
                            async with connection.begin_nested():
                                await connection.execute(statement, row)
                        except Exception as error:
                            if is_unavailable(error):
                                raise
                            errors[index] = refused(error)
                else:
                    for statement, group in grouped(rows):
                        for piece in _pieces(group):
                            await connection.execute(statement, piece)
                progress.committing = True
                await transaction.commit()
            return errors

        return await self._guarded(run)

    async def _guarded(self, run: Callable[[_Progress], Awaitable[T]]) -> T:
        """Run a transaction, once more if the first was lost for certain, and name its errors."""
        if not self._open:
            raise StorageError("the database is closed")
        progress = _Progress()
        try:
            try:
                return await run(progress)
            except Exception as error:
                # When the connection breaks during the commit, nobody knows whether it happened.
                if progress.committing or not is_lost(error):
                    raise
                return await run(_Progress())
        except Exception as error:
            if is_unavailable(error):
                raise unavailable(error) from error
            raise


class _EngineSnapshot:
    """A reading transaction on a connection of its own, with a cursor of the server for each stream."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def stream(
        self, statement: SelectBase, params: Params | None = None, size: int = PAGE
    ) -> AsyncIterator[Sequence[Row]]:
        options = {"yield_per": size}
        result = await self._connection.stream(_executable(statement), params, execution_options=options)
        async for page in result.partitions():
            yield page


def new_engine(url: URL, connections: int) -> AsyncEngine:
    """Make what connects to a database server; it connects when it is asked to.

    Args:
        url: of the database.
        connections: at most so many at a time.

    Raises:
        StorageError: the URL cannot be used, or the driver it needs is not installed.
    """
    arguments = {}
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+asyncpg")
    if url.drivername == "postgresql+asyncpg":
        arguments = {"timeout": _CONNECT_TIMEOUT, "command_timeout": _STATEMENT_TIMEOUT}
    try:
        return create_async_engine(url, pool_size=connections, max_overflow=0, connect_args=arguments)
    except ModuleNotFoundError as error:
        hint = "; pip install 'burble[postgresql]'" if url.drivername == "postgresql+asyncpg" else ""
        raise StorageError(f"the driver of {url.drivername} is not installed ({error.name}){hint}") from error
    except (InvalidRequestError, NoSuchModuleError) as error:
        raise StorageError(
            f"{url.drivername} cannot be used: an asynchronous driver is needed ({error})"
        ) from error


def _pieces(rows: Sequence[Params]) -> Iterator[Sequence[Params]]:
    """Cut `rows` so that no piece of several rows holds more than `_PIECE` characters and bytes."""
    start = size = 0
    for index, row in enumerate(rows):
        width = 64 + sum(len(value) for value in row.values() if isinstance(value, bytes | str))
        if size and size + width > _PIECE:
            yield rows[start:index]
            start, size = index, 0
        size += width
    yield rows[start:]


def _executable(statement: SelectBase) -> Executable:
    """Every SELECT can be executed, which the types of SQLAlchemy do not say of their base class."""
    return cast(Executable, statement)
