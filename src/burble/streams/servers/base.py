"""What both sides of a stream between servers have in common (RFC 6120, XEP-0198)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final

from burble.errors import StanzaError, StreamError
from burble.jid import JID, JIDError
from burble.namespaces import DIALBACK, SERVER, STREAM_MANAGEMENT
from burble.stanza import Stanza
from burble.streams.base import Carrier, XMLStream
from burble.streams.lanes import Lanes
from burble.streams.parser import ParserLimits, StreamClosed, StreamOpen
from burble.streams.servers.federation import Federation
from burble.streams.servers.flow import WRAP, Flow, count_of
from burble.streams.servers.limits import UNLIMITED
from burble.xml import Element, escape_attribute

__all__ = ["ANY", "ServerStream"]

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
        return max(0, self.flow.handled - (self._lanes.taken - self._lanes.finished))

    @property
    def work(self) -> asyncio.Task[None] | None:
        """What stanzas that were taken still wait for; may outlive the connection."""
        return self._lanes.work or super().work

    def answer_now(self) -> None:
        """Tell how many stanzas were taken: all of it is committed, and the stream is about to be closed."""
        if self.flow.managed and not self.closing:
            self.send_bytes(f"<a xmlns='{STREAM_MANAGEMENT}' h='{self._done & WRAP}'/>".encode())

    def go_on_with(self, flow: Flow, h: int, answer: Element | None = None) -> None:
        """Resume: send what the peer has not taken, then whatever comes (§5).

        Args:
            flow: the counters of the stream that broke.
            h: how many stanzas the peer has taken.
            answer: what to send first.

        Raises:
            StreamError: the peer has taken more than it was sent.
        """
        self.flow = flow
        self.federation.delivered(flow.confirm(h))
        if answer is not None:
            self.send(answer)
        self._asked = flow.confirmed
        for stanza in list(flow.waiting):
            self.send_bytes(stanza.to_peer())
        if flow.waiting:
            self.ask()
            if self._timer is None:
                self._wake_later()

    # ---- life

    def _handle(self, event: StreamOpen | StreamClosed | StreamError) -> Awaitable[None] | None:
        if isinstance(event, StreamClosed) and self.flow.managed and not self.closing:
            self.finished = True
            return self._close_once_committed()
        return super()._handle(event)

    async def _close_once_committed(self) -> None:
        """The peer has closed the stream: it is told what was taken, lest it sends that again (§4)."""
        if (work := self._lanes.work) is not None:
            await work
        committed = asyncio.get_running_loop().create_future()
        self.federation.when_committed(lambda: committed.set_result(None))
        await committed
        self.close()

    def closed_with(self, condition: str) -> None:
        """The peer has closed the stream with an error."""
        self.finished = condition not in _TO_BE_RESUMED

    def close(self, error: StreamError | None = None) -> None:
        """Close the stream; the peer is told what was taken, where that is known by now (XEP-0198 §4)."""
        if not self.closing:
            self.federation.when_committed(self.answer_now)  # at once, or too late
        super().close(error)

    def ended(self) -> None:
        """The stream is over: tell the manager."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.federation.lost(self)
