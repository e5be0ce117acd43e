"""How the connections of each kind are taken: by what stream, and under which limits."""

from __future__ import annotations

from collections.abc import Mapping

from burble.config import Settings
from burble.listeners import Entrance
from burble.routing.federation import FederationManager
from burble.streams.c2s import C2SStream, Hosts
from burble.streams.component import Components, ComponentStream
from burble.streams.parser import ParserLimits
from burble.tls import TlsContext
from burble.transports.tcp import TcpCarrier, TcpSettings

__all__ = ["client_entrances", "component_entrances"]


def client_entrances(hosts: Hosts, settings: Settings, tls: TlsContext) -> Mapping[str, Entrance]:
    """Entrances for clients.

    Args:
        hosts: the virtual hosts they may log in to.
        settings: the server's.
        tls: the certificates.
    """
    limits = settings.limits
    before_login = ParserLimits(
        stanza_bytes=limits.stanza_bytes_before_login,
        depth=limits.depth,
        elements=limits.elements,
        attributes=limits.attributes,
        tag_bytes=min(limits.tag_bytes, limits.stanza_bytes_before_login),
    )

    def accept(carrier: TcpCarrier) -> C2SStream:
        stream = C2SStream(carrier, hosts, before_login)
        stream.expire_after(limits.unauthenticated_timeout)
        return stream

    def entrance(*, direct_tls: bool) -> Entrance:
        tcp = TcpSettings(
            tls,
            direct_tls,
            rate=limits.rate,
            burst=limits.burst,
            output_buffer_bytes=limits.output_buffer_bytes,
        )
        return Entrance(accept, tcp, limits.connections_per_address, settings.log.stanzas)

    return {"c2s": entrance(direct_tls=False), "c2s_tls": entrance(direct_tls=True)}


def server_entrances(
    federation: FederationManager, settings: Settings, tls: TlsContext
) -> Mapping[str, Entrance]:
    """Entrances for other servers.

    Args:
        federation: takes their streams.
        settings: the server's.
        tls: the certificates.
    """
    limits = settings.federation

    def entrance(*, direct_tls: bool) -> Entrance:
        tcp = TcpSettings(tls, direct_tls, ask_peer=True, rate=limits.rate, burst=limits.burst)
        return Entrance(federation.accept, tcp, limits.connections_per_address, settings.log.stanzas)

    return {"s2s": entrance(direct_tls=False), "s2s_tls": entrance(direct_tls=True)}


def component_entrances(components: Components, settings: Settings) -> Mapping[str, Entrance]:
    """Entrances for external components.

    Args:
        components: those that may connect.
        settings: the server's.
    """
    limits = settings.limits
    before_handshake = ParserLimits(stanza_bytes=limits.stanza_bytes_before_login)

    def accept(carrier: TcpCarrier) -> ComponentStream:
        stream = ComponentStream(carrier, components, before_handshake)
        stream.expire_after(limits.unauthenticated_timeout)
        return stream

    # A component speaks for many, and is trusted: only the memory it may take when it hangs is bounded.
    waiting = max((each.output_buffer_bytes for each in settings.components.values()), default=0)
    tcp = TcpSettings(None, output_buffer_bytes=waiting)
    return {"components": Entrance(accept, tcp, log_stanzas=settings.log.stanzas)}
