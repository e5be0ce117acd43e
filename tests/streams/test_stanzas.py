"""What a logged-in client may send (RFC 6120 §8)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, condition
from tests.conftest import Connect


@pytest.mark.parametrize(
    "claimed", ["romeo@localhost", "juliet@localhost/chamber", "localhost", "not@a@jid", ""]
)
@pytest.mark.parametrize("kind", ["message", "iq", "presence"])
async def test_a_from_that_is_not_ours_ends_the_stream(connect: Connect, claimed: str, kind: str) -> None:
    """§8.1.2.1: invalid-from; nothing of it is delivered."""
    romeo = await connect("romeo/orchard")
    client = await connect("juliet/balcony")
    client.write(f"<{kind} from='{claimed}' to='{romeo.jid}' type='error' id='1'/>")
    (error,) = await client.closed()
    assert condition(error) == "invalid-from"
    await romeo.nothing()


@pytest.mark.parametrize(
    "claimed", ["juliet@localhost/balcony", "juliet@localhost", "JULIET@Localhost", None]
)
async def test_the_receiver_sees_the_full_address(connect: Connect, claimed: str | None) -> None:
    """§8.1.2.1: whatever of it the client gave."""
    romeo = await connect("romeo/orchard")
    client = await connect("juliet/balcony")
    sender = f" from='{claimed}'" if claimed else ""
    client.write(f"<message{sender} to='ROMEO@localhost/orchard'/>")
    message = await romeo.next()
    assert (message.get("from"), message.get("to")) == (client.jid, romeo.jid)


@pytest.mark.parametrize("to", ["", "a@b@c", "@localhost", "romeo@localhost/", "r o@localhost", "x" * 1024])
@pytest.mark.parametrize(
    "stanza",
    [
        "<message to='{}' id='1'/>",
        "<presence to='{}' id='1'/>",
        "<iq to='{}' type='get' id='1'><q xmlns='x'/></iq>",
    ],
)
async def test_a_malformed_address_is_answered(connect: Connect, to: str, stanza: str) -> None:
    """§8.3.3.8: jid-malformed, to the client, which stays."""
    client = await connect("juliet/balcony")
    client.write(stanza.format(to))
    answer = await client.next()
    assert condition(answer) == "jid-malformed"
    assert answer.get("id") == "1"
    assert answer.get("to") == client.jid
    await client.nothing()


async def test_an_error_is_never_answered_with_an_error(connect: Connect) -> None:
    """§8.3.1."""
    client = await connect("juliet/balcony")
    client.write("<message type='error' to='a@b@c'/><iq type='result' id='1' to='a@b@c'/>")
    client.write(
        "<message type='error' to='nobody@localhost'/><iq type='result' id='2' to='nobody@localhost/x'/>"
    )
    client.write("<presence type='error' to='a@b@c'/><iq type='error' id='3'/>")
    await client.nothing()


@pytest.mark.parametrize(
    "iq",
    [
        "<iq to='localhost' type='get' id='1'/>",
        "<iq to='localhost' type='set' id='1'/>",
        "<iq to='localhost' type='get' id='1'>text</iq>",
        "<iq to='localhost' type='get' id='1'><ping xmlns='urn:xmpp:ping'/><a/></iq>",
        "<iq to='localhost' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='localhost' type='get' id=''><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='localhost' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='localhost' type='put' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='localhost' type='GET' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='1'/>",
        "<iq to='romeo@localhost/orchard' type='get' id='1'/>",
    ],
)
async def test_malformed_iqs_are_bad_requests(connect: Connect, iq: str) -> None:
    """§8.2.3: an id, one of four types, one child in a request; to whomever it goes."""
    romeo = await connect("romeo/orchard")
    client = await connect("juliet/balcony")
    client.write(iq)
    answer = await client.next()
    assert answer.get("type") == "error"
    assert condition(answer) == "bad-request"
    await client.nothing()
    await romeo.nothing()


async def test_a_request_is_answered_once_with_its_id_from_whom_it_went_to(connect: Connect) -> None:
    """§8.2.3 and §8.1.3: the id is kept to the letter."""
    client = await connect("juliet/balcony")
    client.write("<iq to='localhost' type='get' id='&lt;&apos;&amp;é'><ping xmlns='urn:xmpp:ping'/></iq>")
    answer = await client.next()
    assert (answer.get("type"), answer.get("id"), answer.get("from")) == ("result", "<'&é", "localhost")
    await client.nothing()


@pytest.mark.parametrize("to", ["localhost", "juliet@localhost", None])
async def test_an_unknown_request_is_answered(connect: Connect, to: str | None) -> None:
    """§8.4: service-unavailable."""
    client = await connect("juliet/balcony")
    answer = await client.ask("get", "<query xmlns='urn:nobody:knows'/>", to)
    assert condition(answer) == "service-unavailable"


@pytest.mark.parametrize(
    "element", ["<hello/>", "<message xmlns='jabber:server'/>", "<x xmlns='urn:x'/>", "<stream:features/>"]
)
async def test_what_is_no_stanza_ends_the_stream(connect: Connect, element: str) -> None:
    """§4.9.3.24: unsupported-stanza-type."""
    client = await connect("juliet/balcony")
    client.write(element)
    (error,) = await client.closed()
    assert condition(error) == "unsupported-stanza-type"


ODD = {
    "prefixed-children": "<message to='{}'><p:a xmlns:p='urn:p' p:b='c'><p:d/></p:a></message>",
    "prefix-like-the-name": "<message:message xmlns:message='jabber:client' to='{}'></message:message>",
    "other-prefix": "<c:message xmlns:c='jabber:client' to='{}'><c:body>x</c:body></c:message>",
    "gt-in-attribute": "<message to='{}' id='a>b/>'><a b='>'/></message>",
    "entities-and-cdata": "<message to='{}'><body>&lt;&#65;<![CDATA[</message>]]></body></message>",
    "xml-namespace": "<message to='{}'><xml:foo xml:bar='1'/></message>",
    "stream-namespace": "<message to='{}'><stream:error><stream:x/></stream:error></message>",
    "no-namespace": "<message to='{}'><a xmlns=''><b/></a></message>",
    "double-quotes": '<message to="{}" id="it\'s"/>',
    "prefixed-address": "<message to='{}' xmlns:c='jabber:client' c:from='romeo@localhost'/>",
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("claims", [False, True])
async def test_what_arrives_is_what_was_sent(connect: Connect, name: str, claims: bool) -> None:
    """However it is written, sent on as it came or serialised anew; the receiver's stream lives on."""
    romeo = await connect("romeo/orchard")
    client = await connect("juliet/balcony")
    written = ODD[name].format(romeo.jid)
    if claims:
        written = written.replace(" to=", f" from='{client.jid}' to=")
    client.write(written)
    arrived = await romeo.next()
    outer = "<s xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    sent = ET.fromstring(outer + written + "</s>")[0]
    sent.set("from", client.jid)
    for archived in arrived.findall("{urn:xmpp:sid:0}stanza-id"):  # what its archive calls it (XEP-0359)
        arrived.remove(archived)
    assert ET.canonicalize(ET.tostring(arrived)) == ET.canonicalize(ET.tostring(sent))
    assert arrived.tag == f"{CLIENT}message"
    await romeo.sync()


async def test_whitespace_between_stanzas_keeps_a_stream_alive(connect: Connect) -> None:
    """§4.6.1."""
    client = await connect("juliet/balcony")
    client.write(" \n\t ")
    await client.sync()
    client.write("\n" * 1000)
    await client.nothing()
