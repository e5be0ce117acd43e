"""What is stored of accounts, whoever knows their passwords."""

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, SelectBase, Table, bindparam, func, select

from burble.auth.base import Authenticator, AuthenticatorUnavailable, NoSuchAccount
from burble.storage import Database
from burble.storage.errors import StorageError
from burble.storage.pages import PAGE, paged
from burble.storage.schema import account_tables, accounts
from burble.storage.statements import Row

_LIST = (
    select(accounts.c.user)
    .where(accounts.c.host == bindparam("host"), accounts.c.user > bindparam("after_user"))
    .order_by(accounts.c.user)
    .limit(PAGE)
)
_COUNT = select(func.count()).select_from(accounts).where(accounts.c.host == bindparam("host"))


class StoredAuthenticator(Authenticator):
    """The accounts of one host that have a row in the table ``accounts``.

    Args:
        database: an open database, migrated.
        host: the virtual host, prepared.
    """

    def __init__(self, database: Database, host: str) -> None:
        self.host = host
        self._database = database

    async def set_disabled(self, user: str, disabled: bool) -> None:
        def update(connection: Connection) -> None:
            found = accounts.update().where(*self._owned(accounts, user)).values(disabled=disabled)
            if not connection.execute(found).rowcount:
                raise self._missing(user)

        await self._change(user, update)

    async def users(self) -> AsyncIterator[str]:
        try:
            async for row in paged(self._database, _LIST, {"host": self.host}, "user"):
                yield row.user
        except StorageError as error:
            raise AuthenticatorUnavailable(str(error)) from error

    async def count(self) -> int:
        rows = await self._fetch(_COUNT, {"host": self.host})
        return int(rows[0][0])

    def forget(self, users: Iterable[str]) -> None:
        """Forget what is remembered of accounts whose rows somebody else has written."""
        for user in users:
            self._changed(user)

    # ---- for subclasses

    @abstractmethod
    def _changed(self, user: str) -> None:
        """What was remembered of an account may not be so any more."""

    def _create(self, connection: Connection, user: str) -> None:
        """Begin an account of which nothing is stored."""
        row = {"host": self.host, "user": user, "created": int(time.time())}
        connection.execute(accounts.insert(), row)
        # What was under way when an earlier account of the name was removed may be stored after it.
        for table in account_tables():
            if table is not accounts:
                connection.execute(table.delete().where(*self._owned(table, user)))

    def _delete(self, connection: Connection, user: str) -> bool:
        """Delete all that is stored for an account; tell whether it had a row of its own."""
        removed = 0
        for table in account_tables():  # `accounts` comes last
            removed = connection.execute(table.delete().where(*self._owned(table, user))).rowcount
        return bool(removed)

    async def _change(self, user: str, function: Callable[[Connection], None]) -> None:
        # A cancelled write goes on, so forgetting what it changed has to go on as well.
        await asyncio.shield(self._write(user, function))

    async def _write(self, user: str, function: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(function)
        except StorageError as error:
            raise AuthenticatorUnavailable(str(error)) from error
        finally:
            self._changed(user)

    async def _fetch(self, statement: SelectBase, params: Mapping[str, Any]) -> Sequence[Row]:
        try:
            return await self._database.fetch(statement, params)
        except StorageError as error:
            raise AuthenticatorUnavailable(str(error)) from error

    def _owned(self, table: Table, user: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """The condition for the rows of one account."""
        return table.c.host == self.host, table.c.user == user

    def _missing(self, user: str) -> NoSuchAccount:
        return NoSuchAccount(f"there is no account {user}@{self.host}")
