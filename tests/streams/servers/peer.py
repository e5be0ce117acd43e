"""A scripted server: it connects to Burble, and it listens as the server of a domain.

Like the scripted client it parses with ElementTree, not with Burble's own parser, so that a mistake there
shows.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from tests.client import SASL, STANZAS, STREAMS, TLS, Closed, ScriptedClient, condition

SERVER = "{jabber:server}"
DIALBACK = "{jabber:server:dialback}"
SM = "{urn:xmpp:sm:3}"

HOST = "burble.test"
"""The domain that Burble serves."""
PEER = "peer.test"
"""The domain that the scripted server serves."""

MESSAGE = "<message from='romeo@peer.test/orchard' to='juliet@burble.test' id='m1'><body>hey</body></message>"


def stanza_condition(element: ET.Element) -> str:
    """The condition in an error stanza, or in a dialback element of type ``error``."""
    assert element.get("type") == "error", ET.tostring(element)
    found = [e.tag.removeprefix(STANZAS) for e in element.iter() if e.tag.startswith(STANZAS)]
    return next(each for each in found if each != "text")


def say(client: ScriptedClient, *texts: str, to: str = f"romeo@{PEER}") -> None:
    """Have a user of Burble's send messages; their ids are how they begin."""
    for text in texts:
        client.write(f"<message to='{to}' type='chat' id='{text[:20]}'><body>{text}</body></message>")


async def refused(client: ScriptedClient, id: str = "one") -> str:
    """Why a user's message could not be delivered."""
    answer = await client.find(lambda e: e.get("type") == "error")
    assert answer.get("id") == id
    return stanza_condition(answer)


async def body(stream: ScriptedClient, ns: str = SERVER) -> str | None:
    """The text of the next message."""
    return (await stream.find(lambda e: e.tag == f"{ns}message")).findtext(f"{ns}body")


class Connection(ScriptedClient):
    """One connection to or from Burble.

    Args:
        port: that of Burble's; 0 where Burble has connected.
        peer: the domain this side speaks for.
    """

    def __init__(self, port: int = 0, peer: str = PEER) -> None:
        super().__init__(port, HOST)
        self.peer = peer

    # ---- as the initiating side

    def write_header(self, extra: str = "", **attrs: str | None) -> None:
        """Send a stream header; an attribute that is None is left out."""
        given: dict[str, str | None] = {"from": self.peer, "to": self.domain, "version": "1.0", **attrs}
        written = "".join(f" {name}='{value}'" for name, value in given.items() if value is not None)
        content = "" if "xmlns=" in extra else " xmlns='jabber:server'"
        self.write(
            f"<?xml version='1.0'?><stream:stream{written}{content} xmlns:db='jabber:server:dialback'"
            f" xmlns:stream='http://etherx.jabber.org/streams'{extra}>"
        )

    async def open(self, to: str | None = None, extra: str = "") -> ET.Element:
        """Send a header and return the features."""
        self.restart()
        self.write_header(extra, to=to or self.domain)
        self.features = await self.next()
        assert self.features.tag == f"{STREAMS}features", ET.tostring(self.features)
        return self.features

    @property
    def id(self) -> str:
        """The id of the stream, which the other side has chosen."""
        assert self.header is not None
        return self.header.get("id", "")

    async def encrypted(self, context: ssl.SSLContext) -> ET.Element:
        """Open a stream, start TLS, and open it again; returns the features then."""
        await self.open()
        await self.start_tls(context)
        return await self.open()

    async def external(self, claim: str | None = None) -> ET.Element:
        """Ask to be authenticated by the certificate; returns the answer."""
        text = "=" if claim == "" else base64.b64encode((claim or self.peer).encode()).decode()
        self.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{text}</auth>")
        return await self.next()

    async def certified(self, context: ssl.SSLContext, *, bidi: bool = False) -> Self:
        """Prove the domain by a certificate, and open the stream for stanzas."""
        await self.encrypted(context)
        if bidi:
            self.write("<bidi xmlns='urn:xmpp:bidi'/>")
        answer = await self.external()
        assert answer.tag == f"{SASL}success", ET.tostring(answer)
        await self.open()
        return self

    def dial(self, key: str = "key", sender: str | None = None, to: str = HOST) -> None:
        """Ask to be believed by dialback."""
        self.write(f"<db:result from='{sender or self.peer}' to='{to}'>{key}</db:result>")

    async def settled(self) -> list[ET.Element]:
        """Wait until Burble has read all that was sent; returns what came before its answer."""
        self.write(f"<db:verify from='{self.peer}' to='{HOST}' id='settled'>no key</db:verify>")
        before = []
        while (element := await self.next()).get("id") != "settled":
            before.append(element)
        return before

    async def error(self) -> str:
        """The condition of the stream error that Burble closes with."""
        sent = await self.closed()
        assert [each.tag for each in sent[-1:]] == [f"{STREAMS}error"], [ET.tostring(e) for e in sent]
        return condition(sent[-1])

    async def rest(self) -> list[ET.Element]:
        """All that Burble still sends, until it is gone in whatever way."""
        sent = []
        try:
            while True:
                sent.append(await self.next())
        except (Closed, ConnectionError, ssl.SSLError):
            return sent

    # ---- as the receiving side

    async def answer_header(self, features: str = "", **attrs: str | None) -> None:
        """Wait for Burble's header, and answer it with one of our own and features."""
        self.restart()
        await self.heard_header()
        self.write_header(**{"from": self.peer, "to": HOST, "id": "id-of-the-stream", **attrs})
        self.write(f"<stream:features>{features}</stream:features>")

    async def heard_header(self) -> ET.Element:
        """Wait for a stream header."""
        async with asyncio.timeout(5):
            while not self.depth:
                data = await self.reader.read(65536)
                if not data:
                    raise Closed
                self._feed(data)
        assert self.header is not None
        return self.header

    async def accept_tls(self, context: ssl.SSLContext) -> None:
        """Offer TLS and let Burble start it."""
        await self.answer_header("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert (await self.next()).tag == f"{TLS}starttls"
        self.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.writer.start_tls(context)

    async def believe(self) -> ET.Element:
        """Take Burble's dialback key for valid."""
        asked = await self.find(lambda e: e.tag == f"{DIALBACK}result")
        self.write(f"<db:result from='{asked.get('to')}' to='{asked.get('from')}' type='valid'/>")
        return asked

    async def confirm(self, type: str = "valid", **attrs: str) -> ET.Element:
        """Answer Burble's question about a key."""
        asked = await self.next()
        assert asked.tag == f"{DIALBACK}verify", ET.tostring(asked)
        given = {"from": self.peer, "to": HOST, "id": asked.get("id", ""), "type": type, **attrs}
        written = "".join(f" {name}='{value}'" for name, value in given.items())
        self.write(f"<db:verify{written}/>")
        return asked

    # ---- stanzas

    def ping(self, id: str = "p1") -> None:
        """Send a ping from a user of the peer's; without XEP-0288 the answer comes by another stream."""
        self.write(
            f"<iq type='get' id='{id}' from='romeo@{self.peer}/orchard' to='{HOST}'>"
            "<ping xmlns='urn:xmpp:ping'/></iq>"
        )


class Listener:
    """The server of a domain, as the DNS would show it."""

    def __init__(self, peer: str = PEER) -> None:
        self.peer = peer
        self.made = 0
        self._arrived: asyncio.Queue[Connection] = asyncio.Queue()
        self._connections: list[Connection] = []

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen, with TLS from the first byte where a context is given."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=tls)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(peer=self.peer)
        connection.reader, connection.writer = reader, writer
        self.made += 1
        self._connections.append(connection)
        self._arrived.put_nowait(connection)

    async def next(self, timeout: float = 5) -> Connection:
        """The next connection that Burble makes."""
        async with asyncio.timeout(timeout):
            return await self._arrived.get()

    @property
    def is_quiet(self) -> bool:
        """Whether there is no connection that `next` has not returned."""
        return self._arrived.empty()

    async def verifies(self, context: ssl.SSLContext, type: str = "valid", **attrs: str) -> ET.Element:
        """Answer Burble's question about a key on the next connection; returns the question."""
        connection = await self.next()
        await connection.accept_tls(context)
        await connection.answer_header()
        return await connection.confirm(type, **attrs)

    async def takes(self, context: ssl.SSLContext, features: str = "") -> Connection:
        """Let Burble's next connection become a stream for stanzas, by dialback."""
        connection = await self.next()
        await connection.accept_tls(context)
        await connection.answer_header(features)
        await connection.believe()
        return connection

    async def close(self) -> None:
        """Listen no longer, and drop the connections."""
        self._server.close()
        for each in self._connections:
            await each.close()


@asynccontextmanager
async def listening(peer: str = PEER, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Listen as the server of a domain for as long as the context lasts."""
    listener = Listener(peer)
    await listener.start(tls)
    try:
        yield listener
    finally:
        await listener.close()
