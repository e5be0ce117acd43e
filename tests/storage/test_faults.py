"""Full disks, lost servers and killed processes, for real."""

import asyncio
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from burble.storage import Database, DatabaseUnavailable
from tests.databases import MISSING, Cluster, Databases, find_programs
from tests.storage.messages import CREATE_ACCOUNT, FIND_ACCOUNT, STORE, message, stored

pytestmark = pytest.mark.faults

WRITER = Path(__file__).parent / "writer.py"
JULIET = {"host": "example.org", "user": "juliet"}


def numbers(rows: list[bytes]) -> list[int]:
    return [int(row.split()[0]) for row in rows]


async def write_process(*arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), *map(str, arguments), stdout=asyncio.subprocess.PIPE
    )


async def test_disk_full_fails_every_row_and_heals(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'burble.db'}")
    await database.start()
    try:
        await database.batch.committed(database.batch.add(STORE, message(b"before")))
        pages = await _pragma(database, "page_count")
        await _pragma(database, f"max_page_count = {pages + 4}")

        failures: list[Exception] = []
        tickets = [
            database.batch.add(STORE, message(b"x" * 1000, f"user{number}"), failures.append)
            for number in range(50)
        ]
        with pytest.raises(DatabaseUnavailable, match="full"):
            await database.batch.committed(tickets[0])
        assert len(failures) == 50
        assert all(isinstance(error, DatabaseUnavailable) for error in failures)
        with pytest.raises(DatabaseUnavailable, match="full"):
            await database.execute(STORE, [message(b"x" * 1000)] * 50)
        assert await stored(database) == [b"before"]

        await _pragma(database, "max_page_count = 1000000")
        await database.batch.committed(database.batch.add(STORE, message(b"after")))
        await database.execute(STORE, message(b"too"))
        assert await stored(database) == [b"before", b"after", b"too"]
    finally:
        await database.stop()


async def _pragma(database: Database, pragma: str) -> int:
    def run(connection: Connection) -> int:
        return int(connection.scalar(text(f"PRAGMA {pragma}")))

    return await database.write(run)


async def test_a_file_that_may_not_grow_loses_nothing_reported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'burble.db'}"
    process = await write_process(url, 400_000)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    lines = [line.split() for line in output.decode().splitlines()]
    committed = [int(line[1]) for line in lines if line[0] == "committed"]
    failed = [line for line in lines if line[0] == "failed"]
    assert failed
    assert {line[2] for line in failed} == {"DatabaseUnavailable"}
    assert lines[-1] == ["stopped"]
    # The row after the failures is committed too: the process has recovered by itself.
    assert committed[-1] > int(failed[-1][1])

    database = Database.open(url)
    await database.start()
    assert numbers(await stored(database)) == committed
    await database.stop()


async def test_kill_9_keeps_every_row_reported_committed(database_url: str) -> None:
    chance = random.Random(20)
    already = 0
    for _ in range(3):
        process = await write_process(database_url)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"started\n"
        asked = chance.randrange(1, 400)
        lines = [await asyncio.wait_for(process.stdout.readline(), 20) for _ in range(asked)]
        process.kill()
        lines += (await process.stdout.read()).splitlines()
        await process.wait()
        committed = [int(line.split()[1]) for line in lines]
        assert committed == list(range(1, len(committed) + 1))

        database = Database.open(database_url)
        await database.start()
        rows = numbers(await stored(database))[already:]
        await database.stop()
        # What was written but not yet reported may be there too, in its order.
        assert rows == list(range(1, len(rows) + 1))
        assert len(rows) >= len(committed) > 0
        already += len(rows)


async def test_kill_9_keeps_every_write_reported_done(database_url: str) -> None:
    process = await write_process(database_url, "apart")
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"started\n"
    lines = [await asyncio.wait_for(process.stdout.readline(), 20) for _ in range(300)]
    process.kill()
    lines += (await process.stdout.read()).splitlines()
    await process.wait()
    database = Database.open(database_url)
    await database.start()
    rows = numbers(await stored(database))
    await database.stop()
    assert len(rows) == len(set(rows))
    assert {int(line.split()[1]) for line in lines} <= set(rows)


async def test_terminated_connections_are_replaced(postgresql: Databases) -> None:
    name = postgresql.create()
    database = Database.open(postgresql.url(name))
    await database.start()

    async def terminate() -> None:
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        await asyncio.to_thread(postgresql.admin, query)

    try:
        await database.execute(CREATE_ACCOUNT, {**JULIET, "created": 1})
        await terminate()
        assert await database.fetch_one(FIND_ACCOUNT, JULIET)
        await terminate()
        assert len(await database.fetch(FIND_ACCOUNT, JULIET)) == 1
        await terminate()
        assert await database.execute(CREATE_ACCOUNT, {"host": "x", "user": "y", "created": 1}) == 1
        await terminate()
        await database.batch.committed(database.batch.add(STORE, message(b"1")))
        assert await stored(database) == [b"1"]
    finally:
        await database.stop()
        await asyncio.to_thread(postgresql.drop, name)


async def test_terminating_while_storing_loses_nothing_reported(postgresql: Databases) -> None:
    name = postgresql.create()
    database = Database.open(postgresql.url(name), interval=0.001, rows=10)
    await database.start()
    committed: list[int] = []
    settled: list[int] = []

    def add(number: int) -> int:
        def callback(error: Exception | None) -> None:
            settled.append(number)
            if error is None:
                committed.append(number)

        ticket = database.batch.add(STORE, message(b"%d" % number))
        database.batch.when_committed(ticket, callback)
        return ticket

    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    try:
        number = 0
        for _ in range(8):
            killing = asyncio.create_task(asyncio.to_thread(postgresql.admin, query))
            while not killing.done():
                number += 1
                add(number)
                await asyncio.sleep(0)
            await killing
        await asyncio.wait_for(database.batch.flush(), 10)
        number += 1
        await database.batch.committed(add(number))
        assert settled == list(range(1, number + 1))
        rows = numbers(await stored(database))
        assert rows == sorted(set(rows))
        assert set(committed) <= set(rows)
    finally:
        await database.stop()
        await asyncio.to_thread(postgresql.drop, name)


async def test_a_connection_that_breaks_under_a_large_batch_is_noticed_at_once(postgresql: Databases) -> None:
    name = postgresql.create()
    url = make_url(postgresql.url(name))
    database = Database.open(postgresql.url(name), interval=3600, rows=10_000)
    await database.start()
    other = await asyncpg.connect(host=url.query.get("host") or url.host, user=url.username, database=name)
    try:
        # With the statement prepared, it is its first rows that wait for the lock: the server stops reading,
        # and what the client sends piles up.
        for number in range(2):
            database.batch.add(STORE, message(b"%d" % number))
        await database.batch.flush()
        locking = other.transaction()
        await locking.start()
        await other.execute("LOCK TABLE offline_messages IN ACCESS EXCLUSIVE MODE")
        tickets = [
            database.batch.add(STORE, message(b"%d " % number + b"x" * 5000)) for number in range(2, 500)
        ]
        flushing = asyncio.create_task(database.batch.flush())
        terminate = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND wait_event_type = 'Lock'"
        )
        while not await other.fetchval(terminate):
            # A transaction looks at the activity once, unless told to forget what it saw.
            await other.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)")
        await locking.rollback()
        await asyncio.wait_for(flushing, 20)
        # The transaction was lost before its commit, so it ran again.
        await database.batch.committed(tickets[-1])
        assert numbers(await stored(database)) == list(range(500))
    finally:
        await other.close()
        await database.stop()
        await asyncio.to_thread(postgresql.drop, name)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test's own, which it may stop."""
    programs = find_programs()
    if programs is None:
        pytest.skip(MISSING)
    cluster = Cluster(programs, durable=True)
    yield cluster
    cluster.remove()


async def test_a_server_stopped_and_started_again_while_storing(cluster: Cluster) -> None:
    database = Database.open(cluster.url.render_as_string(hide_password=False))
    await database.start()
    try:
        await database.batch.committed(database.batch.add(STORE, message(b"1")))
        # SIGQUIT: the server dies without a shutdown and recovers from its log.
        await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
        failures: list[Exception] = []
        lost = database.batch.add(STORE, message(b"2"), failures.append)
        with pytest.raises(DatabaseUnavailable):
            await database.batch.committed(lost)
        assert [type(error) for error in failures] == [DatabaseUnavailable]
        with pytest.raises(DatabaseUnavailable):
            await stored(database)
        with pytest.raises(DatabaseUnavailable):
            await database.execute(STORE, message(b"3"))

        await asyncio.to_thread(cluster.start)
        await database.batch.committed(database.batch.add(STORE, message(b"4")))
        await database.execute(STORE, message(b"5"))
        assert await stored(database) == [b"1", b"4", b"5"]
    finally:
        await database.stop()
