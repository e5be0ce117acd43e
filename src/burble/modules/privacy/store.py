"""Privacy lists in the database, in step with block lists (XEP-0016, XEP-0191 §5).

The default list and the block list are one: an address that the default list denies everything is in the
block list, and the other way round. An account that has stored no list has its block list as default, under
the name `BLOCKED`; with the first list it stores, that becomes a list like others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from burble.modules.blocking.lists import BlockList, BlockLists
from burble.modules.privacy.rules import Rules, blocked_by, with_blocked
from burble.storage import Database, upsert
from burble.storage.schema import privacy_lists

__all__ = ["BLOCKED", "Change", "PrivacyLists", "PrivacyStore"]

#: The name of the list that says what the block list says.
BLOCKED: Final = "blocked"

_t = privacy_lists.c
_USERS = select(_t.user).where(_t.host == bindparam("host")).distinct()
_LISTS = (
    select(_t.name, _t.is_default, _t.rules)
    .where(_t.host == bindparam("host"), _t.user == bindparam("user"))
    .order_by(_t.name)
)
_PUT = upsert(privacy_lists)
_CLEAR = delete(privacy_lists).where(_t.host == bindparam("of_host"), _t.user == bindparam("of_user"))


@dataclass(slots=True)
class PrivacyLists:
    """The lists of one account.

    Attributes:
        lists: the rules of each, by name.
        default: the name of the default list, or None.
    """

    lists: dict[str, Rules] = field(default_factory=dict)
    default: str | None = None

    @classmethod
    def of_blocked(cls, blocked: BlockList) -> PrivacyLists:
        """Those of an account that has nothing but a block list."""
        if not blocked:
            return cls()
        return cls({BLOCKED: with_blocked(Rules(), blocked)}, BLOCKED)

    @property
    def blocked(self) -> BlockList:
        """The block list that the default list stands for."""
        return blocked_by(self.lists[self.default]) if self.default is not None else frozenset()

    def block(self, blocked: BlockList) -> None:
        """Change the default list to what the block list says now."""
        name = self.default or BLOCKED
        # A list of that name which was no default has had its say; its other rules are not brought back.
        rules = with_blocked(self.lists[name] if self.default else Rules(), blocked)
        if rules:
            self.lists[name], self.default = rules, name
        elif self.default is not None:
            del self.lists[name]
            self.default = None

    def copy(self) -> PrivacyLists:
        """Others like these."""
        return PrivacyLists(dict(self.lists), self.default)


Change = Callable[[PrivacyLists], None]


class PrivacyStore:
    """Reads and writes the privacy lists of one host.

    Args:
        database: where they are.
        host: the virtual host.
        blocklists: the block lists of the host.
        changed: is told of an account's lists each time they have changed.
    """

    def __init__(
        self,
        database: Database,
        host: str,
        blocklists: BlockLists,
        changed: Callable[[str, PrivacyLists], None],
    ) -> None:
        self._database = database
        self._host = host
        self._blocklists = blocklists
        self._changed = changed
        #: The accounts that have stored lists; always the same set.
        self.users: set[str] = set()

    async def start(self) -> None:
        """Find out who has lists."""
        rows = await self._database.fetch(_USERS, {"host": self._host})
        self.users.update(row.user for row in rows)

    async def load(self, user: str) -> PrivacyLists:
        """The lists of an account.

        Raises:
            StorageError: they can't be read.
        """
        if user not in self.users:
            return PrivacyLists.of_blocked(await self._blocklists.load(user))
        rows = await self._database.fetch(_LISTS, {"host": self._host, "user": user})
        found = PrivacyLists()
        for row in rows:
            found.lists[row.name] = Rules.from_json(row.rules)
            if row.is_default:
                found.default = row.name
        return found

    async def edit(self, user: str, change: Change) -> tuple[PrivacyLists, PrivacyLists]:
        """Change the lists of an account; nothing else changes them or its block list meanwhile.

        Args:
            user: whose.
            change: changes what it is given; what it raises leaves all as it was.

        Returns:
            The lists before and after.

        Raises:
            StorageError: they can't be stored; nothing has changed.
        """
        before = after = PrivacyLists()

        def write(blocked: BlockList, connection: Connection) -> BlockList:
            nonlocal before, after
            before = self._read(connection, user, blocked)
            after = before.copy()
            change(after)
            self._write(connection, user, after)
            return after.blocked

        await self._blocklists.edit(user, write)
        self.followed(user, after)
        return before, after

    # ---- in step with the block list (`burble.modules.blocking.lists.Follower`)

    def followed(self, user: str, written: PrivacyLists) -> None:
        """The lists of an account have changed."""
        if written.lists:
            self.users.add(user)
        else:
            self.users.discard(user)
        self._changed(user, written)

    def follow(self, user: str, blocked: BlockList, connection: Connection) -> PrivacyLists | None:
        """Write what a change of the block list means for the default list, within its transaction.

        Returns:
            The lists after it; None where the account has stored none.
        """
        if user not in self.users:
            return None
        lists = self._read(connection, user, blocked)
        lists.block(blocked)
        self._write(connection, user, lists)
        return lists

    def forget(self, user: str) -> None:
        """Forget an account that is gone."""
        self.users.discard(user)

    def _read(self, connection: Connection, user: str, blocked: BlockList) -> PrivacyLists:
        rows = connection.execute(_LISTS, {"host": self._host, "user": user}).all()
        if not rows:
            return PrivacyLists.of_blocked(blocked)
        found = PrivacyLists({row.name: Rules.from_json(row.rules) for row in rows})
        found.default = next((row.name for row in rows if row.is_default), None)
        return found

    def _write(self, connection: Connection, user: str, lists: PrivacyLists) -> None:
        connection.execute(_CLEAR, {"of_host": self._host, "of_user": user})
        for name, rules in lists.lists.items():
            row = {"host": self._host, "user": user, "name": name, "rules": rules.to_json()}
            connection.execute(_PUT, {**row, "is_default": name == lists.default})
