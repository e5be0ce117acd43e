"""Commands about who is connected."""

from __future__ import annotations

from burble.commands.arguments import Resource
from burble.commands.base import Administered, session_of
from burble.errors import StreamError
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

    @command(tags=["session"], result="res::rescode")
    def kick_session(self, user: str, host: str, resource: Resource, reason: str) -> None:
        """End a session.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            resource: the resource of the session.
            reason: what its client is told; "" for nothing in particular.

        Example:
            kick_session juliet localhost balcony "Stuck connection"
        """
        session_of(self._server, user, host, resource).close(_kicked(reason))


def _kicked(reason: str = "") -> StreamError:
    return StreamError("policy-violation", reason or "an administrator has ended this session")
