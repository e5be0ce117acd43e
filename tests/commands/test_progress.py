"""Progress of commands that take long."""

from __future__ import annotations

import asyncio

import pytest

from burble.commands import ADMIN, Caller, CommandFailed, Registry, command
from burble.commands.progress import Progress, report

CALLER = Caller("test", frozenset({ADMIN}))


class Work:
    @command(tags=["a"])
    async def work(self, rows: int) -> int:
        for row in range(rows):
            report(row + 1, rows, "rows")
        report(1, None, "index")
        return rows

    @command(tags=["a"])
    async def work_in_a_thread(self) -> None:
        await asyncio.to_thread(report, 3, 3, "rows")

    @command(tags=["a"])
    async def break_off(self) -> None:
        report(0, 10, "rows")
        raise CommandFailed("no more")


@pytest.fixture
def commands() -> Registry:
    registry = Registry()
    registry.add(Work())
    return registry


async def test_who_listens_hears_of_start_and_end_but_not_of_every_row(commands: Registry) -> None:
    heard: list[Progress] = []
    assert await commands.call("work", {"rows": 100_000}, CALLER, heard.append) == 100_000
    assert heard[0] == Progress(1, 100_000, "rows")
    assert heard[-2:] == [Progress(100_000, 100_000, "rows"), Progress(1, None, "index")]
    assert len(heard) < 30


async def test_a_thread_reports_as_well(commands: Registry) -> None:
    heard: list[Progress] = []
    await commands.call("work_in_a_thread", {}, CALLER, heard.append)
    assert heard == [Progress(3, 3, "rows")]


async def test_callers_hear_of_their_own_call_only(commands: Registry) -> None:
    heard: list[Progress] = []
    with pytest.raises(CommandFailed, match="no more"):
        await commands.call("break_off", {}, CALLER, heard.append)
    await commands.call("work", {"rows": 5}, CALLER)
    report(1, 1, "outside of any call")
    assert heard == [Progress(0, 10, "rows")]
