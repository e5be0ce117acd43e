"""Certificates: the files of a virtual host, and a self-signed one for a first start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import idna
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from burble.tls.errors import TlsError

ID_ON_XMPP_ADDR = ObjectIdentifier("1.3.6.1.5.5.7.8.5")
"""The subjectAltName otherName that holds an XMPP address (RFC 6120 §13.7.1.4)."""

_LIFETIME = timedelta(days=825)
_RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificate of a host is: two PEM files, which may be one and the same.

    Attributes:
        certificate: The host's certificate, then those of the authorities up to the root (RFC 8446 §4.4.2).
        key: Its private key, unencrypted.
    """

    certificate: Path
    key: Path

    def read(self) -> tuple[list[x509.Certificate], bytes]:
        """Return the chain, the host's own certificate first, and the text of the key file.

        Raises:
            TlsError: A file is missing, unreadable or holds no certificate.
        """
        try:
            chain = x509.load_pem_x509_certificates(self.certificate.read_bytes())
        except OSError as error:
            raise TlsError(f"cannot read the certificate {self.certificate}: {error.strerror}") from error
        except ValueError as error:
            raise TlsError(f"{self.certificate} holds no PEM certificate") from error
        try:
            return chain, self.key.read_bytes()
        except OSError as error:
            raise TlsError(f"cannot read the private key {self.key}: {error.strerror}") from error

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Return something that differs when a file was changed or another put in its place.

        Raises:
            TlsError: A file is missing.
        """
        stamps = []
        for path in (self.certificate, self.key):
            try:
                status = path.stat()
            except OSError as error:
                raise TlsError(f"cannot read {path}: {error.strerror}") from error
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(stamps)


def ascii_name(host: str) -> str:
    """Return a domain as certificates and SNI have it: lower case, A-labels (RFC 5890), no final dot."""
    host = host.rstrip(".").lower()
    if host.isascii():
        return host
    return idna.encode(host, uts46=True).decode("ascii")


def end_point_hash(certificate: x509.Certificate) -> bytes | None:
    """Return the data of ``tls-server-end-point`` (RFC 5929 §4.1), or None where it is not defined.

    It is not defined for signatures without a hash of their own, such as Ed25519.
    """
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)


def self_signed_files(directory: Path) -> CertificateFiles:
    """Where `self_signed` puts its certificate."""
    return CertificateFiles(directory / "self-signed.crt", directory / "self-signed.key")


def self_signed(directory: Path, hosts: Sequence[str]) -> CertificateFiles:
    """Return a self-signed certificate for the hosts, made where there is none to use again.

    A new one is made when the old one is missing, unreadable, ends within 30 days or lacks one of the hosts.

    Args:
        directory: Where ``self-signed.crt`` and ``self-signed.key`` (mode 0600) are; made if missing.
        hosts: The domains it shall name, each as dNSName and as id-on-xmppAddr (RFC 6120 §13.7.1.2).
    """
    files = self_signed_files(directory)
    if not _usable(files, hosts):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(key, hosts)
        _write(
            files.key,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            mode=0o600,
        )
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return files


def _usable(files: CertificateFiles, hosts: Iterable[str]) -> bool:
    try:
        (certificate, *_), key_text = files.read()
        key = serialization.load_pem_private_key(key_text, None)
        # A set: with a thousand hosts a list would be gone through two thousand times.
        names = set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (TlsError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        certificate.not_valid_before_utc
        <= datetime.now(UTC)
        < certificate.not_valid_after_utc - _RENEW_BEFORE
        and key.public_key() == certificate.public_key()
        and all(name in names for host in hosts for name in _names(host))
    )


def _sign(key: ec.EllipticCurvePrivateKey, hosts: Iterable[str]) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Burble, self-signed")])
    now = datetime.now(UTC)
    names = dict.fromkeys(name for host in hosts for name in _names(host))
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _names(host: str) -> list[x509.GeneralName]:
    """The subjectAltNames of a host; an address literal is no dNSName (RFC 5280 §4.2.1.6)."""
    text = host.encode()
    # A DER UTF8String; a domain is at most 1023 bytes (RFC 7622 §3.2).
    if len(text) < 0x80:
        length = bytes([len(text)])
    else:
        length = b"\x82" + len(text).to_bytes(2, "big") if len(text) > 0xFF else bytes([0x81, len(text)])
    xmpp_address = x509.OtherName(ID_ON_XMPP_ADDR, b"\x0c" + length + text)
    try:
        return [x509.IPAddress(ipaddress.ip_address(host.strip("[]"))), xmpp_address]
    except ValueError:
        return [x509.DNSName(ascii_name(host)), xmpp_address]


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file in place whole, never for a moment with wider permissions than its mode."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
