"""Commands that put many contacts into many rosters at once, from a file or all of a host."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from burble.commands.arguments import HostName
from burble.commands.base import Administered, account_host, module_on, served
from burble.commands.files import FilePath, place
from burble.commands.progress import report
from burble.jid import JID, JIDError
from burble.module import CommandFailed, command
from burble.modules.roster import RosterItem, Rosters

_STRING: Final = r'\s*(?:<<)?"((?:[^"\\]|\\.)*)"(?:>>)?\s*'
_ENTRY: Final = re.compile(rf"\{{{_STRING},{_STRING},{_STRING},{_STRING}\}}", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class Entry(NamedTuple):
    """An account in a roster file: its bare JID, the group it shall be in, and its nick."""

    jid: JID
    group: str
    nick: str


class RosterFileCommands:
    """The commands that put many contacts into rosters.

    Args:
        server: whose rosters.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["roster"], result="res::rescode")
    async def push_roster(self, file: FilePath, user: str, host: str) -> None:
        """Put the contacts of a file into the roster of an account, subscribed both ways.

        Args:
            file: a text file on the server's machine, as ejabberd has it: a list of tuples with name, host,
                group and nick, such as ``[{"romeo", "localhost", "Friends", "Romeo"}].``
            user: the account's name, without its domain.
            host: a domain served here.

        Example:
            push_roster /tmp/roster.txt juliet localhost
        """
        entries = await self._read(file)
        await account_host(self._server, user, host)
        await self._push([JID.build(user, host)], entries)

    @command(tags=["roster"], result="res::rescode")
    async def push_roster_all(self, file: FilePath) -> None:
        """Put all accounts that a file names into each other's rosters, subscribed both ways.

        Args:
            file: a text file on the server's machine, as for `push_roster`.

        Example:
            push_roster_all /tmp/roster.txt
        """
        entries = await self._read(file)
        for entry in entries:
            await account_host(self._server, entry.jid.local, entry.jid.domain)
        await self._push([entry.jid for entry in entries], entries)

    @command(tags=["roster"], result="res::rescode")
    async def push_alltoall(self, host: HostName, group: str) -> None:
        """Put all accounts of a host into each other's rosters, subscribed both ways.

        Args:
            host: a domain served here.
            group: the group they shall be in; "" for none.

        Example:
            push_alltoall localhost Everybody
        """
        there = served(self._server, host)
        number, most = await there.authenticator.count(), there.settings.limits.roster_items
        if number - 1 > most:
            raise CommandFailed(f"{host} has {number} accounts, and a roster at most {most} contacts")
        users = [user async for user in there.authenticator.users()]
        entries = [Entry(JID.build(user, host), group, user) for user in users]
        await self._push([entry.jid for entry in entries], entries)

    async def _push(self, accounts: list[JID], entries: list[Entry]) -> None:
        shown: list[tuple[Rosters, JID, JID]] = []
        for number, account in enumerate(accounts):
            report(number, len(accounts), "rosters")
            rosters = module_on(self._server.hosts[account.domain], Rosters)
            for jid, group, nick in entries:
                if jid != account:
                    item = RosterItem(jid, nick or None, (group,) if group else (), "both")
                    if await rosters.put_contact(account.local, item):
                        shown.append((rosters, account, jid))
        # Only now: clients believe no presence of somebody who is not in their roster yet.
        for rosters, account, jid in shown:
            await rosters.show_presence(account.local, jid)

    async def _read(self, file: str) -> list[Entry]:
        path = place(self._server, file)
        try:
            text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(
                f"{path} can't be read: {getattr(error, 'strerror', None) or error}"
            ) from None
        return _entries(path, text)


def _entries(path: Path, text: str) -> list[Entry]:
    """The tuples in a file."""
    if _ENTRY.sub("", text).translate({ord(each): None for each in "[],. \t\r\n"}):
        raise CommandFailed(f'{path}: expected a list such as [{{"name", "host", "group", "nick"}}].')
    try:
        return [_entry(*match.groups()) for match in _ENTRY.finditer(text)]
    except JIDError as error:
        raise CommandFailed(f"{path}: {error}") from None


def _entry(*texts: str) -> Entry:
    user, host, group, nick = _unescaped(texts)
    return Entry(JID.build(user, host), group, nick)


def _unescaped(texts: Iterable[str]) -> Iterable[str]:
    return (_ESCAPED.sub(r"\1", text) for text in texts)
