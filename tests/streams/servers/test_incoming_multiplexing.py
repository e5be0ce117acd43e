"""Several domains on one stream, and several questions about keys (XEP-0220 §2.6)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, STREAMS, ScriptedClient
from tests.streams.servers.conftest import Burble, Certificates, encrypted, proved
from tests.streams.servers.peer import (
    HOST,
    MESSAGE,
    PEER,
    Listener,
    listening,
    stanza_condition,
)


async def message(client: ScriptedClient) -> ET.Element:
    """The next message that somebody gets."""
    return await client.find(lambda e: e.tag == f"{CLIENT}message")


async def test_several_domains_on_one_stream(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """§2.6: sender multiplexing, and target multiplexing."""
    async with listening("rooms.peer.test") as rooms:
        served = await burble(rooms, hosts=["other.test"])
        juliet = await served.log_in()
        stream = await proved(served, peer, certificates)
        stream.dial(sender="rooms.peer.test")
        await rooms.verifies(certificates.accepting(), **{"from": "rooms.peer.test"})
        assert (await stream.next()).attrib == {"from": HOST, "to": "rooms.peer.test", "type": "valid"}
        stream.write(f"<message from='rooms.peer.test' to='juliet@{HOST}'/>" + MESSAGE)
        assert (await message(juliet)).get("from") == "rooms.peer.test"
        assert (await message(juliet)).get("from") == "romeo@peer.test/orchard"
        stream.dial(to="other.test")
        await peer.verifies(certificates.accepting(), to="other.test")
        assert (await stream.next()).attrib == {"from": "other.test", "to": PEER, "type": "valid"}
        stream.write(f"<message from='{PEER}' to='other.test'/>")
        await stream.settled()
        stream.write("<message from='rooms.peer.test' to='other.test'/>")
        assert await stream.error() == "host-unknown"


async def test_who_asks_twice_is_answered_once(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    stream.dial("another key")
    asked = await peer.verifies(certificates.accepting())
    assert asked.text == "key"
    assert [each.get("type") for each in [await stream.next(), *await stream.settled()]] == ["valid"]
    assert peer.made == 1


async def test_only_so_many_questions_at_once(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble(domains={f"{n}.{PEER}": {"address": f"127.0.0.1:{peer.port}"} for n in range(30)})
    stream = await encrypted(served, certificates)
    for n in range(30):
        stream.dial(sender=f"{n}.{PEER}")
    refused = [each for each in await stream.settled() if each.get("type") == "error"]
    assert {stanza_condition(each) for each in refused} == {"resource-constraint"}
    assert len(refused) >= 20


async def test_who_is_never_believed_is_sent_away(burble: Burble, certificates: Certificates) -> None:
    """Nobody has us knock at doors without end."""
    async with listening("gone.test") as gone:
        served = await burble(gone)
    stream = await encrypted(served, certificates)
    for _ in range(20):
        stream.dial(sender="gone.test")
        if (await stream.next()).tag == f"{STREAMS}error":
            break
    else:
        raise AssertionError("no end")


async def test_failures_now_and_then_are_forgiven(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """A stream lives for weeks, and some domain may be down for a while."""
    async with listening("gone.test") as gone:
        served = await burble(gone)
    stream = await encrypted(served, certificates)
    for _ in range(2):
        for _ in range(6):
            stream.dial(sender="gone.test")
            assert (await stream.next()).get("type") == "error"
        stream.dial()
        await peer.verifies(certificates.accepting())
        assert (await stream.next()).get("type") == "valid"


async def test_what_was_asked_before_tls_is_not_believed_after(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """RFC 6120 §5.4.3.3: what was said in the open may have been said by anybody."""
    stream = await (await burble(tls="optional")).dial()
    await stream.open()
    stream.dial()
    connection = await peer.next()
    await connection.answer_header()
    asked = await connection.next()
    await stream.start_tls(certificates.none)
    await stream.open()
    assert stream.id != asked.get("id")
    connection.write(f"<db:verify from='{PEER}' to='{HOST}' id='{asked.get('id')}' type='valid'/>")
    await connection.closed()
    assert await stream.settled() == []
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


async def test_a_stanza_does_not_come_before_the_answer(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"
