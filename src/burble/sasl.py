"""The server's side of SASL (RFC 4422, RFC 6120 §6): mechanisms as state machines without a socket.

A stream asks `SaslServer.offered` what to advertise and `SaslServer.begin` for an exchange when the client
picks one, and feeds the client's data to `Exchange.step` until it returns `Success` or raises `SaslFailure`.
"""

from __future__ import annotations

import base64
import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from burble.auth.base import Authenticator, AuthenticatorUnavailable
from burble.auth.scram import ClientFirst, ScramError, ScramVerifier, decoy_keys
from burble.jid import JID, JIDError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MECHANISMS: Final = (
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "PLAIN",
    "ANONYMOUS",
)
"""Every mechanism the server can speak, strongest first."""

MAX_MESSAGE = 8192
"""Longest decoded message of a client, in bytes: names and passwords have at most 1,024 characters each."""

Condition = Literal[
    "aborted",
    "account-disabled",
    "credentials-expired",
    "encryption-required",
    "incorrect-encoding",
    "invalid-authzid",
    "invalid-mechanism",
    "malformed-request",
    "mechanism-too-weak",
    "not-authorized",
    "temporary-auth-failure",
]
"""The failures of RFC 6120 §6.5."""


class SaslFailure(Exception):
    """Authentication failed; the client gets the condition (RFC 6120 §6.5) and may try again.

    Args:
        condition: the name of the failure element.
        text: what a person should read; English. It never tells whether an account exists.
    """

    def __init__(self, condition: Condition, text: str) -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text

    def __str__(self) -> str:
        return f"{self.condition}: {self.text}"


class TlsFacts(Protocol):
    """What SASL has to know of the TLS connection around it."""

    @property
    def channel_binding_types(self) -> Sequence[str]:
        """The types (RFC 5929, RFC 9266) this connection has data for, best first."""

    def channel_binding(self, type: str) -> bytes | None:
        """Return the data of one type, or None if this connection has none."""

    @property
    def peer_chain(self) -> Sequence[Certificate]:
        """The certificates that the peer has shown, its own first; none where it has not."""


@dataclass(frozen=True, slots=True)
class SaslPolicy:
    """What a host allows.

    Attributes:
        mechanisms: the mechanisms that may be offered, by full name; what is not in it is refused.
        allow_plain_without_tls: offer PLAIN on an unencrypted stream, where anyone on the way
            reads the password.
        scram_iterations: the iteration count shown for unknown users; that of new accounts.
        decoy_secret: makes the salts shown for unknown users. Keep it with the server's data: a salt
            that changes at a restart betrays that there is no such account.
    """

    decoy_secret: bytes
    mechanisms: Collection[str] = tuple(name for name in MECHANISMS if name != "ANONYMOUS")
    allow_plain_without_tls: bool = False
    scram_iterations: int = 10_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange goes on: send ``data`` and step again with the response."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Success:
    """The client is authenticated.

    Attributes:
        user: the localpart it is authenticated as.
        data: additional data for the success element, or None.
        anonymous: there is no account behind it (XEP-0175).
    """

    user: str
    data: bytes | None = None
    anonymous: bool = False


class Exchange(ABC):
    """One authentication attempt with one mechanism."""

    _prompted = False

    async def step(self, data: bytes | None) -> Challenge | Success:
        """Take the client's next message.

        Args:
            data: the decoded message; None if the client began without an initial response (RFC 6120 §6.4.2),
                which is answered with an empty challenge where the mechanism needs one.

        Raises:
            SaslFailure: the attempt is over. Nothing else is raised, whatever the client sends.
        """
        if data is None and not self._prompted:
            self._prompted = True
            return Challenge(b"")
        return await self._take(data or b"")

    @abstractmethod
    async def _take(self, data: bytes) -> Challenge | Success: ...


class SaslServer:
    """The mechanisms of one virtual host."""

    def __init__(self, authenticator: Authenticator, policy: SaslPolicy) -> None:
        self.authenticator = authenticator
        self.policy = policy
        self._offered: dict[tuple[bool, bool], list[str]] = {}

    def offered(self, tls: TlsFacts | None) -> Sequence[str]:
        """Return the mechanisms to advertise on a stream, strongest first.

        Args:
            tls: the connection's TLS layer, or None when the stream is not encrypted.
        """
        state = tls is not None, tls is not None and bool(tls.channel_binding_types)
        offered = self._offered.get(state)
        if offered is None:
            offered = self._offered[state] = [name for name in MECHANISMS if self._allowed(name, *state)]
        return offered

    def channel_bindings(self, tls: TlsFacts | None) -> list[str]:
        """Return the channel binding types to advertise (XEP-0440).

        There are none unless a ``-PLUS`` mechanism is offered: either without the other looks like an attack.
        """
        if tls is None or not any(name.endswith("-PLUS") for name in self.offered(tls)):
            return []
        return list(tls.channel_binding_types)

    def begin(self, mechanism: str, tls: TlsFacts | None) -> Exchange:
        """Start an attempt with the mechanism a client chose.

        Raises:
            SaslFailure: ``invalid-mechanism`` if it is not offered here, ``encryption-required`` if it
                would be after TLS.
        """
        offered = self.offered(tls)
        if mechanism not in offered:
            if self._allowed(mechanism, encrypted=True, bound=False):
                raise SaslFailure("encryption-required", f"{mechanism} is offered only over TLS")
            raise SaslFailure("invalid-mechanism", "this mechanism is not offered here")
        if mechanism == "PLAIN":
            return _Plain(self.authenticator)
        if mechanism == "ANONYMOUS":
            return _Anonymous()
        bindable = any(name.endswith("-PLUS") for name in offered)
        return _Scram(self.authenticator, self.policy, mechanism, tls if bindable else None)

    def _allowed(self, name: str, encrypted: bool, bound: bool) -> bool:
        if name not in self.policy.mechanisms:
            return False
        if name == "ANONYMOUS":
            return True
        if name == "PLAIN" and not (encrypted or self.policy.allow_plain_without_tls):
            return False
        if name.endswith("-PLUS") and not bound:
            return False
        return name.removesuffix("-PLUS") in self.authenticator.mechanisms


class _Plain(Exchange):
    """PLAIN (RFC 4616)."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def _take(self, data: bytes) -> Success:
        parts = _text(data).split("\0")
        if len(parts) != 3 or not parts[1] or not parts[2]:
            raise SaslFailure("malformed-request", "PLAIN takes authzid NUL authcid NUL password")
        authzid, authcid, password = parts
        user = account_named(authcid, self._authenticator.host)
        _check_authzid(authzid, user, self._authenticator.host)
        try:
            right = await self._authenticator.check_password(user, password)
        except AuthenticatorUnavailable as error:
            raise unavailable() from error
        if not right:
            raise wrong()
        return await admit(self._authenticator, Success(user))


class _Anonymous(Exchange):
    """ANONYMOUS (RFC 4505, XEP-0175). Trace data is not used for anything."""

    _prompted = True  # XEP-0175 §4: success at once, also without an initial response

    async def _take(self, data: bytes) -> Success:
        return Success(str(uuid.uuid4()), anonymous=True)


class _Scram(Exchange):
    """SCRAM with any hash, with and without channel binding (RFC 5802, RFC 7677)."""

    def __init__(
        self,
        authenticator: Authenticator,
        policy: SaslPolicy,
        mechanism: str,
        bindable: TlsFacts | None,
    ) -> None:
        self._authenticator = authenticator
        self._policy = policy
        self._hash = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS")
        self._plus = mechanism.endswith("-PLUS")
        self._bindable = bindable
        self._user = ""
        self._verifier: ScramVerifier | None = None

    async def _take(self, data: bytes) -> Challenge | Success:
        if self._verifier is not None:
            return await self._finish(self._verifier, data)
        return await self._start(data)

    async def _start(self, data: bytes) -> Challenge:
        try:
            first = ClientFirst.parse(_text(data))
            binding = self._binding_data(first)
            self._user = account_named(first.username, self._authenticator.host)
            _check_authzid(first.authzid, self._user, self._authenticator.host)
            keys = await self._authenticator.scram_keys(self._user, self._hash)
            if keys is None:
                policy, address = self._policy, f"{self._user}@{self._authenticator.host}"
                keys = decoy_keys(policy.decoy_secret, address, self._hash, policy.scram_iterations)
            self._verifier = ScramVerifier(self._hash, keys, first, binding)
        except ScramError as error:
            raise SaslFailure("malformed-request", str(error)) from error
        except AuthenticatorUnavailable as error:
            raise unavailable() from error
        return Challenge(self._verifier.challenge().encode())

    async def _finish(self, verifier: ScramVerifier, data: bytes) -> Success:
        try:
            final = verifier.verify(_text(data))
        except ScramError as error:
            raise wrong() from error
        return await admit(self._authenticator, Success(self._user, final.encode()))

    def _binding_data(self, first: ClientFirst) -> bytes:
        """Return the data the client must prove it sees too, or none if it does not bind (RFC 5802 §6)."""
        if self._plus != (first.flag == "p"):
            raise SaslFailure("malformed-request", "the channel binding flag does not suit the mechanism")
        if first.flag == "y" and self._bindable is not None:
            # The client did not see the -PLUS mechanisms that were offered: somebody removed them.
            raise SaslFailure(
                "not-authorized", "channel binding is offered; the mechanism list was tampered with"
            )
        if self._bindable is None or not self._plus:
            return b""
        data = None
        if first.binding in self._bindable.channel_binding_types:
            data = self._bindable.channel_binding(first.binding)
        if not data:
            raise SaslFailure("not-authorized", "this type of channel binding is not offered")
        return data


def decode(text: str) -> bytes | None:
    """Decode the text of an auth element: None if it has none, empty for ``=`` (RFC 6120 §6.4.2).

    Raises:
        SaslFailure: ``incorrect-encoding`` if it is not base64 (RFC 4648 §4).
    """
    if not text:
        return None
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise SaslFailure("incorrect-encoding", "the data is not base64") from error


def encode(data: bytes | None) -> str:
    """Encode data as the text of a challenge or success element; none makes it empty."""
    return base64.b64encode(data or b"").decode()


def _text(data: bytes) -> str:
    if len(data) > MAX_MESSAGE:
        raise SaslFailure("malformed-request", f"the data is longer than {MAX_MESSAGE} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise SaslFailure("malformed-request", "the data is not UTF-8") from error


def account_named(username: str, host: str) -> str:
    """Prepare a username as a localpart (RFC 7622 §3.3); one that cannot be prepared has no account."""
    if not username:
        raise SaslFailure("malformed-request", "the username is empty")
    try:
        return JID.build(username, host).local
    except JIDError as error:
        raise wrong() from error


def _check_authzid(authzid: str, user: str, host: str) -> None:
    """Nobody acts as another: an authorization identity is absent or the account's own bare JID (§6.3.8)."""
    if not authzid:
        return
    try:
        own = JID.parse(authzid) == JID.build(user, host)
    except JIDError as error:
        raise SaslFailure("invalid-authzid", "the authorization identity is not an address") from error
    if not own:
        raise SaslFailure("invalid-authzid", "the authorization identity is not the account's own bare JID")


async def admit(authenticator: Authenticator, success: Success) -> Success:
    """Let an account in that has proved itself, unless it is disabled.

    Raises:
        SaslFailure: it is, or that can't be found out.
    """
    try:
        disabled = await authenticator.is_disabled(success.user)
    except AuthenticatorUnavailable as error:
        raise unavailable() from error
    if disabled:
        raise SaslFailure("account-disabled", "this account is disabled")
    return success


def wrong() -> SaslFailure:
    """What fails for a name or a password, so that nobody learns which of them was wrong."""
    return SaslFailure("not-authorized", "wrong username or password")


def unavailable() -> SaslFailure:
    """What fails where accounts can't be looked at."""
    return SaslFailure("temporary-auth-failure", "accounts cannot be checked now; try again later")
