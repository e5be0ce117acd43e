"""A server under test: its own process, its own directory, its own port on loopback."""

import asyncio
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.client import DOMAIN, connect
from bench.meter import Processes
from bench.ports import free_port

START_LIMIT = 60.0  # seconds until a server has to answer
STOP_LIMIT = 20.0


class ServerFailed(Exception):
    """The server did not start, or ended; the message has the end of its log."""


class Server(ABC):
    """One server in one configuration. Its data outlives `stop`, so that accounts are made once."""

    name: str
    only: frozenset[str] | None = None
    """The scenarios that this configuration is for; None for all."""
    prepared_as: str | None = None
    """The name under which prepared data is kept; None to make it anew each time."""

    def __init__(
        self, home: Path, certificate: Path, key: Path, *, domain: str = DOMAIN, nameserver: int = 0
    ) -> None:
        self.home = home
        self.certificate = certificate
        self.key = key
        self.domain = domain
        self.nameserver = nameserver
        """The port on loopback of a name server that knows other servers; 0 when there are none."""
        self.port = 0
        self.s2s_port = free_port()
        self.prepared: set[str] = set()
        """The accounts, and whatever else scenarios made in the server's data."""
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """Return what has to be installed first, or None when the server can be started."""

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration, for `port` and below `home`."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    def environment(self) -> dict[str, str]:
        """Return what is to be added to the environment."""
        return {}

    @property
    def processes(self) -> Processes:
        """The running server's processes."""
        assert self._process is not None
        return Processes(self._process.pid)

    def last_words(self) -> str:
        """Return the end of the server's logs."""
        lines = []
        for log in sorted(self.home.glob("*.log")):
            lines += log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join(lines)

    def _failed(self, what: str) -> ServerFailed:
        return ServerFailed(f"{self.name} {what}; the end of its log:\n{self.last_words()}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the server within the context. Raises ServerFailed when it does not start."""
        try:
            await self._start()
            yield
        finally:
            await self._stop()

    async def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.configure()
        with (self.home / "output.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.command(),
                cwd=self.home,
                env={**os.environ, **self.environment()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                client = await connect(self.port, domain=self.domain)
            except OSError:
                if self._process.returncode is not None:
                    raise self._failed("ended at its start") from None
                if time.monotonic() > deadline:
                    raise self._failed(f"did not answer within {START_LIMIT:.0f} s") from None
                await asyncio.sleep(0.1)
            else:
                await client.close()
                return

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()
