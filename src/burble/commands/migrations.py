"""Commands that move accounts to and from other servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from burble.commands.arguments import HostName
from burble.commands.base import Administered, served
from burble.commands.files import FilePath, place
from burble.commands.progress import report
from burble.migration.accounts import AccountData, Ignored
from burble.migration.exporting import export_accounts
from burble.migration.importing import import_accounts
from burble.migration.jabberd14 import read_spool, read_spool_file
from burble.migration.pie import read_pie
from burble.migration.prosody import read_prosody
from burble.migration.reading import TransferFailed
from burble.module import CommandFailed, command

__all__ = ["Migrations"]

Reader = Literal["any", "ejabberd"]


class Migrations:
    """The commands about accounts that come from other servers, or go there.

    Args:
        server: whose accounts.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["mnesia"], result="res::rescode")
    async def export_piefxis(self, dir: FilePath, reader: Reader = "any") -> str:
        """Write the accounts of all hosts to files that other servers read (XEP-0227).

        Args:
            dir: a directory on the server's machine; made if it is not there.
            reader: `ejabberd`, which reads keys of passwords in a way of its own, or `any` other server.

        Returns:
            Which file includes the others.

        Example:
            export_piefxis exports
        """
        return await self._export([*self._server.hosts], dir, reader)

    @command(tags=["mnesia"], result="res::rescode")
    async def export_piefxis_host(self, dir: FilePath, host: HostName, reader: Reader = "any") -> str:
        """Write the accounts of one host to files that other servers read (XEP-0227).

        Args:
            dir: a directory on the server's machine; made if it is not there.
            host: a domain served here.
            reader: `ejabberd`, which reads keys of passwords in a way of its own, or `any` other server.

        Returns:
            Which file includes that of the host.

        Example:
            export_piefxis_host exports localhost
        """
        return await self._export([served(self._server, host).name], dir, reader)

    async def _export(self, hosts: list[str], directory: str, reader: Reader) -> str:
        database, place_ = self._server.database, place(self._server, directory)
        try:
            path, written = await export_accounts(
                database, hosts, place_, twice=reader == "ejabberd", report=report
            )
        except TransferFailed as error:
            raise CommandFailed(str(error)) from error
        return f"{written} accounts exported to {path}"

    @command(tags=["mnesia"], result="res::rescode")
    async def import_piefxis(self, file: FilePath, dry_run: bool = False) -> str:
        """Take over the accounts in a file that another server wrote (XEP-0227), and in those it includes.

        Accounts that are here already stay as they are, so it can be done again after a failure.

        Args:
            file: on the server's machine; from the data directory where it is not absolute. Of a directory
                all files are read.
            dry_run: only read the files and count.

        Returns:
            How many accounts there are, and what could not be taken over.

        Example:
            import_piefxis exports/20261121-120000.xml true
        """
        path = place(self._server, file)
        return await self._import(lambda ignored: read_pie(path, ignored), dry_run)

    @command(tags=["mnesia", "sql"], result="res::rescode")
    async def import_prosody(self, dir: FilePath, dry_run: bool = False) -> str:
        """Take over the accounts in the files of Prosody, with all they have but PEP.

        Accounts that are here already stay as they are, so it can be done again after a failure.

        Args:
            dir: Prosody's data directory, on the server's machine; its user must be able to read it.
            dry_run: only read the files and count.

        Returns:
            How many accounts there are, and what could not be taken over.

        Example:
            import_prosody /var/lib/prosody true
        """
        path = place(self._server, dir)
        return await self._import(lambda ignored: read_prosody(path, ignored), dry_run)

    @command(tags=["mnesia"], result="res::restuple")
    async def import_file(self, file: FilePath) -> str:
        """Take over an account from a file of the spool of jabberd 1.4.

        Args:
            file: ``HOST/USER.xml``, on the server's machine.

        Returns:
            Whether it was imported, and what could not be taken over.

        Example:
            import_file /var/spool/jabber/localhost/juliet.xml
        """
        path = place(self._server, file)
        return await self._import(lambda ignored: read_spool_file(path, ignored))

    @command(tags=["mnesia"], result="res::restuple")
    async def import_dir(self, file: FilePath) -> str:
        """Take over all accounts of a host from the spool of jabberd 1.4.

        Accounts that are here already stay as they are, so it can be done again after a failure.

        Args:
            file: the directory of the host, named after it, on the server's machine.

        Returns:
            How many accounts there are, and what could not be taken over.

        Example:
            import_dir /var/spool/jabber/localhost
        """
        path = place(self._server, file)
        return await self._import(lambda ignored: read_spool(path, ignored))

    async def _import(
        self, read: Callable[[Ignored], Iterator[AccountData | None]], dry_run: bool = False
    ) -> str:
        server = self._server
        try:
            result = await import_accounts(
                read, server.database, server.hosts, dry_run=dry_run, report=report
            )
        except TransferFailed as error:
            raise CommandFailed(str(error)) from error
        return result.sentence(dry_run)
