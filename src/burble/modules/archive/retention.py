"""Erasing what is too old or too much, from time to time."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from burble.modules.archive.erasing import Eraser
from burble.modules.archive.settings import ArchiveSettings
from burble.routing.hosts import Host
from burble.storage import StorageError
from burble.storage.ids import first_id

__all__ = ["Retention", "id_before", "room_service"]

_log = logging.getLogger("burble.archive")

#: Microseconds.
_DAY: Final = 86_400_000_000


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
        accounts = settings.keep_days or settings.keep_messages
        if accounts or settings.rooms_keep_days or settings.rooms_keep_messages:
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
        erased = await self._erase_of(self._host.name, settings.keep_days, settings.keep_messages)
        if (service := room_service(self._host)) is not None:
            erased += await self._erase_of(service, settings.rooms_keep_days, settings.rooms_keep_messages)
        return erased

    async def _erase_of(self, domain: str, days: int, most: int) -> int:
        erased = 0
        if days:
            async for messages in self._eraser.erase_before(id_before(days), {domain}):
                erased += messages
        if most:
            async for user in self._eraser.users(domain):
                erased += await self._eraser.trim(domain, user, most)
        if erased:
            _log.info("%d messages were erased from the archives of %s", erased, domain)
        return erased


def id_before(days: int) -> int:
    """The id before which messages are older than so many days."""
    return first_id(max(time.time_ns() // 1000 - days * _DAY, 0))


def room_service(host: Host) -> str | None:
    """The domain of a host's rooms; None where there are none."""
    muc = host.modules.get("muc")
    return None if muc is None else str(muc.service.jid)
