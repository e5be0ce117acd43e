"""Log-ins, from the TCP connection to the roster."""

from bench.client import Mechanism
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import Scenario, close_all, log_in_all, names, register_all
from bench.servers import Server

LOGINS = 300
MECHANISMS: tuple[Mechanism, ...] = ("SCRAM-SHA-1", "PLAIN")


class Login(Scenario):
    """CPU of a log-in, without TLS."""

    name = "login"

    async def prepare(self, server: Server) -> None:
        """Register an account for each log-in."""
        await register_all(server, names("user", LOGINS))

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Log in with each mechanism."""
        figures = []
        users = names("user", LOGINS)
        # What a server does once in its life (load code, fill a cache) is no part of a log-in.
        await close_all(await log_in_all(server, users[:20]))
        for mechanism in MECHANISMS:
            await settle(server.processes)
            meter = Meter(server.processes)
            clients = await log_in_all(server, users, mechanism=mechanism)
            span = meter.stop()
            figures.append(Figure(f"login, {mechanism}: CPU", "ms", span.server_cpu * 1e3 / LOGINS))
            await close_all(clients)
        return figures, span
