"""Streams that Burble opens to other servers: how it proves its domain, and what becomes of stanzas."""

from __future__ import annotations

import base64

import pytest

from tests.client import SASL, ScriptedClient
from tests.streams.servers.conftest import Burble, Certificates
from tests.streams.servers.peer import DIALBACK, HOST, PEER, Connection, Listener, body, refused, say

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
EXTERNAL = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"


# ---- to be believed


async def encrypted(connection: Connection, certificates: Certificates, features: str = "") -> Connection:
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header(features)
    return connection


async def test_by_a_certificate(connection: Connection, certificates: Certificates) -> None:
    """XEP-0178 §3."""
    await encrypted(connection, certificates, EXTERNAL)
    auth = await connection.next()
    assert (auth.tag, auth.get("mechanism")) == (f"{SASL}auth", "EXTERNAL")
    assert base64.b64decode(auth.text or "").decode() == HOST
    connection.write("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    connection.restart()
    await connection.answer_header(EXTERNAL)
    assert await body(connection) == "one"


async def test_a_challenge_is_answered(connection: Connection, certificates: Certificates) -> None:
    await encrypted(connection, certificates, EXTERNAL)
    await connection.next()
    connection.write("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    assert (await connection.next()).tag == f"{SASL}response"


async def test_dialback_where_the_certificate_does_not_do(
    connection: Connection, certificates: Certificates
) -> None:
    await encrypted(connection, certificates, EXTERNAL)
    await connection.next()
    connection.write("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
    await connection.believe()
    assert await body(connection) == "one"


async def test_no_other_mechanism_is_used(connection: Connection, certificates: Certificates) -> None:
    await encrypted(connection, certificates, EXTERNAL.replace("EXTERNAL", "PLAIN"))
    assert (await connection.next()).tag == f"{DIALBACK}result"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("type='invalid'/>", "internal-server-error"),
        (
            "type='error'><error type='cancel'><item-not-found"
            " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
            "remote-server-timeout",
        ),
        ("type='error'/>", "remote-server-timeout"),
        ("type='whatever'/>", "remote-server-timeout"),
    ],
)
async def test_who_is_not_believed(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates, answer: str, told: str
) -> None:
    """XEP-0220 §2.1.1 has what the senders are told."""
    await encrypted(connection, certificates)
    await connection.next()
    connection.write(f"<db:result from='{PEER}' to='{HOST}' {answer}")
    assert await connection.rest() == []
    assert await refused(juliet) == told


@pytest.mark.parametrize(
    ("sender", "to"), [("other.test", HOST), (PEER, "other.test"), (HOST, PEER), ("", "")]
)
async def test_an_answer_to_something_else(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates, sender: str, to: str
) -> None:
    await encrypted(connection, certificates)
    await connection.next()
    connection.write(f"<db:result from='{sender}' to='{to}' type='valid'/>")
    assert await connection.error() in ("invalid-from", "improper-addressing")
    assert await refused(juliet) == "remote-server-timeout"


async def test_an_answer_before_the_question(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates
) -> None:
    """XEP-0220 §4.1: unsolicited."""
    await connection.accept_tls(certificates.accepting())
    connection.restart()
    await connection.heard_header()
    connection.write_header(id="x", **{"from": PEER, "to": HOST})
    connection.write(f"<db:result from='{PEER}' to='{HOST}' type='valid'/>")
    assert await connection.error() == "invalid-from"
    assert await refused(juliet) == "remote-server-timeout"


async def test_an_answer_about_a_key_that_nobody_asked_about(
    connection: Connection, certificates: Certificates
) -> None:
    await encrypted(connection, certificates)
    connection.write(f"<db:verify from='{PEER}' to='{HOST}' id='x' type='valid'/>")
    assert await connection.error() == "invalid-from"


# ---- stanzas


async def test_they_wait_and_keep_their_order(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates
) -> None:
    """XEP-0220 §2.1.1: not one before we are believed."""
    for n in range(50):
        say(juliet, str(n))
    await encrypted(connection, certificates)
    await connection.believe()
    for n in range(50, 100):
        say(juliet, str(n))
    assert [await body(connection) for _ in range(101)] == ["one", *map(str, range(100))]


async def test_one_stream_for_each_pair(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    served = await burble(hosts=["other.test"])
    await served.server.hosts["other.test"].register("nurse", "secret")
    juliet = await served.log_in()
    say(juliet, "one")
    first = await peer.takes(certificates.accepting())
    assert await body(first) == "one"
    nurse = ScriptedClient(served.port("c2s"), "other.test")
    await nurse.connect()
    await nurse.login("nurse")
    say(nurse, "two")
    second = await peer.next()
    await second.accept_tls(certificates.accepting())
    second.restart()
    assert (await second.heard_header()).get("from") == "other.test"
    await nurse.close()


async def test_the_limit_of_the_peer(
    connection: Connection, juliet: ScriptedClient, certificates: Certificates
) -> None:
    """XEP-0478 §4: what is too big goes back, and the stream lives."""
    limits = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>"
    await encrypted(connection, certificates, limits)
    await connection.believe()
    assert await body(connection) == "one"
    say(juliet, "x" * 20_000)
    say(juliet, "y" * 19_000)
    assert await body(connection) == "y" * 19_000
    assert await refused(juliet, "x" * 20) == "policy-violation"


# ---- errors and silence


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("host-unknown", "remote-server-not-found"),
        ("host-gone", "remote-server-not-found"),
        ("policy-violation", "remote-server-timeout"),
        ("system-shutdown", "remote-server-timeout"),
        ("not-authorized", "remote-server-timeout"),
    ],
)
async def test_errors_of_the_stream(
    connection: Connection, juliet: ScriptedClient, error: str, told: str
) -> None:
    """RFC 6120 §10.4.3, §10.4.4."""
    await connection.heard_header()
    connection.write_header(id="x")
    connection.write(
        f"<stream:error><{error} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    )
    assert await connection.rest() == []
    assert await refused(juliet) == told


@pytest.mark.parametrize(
    "stage", ["connection", "header", "tls", "handshake", "encrypted", "dialback", "sasl"]
)
async def test_a_peer_that_says_nothing(
    burble: Burble, peer: Listener, certificates: Certificates, stage: str
) -> None:
    served = await burble(connect_timeout=0.4)
    juliet = await served.log_in()
    say(juliet, "one")
    connection = await peer.next()
    if stage in ("header", "tls"):
        await connection.heard_header()
    if stage == "tls":
        connection.write_header(id="x")
        connection.write(f"<stream:features>{STARTTLS}</stream:features>")
        await connection.next()
    if stage == "handshake":
        await connection.answer_header(STARTTLS)
        await connection.next()
        connection.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    if stage in ("encrypted", "dialback", "sasl"):
        await connection.accept_tls(certificates.accepting())
    if stage in ("dialback", "sasl"):
        await connection.answer_header(EXTERNAL if stage == "sasl" else "")
        await connection.next()
    assert await refused(juliet) == "remote-server-timeout"
    assert not served.server.federation.outgoing


async def test_a_peer_that_hangs_up(connection: Connection, juliet: ScriptedClient) -> None:
    await connection.close()
    assert await refused(juliet) == "remote-server-timeout"


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("<foo xmlns='urn:example'/>", "unsupported-stanza-type"),
        ("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"),
        ("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "unsupported-stanza-type"),
        ("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"),
        ("<enabled xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
        ("<!-- -->", "restricted-xml"),
    ],
)
async def test_what_has_no_place(
    connection: Connection, certificates: Certificates, what: str, error: str
) -> None:
    await encrypted(connection, certificates)
    await connection.next()
    connection.write(what)
    assert await connection.error() == error


async def test_goodbye(connection: Connection, juliet: ScriptedClient, certificates: Certificates) -> None:
    """A stream that the peer closes is closed in turn, and opened again for what comes next."""
    await encrypted(connection, certificates)
    await connection.believe()
    assert await body(connection) == "one"
    connection.write("</stream:stream>")
    await connection.stream_end()
