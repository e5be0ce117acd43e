"""A server as people run it: a process of its own, started with a settings file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_SETTINGS = """\
data_dir = "data"
admins = ["bard@localhost"]

[listen]
c2s = ["127.0.0.1:0"]
c2s_tls = ["127.0.0.1:0"]
s2s = []
components = COMPONENTS

[auth]
mechanisms = MECHANISMS
# @xmpp/client hashes in JavaScript, and needs a second for the 10,000 rounds of the default.
scram_iterations = 4096

[registration]
open = true

[limits]
registrations_per_address = 0
"""
SCRAM = [f"SCRAM-SHA-{hash}{plus}" for hash in (512, 256, 1) for plus in ("-PLUS", "")]
_PORT = r"127\.0\.0\.1:(\d+)"
_SERVING = re.compile(f"serving localhost on {_PORT}, {_PORT}(?:, {_PORT})?")
_COMPLAINT = re.compile(r" (WARNING|ERROR|CRITICAL) ")
_PATIENCE = 20.0


class BurbleProcess:
    """`burble serve`, on ports that the system chose.

    Args:
        directory: where its settings and its data are.
        mechanisms: the SASL mechanisms it offers.
        components: tables of the settings about components (XEP-0114).
    """

    port: int
    """Where clients start TLS in the stream."""
    tls_port: int
    """Where clients start with TLS (XEP-0368)."""
    component_port: int
    """Where components connect, if there are any."""

    def __init__(self, directory: Path, mechanisms: list[str], components: str = "") -> None:
        self.certificate = directory / "data" / "self-signed.crt"
        self.log: list[str] = []
        settings = _SETTINGS.replace("MECHANISMS", json.dumps(mechanisms))
        settings = settings.replace("COMPONENTS", '["127.0.0.1:0"]' if components else "[]")
        (directory / "burble.toml").write_text(settings + components)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "burble", "serve", "--config", "burble.toml"],
            cwd=directory,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self._serving = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,))
        self._reader.start()
        if not self._serving.wait(_PATIENCE) or not hasattr(self, "port"):
            self._process.kill()
            self._end()
            raise RuntimeError("burble does not start:\n" + "".join(self.log))

    def stop(self) -> None:
        """Stop it as a service manager does; it must end cleanly and have had nothing to complain about."""
        self._process.terminate()
        self._process.wait(_PATIENCE)
        self._end()
        assert self._process.returncode == 0
        assert not [line for line in self.log if _COMPLAINT.search(line)], "".join(self.log)

    def begins_anew(self) -> None:
        """Wait until it serves again, after somebody has asked it to restart."""
        assert self._serving.wait(_PATIENCE), "".join(self.log)

    def is_to_begin_anew(self) -> None:
        """From now on it is expected to restart."""
        self._serving.clear()

    def _end(self) -> None:
        self._reader.join(_PATIENCE)

    def _read(self, stderr: IO[str]) -> None:
        with stderr:
            for line in stderr:
                self.log.append(line)
                if found := _SERVING.search(line):
                    self.port, self.tls_port = int(found[1]), int(found[2])
                    self.component_port = int(found[3] or 0)
                    self._serving.set()
        self._serving.set()


@contextmanager
def running(directory: Path, mechanisms: list[str] = SCRAM, components: str = "") -> Iterator[BurbleProcess]:
    """A server for as long as the context lasts; see `BurbleProcess`."""
    process = BurbleProcess(directory, mechanisms, components)
    try:
        yield process
    finally:
        process.stop()
