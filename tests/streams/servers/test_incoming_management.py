"""Stream management (XEP-0198) on streams that another server opens."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, STANZAS, ScriptedClient, condition
from tests.streams.servers.conftest import Burble, Certificates, Served
from tests.streams.servers.peer import HOST, MESSAGE, PEER, SM, Connection
from tests.tls.authority import dns, make

ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
R = "<r xmlns='urn:xmpp:sm:3'/>"


@pytest.fixture
async def stream(served: Served, certificates: Certificates) -> Connection:
    """A stream of peer.test for stanzas."""
    return await (await served.dial()).certified(certificates.good)


def failure(answer: ET.Element) -> str:
    assert answer.tag == f"{SM}failed", ET.tostring(answer)
    return answer[0].tag.removeprefix(STANZAS)


async def message(client: ScriptedClient) -> str | None:
    return (await client.find(lambda e: e.tag == f"{CLIENT}message")).findtext(f"{CLIENT}body")


async def test_it_is_offered_and_enabled(stream: Connection) -> None:
    assert stream.features is not None
    assert stream.features.find(f"{SM}sm") is not None
    stream.write(ENABLE)
    enabled = await stream.next()
    assert enabled.tag == f"{SM}enabled"
    assert enabled.get("resume") == "true"
    assert len(enabled.get("id", "")) >= 16


async def test_without_resumption(stream: Connection) -> None:
    stream.write("<enable xmlns='urn:xmpp:sm:3'/>")
    enabled = await stream.next()
    assert enabled.tag == f"{SM}enabled"
    assert enabled.attrib == {}


async def test_where_resumption_is_switched_off(burble: Burble, certificates: Certificates) -> None:
    stream = await (await (await burble(resume_timeout=0)).dial()).certified(certificates.good)
    stream.write(ENABLE)
    assert (await stream.next()).attrib == {}


@pytest.mark.parametrize("what", [ENABLE, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"])
async def test_not_before_the_proof(served: Served, certificates: Certificates, what: str) -> None:
    """§3: a failure, by which the stream does not end."""
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    stream.write(what)
    assert failure(await stream.next()) == "unexpected-request"
    assert await stream.settled() == []


async def test_not_twice(stream: Connection) -> None:
    stream.write(ENABLE + ENABLE)
    await stream.next()
    assert failure(await stream.next()) == "unexpected-request"


async def test_stanzas_are_counted_from_then_on(served: Served, stream: Connection) -> None:
    juliet = await served.log_in()
    stream.write(MESSAGE + ENABLE + R)
    await stream.next()
    assert (await stream.next()).get("h") == "0"
    stream.write(MESSAGE + MESSAGE + f"<presence from='romeo@{PEER}' to='juliet@{HOST}'/>" + R)
    answer = await stream.next()
    assert answer.tag == f"{SM}a"
    assert answer.get("h") == "3"
    assert [await message(juliet) for _ in range(3)] == ["hey"] * 3


@pytest.mark.parametrize("what", [R, "<a xmlns='urn:xmpp:sm:3' h='0'/>"])
async def test_what_means_nothing_before(stream: Connection, what: str) -> None:
    stream.write(what)
    assert await stream.error() == "unsupported-stanza-type"


@pytest.mark.parametrize("h", ["1", "4294967295", "2147483647"])
async def test_a_count_that_is_too_high(stream: Connection, h: str) -> None:
    """§6."""
    stream.write(ENABLE)
    await stream.next()
    stream.write(f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
    if h == "4294967295":  # one less than none: that was long ago, and is no news
        assert await stream.settled() == []
        return
    error = (await stream.closed())[-1]
    assert condition(error) == "undefined-condition"
    found = error.find(f"{SM}handled-count-too-high")
    assert found is not None
    assert found.attrib == {"h": h, "send-count": "0"}


@pytest.mark.parametrize("h", ["", "-1", "x", "4294967296", "\N{ARABIC-INDIC DIGIT ONE}", "1.0"])
async def test_a_count_that_is_none(stream: Connection, h: str) -> None:
    stream.write(ENABLE)
    await stream.next()
    stream.write(f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
    assert await stream.error() == "unsupported-stanza-type"


async def test_the_last_answer_comes_unasked(served: Served, stream: Connection) -> None:
    """§4: before the stream is closed, lest the peer sends again what has arrived."""
    juliet = await served.log_in()
    stream.write(ENABLE + MESSAGE)
    await stream.next()
    await message(juliet)
    stream.write("</stream:stream>")
    sent = await stream.closed()
    assert [(each.tag, each.get("h")) for each in sent] == [(f"{SM}a", "1")]


async def resumable(served: Served, certificates: Certificates) -> tuple[Connection, str]:
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(ENABLE)
    return stream, (await stream.next()).get("id", "")


async def test_a_stream_is_resumed(served: Served, certificates: Certificates) -> None:
    juliet = await served.log_in()
    stream, id = await resumable(served, certificates)
    stream.write(MESSAGE + MESSAGE)
    assert [await message(juliet) for _ in range(2)] == ["hey", "hey"]
    stream.writer.transport.abort()
    for n in range(2, 4):  # again and again
        stream = await (await served.dial()).certified(certificates.good)
        stream.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")
        resumed = await stream.next()
        assert resumed.tag == f"{SM}resumed"
        assert resumed.attrib == {"previd": id, "h": str(n)}
        stream.write(MESSAGE + R)
        await message(juliet)
        assert (await stream.next()).get("h") == str(n + 1)
        stream.writer.transport.abort()


async def test_what_was_closed_is_not_resumed(served: Served, certificates: Certificates) -> None:
    """§6: a stream that was closed is finished."""
    stream, id = await resumable(served, certificates)
    stream.write("</stream:stream>")
    await stream.closed()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")
    assert failure(await stream.next()) == "item-not-found"
    stream.write(ENABLE)
    assert (await stream.next()).tag == f"{SM}enabled"


async def test_nobody_else_can_resume_it(served: Served, certificates: Certificates) -> None:
    stream, id = await resumable(served, certificates)
    thief = await served.dial("thief.test")
    await thief.certified(certificates.context(make([dns("thief.test")], certificates.root)))
    thief.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")
    assert failure(await thief.next()) == "item-not-found"
    assert await stream.settled() == []


async def test_not_after_its_time(burble: Burble, certificates: Certificates) -> None:
    served = await burble(resume_timeout=0.001)
    stream, id = await resumable(served, certificates)
    await stream.close()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")
    assert failure(await stream.next()) == "item-not-found"


@pytest.mark.parametrize("attrs", ["previd='{id}'", "previd='{id}' h='x'", "h='0'", ""])
async def test_a_request_that_is_none(served: Served, certificates: Certificates, attrs: str) -> None:
    stream, id = await resumable(served, certificates)
    stream.writer.transport.abort()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(f"<resume xmlns='urn:xmpp:sm:3' {attrs.format(id=id)}/>")
    assert (await stream.next()).tag == f"{SM}failed"
    assert await stream.settled() == []


async def test_a_count_that_is_too_high_at_resumption(served: Served, certificates: Certificates) -> None:
    stream, id = await resumable(served, certificates)
    stream.writer.transport.abort()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='7'/>")
    assert await stream.error() == "undefined-condition"
