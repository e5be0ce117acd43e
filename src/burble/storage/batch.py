"""Write-behind with group commit: many small writes share one transaction.

A handler hands over a row with a plain call and goes on; a few milliseconds later the row is committed with
all others of that time. Whoever owes somebody an answer waits for the row's ticket.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Insert

from burble.storage.errors import DatabaseUnavailable, QueueFull, StorageError, unavailable

logger = logging.getLogger(__name__)

Failed = Callable[[Exception], None]
Settled = Callable[[Exception | None], None]
Entry = tuple[Insert, Mapping[str, Any], Failed | None]

# Failures whose tickets can still be asked for; of older failures only the newest ticket is known.
_REMEMBERED = 10_000


class Store(Protocol):
    """How a database writes the rows of one transaction."""

    def __call__(self, rows: Sequence[Entry], *, singly: bool) -> Awaitable[dict[int, Exception]]:
        """Commit `rows` in one transaction.

        With `singly`, each row stands for itself: the refused ones are left out, and returned by their index
        with the reason. Otherwise one refused row fails them all.

        Raises:
            DatabaseUnavailable: nothing counts as stored.
            Exception: nothing is stored, and at least one row is to blame.
        """


def grouped(rows: Sequence[Entry]) -> list[tuple[Insert, list[Mapping[str, Any]]]]:
    """Gather the rows that one statement can write together.

    The rows of one table keep their order; tables come in the order in which they first appear.
    """
    groups: list[tuple[Insert, list[Mapping[str, Any]]]] = []
    newest: dict[Any, tuple[Insert, list[Mapping[str, Any]]]] = {}
    for statement, row, _ in rows:
        group = newest.get(statement.table)
        if group is None or group[0] is not statement or group[1][0].keys() != row.keys():
            group = newest[statement.table] = (statement, [])
            groups.append(group)
        group[1].append(row)
    return groups


class Batcher:
    """Gathers rows and commits them together, in the order in which they came.

    A row's ticket is its number. Tickets settle in order: when one is committed or has failed, so have all
    before it. Within one commit, rows of different tables may be written in another order (see `grouped`).

    Args:
        store: writes a batch.
        interval: seconds which the first row of a batch waits for others.
        rows: a batch with this many rows does not wait.
        capacity: with this many rows waiting the batcher is `full`; with twice as many `add` refuses.
    """

    def __init__(
        self, store: Store, *, interval: float = 0.005, rows: int = 256, capacity: int = 10_000
    ) -> None:
        self._store = store
        self._interval = interval
        self._batch = rows
        self._capacity = capacity
        self._limit = 2 * capacity
        self._rows: list[Entry] = []
        self._last = 0
        self._settled = 0
        self._hurry = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[int, list[Settled]] = {}
        self._room: list[asyncio.Future[None]] = []
        self._failures: dict[int, Exception] = {}
        self._forgotten = 0
        self._closed = False

    def add(self, statement: Insert, row: Mapping[str, Any], failed: Failed | None = None) -> int:
        """Hand over a row; return its ticket.

        Args:
            statement: an INSERT, made once and used for all rows of its kind.
            row: the values by column; it must not change afterwards.
            failed: called with a `DatabaseUnavailable` or `RowRefused` when the row could not be committed.

        Raises:
            QueueFull: the caller has ignored `full` for too long.
            StorageError: the database is closed.
        """
        ticket = self._last + 1
        if ticket - self._settled > self._limit:
            raise QueueFull(f"{self._limit} rows wait for the database already")
        if self._closed:
            raise StorageError("the database is closed")
        self._last = ticket
        rows = self._rows
        rows.append((statement, row, failed))
        if self._task is None:
            if len(rows) >= self._batch:
                self._start()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(self._interval, self._start)
        return ticket

    @property
    def unsettled(self) -> int:
        """The ticket of the newest row, or 0 where every row is committed or has failed."""
        return self._last if self._last != self._settled else 0

    @property
    def full(self) -> bool:
        """Whether so many rows wait that a stream should await `room` before it takes more work."""
        return self._last - self._settled >= self._capacity

    async def room(self) -> None:
        """Wait until the batcher is not full."""
        while self.full:
            future = asyncio.get_running_loop().create_future()
            self._room.append(future)
            await future

    async def flush(self) -> None:
        """Wait until every row added so far is committed or has failed, without waiting for more to come."""
        if self._last > self._settled:
            self._hurry = self._last
            if self._task is None:
                self._start()
            await self.settled()

    async def settled(self) -> None:
        """Wait as `flush`, but without hurrying: other rows may still come into the same commit."""
        ticket = self._last
        if ticket > self._settled:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.when_committed(ticket, lambda _: None if future.done() else future.set_result(None))
            await future

    def when_settled(self, act: Callable[[], None]) -> None:
        """Call `act` once every row until now is committed or has failed; at once where none waits."""
        if self.unsettled:
            self.when_committed(self._last, lambda _: act())
        else:
            act()

    async def committed(self, ticket: int) -> None:
        """Wait until the row with `ticket` is committed.

        Raises:
            DatabaseUnavailable: it could not be committed.
            RowRefused: the database does not want it.
        """
        future: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.when_committed(ticket, lambda error: None if future.done() else future.set_result(error))
        error = await future
        if error is not None:
            raise error

    def when_committed(self, ticket: int, callback: Settled) -> None:
        """Call `callback` with None once the row is committed, or with the reason why it is not.

        Callbacks run in the order of their tickets, after the `failed` of the rows before; for a row that is
        settled already, at once.

        Raises:
            ValueError: no row has this ticket.
        """
        if ticket > self._settled:
            if ticket > self._last:
                raise ValueError(f"there is no row {ticket} yet")
            self._waiting.setdefault(ticket, []).append(callback)
        elif ticket > self._forgotten:
            callback(self._failures.get(ticket))
        else:
            callback(
                self._failures.get(ticket) or DatabaseUnavailable(f"the outcome of row {ticket} is forgotten")
            )

    async def close(self) -> None:
        """Commit what waits and take no more rows."""
        self._closed = True
        await self.flush()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Write until no batch is due."""
        try:
            while self._rows:
                rows, self._rows = self._rows, []
                self._settle(rows, await self._write(rows))
                if len(self._rows) < self._batch and self._hurry <= self._settled:
                    break
        finally:
            self._task = None
        if self._rows:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._start)

    async def _write(self, rows: list[Entry]) -> dict[int, Exception]:
        """Store `rows`; return the failures by index."""
        error: Exception
        try:
            return await self._store(rows, singly=False)
        except DatabaseUnavailable as raised:
            error = raised
        except Exception as raised:
            logger.debug("A batch of %d rows was refused, trying each: %s", len(rows), raised)
            try:
                return await self._store(rows, singly=True)
            except Exception as again:
                error = unavailable(again)
        logger.error("%d rows could not be stored: %s", len(rows), error)
        return dict.fromkeys(range(len(rows)), error)

    def _settle(self, rows: list[Entry], errors: dict[int, Exception]) -> None:
        first = self._settled + 1
        self._settled += len(rows)
        if errors or self._waiting:
            for index, (_, _, failed) in enumerate(rows):
                error = errors.get(index)
                if error is not None:
                    self._remember(first + index, error)
                    if failed is not None:
                        self._call(failed, error)
                for callback in self._waiting.pop(first + index, ()):
                    self._call(callback, error)
        waiters, self._room = self._room, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    def _remember(self, ticket: int, error: Exception) -> None:
        self._failures[ticket] = error
        if len(self._failures) > _REMEMBERED:
            self._forgotten = next(iter(self._failures))
            del self._failures[self._forgotten]

    @staticmethod
    def _call(callback: Callable[[Any], None], error: Exception | None) -> None:
        try:
            callback(error)
        except Exception:
            logger.exception("A callback of the batcher failed")
