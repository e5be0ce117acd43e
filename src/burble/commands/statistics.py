"""Commands that count."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from burble.commands.arguments import HostName
from burble.commands.base import Administered, served
from burble.module import command


class Statistics:
    """The commands that count.

    Args:
        server: what is counted of.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["statistics"], safe=True, result="stat::integer")
    async def stats(
        self, name: Literal["registeredusers", "onlineusers", "onlineusersnode", "uptimeseconds", "processes"]
    ) -> int:
        """Tell a number about the whole server.

        Args:
            name: ``registeredusers``, ``onlineusers``, ``onlineusersnode`` (the same), ``uptimeseconds`` or
                ``processes`` (tasks of the event loop).

        Returns:
            The number.

        Example:
            stats registeredusers
        """
        hosts = list(self._server.hosts.values())
        match name:
            case "registeredusers":
                return sum([await host.authenticator.count() for host in hosts])
            case "onlineusers" | "onlineusersnode":
                return sum(len(host.sessions) for host in hosts)
            case "uptimeseconds":
                return int(time.time() - self._server.started)
        return len(asyncio.all_tasks())

    @command(tags=["statistics"], safe=True, result="stat::integer")
    async def stats_host(self, name: Literal["registeredusers", "onlineusers"], host: HostName) -> int:
        """Tell a number about a host.

        Args:
            name: ``registeredusers`` or ``onlineusers``.
            host: a domain served here.

        Returns:
            The number.

        Example:
            stats_host onlineusers localhost
        """
        there = served(self._server, host)
        return await there.authenticator.count() if name == "registeredusers" else len(there.sessions)
