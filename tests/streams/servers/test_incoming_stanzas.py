"""Stanzas that other servers send: from whom, to whom, in which language (RFC 6120 §8.1)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, ScriptedClient
from tests.streams.servers.conftest import Certificates, Served
from tests.streams.servers.peer import HOST, MESSAGE, PEER, SERVER, Connection, Listener, stanza_condition

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


async def message(client: ScriptedClient) -> ET.Element:
    """The next message that somebody gets."""
    return await client.find(lambda e: e.tag == f"{CLIENT}message")


@pytest.fixture
async def stream(served: Served, certificates: Certificates) -> Connection:
    """A stream of peer.test for stanzas."""
    return await (await served.dial()).certified(certificates.good)


@pytest.mark.parametrize("kind", ["message", "presence", "iq type='get' id='1'"])
@pytest.mark.parametrize("address", [f"from='{PEER}'", f"to='{HOST}'", f"from='{PEER}' to=''", ""])
async def test_both_addresses_are_there(stream: Connection, kind: str, address: str) -> None:
    """§8.1.1.2, §8.1.2.2."""
    stream.write(f"<{kind} {address}/>")
    assert await stream.error() == "improper-addressing"


@pytest.mark.parametrize(
    "sender",
    [
        "other.test",
        f"romeo@rooms.{PEER}",
        HOST,
        f"nurse@{HOST}",
        "nurse@other.burble.test",
        "@",
        f"romeo@{PEER}@{PEER}",
        PEER + "\N{CYRILLIC SMALL LETTER TE}",
    ],
)
async def test_whoever_is_not_of_the_domain_that_is_proved(
    stream: Connection, juliet: ScriptedClient, sender: str
) -> None:
    """§4.9.3.9: one forged address is the end of the stream."""
    stream.write(f"<message from='{sender}' to='juliet@{HOST}'><body>forged</body></message>")
    assert await stream.error() == "invalid-from"
    await juliet.nothing()


@pytest.mark.parametrize("to", ["elsewhere.test", f"romeo@{PEER}", "juliet@rooms.burble.test"])
async def test_nobody_else_s_stanzas_pass_through_here(stream: Connection, peer: Listener, to: str) -> None:
    stream.write(f"<message from='romeo@{PEER}' to='{to}'/>")
    assert await stream.error() == "host-unknown"
    assert peer.made == 0


async def test_an_address_that_is_none_is_told(
    served: Served, stream: Connection, peer: Listener, certificates: Certificates
) -> None:
    """§8.1.1.2: the stanza is refused, not the stream."""
    stream.write(f"<message from='romeo@{PEER}' to='juliet@{HOST}/{'x' * 1024}' id='m1'/>")
    back = await peer.takes(certificates.accepting())
    answer = await back.next()
    assert (answer.tag, answer.get("id")) == (f"{SERVER}message", "m1")
    assert (answer.get("from"), answer.get("to")) == (HOST, f"romeo@{PEER}")
    assert stanza_condition(answer) == "jid-malformed"
    assert await stream.settled() == []


async def test_an_error_to_no_address_is_not_answered(stream: Connection, peer: Listener) -> None:
    stream.write(f"<message type='error' from='romeo@{PEER}' to='@{HOST}' id='m1'/>")
    assert await stream.settled() == []
    assert peer.made == 0


async def test_addresses_are_prepared(stream: Connection, juliet: ScriptedClient) -> None:
    stream.write("<message from='ROMEO@Peer.Test/Orchard' to='Juliet@BURBLE.test'><body>hey</body></message>")
    got = await message(juliet)
    assert (got.get("from"), got.get("to")) == (f"romeo@{PEER}/Orchard", f"juliet@{HOST}")


async def test_order_is_kept(stream: Connection, juliet: ScriptedClient) -> None:
    for n in range(200):
        stream.write(f"<message from='romeo@{PEER}/a' to='juliet@{HOST}'><body>{n}</body></message>")
    bodies = [(await message(juliet)).findtext(f"{CLIENT}body") for _ in range(200)]
    assert bodies == [str(n) for n in range(200)]


async def test_stanzas_in_pieces(stream: Connection, juliet: ScriptedClient) -> None:
    for byte in MESSAGE:
        stream.write(byte)
        await stream.writer.drain()
    assert (await message(juliet)).findtext(f"{CLIENT}body") == "hey"


@pytest.mark.parametrize(
    ("own", "expected"),
    [("", "it"), (" xml:lang='de'", "de")],
)
async def test_the_language_of_the_stream(
    served: Served, juliet: ScriptedClient, certificates: Certificates, own: str, expected: str
) -> None:
    """§4.7.4, §8.1.5: what names no language is in that of the stream."""
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    await stream.external()
    await stream.open(extra=" xml:lang='it'")
    stream.write(f"<message from='{PEER}' to='juliet@{HOST}'{own}><body>ciao</body></message>")
    assert (await message(juliet)).get(XML_LANG) == expected


async def test_the_language_of_an_earlier_stream(
    served: Served, juliet: ScriptedClient, certificates: Certificates
) -> None:
    stream = await served.dial()
    await stream.open(extra=" xml:lang='it'")
    await stream.start_tls(certificates.good)
    await stream.open(extra=" xml:lang='it'")
    await stream.external()
    await stream.open()
    stream.write(f"<message from='{PEER}' to='juliet@{HOST}'><body>hey</body></message>")
    assert (await message(juliet)).get(XML_LANG) is None


@pytest.mark.parametrize("lang", ["it'/&gt;&lt;forged a='", "x" * 500, "&lt;"])
async def test_a_language_that_is_none(
    served: Served, juliet: ScriptedClient, certificates: Certificates, lang: str
) -> None:
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    await stream.external()
    await stream.open(extra=f' xml:lang="{lang}"')
    stream.write(f"<message from='{PEER}' to='juliet@{HOST}'><body>hey</body></message>")
    got = await message(juliet)
    assert [each.tag for each in got if "stanza-id" not in each.tag] == [f"{CLIENT}body"]


async def test_prefixes_of_the_stream_do_not_leak(
    served: Served, juliet: ScriptedClient, certificates: Certificates
) -> None:
    """What the stream's header declares, nobody else's does."""
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    await stream.external()
    await stream.open(extra=" xmlns:e='urn:example'")
    stream.write(
        f"<message from='{PEER}' to='juliet@{HOST}' e:attr='1'><body>hey</body><e:thing e:x='2'/></message>"
    )
    got = await message(juliet)
    assert got.get("{urn:example}attr") == "1"
    assert got.find("{urn:example}thing").get("{urn:example}x") == "2"


async def test_nobody_there(
    served: Served, stream: Connection, peer: Listener, certificates: Certificates
) -> None:
    """RFC 6121 §8.5.1: the error goes back by a stream of our own."""
    stream.write(f"<message from='romeo@{PEER}' to='nobody@{HOST}' id='m1'><body>hey</body></message>")
    back = await peer.takes(certificates.accepting())
    answer = await back.next()
    assert (answer.get("from"), answer.get("to")) == (f"nobody@{HOST}", f"romeo@{PEER}")
    assert stanza_condition(answer) == "service-unavailable"
    stream.write(f"<message type='error' from='romeo@{PEER}' to='nobody@{HOST}' id='m2'/>")
    stream.ping("p1")
    answer = await back.next()
    assert (answer.tag, answer.get("id"), answer.get("type")) == (f"{SERVER}iq", "p1", "result")
