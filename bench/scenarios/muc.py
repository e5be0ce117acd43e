"""Multi-user chat: talk in rooms of 100 and of 1,000 occupants, and joining the large one."""

import asyncio
import re
from collections import Counter as Multiset
from functools import partial

from bench.client import DOMAIN, Client
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import (
    Counter,
    Scenario,
    ScenarioFailed,
    each,
    log_in_all,
    names,
    quiet,
    register_all,
    until,
)
from bench.servers import Server

SIZES = (100, 1000)  # occupants
JOINERS = 10
DELIVERIES = {20: 40_000, 1: 10_000}  # of each room, for so many messages under way
LIMIT = 60.0  # seconds
_SERVICE = f"conference.{DOMAIN}"
_MUC = "http://jabber.org/protocol/muc"
_END = b"</message>"
_ID = re.compile(rb"<message[^>]*\bid=['\"]g(\d+)['\"]")


class Talk:
    """Messages to a room, so many under way: each that the first occupant reads is followed by the next."""

    def __init__(self, room: str, occupants: list[Client], window: int, total: int) -> None:
        self.done = asyncio.Event()
        self._room = room
        self._occupants = occupants
        self._window = window
        self._total = total
        self._sent = 0
        self._arrived = 0
        self._received: list[list[bytes]] = [[] for _ in occupants]
        self._tails = [b"" for _ in occupants]
        for number, occupant in enumerate(occupants):
            occupant.sink = partial(self._receive, number)

    def start(self) -> None:
        """Send the first messages."""
        self._send(self._window)

    def _send(self, count: int) -> None:
        for _ in range(min(count, self._total - self._sent)):
            self._occupants[self._sent % self._window].send(
                f"<message to='{self._room}' type='groupchat' id='g{self._sent}'>"
                "<body>The quick brown fox jumps over the lazy dog.</body>"
                f"<origin-id xmlns='urn:xmpp:sid:0' id='g{self._sent}'/></message>".encode()
            )
            self._sent += 1

    def _receive(self, number: int, data: bytes) -> None:
        self._received[number].append(data)
        data = self._tails[number] + data
        self._tails[number] = data[1 - len(_END) :]
        if arrived := data.count(_END):
            self._arrived += arrived
            if number == 0:
                self._send(arrived)
            if self._arrived >= self._total * len(self._occupants):
                self.done.set()

    def faults(self) -> int:
        """Return how many messages were lost, doubled, or not where the first occupant read them."""
        read = [[int(id_) for id_ in _ID.findall(b"".join(parts))] for parts in self._received]
        faults = 0
        for ids in read:
            counts = Multiset(ids)
            faults += sum(abs(counts[number] - 1) for number in range(self._total))
            faults += sum(here != there for here, there in zip(ids, read[0], strict=False))
        return faults

    @property
    def arrived(self) -> int:
        """How many messages all occupants together have read."""
        return self._arrived


class Muc(Scenario):
    """CPU of a message delivered to an occupant, and of one who joins."""

    name = "muc"

    async def prepare(self, server: Server) -> None:
        """Register an account for each occupant and joiner."""
        await register_all(server, names("user", max(SIZES) + JOINERS))

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Fill both rooms, talk in them, then let some more join the larger one."""
        clients = await log_in_all(server, names("user", max(SIZES) + JOINERS))
        for client in clients:
            client.send(b"<presence/>")
        figures: list[Figure] = []
        faults = 0
        for size in SIZES:
            room = f"room{size}@{_SERVICE}"
            await self._fill(room, clients[:size])
            for window, deliveries in DELIVERIES.items():
                talk, span = await self._talk(server, room, clients[:size], window, deliveries // size)
                under_way = f"{window} messages under way" if window > 1 else "one message at a time"
                figures.append(
                    Figure(
                        f"muc, {size:,} occupants, {under_way}: CPU a delivery",
                        "µs",
                        span.server_cpu * 1e6 / talk.arrived,
                    )
                )
                faults += talk.faults()
        figures.append(Figure("muc: lost, doubled, reordered", "", faults, True))
        occupants, joiners = clients[: max(SIZES)], clients[max(SIZES) :]
        joined, span = await self._join(server, room, occupants, joiners)
        for client in clients:
            client.abort()
        return figures + joined, span

    async def _fill(self, room: str, occupants: list[Client]) -> None:
        """Have all enter; a thousand are sent a million presences, which takes some peers minutes."""
        owner, *others = occupants
        await _enter(room, owner)
        await _unlock(room, owner)
        await each(partial(_enter, room, occupant) for occupant in others)

    async def _talk(
        self, server: Server, room: str, occupants: list[Client], window: int, messages: int
    ) -> tuple[Talk, Span]:
        await settle(server.processes)
        talk = Talk(room, occupants, window, messages)
        meter = Meter(server.processes)
        talk.start()
        try:
            async with asyncio.timeout(LIMIT):
                await talk.done.wait()
        except TimeoutError:
            pass  # told as faults
        span = meter.stop()
        await asyncio.sleep(0.3)  # for a message that comes twice
        if not talk.arrived:
            raise ScenarioFailed("no message arrived")
        return talk, span

    async def _join(
        self, server: Server, room: str, occupants: list[Client], joiners: list[Client]
    ) -> tuple[list[Figure], Span]:
        await settle(server.processes)
        seen = [Counter(occupant, b"<presence") for occupant in occupants]
        read = [Counter(joiner, b"<presence", keep=True) for joiner in joiners]
        meter = Meter(server.processes)
        for number, joiner in enumerate(joiners):
            joiner.send(_entrance(room, joiner))
            if not await until(partial(_has_counted, read[number], len(occupants) + number + 1), LIMIT):
                raise ScenarioFailed(f"{read[number].count} presences came of {len(occupants) + number + 1}")
        wanted = len(occupants) * len(joiners)
        if not await until(lambda: sum(counter.count for counter in seen) >= wanted, LIMIT):
            raise ScenarioFailed("not all occupants saw who joined")
        await quiet(seen, 0.2)
        span = meter.stop()
        what = f"muc, joining {len(occupants):,}"
        size = sum(len(data) for data in read[0].received)
        return [
            Figure(f"{what}: CPU", "ms", span.server_cpu * 1e3 / len(joiners)),
            Figure(f"{what}: sent to the joiner", "KiB", size / 1024),
        ], span


def _has_counted(counter: Counter, wanted: int) -> bool:
    return counter.count >= wanted


def _entrance(room: str, client: Client) -> bytes:
    nick = client.bare.partition("@")[0]
    return f"<presence to='{room}/{nick}'><x xmlns='{_MUC}'/></presence>".encode()


async def _enter(room: str, client: Client) -> None:
    # The last that a newcomer is sent (XEP-0045 §7.1).
    subject = Counter(client, b"<subject")
    client.send(_entrance(room, client))
    if not await until(partial(_has_counted, subject, 1), LIMIT):
        raise ScenarioFailed(f"{client.jid} could not enter {room}")


async def _unlock(room: str, owner: Client) -> None:
    """Accept the default configuration, for which the others have to wait (XEP-0045 §10.1.2)."""
    owner.sink = None
    owner.send(
        f"<iq type='set' id='unlock' to='{room}'><query xmlns='{_MUC}#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>".encode()
    )
    await owner.expect(b"<iq ", b"type='error'")
    owner.sink = lambda data: None
