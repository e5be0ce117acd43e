"""A session: one connected resource of an account, and the account as long as it has any."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from burble.errors import StanzaError, StreamError
from burble.jid import JID
from burble.routing import events
from burble.stanza import Iq, Presence, Stanza
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.hosts import Host
    from burble.streams.c2s import C2SStream


class Session:
    """One connected resource of an account (RFC 6120 §7).

    Attributes:
        host: its virtual host.
        jid: its full JID.
        account: the account's other sessions, and what modules keep for the account while it is connected.
        presence: its last available presence, or None.
        priority: of that presence.
        interested: it has asked for the roster and gets roster pushes (RFC 6121 §2.2).
        anonymous: it has no account (XEP-0175).
        since: when it was opened, seconds since the epoch.
        data: what modules keep for the session, by a key of their own; made when first needed.
    """

    __slots__ = (
        "_data",
        "_stream",
        "account",
        "anonymous",
        "host",
        "interested",
        "jid",
        "presence",
        "priority",
        "since",
    )

    def __init__(self, host: Host, account: Account, jid: JID, stream: C2SStream, anonymous: bool) -> None:
        self.host = host
        self.account = account
        self.jid = jid
        self.anonymous = anonymous
        self.presence: Presence | None = None
        self.priority = 0
        self.interested = False
        self.since = time.time()
        self._stream: C2SStream | None = stream
        self._data: dict[Any, Any] | None = None

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
        """Whether the session still lives; look again after waiting for anything."""
        return self._stream is not None

    @property
    def address(self) -> str:
        """The client's IP address, or "" where it is not connected any more."""
        return self._stream.carrier.address if self._stream is not None else ""

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
        users = hooks.users.get(events.StanzaSent)
        if users is not None and self.account.user in users:
            event = events.StanzaSent(self, stanza)
            waiting = hooks.emit(event)
            if waiting is not None:
                return self._receive_after(waiting, event)
            if event.stopped:
                return None
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
        """The stream that carried this session is gone."""
        if stream is self._stream:
            self._stream = None
            self.host.sessions.remove(self)

    # ---- to the client

    def send(self, stanza: Element) -> None:
        """Send something to the client."""
        stream = self._stream
        if stream is not None:
            stream.send_bytes(stanza.to_bytes("jabber:client"))

    async def drain(self) -> None:
        """Wait until the client has caught up; for who sends much."""
        if self._stream is not None:
            await self._stream.drain()

    def close(self, error: StreamError | None = None) -> None:
        """End the session and its stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self.host.sessions.remove(self)
            stream.close(error)


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
