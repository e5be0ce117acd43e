"""The stream parser: the same stanzas whatever the pieces, and every limit held while reading."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burble.errors import StreamError
from burble.namespaces import CLIENT, COMPONENT_ACCEPT, COMPONENT_CONNECT, DIALBACK, SERVER, STREAMS
from burble.stanza import Iq, Message, Presence, Stanza
from burble.streams import parser as parser_module
from burble.streams.parser import Event, ParserLimits, StreamClosed, StreamOpen, StreamParser
from burble.xml import Element
from tests.words.elements import judged, stanzas, tree

HEADER = b"<?xml version='1.0'?><stream:stream to='h' version='1.0' xmlns='jabber:client' xmlns:stream='%s'>"
PLAIN = HEADER % STREAMS.encode()
ODD = PLAIN.replace(b"<stream:stream", b"<s:stream xmlns:s='%s' xmlns:x='urn:x'" % STREAMS.encode())
STAMP = b" from='juliet@example.org/balcony'"

#: Stanzas as no serialiser of ours writes them; `x:` works only where the header declares it.
ODDITIES = [
    b"<message/>",
    b"<message></message>",
    b"<message   \n></message  \n>",
    b"<iq\tid='>' type=\"get\"/>",
    b"<presence to='a>b/>'></presence>",
    b"<message><body>]]&gt; <![CDATA[</message> & <]]>&#x41;&amp;&#65;</body></message>",
    b"<message><![CDATA[]]></message>",
    b"<message xmlns='jabber:client'><body xmlns=''/></message>",
    b"<message:message xmlns:message='jabber:client'><message:body>x</message:body></message:message>",
    b"<c:message xmlns:c='jabber:client'/>",
    b"<message xmlns:p='urn:p' p:from='x' p:to='y'><p:a b='c'/><b xmlns='urn:p'><c/></b></message>",
    b"<message><x xmlns='urn:y' xmlns:z='urn:z'><z:y/><y/></x>tail</message>",
    b"<message xml:lang='de'><body xml:lang='en'>hi</body></message>",
    b"<message id='&apos;&quot;&lt;&#10;&#9;'/>",
    b"<message><stream:error/></message>".replace(b"stream:", b""),
    "<message><body>žluť \U0001f600</body></message>".encode(),
    b"<message a='1' b='2'><a/><b></b></message>",
    b"<iq><query xmlns='urn:q'><item/><item>x</item></query></iq>",
    b"<other xmlns='urn:o'/>",
    b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGE=</auth>",
    b"<message><body>two\r\nlines\rthree</body></message>",
]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces that end at the places, taken modulo its length."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]


def parse(pieces: list[bytes], limits: ParserLimits | None = None, *, rests: bool = False) -> list[Event]:
    """All that comes out of the pieces; errors are raised."""
    parser = StreamParser(limits or ParserLimits())
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
        if rests and parser.between_stanzas:
            parser.rest()
    if parser.error is not None:
        raise parser.error
    return events


def content(events: list[Event]) -> list[object]:
    return [tree(event) if isinstance(event, Element) else type(event) for event in events]


def as_forwarded(stanza: Stanza) -> bytes:
    """The stanza as a session sends it on: spliced where it can be."""
    if stanza.raw is not None and "from" not in stanza.attrs:
        stanza.spliced(STAMP)
    else:
        stanza.attrs["from"] = "juliet@example.org/balcony"
    return stanza.to_bytes()


# ---- the same whatever the pieces

written = st.one_of(
    st.sampled_from(ODDITIES), stanzas().map(lambda stanza: stanza.copy().to_bytes()), st.just(b" \n ")
)


@settings(deadline=None)
@given(
    st.sampled_from([PLAIN, ODD]),
    st.lists(written, max_size=6),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.booleans(),
)
def test_pieces_do_not_matter(header: bytes, parts: list[bytes], places: list[int], rests: bool) -> None:
    """Also with rests between stanzas, in which the parser gives its memory back."""
    data = header + b"".join(parts) + b"</" + (b"stream:stream>" if header is PLAIN else b"s:stream>")
    expected: list[object] = [StreamOpen]
    expected += [judged(part) for part in parts if part.strip()]
    expected.append(StreamClosed)
    assert content(parse([data])) == expected
    assert content(parse(cut(data, places), rests=rests)) == expected
    assert content(parse([data[i : i + 1] for i in range(len(data))], rests=rests)) == expected


@settings(deadline=None)
@given(st.sampled_from([PLAIN, ODD]), st.lists(written, max_size=6), st.lists(st.integers(0, 10_000)))
def test_what_is_sent_on_is_what_was_received(header: bytes, parts: list[bytes], places: list[int]) -> None:
    """Bytes sent on as they came, with a sender spliced in, say the same as those serialised anew."""
    data = header + b"".join(parts)
    for event in parse(cut(data, places)):
        if isinstance(event, Stanza):
            event.attrs.pop("from", None)
            twin = type(event)(None, None, {**event.attrs, "from": "juliet@example.org/balcony"})
            twin.children = event.children
            assert judged(as_forwarded(event)) == tree(twin) == judged(twin.to_bytes())


@pytest.mark.parametrize("stanza", ODDITIES, ids=range(len(ODDITIES)))
def test_after_a_stanza_nothing_is_half_read(stanza: bytes) -> None:
    """However it was cut: or else a silent stream would keep its parser."""
    for place in range(1, len(stanza)):
        parser = StreamParser(ParserLimits())
        for piece in (PLAIN, stanza[:place], stanza[place:]):
            parser.feed(piece)
        assert parser.between_stanzas


@pytest.mark.parametrize("stanza", ODDITIES, ids=range(len(ODDITIES)))
def test_the_bytes_of_a_stanza_end_where_it_ends(stanza: bytes) -> None:
    for behind in (b"", b" ", b"<iq/>", b"</stream:stream>", b"<message"):
        for event in parse([PLAIN + stanza + behind])[1:2]:
            if isinstance(event, Stanza) and event.raw is not None:
                assert event.raw == stanza


@pytest.mark.parametrize(
    "stanza", [b"<message id='1'/>", b"<message a=''><body>x</body></message>", b"<iq id='1'></iq>"]
)
def test_a_plain_stanza_in_one_piece_is_sent_on_as_it_came(stanza: bytes) -> None:
    """The cheap way is taken at all, also after a rest, and where the header declares what is not used."""
    parser = StreamParser(ParserLimits())
    parser.feed(PLAIN)
    for _ in range(3):
        (event,) = parser.feed(stanza)
        assert isinstance(event, Stanza)
        assert event.raw == stanza
        parser.rest()
    (_, event, used) = parse([ODD + stanza + b"<message><x:y/></message>"])
    assert isinstance(event, Stanza)
    assert isinstance(used, Stanza)
    assert (event.raw, used.raw) == (stanza, None)


@pytest.mark.parametrize("content", [SERVER, COMPONENT_ACCEPT, COMPONENT_CONNECT])
@pytest.mark.parametrize("stanza", ODDITIES, ids=range(len(ODDITIES)))
def test_stanzas_of_servers_and_components_are_those_of_clients(content: str, stanza: bytes) -> None:
    """RFC 6120 §4.8.3: another default namespace, the same stanzas; and all can be sent on to clients."""
    dialback = b" xmlns:db='jabber:server:dialback'"
    head = PLAIN.replace(CLIENT.encode() + b"'", content.encode() + b"'" + dialback)
    peers = [*parse([head, stanza, b"<db:result/>", b"</stream:stream>"])]
    (_, ours) = parse([PLAIN + stanza])
    assert isinstance(ours, Element)
    assert [type(event) for event in peers] == [StreamOpen, type(ours), Element, StreamClosed]
    opened, theirs, dialled, _ = peers
    assert isinstance(opened, StreamOpen)
    assert isinstance(theirs, Element)
    assert isinstance(dialled, Element)
    assert opened.content_ns == content
    assert tree(theirs) == tree(ours)
    assert (dialled.name, dialled.ns) == ("result", DIALBACK)
    if isinstance(theirs, Stanza):
        assert tree(parse([PLAIN + as_forwarded(theirs)])[1]) == tree(parse([PLAIN + as_forwarded(ours)])[1])


@given(stanzas())
def test_stanzas_mean_the_same_to_other_servers(stanza: Stanza) -> None:
    """What we write to another server is read there as what it is here."""
    head = PLAIN.replace(CLIENT.encode(), SERVER.encode())
    (_, there) = parse([head, stanza.to_peer()])
    (_, here) = parse([PLAIN, stanza.to_bytes()])
    assert tree(there) == tree(here)


def test_what_a_client_says_of_its_namespace_is_not_told_to_other_servers() -> None:
    """RFC 6120 §4.8.3: in their streams it would be another one than the stanza's."""
    body = b"<body xmlns='jabber:client'>hi</body>"
    forwarded = b"<forwarded xmlns='urn:f'><message xmlns='jabber:client'/></forwarded>"
    (_, event) = parse([PLAIN + b"<message xmlns='jabber:client' id='1'>" + body + forwarded + b"</message>"])
    assert isinstance(event, Message)
    event.spliced(STAMP)
    written = event.to_peer()
    assert written.count(b"jabber:client") == 1
    (_, there) = parse([PLAIN.replace(CLIENT.encode(), SERVER.encode()), written])
    assert isinstance(there, Message)
    assert there.body == "hi"


def test_a_name_that_is_also_a_prefix_is_not_spliced() -> None:
    """``<message:message`` with a sender behind the first word would break the receiver's stream."""
    (_, event) = parse([PLAIN + ODDITIES[8]])
    assert isinstance(event, Message)
    assert judged(as_forwarded(event))


def test_stanzas_are_the_three_of_the_client_namespace() -> None:
    kinds = [type(e) for e in parse([PLAIN + b"<message/><presence/><iq/><iq xmlns='jabber:server'/><x/>"])]
    assert kinds == [StreamOpen, Message, Presence, Iq, Element, Element]


def test_the_header_is_reported_as_sent() -> None:
    """RFC 6120 §4.7."""
    head = PLAIN.replace(b"to='h'", b"to='h' from='j@h' xml:lang='de' id='x'")
    assert parse([head]) == [StreamOpen("h", "j@h", "1.0", "de", CLIENT, "x")]
    assert parse([b"<stream xmlns='%s'>" % STREAMS.encode()]) == [StreamOpen(None, None, None, None, STREAMS)]


# ---- renewal: names are forgotten


@pytest.mark.parametrize("tail", [b"", b" ", b"<message", b"<message><body>x", b"<message>", b"</stream:st"])
def test_a_long_stream_goes_on_as_it_began(tail: bytes) -> None:
    """Expat's memory is renewed now and then, wherever pieces end: nothing comes twice, nothing is lost."""
    stanza = b"<message><body>%s</body></message>" % (b"x" * 20_000)
    close = b"</stream:stream>"
    data = PLAIN + stanza * 60 + close
    step = len(stanza)
    first = len(PLAIN) + len(tail)
    pieces = [data[:first], *[data[i : i + step] for i in range(first, len(data), step)]]
    events = parse(pieces)
    assert [type(event) for event in events] == [StreamOpen, *[Message] * 60, StreamClosed]
    assert {len(event.child_text("body") or "") for event in events if isinstance(event, Message)} == {20_000}


@pytest.mark.parametrize("behind", [b"", b"<iq", b"<iq><a>"])
def test_names_are_forgotten(monkeypatch: pytest.MonkeyPatch, behind: bytes) -> None:
    """Ever new names do not fill the memory, not even if something is always half read."""
    made = 0
    original = parser_module._Reader._new_expat

    def counting(reader: parser_module._Reader) -> object:
        nonlocal made
        made += 1
        return original(reader)

    monkeypatch.setattr(parser_module._Reader, "_new_expat", counting)
    monkeypatch.setattr(parser_module, "_spare", [])
    rest = b">" if behind == b"<iq" else b"</a>" if behind else b""
    end = b"</iq>" if behind else b""
    parser = StreamParser(ParserLimits())
    parser.feed(PLAIN + behind)
    sent = 0
    for number in range(2000):
        piece = rest + end + b"<message><n%d a%d='' xmlns:p%d='urn:%d'/></message>" % ((number,) * 4)
        piece += b"<message>%s</message>" % (b"y" * 1000) + behind
        assert len(parser.feed(piece)) >= 2
        assert parser.error is None
        sent += len(piece)
    assert made > sent / (2 * parser_module._RENEW_AFTER)


# ---- limits

SMALL = ParserLimits(stanza_bytes=1000, depth=5, elements=20, attributes=3, tag_bytes=200)


@pytest.mark.parametrize(
    ("stanza", "fine"),
    [
        (b"<message>%s</message>" % (b"x" * 900), True),
        (b"<message>%s</message>" % (b"x" * 1000), False),
        (b"<message><a><b><c><d/></c></b></a></message>", True),
        (b"<message><a><b><c><d><e/></d></c></b></a></message>", False),
        (b"<message>%s</message>" % (b"<a/>" * 20), True),
        (b"<message>%s</message>" % (b"<a/>" * 21), False),
        (b"<message a='' b='' c=''/>", True),
        (b"<message a='' b='' c='' d=''/>", False),
        (b"<message a='%s'/>" % (b"x" * 150), True),
    ],
)
def test_limits_hold_whatever_the_pieces(stanza: bytes, fine: bool) -> None:
    """RFC 6120 §13.12: policy-violation."""
    for size in (1, 7, 100, 10_000):
        pieces = [PLAIN, *[stanza[i : i + size] for i in range(0, len(stanza), size)]]
        if fine:
            assert len(parse([*pieces, *pieces[1:]], SMALL)) == 3
        else:
            with pytest.raises(StreamError, match="policy-violation"):
                parse(pieces, SMALL)


def test_a_tag_in_pieces_must_not_grow() -> None:
    """Expat reads an unfinished tag again with every piece."""
    with pytest.raises(StreamError, match="policy-violation"):
        parse([PLAIN, b"<message a='%s" % (b"x" * 150), b"x" * 100], SMALL)


def test_what_never_ends_is_refused_while_it_is_read() -> None:
    """After the limit, not after it all has come."""
    for filler in (b"x" * 100, b"<a>", b"<a/>", b"&amp;" * 20, b"<![CDATA[" + b"x" * 100):
        parser = StreamParser(SMALL)
        parser.feed(PLAIN + b"<message>")
        fed = 0
        while parser.error is None:
            parser.feed(filler)
            fed += len(filler)
            assert fed < 2000
        assert parser.error.condition == "policy-violation"
        assert parser.feed(b"</message>") == []


def test_a_header_that_never_ends_is_refused() -> None:
    for filler in (b" a%d='x'", b" xmlns:a%d='x'"):
        parser = StreamParser(SMALL)
        parser.feed(b"<stream:stream")
        for number in range(1000):
            parser.feed(filler % number)
        assert parser.error is not None
        assert parser.error.condition == "policy-violation"


def test_whitespace_between_stanzas_counts_for_nothing() -> None:
    """RFC 6120 §4.6.1: keepalives, for days."""
    parser = StreamParser(SMALL)
    parser.feed(PLAIN)
    for _ in range(3000):
        assert parser.feed(b"\n") == []
        assert parser.between_stanzas
    assert parser.feed(b" " * 5000) == []
    assert len(parser.feed(b"<message/>")) == 1


def test_a_byte_at_a_time_costs_little() -> None:
    """Expat reads what is unfinished again with every piece: the work must not grow with the square."""
    stanza = b"<message>%s<body>%s</body></message>" % (b"<a b='c'/>" * 9000, b"x" * 110_000)
    assert len(stanza) > 200_000
    parser = StreamParser(ParserLimits())
    parser.feed(PLAIN)
    start = time.process_time()
    events = [event for i in range(len(stanza)) for event in parser.feed(stanza[i : i + 1])]
    taken = time.process_time() - start
    assert len(events) == 1
    assert taken < 5  # measured: 0.3


# ---- what is not XMPP

TWO_ROOTS = PLAIN + b"</stream:stream><stream:stream>"


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "not-well-formed"),
        (b"<a/>", "bad-format"),
        (b"<stream>", "invalid-namespace"),
        (b"<stream:stream>", "bad-namespace-prefix"),
        (b"<stream:stream xmlns:stream='urn:other'>", "invalid-namespace"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>", "unsupported-encoding"),
        (b"<?xml version='1.0' encoding='UTF-16'?><a>", "unsupported-encoding"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", "restricted-xml"),
        (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>", "restricted-xml"),
        (b"<!-- hello --><a>", "restricted-xml"),
        (b"<?php ?><a>", "restricted-xml"),
        (TWO_ROOTS, "not-well-formed"),
        (PLAIN + b"<message><!-- hello --></message>", "restricted-xml"),
        (PLAIN + b"<?php ?>", "restricted-xml"),
        (PLAIN + b"<message>&lol;</message>", "restricted-xml"),
        (PLAIN + b"<message a='&lol;'/>", "restricted-xml"),
        (PLAIN + b"<!DOCTYPE a>", "not-well-formed"),
        (PLAIN + b"<?xml version='1.0'?>", "not-well-formed"),
        (PLAIN + b"<message></iq>", "not-well-formed"),
        (PLAIN + b"<message a=b/>", "not-well-formed"),
        (PLAIN + b"<message a='1' a='2'/>", "not-well-formed"),
        (PLAIN + b"<message><body>\xff</body></message>", "not-well-formed"),
        (PLAIN + b"<message><body>\xc3</body></message>", "not-well-formed"),
        (PLAIN + b"<message><body>\xed\xa0\x80</body></message>", "not-well-formed"),
        (PLAIN + b"<message><body>\x00</body></message>", "not-well-formed"),
        (PLAIN + b"<message><body>&#0;</body></message>", "not-well-formed"),
        (PLAIN + b"<message><body>\x0b</body></message>", "not-well-formed"),
        (PLAIN + b"<x:message/>", "bad-namespace-prefix"),
        (PLAIN + b"<message x:a=''/>", "bad-namespace-prefix"),
        (PLAIN + b"text", "bad-format"),
        (PLAIN + b"<message/>text<message/>", "bad-format"),
        (PLAIN + b"</stream>", "not-well-formed"),
    ],
)
def test_what_is_not_xmpp_is_refused(data: bytes, condition: str) -> None:
    """RFC 6120 §4.9.3 and §11; the same whatever the pieces."""
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(StreamError) as caught:
            parse(pieces)
        assert caught.value.condition == condition


def test_what_was_complete_before_an_error_is_reported() -> None:
    parser = StreamParser(ParserLimits())
    events = parser.feed(PLAIN + b"<message/><iq/><a></b>")
    assert [type(event) for event in events] == [StreamOpen, Message, Iq]
    assert parser.error is not None


def test_streams_that_share_parsers_do_not_share_anything_else() -> None:
    """Many streams, one parser: names, declarations and errors of one are not seen by another."""
    one, two = StreamParser(ParserLimits()), StreamParser(SMALL)
    for parser in (one, two):
        parser.feed(PLAIN)
    for turn in range(5):
        assert one.feed(b"<message xmlns:p='urn:p'><p:a/>%s" % (b"x" * 2000)) == []
        (event,) = two.feed(b"<iq id='%d'/>" % turn)
        assert isinstance(event, Iq)
        assert len(one.feed(b"</message>")) == 1
    two.feed(b"<p:a/>")
    assert two.error is not None
    third = StreamParser(SMALL)
    assert len(third.feed(PLAIN + b"<message/>")) == 2
    assert one.error is None
    assert len(one.feed(b"<message>%s</message>" % (b"x" * 5000))) == 1
    third.feed(b"<message>%s</message>" % (b"x" * 5000))
    assert third.error is not None
