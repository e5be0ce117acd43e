"""A roster in memory: an account's contacts, and who of them asks to become one (RFC 6121 §2.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from burble.jid import JID
from burble.modules.roster.states import NONE, State
from burble.namespaces import ROSTER
from burble.routing.session import Account
from burble.xml import Element

__all__ = ["Roster", "RosterItem"]


@dataclass(frozen=True, slots=True)
class RosterItem:
    """A contact in a roster (§2.1.2).

    Attributes:
        jid: its bare JID.
        name: what the user calls it, or None.
        groups: the names of the groups it is in.
        subscription: ``none``, ``to``, ``from`` or ``both``.
        ask: the user has asked to be subscribed; no answer yet.
        approved: the user has approved a request that has not come yet (§3.4).
    """

    jid: JID
    name: str | None = None
    groups: tuple[str, ...] = ()
    subscription: str = "none"
    ask: bool = False
    approved: bool = False

    def element(self) -> Element:
        """The item as clients see it."""
        attrs: dict[str, str] = {"jid": self.jid}
        if self.name is not None:
            attrs["name"] = self.name
        attrs["subscription"] = self.subscription
        if self.ask:
            attrs["ask"] = "subscribe"
        if self.approved:
            attrs["approved"] = "true"
        item = Element("item", ROSTER, attrs)
        for group in self.groups:
            item.children.append(Element("group", ROSTER, None, group))
        return item


class Roster:
    """The roster of one account.

    There is at most one object for an account at a time (see `RosterStore`), so that all who hold it see
    the same; only the store changes it.

    Args:
        jid: the account's bare JID.
        version: see `RosterStore`; 0 where nothing was ever in it.
        items: the contacts.
        requests: the subscription requests that wait for an answer, by the bare JID they came from. Who is
            only in here is not in the roster (§A.1, note to "None + Pending In").

    Attributes:
        lock: held while the roster is changed.
    """

    __slots__ = (
        "__weakref__",
        "_subscribers",
        "_subscriptions",
        "items",
        "jid",
        "lock",
        "requests",
        "version",
    )

    def __init__(
        self,
        jid: JID,
        version: int = 0,
        items: Iterable[RosterItem] = (),
        requests: dict[JID, bytes] | None = None,
    ) -> None:
        self.jid = jid
        self.version = version
        self.items = {item.jid: item for item in items}
        self.requests = requests or {}
        self.lock = asyncio.Lock()
        self._subscribers: tuple[JID, ...] | None = None
        self._subscriptions: tuple[JID, ...] | None = None

    @staticmethod
    def of(account: Account) -> Roster | None:
        """The roster of a connected account, if it has been needed yet: one of its sessions is or was
        available, or asked for it."""
        roster = account.data.get(Roster)
        assert roster is None or isinstance(roster, Roster)
        return roster

    @property
    def subscribers(self) -> tuple[JID, ...]:
        """The contacts that get the user's presence: those with ``from`` or ``both``."""
        found = self._subscribers
        if found is None:
            found = self._subscribers = self._with("from", "both")
        return found

    @property
    def subscriptions(self) -> tuple[JID, ...]:
        """The contacts whose presence the user gets: those with ``to`` or ``both``."""
        found = self._subscriptions
        if found is None:
            found = self._subscriptions = self._with("to", "both")
        return found

    def shows_presence_to(self, contact: JID) -> bool:
        """Whether a contact, a bare JID, may see the user's presence."""
        item = self.items.get(contact)
        return item is not None and item.subscription in ("from", "both")

    def state(self, contact: JID) -> State:
        """The subscription state of a contact, in the roster or not."""
        item = self.items.get(contact)
        pending_in = contact in self.requests
        if item is None:
            return State(pending_in=True) if pending_in else NONE
        subscription = item.subscription
        to, from_ = subscription in ("to", "both"), subscription in ("from", "both")
        return State(to, from_, item.ask, pending_in, item.approved)

    def put(self, contact: JID, item: RosterItem | None, request: bytes | None) -> None:
        """Change what is known of a contact; None takes it out."""
        if item is None:
            self.items.pop(contact, None)
        else:
            self.items[contact] = item
        if request is None:
            self.requests.pop(contact, None)
        else:
            self.requests[contact] = request
        self._subscribers = self._subscriptions = None

    def clear(self) -> None:
        """Forget everything; what a client remembers is out of date then (§2.6.2)."""
        self.items.clear()
        self.requests.clear()
        self._subscribers = self._subscriptions = None
        self.version += 1

    def query(self, items: Iterable[Element], version: bool = True) -> Element:
        """The payload of a roster result or push."""
        query = Element("query", ROSTER, {"ver": str(self.version)} if version else None)
        query.children += items
        return query

    def _with(self, *subscriptions: str) -> tuple[JID, ...]:
        return tuple(jid for jid, item in self.items.items() if item.subscription in subscriptions)
