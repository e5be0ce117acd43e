"""What a chain of certificates may be used for, and whether it is strong enough to be worth anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

_TLS: Final = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})
_RSA_BITS: Final = 2048
_EC_BITS: Final = 224


def usages(certificate: x509.Certificate) -> frozenset[ObjectIdentifier] | None:
    """The extended key usages of a certificate; None where it does not say (RFC 5280 §4.2.1.12)."""
    try:
        return frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return None


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether others may be signed with it (RFC 5280 §4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def usage_problem(path: Sequence[x509.Certificate]) -> str | None:
    """Say why the first certificate of a verified path is none for TLS, or None.

    An authority that may only sign for mail, say, can't make one for TLS: the usages of all of them must have
    something in common. Which of TLS's two usages it is makes no difference.

    Args:
        path: A certificate and the authorities above it, without the one that is trusted.

    Raises:
        ValueError, DuplicateExtension: An extension is damaged.
    """
    if is_authority(path[0]):
        return "it is that of an authority, not of a server (RFC 6120 §13.7.1.1)"
    allowed = _TLS
    for certificate in path:
        named = usages(certificate)
        if named is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in named:
            allowed &= named
    return None if allowed else "it is not for TLS: its usages, or those of its authorities, are others"


def strength_problem(path: Sequence[x509.Certificate]) -> str | None:
    """Say which key or signature of a path, as `usage_problem` takes it, is too weak; or None.

    Raises:
        UnsupportedAlgorithm, ValueError: A key is of a kind that is not known.
    """
    for certificate in path:
        if (problem := weak_key(certificate) or weak_signature(certificate)) is not None:
            return problem if certificate is path[0] else f"one of its authorities is weak: {problem}"
    return None


def weak_key(certificate: x509.Certificate) -> str | None:
    """Say how a certificate's key is too weak (RFC 9325 §4.4, §4.5), or None."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.key_size < _RSA_BITS:
        return f"its key has {key.key_size} bits, and {_RSA_BITS} are the least"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size < _EC_BITS:
        return f"its elliptic curve has {key.curve.key_size} bits, and {_EC_BITS} are the least"
    return None


def weak_signature(certificate: x509.Certificate) -> str | None:
    """Say that a certificate's signature rests on a hash for which others can be found, or None."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "its signature is of a kind that is not known here"
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        return f"its signature uses {algorithm.name.upper()}, which can be forged"
    return None
