"""Commands about sessions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from burble.commands.arguments import HostName, Resource
from burble.commands.base import NODE, Administered, served, session_of
from burble.errors import StreamError
from burble.module import CommandFailed, command
from burble.routing.hosts import Host
from burble.routing.session import Session

_INFO: Final = (
    "session::({}connection::string, ip::string, port::integer, priority::integer, node::string, "
    "uptime::integer, status::string, resource::string, statustext::string)"
)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session.

    Attributes:
        jid: its full JID.
        connection: ``c2s``, or ``c2s_tls`` where it is encrypted.
        ip: the client's IP address.
        port: the client's port.
        priority: of its presence; -1 where it is not available.
        node: the server's.
        uptime: for how long it has been there, seconds.
        status: ``available``, ``chat``, ``away``, ``dnd``, ``xa`` or ``unavailable``.
        resource: its resource.
        statustext: what the user says about it.
    """

    jid: str
    connection: str
    ip: str
    port: int
    priority: int
    node: str
    uptime: int
    status: str
    resource: str
    statustext: str


class Sessions:
    """The commands about sessions.

    Args:
        server: whose sessions.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    # ---- who is connected

    @command(tags=["session"], safe=True, result="connected_users::[sessions::string]")
    def connected_users(self) -> list[str]:
        """List all connected users, each with its resource.

        Returns:
            Their full JIDs, in order.

        Example:
            connected_users
        """
        return sorted(session.jid for session in self._all())

    @command(tags=["session"], safe=True, result="connected_users_vhost::[sessions::string]")
    def connected_users_vhost(self, host: HostName) -> list[str]:
        """List the connected users of a host, each with its resource.

        Args:
            host: a domain served here.

        Returns:
            Their full JIDs, in order.

        Example:
            connected_users_vhost localhost
        """
        return sorted(session.jid for session in served(self._server, host).sessions)

    @command(tags=["session", "statistics"], safe=True, result="num_sessions::integer")
    def connected_users_number(self) -> int:
        """Count the connected users, each resource by itself.

        Returns:
            How many there are.

        Example:
            connected_users_number
        """
        return sum(len(host.sessions) for host in self._server.hosts.values())

    @command(tags=["session"], safe=True, result=f"connected_users_info::[{_INFO.format('jid::string, ')}]")
    def connected_users_info(self) -> list[SessionInfo]:
        """List all sessions, with what is known of each.

        Returns:
            The sessions, in order of their JIDs.

        Example:
            connected_users_info
        """
        return _infos(self._all())

    @command(tags=["session"], safe=True, result=f"sessions_info::[{_INFO.format('')}]")
    def user_sessions_info(self, user: str, host: str) -> list[SessionInfo]:
        """List the sessions of an account, with what is known of each.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The sessions, in order of their resources.

        Example:
            user_sessions_info juliet localhost
        """
        return _infos(self._of(user, host))

    @command(tags=["session"], safe=True, result="resources::[resource::string]")
    def user_resources(self, user: str, host: str) -> list[str]:
        """List the connected resources of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            Their names, in order.

        Example:
            user_resources juliet localhost
        """
        return sorted(session.jid.resource for session in self._of(user, host))

    @command(tags=["session"], safe=True, result="resources::integer")
    def num_resources(self, user: str, host: str) -> int:
        """Count the connected resources of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            How many there are.

        Example:
            num_resources juliet localhost
        """
        return len(self._of(user, host))

    @command(tags=["session"], safe=True, result="resource::string")
    def resource_num(self, user: str, host: str, num: int) -> str:
        """Tell one of the connected resources of an account, by its number.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            num: 1 for the first in order.

        Returns:
            Its name.

        Example:
            resource_num juliet localhost 1
        """
        resources = self.user_resources(user, host)
        if not 1 <= num <= len(resources):
            raise CommandFailed(f"there is no resource number {num}: {user}@{host} has {len(resources)}")
        return resources[num - 1]

    # ---- by what they show

    # ---- ending them

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

    @command(tags=["session"], version=2, result="res::restuple")
    def kick_user(self, user: str, host: str) -> str:
        """End all sessions of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            A sentence that tells how many there were.

        Example:
            kick_user juliet localhost
        """
        return f"Kicked sessions: {_kick(self._of(user, host))}"

    @command(tags=["session"], name="kick_user", result="num_resources::integer")
    def kick_user_v0(self, user: str, host: str) -> int:
        """End all sessions of an account.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            How many there were.

        Example:
            kick_user juliet localhost
        """
        return _kick(self._of(user, host))

    @command(tags=["session"], result="num_sessions::integer")
    def kick_users(self, host: HostName) -> int:
        """End all sessions of a host.

        Args:
            host: a domain served here.

        Returns:
            How many there were.

        Example:
            kick_users localhost
        """
        return _kick(served(self._server, host).sessions)

    # ---- what they have in common

    def _all(self) -> Iterator[Session]:
        hosts: list[Host] = list(self._server.hosts.values())
        return (session for host in hosts for session in host.sessions)

    def _of(self, user: str, host: str) -> list[Session]:
        return served(self._server, host).sessions.of(user)


def _infos(sessions: Iterable[Session]) -> list[SessionInfo]:
    now = time.time()
    return [_info(session, now) for session in sorted(sessions, key=lambda session: session.jid)]


def _info(session: Session, now: float) -> SessionInfo:
    presence = session.presence
    return SessionInfo(
        session.jid,
        "c2s_tls" if session.secure else "c2s",
        session.address,
        session.port,
        session.priority if presence is not None else -1,
        NODE,
        int(now - session.since),
        (presence.show or "available") if presence is not None else "unavailable",
        session.jid.resource,
        presence.status if presence is not None else "",
    )


def _kick(sessions: Iterable[Session]) -> int:
    kicked = list(sessions)
    for session in kicked:
        session.close(_kicked())
    return len(kicked)


def _kicked(reason: str = "") -> StreamError:
    return StreamError("policy-violation", reason or "an administrator has ended this session")
