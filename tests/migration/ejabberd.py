"""ejabberd from the distribution's package, run for as long as a few of its functions take."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CONFIG = """\
loglevel: warning
hosts: [localhost]
listen: []
auth_password_format: {format}
modules:
  mod_offline: {{}}
  mod_private: {{}}
  mod_roster: {{}}
  mod_vcard: {{search: false}}
"""
_PATIENCE = 50.0


def _library() -> Path | None:
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin/ejabberd.app"))
    return found[-1].parents[2] if found and shutil.which("erl") else None


class Ejabberd:
    """Its data in a directory of its own; it listens nowhere.

    Args:
        directory: where its data is.
        format: how it keeps passwords: plain or scram.
    """

    def __init__(self, directory: Path, format: str) -> None:
        self._directory = directory
        library = _library()
        if library is None:
            pytest.skip("no ejabberd (Debian: apt-get install ejabberd)")
        self._library = library
        (directory / "ejabberd.yml").write_text(_CONFIG.format(format=format))

    def run(self, *calls: str) -> str:
        """Start it, make calls in Erlang, and stop it; return what they print."""
        code = ", ".join(["ejabberd:start()", *calls, "init:stop()"])
        place = f'"{self._directory / "spool"}"'
        done = subprocess.run(
            ["erl", "-noinput", "-mnesia", "dir", place, "-ejabberd", "quiet", "true", "-eval", f"{code}."],
            env={
                **os.environ,
                "EJABBERD_CONFIG_PATH": str(self._directory / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(self._directory / "ejabberd.log"),
                "ERL_LIBS": str(self._library),
                "ERL_CRASH_DUMP_BYTES": "0",
            },
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def binary(text: str | Path) -> str:
    """A text in Erlang."""
    return f'<<"{text}"/utf8>>'


def show(expression: str) -> str:
    """A call that prints a value on a line."""
    return f'io:format("~0p~n", [{expression}])'
