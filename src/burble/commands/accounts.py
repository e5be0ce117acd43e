"""Commands about accounts."""

from __future__ import annotations

import time
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import and_, bindparam, func, select

from burble.commands.arguments import HIDDEN, HostName, Password, UserName
from burble.commands.base import Administered, served
from burble.commands.progress import report
from burble.module import command
from burble.storage.pages import PAGE, paged
from burble.storage.schema import accounts, last_activity

AnyPassword = Annotated[str, HIDDEN]
"""What somebody gives as a password: it need not be one that an account could have."""

Days = Annotated[int, Field(ge=0, le=100_000)]

# The accounts of a host that were not used since a time.
_UNUSED: Final = (
    select(accounts.c.user)
    .select_from(
        accounts.outerjoin(
            last_activity,
            and_(last_activity.c.host == accounts.c.host, last_activity.c.user == accounts.c.user),
        )
    )
    .where(
        accounts.c.host == bindparam("host"),
        accounts.c.user > bindparam("after_user"),
        func.coalesce(last_activity.c.seconds, accounts.c.created) <= bindparam("before"),
    )
    .order_by(accounts.c.user)
    .limit(PAGE)
)


class Accounts:
    """The commands about accounts.

    Args:
        server: whose accounts.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["accounts"], result="res::restuple")
    async def register(self, user: UserName, host: HostName, password: Password) -> str:
        """Register an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            password: the account's password.

        Returns:
            A sentence that says so.

        Example:
            register juliet localhost s3cr3t
        """
        await served(self._server, host).register(user, password)
        return f"User {user}@{host} successfully registered"

    @command(tags=["accounts"], result="res::restuple")
    async def unregister(self, user: UserName, host: HostName) -> None:
        """Remove an account, all that is stored for it, and its sessions.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Example:
            unregister juliet localhost
        """
        await served(self._server, host).unregister(user)

    @command(tags=["accounts"], safe=True, result="users::[username::string]")
    async def registered_users(self, host: HostName) -> list[str]:
        """List all accounts of a host.

        Args:
            host: a domain served here.

        Returns:
            Their names, in order.

        Example:
            registered_users localhost
        """
        return [user async for user in served(self._server, host).authenticator.users()]

    @command(tags=["server"], safe=True, result="vhosts::[vhost::string]")
    def registered_vhosts(self) -> list[str]:
        """List the virtual hosts.

        Returns:
            Their names.

        Example:
            registered_vhosts
        """
        return list(self._server.hosts)

    @command(tags=["accounts"], safe=True, result="res::rescode")
    async def check_account(self, user: str, host: str) -> bool:
        """Tell whether there is an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            Whether there is.

        Example:
            check_account juliet localhost
        """
        return await served(self._server, host).authenticator.exists(user)

    # Not `safe`: with GET the password would stand in the URL, and in the logs of whoever passes it on.
    @command(tags=["accounts"], result="res::rescode")
    async def check_password(self, user: str, host: str, password: AnyPassword) -> bool:
        """Tell whether a password is an account's.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            password: the password, in clear.

        Returns:
            Whether it is; not where there is no such account.

        Example:
            check_password juliet localhost s3cr3t
        """
        return await served(self._server, host).authenticator.check_password(user, password)

    @command(tags=["accounts"], result="res::rescode")
    async def change_password(self, user: str, host: str, newpass: Password) -> None:
        """Change the password of an account; its sessions stay.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            newpass: the new password.

        Example:
            change_password juliet localhost s3cr3t
        """
        await served(self._server, host).authenticator.set_password(user, newpass)

    @command(tags=["accounts", "purge"], result="res::restuple")
    async def delete_old_users(self, days: Days) -> str:
        """Remove the accounts that have not been used for some days, on all hosts.

        An account that was never used counts from its registration; one that is connected is in use.

        Args:
            days: for how many days.

        Returns:
            How many were removed, and which.

        Example:
            delete_old_users 365
        """
        deleted = []
        for host in list(self._server.hosts):
            deleted += await self._delete_old(host, days)
        return _deleted(deleted)

    @command(tags=["accounts", "purge"], result="res::restuple")
    async def delete_old_users_vhost(self, host: HostName, days: Days) -> str:
        """Remove the accounts of a host that have not been used for some days.

        An account that was never used counts from its registration; one that is connected is in use.

        Args:
            host: a domain served here.
            days: for how many days.

        Returns:
            How many were removed, and which.

        Example:
            delete_old_users_vhost localhost 365
        """
        return _deleted(await self._delete_old(host, days))

    async def _delete_old(self, name: str, days: int) -> list[str]:
        host = served(self._server, name)
        # A session that has just ended is noted with the next batch.
        await self._server.database.batch.flush()
        before = int(time.time()) - days * 86_400
        params = {"host": name, "before": before}
        unused = [row.user async for row in paged(self._server.database, _UNUSED, params, "user")]
        deleted = []
        for number, user in enumerate(unused):
            report(number, len(unused), f"accounts of {name}")
            if not host.sessions.of(user):
                await host.unregister(user)
                deleted.append(f"{user}@{name}")
        return deleted

    @command(tags=["sql"], result="res::rescode")
    def convert_to_scram(self, host: HostName) -> None:
        """Do nothing: Burble keeps no password but in the form of SCRAM.

        Args:
            host: a domain served here.

        Example:
            convert_to_scram localhost
        """
        served(self._server, host)


def _deleted(jids: list[str]) -> str:
    return f"Deleted {len(jids)} users: {', '.join(jids)}" if jids else "Deleted 0 users"
