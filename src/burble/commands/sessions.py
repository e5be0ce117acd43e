"""Commands about sessions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from burble.commands.arguments import HostName, Resource
from burble.commands.base import NODE, Administered, served, session_of
from burble.errors import StreamError
from burble.module import CommandFailed, command
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Presence

Status = Literal["available", "chat", "away", "xa", "dnd", "all"]
"""What the sessions that are asked for show; ``all`` is each that is available."""

Show = Literal["", "available", "chat", "away", "xa", "dnd"]
Priority = Annotated[int, Field(ge=-128, le=127)]

_INFO: Final = (
    "session::({}connection::string, ip::string, port::integer, priority::integer, node::string, "
    "uptime::integer, status::string, resource::string, statustext::string)"
)
_STATUS_LISTS: Final = (
    "users::[userstatus::(user::string, host::string, resource::string, priority::integer, status::string)]",
    "users::[userstatus::(jid::string, priority::integer, status::string)]",
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


@dataclass(frozen=True, slots=True)
class UserStatus:
    """An available session, with the status text of its presence."""

    jid: str
    user: str
    host: str
    resource: str
    priority: int
    status: str


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

    @command(tags=["session"], safe=True, version=3, result=_STATUS_LISTS[1])
    @command(tags=["session"], safe=True, result=_STATUS_LISTS[0])
    def status_list(self, status: Status) -> list[UserStatus]:
        """List the available sessions that show a status.

        Args:
            status: ``available``, ``chat``, ``away``, ``xa``, ``dnd`` or ``all``.

        Returns:
            Each with its priority and status text, in order of their JIDs.

        Example:
            status_list away
        """
        return _statuses(self._all(), status)

    @command(tags=["session"], safe=True, version=3, result=_STATUS_LISTS[1])
    @command(tags=["session"], safe=True, result=_STATUS_LISTS[0])
    def status_list_host(self, host: HostName, status: Status) -> list[UserStatus]:
        """List the available sessions of a host that show a status.

        Args:
            host: a domain served here.
            status: ``available``, ``chat``, ``away``, ``xa``, ``dnd`` or ``all``.

        Returns:
            Each with its priority and status text, in order of their JIDs.

        Example:
            status_list_host localhost away
        """
        return _statuses(served(self._server, host).sessions, status)

    @command(tags=["session", "statistics"], safe=True, result="users::integer")
    def status_num(self, status: Status) -> int:
        """Count the available sessions that show a status.

        Args:
            status: ``available``, ``chat``, ``away``, ``xa``, ``dnd`` or ``all``.

        Returns:
            How many there are.

        Example:
            status_num away
        """
        return sum(1 for _ in _showing(self._all(), status))

    @command(tags=["session", "statistics"], safe=True, result="users::integer")
    def status_num_host(self, host: HostName, status: Status) -> int:
        """Count the available sessions of a host that show a status.

        Args:
            host: a domain served here.
            status: ``available``, ``chat``, ``away``, ``xa``, ``dnd`` or ``all``.

        Returns:
            How many there are.

        Example:
            status_num_host localhost away
        """
        return sum(1 for _ in _showing(served(self._server, host).sessions, status))

    @command(tags=["session"], result="res::rescode")
    async def set_presence(
        self,
        user: str,
        host: str,
        resource: Resource,
        type: Literal["", "available", "unavailable"],
        show: Show,
        status: str,
        priority: Priority,
    ) -> None:
        """Set the presence of a session, as if its client had sent it.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            resource: the resource of the session.
            type: ``available`` or ``unavailable``.
            show: ``available``, ``chat``, ``away``, ``xa`` or ``dnd``.
            status: what the user says about it.
            priority: from -128 to 127.

        Example:
            set_presence juliet localhost balcony available away "In the garden" 7
        """
        session = session_of(self._server, user, host, resource)
        gone = type == "unavailable"
        presence = Presence(None, session.jid, {"type": "unavailable"} if gone else {})
        if not gone:
            if show not in ("", "available"):
                presence.add("show", text=show)
            presence.add("priority", text=str(priority))
        if status:
            presence.add("status", text=status)
        waiting = session.receive(presence)
        if waiting is not None:
            await waiting

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
        _shown(presence) if presence is not None else "unavailable",
        session.jid.resource,
        presence.status if presence is not None else "",
    )


def _shown(presence: Presence) -> str:
    return presence.show or "available"


def _showing(sessions: Iterable[Session], status: Status) -> Iterator[tuple[Session, Presence]]:
    for session in sessions:
        presence = session.presence
        if presence is not None and status in ("all", _shown(presence)):
            yield session, presence


def _statuses(sessions: Iterable[Session], status: Status) -> list[UserStatus]:
    found = sorted(_showing(sessions, status), key=lambda each: each[0].jid)
    return [
        UserStatus(
            session.jid,
            session.user,
            session.jid.domain,
            session.jid.resource,
            session.priority,
            presence.status,
        )
        for session, presence in found
    ]


def _kick(sessions: Iterable[Session]) -> int:
    kicked = list(sessions)
    for session in kicked:
        session.close(_kicked())
    return len(kicked)


def _kicked(reason: str = "") -> StreamError:
    return StreamError("policy-violation", reason or "an administrator has ended this session")
