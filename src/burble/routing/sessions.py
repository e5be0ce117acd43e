"""The session manager: who is connected, and who of them gets a stanza (RFC 6121 §8)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING

from burble.auth import AuthenticatorUnavailable
from burble.errors import StanzaError, StreamError
from burble.jid import JID, JIDError
from burble.routing import events
from burble.routing.session import Account, Session
from burble.sasl import Success
from burble.stanza import Iq, Message, Presence, Stanza

if TYPE_CHECKING:
    from burble.routing.hosts import Host
    from burble.streams.c2s import C2SStream


class SessionManager:
    """The sessions of one virtual host.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.accounts: dict[str, Account] = {}
        self._count = 0

    # ---- who is there

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Session]:
        for account in list(self.accounts.values()):
            yield from list(account.sessions.values())

    def of(self, user: str) -> list[Session]:
        """The sessions of an account."""
        account = self.accounts.get(user)
        return list(account.sessions.values()) if account is not None else []

    def find(self, jid: JID) -> Session | None:
        """The session of a full JID; None for one of another domain, whose namesake may be here."""
        if jid.domain != self.host.name:
            return None
        account = self.accounts.get(jid.local)
        return account.sessions.get(jid.resource) if account is not None else None

    def is_anonymous(self, user: str) -> bool:
        """Whether a user has logged in without an account (XEP-0175): nothing may be stored for it."""
        return any(session.anonymous for session in self.of(user))

    # ---- coming and going

    async def bind(self, stream: C2SStream, login: Success, resource: str | None) -> Session:
        """Open a session (RFC 6120 §7).

        Args:
            stream: the client's.
            login: who it is.
            resource: the one the client asks for; None or "" lets the server choose.

        Raises:
            StanzaError: bad-request, conflict, resource-constraint where the account has too many, or
                not-authorized where it was removed after the login; resource-constraint as well where that
                can't be found out.
        """
        settings = self.host.settings
        if not login.anonymous:
            await self._check_account(login.user)
        name = _prepared(login.user, self.host.name, resource) if resource else secrets.token_urlsafe(9)
        account = self.accounts.get(login.user)
        if account is not None and name in account.sessions:
            if not account.sessions[name].connected:  # its client is back without resuming it
                account.sessions[name].close()
            elif settings.auth.resource_conflict == "refuse":
                raise StanzaError("conflict", f"the resource {name} is in use", "modify")
            elif settings.auth.resource_conflict == "rename":
                name = secrets.token_urlsafe(9)
            else:
                account.sessions[name].close(StreamError("conflict", "replaced by a newer session"))
        self._make_room(login.user)
        # Closing the only session has forgotten the account.
        account = self.accounts.get(login.user) or Account(login.user)
        self.accounts[login.user] = account
        jid = JID.build(login.user, self.host.name, name)
        session = account.sessions[name] = Session(self.host, account, jid, stream, login.anonymous)
        self._count += 1
        waiting = self.host.hooks.emit(events.SessionOpened(session))
        if waiting is not None:
            await waiting
        return session

    def _make_room(self, user: str) -> None:
        """See that an account may open one more session; one that waits for its client is ended for it.

        Raises:
            StanzaError: resource-constraint.
        """
        account = self.accounts.get(user)
        if account is None or len(account.sessions) < self.host.settings.limits.resources_per_account:
            return
        for session in account.sessions.values():
            if not session.connected:
                session.close()
                return
        raise StanzaError("resource-constraint", "this account has too many sessions")

    def restore(self, user: str, resource: str) -> Session:
        """Open a session as it was before a restart; it waits for its client (XEP-0198)."""
        account = self.accounts.setdefault(user, Account(user))
        jid = JID.build(user, self.host.name, resource)
        session = account.sessions[resource] = Session(self.host, account, jid, None, False)
        self._count += 1
        return session

    async def _check_account(self, user: str) -> None:
        try:
            exists = await self.host.authenticator.exists(user)
            disabled = await self.host.authenticator.is_disabled(user)
        except AuthenticatorUnavailable as error:
            raise StanzaError(
                "resource-constraint", "accounts can't be checked now; try again later"
            ) from error
        if not exists:
            raise StanzaError("not-authorized", "this account has been removed")
        if disabled:
            raise StanzaError("not-authorized", "this account is disabled")

    def remove(self, session: Session) -> None:
        """Forget a session that is over, and tell those who saw it available."""
        account = session.account
        if account.sessions.get(session.jid.resource) is not session:
            return
        del account.sessions[session.jid.resource]
        self._count -= 1
        if session.presence is not None:
            self.make_unavailable(session, Presence(None, session.jid, {"type": "unavailable"}))
        self.host.emit_soon(events.SessionClosed(session))
        if not account.sessions and self.accounts.get(account.user) is account:
            del self.accounts[account.user]

    def make_available(self, session: Session, presence: Presence) -> bool:
        """Note a session's available presence and its priority; whether it was unavailable."""
        initial = session.presence is None
        session.presence = presence
        session.priority = presence.priority
        if initial:
            session.available_since = time.time()
        return initial

    def make_unavailable(self, session: Session, presence: Presence) -> None:
        """Note that a session is unavailable, and tell."""
        session.presence = None
        session.priority = 0
        session.available_since = 0.0
        self.host.emit_soon(events.UserUnavailable(session, presence))

    # ---- delivering (RFC 6121 §8.5)

    def deliver(self, stanza: Stanza) -> Awaitable[None] | None:
        """Deliver a stanza whose `to` is an account or one of its resources.

        Raises:
            StanzaError: it can't be; so may the awaitable.
        """
        to = stanza.to
        assert to is not None
        hooks = self.host.hooks
        audience = hooks.audiences.get(events.StanzaReceived)
        if audience is not None and audience.wants(to.local, stanza):
            event = events.StanzaReceived(to.local, stanza)
            waiting = hooks.emit(event, to.local, stanza)
            if waiting is not None:
                return self._deliver_after(waiting, event)
            if event.stopped:
                return None
            stanza = event.stanza
        return self._deliver(to, stanza)

    async def _deliver_after(self, waiting: Awaitable[None], event: events.StanzaReceived) -> None:
        await waiting
        if not event.stopped:
            assert event.stanza.to is not None
            more = self._deliver(event.stanza.to, event.stanza)
            if more is not None:
                await more

    def _deliver(self, to: JID, stanza: Stanza) -> Awaitable[None] | None:
        account = self.accounts.get(to.local)
        session = account.sessions.get(to.resource) if account is not None and to.resource else None
        if isinstance(stanza, Message):
            if session is None:
                return self._message(account, to, stanza)
            session.send(stanza)  # §8.5.3.1
            return None
        if isinstance(stanza, Presence):
            return self._presence(account, to, stanza)
        assert isinstance(stanza, Iq)
        local = self.host.local
        return local.resource_request(session, stanza) if to.resource else local.account_request(stanza)

    def _message(self, account: Account | None, to: JID, message: Message) -> Awaitable[None] | None:
        """A message for a bare JID, or for a resource that is not there (§8.5.2, §8.5.3.2.1)."""
        kind = message.type
        if kind == "groupchat":
            raise StanzaError("service-unavailable", "a room's messages go to a resource that has joined it")
        if kind == "error" or (kind == "headline" and to.resource):
            return None
        if kind == "normal" and to.resource:  # only a chat may go on with another resource
            raise _unavailable()
        if account is not None:
            if kind == "headline":
                for session in account.available():
                    if session.priority >= 0:
                        session.send(message)
                return None
            if _deliver_to_best(account, message):
                return None
        if kind == "headline":
            return None
        return self._undelivered(to.local, message)

    def _undelivered(self, user: str, message: Message) -> Awaitable[None] | None:
        """Nobody takes the message: have it kept, or refuse it (§8.5.2.2.1)."""
        known = user in self.accounts or self.host.authenticator.known(user)
        return self._keep_if_known(user, message) if known is None else self._keep(user, message, known)

    async def _keep_if_known(self, user: str, message: Message) -> None:
        exists = await self.host.authenticator.exists(user)
        account = self.accounts.get(user)
        if account is not None and _deliver_to_best(account, message):  # it has become available meanwhile
            return
        waiting = self._keep(user, message, exists)
        if waiting is not None:
            await waiting

    def _keep(self, user: str, message: Message, exists: bool) -> Awaitable[None] | None:
        event = events.MessageUndelivered(user, message)
        waiting = self.host.hooks.emit(event) if exists else None
        if waiting is not None:
            return _keep_or_refuse(waiting, event)
        if not event.stopped:
            raise _unavailable()
        return None

    def _presence(self, account: Account | None, to: JID, presence: Presence) -> Awaitable[None] | None:
        """§8.5.1.2, §8.5.2, §8.5.3: availability goes to resources, the rest is for the account."""
        kind = presence.type
        if kind in ("", "unavailable", "error"):
            if account is None:
                return None
            if to.resource:
                session = account.sessions.get(to.resource)
                if session is not None:
                    session.send(presence)
                    if kind == "error":
                        self.host.hooks.emit(events.PresenceFailed(session, presence))
                return None
            if kind != "error":
                for session in account.sessions.values():
                    if session.presence is not None:
                        session.send(presence)
                return None
        return self.host.hooks.emit(events.PresenceReceived(to.local, presence))


def _deliver_to_best(account: Account, message: Message) -> bool:
    """Send a message to the account's most available sessions; whether there are any."""
    best = account.most_available()
    for session in best:
        session.send(message)
    return bool(best)


async def _keep_or_refuse(waiting: Awaitable[None], event: events.MessageUndelivered) -> None:
    await waiting
    if not event.stopped:
        raise _unavailable()


def _unavailable() -> StanzaError:
    # The same for an account that does not exist, so that nobody learns which do (RFC 6121 §8.5.1).
    return StanzaError("service-unavailable", "nobody is there to take this")


def _prepared(user: str, host: str, resource: str) -> str:
    try:
        return JID.build(user, host, resource).resource
    except JIDError as error:
        raise StanzaError("bad-request", f"not a resource: {error}") from None
