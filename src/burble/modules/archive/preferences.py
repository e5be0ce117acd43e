"""What accounts want to have archived (XEP-0441)."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from sqlalchemy import bindparam, select

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.namespaces import MAM
from burble.storage import Database, upsert
from burble.storage.schema import archive_preferences
from burble.xml import Element

__all__ = ["Default", "PreferenceStore", "Preferences"]

Default = Literal["always", "never", "roster"]

#: Preferences that stay in memory.
_KEPT: Final = 10_000
#: JIDs which an account may list.
_LONGEST: Final = 1000

_t = archive_preferences.c
_WHO = select(_t.user).where(_t.host == bindparam("host"))
_FIND = select(_t.default, _t.always, _t.never).where(
    _t.host == bindparam("host"), _t.user == bindparam("user")
)
_PUT = upsert(archive_preferences)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of an account.

    Attributes:
        default: what holds for all who are in neither list; ``roster``: as ``always`` for contacts, as
            ``never`` for others.
        always: whose messages are archived.
        never: whose are not.
    """

    default: Default = "always"
    always: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def allow(self, peer: JID) -> bool | None:
        """Whether messages with somebody are archived; None where it depends on the roster (§5)."""
        bare = peer.bare
        if peer in self.never or bare in self.never:
            return False
        if peer in self.always or bare in self.always:
            return True
        return None if self.default == "roster" else self.default == "always"

    def to_element(self) -> Element:
        """The ``<prefs/>`` that tells them (§3)."""
        element = Element("prefs", MAM, {"default": self.default})
        for name, jids in (("always", self.always), ("never", self.never)):
            each = element.add(name)
            for jid in sorted(jids):
                each.add("jid", text=jid)
        return element

    @classmethod
    def from_element(cls, element: Element) -> Preferences:
        """Read a ``<prefs/>``.

        Raises:
            StanzaError: bad-request, where it has no default or an unknown one; jid-malformed;
                resource-constraint, where it lists too many.
        """
        default = element.get("default")
        if default not in get_args(Default):
            raise StanzaError("bad-request", "the default is always, never or roster")
        return cls(cast(Default, default), _jids(element, "always"), _jids(element, "never"))


class PreferenceStore:
    """The preferences of the accounts of one host.

    Args:
        database: where they are.
        host: the host.
        default: what holds for accounts that have said nothing.
    """

    def __init__(self, database: Database, host: str, default: Default) -> None:
        self._database = database
        self._host = host
        self.standard = Preferences(default)
        #: The accounts that have said what they want.
        self.chosen: set[str] = set()
        self._known: OrderedDict[str, Preferences] = OrderedDict()

    async def start(self) -> None:
        """Find out who has said anything."""
        rows = await self._database.fetch(_WHO, {"host": self._host})
        self.chosen.update(row.user for row in rows)

    def known(self, user: str) -> Preferences | None:
        """The preferences of an account, or None where they must be loaded."""
        return self._known.get(user) if user in self.chosen else self.standard

    async def load(self, user: str) -> Preferences:
        """The preferences of an account.

        Raises:
            StorageError: they can't be read.
        """
        found = self.known(user)
        if found is None:
            row = await self._database.fetch_one(_FIND, {"host": self._host, "user": user})
            # They may have been changed meanwhile.
            found = self.known(user)
            if found is None and row is not None:
                found = Preferences(
                    row.default, frozenset(json.loads(row.always)), frozenset(json.loads(row.never))
                )
                self._remember(user, found)
        return found or self.standard

    async def put(self, user: str, preferences: Preferences) -> None:
        """Store the preferences of an account.

        Raises:
            StorageError: they can't be stored.
        """
        row = {
            "host": self._host,
            "user": user,
            "default": preferences.default,
            "always": json.dumps(sorted(preferences.always)),
            "never": json.dumps(sorted(preferences.never)),
        }
        await self._database.execute(_PUT, row)
        self.chosen.add(user)
        self._remember(user, preferences)

    def forget(self, user: str) -> None:
        """Forget those of an account that is gone."""
        self.chosen.discard(user)
        self._known.pop(user, None)

    def _remember(self, user: str, preferences: Preferences) -> None:
        self._known[user] = preferences
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _jids(element: Element, name: str) -> frozenset[str]:
    found = element.child(name, MAM)
    texts = [] if found is None else [each.text.strip() for each in found.elements("jid", MAM)]
    if len(texts) > _LONGEST:
        raise StanzaError("resource-constraint", f"at most {_LONGEST} JIDs can be listed")
    try:
        return frozenset(str(JID.parse(text)) for text in texts)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
