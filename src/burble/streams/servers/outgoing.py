"""A stream that we open to another server, seen from the initiating side."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable
from typing import Any, Final

from burble import namespaces as ns
from burble.errors import StanzaError, StreamError
from burble.stanza import Stanza
from burble.streams.base import Carrier
from burble.streams.parser import StreamOpen
from burble.streams.servers import dialback
from burble.streams.servers.base import ServerStream
from burble.streams.servers.content import stanza_of
from burble.streams.servers.federation import Federation, Policy
from burble.streams.servers.flow import WRAP, Flow, count_of
from burble.streams.servers.limits import read_limit, write_limit
from burble.xml import Element, escape_attribute

__all__ = ["OutgoingStream", "StreamRefused"]

_log = logging.getLogger("burble.s2s")

# Stream errors that tell that the domain is not there.
_NOT_THERE: Final = frozenset({"host-unknown", "host-gone"})


class StreamRefused(Exception):
    """The stream did not come about.

    Args:
        condition: what the senders of stanzas are told.
        text: why, for them and for the log.
        permanent: there is no sense in trying again soon; by default that depends on the condition.
    """

    def __init__(self, condition: str, text: str, *, permanent: bool | None = None) -> None:
        super().__init__(text)
        self.condition = condition
        self.text = text
        self.permanent = condition == "remote-server-not-found" if permanent is None else permanent

    @property
    def error(self) -> StanzaError:
        """What the senders of stanzas are told (RFC 6120 §8.3.3.16, §8.3.3.17)."""
        return StanzaError(self.condition, self.text, "cancel" if self.permanent else "wait")


class OutgoingStream(ServerStream):
    """One stream to another server.

    Args:
        carrier: what moves the bytes.
        federation: the S2S manager.
        local: our domain.
        remote: the other one.
        policy: what is demanded of it.
        resuming: the flow to go on with, where one was broken.
        only_verifies: it is there for questions about dialback keys; it carries no stanzas.

    Attributes:
        ready: done when stanzas, or questions, can be sent; fails with `StreamRefused`.
        resumed: it goes on with the flow that was broken.
    """

    __slots__ = (
        "_only_verifies",
        "_policy",
        "_questions",
        "_resuming",
        "_stage",
        "_wants_sm",
        "ready",
        "resumed",
    )

    def __init__(
        self,
        carrier: Carrier,
        federation: Federation,
        local: str,
        remote: str,
        policy: Policy,
        *,
        resuming: Flow | None = None,
        only_verifies: bool = False,
    ) -> None:
        super().__init__(carrier, federation, federation.limits_before)
        self.local = self.host_name = local
        self.remote = self.peer_name = remote
        self._policy = policy
        self._resuming = resuming
        self._only_verifies = only_verifies
        self._wants_sm = False
        self._stage = "header"
        self._questions: dict[str, asyncio.Future[bool]] = {}
        self.resumed = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __str__(self) -> str:
        return f"s2s {self.local} to {self.remote}"

    # ---- header and features

    def connected(self) -> None:
        """Send our header: there is a connection, or TLS on it."""
        tls = self.carrier.tls
        if tls is not None and self._policy.certificate:
            reason = self.federation.prove(tls.peer_chain, self.remote)
            if reason:
                text = f"the certificate of {self.remote} is refused: {reason}"
                self._fail("remote-server-timeout", text, permanent=True)
                return
        self.send_header()

    def send_header(self) -> None:
        """Send our stream header; the id comes from the other side (RFC 6120 §4.7.3)."""
        self.header_sent = True
        self.send_bytes(
            f"<?xml version='1.0'?><stream:stream from='{escape_attribute(self.local)}'"
            f" to='{escape_attribute(self.remote)}' version='1.0' xml:lang='en'"
            f" xmlns='{self.content_ns}'{self.more_ns} xmlns:stream='{ns.STREAMS}'>".encode()
        )

    def opened(self, header: StreamOpen) -> None:
        """Take the peer's header."""
        self.id = header.id or ""
        self.speaks(header.lang)
        if header.content_ns != ns.SERVER:
            raise StreamError("invalid-namespace", f"a server's stream has the default namespace {ns.SERVER}")
        if header.version is None:  # no features will come (RFC 6120 §4.7.5)
            raise StreamError("unsupported-version", "this server speaks XMPP 1.0")
        self._stage = "features"

    def received(self, element: Element) -> Awaitable[Any] | None:
        """Take an element."""
        stanza = element if isinstance(element, Stanza) else stanza_of(element)
        if stanza is not None:
            if not self.bidi or not self.proved:
                raise StreamError("not-authorized", "stanzas go one way on this stream")
            return self.stanza(stanza)
        match element.ns, element.name:
            case ns.STREAM_MANAGEMENT, "enabled" | "failed" | "resumed" if self._stage == "management":
                self._managed(element)
            case ns.STREAM_MANAGEMENT, _:
                self.manage(element)
            case ns.STREAMS, "features" if self._stage == "features":
                self._negotiate(element)
            case ns.STREAMS, "error":
                self._refused(element)
            case ns.TLS, "proceed" if self._stage == "tls":
                if self.drop_unread():
                    raise StreamError("policy-violation", "nothing may follow <proceed/> but TLS")
                self._stage = "header"
                self.carrier.start_tls()
                self.restart(self.limits)
            case ns.TLS, "failure":
                self._fail("remote-server-timeout", f"{self.remote} failed to start TLS")
            case ns.SASL, _ if self._stage == "sasl":
                self._authenticated(element)
            case ns.DIALBACK, _:
                self._dialback(element)
            case _:
                text = f"nothing here understands <{element.name}/> of {element.ns}"
                raise StreamError("unsupported-stanza-type", text)
        return None

    def _negotiate(self, features: Element) -> None:
        """Do the next thing that the features allow (RFC 6120 §4.3.2)."""
        if self.carrier.tls is None:
            if features.child("starttls", ns.TLS) is not None:
                self._stage = "tls"
                self.send(Element("starttls", ns.TLS))
                return
            if self._policy.tls or self._policy.certificate:
                self._fail("remote-server-timeout", f"{self.remote} offers no TLS", permanent=True)
                return
        if self._only_verifies:
            self._stage = "done"
            self.negotiated()
            self._succeed()
            return
        self._wants_sm = features.child("sm", ns.STREAM_MANAGEMENT) is not None
        self.most_bytes = read_limit(features)
        if self.proved:
            self._manage_or_begin()
            return
        if self._may_speak and features.child("bidi", ns.BIDI_FEATURE) is not None:
            self.bidi = True
            bidi = Element("bidi", ns.BIDI)
            write_limit(bidi, self.federation.limits.stanza_bytes)
            self.send(bidi)
        self._prove_ourselves(features)

    @property
    def _may_speak(self) -> bool:
        """Whether who answers at the other domain's address is believed to be that domain.

        Dialback believes no less; where it is not allowed the certificate has to prove it.
        """
        tls = self.carrier.tls
        return self._policy.dialback or (
            tls is not None and not self.federation.prove(tls.peer_chain, self.remote)
        )

    def _prove_ourselves(self, features: Element) -> None:
        mechanisms = features.child("mechanisms", ns.SASL)
        offered = [each.text for each in mechanisms.elements("mechanism")] if mechanisms is not None else []
        if "EXTERNAL" in offered:
            self._stage = "sasl"
            name = base64.b64encode(self.local.encode()).decode()
            self.send(Element("auth", ns.SASL, {"mechanism": "EXTERNAL"}, name))
        else:
            self._dial()

    def _dial(self) -> None:
        """Ask by dialback to be believed (XEP-0220 §2.1.1)."""
        if not self.id:
            raise StreamError("bad-format", "a stream needs an id, by which it can be asked about")
        self._stage = "dialback"
        key = self.federation.key(self.remote, self.local, self.id)
        self.send_bytes(dialback.result(self.local, self.remote, key=key))

    # ---- answers

    def _authenticated(self, element: Element) -> None:
        """An answer to SASL EXTERNAL (RFC 6120 §6.4)."""
        if element.name == "success":
            self._proved_by("EXTERNAL")
            self._stage = "header"
            self.restart(self.federation.limits)
            self.send_header()
        elif element.name == "challenge":
            self.send(Element("response", ns.SASL, None, "="))
        elif self._policy.dialback:
            _log.info("%s: EXTERNAL is refused, dialback is tried", self)
            self._dial()
        else:
            self._fail("remote-server-timeout", f"{self.remote} does not believe our certificate")

    def _proved_by(self, method: str) -> None:
        self.method = method
        self.proved[self.remote] = {self.local}

    def _dialback(self, element: Element) -> None:
        answer = dialback.read_dialback(element)
        if answer is None:
            raise StreamError("improper-addressing", "dialback names two domains")
        if not answer.type:
            # With XEP-0288 a peer may ask here to be believed for more domains; it has streams of its own.
            error = StanzaError("resource-constraint", "ask on a stream of your own")
            self.send_bytes(dialback.refusal(answer, error))
        elif answer.name == "verify":
            self._verified(answer)
        elif (answer.sender, answer.recipient) != (self.remote, self.local) or self._stage != "dialback":
            raise StreamError("invalid-from", "nobody has asked that")
        elif answer.type == "valid":
            self._proved_by("dialback")
            self.allow(self.federation.limits)
            self._manage_or_begin()
        else:  # §2.1.1: what the senders are told
            told = "internal-server-error" if answer.type == "invalid" else "remote-server-timeout"
            reason = answer.condition or answer.type
            self._fail(told, f"{self.remote} does not believe us by dialback: {reason}")

    def _manage_or_begin(self) -> None:
        """Enable stream management, or resume what was broken, before the first stanza (XEP-0198)."""
        self.negotiated()
        if not self._wants_sm:
            self._stage = "done"
            self._succeed()
            return
        self._stage = "management"
        broken = self._resuming
        if broken is not None and broken.id:
            attrs = {"previd": broken.id, "h": str(broken.handled & WRAP)}
            self.send(Element("resume", ns.STREAM_MANAGEMENT, attrs))
        else:
            self._enable()

    def _enable(self) -> None:
        self.send(Element("enable", ns.STREAM_MANAGEMENT, {"resume": "true"}))
        self.flow.start_counting()

    def _managed(self, element: Element) -> None:
        broken = self._resuming
        if broken is not None and broken.id and not self.flow.managed:
            self._resumed(element, broken)
            return
        if element.name == "resumed":
            raise StreamError("undefined-condition", "nothing was to be resumed")
        self._stage = "done"
        self.flow.managed = element.name == "enabled"
        if self.flow.managed:
            self.flow.handled = 0  # the peer counts what it sends after its answer, and only that (§4)
            if element.get("resume") in ("true", "1"):
                self.flow.id = element.get("id") or ""
        self._succeed()

    def _resumed(self, element: Element, broken: Flow) -> None:
        """An answer to ``<resume/>`` (§5)."""
        h = count_of(element)
        try:
            if element.name == "failed":
                if h is not None:
                    self.federation.delivered(broken.confirm(h))
                self._resuming = None
                self._enable()
                return
            if element.name != "resumed" or h is None or element.get("previd") != broken.id:
                raise StreamError("undefined-condition", "this is not what was to be resumed")
            self.resumed = True
            self._stage = "done"
            self.go_on_with(broken, h)
        except StreamError:
            broken.id = ""  # there is no going on with it
            raise
        self._succeed()

    # ---- questions about keys

    def verify(self, id: str, key: str) -> asyncio.Future[bool]:
        """Ask whether a dialback key is the peer's own (XEP-0220 §2.2).

        Args:
            id: that of the stream which the key came by.
            key: the key.

        Returns:
            Whether it is; fails with `StreamRefused` where there is no answer.
        """
        question = self._questions.get(id)
        if question is None or question.done():  # whoever had asked may have given up
            question = self._questions[id] = asyncio.get_running_loop().create_future()
            self.send_bytes(dialback.verify(self.local, self.remote, id, key=key))
        return question

    def _verified(self, answer: dialback.Dialled) -> None:
        if answer.id not in self._questions or (answer.sender, answer.recipient) != (self.remote, self.local):
            raise StreamError("invalid-from", "nobody has asked that")
        question = self._questions.pop(answer.id)
        if question.done():
            return
        if answer.type == "error":
            unknown = answer.condition == "item-not-found"
            told = "remote-server-not-found" if unknown else "remote-server-timeout"
            question.set_exception(StreamRefused(told, f"{self.remote} can't tell: {answer.condition}"))
        else:
            question.set_result(answer.type == "valid")

    # ---- the end

    def _succeed(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _refused(self, element: Element) -> None:
        found = element.child(ns=ns.STREAM_ERRORS)
        condition = found.name if found is not None else "undefined-condition"
        text = element.child_text("text", ns.STREAM_ERRORS) or ""
        self.closed_with(condition)
        told = "remote-server-not-found" if condition in _NOT_THERE else "remote-server-timeout"
        self._fail(told, f"{self.remote} closed the stream: {condition}{': ' + text if text else ''}")

    def _fail(self, condition: str, text: str, *, permanent: bool | None = None) -> None:
        _log.info("%s failed: %s", self, text)
        if not self.ready.done():
            self.ready.set_exception(StreamRefused(condition, text, permanent=permanent))
        self.close()

    def close(self, error: StreamError | None = None) -> None:
        """Close the stream; who waits for it is told why."""
        if error is not None and not self.ready.done():
            self.ready.set_exception(StreamRefused("remote-server-timeout", f"{self.remote}: {error}"))
        super().close(error)

    def ended(self) -> None:
        """The stream is over."""
        gone = StreamRefused("remote-server-timeout", f"{self.remote} closed the connection")
        waiting: list[asyncio.Future[Any]] = [self.ready, *self._questions.values()]
        for each in waiting:
            if not each.done():
                each.set_exception(gone)
            if not each.cancelled():
                each.exception()  # it may be that nobody asks any more
        self._questions.clear()
        super().ended()
