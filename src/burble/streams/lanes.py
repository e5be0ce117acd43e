"""Lets the stanzas of a stream wait for each other only where their order counts."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from burble.jid import JID
from burble.stanza import Stanza

__all__ = ["Lanes"]

_log = logging.getLogger("burble.streams")

#: Stanzas of one stream that may be under way before it is read no further.
_AT_ONCE: Final = 256

_Lane = tuple[JID, JID]


class Lanes:
    """Hands on the stanzas of one stream: those from one account to another in order (RFC 6120 §10.1).

    What can be handled at once is, with no task and no queue. Where it has to wait, say for the database,
    only what follows between the same two accounts waits with it; the rest goes by.

    Args:
        handle: takes a stanza, whose `from_` and `to` are set; returns None, or what to await for it.
        at_once: how many may be under way before `take` asks its caller to wait.
    """

    __slots__ = ("_at_once", "_handle", "_lanes", "_pending", "_room", "_tasks", "taken")

    def __init__(self, handle: Callable[[Stanza], Awaitable[None] | None], at_once: int = _AT_ONCE) -> None:
        self._handle = handle
        self._at_once = at_once
        #: How many stanzas have been taken.
        self.taken = 0
        # What waits in each lane, with its number; the first one is under way.
        self._lanes: dict[_Lane, deque[tuple[int, Stanza]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._room: asyncio.Future[None] | None = None

    def take(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take the next stanza of the stream.

        Returns:
            None where the next may follow, or what to await before it.
        """
        self.taken += 1
        lanes = self._lanes
        if lanes and (waiting_before := lanes.get(_lane(stanza))) is not None:
            waiting_before.append((self.taken, stanza))
            return self._count()
        waiting = self._handle(stanza)
        return None if waiting is None else self._begin(stanza, waiting)

    @property
    def finished(self) -> int:
        """How many of those taken are done with, counted up to the first one that is not."""
        return min((lane[0][0] for lane in self._lanes.values()), default=self.taken + 1) - 1

    @property
    def work(self) -> asyncio.Task[None] | None:
        """A task that ends when nothing is under way any more; None where nothing is."""
        return asyncio.ensure_future(self._finished()) if self._tasks else None

    def _begin(self, stanza: Stanza, waiting: Awaitable[None]) -> Awaitable[None] | None:
        lane = _lane(stanza)
        self._lanes[lane] = deque([(self.taken, stanza)])
        task = asyncio.ensure_future(self._go(lane, waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._count()

    def _count(self) -> Awaitable[None] | None:
        self._pending += 1
        if self._pending < self._at_once:
            return None
        if self._room is None or self._room.done():
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    async def _go(self, lane: _Lane, waiting: Awaitable[None] | None) -> None:
        stanzas = self._lanes[lane]
        while True:
            try:
                if waiting is not None:
                    await waiting
                self._done()
                if len(stanzas) == 1:
                    break
                stanzas.popleft()
                waiting = self._handle(stanzas[0][1])
            except Exception:
                _log.exception("a stanza from %s to %s could not be handled", *lane)
                waiting = None
        del self._lanes[lane]

    def _done(self) -> None:
        self._pending -= 1
        if self._room is not None and not self._room.done() and self._pending <= self._at_once // 2:
            self._room.set_result(None)

    async def _finished(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)


def _lane(stanza: Stanza) -> _Lane:
    assert stanza.from_ is not None
    assert stanza.to is not None
    return stanza.from_.bare, stanza.to.bare
