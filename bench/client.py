"""A client that waits for byte patterns instead of parsing XML, so that it costs little."""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from functools import partial
from typing import Literal, cast

from bench.scram import ScramClient

DOMAIN = "localhost"
PASSWORD = "secret"
PATIENCE = 60.0  # seconds for one answer, of a server that others keep busy too

Mechanism = Literal["SCRAM-SHA-1", "PLAIN"]

_STREAM = (
    b"<stream:stream to='%b' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
_SASL = b"xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"


class Refused(Exception):
    """The server answered with an error; the message is what it sent."""


def insecure_tls() -> ssl.SSLContext:
    """Return a TLS context that takes the benchmark's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Client(asyncio.Protocol):
    """One connection. Set `sink` to be handed all bytes as they come instead of `expect`."""

    def __init__(self, domain: str = DOMAIN) -> None:
        self.jid = ""
        self.resumption = b""
        """What names the session where it is resumed (XEP-0198)."""
        self.handled = 0
        """Stanzas received since stream management was enabled, as far as somebody counts them."""
        self.sink: Callable[[bytes], None] | None = None
        self.closed = asyncio.get_running_loop().create_future()
        self._domain = domain
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._arrived = asyncio.Event()

    @property
    def bare(self) -> str:
        """The bare JID."""
        return self.jid.partition("/")[0]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        # A cast, because uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came (asyncio calls this)."""
        if self.sink is not None:
            self.sink(data)
        else:
            self._buffer += data
            self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits (asyncio calls this)."""
        if not self.closed.done():
            self.closed.set_result(None)
        self._arrived.set()

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self._transport.write(data)

    async def expect(self, pattern: bytes, refusal: bytes | None = None) -> bytes:
        """Return what came up to now, as soon as `pattern` is in it.

        Raises Refused when `refusal` came instead, ConnectionError when the server hung up,
        TimeoutError when nothing fitting came.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while pattern not in self._buffer:
                    if refusal is not None and refusal in self._buffer:
                        raise Refused(bytes(self._buffer).decode())
                    if self.closed.done():
                        raise ConnectionError(f"closed before {pattern!r}: {bytes(self._buffer)!r}")
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise TimeoutError(f"no {pattern!r} in {bytes(self._buffer[-400:])!r}") from None
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def open_stream(self) -> None:
        """Open or restart the stream, and wait for its features."""
        self.send(_STREAM % self._domain.encode())
        await self.expect(b"</stream:features>")

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Put TLS under the stream (RFC 6120 §5)."""
        self.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.expect(b"<proceed")
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=self._domain)
        assert transport is not None
        self._transport = transport
        await self.open_stream()

    async def authenticate(self, user: str, mechanism: Mechanism) -> None:
        """Authenticate (RFC 6120 §6). Raises Refused."""
        if mechanism == "PLAIN":
            first = base64.b64encode(f"\0{user}\0{PASSWORD}".encode())
        else:
            scram = ScramClient(user, PASSWORD)
            first = scram.first()
        self.send(b"<auth %b mechanism='%b'>%b</auth>" % (_SASL, mechanism.encode(), first))
        if mechanism != "PLAIN":
            answer = await self.expect(b"</challenge>", b"</failure>")
            challenge = re.search(rb"<challenge[^>]*>([^<]*)<", answer)
            assert challenge is not None
            self.send(b"<response %b>%b</response>" % (_SASL, scram.final(challenge[1])))
        await self.expect(b"<success", b"</failure>")
        await self.open_stream()

    async def bind(self, resource: str) -> None:
        """Bind the resource (RFC 6120 §7) and fetch the roster, as every client does."""
        self.send(
            b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            b"<resource>%b</resource></bind></iq>" % resource.encode()
        )
        found = re.search(rb"<jid>([^<]*)</jid>", await self.expect(b"</iq>"))
        assert found is not None
        self.jid = found[1].decode()
        self.send(b"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        await self.expect(b"</iq>")

    async def enable_management(self) -> None:
        """Enable stream management (XEP-0198 §3); nothing may be under way to this client."""
        self.send(b"<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        found = re.search(rb"\bid=['\"]([^'\"]*)", await self.expect(b"<enabled", b"<failed"))
        assert found is not None
        self.resumption = found[1]

    async def resume(self, id: bytes, h: int) -> None:
        """Go on with a session that has lost its connection (XEP-0198 §5). Raises Refused."""
        self.send(b"<resume xmlns='urn:xmpp:sm:3' previd='%b' h='%d'/>" % (id, h))
        await self.expect(b"<resumed", b"<failed")
        self.resumption = id

    def abort(self) -> None:
        """Drop the connection without a word."""
        self.sink = lambda data: None
        self._transport.abort()

    async def close(self) -> None:
        """Close the stream and wait until the server has hung up."""
        self.sink = lambda data: None
        self.send(b"</stream:stream>")
        try:
            async with asyncio.timeout(5):
                await self.closed
        except TimeoutError:
            self._transport.abort()


async def connect(port: int, tls: ssl.SSLContext | None = None, domain: str = DOMAIN) -> Client:
    """Connect to a server on loopback, up to its stream features."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(partial(Client, domain), "127.0.0.1", port)
    await client.open_stream()
    if tls is not None:
        await client.start_tls(tls)
    return client


async def register(port: int, user: str, domain: str = DOMAIN) -> None:
    """Register an account in-band (XEP-0077). Raises Refused."""
    client = await connect(port, domain=domain)
    client.send(
        b"<iq type='set' id='register'><query xmlns='jabber:iq:register'><username>%b</username>"
        b"<password>%b</password></query></iq>" % (user.encode(), PASSWORD.encode())
    )
    answer = await client.expect(b"register")
    if b"error" in answer:
        raise Refused(answer.decode())
    await client.close()


async def log_in(
    port: int,
    user: str,
    *,
    mechanism: Mechanism = "SCRAM-SHA-1",
    tls: ssl.SSLContext | None = None,
    resource: str = "bench",
    domain: str = DOMAIN,
) -> Client:
    """Log in up to the roster; the session is not available until it sends presence."""
    client = await connect(port, tls, domain)
    await client.authenticate(user, mechanism)
    await client.bind(resource)
    return client
