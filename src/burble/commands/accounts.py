"""Commands about accounts."""

from __future__ import annotations

from burble.commands.arguments import HostName, Password, UserName
from burble.commands.base import Administered, served
from burble.module import command


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
