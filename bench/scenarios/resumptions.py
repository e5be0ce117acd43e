"""Clients that lose their connections and resume their sessions (XEP-0198 §5)."""

import time
from functools import partial

from bench.client import Client, connect
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import Scenario, close_all, each, log_in_all, names, register_all
from bench.servers import Server

SESSIONS = 200
TIMES = 5


class Resumptions(Scenario):
    """CPU and time of a resumption: a new connection without TLS, SCRAM-SHA-1, and the session as it was."""

    name = "resume"

    async def prepare(self, server: Server) -> None:
        """Register an account for each session."""
        await register_all(server, names("user", SESSIONS))

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Cut all connections and resume all sessions, some times."""
        clients = await log_in_all(server, names("user", SESSIONS))
        for client in clients:
            client.send(b"<presence/>")
            await client.expect(b"<presence")
            await client.enable_management()
        await settle(server.processes)
        meter = Meter(server.processes)
        start = time.perf_counter()
        for _ in range(TIMES):
            for client in clients:
                client.abort()
            clients = await each(
                partial(_again, server.port, user, client)
                for user, client in zip(names("user", SESSIONS), clients, strict=True)
            )
        seconds = time.perf_counter() - start
        span = meter.stop()
        await close_all(clients)
        done = SESSIONS * TIMES
        return [
            Figure("resumption: CPU", "ms", span.server_cpu * 1e3 / done),
            Figure("1,000 resumptions: time", "s", seconds * 1000 / done),
        ], span


async def _again(port: int, user: str, lost: Client) -> Client:
    client = await connect(port)
    await client.authenticate(user, "SCRAM-SHA-1")
    await client.resume(lost.resumption, 0)
    return client
