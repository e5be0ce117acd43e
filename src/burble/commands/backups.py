"""Commands that write the whole database to a file, and read it from one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

from sqlalchemy import Table

from burble import __version__
from burble.commands.base import Administered
from burble.commands.files import FilePath, place
from burble.commands.progress import report
from burble.commands.tables import find_table
from burble.module import CommandFailed, command
from burble.storage import SchemaTooNew
from burble.storage.dump import write_dump
from burble.storage.dumpformat import DumpError, Header
from burble.storage.fallback import FALLBACK
from burble.storage.newfile import NewFile
from burble.storage.restore import check_dump, load_tables, restore_dump

__all__ = ["Backups"]


class Backups:
    """The commands about files that hold the database.

    Args:
        server: whose database.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server
        self._restoring = ""
        self._writing = 0

    # ---- writing

    @command(tags=["mnesia"], result="res::restuple")
    async def backup(self, file: FilePath) -> str:
        """Write the whole database to a backup file.

        Everybody may stay connected. The file has the database as it is at the beginning, whether that is
        SQLite or PostgreSQL, compressed and with a checksum. One written earlier is replaced, no other file.

        Args:
            file: on the server's machine; from the data directory where it is not absolute.

        Returns:
            Where the file is.

        Example:
            backup burble.backup
        """
        path = place(self._server, file)
        rows = await self._write(path, compress=True)
        return f"Backup of {rows} rows written to {path}"

    @command(tags=["mnesia"], result="res::restuple")
    async def dump(self, file: FilePath) -> str:
        """Write the whole database to a text file.

        It is a backup that people and programs can read: JSON on each line, by table.

        Args:
            file: on the server's machine; from the data directory where it is not absolute.

        Returns:
            Where the file is.

        Example:
            dump burble.dump
        """
        path = place(self._server, file)
        rows = await self._write(path, compress=False)
        return f"Dump of {rows} rows written to {path}"

    @command(tags=["mnesia"], result="res::restuple")
    async def dump_table(self, file: FilePath, table: str) -> str:
        """Write a table to a text file, which `load` puts back in its place.

        Args:
            file: on the server's machine; from the data directory where it is not absolute.
            table: its name; `mnesia_list_tables` lists them. ejabberd's names are understood.

        Returns:
            Where the file is.

        Example:
            dump_table rosters.dump roster_items
        """
        path = place(self._server, file)
        chosen = find_table(table)
        rows = await self._write(path, compress=False, tables=[chosen])
        return f"Dump of {rows} rows written to {path}"

    async def _write(self, path: Path, *, compress: bool, tables: Sequence[Table] | None = None) -> int:
        database = self._server.database
        self._writing += 1
        try:
            with _refusing():
                return await write_dump(
                    database, path, version=__version__, compress=compress, tables=tables, report=report
                )
        finally:
            self._writing -= 1

    # ---- reading

    @command(tags=["mnesia"], result="res::restuple")
    async def restore(self, file: FilePath) -> str:
        """Have the database be as a backup file says, and forget what is in it now.

        The file is checked to its end first; where it is damaged or something else, nothing changes. Then
        everybody is disconnected, the database is replaced as a whole, and everybody may log in again.

        Args:
            file: what `backup` or `dump` wrote, with any database and this or an earlier version of Burble.

        Returns:
            From when the data is.

        Example:
            restore burble.backup
        """
        with self._alone("restore"):
            path = place(self._server, file)
            header = await check_dump(path, report)
            if not header.whole:
                raise CommandFailed(f"{path} has only some tables: load puts them in their place")
            return await self._replace(path, header)

    @command(tags=["mnesia"], result="res::restuple")
    async def load(self, file: FilePath) -> str:
        """Have the database be as a text file says; as `restore`, or for some tables only.

        What `dump` wrote replaces the whole database. What `dump_table` wrote replaces that table.

        Args:
            file: on the server's machine; from the data directory where it is not absolute.

        Returns:
            From when the data is.

        Example:
            load burble.dump
        """
        with self._alone("load"):
            path = place(self._server, file)
            return await self._replace(path, await check_dump(path, report))

    async def _replace(self, path: Path, header: Header) -> str:
        database = self._server.database
        replace = restore_dump if header.whole else load_tables
        # SQLite works in a thread of its own, which does not know who called.
        context = copy_context()
        rows = 0

        async def work() -> None:
            nonlocal rows
            rows = await replace(database, path, lambda *how_far: context.run(report, *how_far))

        await self._server.replace_data(work)
        return f"{rows} rows of {header.created} restored from {path}"

    @command(tags=["mnesia"], result="res::restuple")
    async def install_fallback(self, file: FilePath) -> str:
        """Restore a backup file at the next start of the server.

        The file is checked and copied now, so it may be removed. At the start it replaces the database
        before anything else uses it.

        Args:
            file: what `backup` or `dump` wrote.

        Returns:
            From when the data is.

        Example:
            install_fallback burble.backup
        """
        with self._alone("install_fallback"):
            path = place(self._server, file)
            header = await check_dump(path, report)
            if not header.whole:
                raise CommandFailed(f"{path} has only some tables: load puts them in their place")
            await asyncio.to_thread(_copy, path, self._server.settings.data_dir / FALLBACK)
            return f"The data of {header.created} from {path} will be restored at the next start"

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        busy = self._restoring or ("a backup" if self._writing else "")
        if busy:
            raise CommandFailed(f"{busy} is under way; try again when it has ended")
        self._restoring = name
        try:
            with _refusing():
                yield
        finally:
            self._restoring = ""


@contextmanager
def _refusing() -> Iterator[None]:
    """Say that it is the file that is no good, and not the database."""
    try:
        yield
    except (DumpError, SchemaTooNew) as error:
        raise CommandFailed(str(error)) from None


def _copy(path: Path, to: Path) -> None:
    try:
        with path.open("rb") as source, NewFile(to) as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
    except OSError as error:
        raise DumpError(
            f"{path} can't be copied to {to}: {(error.strerror or str(error)).lower()}"
        ) from error
