"""What an account and its contacts see when other rules apply: each other go, or come (XEP-0016 §2.10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from burble.jid import JID
from burble.modules.privacy.deciding import Deciding
from burble.modules.roster import Roster
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Presence

__all__ = ["Effects"]

#: To whom a session's presence goes, and whose presence reaches it.
_Seen = tuple[frozenset[JID], frozenset[JID]]


class Effects:
    """Sends the presence that a change of lists asks for.

    Args:
        host: the host.
        deciding: what decides before and after.
    """

    def __init__(self, host: Host, deciding: Deciding) -> None:
        self._host = host
        self._deciding = deciding

    async def around(self, sessions: Iterable[Session], change: Callable[[], Awaitable[None] | None]) -> None:
        """Make a change, and show available sessions and contacts what it means for them.

        Args:
            sessions: those of one account that the change may concern.
            change: makes it.
        """
        shown = [session for session in sessions if session.presence is not None]
        before = [await self._seen(session) for session in shown]
        waiting = change()
        if waiting is not None:
            await waiting
        for session, old in zip(shown, before, strict=True):
            if session.presence is not None:
                await self._show(session, old, await self._seen(session))

    async def _seen(self, session: Session) -> _Seen:
        user = session.user
        known = self._deciding.at_hand(user) or await self._deciding.load(user)
        roster = Roster.of(session.account) or known.roster
        return (
            frozenset(jid for jid in roster.subscribers if known.allows(session, "presence-out", jid)),
            frozenset(jid for jid in roster.subscriptions if known.allows(session, "presence-in", jid)),
        )

    async def _show(self, session: Session, before: _Seen, after: _Seen) -> None:
        presence = session.presence
        assert presence is not None
        for contact in sorted(before[0] - after[0]):
            await self._route(Presence(contact, session.jid, {"type": "unavailable"}))
        for contact in sorted(after[0] - before[0]):
            await self._route(presence.readdressed(contact, session.jid))
        for contact in sorted(before[1] - after[1]):
            for sender in self._resources(contact):
                session.send(Presence(session.jid, sender, {"type": "unavailable"}))
        for contact in sorted(after[1] - before[1]):
            await self._route(Presence(contact, session.jid, {"type": "probe"}))

    def _resources(self, contact: JID) -> list[JID]:
        """The resources of a contact that were seen; of one on another server only the contact is known."""
        if contact.domain != self._host.name:
            return [contact]
        return [each.jid for each in self._host.sessions.of(contact.local) if each.presence is not None]

    async def _route(self, presence: Presence) -> None:
        waiting = self._host.router.route(presence)
        if waiting is not None:
            await waiting
