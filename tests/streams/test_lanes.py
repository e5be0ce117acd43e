"""What waits on a stream that carries many people's stanzas, and what does not (RFC 6120 §10.1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burble.jid import JID
from burble.stanza import Message, Stanza
from burble.streams.lanes import Lanes


def message(sender: str, to: str, id_: str) -> Message:
    return Message(JID.parse(to), JID.parse(sender), {"id": id_})


class Desk:
    """Handles stanzas: at once, or, where one is held, when it is let go."""

    def __init__(self, *held: str) -> None:
        self.done: list[str] = []
        self.held = {id_: asyncio.Event() for id_ in held}
        self.broken: set[str] = set()

    def handle(self, stanza: Stanza) -> Awaitable[None] | None:
        id_ = stanza.id or ""
        if id_ in self.held:
            return self._later(id_)
        self._finish(id_)
        return None

    async def _later(self, id_: str) -> None:
        await self.held[id_].wait()
        self._finish(id_)

    def _finish(self, id_: str) -> None:
        if id_ in self.broken:
            raise RuntimeError(id_)
        self.done.append(id_)


async def finished(lanes: Lanes) -> None:
    work = lanes.work
    if work is not None:
        await work


async def test_what_can_be_handled_at_once_is() -> None:
    desk = Desk()
    lanes = Lanes(desk.handle)

    assert lanes.take(message("a@x", "b@y", "1")) is None

    assert desk.done == ["1"]
    assert lanes.work is None


async def test_stanzas_between_two_accounts_stay_in_order() -> None:
    """Their resources do not matter: the order of §10.1 is kept for all of them."""
    desk = Desk("1", "3")
    lanes = Lanes(desk.handle)
    for id_, sender in (("1", "a@x/r"), ("2", "a@x/s"), ("3", "a@x"), ("4", "a@x/r")):
        lanes.take(message(sender, "b@y/r", id_))

    desk.held["3"].set()
    desk.held["1"].set()
    await finished(lanes)

    assert desk.done == ["1", "2", "3", "4"]


async def test_others_go_by_what_waits() -> None:
    desk = Desk("1")
    lanes = Lanes(desk.handle)

    lanes.take(message("a@x", "b@y", "1"))
    lanes.take(message("a@x", "c@y", "2"))
    lanes.take(message("c@x", "b@y", "3"))

    assert desk.done == ["2", "3"]
    desk.held["1"].set()
    await finished(lanes)
    assert desk.done == ["2", "3", "1"]


async def test_too_much_under_way_makes_the_stream_wait() -> None:
    desk = Desk("1", "2")
    lanes = Lanes(desk.handle, at_once=2)
    assert lanes.take(message("a@x", "b@y", "1")) is None

    room = lanes.take(message("c@x", "d@y", "2"))

    assert room is not None
    waiting = asyncio.ensure_future(room)
    await asyncio.sleep(0)
    assert not waiting.done()
    desk.held["2"].set()
    async with asyncio.timeout(5):
        await waiting
    assert desk.done == ["2"]
    desk.held["1"].set()
    await finished(lanes)


async def test_a_failure_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk("1", "2", "3")
    desk.broken = {"1", "2"}
    lanes = Lanes(desk.handle, at_once=3)
    with caplog.at_level(logging.ERROR, "burble.streams"):
        for id_ in ("1", "2"):
            assert lanes.take(message("a@x", "b@y", id_)) is None
        room = lanes.take(message("a@x", "b@y", "3"))
        for event in desk.held.values():
            event.set()
        async with asyncio.timeout(5):
            assert room is not None
            await room
            await finished(lanes)

    assert desk.done == ["3"]
    assert caplog.text.count("could not be handled") == 2
    assert lanes.work is None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.booleans()), max_size=30))
def test_any_mixture_keeps_the_order_of_each_pair(stanzas: list[tuple[str, str, bool]]) -> None:
    async def run() -> list[str]:
        names = [str(number) for number in range(len(stanzas))]
        desk = Desk(*(name for name, (_, _, held) in zip(names, stanzas, strict=True) if held))
        lanes = Lanes(desk.handle, at_once=4)
        for name, (sender, to, _) in zip(names, stanzas, strict=True):
            room = lanes.take(message(f"{sender}@x", f"{to}@y", name))
            if room is not None:
                for event in reversed(desk.held.values()):
                    event.set()
                await room
        for event in reversed(desk.held.values()):
            event.set()
        await finished(lanes)
        return desk.done

    done = asyncio.run(run())

    assert len(done) == len(stanzas)
    for pair in {stanza[:2] for stanza in stanzas}:
        mine = [number for number, stanza in enumerate(stanzas) if stanza[:2] == pair]
        assert sorted(mine) == [int(name) for name in done if stanzas[int(name)][:2] == pair]


async def test_it_is_known_how_many_are_done_with() -> None:
    """XEP-0198 §4: what is acknowledged is all that came first, not what has overtaken."""
    desk = Desk("1", "3")
    lanes = Lanes(desk.handle)
    for sender, id_ in (("a@a", "0"), ("a@a", "1"), ("b@a", "2"), ("c@a", "3"), ("a@a", "4")):
        lanes.take(message(sender, "x@b", id_))
    assert (lanes.taken, lanes.finished) == (5, 1)
    desk.held["3"].set()
    await asyncio.sleep(0)
    assert lanes.finished == 1
    desk.held["1"].set()
    assert lanes.work is not None
    await lanes.work
    assert (lanes.taken, lanes.finished) == (5, 5)
