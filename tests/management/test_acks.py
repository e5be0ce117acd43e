"""XEP-0198 §2 to §4 and §6: enabling stream management, and acknowledging stanzas."""

from __future__ import annotations

import pytest

from burble.server import Server
from tests.client import CLIENT, STREAMS, condition
from tests.conftest import Connect
from tests.management.words import (
    NS,
    SM,
    acknowledge,
    ask,
    available,
    bodies,
    configure,
    enable,
    failure,
    login,
    managed,
    module,
    write,
)

WRAP = 2**32


async def test_it_is_offered_to_who_has_logged_in(server: Server, connect: Connect) -> None:
    """§2."""
    client = await connect()
    assert (await client.open()).find(f"{SM}sm") is None
    client = await login(server, "juliet")
    assert client.features is not None
    assert client.features.find(f"{SM}sm") is not None
    await client.close()


async def test_it_cannot_be_enabled_without_a_resource(server: Server, connect: Connect) -> None:
    """§3: the order is enforced, and the client may go on."""
    client = await login(server, "juliet")
    client.write(f"<enable xmlns='{NS}'/>")
    assert failure(await client.next()) == "unexpected-request"
    await client.bind("balcony")
    assert client.jid == "juliet@localhost/balcony"
    await client.close()

    stranger = await connect()
    await stranger.open()
    for name in ("enable", "resume", "r", "a"):
        stranger.write(f"<{name} xmlns='{NS}' previd='x' h='0'/>")
        assert failure(await stranger.next()) == "unexpected-request"


@pytest.mark.parametrize(
    ("attributes", "id", "max"),
    [("", False, None), ("resume='false'", False, None), ("resume='1'", True, "600"),
     ("resume='true' max='60'", True, "60"), ("resume='true' max='99999'", True, "600"),
     ("resume='true' max='soon'", True, "600")],
)  # fmt: skip
async def test_resuming_is_for_who_asked(
    connect: Connect, attributes: str, id: bool, max: str | None
) -> None:
    """§3, §5: the client may prefer less time than there is."""
    juliet = await connect("juliet")
    juliet.write(f"<enable xmlns='{NS}' {attributes}/>")
    answer = await juliet.next()
    assert answer.tag == f"{SM}enabled"
    assert ("id" in answer.attrib, answer.get("resume") == "true", answer.get("max")) == (id, id, max)
    assert answer.get("location") is None


async def test_the_settings_name_another_place_and_no_time(server: Server, connect: Connect) -> None:
    await configure(server, location="[::1]:5222")
    juliet = await connect("juliet")
    juliet.write(f"<enable xmlns='{NS}' resume='true'/>")
    assert (await juliet.next()).get("location") == "[::1]:5222"

    await configure(server, resume_timeout=0, location="[::1]:5222")
    juliet = await connect("juliet")
    juliet.write(f"<enable xmlns='{NS}' resume='true'/>")
    assert (await juliet.next()).attrib == {}


async def test_it_is_enabled_once(connect: Connect) -> None:
    """§3: a second request ends the stream."""
    juliet = await connect("juliet")
    await enable(juliet)
    juliet.write(f"<enable xmlns='{NS}'/>")
    assert condition(await juliet.next()) == "policy-violation"


async def test_the_server_counts_stanzas_and_nothing_else(connect: Connect) -> None:
    """§4: those before <enable/> do not count, nor do acks."""
    juliet = await connect("juliet")
    await juliet.sync()
    await enable(juliet)
    assert await ask(juliet) == 0
    await available(juliet)
    write(juliet, "romeo@localhost", "1", "2")
    acknowledge(juliet, 1)
    assert await ask(juliet) == 3
    juliet.write("<iq type='get' id='1'><nonsense xmlns='urn:example:x'/></iq>")
    assert await ask(juliet) == 4


async def test_the_client_acknowledges(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    write(romeo, juliet.jid, "1", "2", "3")
    await romeo.sync()
    assert (managed(server, "juliet").acked, len(managed(server, "juliet").queue)) == (0, 3)
    acknowledge(juliet, 2)
    await juliet.sync()
    # The answer to the sync is one more.
    assert (managed(server, "juliet").acked, len(managed(server, "juliet").queue)) == (2, 2)


async def test_counters_begin_again_at_zero(server: Server, connect: Connect) -> None:
    """§4: behind 2^32 - 1 comes 0, in both directions."""
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    counters = managed(server, "juliet")
    counters.restore([], WRAP - 2, WRAP - 2)
    counters._offset -= juliet_handled(server)
    write(romeo, juliet.jid, "1", "2", "3")
    await romeo.sync()
    acknowledge(juliet, WRAP - 1)
    acknowledge(juliet, 1)
    await juliet.sync()  # a stanza from her, and one to her
    assert (counters.acked, len(counters.queue)) == (WRAP + 1, 1)
    assert await ask(juliet) == WRAP - 1
    await juliet.sync()
    assert await ask(juliet) == 0
    acknowledge(juliet, 4)
    error = await juliet.find(lambda e: e.tag == f"{STREAMS}error")
    assert error.find(f"{SM}handled-count-too-high") is not None


def juliet_handled(server: Server) -> int:
    stream = managed(server, "juliet").stream
    assert stream is not None
    return stream.handled


async def test_more_than_was_sent_cannot_be_acknowledged(server: Server, connect: Connect) -> None:
    """§6."""
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    write(romeo, juliet.jid, *"12345678")
    await romeo.sync()
    acknowledge(juliet, 10)
    error = await juliet.find(lambda e: e.tag == f"{STREAMS}error")
    assert condition(error) == "undefined-condition"
    detail = error.find(f"{SM}handled-count-too-high")
    assert detail is not None
    assert detail.attrib == {"h": "10", "send-count": "8"}
    assert not server.hosts["localhost"].sessions.of("juliet")


async def test_an_older_number_says_nothing_new(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    write(romeo, juliet.jid, *"12345")
    await romeo.sync()
    for h in (3, 1, 0, 3):
        acknowledge(juliet, h)
    await juliet.sync()
    assert managed(server, "juliet").acked == 3


@pytest.mark.parametrize("h", ["", "h=''", "h='-1'", "h='1.0'", "h='4294967296'", "h='many'"])
async def test_an_acknowledgement_has_a_number(connect: Connect, h: str) -> None:
    juliet = await connect("juliet")
    await enable(juliet)
    juliet.write(f"<a xmlns='{NS}' {h}/>")
    assert condition(await juliet.next()) == "policy-violation"


async def test_what_only_servers_send_ends_the_stream(connect: Connect) -> None:
    juliet = await connect("juliet")
    juliet.write(f"<enabled xmlns='{NS}'/>")
    assert condition(await juliet.next()) == "unsupported-stanza-type"


async def test_the_server_asks_after_some_stanzas(server: Server, connect: Connect) -> None:
    """Not for each: with every third one, and again when those were acknowledged."""
    await configure(server, ask_every=3)
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    write(romeo, juliet.jid, *"1234567")
    tags = [(await juliet.next()).tag.rpartition("}")[2] for _ in range(9)]
    assert tags == ["message"] * 3 + ["r"] + ["message"] * 3 + ["r"] + ["message"]
    acknowledge(juliet, 7)
    write(romeo, juliet.jid, *"890")
    tags = [(await juliet.next()).tag.rpartition("}")[2] for _ in range(4)]
    assert tags == ["message"] * 3 + ["r"]


async def test_the_server_asks_after_some_time(server: Server, connect: Connect) -> None:
    await configure(server, ask_after=0.01)
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    for text in "123":  # and does not ask again for the same
        write(romeo, juliet.jid, text)
        assert (await juliet.next()).tag == f"{CLIENT}message"
        assert (await juliet.next()).tag == f"{SM}r"
        for _ in range(20):
            await romeo.sync()


async def test_a_client_that_never_answers_has_lost_its_connection(server: Server, connect: Connect) -> None:
    await configure(server, ask_after=0.01, ack_timeout=0.05)
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(juliet)
    write(romeo, juliet.jid, "1")
    error = await juliet.find(lambda e: e.tag == f"{STREAMS}error")
    assert condition(error) == "connection-timeout"
    assert managed(server, "juliet").stream is None
    assert len(managed(server, "juliet").queue) == 1


async def test_a_flood_of_acks_does_no_harm(server: Server, connect: Connect) -> None:
    """All requests are answered, in order; several that wait for a commit together."""
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await enable(romeo)
    for _ in range(100):
        write(romeo, "nurse@localhost", "x")
        romeo.write(f"<r xmlns='{NS}'/>" * 50 + f"<a xmlns='{NS}' h='0'/>" * 50)
    handled = []
    while not handled or handled[-1] < 100:
        handled.append(int((await romeo.next()).get("h") or ""))
    assert handled == sorted(handled)
    write(juliet, romeo.jid, "still there")
    assert (await bodies(romeo)) == ["still there"]
    assert not module(server).host._tasks
