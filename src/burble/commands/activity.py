"""Commands about who uses the server: active and idle users, and what is known of one (XEP-0133 §4.9, §4.10).

A session is idle where its user is away, or its client has sent nothing at all for five minutes, or is not
connected just now. A user is idle whose sessions all are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from sqlalchemy import bindparam, func, select

from burble.commands.arguments import HostName
from burble.commands.base import Administered, account_host, served
from burble.module import command
from burble.routing.session import Account, Session
from burble.storage.schema import last_activity, roster_items
from burble.timestamps import format_stamp

Activity: TypeAlias = Literal["online", "active", "idle"]

#: From when on a client that sends nothing is idle, seconds.
IDLE_AFTER: Final = 300.0

_LAST: Final = select(last_activity.c.seconds).where(
    last_activity.c.host == bindparam("host"), last_activity.c.user == bindparam("user")
)
_CONTACTS: Final = (
    select(func.count())
    .select_from(roster_items)
    .where(roster_items.c.host == bindparam("host"), roster_items.c.user == bindparam("user"))
)


@dataclass(frozen=True, slots=True)
class UserStatistics:
    """What is known of a user.

    Attributes:
        addresses: the IP addresses it is connected from.
        contacts: how many it has in its roster.
        resources: those that are connected.
        last_login: when its latest session began, where it has any; else when its last one ended; "" where it
            has never been connected.
    """

    addresses: list[str]
    contacts: int
    resources: list[str]
    last_login: str


class ActivityCommands:
    """The commands about who uses the server.

    Args:
        server: which.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["session", "statistics"], safe=True)
    def users_by_activity(self, host: HostName, activity: Activity) -> list[str]:
        """List the users who are online, or of these those who are active, or idle.

        A user is idle whose every session is away, or has sent nothing for five minutes.

        Args:
            host: a domain served here.
            activity: ``online``, ``active`` or ``idle``.

        Returns:
            Their addresses, in order.

        Example:
            users_by_activity localhost idle
        """
        wanted = _WANTED[activity]
        accounts = served(self._server, host).sessions.accounts
        return sorted(f"{user}@{host}" for user, account in accounts.items() if wanted(account))

    @command(tags=["accounts", "statistics"], safe=True)
    async def user_stats(self, user: str, host: str) -> UserStatistics:
        """Tell what is known of an account: where from it is connected, its contacts, its last login.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            What is known.

        Example:
            user_stats juliet localhost
        """
        there = await account_host(self._server, user, host)
        sessions = there.sessions.of(user)
        key = {"host": host, "user": user}
        await self._server.database.batch.flush()
        contacts = await self._server.database.fetch_one(_CONTACTS, key)
        last = await self._server.database.fetch_one(_LAST, key)
        seconds = max((session.since for session in sessions), default=last.seconds if last else None)
        return UserStatistics(
            sorted({session.address for session in sessions if session.address}),
            contacts[0] if contacts is not None else 0,
            sorted(session.jid.resource for session in sessions),
            "" if seconds is None else format_stamp(datetime.fromtimestamp(int(seconds), UTC)),
        )


def _is_idle(session: Session) -> bool:
    away = session.presence is not None and session.presence.show in ("away", "xa")
    return away or session.silence >= IDLE_AFTER


def _idle(account: Account) -> bool:
    return all(_is_idle(session) for session in account.sessions.values())


_WANTED: Final[dict[Activity, Callable[[Account], bool]]] = {
    "online": lambda account: True,
    "active": lambda account: not _idle(account),
    "idle": _idle,
}
