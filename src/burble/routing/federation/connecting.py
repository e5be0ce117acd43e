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
# Domains that are searched for in the DNS at the same time.
_SEARCHES: Final = 1_000

MakeStream = Callable[[TcpCarrier], OutgoingStream]


class Connecting:
    """Opens streams to other servers.

    Args:
        settings: the table ``[federation]``.
        tls: our certificates.
        before: what this one takes the place of; connections, and what is known of the DNS, stay.

    Attributes:
        carriers: the connections.
    """

    def __init__(self, settings: Federation, tls: TlsContext, before: Connecting | None = None) -> None:
        self._timeout = settings.connect_timeout
        self._nameservers = [str(each) for each in settings.nameservers]
        kept = before is not None and before._nameservers == self._nameservers
        self._resolver: Resolver = before._resolver if before and kept else Resolver(self._nameservers)
        if before is not None and not kept:
            before.close()
        self._dialer = Dialer(self._resolver, settings.connect_timeout)
        # Apart, so that a thousand domains that nobody has heard of do not keep those waiting that are there.
        self._searches = {known: asyncio.Semaphore(_SEARCHES) for known in (False, True)}
        self._attempts = {known: asyncio.Semaphore(settings.attempts) for known in (False, True)}
        self._tcp = TcpSettings(tls, rate=settings.rate, burst=settings.burst)
        self.carriers: set[TcpCarrier] = before.carriers if before is not None else set()

    def close(self) -> None:
        """Ask the DNS no more; connections stay."""
        self._resolver.close()

    async def open(
        self, local: str, remote: str, policy: DomainPolicy, make: MakeStream, *, known: bool
    ) -> OutgoingStream:
        """Open a stream, and wait until it is ready.

        Args:
            local: our domain.
            remote: the other one.
            policy: what is demanded of it.
            make: makes the stream.
            known: the other one is there: it could be reached before, or is about to reach us.

        Raises:
            StreamRefused: there is none.
        """
        async with self._searches[known]:
            services = await self._services(remote, policy)
        async with self._attempts[known]:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._try_each(services, local, remote, make)
            except TimeoutError:
                text = f"{remote} could not be reached in time"
                raise StreamRefused("remote-server-timeout", text) from None

    async def _services(self, remote: str, policy: DomainPolicy) -> Sequence[Service]:
        if policy.address is not None:
            return [Service(policy.address.host, policy.address.port, policy.direct_tls)]
        try:
            return (await self._resolver.services(remote))[:_MOST_SERVICES]
        except DnsError as error:
            raise _not_found(error) from error

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

        def connection() -> TcpCarrier:
            carrier = ConnectingCarrier(self._tcp, make, self.carriers.discard, peer)
            self.carriers.add(carrier)
            return carrier

        try:
            carrier = await self._dialer.connect(service, connection)
        except DialError as error:
            if isinstance(error.__cause__, DnsError):
                raise _not_found(error.__cause__) from error
            raise StreamRefused("remote-server-timeout", str(error)) from error
        except (OSError, TlsError) as error:
            raise StreamRefused("remote-server-timeout", f"{remote}: {error}") from error
        stream = carrier.stream
        assert isinstance(stream, OutgoingStream)
        try:
            await asyncio.shield(stream.ready)
        except asyncio.CancelledError:
            stream.close()
            raise
        if stream.closing:
            raise StreamRefused("remote-server-timeout", f"{remote} closed the stream at once")
        return stream


def _not_found(error: DnsError) -> StreamRefused:
    """What to tell where the DNS does not tell of a server (RFC 6120 §10.4.3)."""
    return StreamRefused("remote-server-not-found", str(error), permanent=not error.temporary)
