"""Clients that log in by SASL2 (XEP-0388), over TLS."""

from __future__ import annotations

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET

from burble.server import Server
from burble.testing import port_of
from tests.client import STREAMS, ScriptedClient
from tests.streams.secure import Scram, b64, client_context, end_point

SASL2 = "{urn:xmpp:sasl:2}"
BIND2 = "{urn:xmpp:bind:0}"
FAST = "{urn:xmpp:fast:0}"
SM = "{urn:xmpp:sm:3}"
PHONE = "d4565fa7-4d72-4749-b3d3-740edbf87770"


class InlineClient(ScriptedClient):
    """A client that sends all it wants along with its login.

    Args:
        server: where to.
        agent: the id it gives itself, if any.
    """

    def __init__(self, server: Server, agent: str = PHONE) -> None:
        super().__init__(port_of(server))
        self.agent = agent

    async def begin(self, extra: str = "") -> ET.Element:
        """Connect, encrypt and open the stream; returns what SASL2 offers."""
        await self.connect()
        await self.open()
        await self.start_tls(client_context())
        features = await self.open(extra=extra)
        offer = features.find(f"{SASL2}authentication")
        assert offer is not None, ET.tostring(features)
        return offer

    def ask_in(self, mechanism: str, data: bytes | None, *wanted: str) -> None:
        """Send an <authenticate/>."""
        initial = "" if data is None else f"<initial-response>{b64(data)}</initial-response>"
        agent = ""
        if self.agent:
            agent = (
                f"<user-agent id='{self.agent}'><software>Test</software><device>Phone</device></user-agent>"
            )
        self.write(
            f"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'>{initial}{agent}"
            f"{''.join(wanted)}</authenticate>"
        )

    async def plain(self, *wanted: str, user: str = "juliet", password: str = "secret") -> ET.Element:
        """Log in with a password; returns the answer, and what follows a success is remembered."""
        self.ask_in("PLAIN", f"\0{user}\0{password}".encode(), *wanted)
        return self._came_in(await self.next())

    async def scram(self, mechanism: str, *wanted: str) -> ET.Element:
        """Log in by SCRAM, checking the server's proof."""
        exchange = Scram(mechanism, "juliet", "secret")
        self.ask_in(mechanism, exchange.first().encode(), *wanted)
        challenge = await self.next()
        assert challenge.tag == f"{SASL2}challenge", ET.tostring(challenge)
        final = exchange.final(base64.b64decode(challenge.text or "").decode())
        self.write(f"<response xmlns='urn:xmpp:sasl:2'>{b64(final)}</response>")
        answer = self._came_in(await self.next())
        data = answer.findtext(f"{SASL2}additional-data") or ""
        exchange.check(base64.b64decode(data).decode())
        return answer

    async def token(
        self,
        token: str,
        *wanted: str,
        mechanism: str = "HT-SHA-256-ENDP",
        attributes: str = "",
        user: str = "juliet",
    ) -> ET.Element:
        """Log in with a token, checking that the server knows it too."""
        binding = end_point(self) if mechanism.endswith("ENDP") else b""
        proof = hmac.digest(token.encode(), b"Initiator" + binding, hashlib.sha256)
        fast = f"<fast xmlns='urn:xmpp:fast:0'{attributes}/>"
        self.ask_in(mechanism, user.encode() + b"\0" + proof, fast, *wanted)
        answer = self._came_in(await self.next())
        if answer.tag == f"{SASL2}success":
            data = base64.b64decode(answer.findtext(f"{SASL2}additional-data") or "")
            assert data == hmac.digest(token.encode(), b"Responder" + binding, hashlib.sha256)
        return answer

    def _came_in(self, answer: ET.Element) -> ET.Element:
        if answer.tag == f"{SASL2}success":
            self.jid = answer.findtext(f"{SASL2}authorization-identifier") or ""
        return answer

    async def next_features(self) -> ET.Element:
        """The features that follow a success."""
        features = await self.next()
        assert features.tag == f"{STREAMS}features", ET.tostring(features)
        return features


def bind(*inside: str, tag: str = "Test") -> str:
    """A <bind/> with a tag and what is to be enabled."""
    return f"<bind xmlns='urn:xmpp:bind:0'><tag>{tag}</tag>{''.join(inside)}</bind>"


def request_token(mechanism: str = "HT-SHA-256-ENDP") -> str:
    """Ask for a token."""
    return f"<request-token xmlns='urn:xmpp:fast:0' mechanism='{mechanism}'/>"


def failure(answer: ET.Element) -> str:
    """The condition of a failed login."""
    assert answer.tag == f"{SASL2}failure", ET.tostring(answer)
    assert answer.findtext(f"{SASL2}text")
    return answer[0].tag.removeprefix("{urn:ietf:params:xml:ns:xmpp-sasl}")
