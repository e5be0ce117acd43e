"""XEP-0114 §3: who may connect as a component, and how."""

from __future__ import annotations

import hashlib

import pytest

from burble.server import Server
from tests.client import STREAMS, condition
from tests.components.component import COMPONENT, SECRET, port_for_components
from tests.components.conftest import DOMAIN, LISTEN, Attach
from tests.conftest import Connect, Serve


async def test_the_header_names_the_component_and_has_a_new_id_each_time(attach: Attach) -> None:
    first, second = await attach(shake=False), await attach(shake=False)

    ids = {await first.open_stream(), await second.open_stream()}

    assert len(ids) == 2
    assert "" not in ids
    assert first.header is not None
    assert first.header.get("from") == DOMAIN
    # A version would promise features, which components do not know (RFC 6120 §4.7.5).
    assert first.header.get("version") is None


async def test_a_component_that_knows_the_secret_is_let_in(attach: Attach, server: Server) -> None:
    await attach()

    assert server.router.components == {DOMAIN}


async def test_capitals_in_the_handshake_do_no_harm(attach: Attach) -> None:
    """§3 asks for small letters; some write capitals all the same."""
    component = await attach(shake=False)
    digest = hashlib.sha1((await component.open_stream() + SECRET).encode()).hexdigest()
    component.write(f"<handshake>\n{digest.upper()}\n</handshake>")

    assert (await component.next()).tag == f"{COMPONENT}handshake"


@pytest.mark.parametrize("secret", ["", "Wherefore", "wherefore ", "another", "öäü"])
async def test_a_wrong_secret_is_refused(attach: Attach, server: Server, secret: str) -> None:
    """§3: the stream and the connection are closed, with not-authorized."""
    component = await attach(shake=False)
    component.shake(await component.open_stream(), secret)

    [error] = await component.closed()

    assert condition(error) == "not-authorized"
    assert not server.router.components


@pytest.mark.parametrize("text", ["", "é", "0" * 40, "<x xmlns='y'/>"])
async def test_no_handshake_but_the_right_one_does(attach: Attach, text: str) -> None:
    component = await attach(shake=False)
    await component.open_stream()
    component.write(f"<handshake>{text}</handshake>")

    [error] = await component.closed()

    assert condition(error) == "not-authorized"


async def test_a_handshake_can_not_be_replayed(attach: Attach) -> None:
    """The id of one stream proves nothing in another."""
    first, second = await attach(shake=False), await attach(shake=False)
    id_ = await first.open_stream()
    await second.open_stream()
    second.shake(id_)

    [error] = await second.closed()

    assert condition(error) == "not-authorized"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("elsewhere.localhost", "host-unknown"),
        ("localhost", "host-unknown"),
        ("a b", "improper-addressing"),
        (None, "host-unknown"),
    ],
)
async def test_an_unknown_domain_is_refused(attach: Attach, to: str | None, expected: str) -> None:
    """§3: a header comes first, then the error (RFC 6120 §4.9.1.1)."""
    component = await attach(shake=False)
    await component.open_stream(to=to)

    [error] = await component.closed()

    assert error.tag == f"{STREAMS}error"
    assert condition(error) == expected


@pytest.mark.parametrize("ns", ["jabber:client", "jabber:server", "jabber:component:connect"])
async def test_another_namespace_is_refused(attach: Attach, ns: str) -> None:
    component = await attach(shake=False)
    await component.open_stream(ns)

    [error] = await component.closed()

    assert condition(error) == "invalid-namespace"


@pytest.mark.parametrize(
    "early",
    [
        f"<message from='{DOMAIN}' to='juliet@localhost'><body>Hi</body></message>",
        f"<iq type='get' id='1' from='{DOMAIN}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<presence/>",
        "<other xmlns='urn:other'/>",
    ],
)
async def test_nothing_comes_before_the_handshake(attach: Attach, connect: Connect, early: str) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    await juliet.next()
    component = await attach(shake=False)
    await component.open_stream()
    component.write(early)

    [error] = await component.closed()

    assert condition(error) == "not-authorized"
    await juliet.nothing()


async def test_a_second_handshake_ends_the_stream(attach: Attach) -> None:
    component = await attach()
    component.shake("whatever")

    [error] = await component.closed()

    assert condition(error) == "unsupported-stanza-type"


async def test_what_is_no_stanza_ends_the_stream(attach: Attach) -> None:
    component = await attach()
    component.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")

    [error] = await component.closed()

    assert condition(error) == "unsupported-stanza-type"


async def test_who_takes_too_long_is_cut_off(serve: Serve, attach: Attach) -> None:
    server = await serve(
        listen=LISTEN, components={DOMAIN: {"secret": SECRET}}, limits={"unauthenticated_timeout": 0.05}
    )
    component = await attach(shake=False, to=server)
    await component.open_stream()

    [error] = await component.closed()

    assert condition(error) == "connection-timeout"


async def test_a_component_that_is_let_in_may_take_its_time(serve: Serve, attach: Attach) -> None:
    server = await serve(
        listen=LISTEN, components={DOMAIN: {"secret": SECRET}}, limits={"unauthenticated_timeout": 0.2}
    )
    component = await attach(to=server)

    with pytest.raises(TimeoutError):
        await component.next(0.4)


async def test_header_and_handshake_may_come_in_pieces(attach: Attach) -> None:
    component = await attach(shake=False)
    for (
        byte
    ) in f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='{STREAMS[1:-1]}' to='{DOMAIN}'>":
        component.write(byte)
        await component.writer.drain()
    while component.header is None:
        component._feed(await component.reader.read(65536))
    component.shake(component.header.get("id", ""))

    assert (await component.next()).tag == f"{COMPONENT}handshake"


async def test_several_components_share_a_port(attach: Attach, server: Server) -> None:
    first, second = await attach(), await attach("plays.localhost", "another")
    first.write(f"<message from='{DOMAIN}' to='a@plays.localhost'><body>To be?</body></message>")

    message = await second.next()

    assert message.get("from") == DOMAIN
    assert message.findtext(f"{COMPONENT}body") == "To be?"
    assert server.router.components == {DOMAIN, "plays.localhost"}


async def test_one_component_can_not_take_the_name_of_another(attach: Attach) -> None:
    component = await attach("plays.localhost", shake=False)
    component.shake(await component.open_stream(), SECRET)

    [error] = await component.closed()

    assert condition(error) == "not-authorized"


async def test_components_can_not_connect_where_clients_do(server: Server, attach: Attach) -> None:
    component = await attach(shake=False)
    await component.close()
    component.port = int(server.listening["c2s"][0].rpartition(":")[2])
    await component.connect()
    await component.open_stream(to="localhost")

    [error] = await component.closed()

    assert condition(error) == "invalid-namespace"


async def test_a_host_can_not_be_a_component_as_well(serve: Serve) -> None:
    with pytest.raises(ValueError, match="the domain is a host"):
        await serve(components={"localhost": {"secret": SECRET}})


async def test_the_port_is_off_by_default(serve: Serve) -> None:
    server = await serve()

    assert "components" not in server.listening
    with pytest.raises(KeyError):
        port_for_components(server)
