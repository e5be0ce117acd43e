"""Chat between two servers of one kind, over TLS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.dns.nameserver import NameServer

from bench.figures import Figure
from bench.meter import Processes, Span
from bench.scenarios.base import Scenario, close_all, log_in_all, names, register_all
from bench.scenarios.chat import MESSAGES, PAIRS, converse
from bench.servers import Server

# Not below "test": a validating resolver answers for that itself.
DOMAINS = ("here.example", "there.example")


class Federation(Scenario):
    """CPU a message of both servers together, and latency, with all pairs on one stream between the servers.

    They find each other by SRV records and prove their domains by dialback; after that each message costs the
    same, whatever proved them.
    """

    name = "s2s"

    def __init__(self) -> None:
        self._servers: list[Server] = []

    async def prepare(self, server: Server) -> None:
        """Do nothing: the accounts are made with each run."""

    @asynccontextmanager
    async def running(self, server: Server) -> AsyncIterator[None]:
        """Run two servers like the one given, which stays as it is."""
        async with NameServer({"localhost": ["A 127.0.0.1"]}) as nameserver:
            here, there = self._servers = [
                type(server)(
                    server.home / domain,
                    server.certificate,
                    server.key,
                    domain=domain,
                    nameserver=nameserver.port,
                )
                for domain in DOMAINS
            ]
            for each in (here, there):
                # By this name because ejabberd asks the C library for addresses, which knows no other.
                record = f"SRV 0 0 {each.s2s_port} localhost."
                nameserver.zone[f"_xmpp-server._tcp.{each.domain}"] = [record]
            async with here.running(), there.running():
                yield

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Chat with both windows, from one server to the other."""
        here, there = self._servers
        for each in (here, there):
            await register_all(each, names("user", PAIRS))
        senders = await log_in_all(here, names("user", PAIRS))
        receivers = await log_in_all(there, names("user", PAIRS))
        for client in (*senders, *receivers):
            client.send(b"<presence/>")
            await client.expect(b"<presence")
        couples = list(zip(senders, receivers, strict=True))
        # The stream is opened by the first message.
        couples[0][0].send(b"<message to='%b'><body>Hello</body></message>" % receivers[0].jid.encode())
        await receivers[0].expect(b"</message>")
        processes = Processes(*here.processes.roots, *there.processes.roots)
        figures: list[Figure] = []
        for window, messages in MESSAGES.items():
            found, span = await converse(f"s2s, window {window}", processes, couples, window, messages)
            figures += found
        await close_all([*senders, *receivers])
        return figures, span
