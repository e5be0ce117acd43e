"""Transactions of SQLite that wait for the writer at the same time and share one commit."""

import asyncio
import resource
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import IntegrityError

from burble.storage import Database, DatabaseUnavailable
from burble.storage.schema import offline_messages
from tests.storage.messages import CREATE_ACCOUNT, STORE, message, stored

T = TypeVar("T")

JULIET = {"host": "example.org", "user": "juliet", "created": 1}
NEVER = 3600.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'burble.db'}", interval=NEVER, rows=1)
    await database.start()
    yield database
    await database.stop()


class Held:
    """Holds the writer's thread, so that what is written meanwhile waits and is one group."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._release = threading.Event()

    async def __aenter__(self) -> "Held":
        loop = asyncio.get_running_loop()
        held = asyncio.Event()

        def hold(_: Connection) -> None:
            loop.call_soon_threadsafe(held.set)
            self._release.wait(20)

        self._holding = asyncio.create_task(self._database.write(hold))
        await held.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        await self._holding

    async def write(self, function: Callable[[Connection], T]) -> asyncio.Task[T]:
        task = asyncio.create_task(self._database.write(function))
        await asyncio.sleep(0)  # lets it reach the queue
        return task


def store(stanza: bytes) -> Callable[[Connection], bytes]:
    def run(connection: Connection) -> bytes:
        connection.execute(STORE, message(stanza))
        return stanza

    return run


async def outcomes(tasks: list[asyncio.Task[bytes]]) -> list[bytes | type[BaseException]]:
    """What each returned, or the type of what it raised."""
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
    return [type(result) if isinstance(result, BaseException) else result for result in results]


async def test_writes_that_wait_share_a_commit_and_keep_their_order(database: Database) -> None:
    loop = asyncio.get_running_loop()
    names = [b"1", b"2", b"3", b"4"]
    finished: list[bytes] = []

    def look(_: Connection) -> bytes:
        # A reader sees nothing yet of those before.
        return b" ".join(asyncio.run_coroutine_threadsafe(stored(database), loop).result(20))

    async with Held(database) as held:
        tasks = [await held.write(store(name)) for name in names]
        looking = await held.write(look)
        for task in tasks:
            task.add_done_callback(lambda task: finished.append(task.result()))
    assert await outcomes([*tasks, looking]) == [*names, b""]
    assert await stored(database) == names
    assert finished == names


async def test_a_function_that_raises_is_undone_alone(database: Database) -> None:
    def fail(connection: Connection) -> bytes:
        connection.execute(STORE, message(b"never"))
        raise StopIteration("an exception which no future takes")

    def create(connection: Connection) -> bytes:
        connection.execute(STORE, message(b"new"))
        connection.execute(CREATE_ACCOUNT, JULIET)
        return b"created"

    async with Held(database) as held:
        functions = (store(b"1"), fail, create, create, store(b"2"))
        tasks = [await held.write(function) for function in functions]
    assert await outcomes(tasks) == [b"1", RuntimeError, b"created", IntegrityError, b"2"]
    assert await stored(database) == [b"1", b"new", b"2"]


async def test_a_full_disk_at_the_commit_fails_all_and_heals(database: Database, tmp_path: Path) -> None:
    ran: list[int] = []

    def large(connection: Connection) -> bytes:
        ran.append(connection.execute(STORE, message(b"x" * 100_000)).rowcount)
        return b"large"

    def fail(_: Connection) -> bytes:
        raise ValueError

    with growth_forbidden(tmp_path / "burble.db-wal"):
        async with Held(database) as held:
            tasks = [await held.write(function) for function in (large, fail, large)]
        assert await outcomes(tasks) == [DatabaseUnavailable] * 3
    # Every statement went well, once.
    assert ran == [1, 1]
    assert await stored(database) == []
    await database.write(store(b"after"))
    assert await stored(database) == [b"after"]


@contextmanager
def growth_forbidden(path: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the size of `path`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_statement_that_fills_the_disk_takes_nobody_along(database: Database) -> None:
    await database.write(store(b"0"))
    await database.write(limit_to_four_more_pages)
    async with Held(database) as held:
        functions = (store(b"1"), store(b"x" * 100_000), store(b"2"))
        tasks = [await held.write(function) for function in functions]
    assert await outcomes(tasks) == [b"1", DatabaseUnavailable, b"2"]
    assert await stored(database) == [b"0", b"1", b"2"]


def limit_to_four_more_pages(connection: Connection) -> None:
    pages = connection.scalar(text("PRAGMA page_count"))
    connection.execute(text(f"PRAGMA max_page_count = {pages + 4}"))


async def test_a_lost_transaction_is_not_taken_for_a_committed_one(database: Database) -> None:
    await database.write(limit_to_four_more_pages)

    def swallow(connection: Connection) -> bytes:
        connection.execute(STORE, message(b"lost"))
        with pytest.raises(Exception, match="full"):
            connection.execute(STORE, message(b"x" * 100_000))
        return b"done"

    with pytest.raises(DatabaseUnavailable, match="undone"):
        await database.write(swallow)
    async with Held(database) as held:
        tasks = [await held.write(function) for function in (store(b"1"), swallow)]
    assert await tasks[0] == b"1"
    with pytest.raises(DatabaseUnavailable, match="undone"):
        await tasks[1]
    assert await stored(database) == [b"1"]


async def test_a_write_does_not_overtake_a_batch(database: Database) -> None:
    def empty(connection: Connection) -> bytes:
        connection.execute(delete(offline_messages))
        return b"emptied"

    async with Held(database) as held:
        before = await held.write(store(b"1"))
        ticket = database.batch.add(STORE, message(b"2"))
        await asyncio.sleep(0)  # the batch is full with one row, and on its way now
        after = await held.write(empty)
    assert await outcomes([before, after]) == [b"1", b"emptied"]
    await database.batch.committed(ticket)
    assert await stored(database) == []


async def test_cancelling_one_who_waits_stops_no_write(database: Database) -> None:
    async with Held(database) as held:
        tasks = [await held.write(store(name)) for name in (b"1", b"2", b"3")]
        tasks[1].cancel()
    assert await outcomes(tasks) == [b"1", asyncio.CancelledError, b"3"]
    assert await stored(database) == [b"1", b"2", b"3"]


async def test_stop_runs_what_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'burble.db'}"
    database = Database.open(url)
    await database.start()
    async with Held(database) as held:
        tasks = [await held.write(store(name)) for name in (b"1", b"2")]
        stopping = asyncio.create_task(database.stop())
    await stopping
    assert await outcomes(tasks) == [b"1", b"2"]
    database = Database.open(url)
    await database.start()
    assert await stored(database) == [b"1", b"2"]
    await database.stop()
