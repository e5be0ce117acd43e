"""The local router: stanzas for a virtual host itself, and requests to its accounts (RFC 6120 §10.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Literal

from burble.errors import StanzaError
from burble.jid import JID
from burble.routing import events
from burble.routing.session import check_iq
from burble.stanza import Iq, Message, Presence, Stanza
from burble.xml import Element

if TYPE_CHECKING:
    from burble.routing.hosts import Host
    from burble.routing.session import Session

Target = Literal["server", "account"]
Discipline = Literal["inline", "queue", "parallel"]
Answer = Element | None
RequestHandler = Callable[[Iq], Answer | Awaitable[Answer]]
Delegate = Callable[[Iq], bool]


@dataclass(slots=True)
class Handling:
    """Who answers the requests of one kind, and how.

    Attributes:
        handler: returns the payload of the result (or a whole `Iq`), None for an empty one;
            or raises `StanzaError`.
        types: the types of request it answers; another gets an error.
        owner_only: an account's requests are only its owner's to make; others learn nothing
            (RFC 6121 §8.5.1).
        any_account: it is asked for accounts that do not exist, too, and must not let others tell them
            from those that do. Without it such a request is refused (§8.5.1).
        discipline: ``inline``: the sender's stream waits for the answer; ``queue``: it does not, one request
            is handled after the other; ``parallel``: it does not, and neither does one request for another.
    """

    handler: RequestHandler
    types: frozenset[str]
    owner_only: bool = False
    any_account: bool = False
    discipline: Discipline = "inline"
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LocalRouter:
    """Routes what is addressed to one virtual host.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._handlers: dict[tuple[Target, str, str], Handling] = {}
        self._delegates: dict[str, Delegate] = {}
        self._requests: dict[tuple[JID, str], asyncio.Future[Iq]] = {}
        self._number = 0
        self._leaving = False

    def handle(self, target: Target, ns: str, name: str, handling: Handling) -> Callable[[], None]:
        """Answer requests by their payload.

        Args:
            target: ``server`` for those to the host, ``account`` for those to a bare JID of it.
            ns: the payload's namespace.
            name: the payload's name.
            handling: who answers.

        Returns:
            A function that takes the handler off again.

        Raises:
            ValueError: another handler has them.
        """
        key = (target, ns, name)
        if key in self._handlers:
            raise ValueError(f"requests <{name}/> of {ns} to the {target} are handled already")
        self._handlers[key] = handling

        def off() -> None:
            del self._handlers[key]

        return off

    def delegate(self, ns: str, delegate: Delegate) -> Callable[[], None]:
        """Let somebody else answer requests of a namespace to the host and its accounts (XEP-0355).

        Args:
            ns: the payload's namespace.
            delegate: says whether it answers a request; whoever handles it otherwise is not asked then.

        Returns:
            A function that takes it off again.

        Raises:
            ValueError: another delegate has them.
        """
        if ns in self._delegates:
            raise ValueError(f"requests of {ns} are delegated already")
        self._delegates[ns] = delegate

        def off() -> None:
            del self._delegates[ns]

        return off

    def route(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza for the host's domain.

        Raises:
            StanzaError: it can't be handled; so may the awaitable.
        """
        to = stanza.to
        assert to is not None
        if to.local:
            return self.host.sessions.deliver(stanza)
        if isinstance(stanza, Iq):
            return self._request("server", stanza)
        if isinstance(stanza, Message):
            return self.read(stanza)
        if isinstance(stanza, Presence) and not to.resource:
            return self.host.hooks.emit(events.ServerPresenceReceived(stanza))
        return None

    def read(self, message: Message) -> Awaitable[None] | None:
        """Take a message to the host itself, or to one of its services: only modules may have a use for it.

        Raises:
            StanzaError: service-unavailable, where none has; so may the awaitable.
        """
        if message.type == "error":
            return None
        event = events.ServerMessageReceived(message)
        waiting = self.host.hooks.emit(event)
        if waiting is not None:
            return _read_or_refuse(waiting, event)
        _refuse_unread(event)
        return None

    def account_request(self, iq: Iq) -> Awaitable[None] | None:
        """Answer an IQ to a bare JID on the account's behalf (RFC 6121 §8.5.2.1.3, §8.5.1)."""
        assert iq.to is not None
        user = iq.to.local
        known = user in self.host.sessions.accounts or self.host.authenticator.known(user)
        if known is None:
            return self._request_after(self.host.authenticator.exists(user), iq)
        return self._request("account", iq, known)

    async def _request_after(self, exists: Awaitable[bool], iq: Iq) -> None:
        waiting = self._request("account", iq, await exists)
        if waiting is not None:
            await waiting

    def resource_request(self, session: Session | None, iq: Iq) -> Awaitable[None] | None:
        """Hand an IQ to the session it is for, unless a module refuses (RFC 6121 §8.5.3.1).

        Raises:
            StanzaError: service-unavailable where there is no such session (§8.5.3.2.3); bad-request for one
                that is none, as other servers may let them through.
        """
        check_iq(iq)
        hooks = self.host.hooks
        if events.RequestReceived in hooks.calls and iq.type in ("get", "set"):
            waiting = hooks.emit(events.RequestReceived(iq))
            if waiting is not None:
                return _send_after(waiting, session, iq)
        _send(session, iq)
        return None

    async def ask(self, iq: Iq, timeout: float = 30.0) -> Iq:
        """Send a request of the server's own and wait for the answer.

        Args:
            iq: of type get or set, to a client or another entity; gets an id and the host as sender.
            timeout: how long to wait, seconds.

        Raises:
            StanzaError: the answer was an error, or there was none (remote-server-timeout).
        """
        iq.from_ = self.host.jid
        answer = await self.ask_as(iq, timeout)
        if answer.type == "error":
            raise answer.failure()
        return answer

    async def ask_as(self, iq: Iq, timeout: float = 30.0) -> Iq:
        """Send a request in the name of the host or of an account of its, and wait for the answer.

        Args:
            iq: of type get or set; its sender is the host, or the bare JID of an account. Gets another id.
            timeout: how long to wait, seconds.

        Returns:
            The result or the error.

        Raises:
            StanzaError: there was no answer (remote-server-timeout).
        """
        assert iq.to is not None
        if self._leaving:
            raise _nobody_waits()
        self._number += 1
        iq.attrs["id"] = key_id = f"b{self._number}"
        future: asyncio.Future[Iq] = asyncio.get_running_loop().create_future()
        self._requests[iq.to, key_id] = future
        try:
            waiting = self.host.router.route(iq)
            if waiting is not None:
                await waiting
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise StanzaError("remote-server-timeout", f"{iq.to} did not answer") from None
        finally:
            del self._requests[iq.to, key_id]

    def stop_asking(self) -> None:
        """Wait for no answers any more: the host is about to go."""
        self._leaving = True
        for future in self._requests.values():
            if not future.done():
                future.set_exception(_nobody_waits())

    def _request(self, target: Target, iq: Iq, exists: bool = True) -> Awaitable[None] | None:
        check_iq(iq)
        if iq.type in ("result", "error"):
            self._answered(iq)
            return None
        payload = iq.payload
        assert payload is not None
        if self._delegates and exists:
            delegate = self._delegates.get(payload.ns)
            if delegate is not None and delegate(iq):
                return None
        handling = self._handlers.get((target, payload.ns, payload.name))
        if handling is None:
            raise _unanswered()
        if handling.owner_only and (iq.from_ is None or iq.from_.bare != iq.to):
            raise StanzaError("service-unavailable", "only the account's owner may ask this")
        # Before the account is looked at: the answer must not tell whether there is one.
        if iq.type not in handling.types:
            raise StanzaError("not-allowed", f"this can't be asked with a {iq.type}")
        if not exists and not handling.any_account:
            raise _unanswered()
        if handling.discipline == "inline":
            answer = handling.handler(iq)
            return self._reply_later(iq, answer) if isawaitable(answer) else self._reply(iq, answer)
        self.host.spawn(self._apart(iq, handling))
        return None

    def _answered(self, iq: Iq) -> None:
        assert iq.from_ is not None
        future = self._requests.get((iq.from_, iq.id or ""))
        if future is not None and not future.done():
            future.set_result(iq)

    async def _apart(self, iq: Iq, handling: Handling) -> None:
        try:
            if handling.discipline == "queue":
                async with handling.lock:
                    await self._finish(iq, handling)
            else:
                await self._finish(iq, handling)
        except Exception as error:
            waiting = self.host.router.bounce(iq, error)
            if waiting is not None:
                await waiting

    async def _finish(self, iq: Iq, handling: Handling) -> None:
        answer = handling.handler(iq)
        if isawaitable(answer):
            answer = await answer
        waiting = self._reply(iq, answer)
        if waiting is not None:
            await waiting

    async def _reply_later(self, iq: Iq, answer: Awaitable[Answer]) -> None:
        waiting = self._reply(iq, await answer)
        if waiting is not None:
            await waiting

    def _reply(self, iq: Iq, answer: Answer) -> Awaitable[None] | None:
        return self.host.router.route(answer if isinstance(answer, Iq) else iq.reply(answer))


def _send(session: Session | None, iq: Iq) -> None:
    if session is None:
        raise StanzaError("service-unavailable", "this resource is not connected")
    session.send(iq)


async def _send_after(waiting: Awaitable[None], session: Session | None, iq: Iq) -> None:
    await waiting
    _send(session, iq)


async def _read_or_refuse(waiting: Awaitable[None], event: events.ServerMessageReceived) -> None:
    await waiting
    _refuse_unread(event)


def _refuse_unread(event: events.ServerMessageReceived) -> None:
    if not event.stopped:
        raise StanzaError("service-unavailable", "the server itself reads no messages")


def _nobody_waits() -> StanzaError:
    return StanzaError("remote-server-timeout", "the server is going down, and waits for no answers")


def _unanswered() -> StanzaError:
    return StanzaError("service-unavailable", "nothing here answers this request")
