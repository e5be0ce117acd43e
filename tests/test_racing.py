"""Attempts that begin one after another: the first success counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from burble.racing import AllFailed, first_success


class Runner:
    """Something that can be attempted.

    Attributes:
        begun: it has been.
        stopped: it was stopped before it was over.
    """

    def __init__(self, result: str | Exception | None, *, stubborn: bool = False) -> None:
        self.begun = asyncio.Event()
        self.stopped = False
        self.go = asyncio.Event()
        self._result = result
        self._stubborn = stubborn
        if result is not None:
            self.go.set()

    async def run(self) -> str:
        """Succeed or fail; without a result, when told to go."""
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped = True
            if not self._stubborn:
                raise
        if isinstance(self._result, Exception):
            raise self._result
        return self._result or "late"


def attempts(*runners: Runner) -> list[Callable[[], Coroutine[None, None, str]]]:
    return [runner.run for runner in runners]


async def test_where_the_first_succeeds_the_others_do_not_begin() -> None:
    one, two = Runner("one"), Runner("two")
    assert await first_success(attempts(one, two), 60) == "one"
    assert not two.begun.is_set()


async def test_after_a_failure_the_next_begins_at_once() -> None:
    async with asyncio.timeout(5):
        assert await first_success(attempts(Runner(OSError("no")), Runner("two")), 60) == "two"


async def test_after_its_head_start_the_next_runs_beside_it_and_the_loser_is_stopped() -> None:
    one = Runner(None)
    assert await first_success(attempts(one, Runner("two")), 0.01) == "two"
    await asyncio.sleep(0)
    assert one.stopped


async def test_the_slow_one_may_win_all_the_same() -> None:
    one, two = Runner(None), Runner(None)
    race = asyncio.create_task(first_success(attempts(one, two), 0.01))
    await two.begun.wait()
    one.go.set()
    assert await race == "late"
    await asyncio.sleep(0)
    assert two.stopped


async def test_a_failure_does_not_stop_those_that_run() -> None:
    one, two = Runner(None), Runner(OSError("no"))
    race = asyncio.create_task(first_success(attempts(one, two), 0.01))
    await two.begun.wait()
    await asyncio.sleep(0)
    one.go.set()
    assert await race == "late"


async def test_where_all_fail_all_reasons_are_told() -> None:
    with pytest.raises(AllFailed, match="one; OSError") as error:
        await first_success(attempts(Runner(ValueError("one")), Runner(OSError())), 60)
    assert [type(each) for each in error.value.failures] == [ValueError, OSError]


async def test_without_attempts_all_have_failed() -> None:
    with pytest.raises(AllFailed):
        await first_success(attempts(), 60)


async def test_a_result_that_comes_too_late_is_discarded() -> None:
    discarded: list[str] = []
    late = Runner(None, stubborn=True)
    assert await first_success(attempts(late, Runner("two")), 0.01, discarded.append) == "two"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert discarded == ["late"]


async def test_of_two_results_at_once_one_is_discarded() -> None:
    discarded: list[str] = []
    one, two = Runner(None), Runner(None)
    race = asyncio.create_task(first_success(attempts(one, two), 0.01, discarded.append))
    await two.begun.wait()
    one.go.set()
    two.go.set()
    assert await race == "late"
    await asyncio.sleep(0)
    assert discarded == ["late"]


async def test_who_stops_waiting_stops_all() -> None:
    one, two = Runner(None), Runner(None)
    race = asyncio.create_task(first_success(attempts(one, two), 0.01))
    await two.begun.wait()
    race.cancel()
    await asyncio.wait([race])
    assert race.cancelled()
    await asyncio.sleep(0)
    assert one.stopped
    assert two.stopped
