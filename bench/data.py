"""How fast, and in how much memory, a server backs up, restores, exports and imports its accounts.

    python -m bench.data --accounts 100000 --contacts 10 [--database postgresql://...]

Everything runs in this process, where a server is started with that many accounts. The memory is what the
process holds at most during a piece of work, beyond what it held before. The longest pause is how long
clients would have had to wait for the server meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Connection, delete, insert

from burble.commands import ADMIN, Caller
from burble.server import Server
from burble.storage import Database
from burble.storage.schema import account_tables, accounts, credentials, roster_items, roster_versions
from burble.testing import serving

CALLER = Caller("bench", frozenset({ADMIN}))
_PIECE = 500
_COMMANDS = (
    ("backup", "backup"),
    ("dump", "dump"),
    ("restore", "backup"),
    ("load", "dump"),
    ("export_piefxis", "out"),
)


class Memory:
    """Watches how much memory this process holds, from another thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._before = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self._most = max(self._most, self._process.memory_info().rss)

    @property
    def grown(self) -> int:
        """By how many bytes it grew at most."""
        return self._most - self._before


def rows(first: int, last: int, contacts: int) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold of some accounts; the keys are random, since nobody is going to log in."""
    found: dict[str, list[dict[str, Any]]] = {table.name: [] for table in account_tables()}
    for number in range(first, last):
        key = {"host": "localhost", "user": f"user{number:06}"}
        found[accounts.name].append({**key, "created": 1_700_000_000, "disabled": False})
        found[roster_versions.name].append({**key, "ver": 1})
        for mechanism, size in (("SHA-1", 20), ("SHA-256", 32), ("SHA-512", 64)):
            keys = {"stored_key": secrets.token_bytes(size), "server_key": secrets.token_bytes(size)}
            made = {"mechanism": mechanism, "salt": secrets.token_bytes(16), "iterations": 10_000}
            found[credentials.name].append({**key, **made, **keys})
        for contact in range(contacts):
            item = {"jid": f"user{number + contact + 1:06}@localhost", "name": f"Contact {contact}"}
            more = {"subscription": "both", "ask": False, "approved": False, "groups": '["Friends"]'}
            found[roster_items.name].append({**key, **item, **more})
    return found


async def fill(database: Database, number: int, contacts: int) -> None:
    """Make accounts with contacts."""
    for first in range(0, number, _PIECE):
        made = rows(first, min(number, first + _PIECE), contacts)

        def write(connection: Connection, made: dict[str, list[dict[str, Any]]] = made) -> None:
            for table in account_tables():
                if made[table.name]:
                    connection.execute(insert(table), made[table.name])

        await database.write(write)


async def empty(database: Database) -> None:
    """Remove all accounts."""

    def write(connection: Connection) -> None:
        for table in account_tables():
            connection.execute(delete(table))

    await database.write(write)


async def measure(name: str, number: int, work: Callable[[], Awaitable[Any]]) -> None:
    """Do a piece of work and print a line about it."""
    longest, last = 0.0, time.monotonic()

    async def tick() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    with Memory() as memory:
        start, busy = time.monotonic(), time.process_time()
        said = await work()
        took, busy = time.monotonic() - start, time.process_time() - busy
    ticking.cancel()
    figures = (f"{took:.1f}", f"{busy:.1f}", f"{number / took:,.0f}")
    costs = (f"{memory.grown / 2**20:.0f}", f"{longest * 1000:.0f}")
    print("|", " | ".join((name, *figures, *costs, str(said)[:60])), "|", flush=True)


async def run(number: int, contacts: int, url: str | None) -> None:
    """Measure all of it."""
    with tempfile.TemporaryDirectory(prefix="burble-data-") as directory:
        place = Path(directory)
        changes: dict[str, Any] = {} if url is None else {"database": {"url": url}}

        def call(server: Server, *words: str) -> Callable[[], Awaitable[Any]]:
            return lambda: server.commands.call(words[0], list(words[1:]), CALLER)

        async with serving(place / "server", **changes) as server:
            await fill(server.database, number, contacts)
            print("| what | seconds | of CPU | accounts a second | MiB more | longest pause, ms | said |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            for name, file in _COMMANDS:
                await measure(name, number, call(server, name, str(place / file)))
            await empty(server.database)
            main = min(os.listdir(place / "out"), key=len)
            await measure("import_piefxis", number, call(server, "import_piefxis", str(place / "out" / main)))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.data", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--contacts", type=int, default=10)
    parser.add_argument(
        "--database", help="an SQLAlchemy URL of an empty database; SQLite where it is left out"
    )
    given = parser.parse_args()
    asyncio.run(run(given.accounts, given.contacts, given.database))


if __name__ == "__main__":
    main()
