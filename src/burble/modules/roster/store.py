"""Rosters in the database, and the one object of each that is in memory."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from weakref import WeakValueDictionary

from sqlalchemy import Connection, bindparam, select

from burble.jid import JID
from burble.modules.roster.contacts import Roster, RosterItem
from burble.storage import Database, upsert
from burble.storage.schema import roster_items, roster_versions, subscription_requests
from burble.storage.statements import Row

__all__ = ["RosterStore"]

#: Rosters of accounts that are not connected which stay in memory.
_KEPT: Final = 256

_VERSION = select(roster_versions.c.ver).where(
    roster_versions.c.host == bindparam("host"), roster_versions.c.user == bindparam("user")
)
_ITEMS = select(
    roster_items.c.jid,
    roster_items.c.name,
    roster_items.c.groups,
    roster_items.c.subscription,
    roster_items.c.ask,
    roster_items.c.approved,
).where(roster_items.c.host == bindparam("host"), roster_items.c.user == bindparam("user"))
_REQUESTS = select(subscription_requests.c.jid, subscription_requests.c.stanza).where(
    subscription_requests.c.host == bindparam("host"), subscription_requests.c.user == bindparam("user")
)
_PUT_VERSION = upsert(roster_versions)
_PUT_ITEM = upsert(roster_items)
_PUT_REQUEST = upsert(subscription_requests)
_DROP_ITEM = roster_items.delete().where(
    roster_items.c.host == bindparam("its_host"),
    roster_items.c.user == bindparam("its_user"),
    roster_items.c.jid == bindparam("its_jid"),
)
_DROP_REQUEST = subscription_requests.delete().where(
    subscription_requests.c.host == bindparam("its_host"),
    subscription_requests.c.user == bindparam("its_user"),
    subscription_requests.c.jid == bindparam("its_jid"),
)


class RosterStore:
    """Reads and writes the rosters of one host.

    A roster is in memory once: as long as anybody holds it (a connected account does), `load` gives the same
    object. So what is in memory is never older than the database.

    Args:
        database: where they are.
        host: the virtual host.
    """

    def __init__(self, database: Database, host: str) -> None:
        self._database = database
        self._host = host
        self._rosters: WeakValueDictionary[str, Roster] = WeakValueDictionary()
        self._recent: OrderedDict[str, Roster] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Roster]] = {}

    async def load(self, user: str) -> Roster:
        """The roster of an account.

        Raises:
            StorageError: it can't be read.
        """
        roster = self._rosters.get(user)
        if roster is None:
            # One read at a time: two objects for one account would drift apart.
            task = self._loading.get(user)
            if task is None:
                task = self._loading[user] = asyncio.create_task(self._read(user))
                task.add_done_callback(lambda _: self._loading.pop(user, None))
            roster = await asyncio.shield(task)
        self._recent[user] = roster
        self._recent.move_to_end(user)
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
        return roster

    def adopt(self, roster: Roster) -> None:
        """Take over a roster that is in memory already, from the store of a module that was unloaded."""
        self._rosters[roster.jid.local] = roster

    def forget(self, user: str) -> None:
        """Leave nothing in the roster of an account that has just been made, whoever holds it."""
        roster = self._rosters.get(user)
        if roster is not None:
            roster.clear()

    def drop(self, users: Iterable[str]) -> None:
        """Read the rosters of accounts anew that are not connected."""
        for user in users:
            self._rosters.pop(user, None)
            self._recent.pop(user, None)

    async def put(self, roster: Roster, contact: JID, item: RosterItem | None, request: bytes | None) -> None:
        """Store all there is of a contact, then have it in the roster; its lock is to be held.

        Args:
            roster: the roster.
            contact: a bare JID.
            item: the contact as it is from now on, or None for one that is not in the roster.
            request: its subscription request that waits for an answer.

        Raises:
            StorageError: it could not be stored; nothing has changed.
        """
        key = {"host": self._host, "user": roster.jid.local, "jid": str(contact)}
        place = {f"its_{column}": value for column, value in key.items()}
        new_item = item != roster.items.get(contact)
        new_request = request != roster.requests.get(contact)
        # By the clock, so that an account made anew does not use a version again (§2.6.2).
        version = max(roster.version + 1, int(time.time())) if new_item else roster.version

        def write(connection: Connection) -> None:
            if new_item:
                connection.execute(
                    _PUT_VERSION, {"host": self._host, "user": roster.jid.local, "ver": version}
                )
                if item is None:
                    connection.execute(_DROP_ITEM, place)
                else:
                    connection.execute(_PUT_ITEM, key | _columns(item))
            if new_request:
                if request is None:
                    connection.execute(_DROP_REQUEST, place)
                else:
                    connection.execute(_PUT_REQUEST, key | {"stanza": request})

        await self._database.write(write)
        roster.put(contact, item, request)
        roster.version = version

    async def _read(self, user: str) -> Roster:
        key = {"host": self._host, "user": user}
        version = await self._database.fetch_one(_VERSION, key)
        items = await self._database.fetch(_ITEMS, key) if version is not None else ()
        requests = await self._database.fetch(_REQUESTS, key)
        roster = Roster(
            JID.build(user, self._host),
            0 if version is None else version.ver,
            map(_item, items),
            {JID.parse(row.jid): row.stanza for row in requests},
        )
        self._rosters[user] = roster
        return roster


def _columns(item: RosterItem) -> dict[str, object]:
    return {
        "name": item.name,
        "groups": json.dumps(item.groups, ensure_ascii=False) if item.groups else "[]",
        "subscription": item.subscription,
        "ask": item.ask,
        "approved": item.approved,
    }


def _item(row: Row) -> RosterItem:
    jid, name, groups, subscription, ask, approved = row
    return RosterItem(
        JID.parse(jid),
        name,
        () if groups == "[]" else tuple(json.loads(groups)),
        subscription,
        bool(ask),
        bool(approved),
    )
