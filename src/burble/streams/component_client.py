"""The stream of this server where it is itself a component of another server (XEP-0114)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from burble.errors import StanzaError, StreamError
from burble.jid import JID
from burble.namespaces import STREAM_ERRORS, STREAMS
from burble.stanza import Stanza
from burble.streams.base import Carrier
from burble.streams.component import Owner, PeerStream, is_handshake, proof
from burble.streams.parser import ParserLimits, StreamOpen
from burble.xml import Element, escape_attribute

__all__ = ["ComponentClientStream", "Uplink"]


class Uplink(Owner, Protocol):
    """A domain served here that another server reaches as its component."""

    domain: JID

    @property
    def secret(self) -> str:
        """What proves that we may speak for the domain."""

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here, so that the other server can't speak for it."""


class ComponentClientStream(PeerStream):
    """A stream to another server's port for components.

    Args:
        carrier: what moves the bytes.
        uplink: whose stanzas go through it.
        limits: what the server may send.

    Attributes:
        reason: why the stream is over, once it is.
        served: the handshake was done.
    """

    __slots__ = ("_expiry", "_uplink", "reason", "served")

    def __init__(self, carrier: Carrier, uplink: Uplink, limits: ParserLimits) -> None:
        super().__init__(carrier, limits)
        self._uplink = uplink
        self.host_name = uplink.domain
        self.reason = "the connection was lost"
        self.served = False
        self._expiry: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        return f"component {self.host_name} of {self.carrier.address}"

    def expire_after(self, seconds: float) -> None:
        """Close the stream unless the handshake is over by then."""
        error = StreamError("connection-timeout", "the handshake took too long")
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.close, error)

    def connected(self) -> None:
        """Send our header."""
        self.send_header()

    def send_header(self) -> None:
        """Send our header; our domain stands in ``to`` (XEP-0114 §3)."""
        self.write_header(f" to='{escape_attribute(self.host_name)}'")

    def opened(self, header: StreamOpen) -> None:
        """Prove that we know the secret, by the id of the server's header."""
        if header.content_ns != self.content_ns or not header.id:
            raise StreamError("invalid-namespace", "this is no answer to a component")
        self.id = header.id
        self.send_bytes(f"<handshake>{proof(self.id, self._uplink.secret)}</handshake>".encode())

    def greeted(self, element: Element) -> None:
        """The server answers the handshake with an empty one, or with an error."""
        if self._is_error(element):
            return
        if not is_handshake(element):
            raise StreamError("not-authorized", "the handshake comes first")
        self._stays()
        self.served = True
        self.ready(self._uplink)

    def received_other(self, element: Element) -> None:
        """What is no stanza may be a stream error."""
        if not self._is_error(element):
            super().received_other(element)

    def default_sender(self) -> JID | None:
        """Another server speaks for many: it must say who sends."""
        return None

    def may_come(self, stanza: Stanza) -> None:
        """The other server speaks for everybody but those served here, and only to our domain."""
        assert stanza.from_ is not None
        assert stanza.to is not None
        if self._uplink.serves(stanza.from_.domain):
            raise StreamError("invalid-from", f"{stanza.from_.domain} is not yours to speak for")
        if stanza.to.domain != self.host_name:
            raise StanzaError("item-not-found", f"this is {self.host_name}, not {stanza.to.domain}")
        if not self._uplink.serves(self.host_name):
            raise StanzaError("service-unavailable", f"{self.host_name} is not served now", "wait")

    def ended(self) -> None:
        """Tell whoever it carried stanzas for, once."""
        self._stays()
        super().ended()

    def close(self, error: StreamError | None = None) -> None:
        """Close the stream, with an error where there is one."""
        if error is not None and not self.closing:
            self.reason = str(error)
        super().close(error)

    def _is_error(self, element: Element) -> bool:
        """Note what the server says is wrong, and close (RFC 6120 §4.9)."""
        if element.name != "error" or element.ns != STREAMS:
            return False
        reason = element.child(ns=STREAM_ERRORS)
        text = element.child_text("text", STREAM_ERRORS)
        said = reason.name if reason is not None else "an error"
        self.reason = f"the other server says {said}" + (f": {text}" if text else "")
        self.close()
        return True

    def _stays(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
