"""The connecting side of TCP: connections this server makes to others (RFC 6120 §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from burble.streams.base import XMLStream
from burble.tls import TlsContext
from burble.transports.tcp import TcpCarrier, TcpSettings

__all__ = ["ConnectingCarrier", "Peer"]


@dataclass(frozen=True, slots=True)
class Peer:
    """How to begin TLS with whom we connect to.

    Attributes:
        identity: the host of ours whose certificate is shown.
        server_name: the domain we want to speak with, named in the handshake (SNI, RFC 6120 §5.4.3.1).
        direct_tls: TLS from the first byte (XEP-0368), not by STARTTLS.
    """

    identity: str
    server_name: str
    direct_tls: bool = False


class ConnectingCarrier(TcpCarrier):
    """A connection that this server made; a `burble.streams.base.Carrier`.

    The stream's `connected` is called when it can send its header: once there is a connection (with direct
    TLS, once the handshake is over), and again when TLS is established after `start_tls`.

    Args:
        settings: what holds for it; `direct_tls` and `ask_peer` of theirs are for listeners.
        make_stream: makes the stream to carry.
        gone: called once, when the connection is over.
        peer: how to begin TLS.
    """

    __slots__ = ("_peer",)

    def __init__(
        self,
        settings: TcpSettings,
        make_stream: Callable[[TcpCarrier], XMLStream],
        gone: Callable[[TcpCarrier], None],
        peer: Peer,
    ) -> None:
        super().__init__(settings, make_stream, gone)
        self._peer = peer

    @property
    def _direct_tls(self) -> bool:
        return self._peer.direct_tls

    def _begin_tls(self, context: TlsContext) -> None:
        # Who connects speaks first. ALPN is for direct TLS (XEP-0368 §3): after STARTTLS all is agreed on.
        alpn = ("xmpp-server",) if self._peer.direct_tls else ()
        self.tls = context.client_session(self._peer.identity, self._peer.server_name, alpn)
        self._transport.write(self.tls.outgoing())
