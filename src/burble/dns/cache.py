"""Keeps answers as long as they hold, and lets everybody who asks the same thing wait for one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from burble.dns.client import Answer
from burble.dns.errors import DnsFailure

__all__ = ["Cache"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

# How long answers are kept at least and at most, seconds: some say 0, and are asked for with each stanza.
_AT_LEAST: Final = 10
_AT_MOST: Final = 3600
_NOTHING_AT_MOST: Final = 60
# How many answers are kept.
_ENTRIES: Final = 4096
# How many questions may be under way at the same time.
_AT_ONCE: Final = 4096


class Cache(Generic[K, T]):
    """Answers to one kind of question.

    Args:
        ask: asks it.
    """

    def __init__(self, ask: Callable[[K], Awaitable[Answer[T]]]) -> None:
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._kept: dict[K, tuple[float, tuple[T, ...]]] = {}
        self._asking: dict[K, asyncio.Task[tuple[T, ...]]] = {}

    def get(self, key: K) -> asyncio.Future[tuple[T, ...]]:
        """Return who has the records, or will bring them: to be waited for, but not cancelled.

        Raises:
            DnsFailure: too many questions are under way.
        """
        kept = self._kept.get(key)
        if kept is not None:
            until, records = kept
            if self._loop.time() < until:
                future: asyncio.Future[tuple[T, ...]] = self._loop.create_future()
                future.set_result(records)
                return future
            del self._kept[key]
        task = self._asking.get(key)
        if task is None:
            if len(self._asking) >= _AT_ONCE:
                raise DnsFailure("too many questions to the DNS are under way")
            task = self._asking[key] = self._loop.create_task(self._fetch(key))
            task.add_done_callback(_heard)
        return task

    def close(self) -> None:
        """Ask no more; who waits is cancelled."""
        for task in self._asking.values():
            task.cancel()

    async def _fetch(self, key: K) -> tuple[T, ...]:
        try:
            answer = await self._ask(key)
        finally:
            del self._asking[key]
        self._keep(key, answer)
        return answer.records

    def _keep(self, key: K, answer: Answer[T]) -> None:
        at_most = _AT_MOST if answer.records else _NOTHING_AT_MOST
        ttl = at_most if answer.ttl is None else max(_AT_LEAST, min(answer.ttl, at_most))
        self._kept[key] = (self._loop.time() + ttl, answer.records)
        if len(self._kept) > _ENTRIES:
            del self._kept[next(iter(self._kept))]  # the oldest


def _heard(task: asyncio.Task[object]) -> None:
    """Those who waited may be gone: then nobody needs to hear why it failed."""
    if not task.cancelled():
        task.exception()
