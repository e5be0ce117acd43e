"""Commands about who is connected."""

from __future__ import annotations

from burble.commands.base import Administered
from burble.module import command


class Sessions:
    """The commands about sessions.

    Args:
        server: whose sessions.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["sessions"], safe=True, result="connected_users::[sessions::string]")
    def connected_users(self) -> list[str]:
        """List all connected users, each with its resource.

        Returns:
            Their full JIDs, in order.

        Example:
            connected_users
        """
        return sorted(session.jid for host in self._server.hosts.values() for session in host.sessions)

    @command(tags=["sessions"], safe=True, result="num_sessions::integer")
    def connected_users_number(self) -> int:
        """Count the connected users, each resource by itself.

        Returns:
            How many there are.

        Example:
            connected_users_number
        """
        return sum(len(host.sessions) for host in self._server.hosts.values())
