"""Commands that keep accounts out: what is stored for them stays, but nobody can log in to them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from burble.commands.arguments import HostName
from burble.commands.base import Administered, account_host, served
from burble.errors import StreamError
from burble.module import CommandFailed, command
from burble.storage import upsert
from burble.storage.schema import accounts, bans, last_activity
from burble.timestamps import format_stamp

_OF_HOST: Final = (accounts.c.host == bindparam("host"), accounts.c.disabled.is_(True))
_LIST: Final = select(accounts.c.user).where(*_OF_HOST).order_by(accounts.c.user)
_COUNT: Final = select(func.count()).select_from(accounts).where(*_OF_HOST)
_FIND: Final = select(bans.c.reason, bans.c.since).where(
    bans.c.host == bindparam("host"), bans.c.user == bindparam("user")
)
_LAST: Final = select(last_activity.c.seconds, last_activity.c.status).where(
    last_activity.c.host == bindparam("host"), last_activity.c.user == bindparam("user")
)
_STORE: Final = upsert(bans)
_DELETE: Final = delete(bans).where(bans.c.host == bindparam("of_host"), bans.c.user == bindparam("of_user"))


@dataclass(frozen=True, slots=True)
class Detail:
    """Something about a ban: its name and its value."""

    name: str
    value: str


class Bans:
    """The commands that keep accounts out.

    Args:
        server: whose accounts.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["accounts"], result="res::rescode")
    async def ban_account(self, user: str, host: str, reason: str) -> None:
        """Ban an account: end its sessions and let nobody log in to it until it is unbanned.

        Nothing that is stored for it is lost. To ban it once more changes the reason.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            reason: why; its sessions are told.

        Example:
            ban_account juliet localhost "Spam"
        """
        there = await account_host(self._server, user, host)
        await there.authenticator.set_disabled(user, True)
        row = {"host": host, "user": user, "reason": reason, "since": int(time.time())}
        await self._server.database.execute(_STORE, row)
        text = f"this account is disabled: {reason}" if reason else "this account is disabled"
        for session in there.sessions.of(user):
            session.close(StreamError("not-authorized", text))

    @command(tags=["accounts"], result="res::rescode")
    async def unban_account(self, user: str, host: str) -> None:
        """Let an account that was banned log in again, with the password it had.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Example:
            unban_account juliet localhost
        """
        there = await account_host(self._server, user, host)
        if not await there.authenticator.is_disabled(user):
            raise CommandFailed(f"{user}@{host} is not banned")
        await there.authenticator.set_disabled(user, False)
        await self._server.database.execute(_DELETE, {"of_host": host, "of_user": user})

    @command(
        tags=["accounts"], safe=True, result="ban_details::[detail::(name::string, value::string)]", version=2
    )
    async def get_ban_details(self, user: str, host: str) -> list[Detail]:
        """Tell why and since when an account is banned.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            ``reason`` and ``bandate``, and ``lastdate`` and ``lastreason``: when it logged out last, and what
            it said then. Nothing where it is not banned.

        Example:
            get_ban_details juliet localhost
        """
        there = await account_host(self._server, user, host)
        if not await there.authenticator.is_disabled(user):
            return []
        key = {"host": host, "user": user}
        await self._server.database.batch.flush()
        ban = await self._server.database.fetch_one(_FIND, key)
        last = await self._server.database.fetch_one(_LAST, key)
        return [
            Detail("reason", ban.reason if ban is not None else ""),
            Detail("bandate", _stamp(ban.since) if ban is not None else ""),
            Detail("lastdate", _stamp(last.seconds) if last is not None else ""),
            Detail("lastreason", last.status if last is not None else ""),
        ]

    @command(tags=["accounts"], safe=True, result="banned::integer")
    async def count_banned(self, host: HostName) -> int:
        """Count the banned accounts of a host.

        Args:
            host: a domain served here.

        Returns:
            How many there are.

        Example:
            count_banned localhost
        """
        served(self._server, host)
        rows = await self._server.database.fetch(_COUNT, {"host": host})
        return int(rows[0][0])

    @command(tags=["accounts"], safe=True, result="banned::[jid::string]")
    async def list_banned(self, host: HostName) -> list[str]:
        """List the banned accounts of a host.

        Args:
            host: a domain served here.

        Returns:
            Their addresses, in order.

        Example:
            list_banned localhost
        """
        served(self._server, host)
        rows = await self._server.database.fetch(_LIST, {"host": host})
        return [f"{row.user}@{host}" for row in rows]


def _stamp(seconds: int) -> str:
    return format_stamp(datetime.fromtimestamp(seconds, UTC))
