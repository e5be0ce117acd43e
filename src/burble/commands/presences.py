"""Commands about what sessions show: their presence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from burble.commands.arguments import HostName, Resource
from burble.commands.base import Administered, served, session_of
from burble.module import command
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.stanza import Presence

Status = Literal["available", "chat", "away", "xa", "dnd", "all"]
"""What the sessions that are asked for show; ``all`` is each that is available."""

Show = Literal["", "available", "chat", "away", "xa", "dnd"]
Priority = Annotated[int, Field(ge=-128, le=127)]

_STATUS_LISTS: Final = (
    "users::[userstatus::(user::string, host::string, resource::string, priority::integer, status::string)]",
    "users::[userstatus::(jid::string, priority::integer, status::string)]",
)


@dataclass(frozen=True, slots=True)
class UserStatus:
    """An available session, with the status text of its presence."""

    jid: str
    user: str
    host: str
    resource: str
    priority: int
    status: str


class PresenceCommands:
    """The commands about the presence of sessions.

    Args:
        server: whose sessions.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

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

    def _all(self) -> Iterator[Session]:
        hosts: list[Host] = list(self._server.hosts.values())
        return (session for host in hosts for session in host.sessions)


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


def _shown(presence: Presence) -> str:
    return presence.show or "available"
