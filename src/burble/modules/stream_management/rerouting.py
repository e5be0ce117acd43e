"""Where stanzas go that a client has not acknowledged and will not come back for (XEP-0198 §4)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime

from burble.delay import delay
from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.carbons import Carbons, is_eligible
from burble.namespaces import DELAY
from burble.routing.events import MessageUndelivered
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Iq, Message, Presence, Stanza, parse_stanza

_log = logging.getLogger("burble.management")


class Rerouting:
    """Deals with the stanzas of one session that is over, as with those for a resource that is not there.

    A message goes to the account's other clients that have not had it, or is kept for later; it does not run
    through what refuses, archives and copies messages again. A request is answered with an error. Presence,
    answers, and what the account itself sent are out of date.

    Args:
        host: the session's.
        jid: the full JID it had.
        priority: the priority it had.
        exists: whether the account is there still.
    """

    def __init__(self, host: Host, jid: JID, priority: int, exists: bool) -> None:
        self._host = host
        self._jid = jid
        self._priority = priority
        self._exists = exists
        self._rooms: set[JID] = set()  # which have been told that the client is gone
        carbons = host.modules.get("carbons")
        self._carbons = carbons if isinstance(carbons, Carbons) else None

    def route(self, stanzas: Iterable[tuple[float, bytes]]) -> list[Awaitable[None]]:
        """Deal with the stanzas, in order.

        Args:
            stanzas: when each was sent, seconds since the epoch, and what.

        Returns:
            What to wait for; no message is overtaken by one that comes meanwhile.
        """
        waiting = []
        for at, data in stanzas:
            try:
                stanza = parse_stanza(data)
            except ValueError as error:
                _log.error("a stanza for %s can't be read: %s", self._jid, error)
                continue
            if not isinstance(stanza, Presence) and (more := self._route(at, stanza, data)) is not None:
                waiting.append(more)
        return waiting

    def _route(self, at: float, stanza: Iq | Message, data: bytes) -> Awaitable[None] | None:
        if isinstance(stanza, Message) and stanza.type in ("chat", "normal"):
            if stanza.from_ == self._jid.bare:
                return None
            archived = self._exists and f" by='{self._jid.bare}'".encode() in data
            return self._message(at, stanza, archived=archived)
        if isinstance(stanza, Message):
            if stanza.type != "groupchat" or stanza.from_ is None or stanza.from_.bare in self._rooms:
                return None
            self._rooms.add(stanza.from_.bare)  # one error takes the client out of the room
        return self._refuse(stanza, _nobody())

    def _refuse(self, stanza: Stanza, error: StanzaError) -> Awaitable[None] | None:
        return self._host.router.bounce(stanza, error)

    def _message(self, at: float, message: Message, *, archived: bool) -> Awaitable[None] | None:
        host = self._host
        sessions = host.sessions.of(self._jid.local)
        if any(self._has_had(session, message, at) for session in sessions):
            return None
        late = _delayed(message, at, host.jid)
        account = host.sessions.accounts.get(self._jid.local)
        best = account.most_available() if account is not None else []
        for session in best:
            session.send(late)
        if best:
            return None
        event = MessageUndelivered(self._jid.local, late)
        try:
            waiting = host.hooks.emit(event) if self._exists else None
        except StanzaError as error:
            # Who will find it in the archive has not missed it.
            return None if archived else self._refuse(message, error)
        if waiting is not None:
            return self._refuse_after(waiting, event, message, archived)
        return None if event.stopped or archived else self._refuse(message, _nobody())

    async def _refuse_after(
        self, waiting: Awaitable[None], event: MessageUndelivered, message: Message, archived: bool
    ) -> None:
        try:
            await waiting
            error = None if event.stopped else _nobody()
        except StanzaError as raised:
            error = raised
        if error is not None and not archived and (more := self._refuse(message, error)) is not None:
            await more

    def _has_had(self, session: Session, message: Message, at: float) -> bool:
        """Whether another session was sent a message, too, when it came: with it, or a copy (XEP-0280)."""
        to_all = message.to is not None and not message.to.resource
        if to_all and 0 < session.available_since <= at and session.priority >= max(0, self._priority):
            return True
        if self._carbons is None or session.since > at:
            return False
        return self._carbons.enabled(session) and is_eligible(message)


def _nobody() -> StanzaError:
    return StanzaError("service-unavailable", "nobody is there to take this")


def _delayed(message: Message, at: float, by: JID) -> Message:
    """The message with the time it was sent first (XEP-0203), where it does not say so already."""
    for stamp in message.elements("delay", DELAY):
        if stamp.get("from") == by:
            return message
    late = message.copy()
    late.append(delay(datetime.fromtimestamp(int(at), UTC), by))
    return late
