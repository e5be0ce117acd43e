"""What the checks look at: a server that runs, or what its settings say of it while it does not."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from burble.commands.base import Administered
from burble.config import Address, HostOverrides, Settings
from burble.config.added import with_added
from burble.dns.names import literal_address
from burble.routing.federation import FederationManager
from burble.storage import Database
from burble.tls import CertificateFiles
from burble.tls.hosts import certificate_files

__all__ = ["Subject", "is_loopback"]

# Names that the public DNS does not have (RFC 6761, RFC 6762, RFC 7686, RFC 8375).
_SPECIAL: Final = frozenset({"localhost", "local", "test", "invalid", "example", "internal", "onion", "arpa"})
KINDS: Final = ("c2s", "c2s_tls", "s2s", "s2s_tls", "components", "http", "xmlrpc")
"""The keys of ``[listen]``."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        settings: the server's, with the hosts that commands have added.
        certificates: the files of each host's certificate.
        addresses: those listened on, by the key in ``[listen]``; where the server does not run, those it
            would listen on.
        services: the domains of each host's services, as far as they are known.
        database: the server's; None where it does not run.
        federation: its streams to and from other servers; None where it does not run.
    """

    settings: Settings
    certificates: Mapping[str, CertificateFiles]
    addresses: Mapping[str, Sequence[Address]]
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)
    database: Database | None = None
    federation: FederationManager | None = None

    @classmethod
    def running(cls, server: Administered) -> Subject:
        """A server that runs."""
        hosts = server.hosts
        services = {
            name: [each for each in host.router.domains if each.endswith(f".{name}") and each not in hosts]
            for name, host in hosts.items()
        }
        addresses = {
            kind: [Address.parse(text) for text in texts] for kind, texts in server.listening.items()
        }
        return cls(
            server.settings, server.certificates, addresses, services, server.database, server.federation
        )

    @classmethod
    def stopped(cls, settings: Settings, added: Mapping[str, HostOverrides]) -> Subject:
        """A server that does not run.

        Args:
            settings: what its settings file says.
            added: the hosts that commands have added.

        Raises:
            ConfigError: an added host can't be as its own settings say.
        """
        whole = with_added(settings, added)
        certificates = certificate_files(whole, added.keys() - set(settings.hosts))
        addresses = {kind: getattr(settings.listen, kind) for kind in KINDS}
        return cls(whole, certificates, addresses)

    @property
    def runs(self) -> bool:
        """Whether the server runs."""
        return self.database is not None

    def is_public(self, host: str) -> bool:
        """Whether a host has a name that others could look up; who names name servers knows more of them."""
        top = host.rstrip(".").rpartition(".")[2]
        if top == "localhost" or literal_address(host) is not None:
            return False
        return bool(self.settings.federation.nameservers) or ("." in host and top not in _SPECIAL)

    def serves_others(self, *kinds: str) -> bool:
        """Whether programs on other machines can reach any of the addresses of some kinds."""
        return any(not is_loopback(address) for kind in kinds for address in self.addresses.get(kind, ()))

    def ports(self, kind: str) -> set[int]:
        """The ports of a kind of listeners."""
        return {address.port for address in self.addresses.get(kind, ())}


def is_loopback(address: Address) -> bool:
    """Whether only programs on this machine can connect to an address."""
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return address.host == "localhost"
