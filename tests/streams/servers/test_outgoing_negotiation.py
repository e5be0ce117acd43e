"""Headers, features and TLS of streams that Burble opens to other servers (RFC 6120 §4, §5, §13.7)."""

from __future__ import annotations

import asyncio

import pytest

from tests.client import STREAMS, TLS, ScriptedClient
from tests.streams.servers.conftest import Burble, Certificates
from tests.streams.servers.peer import HOST, PEER, Connection, Listener, body, listening, refused, say
from tests.tls.authority import dns, make

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
EXTERNAL = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"


# ---- header, features, TLS


async def test_the_header(connection: Connection) -> None:
    """RFC 6120 §4.7: no id, which is for the other side to choose."""
    header = await connection.heard_header()
    assert header.tag == f"{STREAMS}stream"
    assert header.attrib == {"from": HOST, "to": PEER, "version": "1.0", XML_LANG: "en"}


async def test_the_header_declares_the_namespaces(connection: Connection) -> None:
    header = await connection.reader.readuntil(b" version='1.0'")
    header += await connection.reader.readuntil(b"xmlns:stream=")
    assert b" xmlns='jabber:server'" in header
    assert b" xmlns:db='jabber:server:dialback'" in header


async def test_tls_is_started_where_it_can_be(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    juliet = await (await burble(tls="optional")).log_in()
    say(juliet, "one")
    assert await body(await peer.takes(certificates.accepting())) == "one"


async def test_without_tls_nothing_is_sent(connection: Connection, juliet: ScriptedClient) -> None:
    await connection.answer_header()
    assert await connection.rest() == []
    assert (await refused(juliet)).startswith("remote-server-")


async def test_without_tls_where_that_is_allowed(burble: Burble, peer: Listener) -> None:
    juliet = await (await burble(tls="optional")).log_in()
    say(juliet, "one")
    connection = await peer.next()
    await connection.answer_header()
    await connection.believe()
    assert await body(connection) == "one"


async def test_a_certificate_that_is_demanded_takes_tls(burble: Burble, peer: Listener) -> None:
    """Who leaves TLS out of the features does not get around the certificate."""
    juliet = await (await burble(tls="optional", certificate="required")).log_in()
    say(juliet, "one")
    connection = await peer.next()
    await connection.answer_header()
    assert await connection.rest() == []
    assert (await refused(juliet)).startswith("remote-server-")


async def test_tls_that_is_refused(connection: Connection, juliet: ScriptedClient) -> None:
    await connection.answer_header(STARTTLS)
    await connection.next()
    connection.write("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
    assert await connection.rest() == []
    assert await refused(juliet) == "remote-server-timeout"


async def test_what_is_added_behind_proceed(connection: Connection, juliet: ScriptedClient) -> None:
    """§5.4.3.3: what an attacker adds in the open would be taken for what came encrypted."""
    await connection.answer_header(STARTTLS)
    assert (await connection.next()).tag == f"{TLS}starttls"
    connection.write(
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><?xml version='1.0'?>"
        f"<stream:stream from='{PEER}' to='{HOST}' id='forged' version='1.0' xmlns='jabber:server'"
        f" xmlns:stream='http://etherx.jabber.org/streams'><stream:features>{EXTERNAL}</stream:features>"
    )
    assert await connection.error() == "policy-violation"
    assert await refused(juliet) == "remote-server-timeout"


async def test_a_handshake_that_fails(connection: Connection, juliet: ScriptedClient) -> None:
    await connection.answer_header(STARTTLS)
    await connection.next()
    connection.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await connection.reader.read(1)
    connection.write("this is no TLS")
    async with asyncio.timeout(5):
        assert b"stream" not in await connection.reader.read()
    assert await refused(juliet) == "remote-server-timeout"


async def test_tls_names_the_domain_and_shows_our_certificate(
    burble: Burble, certificates: Certificates
) -> None:
    """RFC 6120 §5.4.3.1: by SNI in A-labels; the header has the domain as it is."""
    async with listening("bücher.test") as peer:
        juliet = await (await burble(peer)).log_in()
        say(juliet, "one", to="romeo@bücher.test")
        connection = await peer.next()
        named: list[str | None] = []
        context = certificates.accepting(ask=True)
        context.sni_callback = lambda _connection, name, _context: named.append(name)
        await connection.accept_tls(context)
        connection.restart()
        shown = connection.writer.get_extra_info("peercert")
        assert shown["subjectAltName"] == (("DNS", HOST),)
        assert named == ["xn--bcher-kva.test"]
        assert (await connection.heard_header()).get("to") == "bücher.test"


@pytest.mark.parametrize(
    ("settings", "shown", "delivered"),
    [
        ({"certificate": "required"}, "good", True),
        ({"certificate": "required"}, "self-signed", False),
        ({"certificate": "required"}, "another's", False),
        ({"domains": {PEER: {"certificate": "required"}}}, "self-signed", False),
        ({}, "self-signed", True),
    ],
)
async def test_certificates_of_others(
    burble: Burble,
    peer: Listener,
    certificates: Certificates,
    settings: dict[str, object],
    shown: str,
    delivered: bool,
) -> None:
    juliet = await (await burble(**settings)).log_in()
    say(juliet, "one")
    issued = {
        "good": make([dns(PEER)], certificates.root),
        "self-signed": make([dns(PEER)]),
        "another's": make([dns("other.test")], certificates.root),
    }[shown]
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting(issued))
    if delivered:
        await connection.answer_header()
        await connection.believe()
        assert await body(connection) == "one"
    else:
        assert await connection.rest() == []
        assert (await refused(juliet)).startswith("remote-server-")


@pytest.mark.parametrize("alpn", [["xmpp-server"], None])
async def test_direct_tls(burble: Burble, certificates: Certificates, alpn: list[str] | None) -> None:
    """XEP-0368 §2."""
    shown = make([dns("direct.test")], certificates.root)
    context = certificates.accepting(shown, alpn=alpn)
    async with listening("direct.test", context) as peer:
        served = await burble(peer, domains={"direct.test": {"direct_tls": True}})
        juliet = await served.log_in()
        say(juliet, "one", to="romeo@direct.test")
        connection = await peer.next()
        await connection.answer_header()
        await connection.believe()
        assert await body(connection) == "one"
        negotiated = connection.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        assert negotiated == (alpn[0] if alpn else None)


@pytest.mark.parametrize(
    ("header", "extra"),
    [
        ({"version": None}, ""),
        ({}, " xmlns='jabber:client'"),
        ({}, " xmlns='urn:example'"),
    ],
)
async def test_headers_that_are_wrong(
    connection: Connection, juliet: ScriptedClient, header: dict[str, str | None], extra: str
) -> None:
    await connection.heard_header()
    connection.write_header(extra, id="x", **header)
    connection.write(f"<stream:features>{STARTTLS}</stream:features>")
    assert await connection.error() in ("unsupported-version", "invalid-namespace")
    assert await refused(juliet) == "remote-server-timeout"


async def test_a_stream_without_an_id(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates
) -> None:
    """XEP-0185: a key that is for any stream would be for all."""
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header(id=None)
    assert await connection.error() == "bad-format"
    assert await refused(juliet) == "remote-server-timeout"
