"""Looks at the certificate of a host as the administrator should: will clients and servers accept it?"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from burble.tls.certificates import CertificateFiles
from burble.tls.context import load_key
from burble.tls.errors import TlsError
from burble.tls.names import CLIENT_SERVICES, CertificateNames
from burble.tls.strength import strength_problem, usages
from burble.tls.trust import Trust

__all__ = ["Finding", "inspect"]

_SOON: Final = timedelta(days=14)
_RENEW: Final = "renew it and put the new one in its place: it is taken into use within a minute"
_ORDER_ANEW: Final = "get a new one from its issuer"
_FULL_CHAIN: Final = (
    "put the certificates of the authorities behind it into the file, the host's own first; "
    "ACME clients call such a file fullchain.pem"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``ok``; ``warning`` where it works, but not well or not for long; ``error`` where clients
            or other servers will refuse the certificate.
        text: what was found, a clause without a full stop.
        advice: what to do about it, a clause; empty where all is well.
    """

    level: Literal["ok", "warning", "error"]
    text: str
    advice: str = ""


def inspect(
    files: CertificateFiles, names: Sequence[str], trust: Trust, at: datetime | None = None
) -> list[Finding]:
    """Look at the files of a certificate: key, dates, names, usages, chain, strength.

    Args:
        files: where it is.
        names: the host that shows it, then its services, such as ``conference.example.org``.
        trust: whom clients and other servers will trust, as far as can be told here.
        at: when it shall be good; now if None.
    """
    try:
        chain, key = files.read()
        load_key(files, chain[0], key)
    except TlsError as error:
        return [Finding("error", str(error), "correct the files, or the settings that name them")]
    try:
        return [*_files(files), *_certificate(files, chain, names, trust, at or datetime.now(UTC))]
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        text = f"the certificate {files.certificate} is damaged: {error}"
        return [Finding("error", text, _ORDER_ANEW)]


def _files(files: CertificateFiles) -> Iterator[Finding]:
    if files.key.stat().st_mode & stat.S_IROTH:
        text = f"everybody on this machine can read the private key {files.key}"
        yield Finding("warning", text, f"chmod o-r {files.key}")
    else:
        yield Finding("ok", f"the private key {files.key} belongs to the certificate {files.certificate}")


def _certificate(
    files: CertificateFiles,
    chain: Sequence[x509.Certificate],
    names: Sequence[str],
    trust: Trust,
    now: datetime,
) -> Iterator[Finding]:
    leaf = chain[0]
    yield _dates(leaf, now)
    yield from _names(leaf, names)
    yield _usages(leaf)
    if (weakness := strength_problem(chain)) is not None:
        yield Finding("error", f"the certificate {files.certificate} is weak: {weakness}", _ORDER_ANEW)
    # Dates have been looked at: what is over is not also untrusted.
    during = min(max(now, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    yield from _chain(chain, trust, during)


def _dates(leaf: x509.Certificate, now: datetime) -> Finding:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now > ends:
        return Finding("error", f"the certificate is over since {ends:%Y-%m-%d}", _RENEW)
    if now < begins:
        text = f"the certificate is not valid before {begins:%Y-%m-%d %H:%M} UTC"
        return Finding("error", text, "check the clock of this machine, or wait")
    if ends - now < _SOON:
        text = f"the certificate is over on {ends:%Y-%m-%d}, in {(ends - now).days} days"
        return Finding("warning", text, _RENEW)
    return Finding("ok", f"the certificate is valid until {ends:%Y-%m-%d}")


def _names(leaf: x509.Certificate, names: Sequence[str]) -> Iterator[Finding]:
    found = CertificateNames.of(leaf)
    missing = [name for name in names if not (found.cover(name) and found.cover(name, CLIENT_SERVICES))]
    for name in missing:
        # Clients never see the names of services, and servers that can't verify them can call back.
        level: Literal["error", "warning"] = "error" if name == names[0] else "warning"
        yield Finding(level, f"the certificate is for {found}, not {name}", f"get one that names {name} too")
    if covered := [name for name in names if name not in missing]:
        yield Finding("ok", f"the certificate is for {', '.join(covered)}")


def _usages(leaf: x509.Certificate) -> Finding:
    named = usages(leaf)
    if (
        named is not None
        and ExtendedKeyUsageOID.SERVER_AUTH not in named
        and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in named
    ):
        text = "the certificate has not the usage serverAuth: clients and other servers refuse it"
        return Finding("error", text, "get one for TLS servers")
    return Finding("ok", "the certificate may be used for a TLS server")


def _chain(chain: Sequence[x509.Certificate], trust: Trust, at: datetime) -> Iterator[Finding]:
    if chain[0].issuer == chain[0].subject:
        text = "the certificate is self-signed: clients ask whether to trust it, other servers may refuse it"
        yield Finding("warning", text, "get one from an authority, such as Let's Encrypt")
        return
    if any(one.issuer != other.subject for one, other in pairwise(chain)):
        text = "the certificates in the file are not in order: some clients will refuse them"
        yield Finding("warning", text, "put each after the one that it signed, the host's own first")
    verdict = trust.verify_chain(chain, at)
    if verdict:
        yield Finding("ok", "the chain of certificates is complete and its end is trusted here")
    elif strength_problem(chain) is None:
        whole = chain[-1].issuer == chain[-1].subject
        advice = "get one from an authority that clients trust" if whole else _FULL_CHAIN
        yield Finding("error", f"the certificate is not trusted: {verdict.reason}", advice)
