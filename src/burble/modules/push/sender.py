"""Telling push services, one request at a time, and giving up on those that only fail (XEP-0357 §7.1)."""

from __future__ import annotations

import asyncio
import logging

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.push.notifications import Summary, publish
from burble.modules.push.store import PushService, PushStore
from burble.routing.hosts import Host
from burble.storage import StorageError

__all__ = ["Sender"]

_log = logging.getLogger("burble.push")

_Key = tuple[str, JID, str]


class Sender:
    """Sends the notifications of one host.

    While a service has not answered, what else there is to tell it waits, and only the newest summary of it:
    a service that never answers costs one request now and then.

    Args:
        host: the host.
        store: where a service is forgotten that fails too often.
    """

    def __init__(self, host: Host, store: PushStore) -> None:
        self._host = host
        self._store = store
        #: What waits for the answer to the last request, by service; None where nothing does.
        self._waiting: dict[_Key, Summary | None] = {}
        self._failures: dict[_Key, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self.timeout = 30.0
        self.most_failures = 1

    def notify(self, user: str, service: PushService, summary: Summary) -> None:
        """Tell a service of an account something, now or as soon as it has answered."""
        if self._stopped:
            return
        key = (user, service.jid, service.node)
        if key in self._waiting:
            self._waiting[key] = summary
            return
        self._waiting[key] = None
        task = self._host.spawn(self._send(key, service, summary))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, user: str, jid: JID, node: str) -> None:
        """Forget how often a service has failed: it has been enabled anew."""
        self._failures.pop((user, jid, node), None)

    def stop(self) -> None:
        """Wait for no answer any more, and tell nobody anything."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def _send(self, key: _Key, service: PushService, summary: Summary | None) -> None:
        try:
            while summary is not None:
                if not await self._publish(key, service, summary):
                    return
                summary, self._waiting[key] = self._waiting[key], None
        finally:
            del self._waiting[key]

    async def _publish(self, key: _Key, service: PushService, summary: Summary) -> bool:
        """Send a notification; whether the service is still enabled."""
        try:
            await self._host.local.ask(publish(service, summary), self.timeout)
        except StanzaError as error:
            return await self._failed(key, error)
        self._failures.pop(key, None)
        return True

    async def _failed(self, key: _Key, error: StanzaError) -> bool:
        user, jid, node = key
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        _log.info("%s did not take a notification for %s@%s: %s", jid, user, self._host.name, error)
        if failures < self.most_failures:
            return True
        del self._failures[key]
        try:
            await self._store.disable(user, jid, node)
        except StorageError as failure:
            _log.error("push notifications to %s can't be disabled now: %s", jid, failure)
        else:
            _log.warning(
                "push notifications of %s@%s to %s are disabled: it failed %d times in a row",
                user,
                self._host.name,
                jid,
                failures,
            )
        return False
