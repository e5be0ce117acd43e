"""Stream management (XEP-0198) on streams that Burble opens, and what it does where there is none."""

from __future__ import annotations

import pytest

from tests.client import CLIENT, ScriptedClient, condition
from tests.streams.servers.conftest import Burble, Certificates, Served
from tests.streams.servers.peer import (
    HOST,
    MESSAGE,
    PEER,
    SERVER,
    SM,
    Connection,
    Listener,
    say,
    stanza_condition,
)
from tests.tls.authority import dns, make

FEATURE = "<sm xmlns='urn:xmpp:sm:3'/>"
BIDI = "<bidi xmlns='urn:xmpp:features:bidi'/>"
R = "<r xmlns='urn:xmpp:sm:3'/>"


async def bodies(stream: ScriptedClient, count: int) -> list[str | None]:
    """The texts of the next messages."""
    found = []
    for _ in range(count):
        message = await stream.find(lambda e: e.tag == f"{SERVER}message")
        found.append(message.findtext(f"{SERVER}body"))
    return found


async def enabled(peer: Listener, certificates: Certificates, features: str = FEATURE) -> Connection:
    """Take Burble's stream, with stream management and an id to resume it by."""
    stream = await peer.takes(certificates.accepting(), features)
    enable = await stream.find(lambda e: e.tag != "{urn:xmpp:bidi}bidi")
    assert (enable.tag, enable.get("resume")) == (f"{SM}enable", "true")
    stream.write("<enabled xmlns='urn:xmpp:sm:3' id='flow' resume='true'/>")
    return stream


async def test_it_is_enabled_before_the_first_stanza(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    say(juliet, "one")
    stream = await peer.takes(certificates.accepting(), FEATURE)
    assert (await stream.next()).tag == f"{SM}enable"
    stream.write("<enabled xmlns='urn:xmpp:sm:3'/>")
    assert await bodies(stream, 1) == ["one"]
    assert (await stream.next()).tag == f"{SM}r"


async def test_a_peer_that_does_not_want_to_after_all(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    say(juliet, "one")
    stream = await peer.takes(certificates.accepting(), FEATURE)
    await stream.next()
    stream.write("<failed xmlns='urn:xmpp:sm:3'/>")
    assert await bodies(stream, 1) == ["one"]


async def test_what_is_not_confirmed_comes_again(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    """§5: on the stream that resumes this one, before anything new."""
    say(juliet, "one", "two", "three")
    stream = await enabled(peer, certificates)
    assert await bodies(stream, 3) == ["one", "two", "three"]
    stream.write("<a xmlns='urn:xmpp:sm:3' h='1'/>")
    await stream.close()
    say(juliet, "four")
    stream = await peer.takes(certificates.accepting(), FEATURE)
    resume = await stream.next()
    assert resume.tag == f"{SM}resume"
    assert resume.attrib == {"previd": "flow", "h": "0"}
    stream.write("<resumed xmlns='urn:xmpp:sm:3' previd='flow' h='2'/>")
    assert await bodies(stream, 2) == ["three", "four"]
    stream.write("<a xmlns='urn:xmpp:sm:3' h='4'/>")
    say(juliet, "five")
    assert await bodies(stream, 1) == ["five"]


async def test_it_is_told_what_we_have(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    say(juliet, "one")
    stream = await enabled(peer, certificates, BIDI + FEATURE)
    stream.write(MESSAGE + MESSAGE + R)
    answer = await stream.find(lambda e: e.tag == f"{SM}a")
    assert answer.get("h") == "2"
    stream.writer.transport.abort()
    stream = await peer.takes(certificates.accepting(), BIDI + FEATURE)
    resume = await stream.find(lambda e: e.tag == f"{SM}resume")
    assert resume.get("h") == "2"


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ("<failed xmlns='urn:xmpp:sm:3'/>", ["one", "two", "three"]),
        ("<failed xmlns='urn:xmpp:sm:3' h='2'/>", ["three"]),
        ("<failed xmlns='urn:xmpp:sm:3' h='0'/>", ["one", "two", "three"]),
    ],
)
async def test_a_peer_that_has_forgotten(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates, answer: str, again: list[str]
) -> None:
    """A stream of its own, which begins with what was not confirmed, at zero."""
    say(juliet, "one", "two", "three")
    stream = await enabled(peer, certificates)
    await bodies(stream, 3)
    await stream.close()
    stream = await peer.takes(certificates.accepting(), FEATURE)
    assert (await stream.next()).tag == f"{SM}resume"
    stream.write(answer)
    assert (await stream.next()).tag == f"{SM}enable"
    stream.write("<enabled xmlns='urn:xmpp:sm:3' id='another' resume='true'/>")
    say(juliet, "four")
    assert await bodies(stream, len(again) + 1) == [*again, "four"]
    stream.write(f"<a xmlns='urn:xmpp:sm:3' h='{len(again) + 1}'/>")
    say(juliet, "five")
    assert await bodies(stream, 1) == ["five"]


@pytest.mark.parametrize(
    "answer",
    [
        "<resumed xmlns='urn:xmpp:sm:3' previd='another' h='0'/>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='flow'/>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='flow' h='7'/>",
        "<enabled xmlns='urn:xmpp:sm:3' id='another' resume='true'/>",
        "<failed xmlns='urn:xmpp:sm:3' h='7'/>",
    ],
)
async def test_answers_that_make_no_sense(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates, answer: str
) -> None:
    """The stream is refused, and the next one does not begin with the same request."""
    say(juliet, "one", "two")
    stream = await enabled(peer, certificates)
    await bodies(stream, 2)
    await stream.close()
    stream = await peer.takes(certificates.accepting(), FEATURE)
    assert (await stream.next()).tag == f"{SM}resume"
    stream.write(answer)
    assert await stream.error() == "undefined-condition"
    stream = await enabled(peer, certificates)
    assert await bodies(stream, 2) == ["one", "two"]


async def test_a_count_that_is_too_high(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    say(juliet, "one")
    stream = await enabled(peer, certificates)
    await bodies(stream, 1)
    stream.write("<a xmlns='urn:xmpp:sm:3' h='2'/>")
    error = (await stream.closed())[-1]
    assert condition(error) == "undefined-condition"
    found = error.find(f"{SM}handled-count-too-high")
    assert found is not None
    assert found.attrib == {"h": "2", "send-count": "1"}


async def test_a_peer_that_closes_the_stream_is_sent_the_rest_on_the_next(
    juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    """§6: what was closed is not resumed; the last count that was heard holds."""
    say(juliet, "one", "two")
    stream = await enabled(peer, certificates)
    await bodies(stream, 2)
    stream.write("<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>")
    await stream.closed()
    stream = await enabled(peer, certificates)
    assert await bodies(stream, 1) == ["two"]


async def test_a_stanza_that_the_peer_can_not_bear(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """It is not sent for ever: its sender is told at last."""
    served = await burble(queue_timeout=1)
    juliet = await served.log_in()
    say(juliet, "one")
    for _ in range(6):
        stream = await enabled(peer, certificates)
        await bodies(stream, 1)
        stream.write(
            "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
            "</stream:stream>"
        )
        await stream.closed()
        try:
            answer = await juliet.find(lambda e: e.get("type") == "error", 0.4)
        except TimeoutError:
            continue
        assert answer.get("id") == "one"
        assert stanza_condition(answer) == "remote-server-timeout"
        break
    else:
        raise AssertionError("it is sent again and again")


# ---- without


async def test_a_ping_tells_what_has_arrived(
    served: Served, juliet: ScriptedClient, peer: Listener, certificates: Certificates
) -> None:
    """XEP-0199 §4.4: its answer comes by the other stream, and then nothing is in doubt."""
    say(juliet, "one")
    stream = await peer.takes(certificates.accepting())
    assert await bodies(stream, 1) == ["one"]
    ping = await stream.next()
    assert (ping.tag, ping[0].tag) == (f"{SERVER}iq", "{urn:xmpp:ping}ping")
    assert (ping.get("from"), ping.get("to")) == (HOST, PEER)
    back = await (await served.dial()).certified(certificates.good)
    back.write(f"<iq type='result' id='{ping.get('id')}' from='{PEER}' to='{HOST}'/>")
    await back.settled()
    await stream.close()
    say(juliet, "two")
    stream = await peer.takes(certificates.accepting())
    assert await bodies(stream, 1) == ["two"]
    juliet.write(f"<iq type='get' id='x' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>")
    heard = await juliet.find(lambda e: e.get("type") == "error" or e.get("id") == "x")
    assert heard.get("id") == "x"


@pytest.mark.parametrize("forged", ["from='thief.test'", "from='peer.test/x'"])
async def test_somebody_else_s_answer_does_not_count(
    served: Served, juliet: ScriptedClient, peer: Listener, certificates: Certificates, forged: str
) -> None:
    say(juliet, "one")
    stream = await peer.takes(certificates.accepting())
    await bodies(stream, 1)
    ping = await stream.next()
    domain = "thief.test" if "thief" in forged else PEER
    back = await served.dial(domain)
    await back.certified(certificates.context(make([dns(domain)], certificates.root)))
    back.write(f"<iq type='result' id='{ping.get('id')}' {forged} to='{HOST}'/>")
    await back.settled()
    await stream.close()
    answer = await juliet.find(lambda e: e.get("type") == "error")
    assert (answer.tag, answer.get("id")) == (f"{CLIENT}message", "one")
    assert stanza_condition(answer) == "remote-server-timeout"
