"""A host's accounts as an external script knows them, by ejabberd's protocol."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from burble.auth import AuthenticatorUnavailable
from burble.auth.script import ScriptPool

SCRIPTS = Path(__file__).with_name("scripts")
HOST = "example.org"

Start = Callable[..., ScriptPool]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Makes pools of a script of this directory."""
    pools: list[ScriptPool] = []

    def make(name: str, *arguments: object, processes: int = 1, timeout: float = 20.0) -> ScriptPool:
        command = [sys.executable, "-S", str(SCRIPTS / name), *map(str, arguments)]
        pools.append(ScriptPool(command, HOST, processes=processes, timeout=timeout))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


class Kept:
    """The accounts that the script `accounts.py` keeps."""

    def __init__(self, directory: Path, host: str = HOST, **passwords: str) -> None:
        self.file = directory / "accounts.json"
        self.log = directory / "questions"
        self.file.write_text(json.dumps({f"{user}@{host}": word for user, word in passwords.items()}))

    @property
    def accounts(self) -> dict[str, str]:
        return dict(json.loads(self.file.read_text()))

    @property
    def questions(self) -> list[str]:
        return [line.split(" ", 1)[1] for line in self.log.read_text().splitlines()]

    @property
    def processes(self) -> list[int]:
        """The process that answered each question."""
        return [int(line.split(" ", 1)[0]) for line in self.log.read_text().splitlines()]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path, juliet="pencil", nurse="a:b::c")


# ---- the protocol


async def test_the_script_of_the_guide_runs_as_it_is(start: Start) -> None:
    guide = start("guide.py")
    assert await guide.check_password("juliet", "anything")
    assert await guide.exists("juliet")
    assert await guide.set_password("juliet", "anything")
    assert not await guide.register("juliet", "anything")
    assert not await guide.remove("juliet")


async def test_every_operation_is_asked_as_ejabberd_does(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log)
    assert await script.check_password("juliet", "pencil")
    assert not await script.check_password("juliet", "Pencil")
    assert await script.exists("juliet")
    assert not await script.exists("romeo")
    assert await script.register("romeo", "rope")
    assert not await script.register("romeo", "ladder")
    assert await script.set_password("romeo", "ladder")
    assert kept.accounts["romeo@example.org"] == "ladder"
    assert not await script.remove("romeo", "rope")
    assert await script.remove("romeo", "ladder")
    assert await script.remove("juliet")
    assert list(kept.accounts) == ["nurse@example.org"]
    assert kept.questions == [
        "auth:juliet:example.org:pencil",
        "auth:juliet:example.org:Pencil",
        "isuser:juliet:example.org",
        "isuser:romeo:example.org",
        "tryregister:romeo:example.org:rope",
        "tryregister:romeo:example.org:ladder",
        "setpass:romeo:example.org:ladder",
        "removeuser3:romeo:example.org:rope",
        "removeuser3:romeo:example.org:ladder",
        "removeuser:juliet:example.org",
    ]


async def test_a_password_may_hold_colons_and_any_script(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log)
    assert await script.check_password("nurse", "a:b::c")
    assert await script.set_password("nurse", "пароль密码")
    assert kept.accounts["nurse@example.org"] == "пароль密码"


async def test_a_password_longer_than_a_question_is_wrong_without_asking(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log)
    assert not await script.check_password("juliet", "x" * 40_000)
    assert not kept.log.exists()


# ---- the pool


async def test_processes_are_started_when_needed_and_used_again(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log, processes=3)
    for _ in range(5):
        assert await script.exists("juliet")
    assert len(set(kept.processes)) == 1
    await asyncio.gather(*(script.exists("juliet") for _ in range(12)))
    assert len(kept.processes) == 17
    assert 1 < len(set(kept.processes)) <= 3


async def test_answers_reach_who_asked(start: Start) -> None:
    script = start("bad.py", processes=3)
    words = ["right", "wrong"] * 20
    answers = await asyncio.gather(*(script.check_password("juliet", word) for word in words))
    assert answers == [True, False] * 20


async def test_a_process_that_was_killed_is_replaced(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log)
    assert await script.exists("juliet")
    os.kill(kept.processes[0], 9)
    assert await script.exists("juliet")
    assert len(set(kept.processes)) == 2


async def test_closing_ends_the_processes(start: Start, kept: Kept) -> None:
    script = start("accounts.py", kept.file, kept.log)
    assert await script.exists("juliet")
    await script.close()
    with pytest.raises(ProcessLookupError):
        os.kill(kept.processes[0], 0)


def test_it_works_on_uvloop(kept: Kept) -> None:
    async def ask() -> None:
        command = [sys.executable, "-S", str(SCRIPTS / "accounts.py"), str(kept.file), str(kept.log)]
        pool = ScriptPool(command, HOST, processes=1, timeout=20.0)
        assert await pool.check_password("juliet", "pencil")
        os.kill(kept.processes[0], 9)
        assert await pool.check_password("juliet", "pencil")
        await pool.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


# ---- scripts that go wrong


async def recovers(script: ScriptPool) -> bool:
    """Whether right and wrong passwords are told apart again."""
    return await script.check_password("juliet", "right") and not await script.check_password(
        "juliet", "wrong"
    )


@pytest.mark.parametrize("word", ["die", "text", "long", "seven", "two", "flood", "close"])
async def test_a_wrong_answer_is_none_and_does_no_further_harm(start: Start, word: str) -> None:
    script = start("bad.py")
    assert await script.check_password("juliet", "right")
    with pytest.raises(AuthenticatorUnavailable):
        await script.set_password("juliet", word)
    assert await recovers(script)


@pytest.mark.parametrize("word", ["never", "half"])
async def test_no_answer_in_time_is_none_and_does_no_further_harm(start: Start, word: str) -> None:
    script = start("bad.py", timeout=1.0)
    assert await script.check_password("juliet", "right")
    started = time.monotonic()
    with pytest.raises(AuthenticatorUnavailable):
        await script.check_password("juliet", word)
    assert time.monotonic() - started < 1.9, "a question that was not answered in time is not asked again"
    assert await recovers(script)


@pytest.mark.parametrize("word", ["late", "die-later"])
async def test_what_follows_an_answer_is_not_the_answer_to_the_next_question(start: Start, word: str) -> None:
    script = start("bad.py")
    for _ in range(3):
        with_luck = script.check_password("juliet", word)
        try:
            assert await with_luck
        except AuthenticatorUnavailable:  # it all came at once
            pass
        assert await recovers(script)


async def test_an_answer_may_come_in_pieces(start: Start) -> None:
    assert await start("bad.py").check_password("juliet", "pieces")


async def test_a_question_whose_process_dies_is_asked_once_more_but_no_change_is(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    script = start("bad.py")
    for ask, times in ((script.check_password, 2), (script.set_password, 1)):
        assert await script.check_password("juliet", "right")
        caplog.clear()
        with pytest.raises(AuthenticatorUnavailable):
            await ask("juliet", "die")
        assert len(caplog.records) == times


async def test_a_script_that_never_answers_anything_is_not_started_over_and_over(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    script = start("bad.py", "stillborn")
    for _ in range(20):
        with pytest.raises(AuthenticatorUnavailable):
            await script.exists("juliet")
    ends = [record for record in caplog.records if "ended" in record.message]
    assert len(ends) == 3


async def test_a_question_that_the_script_does_not_survive_keeps_nobody_out(start: Start) -> None:
    script = start("bad.py")
    for _ in range(4):
        with pytest.raises(AuthenticatorUnavailable):
            await script.check_password("juliet", "die")
        assert await recovers(script)


async def test_a_program_that_is_not_there_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    script = ScriptPool(["/nowhere/auth.py"], HOST, processes=1, timeout=20.0)
    with pytest.raises(AuthenticatorUnavailable):
        await script.exists("juliet")
    assert "/nowhere/auth.py can't be started: no such file or directory" in caplog.text


async def test_who_waits_for_a_busy_script_waits_no_longer_than_the_timeout(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    script = start("bad.py", timeout=0.4)
    started = time.monotonic()
    results = await asyncio.gather(
        *(script.set_password("juliet", "never") for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(result, AuthenticatorUnavailable) for result in results)
    assert time.monotonic() - started < 1.5, "they had their turns one after the other"
    assert "are busy" in caplog.text


async def test_an_answer_nobody_waits_for_any_more_is_not_that_to_the_next_question(start: Start) -> None:
    script = start("bad.py")
    assert await script.check_password("juliet", "right")
    for _ in range(5):
        abandoned = asyncio.create_task(script.check_password("juliet", "right"))
        await asyncio.sleep(0)
        abandoned.cancel()
        assert not await script.check_password("juliet", "wrong")


async def test_no_password_reaches_the_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = start("bad.py")
    with pytest.raises(AuthenticatorUnavailable):
        await script.set_password("juliet", "seven")
    assert caplog.records
    assert "seven" not in caplog.text
