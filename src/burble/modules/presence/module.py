"""The module `presence`: who learns that a client is available (RFC 6121 §4).

A presence is serialised once; for each contact it costs a splice of the start tag. It is addressed to the
contact's bare JID and goes to each of its available resources like that: §4.2.2 sends it to the bare JID, and
§8.5.2.1.2 forbids to rewrite that. What answers a probe is for the one resource that probed, by its full JID.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from pydantic import Field

from burble.errors import StanzaError
from burble.jid import JID
from burble.module import Module, ModuleSettings, on
from burble.modules.presence.unreached import Unreached
from burble.modules.roster import Roster, Rosters
from burble.modules.roster.audience import audience
from burble.modules.roster.states import SUBSCRIPTION_TYPES
from burble.routing.events import (
    BecomingAvailable,
    PresenceFailed,
    PresenceReceived,
    PresenceSent,
    ServerPresenceReceived,
    SessionClosed,
    SessionRestored,
    StanzaReceived,
    UserAvailable,
    UserUnavailable,
)
from burble.routing.router import refusing
from burble.routing.session import Account, Session
from burble.stanza import Presence

#: Where a session keeps to whom it has sent directed presence: a dict, for its order.
_TARGETS = "presence.targets"


class Presences(Module):
    """Broadcasts, probes and directed presence of one host."""

    name = "presence"
    requires = ("roster",)

    class Settings(ModuleSettings):
        """How much is remembered for a session."""

        directed: int = Field(
            default=1000,
            ge=0,
            description="Addresses one session may send directed presence to (RFC 6121 §4.6).",
        )

    async def start(self) -> None:
        """Find the rosters."""
        self._rosters = self.require(Rosters)
        self._unreached = Unreached(self.host)
        # After those who refuse stanzas.
        self.listen(StanzaReceived, self._unreached.heard, -100, self._unreached.users)
        self._off.append(self.host.keep_state(_TARGETS, _saved_targets, _restore_targets))

    # ---- from the clients

    @on(PresenceSent)
    def sent(self, event: PresenceSent) -> Awaitable[None] | None:
        """A presence stanza from a client, other than those that manage subscriptions.

        Raises:
            StanzaError: bad-request for an unknown type or priority.
        """
        session, presence = event.session, event.presence
        type_ = presence.type
        if presence.to is not None:
            if type_ in SUBSCRIPTION_TYPES:
                return None
            if type_ not in ("", "unavailable", "probe", "error"):
                raise StanzaError("bad-request", f"there is no presence of type {type_}")
            return self._directed(session, presence, presence.to)
        if type_ == "":
            return self._available(session, presence)
        if type_ == "unavailable":
            return self._unavailable(session, presence)
        if type_ not in SUBSCRIPTION_TYPES:
            raise StanzaError("bad-request", f"a presence of type {type_} needs an addressee")
        return None

    def _available(self, session: Session, presence: Presence) -> Awaitable[None] | None:
        priority = presence.priority  # a wrong one is refused before anything has changed (§4.7.2.3)
        if session.presence is None or (session.priority < 0 <= priority):
            return refusing(presence, self._arrive(session, presence))
        self.host.sessions.make_available(session, presence)
        return self._broadcast(session, presence)  # §4.4.2

    async def _arrive(self, session: Session, presence: Presence) -> None:
        """Initial presence (§4.2), or the first that lets messages for the account come (§8.5.2.1.1)."""
        await self._rosters.of_session(session)
        if presence.priority >= 0:
            await self.host.emit(BecomingAvailable(session, presence))
        if not session.alive:
            return
        initial = self.host.sessions.make_available(session, presence)
        waiting = self._broadcast(session, presence)
        if waiting is not None:
            await waiting
        if initial:
            waiting = self._probe(session)
            if waiting is not None:
                await waiting
            await self.host.emit(UserAvailable(session, presence))

    def _unavailable(self, session: Session, presence: Presence) -> Awaitable[None] | None:
        """§4.5.2. What follows from it is in `gone`, the same as when a client vanishes."""
        if session.presence is None:
            return self._forget_targets(session, presence)
        self.host.sessions.make_unavailable(session, presence)
        return None

    @on(UserUnavailable)
    def gone(self, event: UserUnavailable) -> Awaitable[None] | None:
        """A session has become unavailable: tell who knew it available (§4.5.2, §4.6.3)."""
        session, presence = event.session, event.presence
        roster = Roster.of(session.account)
        told = () if roster is None else roster.subscribers
        self._unreached.forget(session)
        waiting = _both(self._broadcast(session, presence), self._forget_targets(session, presence, told))
        if session.alive:
            session.send(presence.readdressed(session.jid.bare, session.jid))
        return waiting

    @on(SessionRestored)
    async def restored(self, event: SessionRestored) -> None:
        """A session is there again as it was before a restart: who sees it is told when it goes."""
        await self._rosters.of_session(event.session)

    @on(SessionClosed)
    def closed(self, event: SessionClosed) -> Awaitable[None] | None:
        """A session that was never available may have directed its presence to somebody."""
        session = event.session
        return self._forget_targets(session, Presence(None, session.jid, {"type": "unavailable"}))

    # ---- broadcasting

    def _broadcast(self, session: Session, presence: Presence) -> Awaitable[None] | None:
        """Send a session's presence to the account's available sessions, itself included, and to all who
        are subscribed to it (§4.2.2, §4.4.2, §4.5.2)."""
        own = presence.readdressed(session.jid.bare, session.jid)
        for other in session.account.available():
            other.send(own)
        roster = Roster.of(session.account)
        if roster is None:
            return None
        return self._send(session, presence, self._unreached.left_out(session, roster.subscribers))

    @on(PresenceFailed)
    def failed(self, event: PresenceFailed) -> None:
        """Somebody could not be told of a session's presence."""
        self._unreached.note(event.session, event.error)

    def _send(self, session: Session, presence: Presence, to: Sequence[JID]) -> Awaitable[None] | None:
        host = self.host
        to = audience(host, session.user, to, session)
        name, accounts, route = host.name, host.sessions.accounts, host.router.route
        # Who is not connected is left out: availability is not kept for later (§8.5.2.2.2).
        here = [jid for jid in to if jid.domain != name or jid.local in accounts]
        waiting: list[Awaitable[None]] = []
        for stanza in presence.to_each(here, session.jid):
            more = route(stanza)
            if more is not None:
                waiting.append(more)
        return _all(waiting) if waiting else None

    # ---- directed presence (§4.6)

    def _directed(self, session: Session, presence: Presence, to: JID) -> Awaitable[None] | None:
        if presence.type == "":
            targets = directed(session)
            if to not in targets and len(targets) >= self.settings.directed:
                raise StanzaError("resource-constraint", "presence has been directed to too many addresses")
            targets[to] = None
        elif presence.type == "unavailable":
            directed(session).pop(to, None)
        return self.host.router.route(presence)

    def _forget_targets(
        self, session: Session, presence: Presence, told: Sequence[JID] = ()
    ) -> Awaitable[None] | None:
        """§4.6.3: who was sent directed presence learns that the session is unavailable; not those who were
        told already."""
        targets = directed(session)
        if not targets:
            return None
        left = [jid for jid in targets if jid.bare not in told]
        targets.clear()
        return self._send(session, presence, left)

    # ---- probes (§4.3)

    def _probe(self, session: Session) -> Awaitable[None] | None:
        """Find out who is available of those the account is subscribed to, its own sessions included.

        A contact of this host is asked without a stanza; what it would answer is sent at once. One that is
        not connected would say so with a stanza, which §4.3.2 lets a server leave out.
        """
        host = self.host
        route = host.router.route
        own = session.jid.bare
        waiting: list[Awaitable[None] | None] = []
        for other in session.account.available():
            if other is not session and other.presence is not None:
                session.send(other.presence.readdressed(session.jid, other.jid))
        roster = Roster.of(session.account)
        for contact in () if roster is None else roster.subscriptions:
            if contact.domain != host.name or not contact.local:
                waiting.append(route(Presence(contact, session.jid, {"type": "probe"})))
                continue
            account = host.sessions.accounts.get(contact.local)
            if account is None:
                continue
            theirs = Roster.of(account)
            if theirs is None:  # it has not been available since it connected
                continue
            if theirs.shows_presence_to(own):
                waiting += self._answers(account, session.jid)
            else:
                waiting.append(route(Presence(own, contact, {"type": "unsubscribed"})))
        left = [more for more in waiting if more is not None]
        return _all(left) if left else None

    def _answers(self, account: Account, asker: JID) -> list[Awaitable[None] | None]:
        """Send somebody who may know it the presence of each available session of an account."""
        route = self.host.router.route
        return [
            route(session.presence.readdressed(asker, session.jid))
            for session in account.sessions.values()
            if session.presence is not None and self._may_tell(session, asker)
        ]

    def _may_tell(self, session: Session, asker: JID) -> bool:
        """Whether nobody objects to telling somebody of a session's presence."""
        return bool(audience(self.host, session.user, (asker,), session))

    @on(PresenceReceived)
    def probed(self, event: PresenceReceived) -> Awaitable[None] | None:
        """A probe has come for an account."""
        if event.presence.type != "probe":
            return None
        return refusing(event.presence, self._answer_probe(event.user, event.presence))

    async def _answer_probe(self, user: str, probe: Presence) -> None:
        """§4.3.2, §4.6.5: tell who may know. An account that does not exist answers as one that tells
        nothing (§8.5.1)."""
        asker, to = probe.from_, probe.to
        assert asker is not None
        assert to is not None
        roster = await self._rosters.store.load(user)
        sessions = self.host.sessions.of(user)
        if to.resource:
            sessions = [session for session in sessions if session.jid == to]
        allowed = roster.jid == asker.bare or roster.shows_presence_to(asker.bare)
        if allowed:
            shown = [each for each in sessions if each.presence is not None and self._may_tell(each, asker)]
        else:
            shown = [
                session
                for session in sessions
                if not directed(session).keys().isdisjoint({asker, asker.bare})
            ]
        answers = [(session.presence or Presence()).readdressed(asker, session.jid) for session in shown]
        if not answers:
            # The bare JID, because a full one would tell of a resource (§4.3.2, rule 1).
            sender, type_ = (to, "unavailable") if allowed else (to.bare, "unsubscribed")
            answers = [Presence(asker, sender, {"type": type_})]
        for answer in answers:
            waiting = self.host.router.route(answer)
            if waiting is not None:
                await waiting

    # ---- the server's own presence

    @on(ServerPresenceReceived)
    def asked_for_server(self, event: ServerPresenceReceived) -> Awaitable[None] | None:
        """The server is available to whoever wants to see it, here and elsewhere, for as long as it answers.

        It answers requests and probes, and nothing that another server would send of its own accord.
        """
        asker = event.presence.from_
        assert asker is not None
        match event.presence.type:
            case "probe":
                return self.host.router.route(Presence(asker, self.host.jid))
            case "subscribe":
                return self._show_server(asker.bare)
        return None

    async def _show_server(self, asker: JID) -> None:
        for attrs in ({"type": "subscribed"}, {}):
            waiting = self.host.router.route(Presence(asker, self.host.jid, attrs))
            if waiting is not None:
                await waiting


def directed(session: Session) -> dict[JID, None]:
    """To whom a session has directed presence (RFC 6121 §4.6), in order; they are to be told of its end."""
    found: dict[JID, None] = session.data.setdefault(_TARGETS, {})
    return found


def _saved_targets(session: Session) -> list[str]:
    return [str(jid) for jid in directed(session)]


def _restore_targets(session: Session, saved: list[str]) -> None:
    directed(session).update(dict.fromkeys(map(JID.parse, saved)))


def _both(first: Awaitable[None] | None, second: Awaitable[None] | None) -> Awaitable[None] | None:
    return first if second is None else second if first is None else _all([first, second])


async def _all(waiting: Sequence[Awaitable[None]]) -> None:
    for one in waiting:
        await one
