"""Block lists: in the database, and those in use in memory (XEP-0191)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from sqlalchemy import Connection, bindparam, delete, select

from burble.errors import StanzaError
from burble.jid import JID
from burble.storage import Database, upsert
from burble.storage.schema import blocklist

__all__ = ["EMPTY", "BlockList", "BlockLists", "Follower", "blocks"]

#: The addresses an account has blocked.
BlockList = frozenset[str]
EMPTY: Final[BlockList] = frozenset()

#: Addresses which the lists that stay in memory may hold together.
_KEPT: Final = 100_000

Change = Callable[[BlockList, Connection], BlockList]

_t = blocklist.c
_BLOCKERS = select(_t.user).where(_t.host == bindparam("host")).distinct()
_LIST = select(_t.jid).where(_t.host == bindparam("host"), _t.user == bindparam("user"))
_ADD = upsert(blocklist)
_DROP = delete(blocklist).where(
    _t.host == bindparam("of_host"), _t.user == bindparam("of_user"), _t.jid == bindparam("of_jid")
)


def blocks(blocked: BlockList, jid: JID) -> bool:
    """Whether a list blocks an address: it has the full JID, the bare JID or the domain (XEP-0191 §5)."""
    return jid in blocked or jid.bare in blocked or jid.domain in blocked


class Follower(Protocol):
    """Keeps something in step with the block lists, such as privacy lists (XEP-0191 §5)."""

    def follow(self, user: str, blocked: BlockList, connection: Connection) -> Any:
        """Write what a changed list means, in the same transaction; on another thread, perhaps twice."""

    def followed(self, user: str, written: Any) -> None:
        """The transaction was committed; `written` is what `follow` returned, where that is not None."""


class BlockLists:
    """The block lists of one host.

    Who blocks anybody at all is always in memory: asking about all others costs a look into a set.

    Args:
        database: where they are.
        host: the virtual host.
    """

    def __init__(self, database: Database, host: str) -> None:
        self._database = database
        self._host = host
        #: The accounts that block anybody; always the same set.
        self.blockers: set[str] = set()
        self._lists: OrderedDict[str, BlockList] = OrderedDict()
        self._size = 0
        self._editing = asyncio.Lock()
        #: Who keeps something in step with changes that clients make with blocking's own requests.
        self.follower: Follower | None = None
        self._edits = 0

    async def start(self) -> None:
        """Find out who blocks anybody."""
        rows = await self._database.fetch(_BLOCKERS, {"host": self._host})
        self.blockers.update(row.user for row in rows)

    def known(self, user: str) -> BlockList | None:
        """The list of an account, or None where it must be loaded."""
        return self._lists.get(user) if user in self.blockers else EMPTY

    async def load(self, user: str) -> BlockList:
        """The list of an account.

        Raises:
            StorageError: it can't be read.
        """
        while (found := self.known(user)) is None:
            edits = self._edits
            rows = await self._database.fetch(_LIST, {"host": self._host, "user": user})
            if edits == self._edits:  # else it may be older than the edit
                self._remember(user, frozenset(row.jid for row in rows))
        return found

    async def block(self, user: str, jids: Iterable[JID], limit: int) -> tuple[BlockList, BlockList]:
        """Add addresses to a list.

        Args:
            user: whose.
            jids: the addresses.
            limit: how many a list may hold.

        Returns:
            The list before and after.

        Raises:
            StanzaError: resource-constraint, where the list would grow too long.
            StorageError: it can't be stored; nothing has changed.
        """
        wanted = frozenset(map(str, jids))

        def add(before: BlockList, connection: Connection) -> BlockList:
            new = wanted - before
            if new and len(before) + len(new) > limit:
                raise StanzaError("resource-constraint", f"at most {limit} addresses can be blocked")
            return before | new

        return await asyncio.shield(self._edit(user, add, self.follower))

    async def unblock(self, user: str, jids: Iterable[JID] | None) -> tuple[BlockList, BlockList]:
        """Take addresses from a list, all where None.

        Returns:
            The list before and after.

        Raises:
            StorageError: it can't be stored; nothing has changed.
        """
        wanted = None if jids is None else frozenset(map(str, jids))

        def drop(before: BlockList, connection: Connection) -> BlockList:
            return EMPTY if wanted is None else before - wanted

        return await asyncio.shield(self._edit(user, drop, self.follower))

    def forget(self, user: str) -> None:
        """Forget the list of an account that is gone."""
        self._edits += 1
        self._remember(user, EMPTY)

    async def edit(self, user: str, change: Change) -> tuple[BlockList, BlockList]:
        """Change a list together with something else that is in the database.

        Args:
            user: whose.
            change: gets the list and a connection, in a transaction on another thread; writes what else is to
                be written, and returns the list as it is to be. It may run twice.

        Returns:
            The list before and after.

        Raises:
            StorageError: it can't be stored; nothing has changed.
        """
        # A cancelled write goes on, so what is in memory has to follow it.
        return await asyncio.shield(self._edit(user, change, None))

    def found(self, user: str) -> None:
        """Take note that there is a list of an account now that was not there."""
        self.forget(user)
        self.blockers.add(user)

    async def _edit(
        self, user: str, change: Change, follower: Follower | None
    ) -> tuple[BlockList, BlockList]:
        written: Any = None

        def write(connection: Connection) -> BlockList:
            nonlocal written
            after = change(before, connection)
            for jid in after - before:
                connection.execute(_ADD, {"host": self._host, "user": user, "jid": jid})
            for jid in before - after:
                connection.execute(_DROP, {"of_host": self._host, "of_user": user, "of_jid": jid})
            if follower is not None and after != before:
                written = follower.follow(user, after, connection)
            return after

        async with self._editing:
            before = await self.load(user)
            after = await self._database.write(write)
            self._edits += 1
            self._remember(user, after)
            if follower is not None and written is not None:
                follower.followed(user, written)
        return before, after

    def _remember(self, user: str, blocked: BlockList) -> None:
        self._size -= len(self._lists.pop(user, EMPTY))
        if not blocked:
            self.blockers.discard(user)
            return
        self.blockers.add(user)
        self._lists[user] = blocked
        self._size += len(blocked)
        while self._size > _KEPT and len(self._lists) > 1:
            self._size -= len(self._lists.popitem(last=False)[1])
