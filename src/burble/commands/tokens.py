"""Tokens that stand for an account when commands are called over HTTP. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from burble.jid import JID
from burble.storage import Database
from burble.storage.schema import api_tokens
from burble.storage.statements import Row

__all__ = ["Token", "Tokens"]

_ID: Final = 12
_BYTES: Final = 32

_COLUMNS = select(
    api_tokens.c.host, api_tokens.c.user, api_tokens.c.hash, api_tokens.c.scopes, api_tokens.c.expires
)
_FIND = _COLUMNS.where(api_tokens.c.hash == bindparam("hash"), api_tokens.c.expires > bindparam("now"))
_LIST = _COLUMNS.where(api_tokens.c.expires > bindparam("now")).order_by(
    api_tokens.c.host, api_tokens.c.user, api_tokens.c.expires, api_tokens.c.hash
)
_DROP_OLD = api_tokens.delete().where(api_tokens.c.expires <= bindparam("now"))
_DROP = api_tokens.delete().where(api_tokens.c.hash == bindparam("its_hash"))


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token.

    Attributes:
        id: the beginning of its hash, which tells it from others and is no secret.
        account: whom it stands for.
        scopes: the commands it is for; see `burble.commands.permissions.covers`.
        expires: when it ends, seconds since the epoch.
    """

    id: str
    account: JID
    scopes: tuple[str, ...]
    expires: int


class Tokens:
    """The tokens in a database.

    Args:
        database: the server's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, account: JID, seconds: int, scopes: Sequence[str]) -> str:
        """Make a token.

        Args:
            account: the bare JID it stands for.
            seconds: for how long.
            scopes: the commands it is for.

        Returns:
            The token, which cannot be had again.

        Raises:
            StorageError: it could not be stored.
        """
        token = secrets.token_urlsafe(_BYTES)
        now = int(time.time())
        await self._database.execute(_DROP_OLD, {"now": now})
        row = {
            "host": account.domain,
            "user": account.local,
            "hash": _hash(token),
            "scopes": json.dumps(list(scopes), ensure_ascii=False),
            "expires": now + seconds,
        }
        await self._database.execute(api_tokens.insert(), row)
        return token

    async def find(self, token: str) -> Token | None:
        """What a token stands for; None for one that was never issued, has expired or was revoked.

        Raises:
            StorageError: the database can't be read.
        """
        row = await self._database.fetch_one(_FIND, {"hash": _hash(token), "now": int(time.time())})
        return None if row is None else _token(row)

    async def all(self) -> list[Token]:
        """Every token that has not expired, by account.

        Raises:
            StorageError: the database can't be read.
        """
        return [_token(row) for row in await self._database.fetch(_LIST, {"now": int(time.time())})]

    async def revoke(self, token: str) -> bool:
        """Let a token be one no longer.

        Args:
            token: itself, or its id.

        Returns:
            Whether there was such a token.

        Raises:
            StorageError: the database can't be changed.
        """
        hashed = _hash(token)
        rows = await self._database.fetch(_LIST, {"now": 0})
        found = [row.hash for row in rows if token == row.hash[:_ID] or hashed == row.hash]
        for each in found:
            await self._database.execute(_DROP, {"its_hash": each})
        return bool(found)


def _hash(token: str) -> str:
    # A token is random: unlike a password it needs no salt and no rounds.
    return hashlib.sha256(token.encode()).hexdigest()


def _token(row: Row) -> Token:
    scopes = tuple(json.loads(row.scopes))
    return Token(row.hash[:_ID], JID.build(row.user, row.host), scopes, row.expires)
