"""The S2S manager: finds, opens and keeps the streams between our domains and others (RFC 6120 §10.4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from burble.config import Federation, Settings
from burble.errors import StanzaError, StreamError
from burble.routing.federation.connecting import Connecting
from burble.routing.federation.ending import FAREWELL, close_all, close_unused, confirmed
from burble.routing.federation.link import Link
from burble.routing.federation.memory import Reachability
from burble.routing.federation.pings import Pings
from burble.routing.federation.policy import DomainPolicy, Policies, parser_limits
from burble.routing.federation.suspended import Suspended
from burble.stanza import Iq, Message, Stanza
from burble.streams.base import REST_EVERY
from burble.streams.servers.base import ServerStream
from burble.streams.servers.dialback import dialback_key
from burble.streams.servers.flow import Flow
from burble.streams.servers.incoming import IncomingStream
from burble.streams.servers.outgoing import OutgoingStream, StreamRefused
from burble.tls import TlsContext
from burble.tls.trust import Trust
from burble.transports.tcp import TcpCarrier

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from burble.routing.router import Router
    from burble.storage.batch import Batcher

__all__ = ["FederationManager"]

_log = logging.getLogger("burble.s2s")


class FederationManager:
    """Takes the stanzas for other servers, and theirs for us."""

    def __init__(self) -> None:
        self.settings = Federation(enabled=False)
        self.incoming: set[IncomingStream] = set()
        self.outgoing: set[OutgoingStream] = set()
        self._policies = Policies(self.settings, Trust(system=False))
        self.links: dict[tuple[str, str], Link] = {}
        self._bidi: dict[tuple[str, str], IncomingStream] = {}
        self._suspended = Suspended()
        self.known = Reachability()
        self._pings = Pings()
        self._connecting: Connecting | None = None
        self._tasks: set[asyncio.Future[None]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._closing = False

    # ---- life

    def start(
        self, settings: Settings, tls: TlsContext, router: Router, secret: bytes, batch: Batcher
    ) -> None:
        """Begin to speak with other servers.

        Args:
            settings: the server's.
            tls: our certificates.
            router: takes what they send.
            secret: of the server's own; keys for dialback are derived from it.
            batch: knows what is committed.

        Raises:
            TlsError: a file of trusted authorities can't be read.
        """
        self._router = router
        self._secret = hmac.new(secret, b"server dialback", hashlib.sha256).digest()
        self._batch = batch
        self._configure(settings, tls, Trust(settings.federation.trust))
        self._rest_later()

    def change(self, settings: Settings, tls: TlsContext) -> None:
        """Let other settings hold; streams with domains that are refused now are closed.

        Raises:
            TlsError: a file of trusted authorities can't be read; all is as before.
        """
        trust = Trust(settings.federation.trust)
        self._configure(settings, tls, trust)
        self.known.forgive()
        for stream in [*self.incoming, *self.outgoing]:
            if reason := self._policies.forbids(stream):
                stream.close(StreamError("policy-violation", reason))

    def _configure(self, settings: Settings, tls: TlsContext, trust: Trust) -> None:
        before = self._connecting
        self.settings = settings.federation
        self._policies = Policies(self.settings, trust)
        self._connecting = Connecting(self.settings, tls, before)
        self.limits = parser_limits(settings.limits, self.settings.stanza_bytes)
        self.limits_before = parser_limits(settings.limits, settings.limits.stanza_bytes_before_login)
        self._log_stanzas = settings.log.stanzas
        for stream in self.outgoing:
            stream.log_stanzas = self._log_stanzas

    async def drain(self) -> None:
        """Wait a little until other servers have taken what they were sent; who sent the rest is told."""
        await confirmed([*self.outgoing, *self.incoming])
        text = "the server went down before it was confirmed that this arrived"
        for link in list(self.links.values()):
            if link.stream is None or link.stream.flow.waiting:
                link.close(StanzaError("remote-server-timeout", text))

    async def stop(self) -> None:
        """Say goodbye: what other servers have sent is confirmed."""
        self._closing = True
        if self._rest is not None:
            self._rest.cancel()
        await self.drain()
        await self._settled()
        for link in list(self.links.values()):
            link.close(StanzaError("remote-server-timeout", "the server is going down"))
        await close_all([*self.incoming, *self.outgoing], self.incoming)
        await self._settled()

    async def _settled(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FAREWELL)
        await self._batch.settled()

    def close(self) -> None:
        """Cut what is left of connections."""
        self._suspended.clear()
        for task in self._tasks:
            task.cancel()
        if self._connecting is not None:
            self._connecting.close()
            for carrier in list(self._connecting.carriers):
                carrier.abort()

    def close_unserved(self) -> None:
        """Close the streams of domains that are not served here any more (RFC 6120 §4.9.3.5)."""
        for stream in [*self.incoming, *self.outgoing]:
            if stream.local and not self.serves(stream.local):
                stream.close(StreamError("host-gone", f"{stream.local} is not served here any more"))
        for link in [each for each in self.links.values() if not self.serves(each.local)]:
            link.close(StanzaError("remote-server-not-found", f"{link.local} is not served any more"))

    # ---- to other servers

    def route(self, stanza: Stanza) -> None:
        """Send a stanza to the server of another domain.

        Raises:
            StanzaError: it can't be sent there; that it can't be delivered is told later as well.
        """
        assert stanza.from_ is not None
        assert stanza.to is not None
        pair = (stanza.from_.domain, stanza.to.domain)
        link = self.links.get(pair)
        if link is None:
            link = self._new_link(*pair)
        if isinstance(stanza, Message) and stanza.from_ in self._router.outstanding:
            self._router.outstanding[stanza.from_].add(stanza)
        try:
            link.send(stanza)
        except StanzaError:
            self.delivered([stanza])
            raise

    def _new_link(self, local: str, remote: str) -> Link:
        if not self.settings.enabled or self._closing:
            raise StanzaError("remote-server-not-found", f"{remote} can't be reached from here")
        if self._policies.of(remote) is None:
            raise StanzaError("policy-violation", f"{local} has nothing to do with {remote}", "cancel")
        if not self.serves(local) or local == "localhost":
            text = f"no other server knows {local}, so that none could answer"
            raise StanzaError("remote-server-not-found", text)
        pair = (local, remote)
        refused = self.known.failure(pair, asyncio.get_running_loop().time())
        if refused is not None:
            raise refused.error
        if len(self.links) >= self.settings.streams:
            raise StanzaError("resource-constraint", "there are too many streams to other servers")
        link = self.links[pair] = Link(self, local, remote, reached=self.known.was_reached(pair))
        stream = self._bidi.get(pair)
        if stream is not None:
            link.adopt(stream)
        return link

    async def open(self, link: Link) -> ServerStream:
        """Open the stream of a link. Raises `StreamRefused`."""
        stream = await self._open(link.local, link.remote, resuming=link.broken)
        self.known.succeeded((link.local, link.remote))
        return stream

    def offered(self, link: Link) -> ServerStream | None:
        """A stream that the other side has opened, on which stanzas can go both ways."""
        return self._bidi.get((link.local, link.remote))

    async def _open(
        self, local: str, remote: str, *, resuming: Flow | None = None, only_verifies: bool = False
    ) -> OutgoingStream:
        policy = self._policies.of(remote)
        if policy is None:
            raise StreamRefused("remote-server-not-found", f"{local} has nothing to do with {remote}")
        demanded: DomainPolicy = policy

        def make(carrier: TcpCarrier) -> OutgoingStream:
            stream = OutgoingStream(
                carrier, self, local, remote, demanded, resuming=resuming, only_verifies=only_verifies
            )
            stream.log_stanzas = self._log_stanzas
            stream.since = time.time()
            self.outgoing.add(stream)
            return stream

        assert self._connecting is not None
        known = only_verifies or self.known.was_reached((local, remote))
        return await self._connecting.open(local, remote, policy, make, known=known)

    def delivered(self, stanzas: Iterable[Stanza]) -> None:
        """Another server has confirmed that it has taken stanzas."""
        outstanding = self._router.outstanding
        if outstanding:
            for stanza in stanzas:
                if stanza.from_ in outstanding:
                    outstanding[stanza.from_].remove(stanza)

    def bounce(self, stanza: Stanza, error: StanzaError) -> None:
        """Tell the sender of a stanza that it can't be delivered."""
        self.delivered([stanza])
        waiting = self._router.bounce(stanza, error)
        if waiting is not None:
            self._spawn(waiting)

    def unreachable(self, link: Link, refused: StreamRefused) -> None:
        """Leave a server that can't be reached in peace, longer each time."""
        settings, now = self.settings, asyncio.get_running_loop().time()
        pause = self.known.failed(
            (link.local, link.remote), refused, now, settings.retry_after, settings.retry_after_at_most
        )
        # What users mistype is no business of the administrator's.
        level = logging.WARNING if link.reached else logging.INFO
        _log.log(level, "%s: %s; it is not tried again for %g s", link, refused, pause)

    def idle(self, link: Link) -> None:
        """Forget a link on which nothing is under way."""
        if self.links.get((link.local, link.remote)) is link:
            del self.links[link.local, link.remote]

    # ---- from other servers

    def accept(self, carrier: TcpCarrier) -> IncomingStream:
        """Make the stream of a connection that another server has made."""
        stream = IncomingStream(carrier, self)
        stream.since = time.time()
        self.incoming.add(stream)
        stream.expire_after(self.settings.accept_timeout)
        if not self.settings.enabled or self._closing:
            stream.close(StreamError("policy-violation", "no other servers can connect"))
        return stream

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza whose domains are proved."""
        if isinstance(stanza, Iq) and self._pings.answered(stanza):
            return None
        return self._router.route(stanza)

    @property
    def answer_timeout(self) -> float:
        """How long a peer may take to confirm what it was sent, seconds."""
        return self.settings.answer_timeout

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here."""
        return self._router.serves(domain)

    def policy(self, domain: str) -> DomainPolicy | None:
        """What is demanded of another domain; None where nobody here has anything to do with it."""
        return self._policies.of(domain)

    def prove(self, chain: Sequence[Certificate], domain: str) -> str:
        """Why certificates do not prove a domain; "" where they do."""
        return self._policies.prove(chain, domain)

    def key(self, receiving: str, originating: str, stream_id: str) -> str:
        """The dialback key of one of our domains."""
        return dialback_key(self._secret, receiving, originating, stream_id)

    async def verify(self, stream: ServerStream, local: str, remote: str, id: str, key: str) -> bool:
        """Ask the authoritative server of a domain whether a key is its own (XEP-0220 §2.2).

        Raises:
            StanzaError: it can't be asked.
        """
        link = self.links.get((local, remote))
        known = link.stream if link is not None else None
        if not isinstance(known, OutgoingStream) or known is stream or known.closing:
            known = None
        try:
            asked = known or await self._open(local, remote, only_verifies=True)
            try:
                async with asyncio.timeout(self.settings.connect_timeout):
                    return await asked.verify(id, key)
            finally:
                if known is None:
                    asked.close()
        except (StreamRefused, TimeoutError) as error:
            condition = error.condition if isinstance(error, StreamRefused) else "remote-server-timeout"
            raise StanzaError(condition, str(error) or f"{remote} does not answer") from error

    def authenticated(self, stream: ServerStream, local: str, remote: str) -> None:
        """A peer has proved its domain.

        Raises:
            StreamError: it has too many streams.
        """
        assert isinstance(stream, IncomingStream)
        count = sum(
            remote in each.proved and local in (each.local, *each.proved[remote]) for each in self.incoming
        )
        if count > self.settings.connections_per_domain:
            raise StreamError("resource-constraint", f"{remote} has too many streams to {local}")
        self.known.succeeded((local, remote))

    def begun(self, stream: ServerStream) -> None:
        """A peer is done with negotiating: from now on nothing is lost that it is sent."""
        assert isinstance(stream, IncomingStream)
        pair = (stream.local, stream.remote)
        if stream.bidi and not stream.closing:
            self._bidi[pair] = stream
            link = self.links.get(pair)
            if link is not None:
                link.offer(stream)

    def when_committed(self, act: Callable[[], None]) -> None:
        """Do something once all that was stored until now is committed."""
        self._batch.when_settled(act)

    # ---- streams that come and go

    def new_flow_id(self, stream: ServerStream) -> str:
        """An id under which a stream's flow can be resumed; "" where it can't."""
        return self._suspended.register(stream) if self.settings.resume_timeout else ""

    def suspended(self, stream: ServerStream, id: str) -> Flow | None:
        """The flow of that id, which the same peer may go on with."""
        return self._suspended.take(stream, id)

    def taken(self, stream: ServerStream, id: str) -> int | None:
        """How many stanzas of the same peer were taken on a flow that is over; None where nobody knows."""
        return self._suspended.taken(stream, id)

    def withdraw(self, flow: Flow) -> None:
        """A flow can't be resumed any more."""
        self._suspended.withdraw(flow)

    def writable(self, stream: ServerStream) -> None:
        """A stream takes more stanzas again."""
        link = self.links.get((stream.local, stream.remote))
        if link is not None and link.stream is stream:
            link.flush()

    def lost(self, stream: ServerStream) -> None:
        """A stream is over."""
        self._pings.forget(stream)
        pair = (stream.local, stream.remote)
        theirs = stream in self.incoming
        self.incoming -= {stream}
        self.outgoing -= {stream}
        if theirs:
            resumable = self._suspended.lost(stream, self.settings.resume_timeout)
            if self._bidi.get(pair) is stream:
                del self._bidi[pair]
        else:
            resumable = bool(stream.flow.managed and stream.flow.id and not stream.finished)
        if (link := self.links.get(pair)) is not None:
            link.lost(stream, resumable=resumable, theirs=theirs)

    def ping(self, stream: ServerStream, answered: Callable[[], None]) -> None:
        """Ask a peer that does not count stanzas whether it has taken what it was sent (XEP-0199 §4.4)."""
        self._pings.ask(stream, answered)

    def _rest_later(self) -> None:
        self._rest = asyncio.get_running_loop().call_later(REST_EVERY, self._rest_now)

    def _rest_now(self) -> None:
        for stream in self.outgoing:
            stream.rest()
        close_unused([*self.outgoing, *self.incoming], self.settings.idle_timeout)
        self._rest_later()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
