"""Limits on what one peer may use, and connections that end in bounded time (RFC 6120 §13.12)."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from burble.routing.events import SessionClosed
from burble.server import Server
from burble.testing import port_of
from burble.transports import tcp
from tests.client import STREAMS, ScriptedClient, condition, header
from tests.conftest import Serve
from tests.streams.secure import client_context

PING = "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
VCARD = "<iq type='get' id='2'><vCard xmlns='vcard-temp'/></iq>"


async def client_of(server: Server, who: str = "") -> ScriptedClient:
    client = await ScriptedClient(port_of(server)).connect()
    return await client.login(who, resource="x") if who else client


@pytest.mark.parametrize("stanza", [PING, VCARD], ids=["answered-at-once", "answered-later"])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_who_sends_too_fast_is_read_more_slowly(serve: Serve, stanza: str, encrypted: bool) -> None:
    """Nothing is lost, others are not slowed down; waiting for an answer does not lift the limit."""
    server = await serve(limits={"rate": 100_000, "burst": 10_000})
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    client, other = await client_of(server), await client_of(server, "romeo")
    if encrypted:
        await client.open()
        await client.start_tls(client_context())
    await client.login("juliet", resource="x")
    padded = stanza.ljust(1250)
    start = time.monotonic()
    for _ in range(20):
        client.write(padded * 2)
        await asyncio.wait_for(other.sync(), 0.2)
        for _ in range(2):
            await client.next()
    assert 0.3 < time.monotonic() - start < 3
    for each in (client, other):
        await each.close()


async def test_an_address_has_only_so_many_connections(serve: Serve) -> None:
    """policy-violation for one too many; who leaves makes room."""
    server = await serve(limits={"connections_per_address": 2}, listen={"c2s_tls": ["127.0.0.1:0"]})
    first, second = await client_of(server), await client_of(server)
    await second.open()
    third = await client_of(server)
    (error,) = await third.closed()
    assert error.tag == f"{STREAMS}error"
    assert condition(error) == "policy-violation"
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.addresses[1].rpartition(":")[2]))
    writer.close()
    await first.open()
    await third.close()
    await first.close()
    async with asyncio.timeout(3):
        while True:
            again = await client_of(server)
            again.write(header())
            if (await again.next()).tag == f"{STREAMS}features":
                break
            await again.close()
    await again.close()
    await second.close()


async def test_a_byte_now_and_then_does_not_put_off_the_end(serve: Serve) -> None:
    """Slow loris: the time runs from the connection on, whatever comes."""
    server = await serve(limits={"unauthenticated_timeout": 0.3})
    client = await client_of(server)
    start = time.monotonic()
    end = asyncio.create_task(client.closed())
    for byte in header().encode():
        if end.done():
            break
        client.write(bytes([byte]))
        await asyncio.sleep(0.03)
    assert condition((await end)[-1]) == "connection-timeout"
    assert time.monotonic() - start < 2
    await client.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the server wait less for its peers to go."""
    monkeypatch.setattr(tcp, "_LINGER", 0.1)


async def stopped_reading(server: Server) -> ScriptedClient:
    """A client for which a lot waits that it does not read."""
    await server.hosts["localhost"].register("juliet", "secret")
    client = await client_of(server, "juliet")
    client.writer.transport.pause_reading()
    session = server.hosts["localhost"].sessions.of("juliet")[0]
    while not session._stream.carrier._full:
        session._stream.send_bytes(b"<message>" + b"x" * 100_000 + b"</message>")
        await asyncio.sleep(0)
    return client


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("goodbye", ["</stream:stream>", "<a></b>", "eof", "nothing"])
async def test_who_does_not_read_the_end_is_cut_off(serve: Serve, goodbye: str) -> None:
    """However the stream ends, its connection does; the server can stop."""
    server = await serve()
    client = await stopped_reading(server)
    if goodbye == "eof":
        client.writer.write_eof()
    elif goodbye != "nothing":
        client.write(goodbye)
    await asyncio.wait_for(server.stop(), 3)
    await client.close()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_tls_handshake_that_goes_nowhere_holds_nothing_up(
    serve: Serve, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(listen={"c2s_tls": ["127.0.0.1:0"]})
    clients = []
    for address in server.addresses:
        client = await ScriptedClient(int(address.rpartition(":")[2])).connect()
        if address == server.addresses[0]:
            await client.open()
            client.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            await client.next()
        client.write(sent)
        clients.append(client)
    await asyncio.sleep(0.02)
    await asyncio.wait_for(server.stop(), 3)
    for client in clients:
        await client.close()
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.usefixtures("hasty")
async def test_tls_that_is_broken_off_ends_the_session(serve: Serve) -> None:
    """A damaged record, or close_notify without a word: the session is over at once."""
    server = await serve()
    await server.hosts["localhost"].register("juliet", "secret")
    ended = asyncio.Event()
    server.hosts["localhost"].hooks.on(SessionClosed, lambda _: ended.set())
    for goodbye in ("garbage", "close_notify"):
        client = await client_of(server)
        await client.open()
        await client.start_tls(client_context())
        await client.login("juliet")
        sock = client.writer.get_extra_info("socket")
        if goodbye == "garbage":
            os.write(sock.fileno(), b"x" * 50)
        else:
            client.writer.close()
        await asyncio.wait_for(ended.wait(), 2)
        ended.clear()
        assert not server.hosts["localhost"].sessions.of("juliet")
        await client.close()
