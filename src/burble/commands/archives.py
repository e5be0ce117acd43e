"""Commands about message archives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from burble.commands.base import Administered, account_host, module_on, served
from burble.commands.progress import report
from burble.jid import JID
from burble.module import CommandFailed, command
from burble.modules.archive import Archive
from burble.modules.archive.erasing import Eraser
from burble.modules.archive.pairs import pair
from burble.modules.archive.retention import id_before, room_service
from burble.modules.archive.store import Range
from burble.modules.archive.stored import parse
from burble.routing.hosts import Host
from burble.storage import Row
from burble.storage.ids import time_of
from burble.timestamps import format_stamp

#: Whose archives: those of accounts, of rooms, or both.
Kind = Literal["chat", "groupchat", "all"]
Positive = Annotated[int, Field(ge=1)]
Days = Annotated[int, Field(ge=0)]

_PAGE: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """A message in an archive.

    Attributes:
        time: when it was sent or received, as XEP-0082 writes it.
        from_: who sent it.
        to: for whom it was.
        packet: the message, as XML.
    """

    time: str
    from_: str
    to: str
    packet: str


class ArchiveCommands:
    """The commands about message archives.

    Args:
        server: whose.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["mam", "purge"], result="res::rescode")
    async def delete_old_mam_messages(self, type: Kind, days: Days) -> None:
        """Delete what is older than so many days from the archives of all hosts.

        Args:
            type: ``chat`` for the archives of accounts, ``groupchat`` for those of rooms, ``all`` for both.
            days: how old, days.

        Example:
            delete_old_mam_messages all 365
        """
        domains = {domain for host in self._server.hosts.values() for domain in _domains(host, type)}
        deleted = 0
        async for messages in Eraser(self._server.database).erase_before(id_before(days), domains):
            deleted += messages
            report(deleted, None, "old messages")

    @command(tags=["mam", "purge"], result="res::restuple")
    async def delete_old_mam_messages_batch(
        self, host: str, type: Kind, days: Days, batch_size: Positive, rate: Positive
    ) -> str:
        """Begin to delete what is older than so many days from the archives of a host, bit by bit.

        Args:
            host: a domain served here.
            type: ``chat`` for the archives of accounts, ``groupchat`` for those of rooms, ``all`` for both.
            days: how old, days.
            batch_size: how many messages are deleted at once.
            rate: how many at most in a minute.

        Example:
            delete_old_mam_messages_batch localhost all 365 1000 10000
        """
        archive = self._archive(host)
        if archive.deletion.working:
            raise CommandFailed("Operation in progress")
        archive.deletion.begin(id_before(days), _domains(archive.host, type), batch_size, rate)
        return ""

    @command(tags=["mam", "purge"], safe=True, result="status::string")
    async def delete_old_mam_messages_status(self, host: str) -> str:
        """Tell how far `delete_old_mam_messages_batch` has come.

        Args:
            host: a domain served here.

        Example:
            delete_old_mam_messages_status localhost
        """
        return self._archive(host).deletion.status

    @command(tags=["mam", "purge"], result="status::string")
    async def abort_delete_old_mam_messages(self, host: str) -> str:
        """End what `delete_old_mam_messages_batch` has begun; what is deleted stays so.

        Args:
            host: a domain served here.

        Example:
            abort_delete_old_mam_messages localhost
        """
        return "Operation aborted" if self._archive(host).deletion.abort() else "No task running"

    @command(tags=["mam"], result="res::restuple")
    async def remove_mam_for_user(self, user: str, host: str) -> str:
        """Erase the archive of an account.

        Those whom it wrote with keep what is in theirs.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Example:
            remove_mam_for_user juliet localhost
        """
        archive = module_on(await account_host(self._server, user, host), Archive)
        await archive.eraser.erase(host, user)
        return "MAM archive removed"

    @command(tags=["mam"], result="res::restuple")
    async def remove_mam_for_user_with_peer(self, user: str, host: str, with_: JID) -> str:
        """Erase what an account wrote with somebody from its archive.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            with_: with whom.

        Example:
            remove_mam_for_user_with_peer juliet localhost romeo@localhost
        """
        archive = module_on(await account_host(self._server, user, host), Archive)
        await archive.eraser.erase(host, user, pair=pair(JID.build(user, host), with_.bare))
        return "MAM archive removed"

    @command(tags=["mam"], safe=True, result="value::integer")
    async def get_mam_count(self, user: str, host: str) -> int:
        """Tell how many messages the archive of an account holds.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Example:
            get_mam_count juliet localhost
        """
        archive = module_on(await account_host(self._server, user, host), Archive)
        await archive.host.database.batch.flush()
        return await archive.store.count(user, Range(), 2**62)

    @command(
        tags=["mam"],
        safe=True,
        result="archive::[messages::(time::string, from::string, to::string, packet::string)]",
    )
    async def get_mam_messages(self, user: str, host: str) -> list[ArchivedMessage]:
        """List the messages in the archive of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The messages, oldest first.

        Example:
            get_mam_messages juliet localhost
        """
        archive = module_on(await account_host(self._server, user, host), Archive)
        return [_shown(row) async for row in _rows(archive, user)]

    def _archive(self, host: str) -> Archive:
        return module_on(served(self._server, host), Archive)


def _domains(host: Host, kind: Kind) -> set[str]:
    found = {host.name} if kind in ("chat", "all") else set()
    service = room_service(host)
    if service is not None and kind in ("groupchat", "all"):
        found.add(service)
    return found


async def _rows(archive: Archive, user: str) -> AsyncIterator[Row]:
    await archive.host.database.batch.flush()
    last = Range()
    while rows := await archive.store.page(user, last, _PAGE):
        for row in rows:
            yield row
        last = Range(after=rows[-1].id)


def _shown(row: Row) -> ArchivedMessage:
    message = parse(row.stanza)
    time = format_stamp(_EPOCH + timedelta(microseconds=time_of(row.id)))
    return ArchivedMessage(time, message.from_ or "", message.to or "", message.to_string())
