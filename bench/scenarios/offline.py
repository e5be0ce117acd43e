"""Messages to somebody who is away, and their delivery when he comes back."""

import re

from bench.client import DOMAIN, log_in
from bench.figures import Figure, delivery_faults
from bench.meter import Meter, Span, settle
from bench.scenarios.base import Counter, Scenario, ScenarioFailed, quiet, register_all, until
from bench.servers import Server

MESSAGES = 1000
LIMIT = 60.0  # seconds
_ERROR = re.compile(rb"<message[^>]*type=['\"]error['\"]")
_ID = re.compile(rb"\bid=['\"]o(\d+)['\"]")


class Offline(Scenario):
    """CPU of storing a message and of delivering it, and whether all arrive, in order."""

    name = "offline"

    async def prepare(self, server: Server) -> None:
        """Register a sender and a receiver."""
        await register_all(server, ["sender", "receiver"])

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Send to nobody, then log in and receive."""
        sender = await log_in(server.port, "sender")
        sender.send(b"<presence/>")
        await settle(server.processes)
        answers = Counter(sender, b"last-stored", keep=True)
        message = (
            f"<message to='receiver@{DOMAIN}' type='chat' id='o%d'>"
            "<body>The quick brown fox jumps over the lazy dog.</body></message>"
        ).encode()
        ping = (f"<iq type='get' id='last-stored' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>").encode()
        meter = Meter(server.processes)
        sender.send(b"".join([message % number for number in range(MESSAGES)]) + ping)
        await until(lambda: answers.count > 0, LIMIT)
        await settle(server.processes)  # a server may answer before it has written
        storing = meter.stop()
        sent_back = b"".join(answers.received)
        if refused := len(_ERROR.findall(sent_back)):
            raise ScenarioFailed(f"{refused} of {MESSAGES} messages refused: {sent_back[:300]!r}")

        receiver = await log_in(server.port, "receiver")
        await settle(server.processes)
        arrivals = Counter(receiver, b"</message>", keep=True)
        meter = Meter(server.processes)
        receiver.send(b"<presence/>")
        await until(lambda: arrivals.count >= MESSAGES, LIMIT)
        delivering = meter.stop()
        await quiet([arrivals], 0.5)
        ids = [int(number) for number in _ID.findall(b"".join(arrivals.received))]
        if not ids:
            raise ScenarioFailed("no message arrived")
        await sender.close()
        await receiver.close()
        return [
            Figure("offline: CPU a message stored", "µs", storing.server_cpu * 1e6 / MESSAGES),
            Figure("offline: CPU a message delivered", "µs", delivering.server_cpu * 1e6 / len(ids)),
            Figure("offline: lost, doubled, reordered", "", delivery_faults(ids, MESSAGES), True),
        ], storing
