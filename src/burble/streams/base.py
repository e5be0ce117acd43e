"""What all XMPP streams have in common (RFC 6120 §4): a state machine that never touches a socket.

Bytes come in through `XMLStream.receive` and leave through `XMLStream.take`; a `Carrier` (TCP, TLS,
WebSocket ...) moves them. A stream handles what it receives one by one: while the handler of one element
waits, say for a database, later ones wait too and the carrier stops reading. Nobody else waits.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable
from typing import Final, Protocol

from burble.errors import StreamError
from burble.log import redact
from burble.namespaces import STREAMS
from burble.sasl import TlsFacts
from burble.streams.failing import error_element
from burble.streams.parser import Event, ParserLimits, StreamClosed, StreamOpen, StreamParser
from burble.xml import Element, escape_attribute

_log = logging.getLogger("burble.streams")

#: How often streams are asked whether they sleep, so that an idle one keeps little memory, seconds.
REST_EVERY: Final = 10.0

# Who was cut off for these may go on with what it did (XEP-0198 §5).
_NOT_THE_PEERS_FAULT: Final = frozenset(
    {"connection-timeout", "internal-server-error", "resource-constraint", "system-shutdown"}
)


class Carrier(Protocol):
    """What a stream needs of the transport that carries it."""

    @property
    def tls(self) -> TlsFacts | None:
        """The connection's TLS layer, or None while it is not encrypted."""

    @property
    def can_start_tls(self) -> bool:
        """Whether the transport could start TLS now."""

    @property
    def address(self) -> str:
        """The peer's IP address."""

    @property
    def port(self) -> int:
        """The peer's port; 0 where that is not known."""

    def wake(self) -> None:
        """The stream has something to `take`; asked for at most once until it is taken."""

    def start_tls(self) -> None:
        """Encrypt all that follows what was written until now (RFC 6120 §5.4.3.3)."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again."""

    def close(self) -> None:
        """Close the connection once everything has been written."""


class XMLStream:
    """One stream, the receiving entity's side.

    A subclass says what headers and elements mean: `opened`, `received`, `ended`.

    Args:
        carrier: what moves the bytes.
        limits: what the peer may send, for now.
    """

    __slots__ = (
        "_busy",
        "_fresh",
        "_out",
        "_parser",
        "_piecewise",
        "_queue",
        "_read_to",
        "_silent",
        "_task",
        "_unread",
        "_writable",
        "carrier",
        "closing",
        "finished",
        "header_sent",
        "host_name",
        "id",
        "limits",
        "log_stanzas",
        "peer_name",
        "rested",
        "said_goodbye",
        "stirred",
    )

    #: The default namespace of the stream's content.
    content_ns: str
    #: Namespaces that our header declares besides, as they stand in it.
    more_ns = ""

    def __init__(self, carrier: Carrier, limits: ParserLimits) -> None:
        self.carrier = carrier
        self.limits = limits
        self.id = ""
        self.host_name = ""
        #: The bare JID the peer says it has, prepared, or "".
        self.peer_name = ""
        self.header_sent = False
        self.log_stanzas = False
        #: The stream has been closed from our side; nothing more is handled or sent.
        self.closing = False
        #: It is over for good: the peer has closed it, or broken its rules (XEP-0198 §6).
        self.finished = False
        #: Our closing tag is sent; what the peer sends is still handled.
        self.said_goodbye = False
        #: Something was received since the last `rest`.
        self.stirred = True
        #: How many times in a row `rest` found that nothing was.
        self.rested = 0
        self._parser: StreamParser | None = StreamParser(limits)
        self._piecewise = True
        self._fresh = True  # nothing of the header has been read
        self._unread = b""
        self._read_to = 0  # how much of it has been read
        self._queue: deque[Event | StreamError] | None = None
        self._busy = False
        self._silent = False  # the peer sends no more
        self._task: asyncio.Task[None] | None = None
        self._out: list[bytes] = []
        self._writable: asyncio.Future[None] | None = None

    # ---- for the carrier

    def connected(self) -> None:
        """The peer can be written to: called once there is a connection, and again once TLS is established.

        With direct TLS it is called only then. Who initiates a stream sends its header now.
        """

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self.stirred = True
        if self.closing:
            return
        if self._piecewise or self._busy:
            self._unread = self._unread[self._read_to :] + data if self._unread else data
            self._read_to = 0
            self._pump()
        else:
            self._feed(data)

    def fell_silent(self) -> None:
        """The peer sends no more: close, but handle first what it has sent."""
        self._silent = True
        if not self._busy:
            self.close()

    def take(self) -> bytes:
        """Hand over the bytes to write; empties the buffer."""
        out = self._out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def disconnected(self) -> None:
        """The connection is gone; the stream is over, whatever state it was in."""
        closed = self.closing
        self.closing = True
        self._out.clear()
        self._unread = b""
        self._queue = None
        if self._parser is not None:
            self._parser.close()
            self._parser = None
        self.unblocked()
        if not closed:
            self.ended()

    def rest(self) -> None:
        """Called every `REST_EVERY` seconds: one that was silent since the last call gives memory back."""
        parser = self._parser
        self.rested = 0 if self.stirred else self.rested + 1
        if self.stirred:
            self.stirred = False
        elif parser is not None and parser.between_stanzas and not self._piecewise and not self._busy:
            parser.rest()

    def blocked(self) -> None:
        """The peer reads more slowly than we write."""
        self._writable = asyncio.get_running_loop().create_future()

    def unblocked(self) -> None:
        """The peer has caught up."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def drain(self) -> None:
        """Wait until the peer has caught up with what was written, or is gone: before writing much more."""
        if self._out:
            await asyncio.sleep(0)  # what was gathered in this tick is written first
        if self._writable is not None:
            await asyncio.shield(self._writable)

    # ---- for subclasses

    def opened(self, header: StreamOpen) -> Awaitable[None] | None:
        """The peer's header has arrived; answer with `send_header` or raise `StreamError`."""
        raise NotImplementedError

    def received(self, element: Element) -> Awaitable[None] | None:
        """A whole element has arrived. May raise `StreamError`."""
        raise NotImplementedError

    def ended(self) -> None:
        """The stream is over and can't be written to any more; called once."""
        raise NotImplementedError

    def restart(self, limits: ParserLimits) -> None:
        """Expect a new header, as after TLS and SASL negotiation (RFC 6120 §4.3.3)."""
        self.limits = limits
        self.header_sent = False
        self._fresh = True
        self._parser = StreamParser(limits)

    def allow(self, limits: ParserLimits) -> None:
        """Let the peer send other things from now on, in the same stream (XEP-0388 §2.6.1)."""
        self.limits = limits
        if self._parser is not None:
            self._parser.allow(limits)

    @property
    def work(self) -> asyncio.Task[None] | None:
        """What the stream waits for before it handles the next element; may outlive the connection."""
        return self._task

    def negotiated(self) -> None:
        """The stream will not be restarted any more: read as much at once as there is."""
        self._piecewise = False

    def drop_unread(self) -> bool:
        """Forget what the peer sent ahead; whether there was anything (RFC 6120 §5.4.3.3)."""
        had = bool(self._unread[self._read_to :].strip())
        self._unread = b""
        self._read_to = 0
        return had

    # ---- sending

    def send_header(self) -> None:
        """Send our stream header, with an id that nobody can guess (RFC 6120 §4.7)."""
        self.id = secrets.token_hex(8)
        self.header_sent = True
        sender = f" from='{escape_attribute(self.host_name)}'" if self.host_name else ""
        peer = f" to='{escape_attribute(self.peer_name)}'" if self.peer_name else ""
        self.send_bytes(
            f"<?xml version='1.0'?><stream:stream{sender}{peer} id='{self.id}' version='1.0' xml:lang='en'"
            f" xmlns='{self.content_ns}'{self.more_ns} xmlns:stream='{STREAMS}'>".encode()
        )

    def send(self, element: Element) -> None:
        """Send an element."""
        self.send_bytes(element.to_bytes(self.content_ns))

    def send_bytes(self, data: bytes) -> None:
        """Send one serialised element."""
        if self.closing or self.said_goodbye:
            return
        if self.log_stanzas:
            _log.debug("%s SEND %s", self, redact(data))
        out = self._out
        out.append(data)
        if len(out) == 1:
            self.carrier.wake()

    def say_goodbye(self) -> None:
        """Send nothing more, but take what the peer has sent before it reads that, to its own end (§4.4)."""
        if self.header_sent:
            self.send_bytes(b"</stream:stream>")
            self.said_goodbye = True
        else:
            self.close()

    def close(self, error: StreamError | None = None) -> None:
        """Close the stream, with an error where there is one (RFC 6120 §4.4, §4.9.1)."""
        if self.closing:
            return
        if error is not None:
            _log.info("%s closed with %s", self, error)
            self.finished = error.condition not in _NOT_THE_PEERS_FAULT
            if not self.header_sent:
                self.send_header()  # an error needs a stream to stand in (§4.9.1.1)
            self.send(error_element(error))
        if self.header_sent:
            self.send_bytes(b"</stream:stream>")
        self.closing = True
        self.carrier.close()
        self.ended()  # at once: the peer may take its time to go, and reads no more

    # ---- reading

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        assert parser is not None
        for event in parser.feed(data):
            if self._busy:
                self._enqueue(event)
            else:
                self._dispatch(event)
        if parser.error is not None and parser is self._parser:
            self._enqueue(parser.error) if self._busy else self.close(parser.error)

    def _pump(self) -> None:
        """Before negotiation is over a header may follow any tag: read up to one end of a tag at a time."""
        while self._read_to < len(self._unread) and not self._busy and not self.closing:
            unread, start = self._unread, self._read_to
            if self._piecewise:
                if self._fresh:
                    # Some clients end what they sent before with a newline, which no document may begin with.
                    while unread[start : start + 1].isspace():
                        start += 1
                end = unread.find(b">", start) + 1 or len(unread)
            else:
                end = len(unread)
            self._read_to = end
            if start < end:
                self._fresh = False
                self._feed(unread[start:end])
        if self._read_to >= len(self._unread):
            self._unread = b""
            self._read_to = 0

    def _enqueue(self, event: Event | StreamError) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(event)

    def _dispatch(self, event: Event | StreamError) -> None:
        if self.closing:
            return
        try:
            if isinstance(event, Element):
                if self.log_stanzas:
                    # Not as bytes: a stanza keeps those, and its addresses are not prepared yet.
                    _log.debug("%s RECV %s", self, redact(event.to_string(self.content_ns)))
                waiting = self.received(event)
            else:
                waiting = self._handle(event)
        except StreamError as error:
            self.close(error)
            return
        except Exception:
            _log.exception("%s: a handler failed", self)
            self.close(StreamError("internal-server-error"))
            return
        if waiting is not None:
            self._busy = True
            self.carrier.pause()
            self._task = asyncio.ensure_future(self._wait(waiting))

    def _handle(self, event: StreamOpen | StreamClosed | StreamError) -> Awaitable[None] | None:
        if isinstance(event, StreamOpen):
            return self.opened(event)
        if isinstance(event, StreamClosed):
            self.finished = True
            self.close()
            return None
        raise event

    async def _wait(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except StreamError as error:
            self.close(error)
        except Exception:
            _log.exception("%s: a handler failed", self)
            self.close(StreamError("internal-server-error"))
        self._task = None
        self._busy = False
        while self._queue and not self._busy:
            self._dispatch(self._queue.popleft())
        if not self._queue:
            self._queue = None
        self._pump()
        if self._busy or self.closing:
            return
        if self._silent:
            self.close()
        else:
            self.carrier.resume()
