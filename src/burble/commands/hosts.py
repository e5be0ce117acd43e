"""Commands that add and remove virtual hosts while the server runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from burble.commands.arguments import HIDDEN, HostName
from burble.commands.base import Administered, served
from burble.config import ConfigError, HostOverrides
from burble.config.added import read_overrides
from burble.module import CommandFailed, command
from burble.modules import UnknownModule, find

# There may be a password in them, of an authentication service.
OwnSettings = Annotated[dict[str, Any], HIDDEN]
"""Settings as the table ``[host."NAME"]`` has them, as a JSON object."""

PerhapsSettings = Annotated[dict[str, Any] | None, HIDDEN]
"""The same; None for none."""


@dataclass(frozen=True, slots=True)
class HostSummary:
    """A virtual host.

    Attributes:
        host: its domain.
        origin: ``settings`` where the settings file names it, ``command`` where a command has added it.
        sessions: how many there are.
        certificate: the file of its certificate.
    """

    host: str
    origin: Literal["settings", "command"]
    sessions: int
    certificate: str


class HostCommands:
    """The commands about virtual hosts.

    Args:
        server: whose.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["hosts"], safe=True)
    def list_hosts(self) -> list[HostSummary]:
        """List the virtual hosts, and where each comes from.

        Returns:
            Each with its origin, ``settings`` or ``command``, its number of sessions, and the file of its
            certificate.

        Example:
            list_hosts
        """
        server = self._server
        return [
            HostSummary(
                name,
                "command" if name in server.added_hosts else "settings",
                len(host.sessions),
                str(server.certificates[name].certificate),
            )
            for name, host in server.hosts.items()
        ]

    @command(tags=["hosts"], safe=True)
    def get_host_settings(self, host: HostName) -> dict[str, Any]:
        """Tell the settings that a host has of its own, besides those that hold for all hosts.

        Args:
            host: a domain served here.

        Returns:
            What the table of the host in the settings file holds, or what a command has set.

        Example:
            get_host_settings localhost
        """
        served(self._server, host)
        own = self._server.settings.host.get(host, HostOverrides())
        return own.model_dump(mode="json", exclude_unset=True)

    @command(tags=["hosts"])
    async def add_host(self, host: HostName, settings: PerhapsSettings = None) -> list[str]:
        """Serve another domain, from now on and after each restart. No other host notices.

        The settings file stays as it is: the host is kept in hosts.toml in the data directory. Without a
        certificate of its own or a general one it gets a self-signed one.

        Args:
            host: the domain.
            settings: what it has of its own, by the keys of a host's table in the settings file. Relative
                paths start at the data directory.

        Returns:
            What did not work, such as a module that did not start, one sentence each; the rest is done.

        Example:
            add_host garden.example '{"admins": ["rose@garden.example"]}'
        """
        if host in self._server.hosts:
            raise CommandFailed(f"{host} is served already")
        return list(await self._server.change_host(host, self._read(settings or {})))

    @command(tags=["hosts"])
    async def change_host(self, host: HostName, settings: OwnSettings) -> list[str]:
        """Give a host that a command has added other settings of its own; its sessions stay.

        Args:
            host: the domain.
            settings: what it has of its own from now on, in place of all that it had.

        Returns:
            What did not work, one sentence each; the rest is done.

        Example:
            change_host garden.example '{"limits": {"rate": 20000}}'
        """
        self._require_added(host, "change it there")
        return list(await self._server.change_host(host, self._read(settings)))

    @command(tags=["hosts"])
    async def remove_host(self, host: HostName) -> list[str]:
        """Serve a domain no longer that a command has added; its sessions are closed.

        What is stored for its accounts and rooms stays, and is there again when the host is.

        Args:
            host: the domain.

        Returns:
            What did not work, one sentence each; the rest is done.

        Example:
            remove_host garden.example
        """
        self._require_added(host, "take it out there")
        return list(await self._server.change_host(host, None))

    def _require_added(self, host: str, remedy: str) -> None:
        served(self._server, host)
        if host not in self._server.added_hosts:
            raise CommandFailed(f"{host} comes from the settings file: {remedy}, then reload")

    def _read(self, settings: dict[str, Any]) -> HostOverrides:
        try:
            own = read_overrides(settings, self._server.settings.data_dir)
            _require_modules([*own.modules.load, *own.modules.disable, *(own.modules.model_extra or {})])
        except (ConfigError, UnknownModule) as error:
            raise CommandFailed(str(error)) from error
        return own


def _require_modules(names: Sequence[str]) -> None:
    for name in names:
        find(name)
