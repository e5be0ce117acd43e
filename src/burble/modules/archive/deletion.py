"""Deleting what is old, bit by bit, as administrators ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Final, Literal

from burble.modules.archive.erasing import Eraser
from burble.routing.hosts import Host

__all__ = ["Deletion"]

State = Literal["not started", "working", "aborted", "completed", "failed"]

_WORDS: Final[dict[State, str]] = {
    "not started": "Operation not started",
    "working": "Operation in progress, deleted {} messages",
    "aborted": "Operation was aborted after deleting {} messages",
    "completed": "Operation was completed after deleting {} messages",
    "failed": "Operation failed after deleting {} messages with error {}",
}


class Deletion:
    """One at a time on a host.

    Args:
        host: the host.
        eraser: erases.
    """

    def __init__(self, host: Host, eraser: Eraser) -> None:
        self._host = host
        self._eraser = eraser
        self._state: State = "not started"
        self._deleted = 0
        self._error = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def working(self) -> bool:
        """Whether one is under way."""
        return self._state == "working"

    @property
    def status(self) -> str:
        """How far the latest one has come, in ejabberd's words."""
        return _WORDS[self._state].format(self._deleted, self._error)

    def begin(self, before: int, domains: Container[str], size: int, rate: int) -> None:
        """Begin to delete.

        Args:
            before: the id up to which messages are old.
            domains: those of the archives.
            size: messages deleted at once.
            rate: messages deleted at most in a minute.
        """
        self._state, self._deleted = "working", 0
        self._task = self._host.spawn(self._delete(before, domains, size, rate))

    def abort(self) -> bool:
        """Delete no more; whether anything was being deleted."""
        if self._task is None or not self.working:
            return False
        self._state = "aborted"
        self._task.cancel()
        return True

    async def _delete(self, before: int, domains: Container[str], size: int, rate: int) -> None:
        try:
            async for deleted in self._eraser.erase_before(before, domains, size):
                self._deleted += deleted
                await asyncio.sleep(60 * deleted / rate)
        except Exception as error:
            self._state, self._error = "failed", str(error)
        else:
            self._state = "completed"
