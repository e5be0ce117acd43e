"""Managing presence subscriptions (RFC 6121 §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.roster import states
from burble.modules.roster.audience import audience
from burble.modules.roster.contacts import Roster, RosterItem
from burble.modules.roster.states import State
from burble.namespaces import CLIENT
from burble.routing.session import Session
from burble.stanza import Presence, Stanza
from burble.xml import parse_element

if TYPE_CHECKING:
    from burble.modules.roster.module import Rosters

#: The id of requests that the server sends again, by which it knows the errors that answer them.
_AGAIN: Final = "asked-again"
#: Bytes of a request that waits for an answer; of a longer one only who asks is kept.
_LONGEST: Final = 8192


class Subscriptions:
    """The subscription stanzas of one host.

    What a stanza changes is stored before anybody hears of it. Nobody's roster is locked while a stanza is
    routed: the answer may want the lock.

    Args:
        rosters: the module.
    """

    def __init__(self, rosters: Rosters) -> None:
        self._rosters = rosters
        self._host = rosters.host

    # ---- stanzas

    async def outbound(self, session: Session, presence: Presence) -> None:
        """A subscription stanza which a client sends (§3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2).

        Raises:
            StanzaError: bad-request without an addressee, not-allowed for an anonymous account,
                resource-constraint where the roster is full.
        """
        if presence.to is None:
            raise StanzaError("bad-request", f"whom to {presence.type}? The stanza has no 'to'")
        if session.anonymous:
            raise StanzaError("not-allowed", "an anonymous account keeps no roster")
        own, contact = session.jid.bare, presence.to.bare
        if own == contact:  # an account gets its own presence anyway (§4.2.2)
            return
        roster = await self._rosters.of_session(session)
        async with roster.lock:
            before = roster.state(contact)
            outcome = states.outbound(before, presence.type)
            changed = await self._become(roster, contact, outcome.state)
            item = roster.items.get(contact)
        if presence.type == "unsubscribed" and before.from_:
            # While the contact still is subscribed: afterwards it would not believe it (§3.2.2).
            await self.hide(own, contact)
        if outcome.passed:
            await self._route(presence.readdressed(contact, own))
        # Where the contact's server has answered at once, its answer has changed and pushed the item already.
        if changed and roster.items.get(contact) is item:
            self._rosters.push(roster, contact)
        if outcome.state.from_ and not before.from_:
            await self.show(own, contact)

    async def inbound(self, user: str, presence: Presence) -> None:
        """A subscription stanza which arrives for an account (§3.1.3, §3.1.6, §3.2.3, §3.3.3).

        One for an account that does not exist is ignored (§8.5.1).
        """
        own = JID.build(user, self._host.name)
        assert presence.from_ is not None
        contact = presence.from_.bare
        if own == contact or not await self._exists(user):
            return
        stanza = presence.readdressed(own, contact)
        roster = await self._rosters.store.load(user)
        async with roster.lock:
            before = roster.state(contact)
            outcome = states.inbound(before, presence.type)
            changed = await self._become(roster, contact, outcome.state, stanza)
        if outcome.passed:
            self._deliver(user, stanza)
        if outcome.granted:
            await self._route(Presence(contact, own, {"type": "subscribed"}))
        if changed:
            self._rosters.push(roster, contact)
        if outcome.granted:
            await self.show(own, contact)
        elif before.from_ and not outcome.state.from_:
            await self.hide(own, contact)  # §3.3.3

    async def failed(self, user: str, error: Presence) -> None:
        """A stanza could not reach the contact: whoever follows the roster may want to know why the request
        is not answered. The state stays, because the contact's server may be back tomorrow."""
        if error.id == _AGAIN:
            return
        roster = await self._rosters.store.load(user)
        assert error.from_ is not None
        if roster.state(error.from_.bare).pending_out:
            self._deliver(user, error)

    def _deliver(self, user: str, stanza: Presence) -> None:
        """Give a stanza to the sessions it is for: a request to the available ones (§3.1.3), what comes of
        one to those that follow the roster (§3.1.6, §3.2.3, §3.3.3)."""
        request = stanza.type == "subscribe"
        for session in self._host.sessions.of(user):
            if session.presence is not None if request else session.interested:
                session.send(stanza)

    # ---- what is known of a contact

    async def _become(
        self, roster: Roster, contact: JID, state: State, request: Presence | None = None
    ) -> bool:
        """Store a contact's new state; whether its roster item has changed.

        A request is kept as it came, unless too many wait already: then it is shown only now.
        """
        before = roster.state(contact)
        if state == before:
            return False
        old = roster.items.get(contact)
        new = old
        if old is not None or state._replace(pending_in=False) != states.NONE:
            if old is None:
                self._rosters.check_room(roster)
            new = replace(
                old or RosterItem(contact),
                subscription=state.subscription,
                ask=state.pending_out,
                approved=state.approved,
            )
        kept = roster.requests.get(contact) if state.pending_in else None
        room = len(roster.requests) < self._host.settings.limits.roster_items
        if state.pending_in and not before.pending_in and request is not None and room:
            kept = request.to_bytes()
            if len(kept) > _LONGEST:
                kept = Presence(request.to, request.from_, {"type": "subscribe"}).to_bytes()
        await self._rosters.store.put(roster, contact, new, kept)
        return new != old

    async def _exists(self, user: str) -> bool:
        authenticator = self._host.authenticator
        known = authenticator.known(user)
        return await authenticator.exists(user) if known is None else known

    # ---- reminding and ending

    async def remind(self, session: Session) -> None:
        """Send a session that has become available the requests that wait for an answer."""
        roster = await self._rosters.of_session(session)
        for request in roster.requests.values():
            session.send(parse_element(request, CLIENT))

    async def ask_again(self, session: Session) -> None:
        """Send the requests again that contacts elsewhere have not answered: the first ones, or the answers,
        may have been lost (§3.1.2)."""
        roster = await self._rosters.of_session(session)
        for item in list(roster.items.values()):
            if item.ask and item.jid.domain != self._host.name:
                await self._route(Presence(item.jid, roster.jid, {"id": _AGAIN, "type": "subscribe"}))

    async def end(self, own: JID, contact: JID, state: State) -> None:
        """Cancel the subscriptions both ways, of a contact who is in the roster no more (§2.5.2).

        Args:
            own: the account's bare JID.
            contact: the contact's.
            state: the state until now.
        """
        if state.to or state.pending_out:
            await self._route(Presence(contact, own, {"type": "unsubscribe"}))
        if state.from_:
            await self.hide(own, contact)
            await self._route(Presence(contact, own, {"type": "unsubscribed"}))

    async def end_all(self, own: JID) -> None:
        """Cancel all subscriptions of an account that is about to be removed, and deny what it was asked."""
        roster = await self._rosters.store.load(own.local)
        async with roster.lock:
            contacts = {jid: roster.state(jid) for jid in [*roster.items, *roster.requests]}
            # Its rows go with all others of the account; this object may be found again until then.
            roster.clear()
        for contact, state in contacts.items():
            await self.end(own, contact, state)
            if state.pending_in and not state.from_:
                await self._route(Presence(contact, own, {"type": "unsubscribed"}))

    # ---- presence that follows from it

    async def show(self, own: JID, contact: JID) -> None:
        """Send a contact the presence of the account's available sessions (§3.1.5)."""
        for session in self._host.sessions.of(own.local):
            if session.presence is not None and audience(self._host, own.local, (contact,), session):
                await self._route(session.presence.readdressed(contact, session.jid))

    async def hide(self, own: JID, contact: JID) -> None:
        """Send a contact that the account's available sessions are unavailable."""
        for session in self._host.sessions.of(own.local):
            # One that it does not see was never there, or was told to be gone.
            if session.presence is not None and audience(self._host, own.local, (contact,), session):
                await self._route(Presence(contact, session.jid, {"type": "unavailable"}))

    async def _route(self, stanza: Stanza) -> None:
        waiting = self._host.router.route(stanza)
        if waiting is not None:
            await waiting
