"""The server: builds everything from the settings, starts it, changes it while it runs, stops it."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from burble.commands import CommandFailed, Registry
from burble.commands.base import Program
from burble.commands.builtin import BUILTIN
from burble.commands.help import Help
from burble.config import ConfigError, HostOverrides, Settings
from burble.config.added import read_added, with_added, write_added
from burble.datadir import DataDirectory
from burble.entrances import client_entrances, component_entrances, server_entrances
from burble.errors import StreamError
from burble.faces.adhoc import AdhocFace
from burble.faces.control import ControlSocket
from burble.hosting import Hosting, plan, plan_host
from burble.listeners import Entrance, ListenError, Listeners
from burble.modules import UnknownModule
from burble.routing.components import ComponentManager
from burble.routing.federation import FederationManager
from burble.routing.hosts import Host
from burble.routing.router import Router
from burble.routing.uplinks import Uplinks
from burble.storage import Database
from burble.storage.fallback import use_fallback
from burble.tls import CertificateFiles, CertificateWatch, TlsContext, TlsError
from burble.tls.context import DEFAULT_CIPHERS, CertificateInUse
from burble.tls.hosts import certificate_files, make_self_signed, own_directory
from burble.web import WebListeners, release

__all__ = ["Server"]

_log = logging.getLogger("burble.server")

# How long the hosts' own work may take before their data is replaced, seconds. It may be waiting for that.
_PATIENCE: Final = 5.0


class Server:
    """An XMPP server; several may run in one process.

        async with Server(Settings(hosts=["example.org"])):
            ...

    Args:
        settings: what `burble.config.load` read, or made in place.
        program: the program that the server is all of. Without it the commands ``reload``, ``restart`` and
            ``halt`` fail.
    """

    def __init__(self, settings: Settings, program: Program | None = None) -> None:
        self.settings = settings
        self.certificates: dict[str, CertificateFiles] = {}
        self._named = settings  # without the hosts that commands have added
        self._added: dict[str, HostOverrides] = {}
        self.federation = FederationManager()
        self.uplinks = Uplinks(self.federation.route)
        self.router = Router(self.uplinks.route)
        self.components = ComponentManager(self.router, lambda: self.hosts.values())
        self.started = time.time()
        self.commands = Registry()
        for kind in BUILTIN:
            self.commands.add(kind(self), known=True)
        self.commands.add(Help(self.commands), known=True)
        self._program = program
        self._changing = asyncio.Lock()
        self._replacing = False
        self._closed_for = ""
        self._cleanup = AsyncExitStack()
        self._stopping: asyncio.Task[None] | None = None
        self._stop_asked = asyncio.Event()
        self._stopped = asyncio.Event()

    # ---- life

    async def start(self) -> None:
        """Open the database, load the modules, listen. A start that fails lets go of all it took hold of.

        Raises:
            ConfigError, UnknownModule: the settings of modules can't be used.
            DataDirectoryError: the data directory can't be used.
            ListenError: an address can't be listened on.
            ControlError: the socket for commands can't be made.
            StorageError: the database can't be opened.
            TlsError: a certificate can't be used.
        """
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise

    async def _start(self) -> None:
        directory = DataDirectory(self.settings.data_dir)
        directory.open()
        self._cleanup.callback(directory.close)
        self._added = read_added(self.settings.data_dir)
        self.settings = settings = with_added(self._named, self._added)
        plans = plan(settings)
        self.database = Database.open(
            settings.database_url,
            connections=settings.database.pool_size,
            interval=settings.database.batch_interval,
            rows=settings.database.batch_rows,
        )
        self._cleanup.push_async_callback(self.database.stop)
        await self.database.start()
        await use_fallback(self.database, settings.data_dir)
        make_self_signed(settings, self.added_hosts)
        self.certificates = certificate_files(settings, self.added_hosts)
        self._tls = tls = _tls_context(settings, self.certificates)
        self._watch = CertificateWatch(tls, self._renew)
        self._cleanup.callback(self._watch.stop)
        adhoc = AdhocFace(self, self.commands)
        secret = directory.secret()
        self._hosting = Hosting(self.database, self.router, self.commands, secret, adhoc.attach)
        self._cleanup.push_async_callback(self._hosting.unload)
        await self._hosting.start(plans)
        self.components.take(settings.components)
        self.federation.start(settings, tls, self.router, secret, self.database.batch)
        self._cleanup.callback(self.federation.close)
        self._listeners = Listeners()
        self._cleanup.callback(self._listeners.close)
        await self._listeners.change(settings.listen, self._entrances(settings, tls))
        self._cleanup.push_async_callback(self.uplinks.close)
        await self.uplinks.change(settings.component_of, self.router, settings.log.stanzas)
        self._web = WebListeners(self, self.commands)
        self._cleanup.push_async_callback(self._web.stop)
        await self._web.change(settings, self._web.bind(settings))
        self._control = ControlSocket(self, self.commands)
        await self._control.start()
        _log.info("serving %s on %s", ", ".join(self.hosts), ", ".join(self.addresses))

    async def stop(self) -> None:
        """Close all streams with ``system-shutdown``, commit what waits to be stored, let go of the rest."""
        self.stop_soon()
        assert self._stopping is not None
        await asyncio.shield(self._stopping)

    def stop_soon(self) -> None:
        """Begin to stop, without waiting for it."""
        if self._stopping is None:
            self._stop_asked.set()
            self._control.stop()
            self._stopping = asyncio.get_running_loop().create_task(self._stop())

    async def _stop(self) -> None:
        try:
            await self._control.finish()
            async with self._changing:
                self._listeners.close()
                await self._web.stop()
                reason = StreamError("system-shutdown", "the server is going down")
                await self.federation.drain()
                await self._hosting.end_sessions(reason)
                await self.federation.stop()
                await self._listeners.close_connections(reason)
                await self.uplinks.close(reason)
                await self._cleanup.aclose()
            await self._control.close()
            _log.info("stopped")
        finally:
            self._stopped.set()

    async def stops_within(self, seconds: float) -> bool:
        """Wait so long, or until the server begins to stop (`burble.commands.base.Administered`)."""
        try:
            await asyncio.wait_for(self._stop_asked.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def close_for(self, reason: str) -> None:
        """Let nobody log in any more (`burble.commands.base.Administered`)."""
        self._closed_for = reason

    def restart_soon(self) -> None:
        """Do what the command ``restart`` does (`burble.commands.base.Administered`)."""
        try:
            self._program_of_ours().begin_anew()
        except (ConfigError, UnknownModule) as error:
            raise CommandFailed(str(error)) from error
        self.stop_soon()

    def halt_soon(self) -> None:
        """Do what the command ``halt`` does (`burble.commands.base.Administered`)."""
        self._program_of_ours().halt_soon()

    def _program_of_ours(self) -> Program:
        if self._program is None:
            raise CommandFailed("this server is part of a program and was not started from a settings file")
        return self._program

    async def wait_stopped(self) -> None:
        """Wait until somebody has stopped the server."""
        await self._stopped.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- other settings

    async def reload(self, settings: Settings) -> list[str]:
        """Let other settings take effect; sessions stay, but for those of a host that is left out.

        Returns:
            What could not take effect, one sentence each: what needs a restart, modules that failed.

        Raises:
            ConfigError, UnknownModule, ListenError, TlsError: the settings can't be used; all is as before.
        """
        async with self._changing:
            fixed = {"data_dir": self.settings.data_dir, "database": self.settings.database}
            notes = [
                f"{name} takes effect with the next start"
                for name, value in fixed.items()
                if getattr(settings, name) != value
            ]
            named = settings.model_copy(update=fixed)
            added = read_added(named.data_dir)
            settings = with_added(named, added)
            plans = plan(settings)
            unnamed = added.keys() - set(named.hosts)
            make_self_signed(settings, unnamed)
            certificates = certificate_files(settings, unnamed)
            tls = _tls_context(settings, certificates)
            self.federation.change(settings, tls)
            bound = self._web.bind(settings)
            try:
                await self._listeners.change(settings.listen, self._entrances(settings, tls))
            except BaseException:
                release(bound)
                raise
            await self._web.change(settings, bound)
            gone = self.hosts.keys() - set(settings.hosts)
            self.settings, self.certificates, self._tls = settings, certificates, tls
            self._watch.context = tls
            self._named, self._added = named, added
            self.components.drop(settings.components)
            notes += await self._hosting.change(plans)
            notes += self.components.take(settings.components)
            await self.uplinks.change(settings.component_of, self.router, settings.log.stanzas)
            for name in gone:
                self._listeners.close_host(name)
            self.federation.close_unserved()
        _log.info("settings reloaded; serving %s on %s", ", ".join(self.hosts), ", ".join(self.addresses))
        return notes

    async def reload_settings(self) -> list[str]:
        """Do what the command ``reload`` does (`burble.commands.base.Administered`)."""
        try:
            return await self._program_of_ours().reload()
        except (ConfigError, ListenError, OSError, TlsError, UnknownModule) as error:
            raise CommandFailed(str(error)) from error

    async def change_host(self, name: str, own: HostOverrides | None) -> list[str]:
        """Add, change or remove a host (`burble.commands.base.Administered`)."""
        async with self._changing:
            added = {other: settings for other, settings in self._added.items() if other != name}
            if own is not None:
                added[name] = own
                if name not in self.hosts and name in self.router.domains:
                    raise CommandFailed(f"{name} is served already, as a service or a component")
            try:
                settings = with_added(self._named, added)
                plans = [] if own is None else [plan_host(settings.for_host(name))]
                unnamed = added.keys() - set(self._named.hosts)
                make_self_signed(settings, unnamed, [] if own is None else [name])
                certificates = certificate_files(settings, unnamed)
                self._tls.reload(certificates)  # where the file below can't be written this does no harm
                write_added(settings.data_dir, added)
            except (ConfigError, OSError, TlsError, UnknownModule) as error:
                raise CommandFailed(str(error)) from error
            self.settings, self.certificates, self._added = settings, certificates, added
            if plans:
                return await self._hosting.put(plans[0])
            notes = await self._hosting.remove(name)
            self._listeners.close_host(name)
            self.federation.close_unserved()
            shutil.rmtree(own_directory(settings.data_dir, name), ignore_errors=True)
            return notes

    def _renew(self, certificate: CertificateInUse) -> None:
        """Make a self-signed certificate anew that is soon over (`burble.tls.CertificateWatch`)."""
        if not certificate.files.certificate.is_relative_to(self.settings.data_dir):
            return
        try:
            make_self_signed(self.settings, self.added_hosts)
        except OSError as error:
            _log.error("can't make a self-signed certificate: %s", error)

    async def replace_data(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what replaces the data of accounts and rooms (`burble.commands.base.Administered`)."""
        async with self._changing:
            self._replacing = True
            self.components.paused = _replacing()
            try:
                await self._hosting.stop(_replacing(), patience=_PATIENCE)
                await self._listeners.close_connections(_replacing())
                await self._hosting.unload()
                await self.database.batch.flush()
                try:
                    await work()
                finally:
                    await self._hosting.start(plan(self.settings))
            except BaseException:
                if not self.hosts:
                    self.stop_soon()  # whoever watches over the process can start it anew
                raise
            finally:
                self._replacing = False
                self.components.paused = None

    async def restart_module(self, host: str, name: str) -> None:
        """See `burble.commands.base.Administered`."""
        async with self._changing:
            await self._hosting.restart(host, name)

    def _entrances(self, settings: Settings, tls: TlsContext) -> dict[str, Entrance]:
        return {
            **client_entrances(self, settings, tls),
            **server_entrances(self.federation, settings, tls),
            **component_entrances(self.components, settings),
        }

    # ---- what others ask

    @property
    def hosts(self) -> dict[str, Host]:
        """The virtual hosts, by name."""
        return self._hosting.hosts

    @property
    def added_hosts(self) -> dict[str, HostOverrides]:
        """The hosts that commands have added, by name, each with its own settings."""
        return {name: own for name, own in self._added.items() if name not in self._named.hosts}

    @property
    def default_host(self) -> str:
        """The name of the first virtual host (`burble.streams.c2s.Hosts`)."""
        return self.settings.hosts[0]

    @property
    def addresses(self) -> list[str]:
        """The addresses listened on, ``host:port``: those for XMPP, then those for HTTP."""
        return [*self._listeners.addresses, *self._web.addresses]

    @property
    def listening(self) -> dict[str, list[str]]:
        """The same, by the keys of ``[listen]``, such as ``components``."""
        return {**self._listeners.by_kind, **self._web.by_kind}

    def client_host(self, domain: str) -> Host | None:
        """The virtual host of that name (`burble.streams.c2s.Hosts`).

        Raises:
            StreamError: the data of all of them is being replaced, or the server takes nobody any more.
        """
        if self._replacing:
            raise _replacing()
        if self._closed_for:
            raise StreamError("system-shutdown", self._closed_for)
        return self._hosting.hosts.get(domain)


def _replacing() -> StreamError:
    return StreamError("reset", "the data of this server is being replaced: log in again")


def _tls_context(settings: Settings, certificates: Mapping[str, CertificateFiles]) -> TlsContext:
    return TlsContext(
        certificates,
        settings.hosts[0],
        min_version=settings.tls.minimum_version,
        ciphers=settings.tls.ciphers or DEFAULT_CIPHERS,
    )
