"""The program `burblectl`, against a real server."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
from pathlib import Path

import pytest

from burble.server import Server
from burble.testing import serving
from tests.faces.programs import Ended, burblectl


async def ctl(server: Server, *arguments: str) -> Ended:
    """Give a command to a server of this process."""
    directory = server.settings.data_dir
    return await burblectl(directory, "--data-dir", str(directory), *arguments)


async def test_a_command_that_is_done(server: Server) -> None:
    ended = await ctl(server, "register", "mercutio", "localhost", "-secret")
    assert ended == Ended(0, "User mercutio@localhost successfully registered\n", "")
    ended = await ctl(server, "registered-users", "localhost")
    assert ended == Ended(0, "juliet\nmercutio\nnurse\nromeo\n", "")


async def test_a_result_as_json(server: Server) -> None:
    ended = await ctl(server, "--json", "status")
    assert json.loads(ended.out)["hosts"] == ["localhost"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["register", "juliet", "localhost", "x"], 1, "burblectl: juliet@localhost is already registered\n"),
        (
            ["register", "juliet"],
            2,
            "password: this argument is needed\nusage: register USER HOST PASS",
        ),
        (["conected_users"], 2, "there is no command 'conected_users'; did you mean connected_users"),
    ],
)
async def test_a_command_that_is_not_done(
    server: Server, arguments: list[str], status: int, said: str
) -> None:
    ended = await ctl(server, *arguments)
    assert (ended.status, ended.out) == (status, "")
    assert said in ended.err


async def test_help(server: Server) -> None:
    listed = await ctl(server, "help")
    assert "register USER HOST PASSWORD\tRegister an account.\n" in listed.out
    explained = await ctl(server, "help", "register")
    assert "USER: the account's name, without its domain." in explained.out
    assert "burblectl register juliet localhost s3cr3t" in explained.out


async def test_no_server(tmp_path: Path) -> None:
    (tmp_path / "burble.toml").write_text('data_dir = "data"\n')
    ended = await burblectl(tmp_path, "status")
    assert ended.status == 3
    assert ended.err.startswith(f"burblectl: the server is not running: nobody listens on {tmp_path}/data/")


async def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    ended = await burblectl(tmp_path, "--config", "no.toml", "status")
    assert ended == Ended(
        1, "", "burblectl: the settings file no.toml can't be read: No such file or directory\n"
    )


async def test_stop(server: Server) -> None:
    assert await ctl(server, "stop") == Ended(0, "", "")
    assert server.hosts == {}


async def test_only_the_servers_user_may_connect(server: Server) -> None:
    mode = (server.settings.data_dir / "burble.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_data_directory_with_a_long_name(tmp_path: Path) -> None:
    """A socket's path has at most 107 bytes, a directory's 4,095."""
    directory = tmp_path / ("d" * 120) / ("e" * 120)
    async with serving(directory) as server:
        ended = await ctl(server, "connected_users_number")
        assert ended == Ended(0, "0\n", "")


async def test_a_person_at_a_terminal_gets_a_table(server: Server) -> None:
    import asyncio
    import sys

    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "burble.faces.cli",
        "--data-dir",
        str(server.settings.data_dir),
        "status",
        stdout=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    assert await process.wait() == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", os.read(ours, 65536).decode())
    os.close(ours)
    assert re.search(r"hosts +localhost", shown)
    assert "\t" not in shown
