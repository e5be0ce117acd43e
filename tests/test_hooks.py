"""Hooks: handlers are called in order, plain and waiting ones mixed, and can't break each other."""

from __future__ import annotations

import asyncio
import logging

import pytest

from burble.errors import StanzaError
from burble.hooks import Event, Hooks


class Rang(Event):
    """A bell rang."""


class Knocked(Event):
    """Somebody knocked."""


@pytest.fixture
def calls() -> list[str]:
    """What was called, in order."""
    return []


def plain(calls: list[str], name: str):
    return lambda event: calls.append(name)


def waiting(calls: list[str], name: str):
    async def handle(event: Event) -> None:
        await asyncio.sleep(0)
        calls.append(name)

    return handle


def test_plain_handlers_are_done_when_emit_returns(calls: list[str]) -> None:
    hooks = Hooks()
    hooks.on(Rang, plain(calls, "low"), priority=-1)
    hooks.on(Rang, plain(calls, "first"))
    hooks.on(Rang, plain(calls, "second"))
    hooks.on(Rang, plain(calls, "high"), priority=5)
    hooks.on(Knocked, plain(calls, "other"))
    assert hooks.emit(Rang()) is None
    assert calls == ["high", "first", "second", "low"]


async def test_order_holds_among_handlers_that_wait(calls: list[str]) -> None:
    hooks = Hooks()
    for number, kind in enumerate([plain, waiting, plain, waiting, waiting, plain]):
        hooks.on(Rang, kind(calls, str(number)))
    unfinished = hooks.emit(Rang())
    assert unfinished is not None
    assert calls == ["0"]
    await unfinished
    assert calls == list("012345")


@pytest.mark.parametrize("kind", [plain, waiting])
async def test_a_stopped_event_is_asked_no_further(calls: list[str], kind) -> None:
    hooks = Hooks()

    def stop(event: Event) -> None:
        event.stop()

    hooks.on(Rang, kind(calls, "before"))
    hooks.on(Rang, stop)
    hooks.on(Rang, plain(calls, "after"))
    event = Rang()
    if (unfinished := hooks.emit(event)) is not None:
        await unfinished
    assert event.stopped
    assert calls == ["before"]


@pytest.mark.parametrize("kind", [plain, waiting])
async def test_a_refusal_comes_out_and_ends_it(calls: list[str], kind) -> None:
    hooks = Hooks()

    def refuse(event: Event) -> None:
        raise StanzaError("forbidden")

    hooks.on(Rang, kind(calls, "before"))
    hooks.on(Rang, refuse)
    hooks.on(Rang, plain(calls, "after"))

    async def emit() -> None:
        if (unfinished := hooks.emit(Rang())) is not None:
            await unfinished

    with pytest.raises(StanzaError, match="forbidden"):
        await emit()
    assert calls == ["before"]


@pytest.mark.parametrize("kind", [plain, waiting])
async def test_a_handler_that_fails_is_logged_and_the_others_are_called(
    calls: list[str], kind, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = Hooks()

    def fail(event: Event) -> None:
        raise RuntimeError("out of order")

    async def fail_late(event: Event) -> None:
        raise RuntimeError("out of order")

    hooks.on(Rang, kind(calls, "before"))
    hooks.on(Rang, fail)
    hooks.on(Rang, fail_late)
    hooks.on(Rang, plain(calls, "after"))
    with caplog.at_level(logging.ERROR, "burble.hooks"):
        unfinished = hooks.emit(Rang())
        assert unfinished is not None
        await unfinished
    assert calls == ["before", "after"]
    assert caplog.text.count("out of order") >= 2


def test_a_handler_can_be_taken_off(calls: list[str]) -> None:
    hooks = Hooks()
    off = hooks.on(Rang, plain(calls, "a"))
    hooks.on(Rang, plain(calls, "b"))
    off()
    hooks.emit(Rang())
    assert calls == ["b"]
    assert hooks.wanted(Rang)
    assert not hooks.wanted(Knocked)


def test_events_about_accounts_nobody_cares_for_need_not_be_told(calls: list[str]) -> None:
    """What the hot path asks: whether anybody wants to hear of an account, as the sets are at that moment."""
    hooks = Hooks()
    assert Rang not in hooks.audiences

    def wanted(*users: str) -> list[bool]:
        return [hooks.audiences[Rang].wants(user, None) for user in users]

    few, others = {"juliet"}, {"nurse"}
    off = hooks.on(Rang, plain(calls, "few"), users=few)
    assert wanted("juliet", "romeo") == [True, False]
    few.add("romeo")
    assert wanted("romeo") == [True]
    off_others = hooks.on(Rang, plain(calls, "others"), users=others)
    assert wanted("juliet", "nurse", "tybalt") == [True, True, False]
    off_all = hooks.on(Rang, plain(calls, "all"))
    assert wanted("tybalt") == [True]
    off_all()
    off()
    assert wanted("juliet", "nurse") == [False, True]
    off_others()
    assert Rang not in hooks.audiences


@pytest.mark.parametrize("kind", [plain, waiting])
async def test_a_handler_hears_only_of_what_it_wants_to(calls: list[str], kind) -> None:
    """Also where another one hears of all, and where some have to be waited for."""
    hooks = Hooks()
    hooks.on(Rang, kind(calls, "all"), 10)
    hooks.on(Rang, kind(calls, "juliet"), 5, users={"juliet"})
    hooks.on(Rang, kind(calls, "loud"), stanzas=lambda stanza: stanza == "loud")
    hooks.on(Rang, kind(calls, "either"), -5, users={"nurse"}, stanzas=lambda stanza: stanza == "loud")
    told = []
    for user, stanza in (("juliet", "low"), ("nurse", "low"), ("tybalt", "loud"), ("tybalt", "low")):
        unfinished = hooks.emit(Rang(), user, stanza)
        if unfinished is not None:
            await unfinished
        told.append(list(calls))
        calls.clear()
    assert told == [["all", "juliet"], ["all", "either"], ["all", "loud", "either"], ["all"]]


def test_whether_a_stanza_is_wanted_depends_on_it(calls: list[str]) -> None:
    hooks = Hooks()
    hooks.on(Rang, plain(calls, "few"), users={"juliet"})
    hooks.on(Rang, plain(calls, "loud"), stanzas=lambda stanza: stanza == "loud")
    audience = hooks.audiences[Rang]
    assert [
        audience.wants("juliet", "low"),
        audience.wants("nurse", "loud"),
        audience.wants("nurse", "low"),
    ] == [
        True,
        True,
        False,
    ]
