"""What commands see of the server they administer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from burble.auth import NoSuchAccount
from burble.config import HostOverrides, Settings
from burble.errors import StanzaError
from burble.jid import JID
from burble.module import CommandFailed, Module
from burble.routing.components import ComponentManager
from burble.routing.federation import FederationManager
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.routing.uplinks import Uplinks
from burble.storage import Database
from burble.tls import CertificateFiles

M = TypeVar("M", bound=Module)

NODE: Final = "burble@localhost"
"""What the server is called where ejabberd names one of its nodes."""


class Program(Protocol):
    """The program that a server is all of, as `burble serve` is; see `burble.process`."""

    async def reload(self) -> list[str]:
        """Read the settings anew and give them to the server; see `Server.reload`.

        Raises:
            ConfigError, ListenError, OSError, TlsError, UnknownModule: nothing was changed.
        """

    def begin_anew(self) -> None:
        """When the server has stopped, start it anew.

        Raises:
            ConfigError, UnknownModule: the settings can't be used, and nothing is to be stopped.
        """

    def halt_soon(self) -> None:
        """End the process at once."""


class Administered(Protocol):
    """The server, as its commands see it."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    @property
    def hosts(self) -> Mapping[str, Host]:
        """The virtual hosts, by name."""

    @property
    def added_hosts(self) -> Mapping[str, HostOverrides]:
        """The hosts that commands have added, by name, each with its own settings."""

    @property
    def certificates(self) -> Mapping[str, CertificateFiles]:
        """The files of the hosts' certificates."""

    @property
    def database(self) -> Database:
        """Where accounts and what belongs to them is kept."""

    @property
    def federation(self) -> FederationManager:
        """The streams to and from other servers."""

    @property
    def components(self) -> ComponentManager:
        """The external components."""

    @property
    def uplinks(self) -> Uplinks:
        """The domains that are components of other servers."""

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses listened on, ``host:port``."""

    @property
    def listening(self) -> Mapping[str, Sequence[str]]:
        """The same, by the keys of ``[listen]``."""

    @property
    def started(self) -> float:
        """When the server was started, seconds since the epoch."""

    def stop_soon(self) -> None:
        """Begin to stop."""

    async def stops_within(self, seconds: float) -> bool:
        """Wait so long, or until the server begins to stop; whether it does."""

    def close_for(self, reason: str) -> None:
        """Let nobody log in any more, for a reason that is told; "" opens it again. Sessions stay."""

    def restart_soon(self) -> None:
        """Begin to stop, and start anew then.

        Raises:
            CommandFailed: that can't be done, or the settings can't be used; nothing is stopped.
        """

    def halt_soon(self) -> None:
        """End the process at once, without stopping anything cleanly, as soon as the caller has an answer.

        Raises:
            CommandFailed: the process is not ours to end.
        """

    async def reload_settings(self) -> Sequence[str]:
        """Read the settings anew and let them take effect; what can't without a restart, one sentence each.

        Raises:
            CommandFailed: they can't be used, and everything is as before.
        """

    async def change_host(self, name: str, own: HostOverrides | None) -> Sequence[str]:
        """Serve a host besides those of the settings file, from now on and after each restart.

        Args:
            name: its domain; it is none of the settings file's.
            own: its own settings; None to serve it no longer.

        Returns:
            What did not work, one sentence each; the rest is done.

        Raises:
            CommandFailed: the settings can't be used, and everything is as before.
        """

    async def restart_module(self, host: str, name: str) -> None:
        """Unload a loaded module of a host, and those that require it, and load them again; sessions stay.

        Raises:
            Exception: what the module raises.
        """

    async def replace_data(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what replaces the data of accounts and rooms, so that nothing goes by what was there before.

        All streams are closed and all modules unloaded before it, and loaded anew after it.

        Raises:
            Exception: what `work` raises; the modules are loaded anew all the same.
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


async def account_host(server: Administered, user: str, host: str) -> Host:
    """The virtual host of an account.

    Args:
        server: whose account.
        user: the account's prepared localpart.
        host: its domain.

    Raises:
        CommandFailed: the host is not served here.
        NoSuchAccount: there is no such account on it.
        AuthenticatorUnavailable: that can't be found out now.
    """
    there = served(server, host)
    if not await there.authenticator.exists(user):
        raise NoSuchAccount(f"there is no account {user}@{host}")
    return there


def session_of(server: Administered, user: str, host: str, resource: str) -> Session:
    """A session by its address, of which all parts are prepared.

    Raises:
        CommandFailed: the host is not served here.
        StanzaError: item-not-found, where there is no such session.
    """
    jid = JID.build(user, host, resource)
    session = served(server, host).sessions.find(jid)
    if session is None:
        raise StanzaError("item-not-found", f"{jid} is not connected")
    return session


def module_on(host: Host, kind: type[M]) -> M:
    """A module of a host, which its commands need.

    Raises:
        StanzaError: feature-not-implemented, where it is not loaded.
    """
    found = host.modules.get(kind.name)
    if not isinstance(found, kind):
        raise StanzaError("feature-not-implemented", f"the module {kind.name} is not loaded on {host.name}")
    return found
