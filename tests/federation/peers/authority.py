"""A certificate authority of the tests' own, and certificates that nobody vouches for."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_ONLY = (ExtendedKeyUsageOID.SERVER_AUTH,)
BOTH_USAGES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True)
class Files:
    """A certificate and its key, both PEM."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates.

    Args:
        directory: where it writes its own certificate and those it issues.

    Attributes:
        certificate: the file of its own certificate, for those who are to trust it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Authority of the tests")
        builder = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate = directory / "authority.pem"
        certificate = builder.sign(self._key, hashes.SHA256())
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self, *domains: str, usages: tuple[x509.ObjectIdentifier, ...] = BOTH_USAGES, trusted: bool = True
    ) -> Files:
        """Make a certificate for all the domains.

        Args:
            usages: what the key may be used for (RFC 5280 §4.2.1.12).
            trusted: whether this authority signs it; otherwise it is signed by itself.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(domains[0])
        builder = (
            _builder(name, self._name if trusted else name, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(d) for d in domains]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        certificate = builder.sign(self._key if trusted else key, hashes.SHA256())
        files = Files(self._directory / f"{domains[0]}.crt", self._directory / f"{domains[0]}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
