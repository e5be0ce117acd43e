"""Connections that break: what was sent arrives, once and in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from burble.routing.federation import link
from burble.streams.servers.base import ServerStream
from burble.streams.servers.incoming import IncomingStream
from burble.streams.servers.outgoing import OutgoingStream
from burble.xml import Element
from tests.federation.pair import Pair, bounced, heard, no_more, say, two, until

ROMEO, JULIET = "romeo@a.test", "juliet@b.test"


async def acquaint(pair: Pair) -> None:
    """Let the servers speak with each other, and confirm what was said."""
    say(pair.romeo, JULIET, 0)
    assert await heard(pair.juliet, 1) == [0]
    say(pair.juliet, ROMEO, 0)
    assert await heard(pair.romeo, 1) == [0]
    await until(lambda: not any(stream.flow.waiting for stream in streams(pair)))


def streams(pair: Pair) -> list[ServerStream]:
    managers = (pair.a.federation, pair.b.federation)
    return [each for manager in managers for each in (*manager.outgoing, *manager.incoming)]


async def test_one_stream_does_for_both_ways(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        say(pair.romeo, JULIET, *range(10))
        assert await heard(pair.juliet, 10) == list(range(10))
        say(pair.juliet, ROMEO, *range(10))
        assert await heard(pair.romeo, 10) == list(range(10))
        assert pair.to_b.made == 1
        assert pair.to_a.made == 1, "for the question whether the key was ours"


@pytest.mark.parametrize("after", [1, 1000, 20_000])
async def test_a_connection_that_is_cut_loses_nothing(tmp_path: Path, after: int) -> None:
    async with two(tmp_path) as pair:
        await acquaint(pair)
        pair.to_b.cut_after = after
        say(pair.romeo, JULIET, *range(200))
        say(pair.juliet, ROMEO, *range(200))
        assert await heard(pair.juliet, 200) == list(range(200))
        assert await heard(pair.romeo, 200) == list(range(200))
        await no_more(pair.romeo, pair.juliet)
        assert pair.to_b.made == 2


async def test_who_was_sent_something_and_could_not_say_so_does_not_get_it_twice(tmp_path: Path) -> None:
    """The stream was opened by romeo's server, which has nothing to send when it breaks."""
    async with two(tmp_path) as pair:
        await acquaint(pair)
        say(pair.juliet, ROMEO, 1)
        assert await heard(pair.romeo, 1) == [1]
        pair.to_b.cut()
        say(pair.juliet, ROMEO, 2)
        assert await heard(pair.romeo, 1) == [2]
        await no_more(pair.romeo)


async def test_a_stanza_that_is_cut_in_its_midst_arrives_whole(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        await acquaint(pair)
        pair.to_b.cut_after = 100_000
        say(pair.romeo, JULIET, 1, size=200_000)
        say(pair.romeo, JULIET, 2)
        assert await heard(pair.juliet, 2) == [1, 2]
        await no_more(pair.romeo, pair.juliet)


async def test_a_stream_is_resumed_before_the_other_side_knows_that_it_broke(tmp_path: Path) -> None:
    async with two(tmp_path, a={"answer_timeout": 0.3}) as pair:
        await acquaint(pair)
        pair.to_b.stall()
        say(pair.romeo, JULIET, 1, 2, 3)
        say(pair.juliet, ROMEO, 1, 2, 3)
        await pair.to_b.connected(2)
        say(pair.romeo, JULIET, 4)
        say(pair.juliet, ROMEO, 4)
        assert len(pair.b.federation.incoming) == 1, "it believes that this stream is alive"
        pair.to_b.flow()
        assert await heard(pair.juliet, 4) == [1, 2, 3, 4]
        assert await heard(pair.romeo, 4) == [1, 2, 3, 4]
        await no_more(pair.romeo, pair.juliet)


async def test_who_does_not_come_back_is_dialled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream was opened by romeo's server; juliet's can't resume it and opens one of its own."""
    monkeypatch.setattr(link, "_GRACE", 0.3)
    async with two(tmp_path, certified=True) as pair:
        await acquaint(pair)
        pair.to_b.refuses = True
        pair.to_b.cut()
        await until(lambda: not pair.b.federation.incoming)
        say(pair.juliet, ROMEO, 1, 2, 3)
        assert await heard(pair.romeo, 3) == [1, 2, 3]
        say(pair.romeo, JULIET, 1, 2, 3)
        assert await heard(pair.juliet, 3) == [1, 2, 3]
        pair.to_b.refuses = False
        await no_more(pair.romeo, pair.juliet)


async def test_who_comes_back_too_late_hears_what_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XEP-0198 §5: <failed/> tells the count, so that what had arrived is not sent again."""
    monkeypatch.setattr(link, "_GRACE", 0.1)
    async with two(tmp_path) as pair:
        await acquaint(pair)
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]
        pair.to_b.refuses = True
        pair.to_b.cut()
        say(pair.romeo, JULIET, 2)
        await until(lambda: not pair.b.federation.links)
        pair.to_b.refuses = False
        assert await heard(pair.juliet, 1) == [2]
        await no_more(pair.juliet)


async def test_both_dial_at_the_same_instant(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        pair.to_a.stall()
        pair.to_b.stall()
        say(pair.romeo, JULIET, *range(50))
        say(pair.juliet, ROMEO, *range(50))
        await asyncio.gather(pair.to_a.connected(1), pair.to_b.connected(1))
        pair.to_a.flow()
        pair.to_b.flow()
        assert await heard(pair.juliet, 50) == list(range(50))
        assert await heard(pair.romeo, 50) == list(range(50))
        links = [*pair.a.federation.links.values(), *pair.b.federation.links.values()]
        assert [type(link.stream) for link in links] == [OutgoingStream] * 2, "who opened it will resume it"
        pair.to_a.cut()
        pair.to_b.cut()
        say(pair.romeo, JULIET, 50)
        say(pair.juliet, ROMEO, 50)
        assert await heard(pair.juliet, 1) == [50]
        assert await heard(pair.romeo, 1) == [50]
        await no_more(pair.romeo, pair.juliet)


@pytest.mark.parametrize("seed", range(4))
async def test_wherever_it_is_cut_nothing_is_lost_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(link, "_PAUSES", (0.02,) * 6)
    chance = random.Random(seed)
    async with two(tmp_path) as pair:
        await acquaint(pair)
        count = 300
        done = asyncio.Event()

        async def meddle() -> None:
            while not done.is_set():
                pair.to_b.cut_after = int(2 ** chance.uniform(11, 16))
                await until(lambda: pair.to_b.cut_after is None or done.is_set(), 20)

        async def talk() -> None:
            for number in range(count):
                say(pair.romeo, JULIET, number, size=chance.choice([0, 10, 2000]))
                say(pair.juliet, ROMEO, number, size=chance.choice([0, 10, 2000]))
                if chance.random() < 0.2:
                    await asyncio.sleep(0.001)

        async def listen() -> None:
            assert await heard(pair.juliet, count, 20) == list(range(count))
            assert await heard(pair.romeo, count, 20) == list(range(count))
            done.set()

        await asyncio.gather(meddle(), talk(), listen())
        pair.to_b.cut_after = None
        await no_more(pair.romeo, pair.juliet)
        assert pair.to_b.made > 2


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers that do not offer stream management."""
    send = IncomingStream.send

    def without(self: IncomingStream, element: Element) -> None:
        if element.name == "features":
            element.children = [
                each for each in element.children if isinstance(each, str) or each.name != "sm"
            ]
        send(self, element)

    with monkeypatch.context() as patch:
        patch.setattr(IncomingStream, "send", without)
        yield


async def test_where_nobody_counts_each_message_that_may_be_lost_comes_back_once(
    tmp_path: Path, uncounted: None
) -> None:
    async with two(tmp_path) as pair:
        await acquaint(pair)
        pair.to_b.stall()
        say(pair.romeo, JULIET, *range(1, 21))
        await pair.romeo.sync()
        pair.to_b.refuses = True
        pair.to_b.cut()
        came = await bounced(pair.romeo, 20)
        assert sorted(came) == sorted((f"m{number}", "remote-server-timeout") for number in range(1, 21))
        pair.to_b.refuses = False
        pair.to_b.flow()
        say(pair.romeo, JULIET, 21)
        assert await heard(pair.juliet, 1) == [21]
        await no_more(pair.romeo, pair.juliet)


async def test_where_nobody_counts_what_a_ping_has_confirmed_does_not_come_back(
    tmp_path: Path, uncounted: None
) -> None:
    async with two(tmp_path) as pair:
        await acquaint(pair)  # which waits for the answer to a ping
        pair.to_b.cut()
        await until(lambda: not pair.a.federation.outgoing)
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]
        await no_more(pair.romeo, pair.juliet)
