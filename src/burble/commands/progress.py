"""How far a command that takes long has come, for whoever called it and wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

__all__ = ["Listener", "Progress", "report", "reporting"]

# Between two reports, seconds: a person sees no more than that, and a command may report every row.
_INTERVAL: Final = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a command has come.

    Attributes:
        done: how much is done.
        total: of how much; None where that is not known.
        text: what is being done, in a few words: "accounts of example.org".
    """

    done: int
    total: int | None
    text: str


Listener = Callable[[Progress], None]
"""Is told of progress, in the thread that the command works in."""


class _Limited:
    """Tells a listener five times a second, and of the start and the end of each piece of work."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._next = 0.0
        self._text = ""

    def __call__(self, done: int, total: int | None, text: str) -> None:
        now = time.monotonic()
        if now >= self._next or done == total or text != self._text:
            self._next = now + _INTERVAL
            self._text = text
            self._listener(Progress(done, total, text))


_current: ContextVar[_Limited | None] = ContextVar("progress", default=None)


def report(done: int, total: int | None, text: str) -> None:
    """Tell whoever called the command that is under way how far it has come.

    Cheap enough to be called for every row; nothing happens where nobody listens. A command that works in a
    thread of `asyncio.to_thread` may call it there.

    Args:
        done: how much is done.
        total: of how much; None where that is not known.
        text: what is being done, in a few words.
    """
    limited = _current.get()
    if limited is not None:
        limited(done, total, text)


@contextmanager
def reporting(listener: Listener | None) -> Iterator[None]:
    """Let a listener hear what is reported within the context; None: nobody listens."""
    token = _current.set(_Limited(listener) if listener is not None else None)
    try:
        yield
    finally:
        _current.reset(token)
