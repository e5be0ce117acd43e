"""Finds the servers of other domains and opens streams to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from burble.dns import DnsError, Resolver, Service
from burble.routing.federation.policy import DomainPolicy
from burble.streams.servers.outgoing import OutgoingStream, StreamRefused
from burble.tls import TlsContext, TlsError
from burble.transports.connecting import ConnectingCarrier, Peer
from burble.transports.dialing import Dialer, DialError
from burble.transports.tcp import TcpCarrier, TcpSettings

if TYPE_CHECKING:
    from burble.config import Federation

__all__ = ["Connecting", "MakeStream"]

_log = logging.getLogger("burble.s2s")

# Servers of one domain that are tried.
_MOST_SERVICES: Final = 8
# Where there are several, each has at most this part of the time, so that one which takes connections and
# never speaks leaves some to the next.
_SHARE: Final = 1 / 3

MakeStream = Callable[[TcpCarrier], OutgoingStream]


class Connecting:
    """Opens streams to other servers.

    Args:
        settings: the table ``[federation]``.
        tls: our certificates.
    """

    def __init__(self, settings: Federation, tls: TlsContext) -> None:
        self._timeout = settings.connect_timeout
        self._resolver = Resolver([str(each) for each in settings.nameservers])
        self._dialer = Dialer(self._resolver, settings.connect_timeout)
        self._slots = asyncio.Semaphore(settings.attempts)
        self._tcp = TcpSettings(tls, rate=settings.rate, burst=settings.burst)
        self.carriers: set[TcpCarrier] = set()

    def close(self) -> None:
        """Ask the DNS no more; connections stay."""
        self._resolver.close()

    async def open(self, local: str, remote: str, policy: DomainPolicy, make: MakeStream) -> OutgoingStream:
        """Open a stream, and wait until it is ready.

        Args:
            local: our domain.
            remote: the other one.
            policy: what is demanded of it.
            make: makes the stream.

        Raises:
            StreamRefused: there is none.
        """
        text = f"{remote} could not be reached in time"
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._try_each(await self._services(remote, policy), local, remote, make)
            except TimeoutError:
                raise StreamRefused("remote-server-timeout", text) from None

    async def _services(self, remote: str, policy: DomainPolicy) -> Sequence[Service]:
        if policy.address is not None:
            return [Service(policy.address.host, policy.address.port, policy.direct_tls)]
        try:
            return (await self._resolver.services(remote))[:_MOST_SERVICES]
        except DnsError as error:
            condition = "remote-server-timeout" if error.temporary else "remote-server-not-found"
            raise StreamRefused(condition, str(error)) from error

    async def _try_each(
        self, services: Sequence[Service], local: str, remote: str, make: MakeStream
    ) -> OutgoingStream:
        refused = StreamRefused("remote-server-not-found", f"{remote} has no server")
        share = self._timeout * _SHARE if len(services) > 1 else self._timeout
        for service in services:
            try:
                async with asyncio.timeout(share):
                    return await self._try(service, local, remote, make)
            except StreamRefused as error:
                failure = error
            except TimeoutError:
                failure = StreamRefused("remote-server-timeout", f"{service} did not answer in time")
            _log.info("%s to %s by %s: %s", local, remote, service, failure)
            if refused.condition == "remote-server-not-found":
                refused = failure  # a server that is down says more about the domain than one that never was
        raise refused

    async def _try(self, service: Service, local: str, remote: str, make: MakeStream) -> OutgoingStream:
        peer = Peer(local, remote, service.direct_tls)
        try:
            carrier = await self._dialer.connect(
                service, lambda: ConnectingCarrier(self._tcp, make, self.carriers.discard, peer)
            )
        except DialError as error:
            condition = "remote-server-timeout" if error.temporary else "remote-server-not-found"
            raise StreamRefused(condition, str(error)) from error
        except (OSError, TlsError) as error:
            raise StreamRefused("remote-server-timeout", f"{remote}: {error}") from error
        self.carriers.add(carrier)
        stream = carrier.stream
        assert isinstance(stream, OutgoingStream)
        try:
            await asyncio.shield(stream.ready)
        except asyncio.CancelledError:
            stream.close()
            raise
        return stream
