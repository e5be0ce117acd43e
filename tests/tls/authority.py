"""A certificate authority for tests: it issues what real ones do, and what they should not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from burble.tls import CertificateFiles

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def dns(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def address(text: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(text))


def _other(oid: str, tag: int, text: str) -> x509.GeneralName:
    value = text.encode()
    assert len(value) < 0x80
    return x509.OtherName(ObjectIdentifier(oid), bytes([tag, len(value)]) + value)


def xmpp(jid: str) -> x509.GeneralName:
    """An id-on-xmppAddr (RFC 6120 §13.7.1.4)."""
    return _other("1.3.6.1.5.5.7.8.5", 0x0C, jid)


def srv(name: str) -> x509.GeneralName:
    """An id-on-dnsSRV (RFC 4985 §2), such as ``_xmpp-server.example.org``."""
    return _other("1.3.6.1.5.5.7.8.7", 0x16, name)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, the authorities between it and the root, and its key."""

    chain: list[x509.Certificate]
    key: Key

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, directory: Path, name: str = "host") -> CertificateFiles:
        """Write the chain and the key as PEM files."""
        files = CertificateFiles(directory / f"{name}.crt", directory / f"{name}.key")
        write_pem(files.certificate, self.chain)
        files.key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files


def write_pem(path: Path, certificates: Iterable[x509.Certificate]) -> Path:
    path.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates))
    return path


def make(
    names: Sequence[x509.GeneralName],
    issuer: Issued | None = None,
    *,
    common_name: str = "",
    usages: Sequence[ObjectIdentifier] = (SERVER, CLIENT),
    begin: timedelta = timedelta(hours=-1),
    end: timedelta = timedelta(days=90),
    ca: bool = False,
    path_length: int | None = None,
    constraints: x509.NameConstraints | None = None,
    extension: x509.ExtensionType | None = None,
    key: Key | None = None,
) -> Issued:
    """Make a certificate: signed by an issuer, or by itself. No `usages` is a certificate without any."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or "nobody in particular")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    signer = issuer.key if issuer else key
    certificate = builder.sign(signer, hashes.SHA256())
    above = issuer.chain if issuer is not None and not _is_root(issuer.certificate) else []
    return Issued([certificate, *above], key)


def authority(name: str = "Verona Authority", issuer: Issued | None = None, **how: object) -> Issued:
    """Make the certificate of an authority: a root, or one below another."""
    return make([], issuer, common_name=name, ca=True, end=timedelta(days=900), **how)


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer
