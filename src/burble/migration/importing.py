"""Take accounts of other servers over, many at a time, while this one runs."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, text

from burble.auth.internal import InternalAuthenticator
from burble.auth.passwords import InvalidPassword, prepare_password
from burble.auth.scram import HASHES, SALT_LENGTH, derive_keys
from burble.auth.stored import StoredAuthenticator
from burble.migration.accounts import AccountData, Ignored
from burble.migration.archives import write_archived
from burble.routing.events import AccountsImported
from burble.routing.hosts import Host
from burble.storage import Database
from burble.storage.bulk import BulkInsert
from burble.storage.schema import account_tables, accounts, credentials, metadata

__all__ = ["ImportReport", "import_accounts"]

# Accounts, rows of them, and bytes of these, that are written in one transaction.
_ACCOUNTS: Final = 200
_ROWS: Final = 5000
_BYTES: Final = 8 * 1024 * 1024

_EXISTING: Final = select(accounts.c.user).where(
    accounts.c.host == bindparam("host"), accounts.c.user.in_(bindparam("users", expanding=True))
)
# A list as one value: with one parameter a name, SQLAlchemy would take longer than the database.
_NAMES: Final = {
    "sqlite": "SELECT value FROM json_each(:users)",
    "postgresql": "SELECT json_array_elements_text(CAST(:users AS json))",
}


@dataclass(slots=True)
class ImportReport:
    """What became of the accounts in a file.

    Attributes:
        imported: accounts that are new here.
        rows: what they have, rows of all kinds.
        existing: accounts that were here already, and stay as they are.
        without_password: new accounts that nobody can log in to before they get a password.
        elsewhere: accounts of hosts that are not served here, by host.
        ignored: what could not be taken over, in words, and how often.
    """

    imported: int = 0
    rows: int = 0
    existing: int = 0
    without_password: int = 0
    elsewhere: Counter[str] = field(default_factory=Counter)
    ignored: Ignored = field(default_factory=Counter)

    def sentence(self, dry_run: bool = False) -> str:
        """The report, for people."""
        parts = [f"{self.imported} accounts {'would be ' if dry_run else ''}imported, with {self.rows} rows"]
        if self.existing:
            parts.append(f"{self.existing} are here already and stay as they are")
        if self.without_password:
            parts.append(f"{self.without_password} of the new ones have no password yet")
        parts += [f"{number} of {host}, which is not served here" for host, number in self.elsewhere.items()]
        parts += [f"ignored: {number} {what}" for what, number in self.ignored.most_common()]
        return "; ".join(parts)


async def import_accounts(
    read: Callable[[Ignored], Iterator[AccountData | None]],
    database: Database,
    hosts: Mapping[str, Host],
    *,
    dry_run: bool = False,
    report: Callable[[int, int | None, str], None] = lambda done, total, text: None,
) -> ImportReport:
    """Take accounts over. Those that are here already stay as they are, so that it may be done again.

    Args:
        read: reads them, given where to count what it ignores; called in another thread.
        database: where they go.
        hosts: the hosts that are served.
        dry_run: only count.
        report: is told of the progress.

    Raises:
        TransferFailed: a file is no good from somewhere on; what came before has been imported.
        DatabaseUnavailable: likewise.
    """
    result = ImportReport()
    importer = _Importer(database, hosts, result, dry_run)
    found = read(result.ignored)
    while (batch := await asyncio.to_thread(_batch, found)) is not None:
        for name, group in groupby(batch, lambda account: account.host):
            await importer.take(name, [*group])
            report(result.imported + result.existing, None, f"accounts of {name}")
    return result


def _batch(found: Iterator[AccountData | None]) -> list[AccountData] | None:
    """The next accounts; None at the end."""
    batch: list[AccountData] = []
    rows = size = 0
    for account in found:
        if account is None:
            continue
        batch.append(account)
        rows, size = rows + account.size, size + account.bytes
        if len(batch) >= _ACCOUNTS or rows >= _ROWS or size >= _BYTES:
            break
    return batch or None


class _Importer:
    def __init__(
        self, database: Database, hosts: Mapping[str, Host], result: ImportReport, dry_run: bool
    ) -> None:
        self._database = database
        self._hosts = hosts
        self._result = result
        self._dry_run = dry_run
        #: The account that was taken over last; more of it may follow.
        self._last = ("", "")

    async def take(self, name: str, batch: Sequence[AccountData]) -> None:
        """Write some accounts of a host, each of which is here already, or is written whole."""
        host = self._hosts.get(name)
        if host is None:
            self._result.elsewhere[name] += sum(account.first for account in batch)
            return
        users = [*{account.user for account in batch}]
        rows = await self._database.fetch(_EXISTING, {"host": name, "users": users})
        new = self._new(batch, {row.user for row in rows})
        keep = isinstance(host.authenticator, InternalAuthenticator)
        if keep and not self._dry_run:
            await asyncio.to_thread(self._derive, host, new)
        self._count(new, keep)
        if new and not self._dry_run:
            try:
                await self._database.write(lambda connection: _write(connection, name, new, keep))
            finally:
                if isinstance(host.authenticator, StoredAuthenticator):
                    host.authenticator.forget({account.user for account in new})
            self._database.ids.skip(max((each.id for one in new for each in one.archived), default=0))
            await host.emit(_imported(new))
        self._last = (name, batch[-1].user) if batch[-1] in new else ("", "")

    def _new(self, batch: Sequence[AccountData], existing: set[str]) -> list[AccountData]:
        new: list[AccountData] = []
        fresh: set[str] = set()
        for account in batch:
            user = account.user
            if account.first:
                if user in existing or user in fresh:
                    self._result.existing += 1
                else:
                    fresh.add(user)
                    new.append(account)
            elif user in fresh or self._last == (account.host, user):
                new.append(account)
        return new

    def _derive(self, host: Host, new: Iterable[AccountData]) -> None:
        """Keys of passwords that are known in clear: milliseconds each."""
        authenticator = host.authenticator
        assert isinstance(authenticator, InternalAuthenticator)
        for account in new:
            if account.password is None or account.keys:
                continue
            try:
                password = prepare_password(account.password)
            except InvalidPassword:
                self._result.ignored["passwords that can't be used"] += 1
                continue
            for hash in HASHES:
                salt = secrets.token_bytes(SALT_LENGTH)
                account.keys[hash] = derive_keys(password, hash, salt, authenticator.iterations)

    def _count(self, new: Iterable[AccountData], keep: bool) -> None:
        for account in new:
            self._result.imported += account.first
            self._result.rows += account.size
            if keep and account.first and not account.keys and account.password is None:
                self._result.without_password += 1


def _imported(new: Iterable[AccountData]) -> AccountsImported:
    rows: dict[str, Counter[str]] = {}
    for account in new:
        for table, found in account.rows.items():
            rows.setdefault(table, Counter())[account.user] += len(found)
    return AccountsImported({account.user for account in new}, rows)


def _write(connection: Connection, host: str, batch: Sequence[AccountData], keep: bool) -> None:
    first = [account for account in batch if account.first]
    users = [account.user for account in first]
    if users:
        _delete_leftovers(connection, host, users)
        connection.execute(
            insert(accounts),
            [
                {
                    "host": host,
                    "user": account.user,
                    "created": account.created,
                    "disabled": account.disabled,
                }
                for account in first
            ],
        )
    rows: dict[str, list[tuple[Any, ...]]] = {}
    names: dict[str, list[str]] = {}
    for account in batch:
        key = (host, account.user)
        if keep and account.keys:
            rows.setdefault(credentials.name, []).extend(
                (*key, hash, keys.salt, keys.iterations, keys.stored_key, keys.server_key)
                for hash, keys in account.keys.items()
            )
        for table, found in account.rows.items():
            values = rows.setdefault(table, [])
            for row in found.values():
                values.append((*key, *row.values()))
            names[table] = ["host", "user", *row]
    names[credentials.name] = ["host", "user", "mechanism", "salt", "iterations", "stored_key", "server_key"]
    for table, values in rows.items():
        BulkInsert(connection, metadata.tables[table], names[table]).run(values)
    archived = [message for account in batch for message in account.archived]
    if archived:
        write_archived(connection, host, archived)


def _delete_leftovers(connection: Connection, host: str, users: list[str]) -> None:
    """Leave nothing of earlier accounts of the same names."""
    names = _NAMES[connection.dialect.name]
    for table in account_tables():
        if table is not accounts:
            statement = f'DELETE FROM {table.name} WHERE host = :host AND "user" IN ({names})'
            connection.execute(text(statement), {"host": host, "users": json.dumps(users)})
