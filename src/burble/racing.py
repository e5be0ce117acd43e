"""Several ways to the same thing: begin them one after another, and take what succeeds first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

__all__ = ["AllFailed", "first_success"]

T = TypeVar("T")


class AllFailed(Exception):
    """None of the attempts succeeded.

    Attributes:
        failures: why, in the order they failed.
    """

    def __init__(self, failures: list[Exception]) -> None:
        super().__init__("; ".join(str(each) or type(each).__name__ for each in failures))
        self.failures = failures


async def first_success(
    attempts: Iterable[Callable[[], Coroutine[None, None, T]]],
    head_start: float,
    discard: Callable[[T], None] = lambda _result: None,
) -> T:
    """Return the result of the first attempt that succeeds, and stop the others.

    An attempt begins when the one before it has failed or its head start is over (as RFC 8305 §5 wants it for
    connections).

    Args:
        attempts: start them; in order.
        head_start: seconds.
        discard: is given the result of an attempt that comes too late.

    Raises:
        AllFailed: each attempt raised an `Exception`.
    """
    waiting = deque(attempts)
    running: set[asyncio.Task[T]] = set()
    failures: list[Exception] = []

    def over(attempt: asyncio.Task[T]) -> None:
        if not attempt.cancelled() and attempt.exception() is None:
            discard(attempt.result())

    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(waiting.popleft()()))
            done, _ = await asyncio.wait(
                running, timeout=head_start if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                running.discard(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
                if not isinstance(error, Exception):
                    raise error
                failures.append(error)
    finally:
        # What is not done yet is stopped; what is, or is at the last moment, was in vain.
        for attempt in running:
            attempt.add_done_callback(over)
            attempt.cancel()
    raise AllFailed(failures)
