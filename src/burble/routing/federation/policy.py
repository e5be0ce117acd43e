"""What the settings demand of other domains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burble.config import Address, Federation, FederationDomain, Limits
from burble.streams.parser import ParserLimits
from burble.streams.servers.base import ServerStream
from burble.streams.servers.incoming import IncomingStream
from burble.tls.trust import Trust

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["DomainPolicy", "Policies", "parser_limits"]


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
        trust: knows whose certificates prove something.
    """

    def __init__(self, settings: Federation, trust: Trust) -> None:
        self._settings = settings
        self._trust = trust

    def of(self, domain: str) -> DomainPolicy | None:
        """What is demanded of a domain; None where nobody here has anything to do with it."""
        settings = self._settings
        if not settings.enabled or _matches(domain, settings.deny):
            return None
        if settings.allow and not _matches(domain, settings.allow):
            return None
        own = self._own(domain)
        return DomainPolicy(
            tls=(own.tls or settings.tls) == "required",
            certificate=(own.certificate or settings.certificate) == "required",
            dialback=settings.dialback if own.dialback is None else own.dialback,
            fingerprints=tuple(own.fingerprints),
            address=own.address,
            direct_tls=own.direct_tls,
        )

    def prove(self, chain: Sequence[Certificate], domain: str) -> str:
        """Why certificates do not prove a domain; "" where they do."""
        policy = self.of(domain)
        fingerprints = policy.fingerprints if policy is not None else ()
        return self._trust.verify(chain, domain, fingerprints=fingerprints).reason

    def forbids(self, stream: ServerStream) -> str:
        """Why a stream that was allowed once is not what the settings demand; "" where it is."""
        tls, reason = stream.carrier.tls, ""
        if stream.remote and self.of(stream.remote) is None:
            return f"nothing to do with {stream.remote} any more"
        for remote in stream.proved:
            policy = self.of(remote)
            if policy is None:
                return f"nothing to do with {remote} any more"
            if policy.tls and tls is None:
                return "streams are encrypted from now on"
            # To others we may speak whoever has issued theirs, unless that is demanded.
            theirs = isinstance(stream, IncomingStream)
            certified = stream.method == "EXTERNAL" and remote == stream.remote  # more come by dialback
            if policy.certificate or (theirs and (certified or not policy.dialback)):
                reason = self.prove(getattr(tls, "peer_chain", []), remote)
            if reason:
                return f"the certificate of {remote} does not do any more: {reason}"
        return ""

    def _own(self, domain: str) -> FederationDomain:
        """The settings for a domain, or for the nearest one above it: its services are on the same server."""
        while domain:
            found = self._settings.domains.get(domain)
            if found is not None:
                return found
            domain = domain.partition(".")[2]
        return FederationDomain()


def parser_limits(limits: Limits, stanza_bytes: int) -> ParserLimits:
    """What another server may send.

    Args:
        limits: the table ``[limits]``.
        stanza_bytes: the largest stanza.
    """
    return ParserLimits(
        stanza_bytes=stanza_bytes,
        depth=limits.depth,
        elements=limits.elements,
        attributes=limits.attributes,
        tag_bytes=min(limits.tag_bytes, stanza_bytes),
    )


def _matches(domain: str, patterns: Iterable[str]) -> bool:
    return any(
        domain.endswith(pattern[1:]) if pattern.startswith("*.") else domain == pattern
        for pattern in patterns
    )
