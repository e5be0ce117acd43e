"""Commands about modules: which there are, and new code for them while the server runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from burble import modules
from burble.commands.arguments import HostName
from burble.commands.base import Administered, served
from burble.commands.newcode import renew
from burble.commands.registry import Registry
from burble.module import CommandFailed, Module, command, declared

_BUILT_IN = "burble.modules"


@dataclass(frozen=True, slots=True)
class ModuleSummary:
    """A module: its name, and what it is for."""

    name: str
    summary: str


class ModuleCommands:
    """The commands about modules.

    Args:
        server: whose modules.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server
        #: When the code in use was read, by the name of the Python module, where it was read after the start.
        self._read: dict[str, float] = {}

    @command(tags=["modules"], safe=True, result="modules::[module::(name::atom, summary::string)]")
    def modules_available(self) -> list[ModuleSummary]:
        """List the modules that hosts can load: Burble's own, and those of installed packages.

        Returns:
            Their names, and what they are for.

        Example:
            modules_available
        """
        return [_summary(name) for name in modules.available()]

    @command(tags=["modules"], safe=True, result="modules::[module::(name::atom, summary::string)]")
    def modules_installed(self) -> list[ModuleSummary]:
        """List the modules of installed packages, which are not Burble's own.

        Returns:
            Their names, and what they are for.

        Example:
            modules_installed
        """
        own = {*modules.DEFAULT, *modules.OPTIONAL}
        return [_summary(name) for name in modules.available() if name not in own]

    @command(tags=["modules"], safe=True, result="res::rescode")
    def module_check(self, module: str) -> None:
        """Check that a module can be loaded: it can be imported, and what it declares is sound.

        Args:
            module: its name.

        Example:
            module_check ping
        """
        kind = _kind(module)
        try:
            Registry().add(kind.__new__(kind), "localhost")
        except (TypeError, ValueError) as error:
            raise CommandFailed(f"{module}: {error}") from error

    @command(tags=["server"], safe=True, result="modules::[module::string]")
    def update_list(self) -> list[str]:
        """List the Python modules whose files have changed since they were read, as far as `update` goes.

        Returns:
            Their names, in order.

        Example:
            update_list
        """
        return [module.__name__ for module in self._changed()]

    @command(tags=["server"], result="res::restuple")
    async def update(self, module: str) -> str:
        """Read the changed files of modules anew, without ending a session.

        This is for the code of modules; what they are built on changes with a restart of the server only.
        All that was made stays, and runs the new code from then on. Where a module answers or hears other
        things than before it is unloaded and loaded again.

        Args:
            module: the module's name, the name of a Python module as `update_list` shows it, or ``all``.

        Returns:
            What was read.

        Example:
            update ping
            update all
        """
        if module != "all" and not any(self._belongs(each, module) for each in self._ours()):
            raise CommandFailed(f"no module {module} is in use; update_list shows those that have changed")
        before = {key: _declarations(instance) for key, instance in self._loaded().items()}
        changed = self._renew(module)
        if not changed:
            return "Nothing has changed"
        for (host, name), instance in self._loaded().items():
            if before.get((host, name), []) != _declarations(instance):
                await self._server.restart_module(host, name)
        return f"Updated: {', '.join(each.__name__ for each in changed)}"

    @command(tags=["erlang"], result="res::integer")
    async def restart_module(self, host: HostName, module: str) -> int:
        """Unload a module of a host and load it again, with changed code where there is some.

        Sessions stay; what the module keeps in memory goes, as occupants of rooms do.

        Args:
            host: a domain served here.
            module: its name.

        Returns:
            0 where it was loaded with changed code, 1 where it was not loaded before, 2 where its code is
            the same.

        Example:
            restart_module localhost ping
        """
        there = served(self._server, host)
        if module not in there.modules:
            return 1
        changed = self._renew(module)
        await self._server.restart_module(host, module)
        return 0 if changed else 2

    # ---- what they have in common

    def _loaded(self) -> dict[tuple[str, str], Module]:
        return {
            (host.name, name): module
            for host in self._server.hosts.values()
            for name, module in host.modules.items()
        }

    def _ours(self) -> Iterator[ModuleType]:
        """The Python modules that modules in use are made from, in the order they were imported."""
        roots = {_BUILT_IN}
        for module in self._loaded().values():
            package = type(module).__module__
            if not package.startswith("burble."):
                roots.add(package.partition(".")[0])
        for name, found in list(sys.modules.items()):
            if any(name == root or name.startswith(f"{root}.") for root in roots) and (
                str(getattr(found, "__file__", "")).endswith(".py")
            ):
                yield found

    def _changed(self) -> list[ModuleType]:
        return [
            each
            for each in self._ours()
            if _modified(each) > self._read.get(each.__name__, self._server.started)
        ]

    def _renew(self, module: str) -> list[ModuleType]:
        """Read what has changed of a module, or of all, anew."""
        changed = [each for each in self._changed() if module == "all" or self._belongs(each, module)]
        for each in changed:
            read = _modified(each)
            renew(each)
            self._read[each.__name__] = read
        return changed

    def _belongs(self, python: ModuleType, module: str) -> bool:
        """Whether a Python module is one of those of a module, by whichever name that is called."""
        homes = {module, f"{_BUILT_IN}.{module.removeprefix('mod_')}"}
        homes |= {type(each).__module__ for (_, name), each in self._loaded().items() if name == module}
        return any(python.__name__ == home or python.__name__.startswith(f"{home}.") for home in homes)


def _kind(name: str) -> type[Module]:
    try:
        return modules.find(name)
    except Exception as error:
        # Whatever the module of another package does when it is imported.
        raise CommandFailed(f"{name} can't be loaded: {error}") from error


def _summary(name: str) -> ModuleSummary:
    try:
        kind = modules.find(name)
    except Exception as error:  # as above: the others are to be listed all the same
        return ModuleSummary(name, f"can't be imported: {error}")
    return ModuleSummary(name, (kind.__doc__ or "").strip().partition("\n")[0])


def _declarations(module: Module) -> list[object]:
    return [(declaration, call.__name__) for declaration, call in declared(module)]


def _modified(module: ModuleType) -> float:
    try:
        return Path(str(module.__file__)).stat().st_mtime
    except OSError:
        return 0.0  # a file that is gone has nothing new
