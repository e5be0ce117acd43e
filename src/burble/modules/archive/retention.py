"""Erasing what is too old or too much, from time to time."""

from __future__ import annotations

import asyncio
import logging
import time

from burble.modules.archive.erasing import Eraser
from burble.modules.archive.settings import ArchiveSettings
from burble.routing.hosts import Host
from burble.storage import StorageError
from burble.storage.ids import first_id

__all__ = ["DAY", "Retention"]

_log = logging.getLogger("burble.archive")

#: Microseconds.
DAY = 86_400_000_000


class Retention:
    """Keeps the archives of a host as old and as large as its settings say.

    Args:
        host: the host.
        eraser: erases.
    """

    def __init__(self, host: Host, eraser: Eraser) -> None:
        self._host = host
        self._eraser = eraser
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, settings: ArchiveSettings) -> None:
        """Erase from time to time, where the settings want anything erased."""
        if settings.keep_days or settings.keep_messages:
            self._timer = asyncio.get_running_loop().call_later(
                settings.erase_interval, self._begin, settings
            )

    def stop(self) -> None:
        """Erase nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _begin(self, settings: ArchiveSettings) -> None:
        self._task = self._host.spawn(self._erase(settings))
        self.start(settings)

    async def _erase(self, settings: ArchiveSettings) -> None:
        try:
            await self.erase(settings)
        except StorageError as error:
            _log.error("what is too old can't be erased from the archives now: %s", error)

    async def erase(self, settings: ArchiveSettings) -> int:
        """Erase now; returns how many messages in all archives together.

        Raises:
            StorageError: the database can't do its work.
        """
        erased = 0
        host = self._host.name
        if settings.keep_days:
            oldest = time.time_ns() // 1000 - settings.keep_days * DAY
            async for messages in self._eraser.erase_before(first_id(oldest), {host}):
                erased += messages
        if settings.keep_messages:
            async for user in self._eraser.users(host):
                erased += await self._eraser.trim(host, user, settings.keep_messages)
        if erased:
            _log.info("%d messages were erased from the archives of %s", erased, host)
        return erased
