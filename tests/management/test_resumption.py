"""XEP-0198 §5: a client comes back to its session."""

from __future__ import annotations

import asyncio

import pytest

from burble.errors import StreamError
from burble.modules.stream_management import Resumption
from burble.routing.events import SessionClosed, SessionHibernated, SessionResumed
from burble.sasl import Success
from burble.server import Server
from burble.xml import Element
from tests.client import CLIENT, STREAMS, condition
from tests.conftest import Connect
from tests.im.scripts import befriend, said
from tests.management.words import (
    NS,
    SM,
    acknowledge,
    ask,
    available,
    bodies,
    drop,
    enable,
    everything,
    expire,
    failure,
    login,
    managed,
    module,
    resume,
    write,
)
from tests.simulated import Wire


async def test_what_was_missed_comes_once_and_in_order(server: Server, connect: Connect) -> None:
    """What the client has is not sent again; counters go on."""
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(juliet)
    await available(juliet)
    write(juliet, "nurse@localhost", "x", "y")
    write(romeo, juliet.jid, "1", "2")
    assert await bodies(juliet) == ["1", "2"]  # with the presence and an answer: 4 stanzas
    write(romeo, juliet.jid, "3")
    await drop(server, juliet)
    write(romeo, juliet.jid, "4", "5")
    write(romeo, "juliet@localhost", "6")
    await romeo.sync()
    juliet, answer = await resume(server, "juliet", id, 4)
    assert answer.tag == f"{SM}resumed"
    # Presence, two messages, and the ping by which the messages were awaited.
    assert (answer.get("previd"), answer.get("h")) == (id, "4")
    assert await bodies(juliet) == ["3", "4", "5", "6"]
    write(romeo, juliet.jid or "juliet@localhost/balcony", "7")
    await romeo.sync()
    assert await bodies(juliet) == ["7"]
    write(juliet, "romeo@localhost/nowhere", "8")
    assert await ask(juliet) == 7  # and two pings
    acknowledge(juliet, 11)
    await juliet.sync()
    assert managed(server, "juliet").acked == 11


async def test_a_session_is_resumed_again_and_again(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    for number in range(4):
        write(romeo, "juliet@localhost/balcony", str(number))
        await romeo.sync()
        juliet, answer = await resume(server, "juliet", id, number)
        assert answer.tag == f"{SM}resumed"
        juliet.jid = "juliet@localhost/balcony"
        message = await juliet.next()
        assert message.findtext(f"{CLIENT}body") == str(number)
        await drop(server, juliet)


async def test_contacts_see_nothing_of_it(server: Server, connect: Connect) -> None:
    """§5, §7: the session stays available until its time is over."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo")
    await befriend(juliet, romeo)
    id = await enable(juliet)
    await available(juliet)
    await available(romeo)
    await everything(romeo)
    await drop(server, juliet)
    await romeo.nothing()
    juliet, _ = await resume(server, "juliet", id, 0)
    await juliet.sync()
    await romeo.nothing()
    juliet.jid = "juliet@localhost/balcony"
    await drop(server, juliet)
    expire(server, "juliet")
    assert [said(e) for e in await everything(romeo)] == [
        ("juliet@localhost/balcony", "unavailable", "romeo@localhost")
    ]


async def test_the_time_is_over(server: Server, connect: Connect) -> None:
    """§5: and the client learns what has been handled."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet, "resume='true' max='1'")
    write(juliet, "romeo@localhost", "x")
    await ask(juliet)
    gone = asyncio.Event()
    server.hosts["localhost"].hooks.on(SessionClosed, lambda event: gone.set())
    juliet.writer.transport.abort()
    async with asyncio.timeout(10):
        await gone.wait()
    juliet, answer = await resume(server, "juliet", id, 0)
    assert failure(answer) == "item-not-found"
    assert answer.get("h") == "1"
    await juliet.bind("balcony")
    assert juliet.jid == "juliet@localhost/balcony"
    await juliet.close()


async def test_others_learn_and_get_nothing(server: Server, connect: Connect) -> None:
    """A session of somebody else, there or over, is like one that never was."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    write(juliet, "romeo@localhost", "x")
    await ask(juliet)
    await drop(server, juliet)
    romeo, answer = await resume(server, "romeo", id, 0)
    assert (failure(answer), answer.get("h")) == ("item-not-found", None)
    expire(server, "juliet")
    romeo.write(f"<resume xmlns='{NS}' previd='{id}' h='0'/>")
    answer = await romeo.next()
    assert (failure(answer), answer.get("h")) == ("item-not-found", None)
    await romeo.close()
    _, answer = await resume(server, "juliet", id, 0)
    assert answer.get("h") == "1"


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ("previd='nonsense' h='0'", "item-not-found"),
        ("h='0'", "bad-request"),
        ("previd='{id}'", "bad-request"),
        ("previd='{id}' h='-1'", "bad-request"),
        ("previd='{id}' h='x'", "bad-request"),
        ("previd='' h='0'", "bad-request"),
    ],
)
async def test_a_wrong_request_fails(server: Server, connect: Connect, attributes: str, wanted: str) -> None:
    """§6: the session waits on, and the client may bind a resource instead."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    juliet = await login(server, "juliet")
    juliet.write(f"<resume xmlns='{NS}' {attributes.format(id=id)}/>")
    assert failure(await juliet.next()) == wanted
    juliet.write(f"<resume xmlns='{NS}' previd='{id}' h='0'/>")
    assert (await juliet.next()).tag == f"{SM}resumed"
    await juliet.close()


async def test_a_session_that_is_not_to_be_resumed_ends(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await enable(juliet, "")
    id = managed(server, "juliet").id
    await drop(server, juliet)
    assert not server.hosts["localhost"].sessions.of("juliet")
    _, answer = await resume(server, "juliet", id, 0)
    assert failure(answer) == "item-not-found"


async def test_who_says_goodbye_is_gone(server: Server, connect: Connect) -> None:
    """§7: a closed stream is no lost one; one whose end is not said is."""
    juliet = await connect("juliet/balcony")
    await enable(juliet)
    juliet.write("</stream:stream>")
    await juliet.stream_end()
    assert not server.hosts["localhost"].sessions.of("juliet")

    juliet = await connect("juliet/balcony")
    await enable(juliet)
    juliet.writer.write_eof()
    await juliet.stream_end()
    assert len(server.hosts["localhost"].sessions.of("juliet")) == 1

    romeo = await connect("romeo/orchard")
    await enable(romeo)
    romeo.write("<unclosed></wrong>")
    await romeo.stream_end()
    assert not server.hosts["localhost"].sessions.of("romeo")


async def test_more_than_was_sent_ends_the_stream_but_not_the_session(
    server: Server, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    _, answer = await resume(server, "juliet", id, 5)
    assert answer.tag == f"{STREAMS}error"
    assert answer.find(f"{SM}handled-count-too-high") is not None
    _, answer = await resume(server, "juliet", id, 0)
    assert answer.tag == f"{SM}resumed"


async def test_a_client_that_has_forgotten_what_it_had_cannot_go_on(server: Server, connect: Connect) -> None:
    """What it has acknowledged is not kept: it would have a gap."""
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(juliet)
    write(romeo, juliet.jid, *"123")
    await romeo.sync()
    acknowledge(juliet, 3)
    await juliet.sync()
    await drop(server, juliet)
    _, answer = await resume(server, "juliet", id, 1)
    assert failure(answer) == "item-not-found"


async def test_a_session_is_resumed_before_its_connection_is_known_to_be_lost(
    server: Server, connect: Connect
) -> None:
    """§5: the old stream is closed with conflict; nothing is lost between the two."""
    romeo, old = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(old)
    write(romeo, old.jid, "1")
    write(old, "romeo@localhost", "a", "b")
    await ask(old)
    new, answer = await resume(server, "juliet", id, 0)
    assert (answer.tag, answer.get("h")) == (f"{SM}resumed", "2")
    assert await bodies(new) == ["1"]
    error = await old.find(lambda e: e.tag == f"{STREAMS}error")
    assert condition(error) == "conflict"
    old.write("<message to='romeo@localhost'><body>too late</body></message>")
    write(romeo, old.jid, "2")
    await romeo.sync()
    assert await bodies(new) == ["2"]
    assert await ask(new) == 4  # two messages and two pings, but nothing of the old stream


async def test_two_at_once_want_the_same_session(server: Server, connect: Connect) -> None:
    """One gets it; the other is told that it is gone, or loses it to the first."""
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    write(romeo, "juliet@localhost/balcony", "1")
    write(romeo, "nurse@localhost", "keeps the database busy")
    await romeo.sync()
    clients = [await login(server, "juliet") for _ in range(3)]
    for client in clients:
        client.write(f"<resume xmlns='{NS}' previd='{id}' h='0'/>")
    seen = []
    for client in clients:
        answer = await client.next()
        if answer.tag == f"{SM}resumed":
            message = await client.next()
            seen.append(message.findtext(f"{CLIENT}body"))
        else:
            assert failure(answer) == "item-not-found"
    assert seen
    assert set(seen) == {"1"}
    (session,) = server.hosts["localhost"].sessions.of("juliet")
    assert session.connected
    for client in clients:
        await client.close()


async def test_who_hesitates_may_find_the_session_taken(server: Server, connect: Connect) -> None:
    """As inside SASL2, where more is done before the answer is sent."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    request = Element("resume", NS, {"previd": id, "h": "0"})
    wires = [Wire(server), Wire(server)]
    login = Success("juliet")
    first, second = [await module(server).resume(wire.stream, login, request) for wire in wires]
    assert isinstance(first, Resumption)
    assert isinstance(second, Resumption)
    with pytest.raises(StreamError, match="conflict"):
        await first.proceed()
    await second.proceed()
    assert managed(server, "juliet").stream is wires[1].stream
    expired = await module(server).resume(wires[0].stream, login, request)
    assert isinstance(expired, Resumption)
    expire(server, "juliet")
    with pytest.raises(StreamError, match="conflict"):
        await expired.proceed()


async def test_there_is_one_session_for_one_stream(server: Server, connect: Connect) -> None:
    """Who has bound a resource can't resume another session."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    juliet = await connect("juliet/chamber")
    juliet.write(f"<resume xmlns='{NS}' previd='{id}' h='0'/>")
    assert failure(await juliet.next()) == "unexpected-request"
    await enable(juliet)


async def test_the_queue_outlives_a_resumption_that_fails_half_way(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    for number in range(400):
        write(romeo, "juliet@localhost/balcony", str(number), extra=f"<x xmlns='urn:x'>{'x' * 5000}</x>")
    await romeo.sync()
    first = await login(server, "juliet")
    first.write(f"<resume xmlns='{NS}' previd='{id}' h='0'/>")
    first.writer.transport.abort()
    juliet, answer = await resume(server, "juliet", id, 0)
    assert answer.tag == f"{SM}resumed"
    got = []
    while len(got) < 400:
        element = await juliet.next()
        if element.tag == f"{CLIENT}message":
            got.append(element.findtext(f"{CLIENT}body"))
    assert got == [str(number) for number in range(400)]
    await juliet.close()


async def test_messages_kept_for_later_are_deleted_once_the_client_has_them(
    server: Server, connect: Connect
) -> None:
    """XEP-0160: what was written to a connection that dies is still there, once."""
    romeo = await connect("romeo")
    write(romeo, "juliet@localhost", *"12345")
    await romeo.sync()
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await available(juliet)
    assert server.hosts["localhost"].modules["offline"].kept("juliet") == 5
    juliet.writer.transport.abort()
    juliet, answer = await resume(server, "juliet", id, 2)  # as if it had got two
    assert answer.tag == f"{SM}resumed"
    write(romeo, "juliet@localhost", "6")
    await romeo.sync()
    assert await bodies(juliet) == ["3", "4", "5", "6"]
    acknowledge(juliet, 3)
    juliet.writer.transport.abort()
    while server.hosts["localhost"].modules["offline"].kept("juliet") > 2:
        await romeo.sync()
    again = await connect("juliet/balcony")
    assert await bodies(await available(again)) == ["4", "5", "6"]


async def test_modules_hear_of_it(server: Server, connect: Connect) -> None:
    heard: list[tuple[str, bool]] = []
    hooks = server.hosts["localhost"].hooks
    hooks.on(SessionHibernated, lambda e: heard.append(("hibernated", e.session.connected)))
    hooks.on(SessionResumed, lambda e: heard.append(("resumed", e.session.connected)))
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    juliet, _ = await resume(server, "juliet", id, 0)
    await juliet.sync()
    assert heard == [("hibernated", False), ("resumed", True)]
    await juliet.close()


async def test_a_resumed_stream_does_not_expire(server: Server, connect: Connect) -> None:
    """As one that has bound a resource: the time for the login is over."""
    juliet = await connect("juliet/balcony")
    id = await enable(juliet)
    await drop(server, juliet)
    juliet, _ = await resume(server, "juliet", id, 0)
    stream = managed(server, "juliet").stream
    assert stream is not None
    assert stream._expiry is None
    assert str(stream) == "c2s juliet@localhost/balcony"
    await juliet.close()
