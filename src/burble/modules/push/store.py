"""The push services that accounts have enabled, in the database (XEP-0357 §5, §6)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from burble.jid import JID
from burble.storage import Database, upsert
from burble.storage.schema import push_services
from burble.xml import Element, parse_element

__all__ = ["PushService", "PushStore"]

_t = push_services.c
_USERS: Final = select(_t.user).where(_t.host == bindparam("host")).distinct()
_SERVICES: Final = (
    select(_t.jid, _t.node, _t.resource, _t.options)
    .where(_t.host == bindparam("host"), _t.user == bindparam("user"))
    .order_by(_t.enabled_at.desc())
)
_PUT: Final = upsert(push_services)
_OF_SERVICE: Final = (
    _t.host == bindparam("of_host"),
    _t.user == bindparam("of_user"),
    _t.jid == bindparam("of_jid"),
)
_DROP: Final = delete(push_services).where(*_OF_SERVICE, _t.node == bindparam("of_node"))
_DROP_ALL: Final = delete(push_services).where(*_OF_SERVICE)
_DROP_OLD: Final = delete(push_services).where(
    _t.host == bindparam("of_host"), _t.enabled_at < bindparam("before")
)


@dataclass(frozen=True, slots=True)
class PushService:
    """Where notifications of an account go.

    Attributes:
        jid: the service.
        node: what it knows the device by; "" for none.
        resource: of the client that has enabled it.
        options: the form that is sent with each notification, or None.
    """

    jid: JID
    node: str
    resource: str
    options: Element | None = None


class PushStore:
    """Reads and writes the push services of one host.

    Args:
        database: where they are.
        host: the virtual host.
    """

    def __init__(self, database: Database, host: str) -> None:
        self._database = database
        self._host = host
        #: The accounts that have enabled any; always the same set.
        self.users: set[str] = set()
        # So that who has none any more is told from who has just enabled one.
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Find out who has enabled any."""
        users = {row.user for row in await self._database.fetch(_USERS, {"host": self._host})}
        self.users &= users
        self.users |= users

    async def load(self, user: str) -> list[PushService]:
        """The services of an account, those first that were enabled last.

        Raises:
            StorageError: they can't be read.
        """
        if user not in self.users:
            return []
        rows = await self._database.fetch(_SERVICES, {"host": self._host, "user": user})
        return [PushService(JID.parse(row.jid), row.node, row.resource, _form(row.options)) for row in rows]

    async def enable(self, user: str, service: PushService, limit: int) -> None:
        """Store a service, in place of an equal one; where there are too many the oldest goes.

        Raises:
            StorageError: it can't be stored.
        """
        row = {
            "host": self._host,
            "user": user,
            "jid": service.jid,
            "node": service.node,
            "resource": service.resource,
            "options": service.options.to_bytes() if service.options is not None else None,
            "enabled_at": int(time.time()),
        }

        def write(connection: Connection) -> None:
            known = connection.execute(_SERVICES, {"host": self._host, "user": user}).all()
            others = [each for each in known if (each.jid, each.node) != (service.jid, service.node)]
            for each in others[limit - 1 :]:
                connection.execute(_DROP, self._key(user, each.jid, each.node))
            connection.execute(_PUT, row)

        async with self._changing:
            await self._database.write(write)
            self.users.add(user)

    async def disable(self, user: str, jid: JID, node: str | None = None) -> bool:
        """Forget a service of an account, or all its nodes where `node` is None; whether there was any.

        Raises:
            StorageError: it can't be stored.
        """
        async with self._changing:
            if node is None:
                key = {"of_host": self._host, "of_user": user, "of_jid": jid}
                dropped = await self._database.execute(_DROP_ALL, key)
            else:
                dropped = await self._database.execute(_DROP, self._key(user, jid, node))
            if not await self._database.fetch(_SERVICES, {"host": self._host, "user": user}):
                self.users.discard(user)
            return dropped > 0

    async def forget_old(self, days: int) -> None:
        """Forget the services that were enabled more than so many days ago, and not again since.

        Raises:
            StorageError: it can't be stored.
        """
        before = int(time.time()) - days * 86_400
        async with self._changing:
            await self._database.execute(_DROP_OLD, {"of_host": self._host, "before": before})
            await self.start()

    def _key(self, user: str, jid: str, node: str) -> dict[str, str]:
        return {"of_host": self._host, "of_user": user, "of_jid": jid, "of_node": node}


def _form(stored: bytes | None) -> Element | None:
    return parse_element(stored) if stored is not None else None
