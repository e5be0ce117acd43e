"""A session: one connected resource of an account, and the account as long as it has any."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from burble.errors import StanzaError, StreamError
from burble.jid import JID
from burble.routing import events
from burble.stanza import Iq, Presence, Stanza
from burble.streams.base import REST_EVERY
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.hosts import Host
    from burble.streams.c2s import C2SStream


class Management(Protocol):
    """What keeps a session's stanzas until its client has acknowledged them, and waits for one that is lost
    (XEP-0198)."""

    def send(self, stanza: Element) -> None:
        """Keep a stanza, and send it where the client is connected."""

    def send_stored(self, stanza: Element, shelf: Shelf, number: int) -> None:
        """Send a stanza that is stored, and need not be kept."""

    def waits(self, stream: C2SStream) -> bool:
        """The stream is gone; whether the session stays until its client comes back."""

    def unacknowledged(self) -> Iterator[bytes]:
        """The stanzas that the client has not acknowledged, oldest first, as they were sent."""

    def ended(self, priority: int) -> None:
        """The session is over and forgotten: deal with what was not acknowledged.

        Args:
            priority: that of its presence, when it was over.
        """


class Shelf(Protocol):
    """Where stanzas are stored, by number, until their client has acknowledged them."""

    async def fetch(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Those of the stanzas that are still stored, as they are to be sent."""

    def acknowledged(self, number: int) -> None:
        """The stanza of that number and all before it have been acknowledged."""


class Session:
    """One resource of an account (RFC 6120 §7), connected or waiting to be resumed (XEP-0198).

    Attributes:
        host: its virtual host.
        jid: its full JID.
        account: the account's other sessions, and what modules keep for the account while it is connected.
        presence: its last available presence, or None.
        priority: of that presence.
        interested: it has asked for the roster and gets roster pushes (RFC 6121 §2.2).
        anonymous: it has no account (XEP-0175).
        since: when it was opened, seconds since the epoch.
        available_since: when it became available; 0 where it is not.
        management: stream management, where the client has enabled it (XEP-0198).
        data: what modules keep for the session, by a key of their own; made when first needed.
    """

    __slots__ = (
        "_data",
        "_hold",
        "_outlet",
        "_stream",
        "account",
        "anonymous",
        "available_since",
        "host",
        "interested",
        "jid",
        "management",
        "presence",
        "priority",
        "since",
    )

    def __init__(
        self, host: Host, account: Account, jid: JID, stream: C2SStream | None, anonymous: bool
    ) -> None:
        self.host = host
        self.account = account
        self.jid = jid
        self.anonymous = anonymous
        self.presence: Presence | None = None
        self.priority = 0
        self.interested = False
        self.since = time.time()
        self.available_since = 0.0
        self.management: Management | None = None
        self._stream = stream
        self._data: dict[Any, Any] | None = None
        self._hold: Callable[[Element], bool] | None = None
        # Takes what is for the client in place of the stream.
        self._outlet: Callable[[Element], None] | None = None

    def __repr__(self) -> str:
        return f"<Session {self.jid}>"

    @property
    def data(self) -> dict[Any, Any]:
        """What modules keep for this session."""
        if self._data is None:
            self._data = {}
        return self._data

    @property
    def user(self) -> str:
        """The account's localpart."""
        return self.jid.local

    @property
    def connected(self) -> bool:
        """Whether the client is connected; look again after waiting for anything."""
        return self._stream is not None

    @property
    def alive(self) -> bool:
        """Whether the session is there, connected or waiting for its client to come back."""
        return self.account.sessions.get(self.jid.resource) is self

    @property
    def address(self) -> str:
        """The client's IP address, or "" where it is not connected any more."""
        return self._stream.carrier.address if self._stream is not None else ""

    @property
    def port(self) -> int:
        """The client's port, or 0 where it is not connected any more."""
        return self._stream.carrier.port if self._stream is not None else 0

    @property
    def silence(self) -> float:
        """For how long the client has sent nothing, about, seconds; infinite where it is not connected."""
        return self._stream.rested * REST_EVERY if self._stream is not None else inf

    @property
    def secure(self) -> bool:
        """Whether the client's connection is encrypted."""
        return self._stream is not None and self._stream.carrier.tls is not None

    # ---- from the client

    def receive(self, stanza: Stanza) -> Awaitable[Any] | None:
        """Take a stanza from the client: its `from_` is this session, its `to` is prepared or None.

        Raises:
            StanzaError: it was refused; so may the awaitable.
        """
        hooks = self.host.hooks
        audience, user = hooks.audiences.get(events.StanzaSent), self.account.user
        if audience is not None and audience.wants(user, stanza):
            event = events.StanzaSent(self, stanza)
            waiting = hooks.emit(event, user, stanza)
            if waiting is not None:
                return self._receive_after(waiting, event)
            if event.stopped:
                return None
            stanza = event.stanza
        return self._dispatch(stanza)

    async def _receive_after(self, waiting: Awaitable[None], event: events.StanzaSent) -> None:
        try:
            await waiting
            more = None if event.stopped else self._dispatch(event.stanza)
        except StanzaError as error:
            more = self.host.router.bounce(event.stanza, error)
        if more is not None:
            await more

    def _dispatch(self, stanza: Stanza) -> Awaitable[Any] | None:
        if isinstance(stanza, Presence):
            waiting = self.host.hooks.emit(events.PresenceSent(self, stanza))
            return None if waiting is None else self._or_bounce(waiting, stanza)
        if isinstance(stanza, Iq):
            check_iq(stanza)
        if stanza.to is None:  # the account itself (RFC 6120 §10.3)
            stanza = stanza.copy(to=self.jid.bare)
        return self.host.router.route(stanza)

    async def _or_bounce(self, waiting: Awaitable[None], presence: Presence) -> None:
        """Wait for what a presence brings about; where that fails its sender is told."""
        try:
            await waiting
        except Exception as error:
            refused = presence.readdressed(presence.to or self.jid.bare, self.jid)
            more = self.host.router.bounce(refused, error)
            if more is not None:
                await more

    def lost(self, stream: C2SStream) -> None:
        """The stream that carried this session is gone: it is over, or waits to be resumed."""
        if stream is self._stream:
            self._stream = None
            if self.management is None or not self.management.waits(stream):
                self._end()

    def detach(self) -> C2SStream | None:
        """Go on without the stream, which is returned: its end is not the session's any more."""
        stream, self._stream = self._stream, None
        return stream

    def attach(self, stream: C2SStream) -> None:
        """Go on with another stream, after `detach` or a `lost` connection."""
        self._stream = stream

    # ---- to the client

    def send(self, stanza: Element) -> None:
        """Send something to the client."""
        outlet = self._outlet
        if outlet is not None:
            outlet(stanza)
            return
        stream = self._stream
        if stream is not None:
            stream.send_bytes(stanza.to_bytes("jabber:client"))

    def transmit(self, stanza: Element) -> None:
        """Send something to the client without asking whether it is to be held back."""
        if self.management is not None:
            self.management.send(stanza)
        elif self._stream is not None:
            self._stream.send_bytes(stanza.to_bytes("jabber:client"))

    def send_stored(self, stanza: Element, shelf: Shelf, number: int) -> bool:
        """Send a stanza that is stored; whether its shelf will hear of the acknowledgement."""
        if self.management is None:
            self.send(stanza)
            return False
        self.management.send_stored(stanza, shelf, number)
        return True

    def hold_back(self, hold: Callable[[Element], bool] | None) -> None:
        """Ask `hold` of all that is for the client: where it says True it has kept it, to `transmit` later.

        Args:
            hold: None to hold back nothing any more.
        """
        self._hold = hold
        self._choose_outlet()

    def manage(self, management: Management) -> None:
        """Have what is sent kept until it is acknowledged (XEP-0198)."""
        self.management = management
        self._choose_outlet()

    def _choose_outlet(self) -> None:
        if self._hold is not None:
            self._outlet = self._hold_or_transmit
        else:
            self._outlet = None if self.management is None else self.management.send

    def _hold_or_transmit(self, stanza: Element) -> None:
        if self._hold is None or not self._hold(stanza):
            self.transmit(stanza)

    async def drain(self) -> None:
        """Wait until the client has caught up; for who sends much."""
        if self._stream is not None:
            await self._stream.drain()

    def close(self, error: StreamError | None = None) -> None:
        """End the session and its stream."""
        stream, self._stream = self._stream, None
        self._end()
        if stream is not None:
            stream.close(error)

    def _end(self) -> None:
        if self.alive:
            priority = self.priority
            self.host.sessions.remove(self)
            if self.management is not None:
                self.management.ended(priority)


class Account:
    """An account while it has sessions.

    Attributes:
        sessions: them, by resource.
        data: what modules keep for the account while it has sessions, by a key of their own.
    """

    __slots__ = ("data", "sessions", "user")

    def __init__(self, user: str) -> None:
        self.user = user
        self.sessions: dict[str, Session] = {}
        self.data: dict[Any, Any] = {}

    def available(self) -> list[Session]:
        """The available sessions."""
        return [session for session in self.sessions.values() if session.presence is not None]

    def most_available(self) -> list[Session]:
        """The sessions of the highest priority that is not negative (RFC 6121 §8.5.2.1.1)."""
        best: list[Session] = []
        highest = 0
        for session in self.sessions.values():
            if session.presence is None or session.priority < highest:
                continue
            if session.priority > highest:
                highest = session.priority
                best = []
            best.append(session)
        return best


def check_iq(iq: Iq) -> None:
    """RFC 6120 §8.2.3: an id, a known type, and one child for a request.

    Raises:
        StanzaError: bad-request.
    """
    kind = iq.type
    if kind not in ("get", "set", "result", "error"):
        raise StanzaError("bad-request", "the type of an IQ is get, set, result or error")
    if not iq.id:
        raise StanzaError("bad-request", "an IQ needs an id")
    if kind in ("get", "set") and sum(1 for _ in iq.elements()) != 1:
        raise StanzaError("bad-request", "a request has exactly one child element")
