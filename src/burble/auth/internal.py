"""Accounts kept in the server's own database, with SCRAM keys in place of passwords."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from burble.auth.base import AccountExists
from burble.auth.passwords import InvalidPassword, prepare_password
from burble.auth.scram import HASHES, SALT_LENGTH, ScramKeys, derive_keys
from burble.auth.stored import StoredAuthenticator
from burble.storage import Database
from burble.storage.schema import accounts, credentials, fast_tokens

MAX_CACHED: Final = 10_000
"""Names remembered, with their keys or with the fact that there is no such account."""

_FIND = (
    select(
        accounts.c.disabled,
        credentials.c.mechanism,
        credentials.c.salt,
        credentials.c.iterations,
        credentials.c.stored_key,
        credentials.c.server_key,
    )
    .select_from(
        accounts.outerjoin(
            credentials,
            (credentials.c.host == accounts.c.host) & (credentials.c.user == accounts.c.user),
        )
    )
    .where(accounts.c.host == bindparam("host"), accounts.c.user == bindparam("user"))
)


@dataclass(frozen=True, slots=True)
class _Account:
    disabled: bool
    keys: Mapping[str, ScramKeys]


class InternalAuthenticator(StoredAuthenticator):
    """The accounts of one host in the tables ``accounts`` and ``credentials``.

    An account is read once, with all its keys, and then remembered until it changes. So there must be one
    `InternalAuthenticator` for a host, and nothing else may write to these two tables.

    Attributes:
        iterations: the PBKDF2 iteration count for new passwords; may be changed at any time.
    """

    mechanisms = frozenset({"PLAIN", *(f"SCRAM-{hash}" for hash in HASHES)})

    def __init__(self, database: Database, host: str, iterations: int) -> None:
        """Serve the accounts of a host.

        Args:
            database: an open database, migrated.
            host: the virtual host, prepared.
            iterations: the PBKDF2 iteration count for new passwords (RFC 5802 §5.1: at least 4,096;
                XEP-0438 §6: 10,000).
        """
        super().__init__(database, host)
        self.iterations = iterations
        # Least recently used first. None: there is no such account.
        self._cache: OrderedDict[str, _Account | None] = OrderedDict()
        self._changes = 0

    async def exists(self, user: str) -> bool:
        return await self._find(user) is not None

    def known(self, user: str) -> bool | None:
        return self._cache[user] is not None if user in self._cache else None

    async def is_disabled(self, user: str) -> bool:
        account = await self._find(user)
        return account is not None and account.disabled

    async def scram_keys(self, user: str, hash: str) -> ScramKeys | None:
        account = await self._find(user)
        return account.keys.get(hash) if account else None

    async def check_password(self, user: str, password: str) -> bool:
        try:
            prepared = prepare_password(password)
        except InvalidPassword:
            return False
        account = await self._find(user)
        keys = account.keys if account else {}
        # SHA-256 takes as long as SHA-1 and half as long as SHA-512. An unknown account costs the same work.
        hash = next((hash for hash in ("SHA-256", "SHA-1", "SHA-512") if hash in keys), "SHA-256")
        known = keys.get(hash) or ScramKeys(secrets.token_bytes(SALT_LENGTH), self.iterations, b"", b"")
        given = await asyncio.to_thread(derive_keys, prepared, hash, known.salt, known.iterations)
        return hmac.compare_digest(given.stored_key, known.stored_key)

    async def register(self, user: str, password: str) -> None:
        rows = await self._credentials(user, password)

        def create(connection: Connection) -> None:
            self._create(connection, user)
            connection.execute(credentials.insert(), rows)

        try:
            await self._change(user, create)
        except IntegrityError as error:
            raise AccountExists(f"{user}@{self.host} is already registered") from error

    async def set_password(self, user: str, password: str) -> None:
        rows = await self._credentials(user, password)

        def replace(connection: Connection) -> None:
            found = connection.execute(_FIND, {"host": self.host, "user": user}).first()
            if found is None:
                raise self._missing(user)
            for table in (credentials, fast_tokens):  # who knew the old password is not to keep a token
                connection.execute(table.delete().where(*self._owned(table, user)))
            connection.execute(credentials.insert(), rows)

        await self._change(user, replace)

    async def add_keys(self, user: str, hash: str, keys: ScramKeys) -> None:
        """Keep keys for one more hash, made from the password that an account has already (XEP-0480).

        Raises:
            AuthenticatorUnavailable: they can't be stored.
        """
        row = {"host": self.host, "user": user, "mechanism": hash, **asdict(keys)}

        def add(connection: Connection) -> None:
            mechanism = credentials.c.mechanism == hash
            connection.execute(credentials.delete().where(*self._owned(credentials, user), mechanism))
            connection.execute(credentials.insert(), row)

        await self._change(user, add)

    async def remove(self, user: str) -> None:
        def delete(connection: Connection) -> None:
            if not self._delete(connection, user):
                raise self._missing(user)  # which undoes what was deleted

        await self._change(user, delete)

    def clear_cache(self) -> None:
        self._changes += 1
        self._cache.clear()

    async def close(self) -> None:
        """Nothing to let go of: the database is the server's."""

    async def _find(self, user: str) -> _Account | None:
        if user in self._cache:
            self._cache.move_to_end(user)
            return self._cache[user]
        changes = self._changes
        rows = await self._fetch(_FIND, {"host": self.host, "user": user})
        account = None
        if rows:
            keys = {
                row.mechanism: ScramKeys(row.salt, row.iterations, row.stored_key, row.server_key)
                for row in rows
                if row.mechanism is not None
            }
            account = _Account(rows[0].disabled, keys)
        # What was read beside a change may be the state before it.
        if changes == self._changes:
            self._cache[user] = account
            if len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        return account

    async def _credentials(self, user: str, password: str) -> list[dict[str, Any]]:
        """Derive a row for each hash, with a salt of its own (XEP-0438 §5.2)."""
        prepared = prepare_password(password)
        return await asyncio.to_thread(self._derive, user, prepared)

    def _derive(self, user: str, password: str) -> list[dict[str, Any]]:
        rows = []
        for hash in HASHES:
            keys = derive_keys(password, hash, secrets.token_bytes(SALT_LENGTH), self.iterations)
            rows.append({"host": self.host, "user": user, "mechanism": hash, **asdict(keys)})
        return rows

    def _changed(self, user: str) -> None:
        self._changes += 1
        self._cache.pop(user, None)
