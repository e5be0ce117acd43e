"""What waits to be told: bounded, in order for each account, tried again where it did not work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from burble.modules.presence_hooks.notices import Notice, NotTold, Refused

__all__ = ["Limits", "Outbox", "Target"]

_log = logging.getLogger("burble.presence_hooks")

_LONGEST_PAUSE: Final = 60.0


class Target(Protocol):
    """Somebody who is told."""

    async def tell(self, notice: Notice) -> None:
        """Tell them; raise `NotTold` where it does not work."""

    async def close(self) -> None:
        """Let go of what it takes to tell them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, how long, how often.

    Attributes:
        waiting: notices that may wait, those that are being told included.
        at_once: notices told at a time.
        timeout: for telling one once, seconds.
        retries: how often it is tried again.
        pause: before the first time, seconds; twice as long before each that follows.
        farewell: for all that waits when no more comes, seconds.
    """

    waiting: int
    at_once: int
    timeout: float
    retries: int
    pause: float
    farewell: float = 5.0


class Outbox:
    """The notices for one target. Putting one in never waits.

    An account's notices are told one after the other, those of several accounts at the same time. Where there
    is no room, an account's notices are left out, and once there is its state is told instead.

    Args:
        target: who is told.
        limits: how.
        state: gives the notices that tell how it is with an account now, by its JID.
    """

    def __init__(self, target: Target, limits: Limits, state: Callable[[str], Iterable[Notice]]) -> None:
        self._target = target
        self._limits = limits
        self._state = state
        self._lines: dict[str, deque[Notice]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._missed: dict[str, None] = {}  # in the order in which they were
        self._turn = asyncio.Semaphore(limits.at_once)
        self._begun = asyncio.Event()
        self._closing = asyncio.Event()
        self._failing = False

    def begin(self, first: Notice | None) -> None:
        """Let the notices go, after one that comes before all others."""
        if first is None:
            self._begun.set()
        else:
            self._spawn(self._begin(first))

    def put(self, notice: Notice) -> None:
        """Have a notice told, after those of the same account that wait."""
        if notice.jid in self._missed:
            return  # its state is told later
        if self._count >= self._limits.waiting:
            if not self._missed:
                _log.warning("%s: %d notices wait already; others are left out", self._target, self._count)
            self._missed[notice.jid] = None
            return
        self._append(notice)

    async def close(self) -> None:
        """Tell what waits, but try nothing again, and not for long."""
        self._closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.farewell)
        if self._tasks:
            _log.warning("%s: %d notices are left", self._target, self._count + len(self._missed))
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        await self._target.close()

    # ---- telling

    def _append(self, notice: Notice) -> None:
        self._count += 1
        line = self._lines.get(notice.jid)
        if line is None:
            line = self._lines[notice.jid] = deque()
            self._spawn(self._tell_all(notice.jid, line))
        line.append(notice)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, first: Notice) -> None:
        await self._tell(first)
        self._begun.set()

    async def _tell_all(self, jid: str, line: deque[Notice]) -> None:
        await self._begun.wait()
        while line:
            await self._tell(line[0])
            line.popleft()
            self._count -= 1
            if self._missed and self._count < self._limits.waiting and not self._closing.is_set():
                self._catch_up()
        del self._lines[jid]

    def _catch_up(self) -> None:
        """Have the state of an account told, all of it even where that is more than there is room for."""
        jid = next(iter(self._missed))
        del self._missed[jid]
        for notice in self._state(jid):
            self._append(notice)

    async def _tell(self, notice: Notice) -> None:
        pause = self._limits.pause
        for left in range(self._limits.retries, -1, -1):
            try:
                async with self._turn, asyncio.timeout(self._limits.timeout):
                    await self._target.tell(notice)
            except TimeoutError:
                reason = f"was not done within {self._limits.timeout:g} s"
            except Refused as error:
                self._fails(str(error))
                return
            except NotTold as error:
                reason = str(error)
            except Exception:
                _log.exception("%s: telling %s failed", self._target, notice)
                return  # the account's next notice must not wait for ever
            else:
                self._works()
                return
            self._fails(reason)
            if not left or self._closing.is_set():
                break
            await self._rest(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        _log.info("%s: gave up telling %s %s", self._target, notice.name, notice.jid)

    async def _rest(self, pause: float) -> None:
        """Wait before the next try; not when the module is about to be unloaded."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._closing.wait()

    def _fails(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            _log.warning("%s %s", self._target, reason)

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("%s works again", self._target)
