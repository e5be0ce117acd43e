"""XEP-0484: tokens, with which a client that has logged in once does so again in one step.

The mechanisms are those of draft-schmaus-kitten-sasl-ht: client and server each prove that they know the
token, by a MAC over the channel binding. A client has two tokens at most: the one it uses, and a newer one it
was given but has not used yet (§6.1), so that a connection lost at the wrong moment locks nobody out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from burble.modules.sasl2.attempt import Attempt, UserAgent
from burble.namespaces import FAST
from burble.routing.hosts import Host
from burble.sasl import Exchange, SaslFailure, Success, account_named, admit, unavailable, wrong
from burble.storage import Row, StorageError
from burble.storage.schema import fast_tokens
from burble.timestamps import format_stamp
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

#: The mechanisms, each with the type of channel binding it proves, if any.
MECHANISMS: Final = {
    "HT-SHA-256-EXPR": "tls-exporter",
    "HT-SHA-256-UNIQ": "tls-unique",
    "HT-SHA-256-ENDP": "tls-server-end-point",
    "HT-SHA-256-NONE": "",
}

_t = fast_tokens.c
_MINE: Final = (_t.host == bindparam("of_host"), _t.user == bindparam("of_user"))
_CLIENT: Final = (*_MINE, _t.client == bindparam("of_client"))
# The newer one first.
_FIND: Final = select(fast_tokens).where(*_CLIENT).order_by(_t.used)
_FORGET: Final = delete(fast_tokens).where(*_CLIENT)
_FORGET_NEW: Final = delete(fast_tokens).where(*_CLIENT, _t.used.is_(False))
_FORGET_USED: Final = delete(fast_tokens).where(*_CLIENT, _t.used.is_(True))
_FORGET_ALL: Final = delete(fast_tokens).where(*_MINE)
_STORE: Final = insert(fast_tokens)
_USE: Final = update(fast_tokens).where(*_CLIENT, _t.nonce == bindparam("of_nonce"))


class Fast:
    """The tokens of one host.

    Args:
        host: the host.
        lifetime: of a token, in seconds.
        renewal: the age from which on one that is used is replaced, in seconds.
    """

    def __init__(self, host: Host, lifetime: int, renewal: int) -> None:
        self._host = host
        self._lifetime = lifetime
        self._renewal = renewal

    def begin(self, stream: C2SStream, agent: UserAgent, mechanism: str, request: Element) -> Exchange:
        """Begin a login with a token.

        Args:
            stream: the client's.
            agent: which client it is.
            mechanism: one of `MECHANISMS`.
            request: the client's ``<fast/>``.

        Raises:
            SaslFailure: it can't be had that way.
        """
        tls, binding = stream.carrier.tls, MECHANISMS.get(mechanism)
        if binding is None:
            raise SaslFailure("invalid-mechanism", "this mechanism does not take a token")
        if not agent.id:
            raise SaslFailure(
                "malformed-request", "a token is for one client: say which, by <user-agent id=…/>"
            )
        data = b""
        if binding:
            data = (tls.channel_binding(binding) if tls is not None else None) or b""
            if not data:
                raise SaslFailure("invalid-mechanism", "this type of channel binding is not offered")
        return _HashedToken(self, agent.id, mechanism, data, request)

    async def token(self, attempt: Attempt, success: Success) -> Element | None:
        """The ``<token/>`` to give a client that has logged in.

        It gets one because it asks for it (§3.2), or because the one it used is due for renewal (§3.5).

        Returns:
            None where neither is so, or it can't be stored.
        """
        request = attempt.request.child("request-token", FAST)
        used = attempt.exchange if isinstance(attempt.exchange, _HashedToken) else None
        if success.anonymous or not attempt.agent.id:
            return None
        if request is not None:
            mechanism = request.get("mechanism") or ""
        elif used is not None and used.due:
            mechanism = used.mechanism
        else:
            return None
        if mechanism not in MECHANISMS:
            return None
        nonce, now = secrets.token_bytes(24), int(time.time())
        row = {
            "host": self._host.name,
            "user": success.user,
            "client": attempt.agent.id,
            "used": False,
            "mechanism": mechanism,
            "nonce": nonce,
            "issued": now,
            "expires": now + self._lifetime,
            "count": 0,
        }

        def store(connection: Connection) -> None:
            connection.execute(_FORGET_NEW, self._key(success.user, attempt.agent.id))
            connection.execute(_STORE, row)

        try:
            await self._host.database.write(store)
        except StorageError:
            return None  # the client is logged in, and keeps its password
        text = self.secret(success.user, attempt.agent.id, mechanism, nonce)
        expiry = format_stamp(datetime.fromtimestamp(now + self._lifetime, UTC))
        return Element("token", FAST, {"token": text.decode(), "expiry": expiry})

    async def revoke(self, user: str) -> int:
        """Forget all tokens of an account; returns how many there were."""
        return await self._host.database.execute(_FORGET_ALL, {"of_host": self._host.name, "of_user": user})

    # ---- for exchanges

    @property
    def host(self) -> Host:
        """Its host."""
        return self._host

    def secret(self, user: str, client: str, mechanism: str, nonce: bytes) -> bytes:
        """The token: who has read the database only can't make it."""
        what = f"fast {self._host.name} {user} {client} {mechanism} ".encode() + nonce
        return base64.urlsafe_b64encode(hmac.digest(self._host.secret, what, hashlib.sha256))

    def due(self, row: Row) -> bool:
        """Whether a token is to be replaced."""
        return bool(time.time() - row.issued >= self._renewal)

    async def find(self, user: str, client: str) -> Sequence[Row]:
        """The tokens of a client, newest first."""
        return await self._host.database.fetch(_FIND, self._key(user, client))

    async def use(self, row: Row, count: int | None, invalidate: bool) -> None:
        """Note that a token was used: all older ones are worthless (§3.5), or itself as well (§3.6)."""
        key = self._key(row.user, row.client)
        if row.used and count is None and not invalidate:
            return

        def note(connection: Connection) -> None:
            if invalidate:
                connection.execute(_FORGET if not row.used else _FORGET_USED, key)
                return
            if not row.used:
                connection.execute(_FORGET_USED, key)
            changed = {"used": True, "count": row.count if count is None else count}
            connection.execute(_USE.values(changed), {**key, "of_nonce": row.nonce})

        await self._host.database.write(note)

    def _key(self, user: str, client: str) -> dict[str, Any]:
        return {"of_host": self._host.name, "of_user": user, "of_client": client}


class _HashedToken(Exchange):
    """HT-SHA-256-…: one message each way.

    Attributes:
        mechanism: its name.
        due: the token that was used is to be replaced.
    """

    def __init__(self, fast: Fast, client: str, mechanism: str, binding: bytes, request: Element) -> None:
        self._fast = fast
        self._client = client
        self._binding = binding
        self._request = request
        self.mechanism = mechanism
        self.due = False

    async def _take(self, data: bytes) -> Success:
        name, separator, proof = data.partition(b"\0")
        try:
            username = name.decode()
        except UnicodeDecodeError:
            username = ""
        if not separator or not username or len(proof) != hashlib.sha256().digest_size:
            raise SaslFailure("malformed-request", "a token is proved by NAME NUL MAC")
        user = account_named(username, self._fast.host.name)
        try:
            return await self._check(user, proof)
        except StorageError as error:
            raise unavailable() from error

    async def _check(self, user: str, proof: bytes) -> Success:
        count = self._count()
        invalidate = self._request.get("invalidate") in ("true", "1")
        for row in await self._fast.find(user, self._client):
            token = self._fast.secret(user, self._client, row.mechanism, row.nonce)
            expected = hmac.digest(token, b"Initiator" + self._binding, hashlib.sha256)
            # A token is good for the mechanism only that it was given for (§3.4).
            if row.mechanism != self.mechanism or not hmac.compare_digest(expected, proof):
                continue
            if row.expires <= time.time():
                raise SaslFailure("credentials-expired", "this token has expired; log in with the password")
            if count is not None and count <= row.count:
                raise SaslFailure("not-authorized", "this login has been seen before")
            success = await admit(self._fast.host.authenticator, Success(user))
            await self._fast.use(row, count, invalidate)
            self.due = not invalidate and self._fast.due(row)
            answer = hmac.digest(token, b"Responder" + self._binding, hashlib.sha256)
            return Success(success.user, answer)
        raise wrong()

    def _count(self) -> int | None:
        text = self._request.get("count")
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise SaslFailure("malformed-request", "the count of logins with a token is a number")
        return int(text)
