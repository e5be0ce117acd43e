"""A stream that another server has opened to us, seen from the receiving side."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Awaitable
from typing import Any, Final

from burble import namespaces as ns
from burble.errors import StanzaError, StreamError
from burble.stanza import Stanza
from burble.streams.base import Carrier
from burble.streams.parser import StreamOpen
from burble.streams.servers import dialback
from burble.streams.servers.base import ANY, ServerStream
from burble.streams.servers.content import stanza_of
from burble.streams.servers.dialback import domain_of
from burble.streams.servers.federation import Federation, Policy
from burble.streams.servers.flow import WRAP, count_of, failed
from burble.streams.servers.limits import read_limit, write_limit
from burble.xml import Element

__all__ = ["IncomingStream"]

_log = logging.getLogger("burble.s2s")

_VERSION: Final = re.compile("0*[1-9][0-9]*[.][0-9]+")
# Pairs of domains that one stream may carry.
_MOST_PAIRS: Final = 100
# Domains that may be asked about at the same time for one stream.
_MOST_QUESTIONS: Final = 10
# Attempts to prove a domain that may fail: by a certificate, and, in a row, by dialback, which costs us a
# connection.
_MOST_FAILURES: Final = 3
_MOST_DISBELIEVED: Final = 10


class IncomingStream(ServerStream):
    """One stream from another server.

    It proves its domain by a certificate (SASL EXTERNAL, XEP-0178) or by dialback (XEP-0220), which may prove
    more domains later on, and then sends stanzas; with XEP-0288 it is sent stanzas as well.
    """

    __slots__ = ("_begun", "_disbelieved", "_expiry", "_external", "_failures", "_questions")

    def __init__(self, carrier: Carrier, federation: Federation) -> None:
        super().__init__(carrier, federation, federation.limits_before)
        self._expiry: asyncio.TimerHandle | None = None
        self._external = ""  # the domain that SASL EXTERNAL was offered to
        self._failures = 0
        self._begun = False
        self._disbelieved = 0
        self._questions: dict[tuple[str, str], asyncio.Task[None]] = {}

    def __str__(self) -> str:
        return f"s2s from {self.remote or self.carrier.address}"

    def expire_after(self, seconds: float) -> None:
        """Close the stream unless a domain is proved by then (RFC 6120 §13.12)."""
        error = StreamError("connection-timeout", "you took too long to prove who you are")
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.close, error)

    # ---- header and features

    def opened(self, header: StreamOpen) -> None:
        """Check the header and answer with ours and the features (RFC 6120 §4.7, §4.3.2)."""
        self.peer_name = self.remote = domain_of(header.from_) or self.remote
        self.speaks(header.lang)
        local = domain_of(header.to)
        if self.proved and (local, self.remote) != (self.local, self._external):
            raise StreamError("not-authorized", "a stream can't change its domains")
        self.local = self.host_name = local
        known = bool(local) and self.federation.serves(local)
        if not known:
            self.host_name = ""
        self.send_header()
        if header.content_ns != ns.SERVER:
            raise StreamError("invalid-namespace", f"a server's stream has the default namespace {ns.SERVER}")
        if not known:
            raise StreamError("host-unknown", f"{header.to or 'no domain'} is not served here")
        if header.version is None or _VERSION.fullmatch(header.version) is None:
            raise StreamError("unsupported-version", "this server speaks XMPP 1.0")
        if self.remote and self.federation.serves(self.remote):
            raise StreamError("invalid-from", f"{self.remote} is served here, nobody else speaks for it")
        if self.remote and self.federation.policy(self.remote) is None:
            raise StreamError("policy-violation", f"{local} has nothing to do with {self.remote}")
        self.send_features()
        if self.proved:
            self.negotiated()
            self.federation.authenticated(self, self.local, self.remote)

    def send_features(self) -> None:
        """Say what can be negotiated now."""
        features = Element("features", ns.STREAMS)
        policy = self.federation.policy(self.remote) if self.remote else None
        must = self.carrier.tls is None and (policy is None or policy.tls)
        if self.carrier.can_start_tls and not self.proved:
            starttls = features.add("starttls", ns.TLS)
            if must:
                starttls.add("required")
        if not must or not self.carrier.can_start_tls:
            if not self.proved:
                self._offer_proof(features, policy)
            features.add("sm", ns.STREAM_MANAGEMENT)
            # Stanzas come after the proof, and after dialback there are no features any more.
            write_limit(features, self.federation.limits.stanza_bytes)
        self.send(features)

    def _offer_proof(self, features: Element, policy: Policy | None) -> None:
        proven = self._certified(self.remote) == "" if self.remote else False
        if proven:
            self._external = self.remote
            mechanisms = features.add("mechanisms", ns.SASL)
            mechanisms.add("mechanism", text="EXTERNAL")
        if proven or policy is None or (policy.dialback and not policy.certificate):
            features.add("dialback", ns.DIALBACK_FEATURE).add("errors")
        features.add("bidi", ns.BIDI_FEATURE)

    def _certified(self, domain: str) -> str:
        """Why the peer's certificate does not prove a domain; "" where it does."""
        tls = self.carrier.tls
        if tls is None:
            return "the stream is not encrypted"
        return self.federation.prove(tls.peer_chain, domain)

    # ---- elements

    def received(self, element: Element) -> Awaitable[Any] | None:
        """Take an element: a stanza once a domain is proved, negotiation before."""
        stanza = element if isinstance(element, Stanza) else stanza_of(element)
        if stanza is not None:
            if not self.proved:
                raise StreamError("not-authorized", "prove who you are first")
            if not self._begun:
                self._begin()
            return self.stanza(stanza)
        match element.ns, element.name:
            case ns.STREAM_MANAGEMENT, "enable" | "resume":
                self._begin_management(element)
            case ns.STREAM_MANAGEMENT, _:
                self.manage(element)
            case ns.DIALBACK, _:
                self._dialback(element)
            case ns.SASL, "auth":
                self._authenticate(element)
            case ns.TLS, "starttls":
                self._start_tls()
            case ns.BIDI, "bidi" if not self.proved:
                self.bidi = True
                self.most_bytes = read_limit(element)
            case ns.STREAMS, "error":
                condition = _condition(element)
                _log.info("%s: the other side says %s", self, condition)
                self.closed_with(condition)
                self.close()
            case _:
                text = f"nothing here understands <{element.name}/> of {element.ns}"
                raise StreamError("unsupported-stanza-type", text)
        return None

    def _start_tls(self) -> None:
        if not self.carrier.can_start_tls or self.proved:
            self.send(Element("failure", ns.TLS))
            self.close()
            return
        if self.drop_unread():
            raise StreamError("policy-violation", "nothing may follow <starttls/> but TLS")
        self.send(Element("proceed", ns.TLS))
        self.carrier.start_tls()
        self.remote = ""  # nothing learned before TLS counts (RFC 6120 §5.4.3.3)
        self.bidi = False
        self._forget_questions()
        self.restart(self.limits)

    # ---- SASL EXTERNAL (XEP-0178)

    def _authenticate(self, element: Element) -> None:
        condition = self._refusal(element)
        if condition:
            self._failures += 1
            self.send(Element("failure", ns.SASL, None, Element(condition, ns.SASL)))
            if self._failures >= _MOST_FAILURES:
                raise StreamError("policy-violation", "too many failed attempts")
            return
        self.send(Element("success", ns.SASL))
        self._proved_by("EXTERNAL", self._external, ANY)
        self.restart(self.federation.limits)

    def _refusal(self, element: Element) -> str:
        """Why a request to be authenticated is refused, as RFC 6120 §6.5 calls it; "" where it is not."""
        if element.get("mechanism") != "EXTERNAL" or not self._external or self.proved:
            return "invalid-mechanism"
        text = element.text.strip()
        if text in ("", "="):
            return ""
        try:
            claimed = base64.b64decode(text, validate=True).decode()
        except ValueError:  # not the alphabet, not its rules, or not UTF-8
            return "incorrect-encoding"
        return "" if domain_of(claimed) == self._external else "invalid-authzid"

    # ---- dialback (XEP-0220)

    def _dialback(self, element: Element) -> None:
        asked = dialback.read_dialback(element)
        if asked is None or asked.type:
            # An answer to what nobody asked would be believed by who does not look (§2.1.2).
            raise StreamError("improper-addressing", "a question names two domains and has no type")
        if not self.federation.serves(asked.recipient):
            error = StanzaError("item-not-found", f"{asked.recipient} is not served here")
            self.send_bytes(dialback.refusal(asked, error))
        elif asked.name == "verify":
            key = self.federation.key(asked.sender, asked.recipient, asked.id)
            type = "valid" if dialback.key_matches(asked.key, key) else "invalid"
            self.send_bytes(dialback.verify(asked.recipient, asked.sender, asked.id, type=type))
        else:
            self._prove_by_dialback(asked)

    def _prove_by_dialback(self, asked: dialback.Dialled) -> None:
        pair = (asked.recipient, asked.sender)
        if pair in self._questions:
            return
        try:
            if self._is_certain(asked):
                self._believe(asked)
                return
            if len(self._questions) >= _MOST_QUESTIONS:
                raise StanzaError("resource-constraint", "too many questions at once")
        except StanzaError as error:
            self.send_bytes(dialback.refusal(asked, error))
            return
        task = asyncio.ensure_future(self._verify(asked, self.id))
        self._questions[pair] = task
        task.add_done_callback(lambda _: self._forget(pair, task))

    def _forget(self, pair: tuple[str, str], task: asyncio.Task[None]) -> None:
        if self._questions.get(pair) is task:
            del self._questions[pair]

    def _forget_questions(self) -> None:
        """What was asked until now is not to be believed, whatever the answers are."""
        for task in self._questions.values():
            task.cancel()
        self._questions.clear()

    def _is_certain(self, asked: dialback.Dialled) -> bool:
        """Whether a domain is proved without a question to its server (XEP-0344 §2.4).

        Raises:
            StanzaError: it won't be, whatever its server says.
        """
        remote, local = asked.sender, asked.recipient
        policy = self.federation.policy(remote)
        if policy is None or self.federation.serves(remote):
            raise StanzaError("policy-violation", f"{local} has nothing to do with {remote}", "cancel")
        if policy.tls and self.carrier.tls is None:
            raise StanzaError("policy-violation", "start TLS first", "cancel")
        if sum(map(len, self.proved.values())) >= _MOST_PAIRS:
            raise StanzaError("resource-constraint", "too many domains on one stream")
        reason = self._certified(remote)
        if not reason:
            return True
        if policy.certificate:
            raise StanzaError("not-authorized", f"your certificate does not do: {reason}")
        if not policy.dialback:
            raise StanzaError("not-authorized", "a certificate must prove your domain, not dialback")
        return False

    async def _verify(self, asked: dialback.Dialled, id: str) -> None:
        """Ask whether a key that came by the stream of that id is the domain's own (§2.1.2)."""
        try:
            if await self.federation.verify(self, asked.recipient, asked.sender, id, asked.key):
                self._believe(asked)
            else:
                self._disbelieve(asked)
        except StanzaError as error:
            self.send_bytes(dialback.refusal(asked, error))
            self._disbelieved += 1
        except StreamError as error:
            self.close(error)
        except Exception:
            _log.exception("%s: asking about %s failed", self, asked.sender)
            self.send_bytes(dialback.refusal(asked, StanzaError("internal-server-error")))
        if self._disbelieved >= _MOST_DISBELIEVED:
            self.close(StreamError("policy-violation", "too many domains of yours can't be proved"))

    def _disbelieve(self, asked: dialback.Dialled) -> None:
        _log.warning("%s is not %s: its key is wrong", self, asked.sender)
        self._disbelieved += 1
        if self.proved:  # "invalid" would end the stream for other domains as well (§2.2.1)
            self.send_bytes(dialback.refusal(asked, StanzaError("forbidden", "the key is not that domain's")))
        else:
            self.send_bytes(dialback.result(asked.recipient, asked.sender, type="invalid"))
            self.close()

    def _believe(self, asked: dialback.Dialled) -> None:
        first = not self.proved
        self._disbelieved = 0
        if first:
            self.remote, self.local = asked.sender, asked.recipient
            self.allow(self.federation.limits)
            self.negotiated()
        self._proved_by("dialback", asked.sender, asked.recipient)
        self.send_bytes(dialback.result(asked.recipient, asked.sender, type="valid"))
        self.federation.authenticated(self, asked.recipient, asked.sender)

    def _proved_by(self, method: str, remote: str, local: str) -> None:
        self.method = self.method or method
        self.proved.setdefault(remote, set()).add(local)
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        _log.info("%s: %s is proved by %s", self, remote, method)

    # ---- stream management

    def _begin_management(self, element: Element) -> None:
        if not self.proved:
            self.send(failed("unexpected-request"))
            return
        if element.name == "enable" and not self.flow.managed:
            self.flow.start_counting()
            wanted = element.get("resume") in ("true", "1")
            self.flow.id = self.federation.new_flow_id(self) if wanted else ""
            attrs = {"id": self.flow.id, "resume": "true"} if self.flow.id else {}
            self.send(Element("enabled", ns.STREAM_MANAGEMENT, attrs))
            self._begin()
            return
        h = count_of(element)
        if element.name == "enable" or self.flow.managed or h is None:
            self.send(failed("unexpected-request"))
            return
        id = element.get("previd") or ""
        flow = self.federation.suspended(self, id)
        if flow is None:
            self.send(failed("item-not-found", self.federation.taken(self, id)))
            return
        attrs = {"previd": flow.id, "h": str(flow.handled & WRAP)}
        self.go_on_with(flow, h, Element("resumed", ns.STREAM_MANAGEMENT, attrs))
        self._begin()

    def _begin(self) -> None:
        self._begun = True
        self.federation.begun(self)

    def ended(self) -> None:
        """The stream is over."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._forget_questions()
        super().ended()


def _condition(element: Element) -> str:
    found = element.child(ns=ns.STREAM_ERRORS)
    return found.name if found is not None else "an unknown error"
