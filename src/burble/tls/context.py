"""TLS settings of a listener: whose certificate to show to whom, and what to accept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL

from burble.tls.certificates import CertificateFiles, ascii_name, end_point_hash
from burble.tls.errors import NoCommonProtocol, TlsError, reason
from burble.tls.session import TlsSession, new_buffer

TlsVersion = Literal["TLSv1.2", "TLSv1.3"]

_VERSIONS: Final[dict[str, int]] = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}

DEFAULT_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325 §4.2), as TLS 1.3 always has."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """A host's certificate as loaded, and the stamp of the files it was loaded from."""

    files: CertificateFiles
    stamp: tuple[tuple[int, int, int], ...]
    context: SSL.Context


class TlsContext:
    """Makes the server side of TLS sessions for one or several virtual hosts.

    A context and its sessions belong to one event loop: they share a buffer.
    """

    def __init__(
        self,
        certificates: Mapping[str, CertificateFiles],
        default: str,
        *,
        min_version: TlsVersion = "TLSv1.2",
        ciphers: str = DEFAULT_CIPHERS,
        alpn: Sequence[str] = ("xmpp-client",),
        tickets: bool = False,
    ) -> None:
        """Load the certificates.

        Args:
            certificates: The files of each host. A host below one of them (``conference.example.org``) shows
                the same certificate unless it has its own.
            default: The host among them whose certificate is shown to peers that name none (SNI, RFC 6066 §3)
                or one that is not here.
            min_version: What a peer must offer at least.
            ciphers: OpenSSL's cipher list for TLS 1.2.
            alpn: What may be negotiated with ALPN, best first. A peer that offers only other protocols is
                refused (RFC 7301 §3.2, XEP-0368 §2); one that offers none is welcome.
            tickets: Whether to issue session tickets. Measured, resumption saves the server next to nothing,
                and the key of the tickets weakens forward secrecy in TLS 1.2.

        Raises:
            TlsError: A file is missing or wrong, a key does not match, or a setting is unknown to OpenSSL.
        """
        if min_version not in get_args(TlsVersion):
            raise TlsError(
                f"unknown TLS version {min_version!r}: expected {' or '.join(get_args(TlsVersion))}"
            )
        self._min_version = _VERSIONS[min_version]
        self._ciphers = ciphers
        self._alpn = [name.encode() for name in alpn]
        self._tickets = tickets
        self._buffer = new_buffer()
        self._identities: dict[str, _Identity] = {}
        self._default: _Identity
        self._install(certificates, default)

    def session(self) -> TlsSession:
        """Return the server side of a new session, which waits for the peer's first bytes."""
        return TlsSession(self._default.context, self._buffer)

    def reload(
        self, certificates: Mapping[str, CertificateFiles] | None = None, default: str | None = None
    ) -> list[str]:
        """Load what changed, for sessions from now on. Returns the hosts that have another certificate.

        Args:
            certificates: The files from now on; None for the same as before.
            default: The default host from now on; None for the same as before.

        Raises:
            TlsError: As the constructor does. Then everything stays as it was.
        """
        if certificates is None:
            certificates = {host: identity.files for host, identity in self._identities.items()}
        return self._install(certificates, self._default_host if default is None else default)

    def _install(self, certificates: Mapping[str, CertificateFiles], default: str) -> list[str]:
        identities: dict[str, _Identity] = {}
        changed: list[str] = []
        for host, files in certificates.items():
            name = ascii_name(host)
            # The stamp is taken first: a change while reading is then seen by the next reload.
            stamp = files.stamp()
            old = self._identities.get(name)
            if old is not None and (old.files, old.stamp) == (files, stamp):
                identities[name] = old
            else:
                identities[name] = _Identity(files, stamp, self._load(files))
                changed.append(host)
        if ascii_name(default) not in identities:
            raise TlsError(f"no certificate is set for the default host {default}")
        self._identities = identities
        self._default_host = ascii_name(default)
        self._default = identities[self._default_host]
        return changed

    def _load(self, files: CertificateFiles) -> SSL.Context:
        chain, key_text = files.read()
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        try:
            context.set_cipher_list(self._ciphers.encode())
        except SSL.Error as error:
            raise TlsError(f"no usable TLS cipher in {self._ciphers!r}: {reason(error)}") from error
        _use_certificate(context, files, chain, key_text)
        context.set_min_proto_version(self._min_version)
        options = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
        context.set_options(options if self._tickets else options | SSL.OP_NO_TICKET)
        # Without the cache of sessions and with buffers given back between records, an idle session is small.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_session_id(b"burble")
        context.set_tlsext_servername_callback(self._choose_certificate)
        if self._alpn:
            context.set_alpn_select_callback(self._choose_protocol)
        context.set_app_data(end_point_hash(chain[0]))
        return context

    def _choose_certificate(self, connection: SSL.Connection) -> None:
        """Called by OpenSSL with the peer's first message: SNI (RFC 6066 §3)."""
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip(".")
        while name:
            identity = self._identities.get(name)
            if identity is not None:
                # Setting even the same context again would copy the certificate into the session.
                if identity.context is not connection.get_context():
                    connection.set_context(identity.context)
                return
            name = name.partition(".")[2]

    def _choose_protocol(self, _connection: SSL.Connection, offered: list[bytes]) -> bytes:
        """Called by OpenSSL when the peer offers protocols: ALPN (RFC 7301)."""
        for protocol in self._alpn:
            if protocol in offered:
                return protocol
        raise NoCommonProtocol


def _use_certificate(
    context: SSL.Context, files: CertificateFiles, chain: list[x509.Certificate], key_text: bytes
) -> None:
    try:
        key = serialization.load_pem_private_key(key_text, None)
    except TypeError as error:
        raise TlsError(f"the private key {files.key} is encrypted: store it without a passphrase") from error
    except ValueError as error:
        raise TlsError(f"{files.key} holds no PEM private key") from error
    if key.public_key() != chain[0].public_key():
        raise TlsError(f"the private key {files.key} does not belong to the certificate {files.certificate}")
    try:
        context.use_certificate(chain[0])
        for authority in chain[1:]:
            context.add_extra_chain_cert(authority)
        # A PEM file may hold kinds of key that TLS has no use for: those raise TypeError.
        context.use_privatekey(key)  # type: ignore[arg-type]
    except (SSL.Error, TypeError) as error:
        raise TlsError(f"cannot use the certificate {files.certificate}: {reason(error)}") from error
