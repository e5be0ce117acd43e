"""Commands about the log."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from burble import log
from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server

CALLER = Caller("test", frozenset({ADMIN}))


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    """A log of the process, and everything as before afterwards."""
    root, own = logging.getLogger(), logging.getLogger("burble")
    handlers, levels = list(root.handlers), (root.level, own.level)
    log.configure("info", file=tmp_path / "burble.log")
    yield tmp_path / "burble.log"
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def text(*files: Path) -> str:
    """What is in files."""
    return "".join(file.read_text() for file in files)


def rotated(logged: Path) -> list[Path]:
    """The files that were put aside."""
    return sorted(logged.parent.glob("burble.log.*"))


@pytest.mark.parametrize(
    ("given", "name", "least"),
    [
        ("debug", "debug", "debug"),
        ("info", "info", "info"),
        ("notice", "notice", "warning"),
        ("WARNING", "warning", "warning"),
        ("error", "error", "error"),
        ("critical", "critical", "critical"),
        ("alert", "alert", ""),
        ("emergency", "emergency", ""),
        ("none", "none", ""),
        ("0", "none", ""),
        ("1", "critical", "critical"),
        ("3", "warning", "warning"),
        ("5", "debug", "debug"),
    ],
)
async def test_levels(server: Server, logged: Path, given: str, name: str, least: str) -> None:
    await server.commands.call("set_loglevel", [given], CALLER)
    assert await server.commands.call("get_loglevel", [], CALLER) == name
    for level in ("debug", "info", "warning", "error", "critical"):
        logging.getLogger("burble.test").log(log.LEVELS[level], "told")
    told = [line.split()[2].lower() for line in text(logged).splitlines() if line.endswith("told")]
    assert told[:1] == ([least] if least else [])


@pytest.mark.parametrize("level", ["", "loud", "6", "-1", "10"])
async def test_what_is_no_level(server: Server, logged: Path, level: str) -> None:
    with pytest.raises(CommandFailed, match=r"invalid log level.*expected one of none, emergency"):
        await server.commands.call("set_loglevel", [level], CALLER)
    assert await server.commands.call("get_loglevel", [], CALLER) == "info"


async def test_a_file_that_was_moved_away(server: Server, logged: Path) -> None:
    moved = logged.with_name("moved")
    os.rename(logged, moved)
    await server.commands.call("reopen_log", [], CALLER)
    logging.getLogger("burble.test").info("after")
    assert "after" in text(logged)
    assert "after" not in text(moved)


async def test_rotation_loses_nothing(server: Server, logged: Path) -> None:
    logger = logging.getLogger("burble.test")
    for said in ("one", "two", "three"):
        logger.info(said)
        await server.commands.call("rotate_log", [], CALLER)
    assert len(rotated(logged)) == 3
    assert all(said in text(*rotated(logged)) for said in ("one", "two", "three"))
    assert "one" not in text(logged)


async def test_a_file_that_is_gone(server: Server, logged: Path) -> None:
    os.remove(logged)
    with pytest.raises(CommandFailed, match="can't be moved"):
        await server.commands.call("rotate_log", [], CALLER)


async def test_without_a_file_there_is_nothing_to_do(server: Server) -> None:
    await server.commands.call("reopen_log", [], CALLER)
    await server.commands.call("rotate_log", [], CALLER)
