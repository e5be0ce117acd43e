"""Memory of sessions that are available and idle."""

import asyncio

from bench.client import insecure_tls
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import Counter, Scenario, log_in_all, names, quiet, register_all
from bench.servers import Server

SESSIONS = 1000
REST = 4.0  # seconds for collecting garbage and returning memory


class Memory(Scenario):
    """Proportional set size a session, of 1,000 accounts with one session each."""

    name = "memory"

    def __init__(self, *, tls: bool) -> None:
        self._tls = tls

    async def prepare(self, server: Server) -> None:
        """Register an account for each session."""
        await register_all(server, names("user", SESSIONS))

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Log in and let the server rest."""
        context = insecure_tls() if self._tls else None
        # What the first session brings in (code, tables) is the empty server's.
        first, *others = names("user", SESSIONS)
        clients = await log_in_all(server, [first], tls=context)
        await settle(server.processes)
        empty = server.processes.memory()
        meter = Meter(server.processes)
        clients += await log_in_all(server, others, tls=context)
        counters = [Counter(client, b"<presence") for client in clients]
        for client in clients:
            client.send(b"<presence/>")
        await quiet(counters, 0.5)
        await settle(server.processes)
        span = meter.stop()
        await asyncio.sleep(REST)
        grown = server.processes.memory() - empty
        for client in clients:
            client.abort()
        over = "over TLS" if self._tls else "without TLS"
        return [
            Figure(f"idle session {over}: memory", "KiB", grown / len(others)),
            *([] if self._tls else [Figure("server with one session: memory", "MiB", empty / 1024)]),
        ], span
