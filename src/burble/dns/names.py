"""Domains as the DNS has them."""

from __future__ import annotations

import ipaddress

import idna

from burble.dns.errors import DomainUnreachable

__all__ = ["dns_name", "literal_address"]


def literal_address(domain: str) -> str | None:
    """Return the IP address that a domain part is (RFC 7622 §3.2), without brackets; None for a name."""
    try:
        return str(ipaddress.ip_address(domain.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def dns_name(domain: str) -> str:
    """Return a domain in lower case and A-labels (RFC 5890), without a final dot.

    Raises:
        DomainUnreachable: no domain can have that name (RFC 1035 §2.3.4), and so there is nothing to ask for.
    """
    name = domain.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise DomainUnreachable(f"{domain!r} is no domain: {error}") from error
    if not 0 < len(name) <= 253 or not all(0 < len(label) <= 63 for label in name.split(".")):
        raise DomainUnreachable(
            f"{domain!r} is no domain: a part of it, or the whole, is too short or too long"
        )
    if not name.isprintable() or " " in name or "\\" in name:
        raise DomainUnreachable(f"{domain!r} is no domain: it has characters that no host name has")
    return name
