"""Whether certificates prove that a peer speaks for a domain (RFC 6120 §13.7.2, XEP-0178)."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from OpenSSL import crypto

from burble.tls.errors import TlsError
from burble.tls.names import CertificateNames
from burble.tls.strength import strength_problem, usage_problem

_log = logging.getLogger("burble.tls")

# Where systems keep the authorities they trust, if OpenSSL's own places are empty.
_USUAL_BUNDLES: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)

# Longer than any honest chain; what comes after is not looked at.
_LONGEST_CHAIN: Final = 10

# OpenSSL's X509_V_ERR numbers (x509_vfy.h), which never change.
_SIGNATURE_WRONG: Final = 7
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_SELF_SIGNED: Final = 18
_UNKNOWN_ROOT: Final = 19
_UNKNOWN_ISSUER: Final = (2, 20, 21)
_NO_AUTHORITY: Final = (24, 32, 79)

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain of certificates proves. It is true where it proves the domain.

    Attributes:
        reason: Why it proves nothing, beginning with "it", for "the certificate is refused: it ..."; empty
            where the domain is proven.
    """

    reason: str

    def __bool__(self) -> bool:
        return not self.reason


_PROVEN: Final = Verdict("")


class Trust:
    """The authorities that are trusted: those of the system, and files of one's own.

    Files that change are read anew. Revocation is not looked at: there are no lists to look at in advance,
    and authorities close the services that could be asked.
    """

    def __init__(self, files: Sequence[Path] = (), system: bool = True) -> None:
        """Read the files.

        Args:
            files: PEM files of certificates that are trusted besides the system's: of authorities, or of
                single servers.
            system: Whether the authorities of the system are trusted: OpenSSL's default places, or what
                SSL_CERT_FILE and SSL_CERT_DIR name.

        Raises:
            TlsError: A file is missing or holds no certificate.
        """
        self._files = tuple(files)
        self._system_file, self._system_directory = _system_places() if system else (None, None)
        self._stamp: _Stamp = ()
        # Made when it is needed: reading the system's takes 30 ms.
        self._store: crypto.X509Store | None = None
        self._read()

    def verify(
        self,
        chain: Sequence[x509.Certificate],
        domain: str,
        at: datetime | None = None,
        fingerprints: Collection[str] = (),
    ) -> Verdict:
        """Say whether a peer that showed these certificates speaks for a domain.

        What a certificate may be used for is read generously: as a TLS server, as a client or for anything.
        It makes no difference which side of the connection showed it.

        Args:
            chain: `burble.tls.TlsSession.peer_chain`.
            domain: The domain that the peer claims.
            at: When; now if None.
            fingerprints: SHA-256 fingerprints in hexadecimal digits, with colons or without. A certificate
                that has one of them proves the domain whoever signed it, whatever its names and dates are
                (as RFC 7671 §5.1 has it for DANE-EE).
        """
        if chain and fingerprints and _fingerprint(chain[0]) in map(_plain, fingerprints):
            return _PROVEN
        return self._judge(chain, domain, at)

    def verify_chain(self, chain: Sequence[x509.Certificate], at: datetime | None = None) -> Verdict:
        """Say whether these certificates are to be trusted, for whatever domain they are.

        Args:
            chain: Certificates, the peer's own first.
            at: When; now if None.
        """
        return self._judge(chain, None, at)

    def _judge(self, chain: Sequence[x509.Certificate], domain: str | None, at: datetime | None) -> Verdict:
        if not chain:
            return Verdict("it shows no certificate")
        try:
            problem = self._problem(chain, domain, at)
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
            return Verdict(f"it cannot be read: {error}")
        except crypto.Error:
            return Verdict("it cannot be read")
        return _PROVEN if problem is None else Verdict(problem)

    def _problem(
        self, chain: Sequence[x509.Certificate], domain: str | None, at: datetime | None
    ) -> str | None:
        leaf = chain[0]
        now = at or datetime.now(UTC)
        if now > leaf.not_valid_after_utc:
            return f"it expired on {_moment(leaf.not_valid_after_utc)}"
        if now < leaf.not_valid_before_utc:
            return f"it is not valid before {_moment(leaf.not_valid_before_utc)}"
        store = self._current()
        if at is not None:
            store = self._make_store()
            store.set_time(at.astimezone(UTC))
        context = crypto.X509StoreContext(
            store,
            crypto.X509.from_cryptography(leaf),
            [crypto.X509.from_cryptography(each) for each in chain[1:_LONGEST_CHAIN]],
        )
        try:
            path = context.get_verified_chain()
        except crypto.X509StoreContextError as error:
            return _chain_problem(error, chain)
        # What is in the store is trusted as it is: only what is below that is looked at.
        below = [leaf, *(each.to_cryptography() for each in path[1:-1])]
        if len(path) > 1 and (problem := usage_problem(below) or strength_problem(below)):
            return problem
        return None if domain is None else _name_problem(leaf, path[1:], domain)

    # ---- the store

    def _current(self) -> crypto.X509Store:
        """The store of what the files hold now."""
        stamp = self._look()
        if self._store is None or stamp != self._stamp:
            self._stamp = stamp
            try:
                self._read()
            except TlsError as error:
                _log.error("%s: the authorities trusted until now stay so", error)
                if self._store is not None:
                    return self._store
            self._store = self._make_store()
        return self._store

    def _read(self) -> None:
        certificates = []
        for file in self._files:
            try:
                certificates += x509.load_pem_x509_certificates(file.read_bytes())
            except OSError as error:
                raise TlsError(f"cannot read the trusted certificates {file}: {error.strerror}") from error
            except ValueError as error:
                raise TlsError(f"{file} holds no PEM certificate to trust") from error
        self._own = certificates

    def _make_store(self) -> crypto.X509Store:
        store = crypto.X509Store()
        # A certificate in the files is trusted as it is, even where it is not a root.
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for certificate in self._own:
            store.add_cert(crypto.X509.from_cryptography(certificate))
        if self._system_file is not None or self._system_directory is not None:
            try:
                store.load_locations(self._system_file, self._system_directory)
            except crypto.Error:
                _log.error(
                    "%s holds no certificates: no authority of the system is trusted", self._system_file
                )
        return store

    def _look(self) -> _Stamp:
        paths = (*self._files, self._system_file, self._system_directory)
        return tuple(None if path is None else _stamp(path) for path in paths)


def _system_places() -> tuple[Path | None, Path | None]:
    """The system's file and its directory of trusted certificates, where there are any."""
    places = ssl.get_default_verify_paths()
    file = Path(places.cafile) if places.cafile else None
    directory = Path(places.capath) if places.capath else None
    if file is None and directory is None:
        file = next((path for path in _USUAL_BUNDLES if path.exists()), None)
    return file, directory


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _chain_problem(error: crypto.X509StoreContextError, chain: Sequence[x509.Certificate]) -> str:
    number, depth, text = error.errors
    certificate = error.certificate.to_cryptography()
    issuer = _name(certificate.issuer)
    if number in (_EXPIRED, _NOT_YET_VALID):
        when = f"expired on {_moment(certificate.not_valid_after_utc)}"
        if number == _NOT_YET_VALID:
            when = f"is not valid before {_moment(certificate.not_valid_before_utc)}"
        return f"its authority {_name(certificate.subject)} {when}"
    if number == _SELF_SIGNED or (number in _UNKNOWN_ISSUER and chain[0].subject == chain[0].issuer):
        return "it is self-signed"
    if number == _UNKNOWN_ROOT:
        return f"its issuer is not trusted here: {issuer}"
    if number in _UNKNOWN_ISSUER:
        hint = "" if len(chain) > 1 else ", and no certificate between it and a trusted one is shown"
        return f"its issuer is not known here: {issuer}{hint}"
    if number in _NO_AUTHORITY:
        return f"it was issued by {_name(certificate.subject)}, which is no authority"
    if number == _SIGNATURE_WRONG:
        return f"the signature of {issuer} is wrong"
    where = "it" if depth == 0 else f"its authority {_name(certificate.subject)}"
    return f"{where} is not valid: {text}"


def _name_problem(leaf: x509.Certificate, authorities: Sequence[crypto.X509], domain: str) -> str | None:
    names = CertificateNames.of(leaf)
    if names.cover(domain, dns_only=True):
        return None
    # An authority bound to certain domains is so by dNSName; other forms of names it could choose freely.
    if names.cover(domain) and not any(_constrained(each.to_cryptography()) for each in authorities):
        return None
    return f"it is for {names}, not {domain}"


def _constrained(authority: x509.Certificate) -> bool:
    try:
        authority.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return False
    return True


def _name(name: x509.Name) -> str:
    """A subject or issuer as a person reads it."""
    for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            return repr(attribute.value)
    return name.rfc4514_string() or "somebody without a name"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").lower()
