"""Carries a stream over TCP, plain or inside TLS (RFC 6120 §3, §5; XEP-0368)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from burble.errors import StreamError
from burble.streams.base import XMLStream
from burble.tls import TlsContext, TlsError, TlsSession

_log = logging.getLogger("burble.tcp")

# From this many unsent bytes on, who sends much waits (`XMLStream.drain`).
_BLOCKED_AT: Final = 128 * 1024
# How long a peer may take to read our last words and close its side.
_LINGER: Final = 5.0


@dataclass(slots=True)
class TcpSettings:
    """What holds for the connections of one listener; may be changed while it runs.

    Attributes:
        tls: the certificates, or None where TLS is not on offer.
        direct_tls: TLS from the first byte (XEP-0368), not by STARTTLS.
        ask_peer: ask the peer for a certificate.
        rate: bytes a second to read from a connection; 0 is as fast as they come.
        burst: bytes that may come at once above the rate.
        output_buffer_bytes: bytes that may wait for a peer that has stopped reading.
    """

    tls: TlsContext | None
    direct_tls: bool = False
    ask_peer: bool = False
    rate: int = 0
    burst: int = 65_536
    output_buffer_bytes: int = 4_194_304


class TcpCarrier(asyncio.Protocol):
    """One connection that a listener took; a `burble.streams.base.Carrier`.

    Args:
        settings: those of the listener.
        make_stream: makes the stream to carry.
        gone: called once, when the connection is over.
    """

    __slots__ = (
        "_allowance",
        "_closing",
        "_full",
        "_gone",
        "_loop",
        "_make_stream",
        "_measured_at",
        "_paused",
        "_settings",
        "_silent",
        "_stopped",
        "_throttled",
        "_transport",
        "address",
        "stream",
        "tls",
    )

    def __init__(
        self,
        settings: TcpSettings,
        make_stream: Callable[[TcpCarrier], XMLStream],
        gone: Callable[[TcpCarrier], None],
    ) -> None:
        self._settings = settings
        self._make_stream = make_stream
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._paused = False  # the stream wants no more, for now
        self._silent = False  # the peer sends no more
        self._throttled = False  # the peer sends faster than it may
        self._stopped = False  # the transport has been told so, which costs a system call
        self._full = False
        self._closing: asyncio.TimerHandle | None = None
        self._allowance = float(settings.burst)
        self._measured_at = 0.0
        self.tls: TlsSession | None = None
        self.address = ""

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS can be offered."""
        return self.tls is None and self._settings.tls is not None

    @property
    def port(self) -> int:
        """The peer's port (`burble.streams.base.Carrier`); seldom asked for, and so not kept."""
        peer = self._transport.get_extra_info("peername")
        return int(peer[1]) if peer else 0

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_BLOCKED_AT)
        # Some peers vanish without a word: the system asks an idle one from time to time (RFC 6120 §4.6).
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        if self._direct_tls and self._settings.tls is not None:
            self._begin_tls(self._settings.tls)
        self.stream = self._make_stream(self)
        if self.tls is None and self._closing is None:
            self.stream.connected()

    def data_received(self, data: bytes) -> None:
        """Pass on what the peer sent."""
        if self._closing is not None:
            return
        if self._paused and not self._stopped:
            self._stopped = True
            self._transport.pause_reading()
        if self._settings.rate:
            self._throttle(len(data))
        if self.tls is not None:
            self._receive_encrypted(self.tls, data)
        else:
            self.stream.receive(data)

    def eof_received(self) -> bool:
        """The peer sends no more; what is still to be written is, then the connection ends."""
        if self._closing is not None:
            return False
        self._hear_no_more()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the stream."""
        if self._closing is not None:
            self._closing.cancel()
        self.stream.disconnected()
        self._gone(self)

    def pause_writing(self) -> None:
        """The peer reads too slowly."""
        self._full = True
        self.stream.blocked()
        self._check_overflow()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._full = False
        self.stream.unblocked()

    # ---- Carrier

    def wake(self) -> None:
        """Write what the stream has gathered by the end of this tick."""
        self._loop.call_soon(self._flush)

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        self._read_on()

    def start_tls(self) -> None:
        """Encrypt all that follows what the stream has sent until now."""
        assert self._settings.tls is not None
        self._flush()
        self._begin_tls(self._settings.tls)

    def close(self) -> None:
        """Write what is left, then close; a peer that does not close its side in turn is cut off."""
        if self._closing is None:
            self._linger()
            # In the next tick, since a stream may close before `connection_made` knows of it.
            self._loop.call_soon(self._finish)

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    # ---- inside

    @property
    def _direct_tls(self) -> bool:
        return self._settings.direct_tls

    def _begin_tls(self, context: TlsContext) -> None:
        self.tls = context.session(self._settings.ask_peer)

    def _read_on(self) -> None:
        if self._stopped and not self._paused and not self._throttled and not self._transport.is_closing():
            self._stopped = False
            self._transport.resume_reading()

    def _linger(self) -> None:
        """From now on the peer has a little time to take what is left and go."""
        if self._closing is None:
            self._closing = self._loop.call_later(_LINGER, self._transport.abort)

    def _finish(self) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        self._flush()
        if self.tls is not None:
            self.tls.close()
            transport.write(self.tls.outgoing())
        # Closing at once would reset the connection if there was something unread, and the peer might
        # never see why: read on, and forget what is read, until the peer is done.
        self._throttled = False
        self.resume()
        if self._silent:
            transport.close()
        elif transport.can_write_eof():
            transport.write_eof()

    def _flush(self) -> None:
        data = self.stream.take()
        if not data or self._transport.is_closing():
            return
        if self.tls is not None:
            if not self.tls.handshake_done:
                return  # there is nobody yet who could read it
            self.tls.send(data)
            data = self.tls.outgoing()
        self._transport.write(data)
        if self._full:
            self._check_overflow()

    def _check_overflow(self) -> None:
        waiting = self._transport.get_write_buffer_size()
        if waiting > self._settings.output_buffer_bytes and self._closing is None:
            self.stream.close(StreamError("resource-constraint", "you have stopped reading"))

    def _receive_encrypted(self, tls: TlsSession, data: bytes) -> None:
        established = tls.handshake_done
        try:
            plaintext = tls.receive(data)
        except TlsError as error:
            _log.info("TLS with %s failed: %s", self.address, error)
            self._linger()
            self._transport.write(tls.outgoing())  # the alert, but no XML any more (RFC 6120 §5.4.3.2)
            self._transport.close()
            self.stream.close()
            return
        if answer := tls.outgoing():
            self._transport.write(answer)
        if not established and tls.handshake_done and self._closing is None:
            self.stream.connected()
        if plaintext:
            self.stream.receive(plaintext)
        if tls.eof and self._closing is None:
            self._hear_no_more()

    def _hear_no_more(self) -> None:
        """The peer has ended its side: say goodbye, and end ours."""
        self._silent = True
        self.stream.fell_silent()

    def _throttle(self, size: int) -> None:
        """A token bucket: a client that sends faster than allowed is read more slowly (RFC 6120 §13.12)."""
        now = self._loop.time()
        settings = self._settings
        self._allowance = (
            min(settings.burst, self._allowance + (now - self._measured_at) * settings.rate) - size
        )
        self._measured_at = now
        if self._allowance < 0 and not self._throttled:
            self._throttled = True
            if not self._stopped:
                self._stopped = True
                self._transport.pause_reading()
            self._loop.call_later(-self._allowance / settings.rate, self._unthrottle)

    def _unthrottle(self) -> None:
        self._throttled = False
        self._read_on()
