"""Commands about messages that are kept for accounts until they connect."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import Connection, Select, bindparam, delete, select

from burble.commands.arguments import HostName
from burble.commands.base import Administered, account_host, module_on, served
from burble.commands.progress import report
from burble.module import CommandFailed, command
from burble.modules.offline import Offline
from burble.namespaces import CLIENT
from burble.routing.events import HostStopping
from burble.routing.hosts import Host
from burble.storage import StorageError
from burble.storage.schema import offline_messages
from burble.timestamps import format_stamp
from burble.xml import parse_element

__all__ = ["OfflineCommands"]

Days = Annotated[int, Field(ge=0, le=36_500)]
Number = Annotated[int, Field(ge=1, le=1_000_000)]

# Messages deleted in one transaction.
_PIECE: Final = 500
_DAY: Final = 86_400
_MINUTE: Final = 60

_t = offline_messages.c
_NEXT: Final = (
    select(_t.id, _t.user)
    .where(_t.host == bindparam("host"), _t.id > bindparam("after"))
    .order_by(_t.id)
    .limit(bindparam("most"))
)
_OLD: Final = _NEXT.where(_t.stored_at < bindparam("before"))
_EXPIRED: Final = _NEXT.where(_t.expires <= bindparam("before"))
_DELETE: Final = delete(offline_messages).where(_t.id.in_(bindparam("ids", expanding=True)))
_ALL: Final = (
    select(_t.stanza, _t.stored_at)
    .where(_t.host == bindparam("host"), _t.user == bindparam("user"))
    .order_by(_t.id)
)


class _Purge:
    """Messages of a host are being deleted, or were; not more than some in a minute."""

    def __init__(self, host: Host, before: int, size: int, rate: int) -> None:
        self._host = host
        self._before = before
        self._size = size
        self._rate = rate
        self.deleted = 0
        self.state = "in progress"
        self._end = asyncio.Event()
        self._off: Callable[[], None] = host.hooks.on(HostStopping, lambda _: self.abort())
        host.spawn(self._run())

    def abort(self) -> None:
        """Delete no more."""
        self._end.set()

    async def _run(self) -> None:
        pages = _Pages(self._host, _OLD, self._before, self._size)
        try:
            while not self._end.is_set() and (found := await pages.next()):
                self.deleted += found
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._end.wait(), found * _MINUTE / self._rate)
            self.state = "aborted" if self._end.is_set() else "completed"
        except StorageError as error:
            self.state = f"failed: {error}"
        finally:
            self._off()


class _Pages:
    """Deletes messages of a host, page by page, and tells the module that keeps them."""

    def __init__(self, host: Host, wanted: Select[Any], before: int, size: int = _PIECE) -> None:
        self._host = host
        self._wanted = wanted
        self._params: dict[str, Any] = {"host": host.name, "before": before, "after": 0, "most": size}

    async def next(self) -> int:
        """Delete a page; return how many messages that were."""
        database = self._host.database
        await database.batch.flush()
        rows = await database.fetch(self._wanted, self._params)
        if not rows:
            return 0
        self._params["after"] = rows[-1].id
        by_user: dict[str, list[int]] = {}
        for row in rows:
            by_user.setdefault(row.user, []).append(row.id)
        # What a client has been given meanwhile is not counted twice.
        gone = await database.write(lambda connection: _delete(connection, by_user))
        module = self._host.modules.get(Offline.name)
        for user, messages in gone.items():
            if isinstance(module, Offline):
                module.removed(user, messages)
        return len(rows)


def _delete(connection: Connection, by_user: dict[str, list[int]]) -> Counter[str]:
    return Counter(
        {user: connection.execute(_DELETE, {"ids": ids}).rowcount for user, ids in by_user.items()}
    )


class OfflineCommands:
    """The commands about kept messages.

    Args:
        server: whose accounts.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server
        self._purges: dict[str, _Purge] = {}

    @command(
        tags=["offline"],
        safe=True,
        result="queue::[messages::(time::string, from::string, to::string, packet::string)]",
    )
    async def get_offline_messages(self, user: str, host: str) -> list[tuple[str, str, str, str]]:
        """List the messages that are kept for an account until it connects.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The messages, the oldest first: when they came, from whom, to whom, and as XML.

        Example:
            get_offline_messages juliet localhost
        """
        there = await account_host(self._server, user, host)
        module_on(there, Offline)
        await there.database.batch.flush()
        rows = await there.database.fetch(_ALL, {"host": host, "user": user})
        found = []
        for row in rows:
            message = parse_element(row.stanza, CLIENT)
            stamp = format_stamp(datetime.fromtimestamp(row.stored_at, UTC))
            found.append((stamp, message.get("from") or "", message.get("to") or "", message.to_string()))
        return found

    @command(tags=["offline", "purge"], result="res::rescode")
    async def delete_expired_messages(self) -> str:
        """Delete the kept messages whose senders have set a time after which they are worth nothing.

        Returns:
            How many there were.

        Example:
            delete_expired_messages
        """
        return await self._delete_everywhere(_EXPIRED, int(time.time()))

    @command(tags=["offline", "purge"], result="res::rescode")
    async def delete_old_messages(self, days: Days) -> str:
        """Delete the messages that have been kept for longer than some days.

        Args:
            days: how many.

        Returns:
            How many there were.

        Example:
            delete_old_messages 31
        """
        return await self._delete_everywhere(_OLD, int(time.time()) - days * _DAY)

    async def _delete_everywhere(self, wanted: Select[Any], before: int) -> str:
        deleted = 0
        for host in [*self._server.hosts.values()]:
            pages = _Pages(host, wanted, before)
            while found := await pages.next():
                deleted += found
                report(deleted, None, f"messages of {host.name}")
        return f"{deleted} messages deleted"

    # ---- little by little

    @command(tags=["offline", "purge"], result="res::restuple")
    async def delete_old_messages_batch(
        self, host: HostName, days: Days, batch_size: Number, rate: Number
    ) -> str:
        """Begin to delete the messages of a host that have been kept for longer than some days.

        It goes on by itself; `delete_old_messages_status` tells how far it has come.

        Args:
            host: a domain served here.
            days: how many.
            batch_size: messages deleted at a time.
            rate: messages deleted in a minute.

        Example:
            delete_old_messages_batch localhost 31 1000 10000
        """
        there = served(self._server, host)
        running = self._purges.get(host)
        if running is not None and running.state == "in progress":
            raise CommandFailed("Operation in progress")
        self._purges[host] = _Purge(there, int(time.time()) - days * _DAY, batch_size, rate)
        return "Operation started"

    @command(tags=["offline", "purge"], safe=True, result="status::string")
    def delete_old_messages_status(self, host: HostName) -> str:
        """Tell how far `delete_old_messages_batch` has come.

        Args:
            host: a domain served here.

        Returns:
            A sentence that says so.

        Example:
            delete_old_messages_status localhost
        """
        purge = self._purges.get(served(self._server, host).name)
        if purge is None:
            return "Operation not started"
        return f"Operation {purge.state}, {purge.deleted} messages deleted"

    @command(tags=["offline", "purge"], result="status::string")
    def abort_delete_old_messages(self, host: HostName) -> str:
        """Let `delete_old_messages_batch` delete no more.

        Args:
            host: a domain served here.

        Returns:
            Whether it was under way.

        Example:
            abort_delete_old_messages localhost
        """
        purge = self._purges.get(served(self._server, host).name)
        if purge is None or purge.state != "in progress":
            return "No task running"
        purge.abort()
        return "Operation aborted"
