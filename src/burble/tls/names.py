"""The names in a certificate, and whether they cover a domain (RFC 6120 §13.7.1.2, RFC 9525)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from burble.tls.certificates import ID_ON_XMPP_ADDR, ascii_name

ID_ON_DNS_SRV: Final = ObjectIdentifier("1.3.6.1.5.5.7.8.7")
"""The subjectAltName otherName that holds a service and its domain (RFC 4985 §2)."""

SERVER_SERVICES: Final = ("xmpp-server", "xmpps-server")
"""What other servers connect to (RFC 6120 §14.3.3, XEP-0368 §2)."""

CLIENT_SERVICES: Final = ("xmpp-client", "xmpps-client")
"""What clients connect to."""

_UTF8_STRING: Final = 0x0C
_IA5_STRING: Final = 0x16


@dataclass(frozen=True, slots=True)
class CertificateNames:
    """Whom a certificate is for. The subject's common name does not count (RFC 9525 §2).

    Attributes:
        dns: dNSNames in lower case, perhaps with a wildcard as the first label.
        addresses: IP addresses.
        xmpp: the domains, in A-labels, and the JIDs of id-on-xmppAddr.
        services: SRV-IDs in lower case, such as ``_xmpp-server.example.org``.
    """

    dns: frozenset[str]
    addresses: frozenset[str]
    xmpp: frozenset[str]
    services: frozenset[str]

    @classmethod
    def of(cls, certificate: x509.Certificate) -> CertificateNames:
        """Read them; a certificate may have none.

        Raises:
            ValueError: The extension, or another one, is damaged.
        """
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return cls(frozenset(), frozenset(), frozenset(), frozenset())
        except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise ValueError(str(error)) from error
        others = found.get_values_for_type(x509.OtherName)
        return cls(
            frozenset(map(ascii_name, found.get_values_for_type(x509.DNSName))),
            frozenset(map(str, found.get_values_for_type(x509.IPAddress))),
            frozenset(_domain(text) for text in _texts(others, ID_ON_XMPP_ADDR, _UTF8_STRING)),
            frozenset(text.lower() for text in _texts(others, ID_ON_DNS_SRV, _IA5_STRING)),
        )

    def cover(
        self, domain: str, services: Sequence[str] = SERVER_SERVICES, *, dns_only: bool = False
    ) -> bool:
        """Whether they are for a domain: one of them is enough.

        A wildcard stands for exactly one whole label, the first (RFC 6120 §13.7.1.2.1), in dNSNames alone.

        Args:
            domain: In U-labels or A-labels, or an address, in brackets if IPv6.
            services: Those whose SRV-IDs count.
            dns_only: Count neither SRV-IDs nor XMPP addresses.
        """
        name = _domain(domain)
        if not name or "*" in name:
            return False
        if not dns_only and (
            name in self.xmpp or any(f"_{service}.{name}" in self.services for service in services)
        ):
            return True
        try:
            return str(ipaddress.ip_address(name.strip("[]"))) in self.addresses
        except ValueError:
            parent = name.partition(".")[2]
            return name in self.dns or bool(parent and f"*.{parent}" in self.dns)

    def __str__(self) -> str:
        """The names as a person reads them; the first few where there are many."""
        prefixes = tuple(f"_{service}." for service in (*SERVER_SERVICES, *CLIENT_SERVICES))
        domains = {name.partition(".")[2] for name in self.services if name.startswith(prefixes)}
        names = sorted(self.dns | self.addresses | self.xmpp | domains)
        if len(names) > _SHOWN:
            return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
        return ", ".join(names) or "nobody"


_SHOWN: Final = 5


def _domain(text: str) -> str:
    """A domain in A-labels where it has them; what is no domain stays as it is, and is none's."""
    try:
        return ascii_name(text)
    except UnicodeError:
        return text


def _texts(others: Sequence[x509.OtherName], kind: ObjectIdentifier, tag: int) -> list[str]:
    found = (_text(other.value, tag) for other in others if other.type_id == kind)
    return [text for text in found if text is not None]


def _text(der: bytes, tag: int) -> str | None:
    """The text of a DER string of one kind (X.690 §8.1), or None for anything else.

    That it is whole and nothing follows it has been checked with the certificate.
    """
    if der[0] != tag:
        return None
    start = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    try:
        return der[start:].decode("utf-8" if tag == _UTF8_STRING else "ascii")
    except UnicodeDecodeError:
        return None
