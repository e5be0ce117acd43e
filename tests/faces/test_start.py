"""Starting, restarting and ending the server as a process, by `burblectl`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.client import ScriptedClient, condition
from tests.faces.programs import SETTINGS, Ended, Running, burblectl, run

NOBODY = 65534


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A directory with a settings file; a server that still runs there is killed."""
    (tmp_path / "burble.toml").write_text(SETTINGS)
    yield tmp_path
    for process in servers(tmp_path):
        process.kill()


def servers(home: Path) -> list[psutil.Process]:
    """The servers that use the data directory there."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(home) and "serve" in (process.info["cmdline"] or [])
    ]


def write_program(path: Path, text: str) -> None:
    """Make a program that everybody may run."""
    path.write_text(text)
    path.chmod(0o755)


async def port(home: Path) -> int:
    """Where the server there listens."""
    status = await burblectl(home, "status")
    assert status.status == 0, status.err
    fields = dict(line.split("\t") for line in status.out.splitlines())
    return int(fields["addresses"].rpartition(":")[2])


async def test_start_returns_when_the_server_runs(home: Path) -> None:
    assert await burblectl(home, "start") == Ended(0, "", "")
    client = await ScriptedClient(await port(home)).connect()
    await client.open()
    await client.close()
    (process,) = servers(home)
    assert os.getsid(process.pid) == process.pid  # closing the terminal does not end it
    assert "serving localhost on" in (home / "data" / "burble.log").read_text()
    assert (await burblectl(home, "started")).status == 0
    again = await burblectl(home, "start")
    assert again == Ended(4, "", "burblectl: the server is running already\n")
    assert (await burblectl(home, "stop")).status == 0
    assert (await burblectl(home, "stopped")).status == 0
    assert process.wait(10) is None  # it has ended; its status is not for us


async def test_start_says_why_it_does_not(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        (home / "burble.toml").write_text(SETTINGS.replace(":0", f":{number}"))
        ended = await burblectl(home, "start")
    assert ended.status == 1
    assert f"can't listen on 127.0.0.1:{number}: another program listens there" in ended.err
    assert servers(home) == []


async def test_stopped_waits_for_the_last_stream(home: Path) -> None:
    async with Running(home) as server:
        await burblectl(home, "register", "juliet", "localhost", "secret")
        client = await (await ScriptedClient(server.port).connect()).login("juliet")
        server.process.send_signal(signal.SIGTERM)
        await server.logged("stopping on SIGTERM")
        waiting = asyncio.create_task(burblectl(home, "stopped"))
        assert condition((await client.closed())[-1]) == "system-shutdown"
        await client.close()
        assert (await waiting).status == 0
        assert await server.ended() == 0


async def test_restart_keeps_the_process_and_takes_other_settings(home: Path) -> None:
    async with Running(home) as server:
        (home / "burble.toml").write_text(SETTINGS.replace('"localhost"', '"localhost", "garden.example"'))
        assert await burblectl(home, "restart") == Ended(0, "", "")
        await server.logged("starting anew")
        await server.logged("serving localhost, garden.example on")
        assert (await burblectl(home, "--json", "status")).status == 0
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0


async def test_restart_in_the_background(home: Path) -> None:
    await burblectl(home, "start")
    (before,) = servers(home)
    assert await burblectl(home, "restart") == Ended(0, "", "")
    (after,) = servers(home)
    assert after.pid == before.pid
    assert (await burblectl(home, "stop")).status == 0


async def test_restart_with_settings_that_cannot_be_used_stops_nothing(home: Path) -> None:
    async with Running(home) as server:
        (home / "burble.toml").write_text(SETTINGS + '[modules]\nload = ["pign"]\n')
        ended = await burblectl(home, "restart")
        assert ended.status == 1
        assert 'unknown module "pign"' in ended.err
        (home / "burble.toml").write_text(SETTINGS)
        assert await port(home) == server.port


async def test_halt_does_not_wait_for_anybody(home: Path) -> None:
    async with Running(home) as server:
        await burblectl(home, "register", "juliet", "localhost", "secret")
        client = await (await ScriptedClient(server.port).connect()).login("juliet")
        assert (await burblectl(home, "halt")).status == 0
        assert await server.ended() == 1
        await client.close()


async def test_a_manager_of_services_is_told_when_it_runs(home: Path) -> None:
    """As sd_notify(3) does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(home / "notify"))
        async with Running(home, environment={"NOTIFY_SOCKET": str(home / "notify")}):
            notified.settimeout(10)
            assert notified.recv(100) == b"READY=1"


async def test_live_is_the_server_itself(home: Path) -> None:
    async with Running(home, program=["burble.faces.cli", "live"]) as server:
        assert await port(home) == server.port
        server.process.send_signal(signal.SIGINT)
        assert await server.ended() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as somebody else")
async def test_root_starts_it_as_the_user_whom_the_data_belongs_to() -> None:
    with tempfile.TemporaryDirectory(prefix="burble-") as directory:
        home = Path(directory)
        data = home / "data"
        os.chmod(home, 0o755)
        os.mkdir(data, 0o700)
        os.chown(data, NOBODY, NOBODY)
        # Where the tests' own Python is out of that user's reach, a program in its place tells who it is.
        python = home / "python"
        write_program(python, "#!/bin/sh\nid -u >&2; id -g >&2; id -G >&2; exit 1\n")
        source = (
            f"import sys; sys.executable = {str(python)!r}\n"
            "from burble.faces.cli import main; main(['--data-dir', 'data', 'COMMAND'])"
        )
        for command in ("start", "live"):
            arguments = ("-c", source.replace("COMMAND", command))
            ended = await run(sys.executable, *arguments, directory=home)
            assert ended.status == 1
            assert ended.err.removeprefix("burblectl: ").split() == [str(NOBODY)] * 3
        os.chmod(python, 0o700)
        refused = await run(sys.executable, "-c", source.replace("COMMAND", "start"), directory=home)
        assert refused.status == 1
        assert "can't be run as the user 65534, to whom the data directory belongs" in refused.err
