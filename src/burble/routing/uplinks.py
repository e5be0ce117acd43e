"""Domains served here that are components of other servers, which is how everybody else reaches them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Mapping
from typing import Final

from burble.config import ComponentOf
from burble.errors import StanzaError, StreamError
from burble.jid import JID
from burble.routing.router import Route, Router
from burble.stanza import Stanza
from burble.streams.base import XMLStream
from burble.streams.component import PeerStream
from burble.streams.component_client import ComponentClientStream
from burble.streams.parser import ParserLimits
from burble.transports.tcp import TcpCarrier, TcpSettings

__all__ = ["Uplink", "Uplinks"]

_log = logging.getLogger("burble.component")

#: How long connecting and the handshake may take, seconds.
_PATIENCE: Final = 30.0
#: How long the other server may take to close its side when we go, seconds.
_FAREWELL: Final = 2.0
#: The longest pause between two attempts, seconds.
_LONGEST_PAUSE: Final = 60.0


class Uplink:
    """One domain, and its connection to the other server (`burble.streams.component_client.Uplink`).

    Args:
        domain: the domain.
        settings: where the other server is.
        router: carries what comes from it.

    Attributes:
        stream: its stream, while stanzas can be sent.
        ready: set while stanzas can be sent.
        tried: set when an attempt to connect has failed, or a connection is lost.
    """

    def __init__(self, domain: str, settings: ComponentOf, router: Router) -> None:
        self.domain = JID.parse(domain)
        self.settings = settings
        self._router = router
        self._log_stanzas = False
        self.stream: PeerStream | None = None
        self._carrier: TcpCarrier | None = None
        self._gone = asyncio.Event()
        self._ending = False
        self.ready = asyncio.Event()
        self.tried = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    @property
    def secret(self) -> str:
        """What proves that we may speak for the domain."""
        return self.settings.secret

    def report(self, stanzas: bool) -> None:
        """Report what is sent and received, or not."""
        self._log_stanzas = stanzas
        if self.stream is not None:
            self.stream.log_stanzas = stanzas

    @property
    def connected(self) -> bool:
        """Whether there is a connection, and the handshake is over."""
        return self.ready.is_set()

    def serves(self, domain: str) -> bool:
        """Whether a domain is served here."""
        return self._router.serves(domain)

    # ---- stanzas

    def route(self, stanza: Stanza) -> None:
        """Take a stanza for somebody elsewhere.

        Raises:
            StanzaError: remote-server-timeout, to be tried again: there is no connection.
        """
        if self.stream is None:
            raise StanzaError("remote-server-timeout", f"{self.settings.server} can't be reached now")
        self.stream.send_stanza(stanza)

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza from the other server, for the domain."""
        return self._router.route(stanza)

    def attach(self, stream: PeerStream) -> None:
        """The stream is ready."""
        self.stream = stream
        self.ready.set()
        _log.info("%s is connected", stream)

    def detach(self, stream: PeerStream) -> None:
        """The stream is over."""
        self.stream = None
        self.ready.clear()

    # ---- the connection

    async def close(self, error: StreamError | None = None) -> None:
        """End the connection, for good."""
        self._ending = True
        carrier, stream = self._carrier, self.stream
        if carrier is not None:
            carrier.stream.close(error)
            await asyncio.wait([self._task], timeout=_FAREWELL)
        self._task.cancel()
        if carrier is not None:
            carrier.abort()
            await self._gone.wait()
        await asyncio.wait([self._task])
        if stream is not None and (work := stream.work) is not None:
            await work

    async def _keep_connected(self) -> None:
        pause = self.settings.retry_after
        while not self._ending:
            reason, lasted = await self._connection()
            if self._ending:
                return
            pause = self.settings.retry_after if lasted else min(pause * 2, _LONGEST_PAUSE)
            pause *= random.uniform(0.8, 1.2)  # many that lost the same server don't come back as one
            _log.warning(
                "%s as a component of %s: %s; trying again in %.0f s",
                self.domain,
                self.settings.server,
                reason,
                pause,
            )
            self.tried.set()
            await asyncio.sleep(pause)

    async def _connection(self) -> tuple[str, bool]:
        """Connect, and wait until that is over; why it is, and whether the handshake was done."""
        address = self.settings.server
        loop = asyncio.get_running_loop()
        self._gone.clear()
        try:
            async with asyncio.timeout(_PATIENCE):
                _, self._carrier = await loop.create_connection(self._new, address.host, address.port)
        except TimeoutError:
            return "it does not answer", False
        except OSError as error:
            return (error.strerror or str(error)).lower(), False
        stream = self._carrier.stream
        assert isinstance(stream, ComponentClientStream)
        await self._gone.wait()
        self._carrier = None
        return stream.reason, stream.served

    def _new(self) -> TcpCarrier:
        return TcpCarrier(TcpSettings(None), self._make_stream, lambda _: self._gone.set())

    def _make_stream(self, carrier: TcpCarrier) -> XMLStream:
        stream = ComponentClientStream(carrier, self, ParserLimits(self.settings.stanza_bytes))
        stream.log_stanzas = self._log_stanzas
        stream.expire_after(_PATIENCE)
        return stream


class Uplinks:
    """All domains that are components of other servers.

    Args:
        elsewhere: takes the stanzas of all other domains for those not served here.

    Attributes:
        uplinks: them, by domain.
    """

    def __init__(self, elsewhere: Route) -> None:
        self.uplinks: dict[str, Uplink] = {}
        self._elsewhere = elsewhere

    def route(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza for a domain that is not served here; what `Router` gets as its `remote`.

        Raises:
            StanzaError: it can't be sent.
        """
        if self.uplinks and stanza.from_ is not None:
            uplink = self.uplinks.get(stanza.from_.domain)
            if uplink is not None:
                uplink.route(stanza)
                return None
        return self._elsewhere(stanza)

    async def change(self, wanted: Mapping[str, ComponentOf], router: Router, log_stanzas: bool) -> None:
        """Connect as the settings say, and no longer otherwise; what stays as it was stays connected.

        Args:
            wanted: where to, by domain.
            router: carries what comes.
            log_stanzas: report what is sent and received.
        """
        for domain, uplink in list(self.uplinks.items()):
            if wanted.get(domain) != uplink.settings:
                del self.uplinks[domain]
                await uplink.close()
        for domain, settings in wanted.items():
            if domain not in self.uplinks:
                self.uplinks[domain] = Uplink(domain, settings, router)
            self.uplinks[domain].report(log_stanzas)
            if not router.serves(domain):
                _log.warning("component_of.%s: this domain is not served here", domain)

    async def close(self, error: StreamError | None = None) -> None:
        """End all connections, for good."""
        uplinks = list(self.uplinks.values())
        self.uplinks.clear()
        for uplink in uplinks:
            await uplink.close(error)
