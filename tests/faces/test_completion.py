"""Completion of `burblectl`'s command lines, in real shells."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import sys
from pathlib import Path

import pytest

from burble.server import Server
from tests.faces.programs import Ended, burblectl, run

PROGRAM = Path(sys.executable).with_name("burblectl")


async def completed(server: Server, *words: str) -> list[str]:
    """What the last word may go on to."""
    directory = server.settings.data_dir
    ended = await burblectl(directory, "__complete", "--data-dir", str(directory), *words)
    assert (ended.status, ended.err) == (0, "")
    return ended.out.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["regis"], ["register", "registered_users"]),
        (["registered-"], ["registered-users"]),
        (["sto"], ["stop", "stop_kindly", "stopped"]),
        (["--d"], ["--data-dir"]),
        (["--json", "registered_us"], ["registered_users"]),
        (["registered_users", "l"], ["localhost"]),
        (["registered_users", "x"], []),
        (["register", "juliet", ""], ["localhost"]),
        (["register", "juliet", "localhost", ""], []),
        (["registered_users", "localhost", ""], []),
        (["set_loglevel", "e"], ["error", "emergency"]),
        (["completion", "b"], ["bash"]),
        (["help", "regist"], ["register", "registered_users"]),
        (["nothing", ""], []),
        (["--auth", "juliet"], []),
    ],
)
async def test_words(server: Server, words: list[str], expected: list[str]) -> None:
    found = await completed(server, *words)
    assert set(expected) <= set(found)
    assert all(each.startswith(words[-1]) for each in found)
    if not expected:
        assert found == []


async def test_tags_are_offered_for_help(server: Server) -> None:
    assert "accounts" in await completed(server, "help", "acc")


async def test_without_a_server_its_own_commands_are_offered(tmp_path: Path) -> None:
    ended = await burblectl(tmp_path, "__complete", "--data-dir", str(tmp_path), "sta")
    assert ended == Ended(0, "start\nstarted\n", "")


async def test_another_shell(tmp_path: Path) -> None:
    ended = await burblectl(tmp_path, "completion", "csh")
    assert ended.status == 2
    assert "expected bash, zsh, fish; got 'csh'" in ended.err


# ---- shells


def environment(server: Server) -> dict[str, str]:
    """The environment of a shell in which `burblectl` talks to this server."""
    return {
        "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
        "BURBLE_DATA_DIR": str(server.settings.data_dir),
        "HOME": str(server.settings.data_dir),
        "TERM": "xterm",
        "PS1": "READY ",
        "COLUMNS": "80",
    }


class Terminal:
    """A shell at a terminal."""

    def __init__(self, server: Server, *command: str) -> None:
        self._server = server
        self._command = command
        self._shown = ""

    async def __aenter__(self) -> Terminal:
        self._ours, theirs = pty.openpty()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._server.settings.data_dir,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=environment(self._server),
        )
        os.close(theirs)
        return self

    def type(self, text: str) -> None:
        """Type this."""
        os.write(self._ours, text.encode())

    async def shows(self, text: str) -> None:
        """Wait until this is to be seen, behind what was seen before."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while text not in self._shown:
                self._shown += (await loop.run_in_executor(None, os.read, self._ours, 4096)).decode()
        self._shown = self._shown.partition(text)[2]

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()
        os.close(self._ours)


async def test_bash(server: Server) -> None:
    async with Terminal(server, "bash", "--norc", "--noprofile", "-i") as bash:
        await bash.shows("READY ")
        bash.type("source <(burblectl completion bash); echo so''urced\n")
        await bash.shows("sourced")
        bash.type("burblectl registered_u\t")
        await bash.shows("registered_users ")
        bash.type("lo\t")
        await bash.shows("localhost ")
        bash.type("\n")
        await bash.shows("juliet")
        await bash.shows("romeo")
        bash.type("burblectl unreg\t juliet lo\t; echo $?\n")
        await bash.shows("READY ")
        bash.type("burblectl registered_users localhost; echo en''ded\n")
        await bash.shows("nurse")
        await bash.shows("ended")
        assert "juliet" not in await registered(server)
        bash.type("burblectl restore burb\t")  # files where nothing else fits
        await bash.shows("burble.")


async def registered(server: Server) -> list[str]:
    """The accounts there are."""
    return [user async for user in server.hosts["localhost"].authenticator.users()]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
async def test_zsh(server: Server) -> None:
    async with Terminal(server, "zsh", "-f", "-i") as zsh:
        await zsh.shows("READY ")
        zsh.type("autoload -U compinit; compinit -D; source <(burblectl completion zsh); echo so''urced\n")
        await zsh.shows("sourced")
        zsh.type("burblectl registered_u\t")
        await zsh.shows("sers")
        zsh.type("lo\t")
        await zsh.shows("calhost")
        zsh.type("\n")
        await zsh.shows("juliet")


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
async def test_fish(server: Server) -> None:
    directory = server.settings.data_dir
    asked = "burblectl completion fish | source; complete -C 'burblectl registered_users lo'"
    ended = await run(
        "fish", "--no-config", "-c", asked, directory=directory, environment=environment(server)
    )
    assert ended == Ended(0, "localhost\n", "")
