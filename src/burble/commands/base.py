"""What commands see of the server they administer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from burble.config import Settings
from burble.module import CommandFailed
from burble.routing.hosts import Host
from burble.storage import Database


class Administered(Protocol):
    """The server, as its commands see it."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    @property
    def hosts(self) -> Mapping[str, Host]:
        """The virtual hosts, by name."""

    @property
    def database(self) -> Database:
        """Where accounts and what belongs to them is kept."""

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses listened on, ``host:port``."""

    @property
    def started(self) -> float:
        """When the server was started, seconds since the epoch."""

    def stop_soon(self) -> None:
        """Begin to stop."""

    async def reload_settings(self) -> Sequence[str]:
        """Read the settings anew and let them take effect; what can't without a restart, one sentence each.

        Raises:
            CommandFailed: they can't be used, and everything is as before.
        """


def served(server: Administered, name: str) -> Host:
    """The virtual host of that name.

    Raises:
        CommandFailed: it is not served here.
    """
    host = server.hosts.get(name)
    if host is None:
        raise CommandFailed(f"{name} is not served here; the hosts are {', '.join(server.hosts)}")
    return host
