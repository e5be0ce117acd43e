"""What both sides of a stream between servers have in common (RFC 6120, XEP-0198)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from burble.errors import StanzaError, StreamError
from burble.jid import JID, JIDError
from burble.namespaces import DIALBACK, SERVER, STREAM_MANAGEMENT
from burble.stanza import Stanza
from burble.streams.base import Carrier, XMLStream
from burble.streams.lanes import Lanes
from burble.streams.parser import ParserLimits
from burble.streams.servers.flow import WRAP, Flow, count_of
from burble.streams.servers.limits import UNLIMITED
from burble.xml import Element, escape_attribute

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["ANY", "Federation", "Policy", "ServerStream"]

_log = logging.getLogger("burble.s2s")

#: Every domain served here.
ANY: Final = "*"

_REQUEST: Final = f"<r xmlns='{STREAM_MANAGEMENT}'/>".encode()
# Who closes a stream for one of these may go on with it on another one (XEP-0198 §5).
_TO_BE_RESUMED: Final = frozenset({"connection-timeout", "internal-server-error", "resource-constraint"})
# How many stanzas are sent before the peer is asked what it has taken, and how long at most until then: our
# clients wait for the answer. Where a ping asks, it is work for both sides.
_ASK_EVERY: Final = 100
_ASK_AFTER: Final = 0.25
_PING_AFTER: Final = 1.0


class Policy(Protocol):
    """What is demanded of the streams to and from a domain."""

    @property
    def tls(self) -> bool:
        """Streams must be encrypted."""

    @property
    def certificate(self) -> bool:
        """Only a certificate proves the domain."""

    @property
    def dialback(self) -> bool:
        """Dialback may prove it."""


class Federation(Protocol):
    """What the streams between servers ask of the S2S manager."""

    @property
    def limits(self) -> ParserLimits:
        """What another server may send that has proved a domain."""

    @property
    def limits_before(self) -> ParserLimits:
        """What it may send before."""

    @property
    def answer_timeout(self) -> float:
        """How long a peer may take to confirm what it was sent, seconds."""

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here and may be spoken to."""

    def policy(self, domain: str) -> Policy | None:
        """What is demanded of another domain; None where nobody here has anything to do with it."""

    def prove(self, chain: Sequence[Certificate], domain: str) -> str:
        """Why certificates do not prove a domain; "" where they do."""

    def key(self, receiving: str, originating: str, stream_id: str) -> str:
        """The dialback key of one of our domains."""

    def verify(self, stream: ServerStream, local: str, remote: str, id: str, key: str) -> Awaitable[bool]:
        """Ask the authoritative server whether a key is its own. Raises `StanzaError`."""

    def authenticated(self, stream: ServerStream, local: str, remote: str) -> None:
        """A peer has proved its domain, to `local` or to `ANY`. Raises `StreamError` for too many streams."""

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza whose domains are proved."""

    def when_committed(self, act: Callable[[], None]) -> None:
        """Do something once all that was stored until now is committed."""

    def suspended(self, stream: ServerStream, id: str) -> Flow | None:
        """Take the flow of that id, which the same peer may go on with; None where there is none (§5)."""

    def taken(self, stream: ServerStream, id: str) -> int | None:
        """How many stanzas of the same peer were taken on a flow that is over; None where nobody knows."""

    def new_flow_id(self, stream: ServerStream) -> str:
        """An id under which a stream's flow can be resumed; "" where it can't."""

    def begun(self, stream: ServerStream) -> None:
        """What the peer wanted to negotiate is: stanzas can be sent to it as well, where it allows that."""

    def ping(self, stream: ServerStream, answered: Callable[[], None]) -> None:
        """Ask the peer for a sign of life that tells that it has taken all it was sent."""

    def delivered(self, stanzas: Iterable[Stanza]) -> None:
        """Another server has confirmed that it has taken stanzas."""

    def bounce(self, stanza: Stanza, error: StanzaError) -> None:
        """Tell the sender of a stanza that it can't be delivered."""

    def writable(self, stream: ServerStream) -> None:
        """A stream takes more stanzas again."""

    def lost(self, stream: ServerStream) -> None:
        """A stream is over."""


class ServerStream(XMLStream):
    """One stream to or from another server.

    Args:
        carrier: what moves the bytes.
        federation: the S2S manager.
        limits: what the peer may send, for now.
    """

    __slots__ = (
        "_answering",
        "_asked",
        "_asked_at",
        "_lanes",
        "_owes",
        "_stamp",
        "_timer",
        "bidi",
        "federation",
        "flow",
        "lang",
        "local",
        "method",
        "most_bytes",
        "proved",
        "remote",
        "since",
        "used",
    )

    content_ns = SERVER
    more_ns = f" xmlns:db='{DIALBACK}'"

    def __init__(self, carrier: Carrier, federation: Federation, limits: ParserLimits) -> None:
        super().__init__(carrier, limits)
        self.federation = federation
        #: The domain of ours that it is for, and the other one.
        self.local = ""
        self.remote = ""
        #: The domains that the peer has proved, each with those of ours that it may address.
        self.proved: dict[str, set[str]] = {}
        #: How the domains were proved: ``EXTERNAL`` or ``dialback``, and "" before.
        self.method = ""
        #: Stanzas go both ways (XEP-0288).
        self.bidi = False
        #: The default language of what the peer sends (RFC 6120 §4.7.4).
        self.lang = ""
        #: The largest stanza that the peer takes (XEP-0478).
        self.most_bytes = UNLIMITED
        self.flow = Flow()
        self.since = 0.0
        self.used = 0.0
        self._stamp = b""
        # One account's stanzas must not wait for those of another one of the same server.
        self._lanes = Lanes(federation.receive)
        self._timer: asyncio.TimerHandle | None = None
        self._asked = 0  # how many stanzas were sent when the peer was asked last
        self._asked_at = 0.0  # since when it has not answered; 0 where it has
        self._answering = False
        self._owes = False  # an answer, once nothing is under way

    # ---- stanzas

    def send_stanza(self, stanza: Stanza) -> None:
        """Send a stanza, and keep it until it is confirmed; one that is too big goes back to its sender."""
        data = stanza.to_peer()
        if len(data) > self.most_bytes:
            text = f"{self.remote} takes no stanzas of more than {self.most_bytes} bytes"
            self.federation.bounce(stanza, StanzaError("policy-violation", text))
            return
        self.flow.keep(stanza)
        self.send_bytes(data)
        if len(self.flow.waiting) - _ASK_EVERY >= self._asked - self.flow.confirmed:
            self.ask()
        elif self._timer is None:
            self._wake_later()

    @property
    def has_room(self) -> bool:
        """Whether the peer reads what it is sent."""
        return self._writable is None and not self.closing and not self.said_goodbye

    def unblocked(self) -> None:
        """The peer has caught up."""
        super().unblocked()
        if not self.closing:
            self.federation.writable(self)

    def take(self) -> bytes:
        """Hand over the bytes to write."""
        self.used = asyncio.get_running_loop().time()
        return super().take()

    def stanza(self, stanza: Stanza) -> Awaitable[Any] | None:
        """Check the addresses of a stanza, and hand it on (RFC 6120 §8.1.1.2, §8.1.2.2).

        Raises:
            StreamError: it has none, or is from a domain that the peer has not proved.
        """
        attrs = stanza.attrs
        to, from_ = attrs.pop("to", None), attrs.pop("from", None)
        if not to or not from_:
            raise StreamError("improper-addressing", "a stanza between servers has both to and from")
        sender = self._proved(from_)
        stanza.from_ = sender
        self.flow.handled += 1
        try:
            recipient = stanza.to = JID.parse(to)
        except JIDError as error:
            self._refuse(stanza, StanzaError("jid-malformed", str(error)))
            return None
        allowed = self.proved[sender.domain]
        if recipient.domain not in allowed and not (
            ANY in allowed and self.federation.serves(recipient.domain)
        ):
            raise StreamError("host-unknown", f"{recipient.domain} is not what you have a stream to")
        if stanza.raw is not None and sender == from_ and recipient == to:
            stanza.spliced(b"" if not self._stamp or "xml:lang" in attrs else self._stamp)
        if self._stamp and "xml:lang" not in attrs:
            attrs["xml:lang"] = self.lang
        return self._lanes.take(stanza)

    def _proved(self, claimed: str) -> JID:
        try:
            sender = JID.parse(claimed)
        except JIDError:
            raise StreamError("invalid-from", f"{claimed[:100]} is no address") from None
        if sender.domain not in self.proved:
            raise StreamError("invalid-from", f"you have not proved that you are {sender.domain}")
        return sender

    def _refuse(self, stanza: Stanza, error: StanzaError) -> None:
        """Answer what can't go on, in the name of our domain: the address is nobody's (§8.1.1.2)."""
        stanza.to = JID.parse(self.local)
        self.federation.bounce(stanza, error)

    def speaks(self, lang: str | None) -> None:
        """What the peer sends is in this language where it does not say otherwise."""
        self.lang = lang if lang and len(lang) <= 64 else ""
        self._stamp = f" xml:lang='{escape_attribute(self.lang)}'".encode() if self.lang else b""

    # ---- confirmations, and stream management (XEP-0198)

    def _wake_later(self) -> None:
        after = _ASK_AFTER if self.flow.managed else _PING_AFTER
        self._timer = asyncio.get_running_loop().call_later(after, self._wake)

    def _wake(self) -> None:
        """Some time has passed since something was sent."""
        self._timer = None
        if self.closing or not self.flow.waiting:
            return
        now = asyncio.get_running_loop().time()
        if self._asked_at and self.federation.answer_timeout < now - self._asked_at:
            self.close(StreamError("connection-timeout", "you do not say what you have received"))
            return
        if self.flow.sent > self._asked or not self._asked_at:
            self.ask()
        self._wake_later()

    def ask(self) -> None:
        """Ask the peer what it has taken, unless it has confirmed all."""
        if not self.flow.waiting:
            return
        if not self._asked_at:
            self._asked_at = asyncio.get_running_loop().time()
        self._asked = sent = self.flow.sent
        if self.flow.managed:
            self.send_bytes(_REQUEST)
        else:
            self.federation.ping(self, lambda: self.confirmed(sent))

    def confirmed(self, h: int) -> None:
        """The peer has taken that many stanzas.

        Raises:
            StreamError: it has not been sent as many.
        """
        self.federation.delivered(self.flow.confirm(h))
        self._asked_at = 0.0
        self.federation.writable(self)

    def manage(self, element: Element) -> None:
        """Take ``<r/>`` and ``<a/>`` (§4).

        Raises:
            StreamError: it is neither, or counts wrongly.
        """
        if element.name == "r" and self.flow.managed:
            self._answer_once_committed()
        elif element.name == "a" and self.flow.managed and (h := count_of(element)) is not None:
            self.confirmed(h)
        else:
            raise StreamError("unsupported-stanza-type", f"<{element.name}/> means nothing here now")

    def _answer_once_committed(self) -> None:
        """Tell how many stanzas were taken, once all that they caused is committed."""
        if self._answering:
            return  # the answer will hold for this request as well: it tells the count as it is then
        self._answering = True
        done, flow = self._done, self.flow

        def answer() -> None:
            self._answering = False
            if not self.closing:
                self.send_bytes(f"<a xmlns='{STREAM_MANAGEMENT}' h='{done & WRAP}'/>".encode())
                self._answer_the_rest(flow, done)

        self.federation.when_committed(answer)

    def _answer_the_rest(self, flow: Flow, told: int) -> None:
        """Where more has been taken than was told, tell that as well: the peer may not ask again."""
        if flow is not self.flow or flow.handled == told:
            return
        work = self._lanes.work
        if work is None:
            self._answer_once_committed()
        elif not self._owes:
            self._owes = True
            work.add_done_callback(self._answer_again)

    def _answer_again(self, _: object) -> None:
        self._owes = False
        if not self.closing:
            self._answer_once_committed()

    @property
    def _done(self) -> int:
        """How many stanzas were taken and are done with."""
        return self.flow.handled - (self._lanes.taken - self._lanes.finished)

    @property
    def work(self) -> asyncio.Task[None] | None:
        """What stanzas that were taken still wait for; may outlive the connection."""
        return self._lanes.work or super().work

    def answer_now(self) -> None:
        """Tell how many stanzas were taken: all of it is committed, and the stream is about to be closed."""
        if self.flow.managed and not self.closing:
            self.send_bytes(f"<a xmlns='{STREAM_MANAGEMENT}' h='{self._done & WRAP}'/>".encode())

    def go_on_with(self, flow: Flow, h: int) -> None:
        """Resume: send what the peer has not taken, then whatever comes (§5).

        Raises:
            StreamError: the peer has taken more than it was sent.
        """
        self.federation.delivered(flow.confirm(h))
        self.flow = flow
        self._asked = flow.confirmed
        for stanza in list(flow.waiting):
            self.send_bytes(stanza.to_peer())
        if flow.waiting:
            self.ask()
            if self._timer is None:
                self._wake_later()

    # ---- life

    def closed_with(self, condition: str) -> None:
        """The peer has closed the stream with an error."""
        self.finished = condition not in _TO_BE_RESUMED

    def close(self, error: StreamError | None = None) -> None:
        """Close the stream; the peer is told what was taken, lest it sends that again (XEP-0198 §4)."""
        if not self.closing:
            self.federation.when_committed(self.answer_now)  # at once, or too late
        super().close(error)

    def ended(self) -> None:
        """The stream is over: tell the manager."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.federation.lost(self)
