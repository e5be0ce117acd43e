"""The two ends of a connection between servers, as little as there can be of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from burble.streams.base import Carrier, XMLStream
from burble.streams.parser import ParserLimits, StreamOpen
from burble.tls import TlsContext
from burble.transports.connecting import ConnectingCarrier, Peer
from burble.transports.tcp import TcpCarrier, TcpSettings
from burble.xml import Element

_PEER: Final = Peer("here.test", "there.test")


class End(XMLStream):
    """A stream that says what happens to it.

    Attributes:
        events: what has happened, in words.
        heard: gets each of them.
    """

    content_ns = "jabber:server"

    def __init__(self, carrier: Carrier) -> None:
        super().__init__(carrier, ParserLimits())
        self.host_name = "here.test"
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def next(self) -> str:
        """What happens next, within a few seconds."""
        return await asyncio.wait_for(self.heard.get(), 5)

    def connected(self) -> None:
        self.heard.put_nowait("connected")

    def opened(self, header: StreamOpen) -> None:
        self.heard.put_nowait("opened")

    def received(self, element: Element) -> None:
        self.heard.put_nowait(element.name)

    def ended(self) -> None:
        self.heard.put_nowait("ended")


class Accepting(End):
    """Answers a header with its own, and ``<starttls/>`` with ``<proceed/>``."""

    def opened(self, header: StreamOpen) -> None:
        super().opened(header)
        self.send_header()

    def received(self, element: Element) -> None:
        super().received(element)
        if element.name == "starttls":
            self.send(Element("proceed", "urn:ietf:params:xml:ns:xmpp-tls"))
            self.carrier.start_tls()
            self.restart(ParserLimits())


class Connecting(End):
    """Sends its header when it is connected, and starts TLS when it may."""

    def connected(self) -> None:
        super().connected()
        self.send_header()

    def received(self, element: Element) -> None:
        super().received(element)
        if element.name == "proceed":
            self.drop_unread()
            self.carrier.start_tls()
            self.restart(ParserLimits())

    def ask_for_tls(self) -> None:
        """Send ``<starttls/>``."""
        self.send(Element("starttls", "urn:ietf:params:xml:ns:xmpp-tls"))


class Listener:
    """What listens, and the carriers that it has made.

    Attributes:
        port: where.
        taken: gets the carrier of each connection.
        gone: gets those that are over.
    """

    def __init__(self, settings: TcpSettings) -> None:
        self.settings = settings
        self.port = 0
        self.taken: asyncio.Queue[TcpCarrier] = asyncio.Queue()
        self.gone: asyncio.Queue[TcpCarrier] = asyncio.Queue()

    def make(self) -> TcpCarrier:
        """Make the carrier of a connection."""
        carrier = TcpCarrier(self.settings, Accepting, self.gone.put_nowait)
        self.taken.put_nowait(carrier)
        return carrier


@asynccontextmanager
async def listening(
    tls: TlsContext | None = None, *, direct_tls: bool = False, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Listener]:
    """Listen for other servers."""
    listener = Listener(TcpSettings(tls, direct_tls, ask_peer=True))
    server = await asyncio.get_running_loop().create_server(listener.make, host, port)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        while not listener.taken.empty():
            listener.taken.get_nowait().abort()
        await server.wait_closed()


class Ours:
    """Makes the connecting ends of connections.

    Attributes:
        made: their carriers.
    """

    def __init__(self, tls: TlsContext | None = None, peer: Peer = _PEER) -> None:
        self.made: list[TcpCarrier] = []
        self._settings = TcpSettings(tls)
        self._peer = peer
        self._gone: asyncio.Queue[TcpCarrier] = asyncio.Queue()

    def make(self) -> TcpCarrier:
        """Make the carrier of a connection."""
        carrier = ConnectingCarrier(self._settings, Connecting, self._gone.put_nowait, self._peer)
        self.made.append(carrier)
        return carrier

    async def hang_up(self) -> None:
        """Cut the connections, and wait until they are gone."""
        for carrier in self.made:
            carrier.abort()
        gone = [await self._gone.get() for _ in self.made]
        assert {id(each) for each in gone} == {id(each) for each in self.made}
