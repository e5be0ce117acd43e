"""Contacts who answered a presence with an error: updates are sent to them no more (RFC 6121 §4.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from burble.jid import JID
from burble.modules.roster import Roster
from burble.routing.events import StanzaReceived
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Presence

__all__ = ["Unreached"]

#: Where a session keeps them: a set of bare JIDs.
_KEY: Final = "presence.unreached"


class Unreached:
    """The contacts that could not be told of the presence of a host's sessions.

    Args:
        host: the host.

    Attributes:
        users: the accounts that have any, by localpart; always the same set.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.users: set[str] = set()

    def note(self, session: Session, error: Presence) -> None:
        """Take note of an error that answers a session's presence.

        Not of one of type ``wait``, which says to try again (RFC 6120 §8.3.2): the first update after an
        outage arrives.
        """
        found = error.child("error")
        roster = Roster.of(session.account)
        if session.presence is None or error.from_ is None or roster is None:
            return
        if found is not None and found.get("type") == "wait":
            return
        contact = error.from_.bare
        if roster.shows_presence_to(contact):
            session.data.setdefault(_KEY, set()).add(contact)
            self.users.add(session.user)

    def heard(self, event: StanzaReceived) -> None:
        """A contact that says anything but that is there again; to be called for `users`."""
        stanza = event.stanza
        if not isinstance(stanza, Presence) or stanza.from_ is None:
            return
        if stanza.type not in ("error", "unsubscribe"):
            for session in self._host.sessions.of(event.user):
                session.data.get(_KEY, set()).discard(stanza.from_.bare)

    def left_out(self, session: Session, contacts: Sequence[JID]) -> Sequence[JID]:
        """The contacts without those that could not be told."""
        if session.user not in self.users:
            return contacts
        unreached = session.data.get(_KEY, ())
        return [contact for contact in contacts if contact not in unreached]

    def forget(self, session: Session) -> None:
        """A session is unavailable: it begins anew with everybody."""
        if session.user in self.users:
            session.data.pop(_KEY, None)
            if not any(other.data.get(_KEY) for other in self._host.sessions.of(session.user)):
                self.users.discard(session.user)
