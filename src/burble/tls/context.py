"""TLS settings of a listener: whose certificate to show to whom, and what to accept."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from burble.tls.certificates import CertificateFiles, ascii_name, end_point_hash
from burble.tls.errors import NoCommonProtocol, TlsError, reason
from burble.tls.session import TlsSession, new_buffer

TlsVersion = Literal["TLSv1.2", "TLSv1.3"]

_VERSIONS: Final[dict[str, int]] = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}

DEFAULT_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325 §4.2), as TLS 1.3 always has."""


# OpenSSL would refuse, in the handshake, a server whose certificate has only the usage serverAuth, which is
# all that public authorities issue. So every certificate is let in, and `burble.tls.Trust` judges it later.
# One callback for all connections: pyOpenSSL's own set_verify makes a new one for each.
_LET_IN: Final[Any] = ffi.callback("int (*)(int, X509_STORE_CTX *)", lambda _valid, _store: 1)


# What marks a connection of the connecting side for the callbacks.
_CONNECTING: Final = object()


@dataclass(frozen=True, slots=True)
class _Identity:
    """A certificate as loaded, and the stamp of the files it was loaded from."""

    files: CertificateFiles
    stamp: tuple[tuple[int, int, int], ...]
    context: SSL.Context
    ends: datetime


@dataclass(frozen=True, slots=True)
class CertificateInUse:
    """A certificate that sessions from now on show.

    Attributes:
        files: where it was read.
        hosts: whose it is, in A-labels.
        ends: when it is over.
    """

    files: CertificateFiles
    hosts: tuple[str, ...]
    ends: datetime


class TlsContext:
    """Makes either side of TLS sessions for one or several virtual hosts.

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
        peer_alpn: Sequence[str] = ("xmpp-server",),
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
            peer_alpn: The same for those that are asked for a certificate: other servers.
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
        self._peer_alpn = [name.encode() for name in peer_alpn]
        self._tickets = tickets
        self._buffer = new_buffer()
        self._identities: dict[str, _Identity] = {}
        self._default: _Identity
        self._install(certificates, default)

    def session(self, ask_peer: bool = False) -> TlsSession:
        """Return the accepting side of a new session, which waits for the peer's first bytes.

        Args:
            ask_peer: Whether the peer is another server, which is asked for its certificate. One that has
                none, or any at all, is let in: see `TlsSession.peer_chain`.
        """
        connection = SSL.Connection(self._default.context)
        connection.set_accept_state()
        if ask_peer:
            connection.set_app_data(self._peer_alpn)
            # A resumed session would know the peer's own certificate, but not those of its authorities.
            connection.set_options(SSL.OP_NO_TICKET)
            lib.SSL_set_verify(connection._ssl, SSL.VERIFY_PEER, _LET_IN)
        return TlsSession(connection, self._buffer)

    def client_session(
        self, identity: str, server_name: str, alpn: Sequence[str] = ("xmpp-server",)
    ) -> TlsSession:
        """Return the connecting side of a new session; its first message is `TlsSession.outgoing` already.

        Args:
            identity: The host here whose certificate is shown when the peer asks for one; looked up as a name
                that a peer asks for.
            server_name: The domain that is connected to, sent by SNI (in A-labels) unless it is an address.
            alpn: The protocols to offer, best first (XEP-0368 §3); none where empty.

        Raises:
            TlsError: OpenSSL can't begin with these settings.
        """
        connection = SSL.Connection((self._find(ascii_name(identity)) or self._default).context)
        connection.set_connect_state()
        connection.set_app_data(_CONNECTING)
        if (name := _sni(server_name)) is not None:
            connection.set_tlsext_host_name(name)
        if alpn:
            connection.set_alpn_protos([protocol.encode() for protocol in alpn])
        return TlsSession(connection, self._buffer, connecting=True)

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

    def refresh(self) -> tuple[list[CertificateInUse], dict[CertificateFiles, str]]:
        """Load the certificates whose files changed, each for itself, for sessions from now on.

        Returns:
            The new ones, and the files that can't be used with the reason. Where they can't, what was read
            before stays in use.
        """
        renewed: dict[CertificateFiles, _Identity] = {}
        problems: dict[CertificateFiles, str] = {}
        for files, old in {each.files: each for each in self._identities.values()}.items():
            try:
                new = self._load_changed(files, old)
            except TlsError as error:
                problems[files] = str(error)
                continue
            if new is not old:
                renewed[files] = new
        if renewed:
            self._identities = {
                name: renewed.get(identity.files, identity) for name, identity in self._identities.items()
            }
            self._default = self._identities[self._default_host]
        return [each for each in self.in_use if each.files in renewed], problems

    @property
    def in_use(self) -> list[CertificateInUse]:
        """The certificates that are shown, each once, with the hosts whose it is."""
        hosts: dict[CertificateFiles, list[str]] = {}
        for name, identity in self._identities.items():
            hosts.setdefault(identity.files, []).append(name)
        ends = {identity.files: identity.ends for identity in self._identities.values()}
        return [CertificateInUse(files, tuple(names), ends[files]) for files, names in hosts.items()]

    def _install(self, certificates: Mapping[str, CertificateFiles], default: str) -> list[str]:
        identities: dict[str, _Identity] = {}
        changed: list[str] = []
        known = {identity.files: identity for identity in self._identities.values()}
        # Hosts with the same files share a context, which takes 20 KB or more.
        loaded: dict[CertificateFiles, _Identity] = {}
        for host, files in certificates.items():
            name = ascii_name(host)
            if files not in loaded:
                loaded[files] = self._load_changed(files, known.get(files))
            identities[name] = loaded[files]
            if self._identities.get(name) is not identities[name]:
                changed.append(host)
        if ascii_name(default) not in identities:
            raise TlsError(f"no certificate is set for the default host {default}")
        self._identities = identities
        self._default_host = ascii_name(default)
        self._default = identities[self._default_host]
        return changed

    def _load_changed(self, files: CertificateFiles, old: _Identity | None) -> _Identity:
        # The stamp is taken first: a change while reading is then seen by the next reload.
        stamp = files.stamp()
        if old is not None and old.stamp == stamp:
            return old
        chain, key_text = files.read()
        return _Identity(files, stamp, self._load(files, chain, key_text), chain[0].not_valid_after_utc)

    def _load(self, files: CertificateFiles, chain: list[x509.Certificate], key_text: bytes) -> SSL.Context:
        context = SSL.Context(SSL.TLS_METHOD)
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
        if self._alpn or self._peer_alpn:
            context.set_alpn_select_callback(self._choose_protocol)
        context.set_app_data(end_point_hash(chain[0]))
        return context

    def _find(self, name: str) -> _Identity | None:
        """Whose certificate is for a domain in A-labels: its own, or that of a host above it."""
        while name:
            if (identity := self._identities.get(name)) is not None:
                return identity
            name = name.partition(".")[2]
        return None

    def _choose_certificate(self, connection: SSL.Connection) -> None:
        """Called by OpenSSL with the peer's first message: SNI (RFC 6066 §3)."""
        if connection.get_app_data() is _CONNECTING:
            return  # the name is the one that we asked for, which may be another host of ours
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower().rstrip(".")
        identity = self._find(name)
        # Setting even the same context again would copy the certificate into the session.
        if identity is not None and identity.context is not connection.get_context():
            connection.set_context(identity.context)

    def _choose_protocol(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        """Called by OpenSSL when the peer offers protocols: ALPN (RFC 7301)."""
        wanted: list[bytes] | None = connection.get_app_data()
        for protocol in self._alpn if wanted is None else wanted:
            if protocol in offered:
                return protocol
        raise NoCommonProtocol


def _sni(domain: str) -> bytes | None:
    """The domain as SNI has it, or None where SNI can't name it: no addresses, 255 bytes (RFC 6066 §3)."""
    try:
        ipaddress.ip_address(domain.strip("[]"))
        return None
    except ValueError:
        pass
    try:
        name = ascii_name(domain).encode()
    except UnicodeError:
        return None
    return name if 0 < len(name) <= 255 else None


def load_key(files: CertificateFiles, certificate: x509.Certificate, key_text: bytes) -> PrivateKeyTypes:
    """Return the private key of a certificate.

    Args:
        files: Where both were read.
        certificate: The host's own.
        key_text: What the file of the key holds.

    Raises:
        TlsError: It is encrypted, no key or that of another certificate.
    """
    try:
        # The check of an RSA key's primes takes 50 ms and more for each host; ours are not from strangers.
        key = serialization.load_pem_private_key(key_text, None, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:
        raise TlsError(f"the private key {files.key} is encrypted: store it without a passphrase") from error
    except ValueError as error:
        raise TlsError(f"{files.key} holds no PEM private key") from error
    if key.public_key() != certificate.public_key():
        raise TlsError(f"the private key {files.key} does not belong to the certificate {files.certificate}")
    return key


def _use_certificate(
    context: SSL.Context, files: CertificateFiles, chain: list[x509.Certificate], key_text: bytes
) -> None:
    key = load_key(files, chain[0], key_text)
    try:
        context.use_certificate(chain[0])
        for authority in chain[1:]:
            context.add_extra_chain_cert(authority)
        # A PEM file may hold kinds of key that TLS has no use for: those raise TypeError.
        context.use_privatekey(key)  # type: ignore[arg-type]
    except (SSL.Error, TypeError) as error:
        raise TlsError(f"cannot use the certificate {files.certificate}: {reason(error)}") from error
