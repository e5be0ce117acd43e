"""Accounts that others keep: they know the passwords, the server's database the rosters and the rest."""

import hashlib
import hmac
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql

from burble.auth.base import AccountExists, AuthenticatorUnavailable, ChangeRefused, NoSuchAccount
from burble.auth.passwords import InvalidPassword, prepare_password
from burble.auth.remembered import Remembered
from burble.auth.scram import ScramKeys
from burble.auth.stored import StoredAuthenticator
from burble.storage import Database
from burble.storage.errors import StorageError
from burble.storage.schema import accounts
from burble.storage.statements import Row

_FIND = select(accounts.c.disabled).where(
    accounts.c.host == bindparam("host"), accounts.c.user == bindparam("user")
)

_NOTE = postgresql.insert(accounts).on_conflict_do_nothing()


class Outside(ABC):
    """Who keeps the accounts of a host. Every question may raise `AuthenticatorUnavailable`."""

    @abstractmethod
    async def check_password(self, user: str, password: str) -> bool:
        """Whether there is such an account and the password is right."""

    @abstractmethod
    async def exists(self, user: str) -> bool:
        """Whether there is such an account."""

    @abstractmethod
    async def register(self, user: str, password: str) -> bool:
        """Make an account; whether it was made."""

    @abstractmethod
    async def set_password(self, user: str, password: str) -> bool:
        """Change a password; whether it was changed."""

    @abstractmethod
    async def remove(self, user: str, password: str | None = None) -> bool:
        """Remove an account, with a password only if that is right; whether it was removed."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of it."""


class ExternalAuthenticator(StoredAuthenticator):
    """The accounts of one host as somebody outside knows them.

    Passwords are never stored here, so only PLAIN can be served. An account gets a row in the table
    ``accounts`` when it is first logged in to; these are the ones that `users` and `count` know, since those
    outside can't be asked for a list.
    """

    mechanisms = frozenset({"PLAIN"})

    def __init__(
        self,
        database: Database,
        host: str,
        outside: Outside,
        *,
        changes: Collection[str],
        cache: float = 0.0,
    ) -> None:
        """Serve the accounts of a host.

        Args:
            database: an open database, migrated.
            host: the virtual host, prepared.
            outside: who keeps them; closed with this authenticator.
            changes: those of `CHANGES` that `outside` is asked for.
            cache: for how long its answers are remembered, seconds.
        """
        super().__init__(database, host)
        self.changes = frozenset(changes)
        self._outside = outside
        self._existing: Remembered[bool] = Remembered(cache)
        self._right: Remembered[bytes] = Remembered(cache)
        self._secret = secrets.token_bytes(32)
        self._changes = 0

    async def exists(self, user: str) -> bool:
        known = self.known(user)
        if known is None:
            changes = self._changes
            known = await self._outside.exists(user)
            # What was asked beside a change may be the state before it.
            if changes == self._changes:
                self._existing.put(user, known)
        return known

    def known(self, user: str) -> bool | None:
        return self._existing.get(user)

    async def is_disabled(self, user: str) -> bool:
        return any(row.disabled for row in await self._stored(user))

    async def scram_keys(self, user: str, hash: str) -> ScramKeys | None:
        return None

    async def check_password(self, user: str, password: str) -> bool:
        try:
            prepared = prepare_password(password)
        except InvalidPassword:
            return False
        digest = hmac.digest(self._secret, prepared.encode(), hashlib.sha256)
        known = self._right.get(user)
        if known is not None and hmac.compare_digest(known, digest):
            return True
        changes = self._changes
        if not await self._outside.check_password(user, prepared):
            return False
        if changes == self._changes:
            self._existing.put(user, True)
            self._right.put(user, digest)
        if not await self._stored(user):
            await self._note(user)
        return True

    async def register(self, user: str, password: str) -> None:
        self._allow("register")
        prepared = prepare_password(password)
        # Asked first: who grants everything would otherwise have an account's data deleted as a new one's.
        if await self._outside.exists(user):
            raise AccountExists(f"{user}@{self.host} is already registered")
        try:
            made = await self._outside.register(user, prepared)
        finally:
            self._changed(user)
        if not made:
            raise ChangeRefused(f"{user}@{self.host} was not accepted where the accounts are kept")

        def begin(connection: Connection) -> None:
            self._delete(connection, user)
            self._create(connection, user)

        await self._change(user, begin)

    async def set_password(self, user: str, password: str) -> None:
        self._allow("set_password")
        prepared = prepare_password(password)
        try:
            changed = await self._outside.set_password(user, prepared)
        finally:
            self._changed(user)
        if not changed:
            if not await self._outside.exists(user):
                raise self._missing(user)
            raise ChangeRefused("the new password was not accepted where the accounts are kept")

    async def prepare_removal(self, user: str, password: str | None = None) -> None:
        """Have an account removed where it is kept (`Authenticator.prepare_removal`).

        One that is not there any more, while something of it is stored here, needs no leave.
        """
        if not await self._outside.exists(user):
            if not await self._stored(user):
                raise self._missing(user)
            return
        self._allow("remove")
        try:
            removed = await self._outside.remove(user, password)
        finally:
            self._changed(user)
        if not removed:
            raise ChangeRefused(f"{user}@{self.host} was not removed where the accounts are kept")

    async def remove(self, user: str) -> None:
        """Remove what is stored for an account, after `prepare_removal`."""

        def delete(connection: Connection) -> None:
            self._delete(connection, user)

        await self._change(user, delete)

    async def set_disabled(self, user: str, disabled: bool) -> None:
        try:
            await super().set_disabled(user, disabled)
        except NoSuchAccount:
            if not await self._outside.exists(user):
                raise
            await self._note(user)
            await super().set_disabled(user, disabled)

    def clear_cache(self) -> None:
        self._changes += 1
        self._existing.clear()
        self._right.clear()

    async def close(self) -> None:
        await self._outside.close()

    async def _stored(self, user: str) -> Sequence[Row]:
        return await self._fetch(_FIND, {"host": self.host, "user": user})

    async def _note(self, user: str) -> None:
        """Give an account its row, unless another login has just done so."""
        row = {"host": self.host, "user": user, "created": int(time.time()), "disabled": False}
        try:
            await self._database.execute(_NOTE, row)
        except StorageError as error:
            raise AuthenticatorUnavailable(str(error)) from error

    def _allow(self, change: str) -> None:
        if change not in self.changes:
            raise ChangeRefused("this is done where the accounts are kept, not here")

    def _changed(self, user: str) -> None:
        self._changes += 1
        self._existing.forget(user)
        self._right.forget(user)
