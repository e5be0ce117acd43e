"""A network and a clock that tests command: connections break when they say so, and hours pass in no time.

The server is a real one; only sockets are left out. What is written waits in a `Wire` until it is carried to
the other end, and is lost where the wire is cut before.
"""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections import deque
from typing import cast

from burble.routing.hosts import Host
from burble.server import Server
from burble.streams.c2s import C2SStream
from burble.streams.parser import ParserLimits


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward; else its time passes as everywhere."""

    def __init__(self) -> None:
        self._ahead = 0.0
        super().__init__()

    def time(self) -> float:
        """The loop's time: what is due by it happens in the next tick."""
        return super().time() + self._ahead

    def jump(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds


class Wire:
    """A connection to a server; its end there is a `burble.streams.base.Carrier`.

    Attributes:
        closed: the server has closed it.
    """

    tls = None
    can_start_tls = False
    address = "192.0.2.1"
    port = 0

    def __init__(self, server: Server) -> None:
        self.closed = False
        self.stream = C2SStream(self, server, ParserLimits())
        self._up = bytearray()
        self._down = bytearray()
        self._wants = False
        self._arrived: deque[ET.Element] = deque()
        self.restart()

    # ---- the server's end

    def wake(self) -> None:
        """The server has something to send."""
        self._wants = True

    def start_tls(self) -> None:
        """There is no TLS here."""
        raise NotImplementedError

    def pause(self) -> None:
        """What comes meanwhile waits in the stream."""

    def resume(self) -> None:
        """The stream takes more."""

    def close(self) -> None:
        """The server hangs up; what it has sent before still arrives."""
        self._take()
        self.closed = True

    def _take(self) -> None:
        if self._wants:
            self._wants = False
            self._down += self.stream.take()

    # ---- the client's end

    def write(self, data: str) -> None:
        """Send to the server; it is under way until it is carried."""
        self._up += data.encode()

    def carry(self) -> bool:
        """Let what is under way in both directions arrive; whether there was anything."""
        self._take()
        up, down = bytes(self._up), bytes(self._down)
        self._up.clear()
        self._down.clear()
        if up and not self.closed:
            self.stream.receive(up)
        if down:
            self._feed(down)
        return bool(up or down)

    def cut(self) -> None:
        """Break the connection: what is under way is lost."""
        self._up.clear()
        self._down.clear()
        self.closed = True
        self.stream.disconnected()

    def next(self) -> ET.Element | None:
        """The next element that has arrived, or None."""
        return self._arrived.popleft() if self._arrived else None

    def restart(self) -> None:
        """Expect a new stream, as after the login."""
        self._parser = ET.XMLPullParser(["start", "end"])
        self._depth = 0

    def _feed(self, data: bytes) -> None:
        self._parser.feed(data)
        for kind, element in self._parser.read_events():
            assert isinstance(element, ET.Element)
            self._depth += 1 if kind == "start" else -1
            if kind == "end" and self._depth == 1:
                self._arrived.append(element)


async def settle(host: Host, wires: list[Wire]) -> None:
    """Wait until the server has done all it has to do for now."""
    batch = host.database.batch
    quiet = 0
    while quiet < 3:
        await asyncio.sleep(0)
        quiet += 1
        works = [work for wire in wires if (work := wire.stream.work) is not None]
        waiting = {*works, *host._tasks}
        if batch.unsettled:
            await batch.flush()
        elif waiting:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        else:
            continue
        quiet = 0


def jump(seconds: float) -> None:
    """Put the running loop's clock forward."""
    cast(JumpingLoop, asyncio.get_running_loop()).jump(seconds)
