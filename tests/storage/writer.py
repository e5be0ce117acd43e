"""A process that writes batches and reports what is committed, for tests that kill or starve it.

Usage: writer.py URL [BYTES | apart]. Prints a line `committed N` for each message N as soon as
its callback says so.
With BYTES, no file may grow beyond that: writes `failed N REASON` when the disk is "full", lifts the limit,
writes one more message and ends.
With `apart`, each message is a transaction of its own, and 20 tasks write at the same time.
"""

import asyncio
import itertools
import os
import resource
import sys

from sqlalchemy import insert

from burble.storage import Database
from burble.storage.schema import offline_messages

STORE = insert(offline_messages)


def say(*words: object) -> None:
    # One system call a line: what a killed process has said is known to the last line.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def row(number: int) -> dict[str, object]:
    return {"host": "example.org", "user": "juliet", "stanza": b"%d " % number + b"x" * 200, "stored_at": 1}


async def write_apart(url: str) -> None:
    database = Database.open(url)
    await database.start()
    say("started")
    numbers = itertools.count(1)

    async def write() -> None:
        for number in numbers:
            await database.execute(STORE, row(number))
            say("committed", number)

    await asyncio.gather(*(write() for _ in range(20)))


async def write_batches(url: str, limit: int) -> None:
    database = Database.open(url, interval=0.001, rows=20)
    await database.start()
    say("started")
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    failed = asyncio.Event()
    number = 0

    def settled(number: int, error: Exception | None) -> None:
        if error is None:
            say("committed", number)
        else:
            say("failed", number, type(error).__name__)
            failed.set()

    def add() -> int:
        nonlocal number
        number += 1
        mine = number
        ticket = database.batch.add(STORE, row(mine))
        database.batch.when_committed(ticket, lambda error: settled(mine, error))
        return ticket

    while not failed.is_set():
        for _ in range(7):
            add()
        await asyncio.sleep(0)
        await database.batch.room()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await database.batch.flush()
    await database.batch.committed(add())
    await database.stop()
    say("stopped")


if sys.argv[2:] == ["apart"]:
    asyncio.run(write_apart(sys.argv[1]))
else:
    asyncio.run(write_batches(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
