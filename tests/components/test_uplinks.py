"""A domain served here that is a component of another server (XEP-0114, the component's side)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator

import pytest

from burble.config import ComponentOf
from burble.config.fields import Address
from burble.server import Server
from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient, condition
from tests.components.component import SECRET, port_for_components
from tests.components.conftest import LISTEN
from tests.conftest import Serve

FAR = "far.localhost"


class OtherServer:
    """The server's side of the protocol, played by the test; it does only what it is told."""

    async def start(self) -> None:
        """Listen."""
        self.calls: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self._server = await asyncio.start_server(self._called, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self.calls.put_nowait((reader, writer))

    async def accept(self) -> str:
        """Take the next connection; returns its header."""
        async with asyncio.timeout(5):
            self.reader, self.writer = await self.calls.get()
        return await self.read("<stream:stream[^>]*>")

    async def read(self, pattern: str) -> str:
        """Read until something is there that matches."""
        data = ""
        async with asyncio.timeout(5):
            while not (found := re.search(pattern, data)):
                more = await self.reader.read(4096)
                assert more, f"no {pattern} in {data}"
                data += more.decode()
        return found[0]

    def write(self, text: str) -> None:
        """Send XML."""
        self.writer.write(text.encode())

    async def welcome(self, id_: str = "i1") -> None:
        """Take the next connection, with the handshake."""
        await self.accept()
        self.header(id_)
        await self.read("<handshake>[^<]*</handshake>")
        self.write("<handshake/>")

    def header(self, id_: str) -> None:
        """Send a header."""
        self.write(
            f"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' from='{FAR}' id='{id_}'"
            " xmlns:stream='http://etherx.jabber.org/streams'>"
        )

    async def close(self) -> None:
        """Close everything."""
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()


@pytest.fixture
async def other() -> AsyncIterator[OtherServer]:
    """Another server."""
    server = OtherServer()
    await server.start()
    yield server
    await server.close()


async def far_server(serve: Serve, address: Address, **more: object) -> Server:
    """A server whose host is a component of the server at an address; it has the account juliet."""
    server = await serve(
        hosts=[FAR], component_of={FAR: {"server": address, "secret": SECRET, "retry_after": 0.01, **more}}
    )
    await server.hosts[FAR].register("juliet", "secret")
    return server


async def client_of(server: Server, domain: str, who: str) -> ScriptedClient:
    client = await ScriptedClient(port_of(server), domain).connect()
    user, _, resource = who.partition("/")
    await client.login(user, resource=resource)
    client.write("<presence/>")
    await client.next()
    return client


async def linked(server: Server, domain: str = FAR) -> None:
    """Wait until the connection is there."""
    uplink = server.uplinks.uplinks[domain]
    async with asyncio.timeout(5):
        await uplink.ready.wait()


# ---- two servers


async def test_people_of_two_servers_talk(serve: Serve) -> None:
    near = await serve(listen=LISTEN, components={FAR: {"secret": SECRET}})
    await near.hosts["localhost"].register("romeo", "secret")
    far = await far_server(serve, Address("127.0.0.1", port_for_components(near)))
    await linked(far)
    romeo = await client_of(near, "localhost", "romeo/street")
    juliet = await client_of(far, FAR, "juliet/balcony")

    romeo.write(f"<message to='juliet@{FAR}' type='chat'><body>She speaks</body></message>")
    heard = await juliet.next()
    juliet.write("<message to='romeo@localhost' type='chat'><body>Ay me</body></message>")
    said = await romeo.next()

    assert (heard.get("from"), heard.findtext(f"{CLIENT}body")) == ("romeo@localhost/street", "She speaks")
    assert (said.get("from"), said.findtext(f"{CLIENT}body")) == (f"juliet@{FAR}/balcony", "Ay me")
    romeo.write(f"<presence type='subscribe' to='juliet@{FAR}'/>")
    asked = await juliet.find(lambda e: e.get("type") == "subscribe")
    juliet.write(f"<presence type='subscribed' to='{asked.get('from')}'/>")
    seen = await romeo.find(lambda e: e.get("from") == f"juliet@{FAR}/balcony")
    assert seen.get("type") is None
    answer = await romeo.ask("get", "<ping xmlns='urn:xmpp:ping'/>", f"juliet@{FAR}/nobody")
    assert condition(answer) == "service-unavailable"
    assert (await romeo.ask("get", "<ping xmlns='urn:xmpp:ping'/>", FAR)).get("type") == "result"
    await romeo.close()
    await juliet.close()


async def test_rooms_can_be_a_component_of_another_server(serve: Serve) -> None:
    """It need not be a host: any domain that is served here will do."""
    rooms = f"conference.{FAR}"
    near = await serve(listen=LISTEN, components={rooms: {"secret": SECRET}})
    await near.hosts["localhost"].register("romeo", "secret")
    address = Address("127.0.0.1", port_for_components(near))
    far = await serve(
        hosts=[FAR],
        component_of={rooms: {"server": address, "secret": SECRET}},
        modules={"muc": {"create": "anyone"}},
    )
    await linked(far, rooms)
    romeo = await client_of(near, "localhost", "romeo/street")

    romeo.write(
        f"<presence to='orchard@{rooms}/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    entered = await romeo.find(lambda e: e.get("from") == f"orchard@{rooms}/romeo")

    assert entered.get("type") is None, condition(entered)
    await romeo.close()


# ---- the protocol


async def test_the_header_and_the_handshake_are_as_specified(serve: Serve, other: OtherServer) -> None:
    """XEP-0114 §3, examples 1 to 4."""
    server = await far_server(serve, other.address)
    header = await other.accept()
    other.header("3BF96D32")
    handshake = await other.read("<handshake>.*</handshake>")
    other.write("<handshake/>")

    assert "xmlns='jabber:component:accept'" in header
    assert f"to='{FAR}'" in header
    assert "version" not in header
    assert handshake == f"<handshake>{hashlib.sha1(b'3BF96D32' + SECRET.encode()).hexdigest()}</handshake>"
    await linked(server)


async def test_nothing_is_sent_before_the_handshake_is_over(serve: Serve, other: OtherServer) -> None:
    server = await far_server(serve, other.address)
    await other.accept()
    juliet = await client_of(server, FAR, "juliet/balcony")

    juliet.write("<message to='romeo@near.test' id='1'><body>Hi</body></message>")

    answer = await juliet.next()
    assert condition(answer) == "remote-server-timeout"
    error = answer.find(f"{CLIENT}error")
    assert error is not None
    assert error.get("type") == "wait"
    await juliet.close()


async def test_when_the_connection_is_lost_it_is_made_again(serve: Serve, other: OtherServer) -> None:
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)
    other.writer.close()

    await other.welcome("i2")
    await linked(server)

    juliet = await client_of(server, FAR, "juliet/balcony")
    juliet.write("<message to='romeo@near.test' id='1'/>")
    assert "to='romeo@near.test'" in await other.read("<message.*/>")
    await juliet.close()


async def test_a_server_that_is_not_there_is_tried_again(
    serve: Serve, other: OtherServer, caplog: pytest.LogCaptureFixture
) -> None:
    address = other.address
    await other.close()
    with caplog.at_level(logging.WARNING, "burble.component"):
        server = await far_server(serve, address)
        uplink = server.uplinks.uplinks[FAR]
        async with asyncio.timeout(5):
            while caplog.text.count("trying again") < 3:
                await uplink.tried.wait()
                uplink.tried.clear()

    assert f"{FAR} as a component of {address}: " in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>no</text></stream:error></stream:stream>",
        "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ],
)
async def test_a_secret_that_is_refused_is_reported(
    serve: Serve, other: OtherServer, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    with caplog.at_level(logging.WARNING, "burble.component"):
        await far_server(serve, other.address)
        await other.accept()
        other.header("1")
        await other.read("<handshake>.*</handshake>")
        other.write(answer)
        other.writer.close()

        await other.accept()

    assert "the other server says not-authorized" in caplog.text


async def test_another_program_at_that_address_is_reported(
    serve: Serve, other: OtherServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "burble.component"):
        await far_server(serve, other.address)
        await other.accept()
        other.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        other.writer.close()

        await other.accept()

    assert "trying again" in caplog.text


# ---- what the other server may say


@pytest.mark.parametrize("sender", [FAR, f"nurse@{FAR}", f"a@conference.{FAR}"])
async def test_it_can_not_speak_for_those_who_are_here(serve: Serve, other: OtherServer, sender: str) -> None:
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)
    juliet = await client_of(server, FAR, "juliet/balcony")

    other.write(f"<message from='{sender}' to='juliet@{FAR}'><body>Hi</body></message>")

    assert "invalid-from" in await other.read("<stream:error>.*</stream:error>")
    await juliet.nothing()
    await juliet.close()


async def test_a_stanza_without_sender_ends_the_stream(serve: Serve, other: OtherServer) -> None:
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)

    other.write(f"<message to='juliet@{FAR}'><body>Hi</body></message>")

    assert "improper-addressing" in await other.read("<stream:error>.*</stream:error>")


async def test_it_is_not_a_way_to_other_domains(serve: Serve, other: OtherServer) -> None:
    """Neither to those of this server, nor to those of others."""
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)

    other.write(
        f"<iq type='get' id='1' from='a@near.test' to='conference.{FAR}'><ping xmlns='urn:xmpp:ping'/></iq>"
    )

    assert "item-not-found" in await other.read("<iq.*</iq>")


# ---- while running


async def test_settings_change_while_running(serve: Serve, other: OtherServer) -> None:
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)
    old = server.settings
    same = dict(old.component_of)
    await server.reload(old.model_copy(update={"component_of": same}))
    assert server.uplinks.uplinks[FAR].connected

    await server.reload(old.model_copy(update={"component_of": {}}))
    await other.read("</stream:stream>")
    assert not server.uplinks.uplinks

    changed = {FAR: ComponentOf(server=other.address, secret="new")}
    await server.reload(old.model_copy(update={"component_of": changed}))
    await other.accept()
    other.header("x")
    assert hashlib.sha1(b"xnew").hexdigest() in await other.read("<handshake>.*</handshake>")


async def test_a_domain_that_is_not_served_here_is_reported(
    serve: Serve, other: OtherServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "burble.component"):
        await serve(component_of={"nowhere.test": {"server": other.address, "secret": SECRET}})

    assert "nowhere.test: this domain is not served here" in caplog.text


async def test_a_server_that_stops_says_so(serve: Serve, other: OtherServer) -> None:
    server = await far_server(serve, other.address)
    await other.welcome()
    await linked(server)
    juliet = await client_of(server, FAR, "juliet/balcony")
    juliet.write("<presence to='romeo@near.test'/>")
    await other.read("<presence.*/>")

    stopping = asyncio.ensure_future(server.stop())

    farewell = await other.read("</stream:stream>$")
    assert farewell
    other.writer.close()
    await stopping
    await juliet.close()
