"""One-to-one chat: 50 pairs, each with a window of messages under way."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable

from bench.client import Client
from bench.figures import Figure, delivery_faults, percentile
from bench.meter import Meter, Processes, Span, settle
from bench.scenarios.base import Scenario, ScenarioFailed, close_all, log_in_all, names, register_all
from bench.servers import Server

PAIRS = 50
MESSAGES = {20: 20_000, 1: 10_000}  # in all, for each window
LIMIT = 60.0  # seconds
ASK_EVERY = 10  # messages after which a client with stream management asks what has been handled
_END = b"</message>"
_ASK = b"<r xmlns='urn:xmpp:sm:3'/>"
_ASKED = b"<r "
_ID = re.compile(rb"\bid=['\"]m(\d+)['\"]")


class Pair:
    """A sender that keeps `window` messages under way, and its receiver."""

    def __init__(
        self, sender: Client, receiver: Client, total: int, window: int, done: Callable[[], None]
    ) -> None:
        self.latencies: list[float] = []
        self._sender = sender
        self._total = total
        self._window = window
        self._done = done
        self._sent = 0
        self._times: deque[float] = deque()
        self._received: list[bytes] = []
        self._tail = b""
        self._receiver = receiver
        # What a phone's client sends: a body, a chat state and the request for a receipt.
        self._message = (
            f"<message to='{receiver.jid}' type='chat' id='m%d'>"
            "<body>The quick brown fox jumps over the lazy dog. </body>"
            "<active xmlns='http://jabber.org/protocol/chatstates'/>"
            "<request xmlns='urn:xmpp:receipts'/></message>"
        ).encode()
        sender.sink = lambda data: None
        receiver.sink = self._receive

    def start(self) -> None:
        """Send the first messages."""
        self._send(self._window, time.perf_counter())

    def _send(self, count: int, now: float) -> None:
        count = min(count, self._total - self._sent)
        if count:
            numbers = range(self._sent, self._sent + count)
            self._sent += count
            self._times.extend([now] * count)
            messages = [self._message % number for number in numbers]
            if self._sender.resumption and self._sent // ASK_EVERY != numbers[0] // ASK_EVERY:
                messages.append(_ASK)
            self._sender.send(b"".join(messages))

    def _receive(self, data: bytes) -> None:
        self._received.append(data)
        data = self._tail + data
        self._tail = data[1 - len(_END) :]
        now = time.perf_counter()
        arrived = min(data.count(_END), len(self._times))
        self._receiver.handled += arrived
        if self._receiver.resumption and _ASKED in data:
            self._receiver.send(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % self._receiver.handled)
        for _ in range(arrived):
            self.latencies.append(now - self._times.popleft())
        self._send(arrived, now)
        if arrived and len(self.latencies) == self._total:
            self._done()

    def faults(self) -> int:
        """Return how many messages were lost, doubled or out of order."""
        ids = [int(number) for number in _ID.findall(b"".join(self._received))]
        return delivery_faults(ids, self._total)


async def converse(
    what: str, processes: Processes, couples: list[tuple[Client, Client]], window: int, messages: int
) -> tuple[list[Figure], Span]:
    """Send so many messages, in all, from the first client of each couple to the second.

    Raises ScenarioFailed when none arrives.
    """
    await settle(processes)
    finished = asyncio.Semaphore(0)
    each = messages // len(couples)
    pairs = [Pair(sender, receiver, each, window, finished.release) for sender, receiver in couples]
    meter = Meter(processes)
    for pair in pairs:
        pair.start()
    try:
        async with asyncio.timeout(LIMIT):
            for _ in pairs:
                await finished.acquire()
    except TimeoutError:
        pass  # told as faults below
    span = meter.stop()
    await asyncio.sleep(0.3)  # for a message that comes twice
    latencies = sorted(seconds for pair in pairs for seconds in pair.latencies)
    if not latencies:
        raise ScenarioFailed("no message arrived")
    return [
        Figure(f"{what}: CPU a message", "µs", span.server_cpu * 1e6 / len(latencies)),
        Figure(f"{what}: latency p50", "ms", percentile(latencies, 0.5) * 1e3),
        Figure(f"{what}: latency p99", "ms", percentile(latencies, 0.99) * 1e3),
        Figure(f"{what}: lost, doubled, reordered", "", sum(p.faults() for p in pairs), True),
    ], span


class Chat(Scenario):
    """CPU a message and latency, for a window of 20 (throughput) and of 1 (conversation).

    Args:
        managed: with stream management (XEP-0198), of both clients.
    """

    def __init__(self, *, managed: bool = False) -> None:
        self.name = "sm" if managed else "chat"
        self._managed = managed

    async def prepare(self, server: Server) -> None:
        """Register two accounts a pair."""
        await register_all(server, names("user", 2 * PAIRS))

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Chat with both windows."""
        clients = await log_in_all(server, names("user", 2 * PAIRS))
        for client in clients:
            client.send(b"<presence/>")
            await client.expect(b"<presence")
            if self._managed:
                await client.enable_management()
        figures: list[Figure] = []
        for window, messages in MESSAGES.items():
            what = f"chat{' with acks' if self._managed else ''}, window {window}"
            couples = list(zip(clients[::2], clients[1::2], strict=True))
            found, span = await converse(what, server.processes, couples, window, messages)
            figures += found
        await close_all(clients)
        return figures, span
