"""Clients that mean harm: the server stays small, quick and there for the others (RFC 6120 §13.12)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client import ScriptedClient, condition, header
from tests.faults.process import Victim, victim

pytestmark = pytest.mark.faults

MB = 1024 * 1024


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Victim]:
    async with victim(tmp_path, limits={"output_buffer_bytes": MB}) as found:
        yield found


async def pour(client: ScriptedClient, piece: bytes, size: int) -> None:
    """Send so many bytes, or until the server has cut us off."""
    try:
        for _ in range(0, size, len(piece)):
            client.writer.write(piece)
            await client.writer.drain()
    except ConnectionError:
        pass


async def alive(server: Victim) -> None:
    """Others can still chat, and at once."""
    async with asyncio.timeout(2):
        one, two = await server.client("nurse/a"), await server.client("nurse/b")
        one.write(f"<message to='{two.jid}'><body>still here</body></message>")
        assert (await two.next())[0].text == "still here"
        await one.close()
        await two.close()


@pytest.mark.parametrize("login", ["", "juliet"])
@pytest.mark.parametrize(
    "piece",
    [b"x" * 65536, b"<a/>" * 16384, b"<a>" * 16384, b"&lt;" * 16384, b"<a b='c'>x</a>" * 4000],
    ids=["text", "children", "depth", "escapes", "elements"],
)
async def test_a_hundred_megabytes_in_one_stanza(server: Victim, login: str, piece: bytes) -> None:
    """Refused while it is read: memory stays flat, the client is told why."""
    client = await server.client(login)
    if not login:
        await client.open()
    before = server.memory
    client.write("<message to='romeo@localhost'><body>")
    told = asyncio.create_task(client.closed(20))
    await pour(client, piece, 100 * MB)
    assert condition((await told)[-1]) == "policy-violation"
    assert server.memory - before < 8 * MB
    await alive(server)
    await client.close()


async def test_a_tag_without_an_end(server: Victim) -> None:
    client = await server.client("juliet")
    before = server.memory
    client.write("<message a='")
    told = asyncio.create_task(client.closed(20))
    await pour(client, b"x" * 65536, 20 * MB)
    assert condition((await told)[-1]) == "policy-violation"
    assert server.memory - before < 8 * MB


async def test_entities_that_multiply(server: Victim) -> None:
    """Billion laughs: refused at the DTD, before anything is multiplied."""
    laughs = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    client = await server.client()
    before = server.memory, server.cpu
    client.write(f"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'lol'>{laughs}]>{header()[21:]}&l9;")
    assert condition((await client.closed())[-1]) == "restricted-xml"
    assert server.memory - before[0] < 4 * MB
    assert server.cpu - before[1] < 1


async def test_ever_new_names(server: Victim) -> None:
    """Names, prefixes and attributes that were never seen before are forgotten again."""
    client = await server.client("juliet/x")

    async def flood(first: int) -> None:
        for number in range(first, first + 400):
            names = "".join(
                f"<n{number}-{i}-{'y' * 50} a{number}-{i}='' xmlns:p{number}-{i}='urn:{number}-{i}'/>"
                for i in range(50)
            )
            # Cut in the middle of the next stanza: something is always half read.
            client.write(f"><x xmlns='urn:x'>{names}</x></message><message to='juliet@localhost/x'")
            await client.writer.drain()
            while not client.reader.at_eof():
                element = await client.next()
                if element.tag.endswith("message"):
                    break

    client.write("<message to='juliet@localhost/x'")
    await flood(0)
    before = server.memory
    await flood(400)
    await flood(800)
    assert server.memory - before < 6 * MB


async def test_a_client_that_stops_reading(server: Victim) -> None:
    """Bounded memory, then resource-constraint; who writes to it, and others, go on (§4.9.3.17)."""
    deaf, romeo = await server.client("juliet/deaf"), await server.client("romeo/x")
    deaf.writer.transport.pause_reading()
    before = server.memory
    headline = f"<message type='headline' to='{deaf.jid}'><body>{'x' * 50_000}</body></message>"
    for _ in range(80):
        romeo.write(headline * 10)
        await romeo.sync()
    assert server.memory - before < 12 * MB
    answer = await romeo.ask("get", "<x xmlns='urn:x'/>", deaf.jid)
    assert condition(answer) == "service-unavailable"
    await alive(server)
    deaf.writer.transport.resume_reading()
    assert condition((await deaf.closed())[-1]) == "resource-constraint"


async def test_many_connections_that_say_nothing(server: Victim) -> None:
    """Half-open ones cost little, and others still get in."""
    before = server.memory
    clients = [await server.client() for _ in range(500)]
    for client in clients[::2]:
        client.write("<?xml version='1.0'?><stream:stream")
    await alive(server)
    assert (server.memory - before) / len(clients) < 40 * 1024
    for client in clients:
        await client.close()


async def test_a_byte_at_a_time(server: Victim) -> None:
    """A stanza in very small pieces costs what so many pieces cost, no more."""
    client = await server.client("juliet/x")
    attribute, text = b"y" * 5000, b"x" * 15_000
    stanza = b"<message to='juliet@localhost/x'><a b='%s'/><body>%s</body></message>" % (attribute, text)
    before = server.cpu
    client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(stanza)):
        client.writer.write(stanza[i : i + 1])
        if i % 10 == 0:
            await asyncio.sleep(0)
    assert (await client.next()).tag.endswith("message")
    assert server.cpu - before < 3


async def test_ends_of_tags_before_the_login(server: Victim) -> None:
    """Each may be the end of a header, so each is looked for: that must not cost the square."""
    client = await server.client()
    await client.open()
    before = server.cpu
    for _ in range(20):
        flood = await server.client()
        await flood.open()
        flood.write(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + b">" * 10_000 + b"x" * 200_000)
        await flood.closed()
        await flood.close()
    assert server.cpu - before < 3
    await client.close()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells of a connection's timers")
async def test_a_peer_that_vanished_is_asked_for(server: Victim) -> None:
    """RFC 6120 §4.6.1: a connection that is dead without a word is noticed; the system asks idle ones."""
    client = await server.client("juliet/balcony")
    client.write(" ")  # carries the acknowledgement of what arrived, for which the kernel waits else
    await client.writer.drain()
    assert timer(client.port, client.writer.get_extra_info("sockname")[1]) == "keepalive"


def timer(port: int, peer_port: int) -> str:
    """What the kernel waits for on a connection (its documentation, proc_net_tcp)."""
    ends = f":{port:04X}", f":{peer_port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (found,) = [line[5] for line in lines if (line[1][8:], line[2][8:]) == ends]
    return {"01": "retransmission", "02": "keepalive"}.get(found[:2], found)
