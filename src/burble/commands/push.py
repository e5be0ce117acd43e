"""Commands about push notifications."""

from __future__ import annotations

from burble.commands.base import Administered
from burble.module import command
from burble.modules.push import Push


class PushCommands:
    """The commands about push notifications.

    Args:
        server: whose.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["purge"], result="res::rescode")
    async def delete_old_push_sessions(self, days: int) -> None:
        """Forget the push services that clients have enabled long ago, and not again since.

        Clients enable theirs each time they log in.

        Args:
            days: how many days ago.

        Example:
            delete_old_push_sessions 365
        """
        for host in self._server.hosts.values():
            push = host.modules.get(Push.name)
            if isinstance(push, Push):
                await push.store.forget_old(days)
