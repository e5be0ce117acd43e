"""The real programs, `burble` and `burblectl`, run by the tests as an administrator runs them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SETTINGS = """\
hosts = ["localhost"]
data_dir = "data"

[listen]
c2s = ["127.0.0.1:0"]
c2s_tls = []
s2s = []

[tls]
require = false

[auth]
allow_plain_without_tls = true
scram_iterations = 4096

"""
_SERVING = re.compile(r"serving .* on 127\.0\.0\.1:(\d+)")
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it wrote."""

    status: int
    out: str
    err: str


async def run(
    *command: str | Path, directory: Path, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a program to its end, with this in its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=environment or _environment(directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), _TIMEOUT)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def burble(directory: Path, *arguments: str) -> Ended:
    """Run `burble` in a directory."""
    return await run(sys.executable, "-m", "burble", *arguments, directory=directory)


async def burblectl(directory: Path, *arguments: str, stdin: str = "") -> Ended:
    """Run `burblectl` in a directory."""
    return await run(sys.executable, "-m", "burble.faces.cli", *arguments, directory=directory, stdin=stdin)


async def ejabberdctl(directory: Path, *arguments: str) -> Ended:
    """Run `burblectl` in a directory through a link with the name `ejabberdctl`."""
    link = directory / "ejabberdctl"
    if not link.is_symlink():
        link.symlink_to(Path(sys.executable).with_name("burblectl"))
    return await run(link, *arguments, directory=directory)


class Running:
    """`burble serve` with the settings file `burble.toml` of a directory; a context.

    Args:
        directory: where it runs.
        arguments: more of them.
        program: what is run in its place, a module and arguments.
        environment: variables to add.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        program: Sequence[str] = ("burble", "serve"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self._arguments = [*program, *arguments]
        self._added = dict(environment or {})
        #: What it has logged until now.
        self.log = ""

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._arguments,
            cwd=self.directory,
            env=_environment(self.directory) | self._added,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self.port = int((await self.logged(_SERVING))[1])
        return self

    async def logged(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """Wait until a line of the log from now on matches."""
        assert self.process.stderr is not None
        async with asyncio.timeout(_TIMEOUT):
            while line := (await self.process.stderr.readline()).decode():
                self.log += line
                if match := re.search(pattern, line):
                    return match
        raise AssertionError(f"the server ended, no line matches {pattern}:\n{self.log}")

    async def ended(self) -> int:
        """Wait for the end of the process; returns its exit status."""
        assert self.process.stderr is not None
        self.log += (await asyncio.wait_for(self.process.stderr.read(), _TIMEOUT)).decode()
        return await self.process.wait()

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()


def _environment(directory: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BURBLE_")}
    return kept | {"XDG_DATA_HOME": str(directory / "home"), "COLUMNS": "100"}
