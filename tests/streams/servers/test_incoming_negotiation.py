"""Headers, features and STARTTLS of streams that another server opens (RFC 6120 §4, §5)."""

from __future__ import annotations

import asyncio

import pytest

from tests.client import STREAMS, TLS
from tests.streams.secure import reset
from tests.streams.servers.conftest import Burble, Certificates, Served
from tests.streams.servers.peer import HOST, PEER, Connection, listening

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
LIMITS = "{urn:xmpp:stream-limits:0}"


@pytest.fixture
async def stream(burble: Burble) -> Connection:
    """A connection on which nothing has been said."""
    return await (await burble()).dial()


async def test_the_header_that_answers(stream: Connection) -> None:
    """RFC 6120 §4.7."""
    await stream.open()
    assert stream.header is not None
    assert stream.header.tag == f"{STREAMS}stream"
    assert stream.header.attrib == {
        "from": HOST,
        "to": PEER,
        "id": stream.id,
        "version": "1.0",
        XML_LANG: "en",
    }
    assert len(stream.id) >= 16


async def test_the_header_declares_the_namespaces(stream: Connection) -> None:
    """§4.8.3, and XEP-0220 §2.4.1: by its prefix dialback is known."""
    stream.write_header()
    data = await stream.reader.readuntil(b"<stream:features>")
    header = data[data.index(b"<stream:stream") :]
    assert b" xmlns='jabber:server'" in header
    assert b" xmlns:db='jabber:server:dialback'" in header


async def test_ids_differ(stream: Connection, certificates: Certificates) -> None:
    await stream.open()
    first = stream.id
    await stream.start_tls(certificates.none)
    await stream.open()
    assert stream.id != first


@pytest.mark.parametrize("to", ["elsewhere.test", None, "", "@", f"juliet@{HOST}", f"{HOST}/x"])
async def test_for_whom_the_stream_must_be(stream: Connection, to: str | None) -> None:
    """§4.9.3.6; the answer is not in the name of a domain that is not ours."""
    stream.write_header(to=to)
    assert await stream.error() == "host-unknown"
    assert stream.header is not None
    assert stream.header.get("from") is None


@pytest.mark.parametrize("namespace", ["jabber:client", "jabber:component:accept", "urn:example"])
async def test_other_namespaces(stream: Connection, namespace: str) -> None:
    stream.write_header(f" xmlns='{namespace}'")
    assert await stream.error() == "invalid-namespace"


async def test_another_namespace_of_the_stream(stream: Connection) -> None:
    stream.write(f"<s:stream to='{HOST}' version='1.0' xmlns='jabber:server' xmlns:s='urn:example'>")
    assert await stream.error() == "invalid-namespace"


@pytest.mark.parametrize("version", [None, "0.9", "", "one"])
async def test_versions_that_are_too_old(stream: Connection, version: str | None) -> None:
    """§4.7.5: without features there is neither TLS nor a proof."""
    stream.write_header(version=version)
    assert await stream.error() == "unsupported-version"


@pytest.mark.parametrize("version", ["1.1", "2.0", "11.0"])
async def test_later_versions(stream: Connection, version: str) -> None:
    stream.write_header(version=version)
    assert (await stream.next()).tag == f"{STREAMS}features"


@pytest.mark.parametrize(("allow", "deny"), [([], [PEER]), (["other.test"], []), ([], ["*.test"])])
async def test_domains_that_are_not_wanted(burble: Burble, allow: list[str], deny: list[str]) -> None:
    stream = await (await burble(allow=allow, deny=deny)).dial()
    stream.write_header()
    assert await stream.error() == "policy-violation"


async def test_a_second_header(stream: Connection) -> None:
    await stream.open()
    stream.write_header()
    assert await stream.error() in ("bad-format", "not-well-formed", "unsupported-stanza-type")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("<a>", "not-authorized"),
        ("<message/>", "not-authorized"),
        ("<presence xmlns='jabber:client'/>", "not-authorized"),
        ("<foo xmlns='urn:example'/>", "unsupported-stanza-type"),
        ("<!-- -->", "restricted-xml"),
        ("&lt;", "bad-format"),
        ("<?pi?>", "restricted-xml"),
        ("<a></b>", "not-well-formed"),
    ],
)
async def test_what_has_no_place_before_the_proof(stream: Connection, what: str, error: str) -> None:
    await stream.open()
    stream.write(what if what != "<a>" else "<iq type='get' id='1'/>")
    assert await stream.error() == error


async def test_stanzas_of_the_namespace_by_name(burble: Burble, certificates: Certificates) -> None:
    """§4.8.3: whoever declares the stream's content namespace once more says the same."""
    served = await burble()
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(
        f"<message xmlns='jabber:server' from='romeo@{PEER}' to='juliet@{HOST}'><body>hey</body></message>"
    )
    message = await juliet.find(lambda e: e.tag == "{jabber:client}message")
    assert message.findtext("{jabber:client}body") == "hey"


# ---- STARTTLS


async def test_nothing_may_follow_starttls(stream: Connection) -> None:
    """§5.4.3.3: what an attacker adds in the open would be taken for what came encrypted."""
    await stream.open()
    stream.write(
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
        f"<db:result from='{PEER}' to='{HOST}'>injected</db:result>"
    )
    assert await stream.error() == "policy-violation"


async def test_tls_can_be_started_once(stream: Connection, certificates: Certificates) -> None:
    await stream.encrypted(certificates.none)
    stream.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert (await stream.next()).tag == f"{TLS}failure"
    await stream.closed()


async def test_tls_that_fails_ends_the_connection(stream: Connection) -> None:
    """§5.4.3.2: not one byte of XML any more."""
    await stream.open()
    stream.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await stream.next()
    stream.write("<stream:stream>")
    assert b"<" not in await reset(stream)


async def test_bidi_in_the_open_is_forgotten(burble: Burble, certificates: Certificates) -> None:
    """XEP-0288 §2.2: TLS comes first; who asked before may not have been the peer."""
    served = await burble()
    stream = await served.dial()
    await stream.open()
    stream.write("<bidi xmlns='urn:xmpp:bidi'/>")
    await stream.start_tls(certificates.good)
    await stream.open()
    await stream.external()
    await stream.open()
    assert [each.bidi for each in served.server.federation.incoming] == [False]


# ---- limits


async def test_limits_are_those_that_hold_for_stanzas(burble: Burble, certificates: Certificates) -> None:
    """XEP-0478: after dialback no features come any more, so these must hold from then on."""
    stream = await (await burble(stanza_bytes=123_456)).dial()
    features = await stream.encrypted(certificates.good)
    assert features.findtext(f"{LIMITS}limits/{LIMITS}max-bytes") == "123456"
    await stream.external()
    features = await stream.open()
    assert features.findtext(f"{LIMITS}limits/{LIMITS}max-bytes") == "123456"


async def test_big_stanzas_come_after_the_proof(burble: Burble, certificates: Certificates) -> None:
    served = await burble(stanza_bytes=100_000)
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(certificates.good)
    body = "x" * 99_000
    stream.write(f"<message from='{PEER}' to='juliet@{HOST}'><body>{body}</body></message>")
    message = await juliet.find(lambda e: e.tag == "{jabber:client}message")
    assert message.findtext("{jabber:client}body") == body
    stream.write(f"<message from='{PEER}' to='juliet@{HOST}'><body>{body}{body}</body></message>")
    assert await stream.error() == "policy-violation"


async def test_nothing_big_comes_before(stream: Connection) -> None:
    await stream.open()
    stream.write(f"<db:result from='{PEER}' to='{HOST}'>{'x' * 20_000}</db:result>")
    assert await stream.error() == "policy-violation"


# ---- silence


async def silent_at(served: Served, certificates: Certificates, stage: str) -> Connection:
    stream = await served.dial()
    if stage == "header":
        return stream
    await stream.open()
    if stage == "features":
        return stream
    if stage == "handshake":
        stream.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert (await stream.next()).tag == f"{TLS}proceed"
        return stream
    await stream.start_tls(certificates.good)
    stream.restart()
    if stage == "proof":
        await stream.open()
    return stream


@pytest.mark.parametrize("stage", ["header", "features", "handshake", "encrypted", "proof"])
async def test_a_peer_that_says_nothing_has_to_go(
    burble: Burble, certificates: Certificates, stage: str
) -> None:
    served = await burble(accept_timeout=0.3)
    stream = await silent_at(served, certificates, stage)
    async with asyncio.timeout(5):
        sent = await stream.closed()
    if stage == "features":
        assert sent[-1].tag == f"{STREAMS}error"
    assert not served.server.federation.incoming


async def test_whitespace_is_no_error(stream: Connection) -> None:
    """§4.6.1: a sign of life."""
    await stream.open()
    stream.write(" \n ")
    assert await stream.settled() == []


@pytest.mark.parametrize("how", ["</stream:stream>", "eof"])
async def test_goodbye(stream: Connection, how: str) -> None:
    """§4.4: a stream that is closed is closed in turn."""
    await stream.open()
    if how == "eof":
        stream.writer.write_eof()
    else:
        stream.write(how)
    await stream.stream_end()
    assert await stream.closed() == []


# ---- settings that change


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({}, True),
        ({"deny": [f"rooms.{PEER}"]}, False),
        ({"deny": [PEER]}, False),
        ({"dialback": False}, False),
    ],
)
async def test_what_is_forbidden_later_on(
    burble: Burble, certificates: Certificates, change: dict[str, object], stays: bool
) -> None:
    """A stream goes on for as long as each domain on it would be believed again."""
    async with listening(f"rooms.{PEER}") as rooms:
        served = await burble(rooms)
        stream = await (await served.dial()).certified(certificates.good)
        stream.dial(sender=rooms.peer)
        await rooms.verifies(certificates.accepting(), **{"from": rooms.peer})
        assert (await stream.next()).get("type") == "valid"
        await served.change(**change)
        if stays:
            assert await stream.settled() == []
        else:
            assert await stream.error() == "policy-violation"
