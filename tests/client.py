"""A scripted client: sends and expects XML, as a specification writes it.

It parses with ElementTree, not with Burble's own parser, so that a mistake there shows.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import ssl
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Callable
from typing import Self

CLIENT = "{jabber:client}"
STREAMS = "{http://etherx.jabber.org/streams}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
BIND = "{urn:ietf:params:xml:ns:xmpp-bind}"
SESSION = "{urn:ietf:params:xml:ns:xmpp-session}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
STREAM_ERRORS = "{urn:ietf:params:xml:ns:xmpp-streams}"

_TIMEOUT = 5.0


def header(to: str | None = "localhost", extra: str = "") -> str:
    """A client's stream header."""
    target = f" to='{to}'" if to is not None else ""
    return (
        f"<?xml version='1.0'?><stream:stream{target} version='1.0'{extra}"
        " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    )


def condition(error: ET.Element) -> str:
    """The condition of an error stanza, or of a stream error."""
    inner = error.find(f"{CLIENT}error") if error.tag != f"{STREAMS}error" else error
    assert inner is not None, ET.tostring(error)
    for child in inner:
        if child.tag.startswith((STANZAS, STREAM_ERRORS)) and not child.tag.endswith("}text"):
            return child.tag.rpartition("}")[2]
    raise AssertionError(f"no condition in {ET.tostring(error)!r}")


class Closed(Exception):
    """The server has closed the stream or the connection."""


class ScriptedClient:
    """One connection."""

    _ids = itertools.count(1)

    def __init__(self, port: int, domain: str = "localhost") -> None:
        self.port = port
        self.domain = domain
        self.jid = ""
        self.header: ET.Element | None = None
        self.features: ET.Element | None = None
        self._arrived: deque[ET.Element] = deque()
        self.restart()

    @property
    def bare(self) -> str:
        """The bare JID that was bound."""
        return self.jid.partition("/")[0]

    # ---- connection

    async def connect(self, tls: ssl.SSLContext | None = None) -> Self:
        """Open the TCP connection, with direct TLS where a context is given."""
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=tls, server_hostname=self.domain if tls else None
        )
        return self

    def write(self, data: str | bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data.encode() if isinstance(data, str) else data)

    async def close(self) -> None:
        """Drop the connection."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass

    async def open(self, to: str | None = None, extra: str = "") -> ET.Element:
        """Send a header and return the features."""
        self.restart()
        self.write(header(to or self.domain, extra))
        self.features = await self.next()
        assert self.features.tag == f"{STREAMS}features", ET.tostring(self.features)
        return self.features

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Negotiate STARTTLS; open a stream first and after."""
        self.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        answer = await self.next()
        assert answer.tag == f"{TLS}proceed"
        await self.writer.start_tls(context, server_hostname=self.domain)

    async def authenticate(self, user: str, password: str) -> ET.Element:
        """SASL PLAIN; returns the success or failure."""
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>")
        return await self.next()

    async def login(self, user: str, password: str = "secret", resource: str = "") -> Self:
        """Open, authenticate and bind a resource."""
        await self.open()
        answer = await self.authenticate(user, password)
        assert answer.tag == f"{SASL}success", ET.tostring(answer)
        await self.open()
        await self.bind(resource)
        return self

    async def bind(self, resource: str = "") -> ET.Element:
        """Bind a resource and remember the JID; returns the answer."""
        wanted = f"<resource>{resource}</resource>" if resource else ""
        answer = await self.ask("set", f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{wanted}</bind>")
        found = answer.find(".//{urn:ietf:params:xml:ns:xmpp-bind}jid")
        if found is not None:
            self.jid = found.text or ""
        return answer

    # ---- stanzas

    async def next(self, timeout: float = _TIMEOUT) -> ET.Element:
        """The next element from the server.

        Raises:
            Closed: there is none any more.
            TimeoutError: there was none in time.
        """
        async with asyncio.timeout(timeout):
            while not self._arrived:
                data = await self.reader.read(65536)
                if not data:
                    raise Closed
                self._feed(data)
            return self._arrived.popleft()

    async def ask(self, kind: str, payload: str, to: str | None = None) -> ET.Element:
        """Send an IQ and return its answer; other stanzas that come first stay to be read."""
        id_ = f"q{next(self._ids)}"
        target = f" to='{to}'" if to else ""
        self.write(f"<iq type='{kind}' id='{id_}'{target}>{payload}</iq>")
        return await self.find(lambda e: e.tag == f"{CLIENT}iq" and e.get("id") == id_)

    async def find(self, wanted: Callable[[ET.Element], bool], timeout: float = _TIMEOUT) -> ET.Element:
        """The next element for which `wanted` holds; the others stay to be read, in order."""
        skipped: list[ET.Element] = []
        try:
            while not wanted(element := await self.next(timeout)):
                skipped.append(element)
            return element
        finally:
            self._arrived.extendleft(reversed(skipped))

    async def nothing(self) -> None:
        """Make sure the server has sent nothing but what was read: all before a ping's answer is out."""
        await self.sync()
        assert not self._arrived, [ET.tostring(e) for e in self._arrived]

    async def sync(self) -> None:
        """Wait until the server has handled all that this client sent."""
        await self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", self.domain)

    async def closed(self, timeout: float = _TIMEOUT) -> list[ET.Element]:
        """Wait for the server to close; returns what it sent before."""
        got = []
        try:
            while True:
                got.append(await self.next(timeout))
        except (Closed, ConnectionError):
            return got

    async def stream_end(self) -> None:
        """Wait until the server has closed its stream, though perhaps not the connection."""
        while self.depth:
            self._feed(await self.reader.read(65536))

    # ---- parsing

    def restart(self) -> None:
        """Expect a new stream, as after TLS and SASL negotiation; `depth` says where in it we are."""
        self._parser = ET.XMLPullParser(["start", "end"])
        self.depth = 0

    def _feed(self, data: bytes) -> None:
        self._parser.feed(data)
        for kind, element in self._parser.read_events():
            if kind == "start":
                self.depth += 1
                if self.depth == 1:
                    self.header = element
            else:
                self.depth -= 1
                if self.depth == 1:
                    self._arrived.append(element)
