"""The streams of external components, on either side of them (XEP-0114).

A component is a program that owns a domain: it connects to the server's port for components, proves by a
shared secret that it may speak for the domain, and then sends stanzas from it and gets those that are for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Awaitable, Iterable
from typing import Final, Protocol

from burble.errors import StanzaError, StreamError
from burble.jid import JID, JIDError
from burble.namespaces import CLIENT, COMPONENT_ACCEPT, COMPONENT_CONNECT, STREAMS
from burble.stanza import STANZAS, Stanza
from burble.streams.base import Carrier, XMLStream
from burble.streams.lanes import Lanes
from burble.streams.parser import ParserLimits, StreamOpen
from burble.xml import Element, escape_attribute

__all__ = ["Component", "ComponentStream", "Components", "Owner", "PeerStream", "is_handshake", "proof"]

_log = logging.getLogger("burble.component")

_NAMESPACES: Final = frozenset({COMPONENT_ACCEPT, COMPONENT_CONNECT})
# How the names of both begin.
_EXPLICIT: Final = b"jabber:component:"


def proof(stream_id: str, secret: str) -> str:
    """What the text of a ``<handshake/>`` is to be (XEP-0114 §3).

    Args:
        stream_id: the id in the header of whoever was connected to.
        secret: the one that both know.
    """
    # SHA-1 is what the protocol says. That the id is new each time is what keeps a proof from being replayed.
    return hashlib.sha1((stream_id + secret).encode()).hexdigest()


class Owner(Protocol):
    """Whoever the stanzas of a stream are for: a component, or a server this one is a component of."""

    def attach(self, stream: PeerStream) -> None:
        """The stream is ready to carry stanzas."""

    def detach(self, stream: PeerStream) -> None:
        """The stream carries stanzas no longer."""

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza that may come through the stream; `from_` and `to` are set and prepared."""


class Component(Owner, Protocol):
    """An external component as its streams see it."""

    jid: JID

    @property
    def secret(self) -> str:
        """What the component has to know."""

    @property
    def limits(self) -> ParserLimits:
        """What the component may send."""

    def make_room(self, stream: ComponentStream) -> None:
        """A stream has proved that it is of the component, and is about to be attached.

        Raises:
            StreamError: conflict, where the component has as many connections as it may.
        """


class Components(Protocol):
    """What the streams of components ask of the server."""

    def component(self, domain: str) -> Component | None:
        """The component that owns a domain."""


class PeerStream(XMLStream):
    """What both sides of a component's connection have in common, once the handshake is over.

    Attributes:
        since: when the handshake was done, seconds since the epoch; 0 before.
    """

    __slots__ = ("_lanes", "_owner", "since")

    content_ns = COMPONENT_ACCEPT

    def __init__(self, carrier: Carrier, limits: ParserLimits) -> None:
        super().__init__(carrier, limits)
        self.since = 0.0
        self._owner: Owner | None = None
        self._lanes: Lanes | None = None

    def may_come(self, stanza: Stanza) -> None:
        """Check the addresses of a stanza from the peer, both of which are set.

        Raises:
            StreamError: invalid-from, where the sender is none that the peer may speak for.
            StanzaError: it is not to be taken.
        """
        raise NotImplementedError

    def default_sender(self) -> JID | None:
        """Who sends what names no sender; None where it must name one."""
        raise NotImplementedError

    def greeted(self, element: Element) -> Awaitable[None] | None:
        """An element that comes before the handshake is over. Raises `StreamError`."""
        raise NotImplementedError

    def received_other(self, element: Element) -> None:
        """An element that is no stanza, after the handshake.

        Raises:
            StreamError: nothing here understands it.
        """
        what = "the handshake is over" if is_handshake(element) else f"what is <{element.name}/>?"
        raise StreamError("unsupported-stanza-type", what)

    def ready(self, owner: Owner) -> None:
        """Carry stanzas for `owner` from now on."""
        self.since = time.time()
        self._owner = owner
        self._lanes = Lanes(owner.receive)
        self.negotiated()
        owner.attach(self)

    def write_header(self, attributes: str) -> None:
        """Send our header, which has no version: that would promise features (RFC 6120 §4.7.5).

        Args:
            attributes: its own, as XML, each with a space before it.
        """
        self.header_sent = True
        self.send_bytes(
            f"<?xml version='1.0'?><stream:stream{attributes} xmlns='{self.content_ns}'"
            f" xmlns:stream='{STREAMS}'>".encode()
        )

    def send_stanza(self, stanza: Stanza) -> None:
        """Send a stanza to the peer."""
        self.send_bytes(stanza.to_peer())

    @property
    def work(self) -> asyncio.Task[None] | None:
        """What stanzas that were taken still wait for; may outlive the connection."""
        return self._lanes.work if self._lanes is not None else super().work

    def ended(self) -> None:
        """Tell the owner, once."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.detach(self)

    def received(self, element: Element) -> Awaitable[None] | None:
        """Take an element: a stanza once the handshake is over, the handshake before."""
        if self._lanes is None:
            return self.greeted(element)
        stanza = as_stanza(element)
        if stanza is None:
            self.received_other(element)
            return None
        try:
            self._address(stanza)
            self.may_come(stanza)
        except StanzaError as error:
            self._refuse(stanza, error)
            return None
        return self._lanes.take(stanza)

    def _address(self, stanza: Stanza) -> None:
        """Prepare the addresses of a stanza (RFC 6120 §8.1.1, §8.1.2).

        Raises:
            StreamError: improper-addressing or invalid-from.
            StanzaError: the recipient is missing, or is no address.
        """
        attrs = stanza.attrs
        claimed, wanted = attrs.pop("from", None), attrs.pop("to", None)
        stanza.from_ = _sender(claimed) if claimed else self.default_sender()
        if stanza.from_ is None:
            raise StreamError("improper-addressing", "a stanza needs a 'from' here")
        if not wanted:
            raise StanzaError("bad-request", "a stanza of a component needs a 'to'")
        try:
            stanza.to = JID.parse(wanted)
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None
        if stanza.raw is not None and wanted == stanza.to:
            if claimed is None:
                stanza.spliced(f" from='{escape_attribute(stanza.from_)}'".encode())
            elif claimed == stanza.from_:
                stanza.spliced(b"")

    def _refuse(self, stanza: Stanza, error: StanzaError) -> None:
        """Answer a stanza that is not taken, unless it is an answer itself (RFC 6120 §8.3.1)."""
        if stanza.attrs.get("type") not in ("error", "result"):
            self.send_stanza(stanza.error(error))


class ComponentStream(PeerStream):
    """The stream of a component that has connected to this server.

    Args:
        carrier: what moves the bytes.
        components: those that may connect.
        limits: what may be sent before the handshake is over.
    """

    __slots__ = ("_component", "_components", "_expiry")

    def __init__(self, carrier: Carrier, components: Components, limits: ParserLimits) -> None:
        super().__init__(carrier, limits)
        self._components = components
        self._component: Component | None = None
        self._expiry: asyncio.TimerHandle | None = None

    def __str__(self) -> str:
        return f"component {self.host_name or 'unknown'} from {self.carrier.address}"

    def expire_after(self, seconds: float) -> None:
        """Close the stream unless the handshake is over by then."""
        error = StreamError("connection-timeout", "you took too long for the handshake")
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.close, error)

    def send_header(self) -> None:
        """Send our header; the component's domain stands in ``from`` (XEP-0114 §3)."""
        self.id = secrets.token_hex(16)
        self.write_header(f" from='{escape_attribute(self.host_name)}' id='{self.id}'")

    def opened(self, header: StreamOpen) -> None:
        """Check the component's header and answer with ours (XEP-0114 §3)."""
        if header.content_ns != COMPONENT_ACCEPT:
            raise StreamError("invalid-namespace", f"the default namespace here is {COMPONENT_ACCEPT}")
        if header.to is None:
            raise StreamError("host-unknown", "the stream header names no component: put its domain in 'to'")
        try:
            component = self._components.component(JID.parse(header.to))
        except JIDError as error:
            raise StreamError("improper-addressing", str(error)) from None
        if component is None:
            raise StreamError("host-unknown", f"there is no component {header.to} in the settings")
        self._component = component
        self.host_name = component.jid
        self.send_header()

    def greeted(self, element: Element) -> None:
        """Take the handshake; nothing else may come first."""
        component = self._component
        if component is None or not is_handshake(element):
            raise StreamError("not-authorized", "the handshake comes first")
        given = element.text.strip().lower().encode()
        if not hmac.compare_digest(given, proof(self.id, component.secret).encode()):
            _log.warning("%s does not know the secret", self)
            raise StreamError("not-authorized", "the handshake is not made with the component's secret")
        component.make_room(self)
        self._stays()
        self.allow(component.limits)
        self.send_bytes(b"<handshake/>")
        _log.info("%s is connected", self)
        self.ready(component)

    def default_sender(self) -> JID | None:
        """The component itself: what names no sender can only come from it."""
        return self._component.jid if self._component is not None else None

    def may_come(self, stanza: Stanza) -> None:
        """A component speaks for any address of its own domain, and for no other (XEP-0114 §3)."""
        assert stanza.from_ is not None
        if stanza.from_.domain != self.host_name:
            raise StreamError("invalid-from", f"you are {self.host_name}, not {stanza.from_}")

    def ended(self) -> None:
        """Tell the component, once."""
        self._stays()
        if self._owner is not None:
            _log.info("%s is gone", self)
        super().ended()

    def _stays(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


def as_stanza(element: Element) -> Stanza | None:
    """The stanza that an element is; None for anything else.

    What says that it is of the stream's default namespace, which most leave out, is the same as of
    ``jabber:client``.
    """
    if isinstance(element, Stanza):
        if element.raw is None or _EXPLICIT in element.raw:
            element.raw = None
            _to_client(element.children)
        return element
    kind = STANZAS.get(element.name)
    if kind is None or element.ns not in _NAMESPACES:
        return None
    _to_client(element.children)
    return kind(None, None, element.attrs, *element.children)


def _to_client(children: Iterable[Element | str]) -> None:
    for child in children:
        if not isinstance(child, str):
            if child.ns in _NAMESPACES:
                child.ns = CLIENT
            _to_client(child.children)


def _sender(claimed: str) -> JID:
    try:
        return JID.parse(claimed)
    except JIDError as error:
        raise StreamError("invalid-from", str(error)) from None


def is_handshake(element: Element) -> bool:
    """Whether an element is a ``<handshake/>``."""
    return element.name == "handshake" and element.ns in (CLIENT, *_NAMESPACES)
