"""SCRAM (RFC 5802, RFC 7677): keys kept instead of passwords, and the server's half of an exchange.

`ScramVerifier` is the only place that knows the library scramp.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]

HASHES: Mapping[str, str] = MappingProxyType({"SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"})
"""Hash names as SCRAM writes them, and as hashlib does."""

SALT_LENGTH = 16
"""Bytes of salt in a new key (XEP-0438 §5.2)."""

NONCE_ENTROPY = 18
"""Random bytes in the server's part of a nonce."""

_MECHANISMS = {name: ScramMechanism(f"SCRAM-{name}") for name in HASHES}


class ScramError(Exception):
    """A message of the exchange is malformed, or the proof in it is wrong."""


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What the server keeps of a password (RFC 5802 §3): enough to check a proof, useless to make one."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def derive_keys(password: str, hash: str, salt: bytes, iterations: int) -> ScramKeys:
    """Derive the keys for a prepared password (RFC 5802 §3). Takes milliseconds: call it in a thread."""
    algorithm = HASHES[hash]
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    return ScramKeys(salt, iterations, stored_key, hmac.digest(salted, b"Server Key", algorithm))


def decoy_keys(secret: bytes, address: str, hash: str, iterations: int) -> ScramKeys:
    """Return keys that no password fits, for an account that does not exist.

    An asker sees the same salt each time, as with a real account, and cannot tell the difference
    without ``secret`` (which must therefore outlive the process, and differ between servers).
    """
    seed = hmac.digest(secret, f"{hash} {address}".encode(), "sha512")
    size = hashlib.new(HASHES[hash]).digest_size
    return ScramKeys(
        salt=hmac.digest(seed, b"salt", "sha512")[:SALT_LENGTH],
        iterations=iterations,
        stored_key=hmac.digest(seed, b"stored key", "sha512")[:size],
        server_key=hmac.digest(seed, b"server key", "sha512")[:size],
    )


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """A client-first-message (RFC 5802 §7), taken apart.

    Attributes:
        header: the gs2-header as it was sent, which the client repeats in its last message.
        flag: ``n`` (client cannot bind), ``y`` (client thinks the server cannot), or ``p`` (client binds).
        binding: the channel binding type after ``p=``, else empty.
        authzid: the identity to act as, unescaped; empty when absent.
        username: the name to authenticate, unescaped but not prepared.
        bare: the client-first-message-bare.
    """

    header: str
    flag: str
    binding: str
    authzid: str
    username: str
    bare: str

    @classmethod
    def parse(cls, message: str) -> "ClientFirst":
        """Take ``message`` apart. Raises `ScramError`."""
        parts = message.split(",", 2)
        if len(parts) != 3:
            raise ScramError("the first message has no gs2-header")
        cbind, authzid, bare = parts
        flag, _, binding = cbind.partition("=")
        if flag not in ("n", "y", "p") or bool(binding) != (flag == "p") or (flag != "p" and cbind != flag):
            raise ScramError("the channel binding flag is neither n, y nor p=type")
        if authzid and not authzid.startswith("a="):
            raise ScramError("the authorization identity does not start with a=")
        if not bare.startswith("n="):
            raise ScramError("the username does not come first; mandatory extensions are not supported")
        return cls(
            header=f"{cbind},{authzid},",
            flag=flag,
            binding=binding,
            authzid=_unescape(authzid[2:]),
            username=_unescape(bare[2:].partition(",")[0]),
            bare=bare,
        )


class _BindingInput:
    """The gs2-header and channel binding data that the client's last message must repeat (RFC 5802 §6)."""

    def __init__(self, expected: bytes) -> None:
        self.expected = expected

    def make_cbind_input(self, _channel_binding: object) -> bytes:
        """Called by scramp when it compares the client's ``c=`` attribute."""
        return self.expected


class ScramVerifier:
    """The server's half of one exchange, from the keys on.

    scramp checks nonce and proof and makes both messages. Of the first message it is shown only what
    it can read: it refuses an authorization identity, knows no ``tls-exporter`` (RFC 9266), and prepares
    usernames by SASLprep, which would refuse localparts that RFC 7622 allows. So it parses
    a neutral header and name, and is then given the true values that the proof covers. Should a release
    of scramp stop reading these attributes, every proof fails: no login is let in unchecked.
    """

    def __init__(
        self,
        hash: str,
        keys: ScramKeys,
        first: ClientFirst,
        binding_data: bytes = b"",
        nonce: str | None = None,
    ) -> None:
        """Begin from a parsed first message.

        Args:
            hash: a name of `HASHES`.
            keys: the account's keys, or decoys.
            first: the client's first message.
            binding_data: the connection's channel binding data if the client binds, else empty.
            nonce: the server's part of the nonce, for tests; random by default.

        Raises:
            ScramError: the client's nonce is missing or malformed.
        """
        record = (keys.salt, keys.stored_key, keys.server_key, keys.iterations)
        self._server = _MECHANISMS[hash].make_server(
            lambda _user: record,
            # scramp checks a nonce character by character, several times, and its own has 64.
            s_nonce=nonce or secrets.token_urlsafe(NONCE_ENTROPY),
        )
        try:
            self._server.set_client_first("n,,n=u," + first.bare.partition(",")[2])
        except ScramException as error:
            raise ScramError(error.args[0]) from error
        self._server.client_first_bare = first.bare
        self._server.gs2_header = _BindingInput(first.header.encode() + binding_data)

    def challenge(self) -> str:
        """Return the server-first-message: nonce, salt and iteration count."""
        return str(self._server.get_server_first())

    def verify(self, message: str) -> str:
        """Check the client-final-message and return the server-final-message.

        Raises:
            ScramError: it is malformed, repeats another nonce, header or channel, or its proof is wrong.
        """
        try:
            self._server.set_client_final(message)
            return str(self._server.get_server_final())
        except ScramException as error:
            raise ScramError(error.args[0]) from error


def _unescape(saslname: str) -> str:
    """Undo the escaping of a saslname (RFC 5802 §5.1)."""
    if "=" not in saslname:
        return saslname
    if saslname.count("=") != saslname.count("=2C") + saslname.count("=3D"):
        raise ScramError("an equals sign in a name is not followed by 2C or 3D")
    return saslname.replace("=2C", ",").replace("=3D", "=")
