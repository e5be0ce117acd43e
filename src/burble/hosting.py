"""The virtual hosts of a server and their modules: made, changed and taken down as the settings say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import to_json

from burble import modules
from burble.auth import InternalAuthenticator
from burble.auth.selection import authenticator_for, same_accounts
from burble.commands import Registry
from burble.config import ConfigError, HostSettings, Settings
from burble.config.explain import dotted, explain
from burble.errors import StreamError
from burble.module import Module, ModuleSettings
from burble.routing.events import HostStarted
from burble.routing.hosts import Host
from burble.routing.router import DomainTaken, Router
from burble.storage import Database

__all__ = ["HostPlan", "Hosting", "plan", "plan_host"]

_log = logging.getLogger("burble.server")


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What a virtual host shall be: its settings, and its modules in the order to load them."""

    settings: HostSettings
    modules: list[tuple[type[Module], ModuleSettings]]


def plan(settings: Settings) -> list[HostPlan]:
    """Work out the hosts from the settings, changing nothing.

    Raises:
        ConfigError: a module's options are wrong.
        UnknownModule: there is no such module, or one it requires is disabled.
    """
    planner = _Planner()
    return [planner.plan(settings.for_host(name)) for name in settings.hosts]


def plan_host(settings: HostSettings) -> HostPlan:
    """Work out one host, as `plan` does all."""
    return _Planner().plan(settings)


class _Planner:
    """Plans hosts; what is the same for many is worked out once."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[tuple[str, ...], ...], list[type[Module]]] = {}
        self._options: dict[tuple[type[Module], bytes], ModuleSettings] = {}

    def plan(self, settings: HostSettings) -> HostPlan:
        load, disable = settings.modules.load, settings.modules.disable
        key = tuple(load), tuple(disable)
        if key not in self._kinds:
            self._kinds[key] = modules.selected(load, disable)
        return HostPlan(settings, [(kind, self._settings(settings, kind)) for kind in self._kinds[key]])

    def _settings(self, settings: HostSettings, kind: type[Module]) -> ModuleSettings:
        # As JSON, like the settings file itself: see `burble.config.load`.
        key = kind, to_json(settings.modules.options(kind.name))
        if key not in self._options:
            self._options[key] = _checked(settings, kind, key[1])
        return self._options[key]


def _checked(settings: HostSettings, kind: type[Module], options: bytes) -> ModuleSettings:
    try:
        return kind.Settings.model_validate_json(options)
    except ValidationError as error:
        problems = explain(error, kind.Settings, settings.modules.options(kind.name))
        place = ("host", settings.name, "modules", kind.name)
        raise ConfigError(
            None, [(None, f"{dotted((*place, *problem.path))}: {problem.text}") for problem in problems]
        ) from None


class Hosting:
    """The virtual hosts of a server.

    Args:
        database: where their accounts are.
        router: carries their stanzas.
        registry: gets the commands of their modules.
        secret: of the server's own.
        furnish: gives each host what it has besides its modules.
    """

    def __init__(
        self,
        database: Database,
        router: Router,
        registry: Registry,
        secret: bytes,
        furnish: Callable[[Host], None],
    ) -> None:
        self.hosts: dict[str, Host] = {}
        self._database = database
        self._router = router
        self._registry = registry
        self._secret = secret
        self._furnish = furnish
        self._commands: dict[Module, Callable[[], None]] = {}

    async def start(self, plans: Iterable[HostPlan]) -> None:
        """Make the hosts. What a module raises on its start is raised here.

        Raises:
            ConfigError: two hosts, or a host and a service of another one, have the same domain.
        """
        for host_plan in plans:
            try:
                host = await self._make(host_plan.settings)
                for kind, options in host_plan.modules:
                    await self._load(host, kind, options)
            except DomainTaken as error:
                name = dotted(("host", host_plan.settings.name))
                raise ConfigError(None, [(None, f"{name}: {error}")]) from error
            await host.emit(HostStarted())

    async def change(self, plans: Iterable[HostPlan]) -> list[str]:
        """Make, change and take down hosts and modules while running; sessions stay.

        Returns:
            What did not work, one sentence each; the rest is done.
        """
        wanted = {host_plan.settings.name: host_plan for host_plan in plans}
        problems: list[str] = []
        for name in self.hosts.keys() - wanted:
            problems += await self.remove(name)
        for host_plan in wanted.values():
            problems += await self.put(host_plan)
        return problems

    async def put(self, host_plan: HostPlan) -> list[str]:
        """Make a host, or change it, while running; its sessions stay.

        Returns:
            What did not work, one sentence each; the rest is done.
        """
        problems: list[str] = []
        name = host_plan.settings.name
        known = self.hosts.get(name)
        try:
            host = known or await self._make(host_plan.settings)
        except DomainTaken as error:
            return [f"the host {name} could not be made: {error}"]
        await self._change_host(host, host_plan, problems)
        if known is None:
            await host.emit(HostStarted())
            _log.info("%s is served", name)
        return problems

    async def remove(self, name: str) -> list[str]:
        """Take a host down: end its sessions, and leave nothing of it but what is stored.

        Returns:
            What did not work, one sentence each; the rest is done.
        """
        problems: list[str] = []
        # Not to be found any more: who logged in from here on would not be closed below.
        host = self.hosts.pop(name)
        error = StreamError("host-gone", "this host is not served here any more")
        await host.close(error, for_good=True)
        self._router.unregister(name)
        await self._unload(host, list(host.modules), problems)
        await host.authenticator.close()
        _log.info("%s is not served any more", name)
        return problems

    async def restart(self, host_name: str, name: str) -> None:
        """Unload a module of a host, and those that require it, and load them again with the same options.

        Args:
            host_name: the host.
            name: a module that is loaded on it.

        Raises:
            Exception: what a module raises when it is loaded; those before it are loaded.
        """
        host = self.hosts[host_name]
        wanted = {name}
        # In the order they were loaded each comes after those it requires.
        for module in host.modules.values():
            if not wanted.isdisjoint(module.requires):
                wanted.add(module.name)
        modules: list[Module] = [module for module in host.modules.values() if module.name in wanted]
        await self._unload(host, [module.name for module in modules], [])
        for module in modules:
            await self._load(host, type(module), module.settings)

    async def end_sessions(self, error: StreamError) -> None:
        """End all sessions with an error; see `Host.close`. What others still send can be stored."""
        for host in self.hosts.values():
            await host.close(error)

    async def stop(self, error: StreamError, patience: float) -> None:
        """End all sessions with an error, and take nothing more that others send."""
        for host in self.hosts.values():
            await host.close(error, patience)
            self._router.unregister(host.name)

    async def unload(self) -> None:
        """Unload all modules, and let go of who keeps the accounts."""
        for host in self.hosts.values():
            if self._router.serves(host.name):
                self._router.unregister(host.name)
            await self._unload(host, list(host.modules), [])
            await host.authenticator.close()
        self.hosts.clear()

    async def _make(self, settings: HostSettings) -> Host:
        authenticator = authenticator_for(settings, self._database)
        try:
            host = Host(settings, self._database, authenticator, self._router, self._secret)
        except DomainTaken:
            await authenticator.close()
            raise
        self._furnish(host)
        self.hosts[settings.name] = host
        return host

    async def _change_host(self, host: Host, host_plan: HostPlan, problems: list[str]) -> None:
        new = not host.modules
        kept = {kind.name: kind for kind, _ in host_plan.modules}
        left = [name for name, module in host.modules.items() if type(module) is not kept.get(name)]
        await self._unload(host, left, problems)
        before, retired = host.settings, host.authenticator
        if not same_accounts(before, host_plan.settings):
            host.authenticator = authenticator_for(host_plan.settings, self._database)
        host.configure(host_plan.settings)
        if host.authenticator is not retired:
            await retired.close()
        if isinstance(host.authenticator, InternalAuthenticator):
            host.authenticator.iterations = host_plan.settings.auth.scram_iterations
        for kind, options in host_plan.modules:
            module: Module | None = host.modules.get(kind.name)
            try:
                if module is None:
                    await self._load(host, kind, options)
                    if not new:
                        _log.info("%s: loaded module %s", host.name, kind.name)
                elif module.settings != options:
                    await module.configure(options)
            except Exception as error:
                problems.append(_failed("loaded" if module is None else "changed", kind.name, host, error))

    async def _load(self, host: Host, kind: type[Module], options: ModuleSettings) -> None:
        module = kind(host, options)
        off = self._registry.add(module, host.name)
        try:
            await module.load()
        except BaseException:
            off()
            raise
        self._commands[module] = off

    async def _unload(self, host: Host, names: list[str], problems: list[str]) -> None:
        for name in reversed(names):
            module: Module = host.modules[name]
            self._commands.pop(module, _nothing)()
            try:
                await module.unload()
            except Exception as error:
                problems.append(_failed("unloaded", name, host, error))


def _nothing() -> None:
    """A module that was loaded by hand has no commands here."""


def _failed(what: str, name: str, host: Host, error: Exception) -> str:
    _log.error("%s: module %s could not be %s", host.name, name, what, exc_info=error)
    return f"module {name} of {host.name} could not be {what}: {error or type(error).__name__}"
