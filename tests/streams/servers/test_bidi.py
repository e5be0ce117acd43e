"""Stanzas both ways on one stream (XEP-0288)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, SASL
from tests.streams.servers.conftest import Burble, Certificates
from tests.streams.servers.peer import (
    DIALBACK,
    HOST,
    MESSAGE,
    PEER,
    SERVER,
    SM,
    Connection,
    Listener,
    body,
    listening,
    say,
    stanza_condition,
)
from tests.tls.authority import dns, make

FEATURE = "<bidi xmlns='urn:xmpp:features:bidi'/>"
BIDI = "{urn:xmpp:bidi}bidi"
MECHANISMS = (
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
)
LIMITS = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>"


async def begin(stream: Connection) -> None:
    """Say something: stanzas come this way from then on."""
    stream.ping()
    answer = await stream.next()
    assert (answer.tag, answer.get("type")) == (f"{SERVER}iq", "result")


# ---- opened by the peer


async def test_both_ways(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    features = await stream.encrypted(certificates.good)
    assert features.find("{urn:xmpp:features:bidi}bidi") is not None
    stream = await (await served.dial()).certified(certificates.good, bidi=True)
    await begin(stream)
    say(juliet, "one")
    assert await body(stream) == "one"
    stream.write(MESSAGE)
    assert await body(juliet, CLIENT) == "hey"
    assert peer.made == 0


async def test_only_when_asked_for(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    served = await burble()
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(certificates.good)
    say(juliet, "one")
    back = await peer.takes(certificates.accepting())
    assert await body(back) == "one"
    assert await stream.settled() == []


async def test_nothing_before_the_proof(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    """§2.2: the receiving server must not send stanzas before."""
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    await stream.encrypted(certificates.none)
    stream.write("<bidi xmlns='urn:xmpp:bidi'/>")
    assert await stream.settled() == []
    say(juliet, "one")
    assert await body(await peer.takes(certificates.accepting())) == "one"
    assert await stream.settled() == []


async def test_nothing_between_the_proof_and_the_next_header(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """RFC 6120 §6.4.6: after <success/> comes a header, and nothing else."""
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    stream.write("<bidi xmlns='urn:xmpp:bidi'/>")
    assert (await stream.external()).tag == f"{SASL}success"
    say(juliet, "one")
    back = await peer.takes(certificates.accepting())  # there is no other way yet
    assert await body(back) == "one"
    await stream.open()
    assert await stream.settled() == []


async def test_after_dialback(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    await stream.encrypted(certificates.none)
    stream.write("<bidi xmlns='urn:xmpp:bidi'/>")
    stream.dial()
    await peer.verifies(certificates.accepting())
    assert (await stream.next()).get("type") == "valid"
    await begin(stream)
    say(juliet, "one")
    assert await body(stream) == "one"


async def test_other_domains_of_the_peer_have_streams_of_their_own(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """What is for a domain that was proved on the stream later arrives, also when the stream is gone."""
    async with listening("rooms.peer.test") as rooms:
        served = await burble(rooms)
        juliet = await served.log_in()
        stream = await served.dial()
        await stream.encrypted(certificates.none)
        stream.write("<bidi xmlns='urn:xmpp:bidi'/>")
        stream.dial()
        await peer.verifies(certificates.accepting())
        await stream.next()
        stream.dial(sender="rooms.peer.test")
        await rooms.verifies(certificates.accepting(), **{"from": "rooms.peer.test"})
        assert (await stream.next()).get("type") == "valid"
        say(juliet, "one", to="romeo@rooms.peer.test")
        back = await rooms.takes(certificates.accepting())
        assert await body(back) == "one"
        await stream.close()
        say(juliet, "two", to="romeo@rooms.peer.test")
        assert await body(back) == "two"


async def test_the_stream_is_gone(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    """What comes next goes by a stream of our own."""
    served = await burble()
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(certificates.good, bidi=True)
    await begin(stream)
    say(juliet, "one")
    assert await body(stream) == "one"
    stream.write("</stream:stream>")
    await stream.closed()
    say(juliet, "two")
    assert await body(await peer.takes(certificates.accepting())) == "two"


async def test_the_limit_of_the_peer(burble: Burble, certificates: Certificates) -> None:
    """XEP-0478 §3.2: who connects says in <bidi/> what it takes."""
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    stream.write(f"<bidi xmlns='urn:xmpp:bidi'>{LIMITS}</bidi>")
    await stream.external()
    await stream.open()
    await begin(stream)
    juliet.write(f"<message to='romeo@{PEER}' id='big'><body>{'x' * 20_000}</body></message>")
    say(juliet, "y" * 9_000)
    assert await body(stream) == "y" * 9_000
    answer = await juliet.find(lambda e: e.get("type") == "error")
    assert answer.get("id") == "big"
    assert stanza_condition(answer) == "policy-violation"


# ---- opened by us


async def outgoing(
    peer: Listener, certificates: Certificates, features: str = FEATURE
) -> tuple[Connection, list[ET.Element]]:
    """Take Burble's stream; returns what it sent before it asked to be believed, too."""
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header(features)
    before = []
    while (element := await connection.next()).tag != f"{DIALBACK}result":
        before.append(element)
    connection.write(f"<db:result from='{PEER}' to='{HOST}' type='valid'/>")
    return connection, before


async def test_we_ask_where_it_is_offered(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    served = await burble(stanza_bytes=123_456)
    juliet = await served.log_in()
    say(juliet, "one")
    stream, before = await outgoing(peer, certificates)
    assert [each.tag for each in before] == [BIDI]
    assert before[0].findtext(".//{urn:xmpp:stream-limits:0}max-bytes") == "123456"
    assert await body(stream) == "one"
    stream.write(MESSAGE)
    assert await body(juliet, CLIENT) == "hey"


async def test_we_do_not_ask_where_it_is_not(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble()
    juliet = await served.log_in()
    say(juliet, "one")
    stream, before = await outgoing(peer, certificates, "")
    assert before == []
    assert await body(stream) == "one"
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


async def test_stanzas_before_we_are_believed(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble()
    juliet = await served.log_in()
    say(juliet, "one")
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header(FEATURE)
    connection.write(MESSAGE)
    assert await connection.error() == "not-authorized"


@pytest.mark.parametrize(
    ("sender", "to", "error"),
    [
        ("other.test", HOST, "invalid-from"),
        (HOST, HOST, "invalid-from"),
        (PEER, "other.burble.test", "host-unknown"),
        (PEER, "elsewhere.test", "host-unknown"),
    ],
)
async def test_it_is_for_one_pair_of_domains(
    burble: Burble, peer: Listener, certificates: Certificates, sender: str, to: str, error: str
) -> None:
    served = await burble(hosts=["other.burble.test"])
    juliet = await served.log_in()
    say(juliet, "one")
    stream, _ = await outgoing(peer, certificates)
    await body(stream)
    stream.write(f"<message from='{sender}' to='{to}'/>")
    assert await stream.error() == error


async def test_more_domains_are_not_for_this_stream(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """§2.2: the peer may ask; resource-constraint has it open a stream of its own (XEP-0220 §2.5)."""
    served = await burble()
    juliet = await served.log_in()
    say(juliet, "one")
    stream, _ = await outgoing(peer, certificates)
    await body(stream)
    stream.write(f"<db:result from='rooms.{PEER}' to='{HOST}'>key</db:result>")
    answer = await stream.next()
    assert (answer.get("from"), answer.get("to")) == (HOST, f"rooms.{PEER}")
    assert stanza_condition(answer) == "resource-constraint"


@pytest.mark.parametrize("proved", [True, False])
async def test_whose_stanzas_are_believed_where_dialback_is_not(
    burble: Burble, peer: Listener, certificates: Certificates, proved: bool
) -> None:
    """Whoever answers at the address may not speak for the domain where only a certificate proves it."""
    served = await burble(dialback=False)
    juliet = await served.log_in()
    say(juliet, "one")
    connection = await peer.next()
    shown = make([dns(PEER)], certificates.root if proved else None)
    await connection.accept_tls(certificates.accepting(shown))
    await connection.answer_header(FEATURE + MECHANISMS)
    assert (await connection.next()).tag == (BIDI if proved else f"{SASL}auth")


# ---- together with stream management


async def test_stanzas_are_counted_from_the_answer_on(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """XEP-0198 §4: what the peer sent before <enabled/> counts for neither side."""
    served = await burble()
    juliet = await served.log_in()
    say(juliet, "one")
    stream, _ = await outgoing(peer, certificates, FEATURE + "<sm xmlns='urn:xmpp:sm:3'/>")
    assert (await stream.next()).tag == f"{SM}enable"
    stream.write(MESSAGE + "<enabled xmlns='urn:xmpp:sm:3'/>" + MESSAGE + "<r xmlns='urn:xmpp:sm:3'/>")
    answer = await stream.find(lambda e: e.tag == f"{SM}a")
    assert answer.get("h") == "1"
    assert [await body(juliet, CLIENT) for _ in range(2)] == ["hey", "hey"]


async def enabled(stream: Connection) -> str:
    """Enable stream management, and return its id."""
    stream.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    answer = await stream.find(lambda e: e.tag == f"{SM}enabled")
    return answer.get("id", "")


async def test_a_stream_of_the_peer_that_is_resumed(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """What was not confirmed comes again, before anything new, and nothing comes twice."""
    served = await burble()
    juliet = await served.log_in()
    first = await (await served.dial()).certified(certificates.good, bidi=True)
    id = await enabled(first)
    for text in ("one", "two", "three"):
        say(juliet, text)
    assert [await body(first) for _ in range(3)] == ["one", "two", "three"]
    first.writer.transport.abort()
    await served.left_alone()
    say(juliet, "four")
    await juliet.sync()
    second = await (await served.dial()).certified(certificates.good, bidi=True)
    second.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='1'/>")
    resumed = await second.next()
    assert resumed.tag == f"{SM}resumed"
    assert [await body(second) for _ in range(3)] == ["two", "three", "four"]
    second.write("<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4'/>")
    answer = await second.find(lambda e: e.tag == f"{SM}a")
    assert answer.get("h") == "0"
    say(juliet, "five")
    assert await body(second) == "five"
    assert peer.made == 0


async def test_a_stream_that_is_resumed_while_the_old_one_lives(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """Its peer has noticed before us that the connection is dead."""
    served = await burble()
    juliet = await served.log_in()
    first = await (await served.dial()).certified(certificates.good, bidi=True)
    id = await enabled(first)
    for text in ("one", "two"):
        say(juliet, text)
    assert [await body(first) for _ in range(2)] == ["one", "two"]
    second = await (await served.dial()).certified(certificates.good, bidi=True)
    second.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='1'/>")
    resumed = await second.next()
    assert resumed.tag == f"{SM}resumed"
    assert await first.error() == "conflict"
    say(juliet, "three")
    assert [await body(second) for _ in range(2)] == ["two", "three"]
    assert peer.made == 0


async def test_a_stream_of_the_peer_that_is_not_resumed(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """A peer that has forgotten: what it has not confirmed goes by its new stream."""
    served = await burble()
    juliet = await served.log_in()
    first = await (await served.dial()).certified(certificates.good, bidi=True)
    await enabled(first)
    for text in ("one", "two"):
        say(juliet, text)
    assert [await body(first) for _ in range(2)] == ["one", "two"]
    first.write("<a xmlns='urn:xmpp:sm:3' h='1'/>")
    await first.settled()
    first.writer.transport.abort()
    await served.left_alone()
    second = await (await served.dial()).certified(certificates.good, bidi=True)
    await enabled(second)
    say(juliet, "three")
    assert [await body(second) for _ in range(2)] == ["two", "three"]
    assert peer.made == 0
