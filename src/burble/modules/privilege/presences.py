"""What privileged components are told of who comes and goes (XEP-0356 §7)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from burble.jid import JID
from burble.modules.roster import Roster, Rosters
from burble.routing.hosts import Host
from burble.stanza import Presence, Stanza

__all__ = ["PresenceRelay", "concerns"]

#: Contacts elsewhere whose presence is remembered, for components that connect later.
_REMEMBERED: Final = 10_000


class PresenceRelay:
    """Passes presence on to components.

    Args:
        host: whose accounts.
        rosters: their contacts.
    """

    def __init__(self, host: Host, rosters: Rosters) -> None:
        self._host = host
        self._rosters = rosters
        # The last available presence of contacts elsewhere, the longest unchanged first.
        self._contacts: OrderedDict[JID, Presence] = OrderedDict()

    def pass_on(self, presence: Presence, sender: JID, to: Iterable[JID]) -> None:
        """Send a presence to components, as directed presence (RFC 6121 §4.6)."""
        for entity in to:
            self._host.router.route(presence.readdressed(entity, sender))

    def introduce(self, entity: JID, *, contacts: bool) -> None:
        """Tell a component that has connected of everybody who is there (§8, rule 1).

        Args:
            entity: the component.
            contacts: tell of contacts elsewhere, too.
        """
        for session in self._host.sessions:
            if session.presence is not None:
                self.pass_on(session.presence, session.jid, [entity])
        if contacts:
            for sender, presence in self._contacts.items():
                self.pass_on(presence, sender, [entity])

    async def heard(self, user: str, presence: Presence, to: Iterable[JID]) -> None:
        """A presence from elsewhere has arrived for an account: pass it on if it is a contact's.

        Each is passed on once, however many accounts it arrives for (§8, rule 2).
        """
        sender = presence.from_
        assert sender is not None
        account = self._host.sessions.accounts.get(user)
        roster = Roster.of(account) if account is not None else None
        if roster is None:
            roster = await self._rosters.store.load(user)
        if sender.bare not in roster.subscriptions:
            return
        before = self._contacts.pop(sender, None)
        if presence.type == "unavailable":
            if before is None:
                return
        else:
            self._contacts[sender] = presence
            if len(self._contacts) > _REMEMBERED:
                self._contacts.popitem(last=False)
            if before is not None and before.attrs == presence.attrs and before.children == presence.children:
                return
        self.pass_on(presence, sender, to)


def concerns(host: str, stanza: Stanza) -> bool:
    """Whether a stanza may be the presence of a contact that is not of the host itself."""
    return (
        isinstance(stanza, Presence)
        and stanza.attrs.get("type") in (None, "unavailable")
        and stanza.from_ is not None
        and stanza.from_.domain != host
    )
