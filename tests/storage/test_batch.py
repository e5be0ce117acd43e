"""Write-behind batches."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from burble.storage import Batcher, Database, QueueFull, RowRefused, upsert
from burble.storage.batch import Entry, grouped
from burble.storage.schema import accounts, last_activity, vcards
from tests.storage.messages import CREATE_ACCOUNT, STORE, message, stored


class Recorder:
    """A store which commits when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.go = asyncio.Event()

    async def __call__(self, rows: list[Entry], *, singly: bool) -> dict[int, Exception]:
        self.batches.append([row["stanza"] for _, row, _ in rows])
        await self.go.wait()
        return {}


async def test_rows_are_committed_by_themselves_in_their_order(database: Database) -> None:
    rows = [b"%d" % number for number in range(700)]
    tickets = [database.batch.add(STORE, message(row)) for row in rows]
    assert tickets == list(range(1, 701))
    await database.batch.committed(tickets[-1])
    assert await stored(database) == rows


async def test_callbacks_come_in_order_after_the_commit(database: Database) -> None:
    seen: list[tuple[int, Exception | None]] = []
    for number in range(5):
        ticket = database.batch.add(STORE, message(b"%d" % number))
        database.batch.when_committed(ticket, lambda error, ticket=ticket: seen.append((ticket, error)))
    assert seen == []
    await database.batch.flush()
    assert seen == [(number, None) for number in range(1, 6)]
    assert len(await stored(database)) == 5


async def test_waiting_for_what_there_is_neither_hurries_it_nor_waits_for_more() -> None:
    recorder = Recorder()
    batch = Batcher(recorder, interval=0.01)
    assert batch.unsettled == 0
    await batch.settled()  # nothing
    batch.add(STORE, message(b"1"))
    waiting = asyncio.create_task(batch.settled())
    await asyncio.sleep(0)
    assert (batch.unsettled, recorder.batches) == (1, [])
    batch.add(STORE, message(b"2"))
    assert batch.unsettled == 2
    recorder.go.set()
    await waiting
    assert recorder.batches == [[b"1", b"2"]]
    assert batch.unsettled == 0


async def test_rows_of_several_tables_and_shapes_share_a_batch(database: Database) -> None:
    batch = database.batch
    for number in range(3):
        owner = {"host": "example.org", "user": f"user{number}"}
        batch.add(CREATE_ACCOUNT, owner | {"created": number})
        batch.add(STORE, message(b"plain %d" % number))
        batch.add(STORE, message(b"dying %d" % number) | {"expires": 5})
    batch.add(CREATE_ACCOUNT, {"host": "example.org", "user": "other", "created": 9, "disabled": True})
    await batch.flush()
    expected = [b"%s %d" % (kind, number) for number in range(3) for kind in (b"plain", b"dying")]
    assert await stored(database) == expected
    rows = await database.fetch(select(accounts.c.created, accounts.c.disabled).order_by(accounts.c.created))
    assert [tuple(row) for row in rows] == [(0, False), (1, False), (2, False), (9, True)]


async def test_upserts_in_a_batch_leave_the_last(database: Database) -> None:
    remember = upsert(last_activity)
    for seconds in range(10):
        row = {"host": "example.org", "user": f"user{seconds % 2}", "seconds": seconds, "status": ""}
        database.batch.add(remember, row)
    await database.batch.flush()
    rows = await database.fetch(select(last_activity.c.seconds).order_by(last_activity.c.seconds))
    assert [row.seconds for row in rows] == [8, 9]


def test_grouping_keeps_the_order_within_a_table() -> None:
    other = insert(vcards)
    again = upsert(vcards)
    rows: list[Entry] = [
        (statement, {"row": number}, None)
        for number, statement in enumerate([STORE, other, STORE, again, STORE, other])
    ]
    assert [(statement, [row["row"] for row in group]) for statement, group in grouped(rows)] == [
        (STORE, [0, 2, 4]),
        (other, [1]),
        (again, [3]),
        (other, [5]),
    ]


async def test_a_poison_row_fails_alone(database: Database) -> None:
    failures: list[tuple[str, Exception]] = []
    seen: list[Any] = []

    def add(name: str, row: dict[str, Any]) -> int:
        ticket = database.batch.add(STORE, row, lambda error: failures.append((name, error)))
        database.batch.when_committed(ticket, lambda error: seen.append((name, type(error))))
        return ticket

    add("before", message(b"before"))
    null = add("null", message(b"") | {"stanza": None})
    add("between", message(b"between"))
    add("number", message(b"") | {"stored_at": 2**70})
    after = add("after", message(b"after"))
    await database.batch.flush()

    assert await stored(database) == [b"before", b"between", b"after"]
    assert [name for name, _ in failures] == ["null", "number"]
    assert all(isinstance(error, RowRefused) for _, error in failures)
    none = type(None)
    assert seen == [
        *[("before", none), ("null", RowRefused), ("between", none)],
        *[("number", RowRefused), ("after", none)],
    ]
    # Asked later, the tickets still know.
    await database.batch.committed(after)
    with pytest.raises(RowRefused):
        await database.batch.committed(null)


async def test_sqlite_refuses_what_the_bare_driver_would_lose(tmp_path: Path) -> None:
    table = Table(
        "t", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, default=lambda: 1)
    )
    database = Database.open(f"sqlite:///{tmp_path / 'burble.db'}")
    await database.start()
    try:
        with pytest.raises(RowRefused, match=r"default made in Python .*: n"):
            await database.batch.committed(database.batch.add(insert(table), {"id": 1}))
        with pytest.raises(RowRefused, match="no use for colour"):
            await database.batch.committed(database.batch.add(STORE, message(b"1") | {"colour": "red"}))
    finally:
        await database.stop()


async def test_a_failing_callback_does_not_stop_the_others(database: Database) -> None:
    def fail(error: Exception | None) -> None:
        raise RuntimeError

    seen: list[Exception | None] = []
    ticket = database.batch.add(STORE, message(b"1"))
    database.batch.when_committed(ticket, fail)
    database.batch.when_committed(ticket, seen.append)
    await database.batch.flush()
    assert seen == [None]


async def test_stop_commits_what_waits(database_url: str) -> None:
    database = Database.open(database_url, interval=3600)
    await database.start()
    database.batch.add(STORE, message(b"1"))
    await database.stop()
    database = Database.open(database_url)
    await database.start()
    assert await stored(database) == [b"1"]
    await database.stop()


async def test_rows_gather_while_a_commit_is_under_way() -> None:
    store = Recorder()
    batch = Batcher(store, interval=3600, rows=3)
    for number in range(3):
        batch.add(STORE, message(b"%d" % number))
    await asyncio.sleep(0)
    last = [batch.add(STORE, message(b"%d" % number)) for number in range(3, 8)][-1]
    assert store.batches == [[b"0", b"1", b"2"]]
    store.go.set()
    await batch.committed(last)
    assert store.batches == [[b"0", b"1", b"2"], [b"3", b"4", b"5", b"6", b"7"]]


async def test_flush_does_not_wait_for_the_interval_behind_a_running_commit() -> None:
    store = Recorder()
    batch = Batcher(store, interval=3600, rows=2)
    batch.add(STORE, message(b"0"))
    batch.add(STORE, message(b"1"))
    await asyncio.sleep(0)
    batch.add(STORE, message(b"2"))
    flushed = asyncio.create_task(batch.flush())
    await asyncio.sleep(0)
    store.go.set()
    await asyncio.wait_for(flushed, 5)
    assert store.batches == [[b"0", b"1"], [b"2"]]


async def test_a_full_batcher_makes_room_only_by_committing() -> None:
    store = Recorder()
    batch = Batcher(store, interval=3600, rows=4, capacity=4)
    await batch.room()
    for _ in range(8):
        batch.add(STORE, message(b""))
    assert batch.full
    with pytest.raises(QueueFull):
        batch.add(STORE, message(b""))
    room = asyncio.create_task(batch.room())
    await asyncio.sleep(0)
    assert not room.done()
    store.go.set()
    await asyncio.wait_for(room, 5)
    assert not batch.full
    batch.add(STORE, message(b""))


async def test_a_ticket_nobody_has_is_an_error() -> None:
    batch = Batcher(Recorder())
    with pytest.raises(ValueError, match="no row 1"):
        batch.when_committed(1, lambda error: None)
