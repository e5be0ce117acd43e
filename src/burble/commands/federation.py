"""Commands about the streams to and from other servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from burble.commands.arguments import HostName
from burble.commands.base import Administered
from burble.module import command
from burble.streams.servers.base import ServerStream


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """A stream between this server and another one.

    Attributes:
        direction: who has opened it: ``in`` is the other server.
        local: the domain of ours that it is for; "" before that is known.
        remote: the other domain; "" before that is known.
        address: the other server's, IP address and port.
        tls: it is encrypted.
        proved_by: how the domain was proved, ``EXTERNAL`` (by a certificate) or ``dialback``; "" before.
        both_ways: stanzas go both ways on it (XEP-0288).
        since: when it was opened.
        unconfirmed: stanzas sent on it of which it is not known yet that they have arrived.
    """

    direction: Literal["in", "out"]
    local: str
    remote: str
    address: str
    tls: bool
    proved_by: str
    both_ways: bool
    since: datetime
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class WaitingStanzas:
    """Stanzas that wait to be sent from one of our domains to another one.

    Attributes:
        local: the domain of ours.
        remote: the other one.
        stanzas: how many wait.
    """

    local: str
    remote: str
    stanzas: int


@dataclass(frozen=True, slots=True)
class UnreachedDomain:
    """A domain that could not be reached, and is left in peace for a while.

    Attributes:
        domain: it.
        seconds: for how long still.
        condition: the error that its senders get.
        reason: why it could not be reached.
    """

    domain: str
    seconds: int
    condition: str
    reason: str


class FederationCommands:
    """The commands about other servers.

    Args:
        server: whose streams.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["statistics", "s2s"], safe=True, result="s2s_incoming::integer")
    def incoming_s2s_number(self) -> int:
        """Count the streams that other servers have opened, and on which they have proved a domain.

        Returns:
            How many there are.

        Example:
            incoming_s2s_number
        """
        return _proved(self._server.federation.incoming)

    @command(tags=["statistics", "s2s"], safe=True, result="s2s_outgoing::integer")
    def outgoing_s2s_number(self) -> int:
        """Count the streams to other servers that stanzas can be sent on.

        Returns:
            How many there are.

        Example:
            outgoing_s2s_number
        """
        return _proved(self._server.federation.outgoing)

    @command(tags=["s2s"], result="res::rescode")
    def stop_s2s_connections(self) -> None:
        """Close all streams to and from other servers; they are opened anew when there is something to send.

        Example:
            stop_s2s_connections
        """
        for stream in self._streams():
            stream.close()

    @command(tags=["s2s"], safe=True)
    def list_s2s(self) -> list[ServerConnection]:
        """List the streams to and from other servers.

        Returns:
            Each with its direction (``in`` where the other server opened it), our domain, the other one, the
            address, whether it is encrypted, how the domain was proved, whether stanzas go both ways, since
            when it is there, and how many stanzas are not confirmed yet.

        Example:
            list_s2s
        """
        federation = self._server.federation
        found = [_shown("in", stream) for stream in federation.incoming]
        found += [_shown("out", stream) for stream in federation.outgoing]
        return sorted(found, key=lambda each: (each.remote, each.local, each.direction, each.since))

    @command(tags=["s2s"], safe=True)
    def list_s2s_waiting(self) -> list[WaitingStanzas]:
        """List the pairs of domains between which stanzas wait to be sent.

        Returns:
            Our domain, the other one, and how many wait.

        Example:
            list_s2s_waiting
        """
        links = self._server.federation.links.values()
        return sorted(
            (WaitingStanzas(link.local, link.remote, link.waiting) for link in links if link.waiting),
            key=lambda each: (-each.stanzas, each.remote, each.local),
        )

    @command(tags=["s2s"], safe=True)
    def list_s2s_unreached(self) -> list[UnreachedDomain]:
        """List the domains that could not be reached, and why; until they are tried again.

        Returns:
            Each with the seconds until then, the error that senders get, and the reason.

        Example:
            list_s2s_unreached
        """
        failures = self._server.federation.known.failures(asyncio.get_running_loop().time())
        return [
            UnreachedDomain(domain, round(seconds), refused.condition, refused.text)
            for domain, (seconds, refused) in sorted(failures.items())
        ]

    @command(tags=["s2s"])
    def reset_s2s(self, domain: HostName) -> int:
        """Close the streams to and from a domain, and try at once again where it could not be reached.

        Args:
            domain: the other server's.

        Returns:
            How many streams were closed.

        Example:
            reset_s2s example.org
        """
        self._server.federation.known.forgive(domain)
        streams = [stream for stream in self._streams() if domain in (stream.remote, *stream.proved)]
        for stream in streams:
            stream.close()
        return len(streams)

    def _streams(self) -> list[ServerStream]:
        federation = self._server.federation
        return [*federation.incoming, *federation.outgoing]


def _proved(streams: Iterable[ServerStream]) -> int:
    return sum(bool(stream.method) for stream in streams)


def _shown(direction: Literal["in", "out"], stream: ServerStream) -> ServerConnection:
    carrier = stream.carrier
    host = f"[{carrier.address}]" if ":" in carrier.address else carrier.address
    return ServerConnection(
        direction,
        stream.local,
        stream.remote,
        f"{host}:{carrier.port}",
        carrier.tls is not None,
        stream.method,
        stream.bidi,
        datetime.fromtimestamp(stream.since, UTC).replace(microsecond=0),
        len(stream.flow.waiting),
    )
