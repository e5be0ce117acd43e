"""The authority that the servers of a test trust, and certificates that nobody vouches for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.x509.oid import ObjectIdentifier

from burble.tls import CertificateFiles
from tests.tls.authority import CLIENT, SERVER, authority, dns, make, write_pem

SERVER_ONLY = (SERVER,)
BOTH_USAGES = (SERVER, CLIENT)


class Authority:
    """Issues certificates.

    Args:
        directory: where it writes its own certificate and those it issues.

    Attributes:
        certificate: the file of its own certificate, for those who are to trust it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = authority("Authority of the tests")
        self.certificate = write_pem(directory / "authority.pem", self._root.chain)

    def issue(
        self, *domains: str, usages: Sequence[ObjectIdentifier] = BOTH_USAGES, trusted: bool = True
    ) -> CertificateFiles:
        """Make a certificate for all the domains.

        Args:
            usages: what the key may be used for (RFC 5280 §4.2.1.12).
            trusted: whether this authority signs it; otherwise it is signed by itself.
        """
        names = [dns(domain) for domain in domains]
        issued = make(names, self._root if trusted else None, common_name=domains[0], usages=usages)
        return issued.write(self._directory, domains[0])
