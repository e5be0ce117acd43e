"""Commands about the server itself."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from burble import __version__
from burble.commands.base import Administered
from burble.module import command


@dataclass(frozen=True, slots=True)
class Status:
    """How the server is.

    Attributes:
        version: of Burble.
        started: when it was started.
        uptime: for how long it has run, seconds.
        hosts: the domains it serves.
        addresses: the addresses it listens on.
        connected_users: how many users are connected.
    """

    version: str
    started: datetime
    uptime: int
    hosts: list[str]
    addresses: list[str]
    connected_users: int


class ServerCommands:
    """The commands about the server itself.

    Args:
        server: which.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["server"], safe=True)
    def status(self) -> Status:
        """Tell how the server is: its version, since when it runs, whom and where it serves.

        Example:
            status
        """
        server = self._server
        return Status(
            version=__version__,
            started=datetime.fromtimestamp(server.started, UTC).replace(microsecond=0),
            uptime=int(time.time() - server.started),
            hosts=list(server.hosts),
            addresses=list(server.addresses),
            connected_users=sum(len(host.sessions) for host in server.hosts.values()),
        )

    @command(tags=["server"], result="res::rescode")
    def stop(self) -> None:
        """Stop the server: close all streams, store what waits to be stored, end.

        `burblectl` returns when the server has stopped.

        Example:
            stop
        """
        self._server.stop_soon()

    @command(tags=["server"], result="res::rescode")
    def restart(self) -> None:
        """Stop the server, and start it anew with the settings as they are then: for another version, say.

        The process stays the same, and so does whoever watches over it. Settings that can't be used are
        refused, and nothing is stopped. `burblectl` returns when the server runs again.

        Example:
            restart
        """
        self._server.restart_soon()

    @command(tags=["server"], result="res::rescode")
    def halt(self) -> None:
        """End the server at once, with exit status 1: streams are cut, nothing is stored any more.

        What was acknowledged is stored already.

        Example:
            halt
        """
        self._server.halt_soon()

    @command(tags=["server"], result="res::rescode")
    def gc(self) -> None:
        """Look for objects that nothing leads to any more, and free them; Python does so by itself as well.

        The server does nothing else meanwhile, for about a second a million objects.

        Example:
            gc
        """
        gc.collect()

    @command(tags=["server"])
    async def reload(self) -> list[str]:
        """Read the settings file and the certificates anew, without dropping a session.

        A file with mistakes leaves everything as it was.

        Returns:
            What was changed in the file but needs a restart, one sentence each.

        Example:
            reload
        """
        return list(await self._server.reload_settings())
