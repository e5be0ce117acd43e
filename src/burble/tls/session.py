"""One TLS session as a machine without a socket: bytes in, bytes out."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from cryptography import x509
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from burble.tls.certificates import end_point_hash
from burble.tls.errors import NoCommonProtocol, TlsError, reason

# `ffi` and `lib`, and the three underlined attributes of Connection that this file reads, are pyOpenSSL's own
# way to OpenSSL. Its public recv, send, bio_read and bio_write check and wrap each argument anew; going to
# OpenSSL directly for these four calls, and only for them, costs less than half (docs/performance.md).

ChannelBindingType = Literal["tls-exporter", "tls-unique", "tls-server-end-point"]

Buffer: TypeAlias = Any
"""Memory that OpenSSL writes to; cffi has no types."""

_RECORD: Final = 16 * 1024
"""The largest plaintext of a record (RFC 8446 §5.1)."""

_PIECE: Final = 4 * 1024
"""How much is handed to OpenSSL at once. Its memory BIOs grow to what they once held and never shrink, so a
session that sent a picture once would keep the memory for good."""


def new_buffer() -> Buffer:
    """Return memory that sessions of one event loop can share; nothing stays in it between calls."""
    return ffi.new("char[]", _RECORD)


class TlsSession:
    """One side of one connection. `TlsContext.session` makes the accepting side, `client_session` the other.

    The transport gives every chunk from the socket to `receive`, every plaintext to `send`, and after either
    writes what `outgoing` returns to the socket. The connecting side speaks first: it has something
    `outgoing` from the start.

    Nothing is verified here: whose certificate `peer_chain` is, is for `burble.tls.Trust` to say.
    """

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_closed",
        "_connecting",
        "_connection",
        "_failure",
        "_first_context",
        "_incoming_bio",
        "_outgoing_bio",
        "_pieces",
        "_ssl",
        "eof",
        "handshake_done",
    )

    def __init__(self, connection: SSL.Connection, buffer: Buffer, *, connecting: bool = False) -> None:
        """Take over a connection that is ready for its handshake.

        Raises:
            TlsError: Nothing can be said with these settings (the connecting side only).
        """
        self._connection = connection
        self._connecting = connecting
        # SNI may switch the connection to another context; the callbacks of the first one must outlive it.
        self._first_context = connection.get_context()
        self._buffer = buffer
        self._ssl = connection._ssl
        self._incoming_bio = connection._into_ssl
        self._outgoing_bio = connection._from_ssl
        self._pieces: list[bytes] | None = None
        self._failure: str | None = None
        self._closed = False
        self.eof = False
        """Whether the peer said that it sends no more (close_notify, RFC 8446 §6.1)."""
        self.handshake_done = False
        """Whether the handshake is over, so that `send` may be called."""
        if connecting:
            self._shake_hands()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the socket, and return the plaintext they complete.

        Nothing comes out during the handshake. The plaintext is never longer than what came in, in this call
        and the one record that earlier calls left unfinished: TLS has no compression here.

        Raises:
            TlsError: The peer does not speak TLS, nothing acceptable could be negotiated, or a record was
                damaged. `outgoing` then holds the alert.
        """
        if len(data) > _PIECE:
            return b"".join(
                [self.receive(data[start : start + _PIECE]) for start in range(0, len(data), _PIECE)]
            )
        if self._failure is not None:
            raise TlsError(self._failure)
        if self.eof or not data:
            return b""
        # What others in this process left in OpenSSL's queue must not pass for an error of this session.
        lib.ERR_clear_error()
        lib.BIO_write(self._incoming_bio, data, len(data))
        if not self.handshake_done and not self._shake_hands():
            return b""
        ssl, buffer = self._ssl, self._buffer
        plaintext = b""
        while (length := lib.SSL_read(ssl, buffer, _RECORD)) > 0:
            plaintext += ffi.buffer(buffer, length)[:]
        if not lib.SSL_want_read(ssl):
            self._stop_reading(length)
        return plaintext

    def _shake_hands(self) -> bool:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except (SSL.Error, NoCommonProtocol) as error:
            raise self._fail(error) from error
        self.handshake_done = True
        return True

    def _stop_reading(self, result: int) -> None:
        """Find out why there is nothing to read: the peer closed, or something broke."""
        try:
            self._connection._raise_ssl_error(self._ssl, result)
        except SSL.ZeroReturnError:
            self.eof = True
        except SSL.Error as error:
            raise self._fail(error) from error

    def _fail(self, error: Exception) -> TlsError:
        during = "TLS session failed" if self.handshake_done else "TLS handshake failed"
        self._failure = f"{during}: {reason(error)}"
        return TlsError(self._failure)

    def send(self, plaintext: bytes) -> None:
        """Encrypt bytes for the peer; `outgoing` then has them.

        Raises:
            TlsError: The handshake is not over, the session failed, or `close` was called.
        """
        if self._failure is not None:
            raise TlsError(self._failure)
        if self._closed or not self.handshake_done:
            raise TlsError("TLS session is closed" if self._closed else "TLS handshake is not over")
        if len(plaintext) <= _PIECE:
            self._encrypt(plaintext)
            return
        if self._pieces is None:
            self._pieces = []
        for start in range(0, len(plaintext), _PIECE):
            self._encrypt(plaintext[start : start + _PIECE])
            self._pieces.append(self._drain())

    def _encrypt(self, piece: bytes) -> None:
        # An empty SSL_write would write nothing and report a failure.
        if piece and (result := lib.SSL_write(self._ssl, piece, len(piece))) <= 0:
            try:
                self._connection._raise_ssl_error(self._ssl, result)
            except SSL.Error as error:
                raise self._fail(error) from error

    def outgoing(self) -> bytes:
        """Return, once, the bytes to write to the socket; empty when there are none."""
        if self._pieces is None:
            return self._drain()
        pieces, self._pieces = self._pieces, None
        pieces.append(self._drain())
        return b"".join(pieces)

    def _drain(self) -> bytes:
        buffer = self._buffer
        length = lib.BIO_read(self._outgoing_bio, buffer, _RECORD)
        if length <= 0:
            return b""
        data: bytes = ffi.buffer(buffer, length)[:]
        return data if length < _RECORD else data + self._drain()

    def close(self) -> None:
        """Tell the peer that nothing more will be sent (close_notify); `outgoing` then has it.

        What the peer still sends can be received. Closing twice, or a failed session, does nothing.
        """
        if self.handshake_done and not self._closed and self._failure is None:
            try:
                self._connection.shutdown()
            except SSL.Error as error:
                raise self._fail(error) from error
        self._closed = True

    @property
    def version(self) -> str | None:
        """What was negotiated, ``TLSv1.2`` or ``TLSv1.3``; None before."""
        return self._connection.get_protocol_version_name() if self.handshake_done else None

    @property
    def cipher(self) -> str | None:
        """The negotiated cipher in OpenSSL's words, such as ``TLS_AES_256_GCM_SHA384``; None before."""
        return self._connection.get_cipher_name() if self.handshake_done else None

    @property
    def server_name(self) -> str | None:
        """The host asked for by SNI, in A-labels; None when the connecting side named none."""
        name = self._connection.get_servername()
        return None if name is None else name.decode("ascii", "replace")

    @property
    def alpn(self) -> str | None:
        """The protocol negotiated by ALPN, such as ``xmpp-client``; None when the peer offered none."""
        return self._connection.get_alpn_proto_negotiated().decode("ascii") or None

    @property
    def peer_chain(self) -> list[x509.Certificate]:
        """The certificates that the peer showed, its own first, as they came: nobody has verified them.

        Empty before the handshake is over, and where the peer showed none or what cannot be read.
        """
        if not self.handshake_done:
            return []
        try:
            leaf = self._connection.get_peer_certificate(as_cryptography=True)
            # The connecting side finds the peer's own certificate in here again, the accepting side does not.
            chain = self._connection.get_peer_cert_chain(as_cryptography=True) or []
        except (ValueError, x509.InvalidVersion):
            return []
        if leaf is None:
            return []
        return chain if self._connecting else [leaf, *chain]

    @property
    def channel_binding_types(self) -> list[ChannelBindingType]:
        """The channel bindings there are for this session, best first, as XEP-0440 announces them.

        TLS 1.2 without the extended master secret can be bound to neither the exporter (RFC 9266 §4) nor
        the Finished message (RFC 7627 §1): a man in the middle can make both equal on two sessions.
        """
        types: list[ChannelBindingType] = []
        if not self.handshake_done:
            return types
        if self.version == "TLSv1.3":
            types.append("tls-exporter")
        elif lib.SSL_get_extms_support(self._ssl) == 1:
            types += ["tls-exporter", "tls-unique"]
        if self._end_point_hash is not None:
            types.append("tls-server-end-point")
        return types

    def channel_binding(self, type: str) -> bytes | None:
        """Return the channel binding data of a type (RFC 5929, RFC 9266), None where there is none."""
        if type not in self.channel_binding_types:
            return None
        if type == "tls-exporter":
            return self._connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        if type == "tls-server-end-point":
            return self._end_point_hash
        # RFC 5929 §3.1: the first Finished message, which is the server's only when a session is resumed.
        by_server = lib.SSL_session_reused(self._ssl) == 1
        if by_server != self._connecting:
            return self._connection.get_finished()
        return self._connection.get_peer_finished()

    @property
    def _end_point_hash(self) -> bytes | None:
        if self._connecting:
            return end_point_hash(self.peer_chain[0])
        found = self._connection.get_context().get_app_data()
        return found if isinstance(found, bytes) else None
