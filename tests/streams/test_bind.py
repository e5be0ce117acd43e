"""Resource binding (RFC 6120 §7)."""

from __future__ import annotations

import asyncio

import pytest

from burble.server import Server
from tests.client import BIND, CLIENT, STREAMS, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.streams.conftest import Dial


async def logged_in(dial: Dial, server: Server, user: str = "juliet") -> ScriptedClient:
    client = await dial(server)
    await client.open()
    await client.authenticate(user, "secret")
    await client.open()
    return client


async def test_the_server_makes_a_resource(server: Server, dial: Dial) -> None:
    """§7.6: nobody can guess it, and it is another each time."""
    first, second = await logged_in(dial, server), await logged_in(dial, server)
    for client in (first, second):
        answer = await client.bind()
        assert answer.get("type") == "result"
    assert first.bare == second.bare == "juliet@localhost"
    assert first.jid != second.jid
    assert len(first.jid.partition("/")[2]) >= 10


@pytest.mark.parametrize(
    ("asked", "got"), [("balcony", "balcony"), ("Balcony ♥", "Balcony ♥"), ("a&amp;b'&lt;/", "a&b'</")]
)
async def test_the_client_chooses_a_resource(server: Server, dial: Dial, asked: str, got: str) -> None:
    """§7.7, prepared by RFC 7622 §3.4; addresses with markup in them arrive whole."""
    client = await logged_in(dial, server)
    await client.bind(asked)
    assert client.jid == f"juliet@localhost/{got}"
    romeo = await logged_in(dial, server, "romeo")
    await romeo.bind("x")
    client.write("<message to='romeo@localhost/x'/>")
    assert (await romeo.next()).get("from") == client.jid


@pytest.mark.parametrize("resource", ["\u200e", "x" * 1024, "\ue000\ufdd0"])
async def test_what_is_no_resource_is_a_bad_request(server: Server, dial: Dial, resource: str) -> None:
    """§7.7.2.1; the client may try again."""
    client = await logged_in(dial, server)
    answer = await client.bind(resource)
    assert condition(answer) == "bad-request"
    await client.bind("balcony")
    assert client.jid == "juliet@localhost/balcony"


async def bound_twice(server: Server, dial: Dial) -> tuple[ScriptedClient, ScriptedClient]:
    await server.hosts["localhost"].register("juliet", "secret")
    old = await logged_in(dial, server)
    await old.bind("balcony")
    new = await logged_in(dial, server)
    answer = await new.bind("balcony")
    new.answer = answer
    return old, new


async def test_a_newer_session_replaces_an_older(serve: Serve, dial: Dial) -> None:
    """§7.7.2.2, the default: the old one gets the stream error conflict."""
    server = await serve()
    old, new = await bound_twice(server, dial)
    assert old.jid == new.jid
    (error,) = await old.closed()
    assert error.tag == f"{STREAMS}error"
    assert condition(error) == "conflict"
    assert len(server.hosts["localhost"].sessions) == 1
    await new.sync()


async def test_a_newer_session_may_be_refused(serve: Serve, dial: Dial) -> None:
    """§7.7.2.2: conflict for the newer; it may choose another resource."""
    server = await serve(auth={"resource_conflict": "refuse"})
    old, new = await bound_twice(server, dial)
    assert not new.jid
    answer = await new.bind("balcony")
    assert condition(answer) == "conflict"
    await new.bind("chamber")
    assert new.jid == "juliet@localhost/chamber"
    await old.sync()


async def test_a_newer_session_may_be_renamed(serve: Serve, dial: Dial) -> None:
    """§7.7.2.2: it gets a resource of the server's making."""
    server = await serve(auth={"resource_conflict": "rename"})
    old, new = await bound_twice(server, dial)
    assert old.jid == "juliet@localhost/balcony"
    assert new.bare == old.bare
    assert new.jid != old.jid
    await old.sync()
    await new.sync()


async def test_an_account_has_only_so_many_sessions(serve: Serve, dial: Dial) -> None:
    """§7.6.2.1: resource-constraint; one that leaves makes room."""
    server = await serve(limits={"resources_per_account": 2})
    await server.hosts["localhost"].register("juliet", "secret")
    first, second, third = [await logged_in(dial, server) for _ in range(3)]
    await first.bind()
    await second.bind()
    answer = await third.bind()
    assert condition(answer) == "resource-constraint"
    error = answer.find(f"{CLIENT}error")
    assert error is not None
    assert error.get("type") == "wait"
    first.write("</stream:stream>")
    await first.closed()
    await third.bind()
    assert third.jid


@pytest.mark.parametrize(
    "stanza",
    [
        "<message to='romeo@localhost'><body>hi</body></message>",
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='get' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<iq type='result' id='1'/>",
    ],
)
async def test_a_stanza_before_a_resource_is_bound_is_an_error(
    server: Server, dial: Dial, stanza: str
) -> None:
    """§7.1: not-authorized."""
    client = await logged_in(dial, server)
    client.write(stanza)
    (error,) = await client.closed()
    assert condition(error) == "not-authorized"


async def test_a_second_resource_on_a_stream_is_refused(connect: Connect) -> None:
    """§7.1: one resource a stream here; the first stays."""
    client = await connect("juliet/balcony")
    answer = await client.ask("set", f"<bind xmlns='{BIND[1:-1]}'><resource>chamber</resource></bind>")
    assert answer.get("type") == "error"
    await client.sync()


async def test_the_session_request_of_old_clients_is_answered(connect: Connect) -> None:
    """RFC 3921 §3: without effect, but clients wait for the answer."""
    client = await connect("juliet/balcony")
    for to in (None, "localhost"):
        answer = await client.ask("set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", to)
        assert answer.get("type") == "result"


async def test_a_client_lost_while_it_binds_leaves_no_session(server: Server, dial: Dial) -> None:
    client = await logged_in(dial, server)
    client.write("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    client.writer.transport.abort()
    await asyncio.sleep(0.05)
    other = await logged_in(dial, server)
    await other.bind()
    assert len(server.hosts["localhost"].sessions) == 1
