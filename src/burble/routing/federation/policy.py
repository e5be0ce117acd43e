"""What the settings demand of other domains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from burble.config import Address, Federation, FederationDomain

__all__ = ["DomainPolicy", "Policies"]


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """What is demanded of one domain (`burble.streams.servers.Policy`).

    Attributes:
        tls: streams must be encrypted.
        certificate: only a certificate proves the domain.
        dialback: dialback may prove it.
        fingerprints: certificates that prove it whoever has issued them.
        address: where its server is; None where the DNS is asked.
        direct_tls: that address expects TLS from the first byte.
    """

    tls: bool
    certificate: bool
    dialback: bool
    fingerprints: tuple[str, ...] = ()
    address: Address | None = None
    direct_tls: bool = False


class Policies:
    """What the settings demand.

    Args:
        settings: the table ``[federation]``.
    """

    def __init__(self, settings: Federation) -> None:
        self._settings = settings

    def of(self, domain: str) -> DomainPolicy | None:
        """What is demanded of a domain; None where nobody here has anything to do with it."""
        settings = self._settings
        if not settings.enabled or _matches(domain, settings.deny):
            return None
        if settings.allow and not _matches(domain, settings.allow):
            return None
        own = self._own(domain)
        dialback = settings.dialback if own.dialback is None else own.dialback
        return DomainPolicy(
            tls=(own.tls or settings.tls) == "required",
            certificate=(own.certificate or settings.certificate) == "required" or not dialback,
            dialback=dialback,
            fingerprints=tuple(own.fingerprints),
            address=own.address,
            direct_tls=own.direct_tls,
        )

    def _own(self, domain: str) -> FederationDomain:
        """The settings for a domain, or for the nearest one above it: its services are on the same server."""
        while domain:
            found = self._settings.domains.get(domain)
            if found is not None:
                return found
            domain = domain.partition(".")[2]
        return FederationDomain()


def _matches(domain: str, patterns: Iterable[str]) -> bool:
    return any(
        domain.endswith(pattern[1:]) if pattern.startswith("*.") else domain == pattern
        for pattern in patterns
    )
