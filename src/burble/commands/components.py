"""Commands about components (XEP-0114)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from burble.commands.arguments import HostName
from burble.commands.base import Administered
from burble.config import Address
from burble.errors import StanzaError, StreamError
from burble.module import command
from burble.streams.component import PeerStream


@dataclass(frozen=True, slots=True)
class ComponentConnection:
    """A component, or a domain served here that is one of another server; one of each of its connections.

    Attributes:
        domain: the component's domain.
        server: the other server where the domain is a component of that; "" where it is one of ours.
        connected: whether there is a connection. If not, the rest says nothing.
        address: whoever is at the other end of it, IP address and port.
        since: when the handshake was done.
    """

    domain: str
    server: str
    connected: bool
    address: str
    since: datetime | None


class ComponentCommands:
    """The commands about components.

    Args:
        server: whose components.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["components"], safe=True)
    def list_components(self) -> list[ComponentConnection]:
        """List the components, connected or not, and the domains that are components of other servers.

        Returns:
            Each connection with the component's domain, the other server where the domain is a component of
            that, the address at the other end, and since when it is there; a component without a connection
            once.

        Example:
            list_components
        """
        found = []
        for domain, component in sorted(self._server.components.components.items()):
            found += [_shown(domain, "", stream) for stream in component.streams]
            if not component.streams:
                found.append(_shown(domain, "", None))
        for domain, uplink in sorted(self._server.uplinks.uplinks.items()):
            found.append(_shown(domain, str(uplink.settings.server), uplink.stream))
        return found

    @command(tags=["components"])
    def close_component(self, domain: HostName) -> int:
        """Close the connections of a component, so that it connects anew.

        Args:
            domain: the component's.

        Returns:
            How many connections were closed.

        Raises:
            StanzaError: item-not-found, where the settings have no such component.

        Example:
            close_component gateway.localhost
        """
        component = self._server.components.components.get(domain)
        if component is None:
            raise StanzaError("item-not-found", f"{domain} is no component in the settings")
        count = len(component.streams)
        component.close(StreamError("reset", "closed by an administrator: connect again"))
        return count


def _shown(domain: str, server: str, stream: PeerStream | None) -> ComponentConnection:
    if stream is None:
        return ComponentConnection(domain, server, False, "", None)
    address = Address(stream.carrier.address, stream.carrier.port)
    since = datetime.fromtimestamp(stream.since, UTC).replace(microsecond=0)
    return ComponentConnection(domain, server, True, str(address), since)
