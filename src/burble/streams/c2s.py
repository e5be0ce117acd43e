"""The client's stream, seen from the server: TLS, login, resource, then stanzas (RFC 6120 §4 to §8)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from burble import namespaces as ns
from burble.errors import StanzaError, StreamError
from burble.jid import JID, JIDError
from burble.sasl import SaslFailure, SaslServer, Success
from burble.stanza import Iq, Stanza
from burble.streams.base import Carrier, XMLStream
from burble.streams.login import SaslLogin
from burble.streams.parser import ParserLimits, StreamOpen
from burble.xml import Element, escape_attribute

if TYPE_CHECKING:
    from burble.config import HostSettings

_log = logging.getLogger("burble.c2s")

# 1.0, and what later versions there may be: the header that answers says 1.0 (RFC 6120 §4.7.5).
_VERSION: Final = re.compile("0*[1-9][0-9]*[.][0-9]+")
# Longer than any language tag that means something (RFC 5646 §4.4.1): it is added to each stanza.
_LONGEST_LANG: Final = 64


class Bound(Protocol):
    """A session as its stream sees it: where a logged-in client's stanzas go."""

    @property
    def jid(self) -> JID:
        """The full JID that was bound."""

    def receive(self, stanza: Stanza) -> Awaitable[Any] | None:
        """Take a stanza whose `to` is prepared and whose `from_` is `jid`. May raise `StanzaError`."""

    def lost(self, stream: C2SStream) -> None:
        """The stream is over."""


NonzaHandler = Callable[["C2SStream", Element], Awaitable[None] | None]


class Negotiation(Protocol):
    """Something that is being negotiated, such as a login by SASL2."""

    #: The namespace of the elements that belong to it.
    ns: str


class ClientHost(Protocol):
    """A virtual host as a client's stream sees it."""

    name: str
    settings: HostSettings
    sasl: SaslServer
    client_limits: ParserLimits

    @property
    def nonzas(self) -> Mapping[str, NonzaHandler]:
        """Who takes the elements that are no stanzas (XEP-0360), by namespace."""

    def stream_features(self, stream: C2SStream) -> Sequence[Element]:
        """Features that modules add to those of the stream itself."""

    def bind(self, stream: C2SStream, login: Success, resource: str | None) -> Awaitable[Bound]:
        """Bind a resource (RFC 6120 §7). Raises `StanzaError`."""

    def receive_before_login(self, stream: C2SStream, request: Iq) -> Awaitable[Iq | None]:
        """Answer a request of a client that has not logged in, such as to register (XEP-0077)."""


class Hosts(Protocol):
    """What a client's stream asks of the server."""

    @property
    def default_host(self) -> str:
        """The name of the virtual host that speaks to those who have named none."""

    def client_host(self, domain: str) -> ClientHost | None:
        """The virtual host of that name."""


class C2SStream(XMLStream):
    """One client's stream.

    Args:
        carrier: what moves the bytes.
        hosts: the virtual hosts a client may log in to.
        limits: what a client may send before it has logged in.
    """

    __slots__ = (
        "_expiry",
        "_failures",
        "_hosts",
        "_sasl",
        "_stamp",
        "_stamp_lang",
        "handled",
        "host",
        "lang",
        "login",
        "negotiation",
        "session",
    )

    content_ns = ns.CLIENT

    def __init__(self, carrier: Carrier, hosts: Hosts, limits: ParserLimits) -> None:
        super().__init__(carrier, limits)
        self.host_name = hosts.default_host
        self._hosts = hosts
        #: The virtual host of the stream, once the client has named one.
        self.host: ClientHost | None = None
        #: The default language of what the client sends (RFC 6120 §4.7.4).
        self.lang = ""
        #: Who logged in.
        self.login: Success | None = None
        #: What a module keeps while it negotiates with the client, which sends nothing else meanwhile.
        self.negotiation: Negotiation | None = None
        #: How many stanzas of the session it has taken (XEP-0198 §4).
        self.handled = 0
        #: The session, once a resource is bound.
        self.session: Bound | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._sasl: SaslLogin | None = SaslLogin(self)
        self._failures = 0
        self._stamp = b""
        self._stamp_lang = b""

    def __str__(self) -> str:
        who = self.session.jid if self.session else self.carrier.address
        return f"c2s {who}"

    def expire_after(self, seconds: float) -> None:
        """Close the stream unless a resource is bound by then (RFC 6120 §13.12)."""
        loop = asyncio.get_running_loop()
        error = StreamError("connection-timeout", "you took too long to log in")
        self._expiry = loop.call_later(seconds, self.close, error)

    def _stays(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    # ---- headers and features

    def opened(self, header: StreamOpen) -> None:
        """Check the client's header and answer with ours and the features (RFC 6120 §4.7, §4.3.2)."""
        self.lang = header.lang if header.lang and len(header.lang) <= _LONGEST_LANG else ""
        self.peer_name = _bare(header.from_)
        host = self._find_host(header)
        self.host = host
        self.host_name = host.name
        self.send_header()
        if header.content_ns != ns.CLIENT:
            raise StreamError("invalid-namespace", f"a client's stream has the default namespace {ns.CLIENT}")
        if header.version is None or _VERSION.fullmatch(header.version) is None:
            raise StreamError("unsupported-version", "this server speaks XMPP 1.0")
        self.send_features(host)

    def _find_host(self, header: StreamOpen) -> ClientHost:
        if header.to is None:
            raise StreamError("host-unknown", "the stream header names no host: put the domain in 'to'")
        try:
            host = self._hosts.client_host(JID.parse(header.to))
        except JIDError as error:
            raise StreamError("improper-addressing", str(error)) from None
        if host is None:
            raise StreamError("host-unknown", f"{header.to} is not served here")
        if self.login is not None and host is not self.host:
            raise StreamError("host-unknown", "a stream can't change its host after the login")
        return host

    def send_features(self, host: ClientHost) -> None:
        """Say what can be negotiated now (RFC 6120 §4.3.2)."""
        features = Element("features", ns.STREAMS)
        carrier = self.carrier
        must = host.settings.tls.require and carrier.tls is None
        if self.login is None and carrier.can_start_tls:
            starttls = features.add("starttls", ns.TLS)
            if must:
                starttls.add("required")
        if not must:
            if self.login is None:
                self._add_mechanisms(features, host)
            elif self.session is None:
                features.add("bind", ns.BIND)
        for feature in host.stream_features(self):
            features.append(feature)
        if not must:
            limits = features.add("limits", ns.STREAM_LIMITS)  # XEP-0478
            limits.add("max-bytes", text=str(self.limits.stanza_bytes))
        self.send(features)

    def _add_mechanisms(self, features: Element, host: ClientHost) -> None:
        mechanisms = Element("mechanisms", ns.SASL)
        for name in host.sasl.offered(self.carrier.tls):
            mechanisms.add("mechanism", text=name)
        if mechanisms.children:
            features.append(mechanisms)
        bindings = host.sasl.channel_bindings(self.carrier.tls)
        if bindings:
            element = features.add("sasl-channel-binding", ns.CHANNEL_BINDING)
            for type_ in bindings:
                element.add("channel-binding", attrs={"type": type_})

    # ---- elements

    def received(self, element: Element) -> Awaitable[Any] | None:
        """Take an element: a stanza once logged in, negotiation before."""
        session = self.session
        if session is not None and isinstance(element, Stanza):
            self.handled += 1
            return self._stanza(session, element)
        if self.negotiation is not None and element.ns != self.negotiation.ns:
            raise StreamError("policy-violation", "nothing may come between the steps of a negotiation")
        if isinstance(element, Stanza):
            return self._early_stanza(element)
        if element.ns == ns.SASL and self._sasl is not None:
            return self._sasl.received(element)
        if element.ns == ns.TLS and element.name == "starttls":
            self._start_tls()
            return None
        taken = self.host.nonzas.get(element.ns) if self.host is not None else None
        if taken is not None:
            return taken(self, element)
        raise StreamError(
            "unsupported-stanza-type", f"nothing here understands <{element.name}/> of {element.ns}"
        )

    def _stanza(self, session: Bound, stanza: Stanza) -> Awaitable[Any] | None:
        """Prepare the addresses, stamp the sender, hand it on (RFC 6120 §8.1)."""
        attrs = stanza.attrs
        claimed = attrs.pop("from", None)
        if claimed is not None:
            self._check_from(session.jid, claimed)
        to = attrs.pop("to", None)
        if to is not None:
            try:
                stanza.to = JID.parse(to)
            except JIDError as error:
                self._answer(session, stanza, StanzaError("jid-malformed", str(error)))
                return None
        stanza.from_ = session.jid
        if stanza.raw is not None and claimed is None and to == stanza.to:
            stanza.spliced(self._stamp if "xml:lang" in attrs else self._stamp_lang)
        if self.lang and "xml:lang" not in attrs:
            attrs["xml:lang"] = self.lang
        try:
            return session.receive(stanza)
        except StanzaError as error:
            self._answer(session, stanza, error)
            return None

    def _check_from(self, own: JID, claimed: str) -> None:
        try:
            sender = JID.parse(claimed)
        except JIDError:
            sender = None
        if sender != own and sender != own.bare:
            raise StreamError("invalid-from", f"you are {own}, not {claimed}")

    def _answer(self, session: Bound, stanza: Stanza, error: StanzaError) -> None:
        """Answer an error, unless that would answer an answer (RFC 6120 §8.3.1)."""
        stanza.from_ = session.jid
        if stanza.attrs.get("type") not in ("error", "result"):
            answer = stanza.error(error)
            if answer.from_ is None:
                answer.from_ = session.jid.bare
            self.send(answer)

    def _early_stanza(self, stanza: Stanza) -> Awaitable[Any] | None:
        """A stanza before there is a session: binding, and what a host answers to strangers."""
        if not isinstance(stanza, Iq) or stanza.type not in ("get", "set") or self.host is None:
            raise StreamError("not-authorized", "log in first (RFC 6120 §6)")
        for key in ("to", "from"):
            stanza.attrs.pop(key, None)
        bind = stanza.child("bind", ns.BIND)
        if self.login is not None:
            if bind is None or stanza.type != "set":
                raise StreamError("not-authorized", "bind a resource first (RFC 6120 §7)")
            return self._bind(self.host, self.login, stanza, bind)
        if self.host.settings.tls.require and self.carrier.tls is None:
            raise StreamError("policy-violation", "start TLS first")
        return self._register(self.host, stanza)

    async def _register(self, host: ClientHost, request: Iq) -> None:
        try:
            answer = await host.receive_before_login(self, request)
        except StanzaError as error:
            answer = request.error(error)
        if answer is None:
            raise StreamError("not-authorized", "log in first (RFC 6120 §6)")
        self.send(answer)

    async def _bind(self, host: ClientHost, login: Success, request: Iq, bind: Element) -> None:
        try:
            session = await host.bind(self, login, bind.child_text("resource"))
        except StanzaError as error:
            self.send(request.error(error))
            return
        if self.closing:  # the connection was lost while the resource was being bound
            session.lost(self)
            return
        self.carry(session)
        result = Element("bind", ns.BIND)
        result.add("jid", text=session.jid)
        self.send(request.reply(result))
        _log.info("%s logged in from %s", session.jid, self.carrier.address)

    def carry(self, session: Bound) -> None:
        """Have a session: one whose resource was just bound, or one that is resumed (XEP-0198 §5)."""
        self.session = session
        jid = session.jid
        self._stamp = self._stamp_lang = f" from='{escape_attribute(jid)}'".encode()
        if self.lang:
            self._stamp_lang += f" xml:lang='{escape_attribute(self.lang)}'".encode()
        self._sasl = None
        self._stays()
        self.negotiated()

    def ended(self) -> None:
        """Tell the session, once."""
        self._stays()
        session, self.session = self.session, None
        if session is not None:
            _log.info("%s left", session.jid)
            session.lost(self)

    # ---- TLS (RFC 6120 §5)

    def _start_tls(self) -> None:
        if not self.carrier.can_start_tls or self.login is not None:
            self.send(Element("failure", ns.TLS))  # §5.4.2.2: and the stream is over
            self.close()
            return
        if self.drop_unread():
            # Whatever came ahead of TLS may have been put there by somebody on the way (CVE-2011-0411).
            raise StreamError("policy-violation", "nothing may follow <starttls/> but TLS")
        self.send(Element("proceed", ns.TLS))
        self.carrier.start_tls()
        self._sasl = SaslLogin(self)  # nothing learned before TLS counts (§5.4.3.3)
        self.restart(self.limits)

    # ---- logins that fail

    def refuse_login(self, failure: SaslFailure, answer: Element) -> None:
        """Answer a login that has failed.

        Raises:
            StreamError: policy-violation where this client has failed too often.
        """
        self._failures += 1
        self.send(answer)
        _log.info("%s failed to log in: %s", self, failure)
        if self.host is not None and self._failures >= self.host.settings.limits.login_attempts:
            raise StreamError("policy-violation", "too many failed logins")


def _bare(claimed: str | None) -> str:
    """The bare JID of an address that a peer gives as its own, or "" (RFC 6120 §4.7.2)."""
    try:
        return JID.parse(claimed).bare if claimed else ""
    except JIDError:
        return ""
