"""Write accounts into files of the portable format (XEP-0227), which other servers read as well.

There is a file for each host, and one that includes them, named after the time as ejabberd names them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from sqlalchemy import bindparam, func, select

from burble.migration.elements import ARCHIVE
from burble.migration.pie import XINCLUDE
from burble.migration.reading import TransferFailed
from burble.migration.userxml import ARCHIVED, PARTS, archived_xml, user_xml
from burble.storage import Database
from burble.storage.newfile import NewFile
from burble.storage.schema import accounts
from burble.storage.snapshot import Snapshot
from burble.storage.statements import Row
from burble.xml import escape_attribute

__all__ = ["export_accounts"]

Report = Callable[[int, int | None, str], None]

# Accounts read at a time.
_PAGE: Final = 100
_PIE: Final = "urn:xmpp:pie:0"
_HEAD: Final = "<?xml version='1.0' encoding='UTF-8'?>\n"
_SPACES: Final = f"xmlns='{_PIE}' xmlns:xi='{XINCLUDE}'"

_END: Final = b"</user>\n"
_ARCHIVE: Final = f"<archive xmlns='{ARCHIVE}'>\n".encode()
_END_OF_ARCHIVE: Final = b"</archive>" + _END

_COUNT: Final = select(func.count()).where(accounts.c.host == bindparam("host"))
_USERS: Final = (
    select(accounts.c.user, accounts.c.created, accounts.c.disabled)
    .where(accounts.c.host == bindparam("host"), accounts.c.user > bindparam("after"))
    .order_by(accounts.c.user)
    .limit(_PAGE)
)


async def export_accounts(
    database: Database,
    hosts: Sequence[str],
    directory: Path,
    *,
    twice: bool = False,
    report: Report = lambda done, total, text: None,
) -> tuple[Path, int]:
    """Write the accounts of some hosts, as they are now, into files that only their owner may read.

    Args:
        database: where they are.
        hosts: which.
        directory: where the files go; it is made if it is not there.
        twice: encode SCRAM keys twice, as ejabberd expects it.
        report: is told of the progress.

    Returns:
        The file that includes the others, and how many accounts there are.

    Raises:
        TransferFailed: the files can't be written.
        DatabaseUnavailable: the database can't be read.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    main = directory / f"{stamp}.xml"
    names = [f"{stamp}_{host.replace('/', '_')}.xml" for host in hosts]
    await database.batch.flush()
    try:
        await asyncio.to_thread(_check_place, directory, [main.name, *names])
        async with database.snapshot() as snapshot:
            written = 0
            for host, name in zip(hosts, names, strict=True):
                written += await _export_host(snapshot, host, directory / name, twice, report)
        with NewFile(main) as file:
            includes = "".join(f"<xi:include href='{quote(name)}'/>\n" for name in names)
            file.write(f"{_HEAD}<server-data {_SPACES}>\n{includes}</server-data>\n".encode())
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise TransferFailed(f"{error.filename or directory} can't be written: {why}") from error
    return main, written


def _check_place(directory: Path, names: Sequence[str]) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if (directory / name).exists():
            raise TransferFailed(f"{directory / name} is there already; try again in a second")


async def _export_host(snapshot: Snapshot, host: str, path: Path, twice: bool, report: Report) -> int:
    ((total,),) = [row async for rows in snapshot.stream(_COUNT, {"host": host}) for row in rows]
    done, after = 0, ""
    with NewFile(path) as file:
        file.write(f"{_HEAD}<host {_SPACES} jid='{escape_attribute(host)}'>\n".encode())
        while users := await _read(snapshot, host, after):
            await _export_users(snapshot, host, users, twice, file)
            done, after = done + len(users), users[-1].user
            report(done, total, f"accounts of {host}")
        file.write(b"</host>\n")
    return done


async def _read(snapshot: Snapshot, host: str, after: str) -> list[Row]:
    key = {"host": host, "after": after}
    return [row async for rows in snapshot.stream(_USERS, key, _PAGE) for row in rows]


async def _export_users(
    snapshot: Snapshot, host: str, users: list[Row], twice: bool, file: IO[bytes]
) -> None:
    # The bounds are compared as the database sorts, whichever way that is.
    key = {"host": host, "first": users[0].user, "last": users[-1].user}
    found: dict[str, dict[str, list[Row]]] = {row.user: {} for row in users}
    for name, statement in PARTS.items():
        async for rows in snapshot.stream(statement, key):
            for row in rows:
                if row.user in found:
                    found[row.user].setdefault(name, []).append(row)
    texts = await asyncio.to_thread(
        lambda: {row.user: user_xml(host, row, found[row.user], twice=twice) for row in users}
    )
    archives = _Archives(texts, file)
    async for rows in snapshot.stream(ARCHIVED, key):
        await asyncio.to_thread(archives.write, rows)
    archives.end()
    file.write(b"".join(text + _END for text in texts.values()))


class _Archives:
    """Writes accounts that have an archive, as it is read: it may be larger than all the rest.

    Args:
        texts: all accounts by name, up to their archives; those that are written are taken out.
        file: where they go.
    """

    def __init__(self, texts: dict[str, bytes], file: IO[bytes]) -> None:
        self._texts = texts
        self._file = file
        self._whose = ""

    def write(self, rows: Sequence[Row]) -> None:
        """Write messages, which come account by account."""
        for row in rows:
            if row.user != self._whose:
                if row.user not in self._texts:
                    continue  # an archive of an account that is gone
                self.end()
                self._whose = row.user
                self._file.write(self._texts.pop(row.user) + _ARCHIVE)
            self._file.write(archived_xml(row))

    def end(self) -> None:
        """End the archive that is being written, if any."""
        if self._whose:
            self._file.write(_END_OF_ARCHIVE)
            self._whose = ""
