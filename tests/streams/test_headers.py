"""Stream headers, errors, hosts, closing (RFC 6120 §4)."""

from __future__ import annotations

import asyncio

import pytest

from burble.server import Server
from tests.client import (
    STREAM_ERRORS,
    STREAMS,
    ScriptedClient,
    condition,
    header,
)
from tests.conftest import Connect, Serve
from tests.streams.conftest import Dial

LANG = "{http://www.w3.org/XML/1998/namespace}lang"


async def test_the_header_that_answers(server: Server, connect: Connect) -> None:
    """§4.7: from is the host, to the client's bare JID, an id, the version, a language."""
    client = await connect()
    await client.open(extra=" from='Juliet@LOCALHOST/x'")
    answer = client.header
    assert answer is not None
    assert answer.tag == f"{STREAMS}stream"
    assert answer.get("from") == "localhost"
    assert answer.get("to") == "juliet@localhost"
    assert answer.get("version") == "1.0"
    assert len(answer.get("id") or "") >= 16
    assert answer.get(LANG) == "en"


async def test_without_a_from_the_answer_has_no_to(connect: Connect) -> None:
    """§4.7.2: MUST NOT include it."""
    for extra in ("", " from='not@a@jid'"):
        client = await connect()
        await client.open(extra=extra)
        assert client.header is not None
        assert client.header.get("to") is None


async def test_each_stream_has_an_id_of_its_own(connect: Connect) -> None:
    """§4.7.3: unique, also after a restart."""
    ids = set()
    for _ in range(3):
        client = await connect()
        await client.open()
        assert client.header is not None
        ids.add(client.header.get("id"))
        await client.authenticate("juliet", "secret")
        await client.open()
        assert client.header is not None
        ids.add(client.header.get("id"))
    assert len(ids) == 6


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.42", "2.0", "11.0", "01.0"])
async def test_a_newer_version_is_answered_with_ours(connect: Connect, version: str) -> None:
    """§4.7.5: whichever is lower; leading zeros are ignored."""
    client = await connect()
    client.write(header().replace("version='1.0' ", f"version='{version}' "))
    assert (await client.next()).tag == f"{STREAMS}features"
    assert client.header is not None
    assert client.header.get("version") == "1.0"


GOOD = header()
ERRORS = {
    "no-host": (header(None), "host-unknown"),
    "other-host": (header("elsewhere.example"), "host-unknown"),
    "host-with-user": (header("juliet@localhost"), "host-unknown"),
    "bad-host": (header("exa mple"), "improper-addressing"),
    "empty-host": (header(""), "improper-addressing"),
    "no-version": (GOOD.replace(" version='1.0' ", " "), "unsupported-version"),
    "old-version": (GOOD.replace(" version='1.0' ", " version='0.9' "), "unsupported-version"),
    "odd-version": (GOOD.replace(" version='1.0' ", " version='one' "), "unsupported-version"),
    "server-stream": (GOOD.replace("jabber:client", "jabber:server"), "invalid-namespace"),
    "no-content-namespace": (GOOD.replace(" xmlns='jabber:client'", ""), "invalid-namespace"),
    "other-stream-namespace": (GOOD.replace("etherx", "other"), "invalid-namespace"),
    "undeclared-prefix": (GOOD.replace("xmlns:stream", "xmlns:s"), "bad-namespace-prefix"),
    "other-root": ("<message xmlns='jabber:client'>", "bad-format"),
    "not-xml": ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
    "encoding": ("<?xml version='1.0' encoding='ISO-8859-1'?>" + GOOD[21:], "unsupported-encoding"),
    "dtd": ("<!DOCTYPE x>" + GOOD[21:], "restricted-xml"),
    "comment": (GOOD + "<!-- x -->", "restricted-xml"),
    "instruction": (GOOD + "<?x y?>", "restricted-xml"),
    "entity": (GOOD + "<message>&x;</message>", "restricted-xml"),
    "text": (GOOD + "hello<a/>", "bad-format"),
    "second-header": (GOOD + GOOD[21:] + "</stream:stream>", "unsupported-stanza-type"),
    "unknown-element": (GOOD + "<hello xmlns='urn:x'/>", "unsupported-stanza-type"),
    "message-before-login": (GOOD + "<message to='romeo@localhost'/>", "not-authorized"),
    "presence-before-login": (GOOD + "<presence/>", "not-authorized"),
    "iq-before-login": (GOOD + "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "not-authorized"),
    "answer-before-login": (
        GOOD + "<iq type='result' id='1'><query xmlns='jabber:iq:register'/></iq>",
        "not-authorized",
    ),
    "bind-before-login": (
        GOOD + "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "not-authorized",
    ),
    "wrong-namespace": (GOOD + "<message xmlns='jabber:server'/>", "unsupported-stanza-type"),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_stream_errors(connect: Connect, name: str) -> None:
    """§4.9.1: our header, the error with a text, the closing tag; then the connection ends."""
    data, expected = ERRORS[name]
    client = await connect()
    if name in ("second-header", "comment", "instruction", "text"):
        client.write(data[: len(GOOD)])
        await client.next()
        client.write(data[len(GOOD) :])
    else:
        client.write(data)
    got = await client.closed()
    error = got[-1]
    assert error.tag == f"{STREAMS}error"
    assert condition(error) == expected
    assert error.findtext(f"{STREAM_ERRORS}text")
    assert client.header is not None
    assert client.header.get("id")
    assert client.header.get("from") == "localhost"
    assert client.depth == 0  # the stream was closed, not just cut


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_a_header_may_come_in_pieces(connect: Connect, size: int) -> None:
    """No matter where it is cut, with XML declaration and newlines."""
    client = await connect()
    head = header().replace("?><", "?>\n<").replace(" to=", "\n  to=") + "\n"
    for start in range(0, len(head), size):
        client.write(head[start : start + size])
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.next()).tag == f"{STREAMS}features"


async def test_newlines_before_a_header_do_no_harm(connect: Connect) -> None:
    """Some clients end each thing they send with one, which XML forbids before its declaration."""
    client = await connect()
    client.write("\n \n" + header())
    await client.next()
    answer = await client.authenticate("juliet", "secret")
    assert answer.tag.endswith("success")
    client.restart()
    client.write("\n" + header())
    assert (await client.next()).tag == f"{STREAMS}features"


async def test_everything_at_once(connect: Connect) -> None:
    """A client may send all it has to say without waiting for answers."""
    client = await connect()
    token = "AGp1bGlldABzZWNyZXQ="
    client.write(
        header()
        + f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>"
        + header()
        + "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        + "<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>"
    )
    data = b""
    while piece := await client.reader.read(65536):
        data += piece
    order = [data.find(part) for part in (b"mechanisms", b"<success", b"<bind", b"id='b'", b"id='p'")]
    assert order == sorted(order)
    assert order[0] > 0
    assert data.endswith(b"</stream:stream>")


# ---- hosts


async def test_several_hosts(serve: Serve, dial: Dial) -> None:
    """Each stream is for the host its header names, prepared; accounts are per host."""
    server = await serve(hosts=["localhost", "capulet.example", "xn--mnchen-3ya.example"])
    await server.hosts["capulet.example"].register("juliet", "secret")
    client = await dial(server, "CAPULET.Example")
    await client.login("juliet", resource="x")
    assert client.jid == "juliet@capulet.example/x"
    assert client.header is not None
    assert client.header.get("from") == "capulet.example"
    other = await dial(server, "localhost")
    await other.open()
    assert (await other.authenticate("juliet", "secret")).tag.endswith("failure")
    umlaut = await dial(server, "münchen.example")
    await umlaut.open()


async def test_the_host_stays_after_the_login(serve: Serve, dial: Dial) -> None:
    server = await serve(hosts=["localhost", "capulet.example"])
    await server.hosts["localhost"].register("juliet", "secret")
    client = await dial(server)
    await client.open()
    await client.authenticate("juliet", "secret")
    client.restart()
    client.write(header("capulet.example"))
    (error,) = await client.closed()
    assert condition(error) == "host-unknown"


# ---- language


@pytest.mark.parametrize("stanza", ["<message to='{0}'/>", "<message from='{1}' to='{0}'/>"])
async def test_the_language_of_a_stream_is_that_of_its_stanzas(connect: Connect, stanza: str) -> None:
    """§8.1.5: where they have none; on both ways a stanza can go through the server."""
    juliet = await connect("juliet/balcony")
    romeo = await connect()
    await romeo.open()
    await romeo.authenticate("romeo", "secret")
    await romeo.open(extra=" xml:lang='it'")
    await romeo.bind("orchard")
    written = stanza.format(juliet.jid, romeo.jid)
    romeo.write(written + written.replace("/>", " xml:lang='de'/>"))
    first, second = await juliet.next(), await juliet.next()
    assert (first.get(LANG), second.get(LANG)) == ("it", "de")


async def test_a_language_as_long_as_a_book_is_not_multiplied(connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    romeo = await connect()
    await romeo.open()
    await romeo.authenticate("romeo", "secret")
    await romeo.open(extra=f" xml:lang='{'x' * 5000}'")
    await romeo.bind("orchard")
    romeo.write(f"<message to='{juliet.jid}'/>")
    assert (await juliet.next()).get(LANG) is None


# ---- closing


async def test_a_client_that_closes_gets_what_was_under_way_and_a_close(connect: Connect) -> None:
    """§4.4: the stream is closed in both directions, then the connection ends."""
    client = await connect("juliet/balcony")
    client.write("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq></stream:stream>")
    (answer,) = await client.closed()
    assert answer.get("id") == "1"
    assert client.depth == 0


async def test_nothing_counts_after_the_close(connect: Connect) -> None:
    romeo = await connect("romeo/orchard")
    juliet = await connect("juliet/balcony")
    juliet.write(f"</stream:stream><message to='{romeo.jid}'/>")
    assert await juliet.closed() == []
    await romeo.nothing()


async def test_a_client_that_only_hangs_up_is_gone(server: Server, connect: Connect) -> None:
    """Half a close is a close: it gets the answers it waited for, and a closing tag."""
    client = await connect("juliet/balcony")
    client.write("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    client.writer.write_eof()
    (answer,) = await client.closed()
    assert answer.get("id") == "1"
    assert client.depth == 0
    assert not server.hosts["localhost"].sessions.of("juliet")


async def test_from_its_close_on_a_client_is_not_reached_any_more(server: Server, connect: Connect) -> None:
    """Even if it leaves the connection open: others are told at once."""
    juliet = await connect("juliet/balcony")
    juliet.write("</stream:stream>")
    await juliet.stream_end()
    romeo = await connect("romeo/orchard")
    answer = await romeo.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "juliet@localhost/balcony")
    assert condition(answer) == "service-unavailable"


async def test_a_stopping_server_says_so(serve: Serve, dial: Dial) -> None:
    """§4.9.3.20: system-shutdown, to clients in every state."""
    server = await serve()
    await server.hosts["localhost"].register("juliet", "secret")
    silent, opened, bound = [await dial(server) for _ in range(3)]
    await opened.open()
    await bound.login("juliet")

    async def last_words(client: ScriptedClient) -> str:
        (error,) = await client.closed()
        await client.close()
        return condition(error)

    ends = [asyncio.create_task(last_words(client)) for client in (silent, opened, bound)]
    await server.stop()
    for end in ends:
        assert await end == "system-shutdown"
