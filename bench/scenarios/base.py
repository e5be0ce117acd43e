"""What every scenario needs: accounts, sessions, counting, waiting."""

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

from bench.client import Client, Mechanism, log_in, register
from bench.figures import Figure
from bench.meter import Span
from bench.servers import Server

T = TypeVar("T")


class ScenarioFailed(Exception):
    """The server did not do the work, so that what it spent is no figure to compare."""


class Scenario(ABC):
    """One kind of work. Each run gets a freshly started server with the accounts still there."""

    name: str

    @abstractmethod
    async def prepare(self, server: Server) -> None:
        """Make what `run` needs and is not in `server.prepared` yet; called before the first run."""

    def running(self, server: Server) -> AbstractAsyncContextManager[None]:
        """Run what `run` needs within the context: the server. Raises ServerFailed."""
        return server.running()

    @abstractmethod
    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Do the work once; return the figures and the span that shows the noise.

        Raises ScenarioFailed when nothing was delivered.
        """


async def each(jobs: Iterable[Callable[[], Awaitable[T]]], at_once: int = 20) -> list[T]:
    """Run the jobs, so many at once, and return what they return, in order."""
    gate = asyncio.Semaphore(at_once)

    async def gated(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    return await asyncio.gather(*(gated(job) for job in jobs))


def names(prefix: str, count: int) -> list[str]:
    """Return account names."""
    return [f"{prefix}{number}" for number in range(count)]


async def register_all(server: Server, users: list[str]) -> None:
    """Register those of the accounts that the server has not got yet."""
    new = [user for user in users if user not in server.prepared]
    await each(partial(register, server.port, user, server.domain) for user in new)
    server.prepared.update(new)


async def log_in_all(
    server: Server,
    users: list[str],
    *,
    mechanism: Mechanism = "SCRAM-SHA-1",
    tls: ssl.SSLContext | None = None,
) -> list[Client]:
    """Log all of them in."""
    return await each(
        partial(log_in, server.port, user, mechanism=mechanism, tls=tls, domain=server.domain)
        for user in users
    )


async def close_all(clients: list[Client]) -> None:
    """Log all of them out."""
    await each(client.close for client in clients)


class Counter:
    """Counts a pattern in what a client receives, also where it comes in two pieces."""

    def __init__(self, client: Client, pattern: bytes, *, keep: bool = False) -> None:
        self.count = 0
        self.latest = time.perf_counter()
        """When the pattern was last seen."""
        self.received: list[bytes] = []
        """Everything received, with `keep`."""
        self._pattern = pattern
        self._keep = keep
        self._tail = b""
        client.sink = self._received

    def _received(self, data: bytes) -> None:
        if self._keep:
            self.received.append(data)
        data = self._tail + data
        found = data.count(self._pattern)
        self._tail = data[1 - len(self._pattern) :]
        if found:
            self.count += found
            self.latest = time.perf_counter()


async def until(condition: Callable[[], bool], limit: float) -> bool:
    """Wait until the condition holds, `limit` seconds at most; return whether it does."""
    deadline = time.perf_counter() + limit
    while True:
        if (holds := condition()) or time.perf_counter() > deadline:
            return holds
        await asyncio.sleep(0.005)


async def quiet(counters: list[Counter], seconds: float) -> None:
    """Wait until none of the counters has counted for so long."""
    while True:
        rest = max(counter.latest for counter in counters) + seconds - time.perf_counter()
        if rest <= 0:
            return
        await asyncio.sleep(rest)
