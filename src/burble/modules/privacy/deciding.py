"""Which stanzas pass: the active list of a session, else the default list of its account (XEP-0016 §2.2)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, NamedTuple

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.privacy.rules import Rules, allows, kind_of
from burble.modules.privacy.store import PrivacyLists, PrivacyStore
from burble.modules.roster import Roster, Rosters
from burble.namespaces import BLOCKING_ERRORS
from burble.routing.events import PresenceBroadcast, StanzaReceived, StanzaSent
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Iq, Message, Presence
from burble.storage import StorageError

__all__ = ["Deciding", "Known", "active_list"]

#: The name of the list that a session has made active.
_ACTIVE: Final = "privacy.active"
_NONE: Final = Rules()


def active_list(session: Session) -> str | None:
    """The name of the list that a session has made active, or None."""
    name: str | None = session.data.get(_ACTIVE)
    return name


class Known(NamedTuple):
    """What decides about the stanzas of an account."""

    lists: PrivacyLists
    roster: Roster

    def rules(self, session: Session | None) -> Rules:
        """The list that applies to a session, or to the account where it has none."""
        active = self.lists.lists.get(active_list(session) or "") if session is not None else None
        if active is not None:
            return active
        default = self.lists.default
        return self.lists.lists[default] if default is not None else _NONE

    def allows(self, session: Session | None, kind: str, peer: JID) -> bool:
        """Whether a stanza may pass from or to a session."""
        return allows(self.rules(session), kind, peer, self.roster)


class Deciding:
    """Applies the lists of one host. What the server and the account itself send passes always.

    Args:
        host: the host.
        store: its privacy lists.
        rosters: its rosters.
    """

    def __init__(self, host: Host, store: PrivacyStore, rosters: Rosters) -> None:
        self._host = host
        self._store = store
        self._rosters = rosters
        self._users = store.users

    def activate(self, session: Session, name: str | None) -> None:
        """Apply a list to a session; None leaves it to the default list."""
        session.data[_ACTIVE] = name

    # ---- what decides

    async def keep_at_hand(self, session: Session) -> None:
        """Have an account's lists in memory while it is connected."""
        if PrivacyLists not in session.account.data:
            session.account.data.setdefault(PrivacyLists, await self._store.load(session.user))

    def at_hand(self, user: str) -> Known | None:
        """What decides for a connected account, where it is in memory."""
        account = self._host.sessions.accounts.get(user)
        if account is None:
            return None
        lists: PrivacyLists | None = account.data.get(PrivacyLists)
        if lists is None:
            return None
        roster = Roster.of(account)
        if roster is None:
            if any(rules.needs_roster for rules in lists.lists.values()):
                return None
            roster = Roster(JID.build(user, self._host.name))
        return Known(lists, roster)

    async def load(self, user: str) -> Known:
        """What decides for any account.

        Raises:
            StanzaError: resource-constraint, where it can't be read.
        """
        try:
            return Known(await self._store.load(user), await self._rosters.store.load(user))
        except StorageError:
            raise StanzaError("resource-constraint", "the privacy lists can't be read now") from None

    def _decides(self, user: str, peer: JID | None) -> bool:
        """Whether lists apply to somebody: not to the server, nor to the account itself (§2.1)."""
        return peer is not None and (peer.domain != self._host.name or peer.local not in ("", user))

    # ---- what goes out

    def sent(self, event: StanzaSent) -> Awaitable[None] | None:
        """Stop what a list denies.

        Raises:
            StanzaError: not-acceptable (§2.13).
        """
        user = event.session.account.user
        if not self._decides(user, event.stanza.to):
            return None
        known = self.at_hand(user)
        if known is None:
            return self._sent_later(event)
        _check_sent(event, known)
        return None

    async def _sent_later(self, event: StanzaSent) -> None:
        _check_sent(event, await self.load(event.session.user))

    def broadcast(self, event: PresenceBroadcast) -> None:
        """Leave out of a presence broadcast who is denied it."""
        user = event.user
        if user not in self._users:
            return
        known = self.at_hand(user)
        if known is None:  # it could not be read: rather tell nobody than somebody who is denied it
            event.to = ()
            return
        event.to = [
            jid
            for jid in event.to
            if not self._decides(user, jid) or known.allows(event.session, "presence-out", jid)
        ]

    # ---- what comes in

    def received(self, event: StanzaReceived) -> Awaitable[None] | None:
        """Stop what the lists of all who would get it deny.

        Raises:
            StanzaError: service-unavailable for requests and messages (§2.13).
        """
        if not self._decides(event.user, event.stanza.from_):
            return None
        known = self.at_hand(event.user)
        if known is None:
            return self._received_later(event)
        self._check_received(event, known)
        return None

    async def _received_later(self, event: StanzaReceived) -> None:
        self._check_received(event, await self.load(event.user))

    def _check_received(self, event: StanzaReceived, known: Known) -> None:
        stanza, peer = event.stanza, event.stanza.from_
        assert peer is not None
        kind = kind_of(stanza, outgoing=False)
        if any(known.allows(session, kind, peer) for session in self._targets(event)):
            return
        if isinstance(stanza, Iq) or (isinstance(stanza, Message) and stanza.type in ("chat", "normal")):
            raise StanzaError("service-unavailable", "nobody is there to take this")
        # A room would put out the occupant who answers its messages with errors.
        event.stop()

    def _targets(self, event: StanzaReceived) -> list[Session | None]:
        """The sessions that a stanza may go to; None for the account."""
        to = event.stanza.to
        account = self._host.sessions.accounts.get(event.user)
        if account is None or to is None:
            return [None]
        if to.resource:
            return [account.sessions.get(to.resource)]
        if isinstance(event.stanza, Iq) or kind_of(event.stanza, outgoing=False) == "":
            return [None]
        return [*account.available()] or [None]

    def deliver(self, event: StanzaReceived) -> None:
        """Where some sessions' lists deny what others' allow, deliver it to these alone."""
        stanza, peer = event.stanza, event.stanza.from_
        known = self.at_hand(event.user) if self._decides(event.user, peer) else None
        if known is None or peer is None:
            return
        kind = kind_of(stanza, outgoing=False)
        sessions = [session for session in self._targets(event) if session is not None]
        allowed = [session for session in sessions if known.allows(session, kind, peer)]
        if len(allowed) == len(sessions):
            return
        event.stop()
        if not isinstance(stanza, Presence):
            highest = max((session.priority for session in allowed), default=-1)
            least = 0 if stanza.type == "headline" else max(highest, 0)
            allowed = [session for session in allowed if session.priority >= least]
        for session in allowed:
            session.send(stanza)


def _check_sent(event: StanzaSent, known: Known) -> None:
    to = event.stanza.to
    assert to is not None
    if not known.allows(event.session, kind_of(event.stanza, outgoing=True), to):
        extra = ("blocked", BLOCKING_ERRORS)
        raise StanzaError("not-acceptable", "your privacy list denies this", "cancel", extra)
