"""The client's half of SCRAM-SHA-1 (RFC 5802), without channel binding."""

import base64
import hashlib
import hmac
import secrets
from functools import cache


@cache
def _salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    # Kept, because thousands of log-ins with one password would otherwise keep the
    # load generator busier than the server that it measures.
    return hashlib.pbkdf2_hmac("sha1", password.encode(), salt, iterations)


class ScramClient:
    """One authentication; call `first`, then `final` with the server's challenge."""

    def __init__(self, username: str, password: str) -> None:
        self._password = password
        self._bare = f"n={username},r={secrets.token_urlsafe(18)}"

    def first(self) -> bytes:
        """Return the client-first-message, in base64."""
        return base64.b64encode(f"n,,{self._bare}".encode())

    def final(self, challenge: bytes) -> bytes:
        """Return the client-final-message for the server's base64 challenge, in base64."""
        server_first = base64.b64decode(challenge).decode()
        fields = dict(field.split("=", 1) for field in server_first.split(","))
        salted = _salted_password(self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha1")
        without_proof = f"c=biws,r={fields['r']}"
        signed = f"{self._bare},{server_first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha1(client_key).digest(), signed, "sha1")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return base64.b64encode(f"{without_proof},p={base64.b64encode(proof).decode()}".encode())
