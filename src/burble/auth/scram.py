"""SCRAM (RFC 5802, RFC 7677): keys kept instead of passwords, and the server's half of an exchange.

The cryptography is the standard library's; what is here is the grammar of the messages (§7).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

HASHES: Mapping[str, str] = MappingProxyType({"SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"})
"""Hash names as SCRAM writes them, and as hashlib does."""

SALT_LENGTH = 16
"""Bytes of salt in a new key (XEP-0438 §5.2)."""

NONCE_ENTROPY = 18
"""Random bytes in the server's part of a nonce."""

# RFC 5802 §7: a nonce is printable ASCII but for the comma. Extensions, which may follow it, are ignored, but
# for the mandatory one (m); none has the letter of another attribute (§5.1).
_EXTENSIONS = "(?:,(?![aceimnprsv]=)[A-Za-z]=[^,\0]+)*"
_FIRST_REST = re.compile(rf"r=(?P<nonce>[!-+\--~]+){_EXTENSIONS}")
_LAST_REST = re.compile(_EXTENSIONS)


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
    salted = hashlib.pbkdf2_hmac(HASHES[hash], password.encode(), salt, iterations)
    return keys_of(salted, hash, salt, iterations)


def keys_of(salted: bytes, hash: str, salt: bytes, iterations: int) -> ScramKeys:
    """The keys that belong to a salted password (RFC 5802 §3).

    Raises:
        ValueError: it has not the length of the hash.
    """
    algorithm = HASHES[hash]
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    stored_key = hashlib.new(algorithm, client_key).digest()
    if len(salted) != len(stored_key):
        raise ValueError(f"a salted password for SCRAM-{hash} has {len(stored_key)} bytes")
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


class ScramVerifier:
    """The server's half of one exchange, from the keys on. It is good for one proof."""

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
        rest = _FIRST_REST.fullmatch(first.bare.partition(",")[2])
        if rest is None:
            raise ScramError("the nonce does not follow the username, or holds what a nonce may not")
        self._algorithm = HASHES[hash]
        self._keys: ScramKeys | None = keys
        self._first = first.bare
        nonce = rest["nonce"] + (nonce or secrets.token_urlsafe(NONCE_ENTROPY))
        self._challenge = f"r={nonce},s={_encode(keys.salt)},i={keys.iterations}"
        self._expected = f"c={_encode(first.header.encode() + binding_data)},r={nonce}"

    def challenge(self) -> str:
        """Return the server-first-message: nonce, salt and iteration count."""
        return self._challenge

    def verify(self, message: str) -> str:
        """Check the client-final-message and return the server-final-message (RFC 5802 §3).

        Raises:
            ScramError: it is malformed, repeats another nonce, header or channel, its proof is wrong, or
                a proof was checked before.
        """
        keys, self._keys = self._keys, None
        if keys is None:
            raise ScramError("this exchange is over")
        repeated, _, proof = message.rpartition(",p=")
        expected = self._expected
        if not (repeated.startswith(expected) and _LAST_REST.fullmatch(repeated, len(expected))):
            raise ScramError("the last message repeats another header, channel or nonce")
        signed = f"{self._first},{self._challenge},{repeated}".encode()
        signature = hmac.digest(keys.stored_key, signed, self._algorithm)
        client_key = _exclusive_or(_decode(proof), signature)
        stored_key = hashlib.new(self._algorithm, client_key).digest()
        if not hmac.compare_digest(stored_key, keys.stored_key):
            raise ScramError("the proof is wrong")
        return f"v={_encode(hmac.digest(keys.server_key, signed, self._algorithm))}"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ScramError("the proof is not base64") from None


def _exclusive_or(proof: bytes, signature: bytes) -> bytes:
    if len(proof) != len(signature):
        raise ScramError("the proof has another length than the hash")
    joined = int.from_bytes(proof, "big") ^ int.from_bytes(signature, "big")
    return joined.to_bytes(len(proof), "big")


def _unescape(saslname: str) -> str:
    """Undo the escaping of a saslname (RFC 5802 §5.1)."""
    if "=" not in saslname:
        return saslname
    if saslname.count("=") != saslname.count("=2C") + saslname.count("=3D"):
        raise ScramError("an equals sign in a name is not followed by 2C or 3D")
    return saslname.replace("=2C", ",").replace("=3D", "=")
