"""Presence of users who have many contacts, all of them online."""

from collections.abc import Callable
from functools import partial

from bench.client import Client
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import (
    Counter,
    Scenario,
    ScenarioFailed,
    close_all,
    log_in_all,
    names,
    quiet,
    register_all,
    until,
)
from bench.servers import Server

USERS = 500
CONTACTS = 50
LIMIT = 60.0  # seconds without what was asked for
_FRIENDS = f"{USERS} users with {CONTACTS} contacts each"
_AHEAD = range(1, CONTACTS // 2 + 1)


def _have_come(counters: list[Counter], wanted: int) -> bool:
    return sum(counter.count for counter in counters) >= wanted


class Presence(Scenario):
    """CPU of a presence stanza delivered: when all come online, and when all change their status."""

    name = "presence"

    async def prepare(self, server: Server) -> None:
        """Make each user the contact of the 25 before and the 25 behind, by the clients' stanzas."""
        if _FRIENDS in server.prepared:
            return
        await register_all(server, names("friend", USERS))
        clients = await log_in_all(server, names("friend", USERS))
        for client in clients:
            client.send(b"<presence/>")
        await settle(server.processes)

        def ask(client: Client, other: int, *kinds: str) -> None:
            to = clients[other % USERS].bare
            client.send("".join(f"<presence to='{to}' type='{kind}'/>" for kind in kinds).encode())

        steps: list[tuple[bytes, Callable[[int, int], None]]] = [
            (b"type='subscribe'", lambda i, d: ask(clients[i], i + d, "subscribe")),
            (b"type='subscribe'", lambda i, d: ask(clients[i], i - d, "subscribed", "subscribe")),
            (b"type='subscribed'", lambda i, d: ask(clients[i], i + d, "subscribed")),
        ]
        for awaited, send in steps:
            counters = [Counter(client, awaited) for client in clients]
            # User by user, because a flood of them costs ejabberd half as much again.
            for i in range(USERS):
                for distance in _AHEAD:
                    send(i, distance)
                wanted = (i + 1) * len(_AHEAD)
                if not await until(partial(_have_come, counters, wanted), LIMIT):
                    raise ScenarioFailed(f"not all of {wanted} {awaited!r} came")
        await quiet(counters, 0.5)
        await settle(server.processes)
        await close_all(clients)
        server.prepared.add(_FRIENDS)

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Come online, then change the status."""
        clients = await log_in_all(server, names("friend", USERS))
        await settle(server.processes)
        counters = [Counter(client, b"<presence") for client in clients]
        meter = Meter(server.processes)
        for client in clients:
            client.send(b"<presence/>")
        await quiet(counters, 0.5)
        await settle(server.processes)
        initial = meter.stop()
        arrived = sum(counter.count for counter in counters)

        counters = [Counter(client, b"bench-update") for client in clients]
        meter = Meter(server.processes)
        for client in clients:
            client.send(b"<presence><show>away</show><status>bench-update</status></presence>")
        await until(partial(_have_come, counters, USERS * CONTACTS), LIMIT)
        await quiet(counters, 0.3)
        span = meter.stop()
        delivered = sum(counter.count for counter in counters)
        if not arrived or not delivered:
            raise ScenarioFailed("no presence arrived")
        # One more than the contacts for a server that also tells the user's own resource.
        faults = sum(min(abs(c.count - CONTACTS), abs(c.count - CONTACTS - 1)) for c in counters)
        for client in clients:
            client.abort()
        return [
            Figure("presence, coming online: CPU a delivery", "µs", initial.server_cpu * 1e6 / arrived),
            Figure("presence, new status: CPU a delivery", "µs", span.server_cpu * 1e6 / delivered),
            Figure("presence, new status: lost, doubled", "", faults, True),
        ], span
