"""Answers are kept as long as they hold, within reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from burble.dns.cache import Cache
from burble.dns.client import Answer
from burble.dns.errors import DnsFailure
from tests.simulated import JumpingLoop, jump


class Source:
    """Answers; counts who asks for what."""

    def __init__(self, records: tuple[str, ...] = ("a",), ttl: int | None = 300) -> None:
        self.answer = Answer(records, ttl)
        self.asked: Counter[str] = Counter()
        self.failing = False

    async def ask(self, key: str) -> Answer[str]:
        self.asked[key] += 1
        if self.failing:
            raise DnsFailure("no")
        return self.answer


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Runs on a loop whose clock tests put forward."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner


@pytest.mark.parametrize(
    ("records", "ttl", "kept"),
    [
        pytest.param(("a",), 300, 300, id="as long as the answer says"),
        pytest.param(("a",), 0, 10, id="at least a moment"),
        pytest.param(("a",), 604_800, 3600, id="an hour at most"),
        pytest.param((), 20, 20, id="nothing, as long as the answer says"),
        pytest.param((), 3600, 60, id="nothing, a minute at most"),
        pytest.param((), None, 60, id="nothing, for nobody knows how long"),
    ],
)
def test_answers_are_kept(
    runner: asyncio.Runner, records: tuple[str, ...], ttl: int | None, kept: float
) -> None:
    async def test() -> None:
        source = Source(records, ttl)
        cache = Cache(source.ask)
        assert await cache.get("key") == records
        jump(kept - 1)
        assert await cache.get("key") == records
        assert source.asked["key"] == 1
        jump(2)
        assert await cache.get("key") == records
        assert source.asked["key"] == 2

    runner.run(test())


def test_failures_are_not_kept(runner: asyncio.Runner) -> None:
    async def test() -> None:
        source = Source()
        source.failing = True
        cache = Cache(source.ask)
        with pytest.raises(DnsFailure):
            await cache.get("key")
        source.failing = False
        assert await cache.get("key") == ("a",)

    runner.run(test())


def test_a_failure_nobody_waits_for_is_no_matter(
    runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        source = Source()
        source.failing = True
        cache = Cache(source.ask)
        cache.get("key")
        for _ in range(3):
            await asyncio.sleep(0)

    runner.run(test())
    assert not caplog.records


def test_of_many_the_oldest_is_forgotten(runner: asyncio.Runner) -> None:
    async def test() -> None:
        source = Source()
        cache = Cache(source.ask)
        for number in range(4097):
            await cache.get(str(number))
        await cache.get("1")
        await cache.get("4096")
        assert source.asked["1"] == source.asked["4096"] == 1
        await cache.get("0")
        assert source.asked["0"] == 2

    runner.run(test())


def test_not_too_many_are_asked_for_at_once(runner: asyncio.Runner) -> None:
    async def test() -> None:
        answers: asyncio.Future[Answer[str]] = asyncio.get_running_loop().create_future()
        ask: Callable[[str], asyncio.Future[Answer[str]]] = lambda key: answers  # noqa: E731
        cache = Cache(ask)
        waiting = [cache.get(str(number)) for number in range(4096)]
        with pytest.raises(DnsFailure, match="too many"):
            await cache.get("one more")
        answers.set_result(Answer(("a",), 60))
        assert {await each for each in waiting} == {("a",)}

    runner.run(test())


def test_after_its_end_nobody_is_asked(runner: asyncio.Runner) -> None:
    async def test() -> None:
        begun = asyncio.Event()

        async def ask(key: str) -> Answer[str]:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

        cache = Cache(ask)
        waiting = cache.get("key")
        await begun.wait()
        cache.close()
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    runner.run(test())
