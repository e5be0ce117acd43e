"""The registry: every command by its name, and the one place where calls are checked and allowed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final

from burble.auth.base import AuthError
from burble.commands.errors import NotAllowed, ServerMistake, UnknownCommand
from burble.commands.progress import Listener, reporting
from burble.commands.signature import Command
from burble.errors import StanzaError
from burble.module import CommandDeclaration, CommandFailed, declared
from burble.storage import StorageError

__all__ = ["ADMIN", "Caller", "Registry"]

_log = logging.getLogger("burble.commands")

ADMIN: Final = "admin"
"""The role of those who may do everything."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a command.

    Attributes:
        name: for the log: ``burblectl``, an address.
        roles: what the caller may do; a command needs one of them.
        judge: decides in place of the roles: says why a command is refused, or None where it is allowed.
    """

    name: str
    roles: frozenset[str] = field(default_factory=frozenset)
    judge: Callable[[Command], NotAllowed | None] | None = None

    def refusal(self, command: Command) -> NotAllowed | None:
        """Why this caller may not call a command; None where it may."""
        if self.judge is not None:
            return self.judge(command)
        if command.access in self.roles:
            return None
        return NotAllowed(
            f"{command.name} is for callers with the role {command.access!r}", f"role {command.access}"
        )


@dataclass(slots=True)
class _Entry:
    command: Command
    #: What it is made from: the same for all hosts.
    source: tuple[str, str]
    #: The function, by the host it is for; "" for one that is for the whole server.
    functions: dict[str, Callable[..., Any]]


class Registry:
    """The commands of one server.

    A command is a method marked with `burble.module.command`. Those of modules exist once for each host that
    loads the module; the argument ``host`` chooses among them.

    A command may be there in several versions, as ejabberd numbers them: each with the arguments and the
    result that it had from that version of the API on.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[int, _Entry]] = {}

    # ---- what there is

    def add(self, owner: object, host: str = "", *, known: bool = False) -> Callable[[], None]:
        """Add the commands of an object.

        Args:
            owner: its methods that are marked with ``@command``.
            host: the host it is for; "" where it is for the whole server.
            known: their signatures are known to be right, and need not be looked at now.

        Returns:
            A function that takes them away again.

        Raises:
            TypeError: a signature is not that of a command.
            ValueError: there is another command of that name.
        """
        mine: dict[tuple[str, int], tuple[_Entry, Callable[..., Any]]] = {}
        for declaration, function in declared(owner):
            if isinstance(declaration, CommandDeclaration):
                entry = self._made(declaration, function, host)
                if not known:
                    entry.command.read_now()
                key = entry.command.name, declaration.version
                if key in mine:
                    raise ValueError(f"there are two commands {key[0]} in version {key[1]}")
                mine[key] = entry, function
        for (name, version), (entry, function) in mine.items():
            entry.functions[host] = function
            self._entries.setdefault(name, {})[version] = entry

        def remove() -> None:
            for name, version in mine:
                versions = self._entries[name]
                entry = versions[version]
                del entry.functions[host]
                if not entry.functions:
                    del versions[version]
                if not versions:
                    del self._entries[name]

        return remove

    def _made(self, declaration: CommandDeclaration, function: Callable[..., Any], host: str) -> _Entry:
        """What is known of a command: the same entry for each host."""
        name = declaration.name or function.__name__
        source = function.__module__, function.__qualname__
        versions = self._entries.get(name, {})
        known = versions.get(declaration.version)
        if known is not None:
            if known.source != source or host in known.functions:
                raise ValueError(f"there is a command {name} already")
            return known
        if any(other.source[0] != source[0] for other in versions.values()):
            raise ValueError(f"there is a command {name} already, in other versions")
        command = Command(
            name,
            function,
            declaration.tags,
            declaration.access,
            declaration.safe,
            declaration.result,
            declaration.version,
        )
        if host and "host" not in (argument.name for argument in command.arguments):
            raise TypeError(f"command {name} of a module needs an argument 'host'")
        return _Entry(command, source, {})

    def __iter__(self) -> Iterator[Command]:
        """The commands by name, each in its newest version."""
        return (self._entry(name, None).command for name in sorted(self._entries))

    def versions(self, name: str) -> list[Command]:
        """A command in all its versions, the oldest first; none where there is no such command."""
        versions = self._entries.get(name, {})
        return [versions[version].command for version in sorted(versions)]

    def find(self, name: str, version: int | None = None) -> Command:
        """The command of that name; ``-`` stands for ``_`` as well.

        Args:
            name: its name.
            version: of the API: the command is what it was then, or what it was first where it came later.
                None for the newest.

        Raises:
            UnknownCommand: there is none.
        """
        return self._entry(name, version).command

    # ---- calling

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | Sequence[str],
        caller: Caller,
        progress: Listener | None = None,
        version: int | None = None,
    ) -> Any:
        """Call a command.

        Args:
            name: its name.
            arguments: by name, as they come out of JSON; or in order, written as text.
            caller: who calls.
            progress: is told how far the command has come (`burble.commands.progress.report`).
            version: of the API, as `find` takes it.

        Returns:
            What the command returns: a scalar, a dataclass or dict, a list of these, or None.

        Raises:
            CommandFailed: or one of its kinds, UnknownCommand, NotAllowed, WrongArguments.
        """
        entry = self._entry(name, version)
        command = entry.command
        if (refusal := caller.refusal(command)) is not None:
            raise refusal
        given = arguments if isinstance(arguments, Mapping) else command.read(arguments)
        values = command.check(given)
        function = self._function(entry, values)
        _log.info("%s calls %s", caller.name, command.shown(values))
        try:
            with reporting(progress):
                result = command.call(function, values)
                return await result if isawaitable(result) else result
        except CommandFailed:
            raise
        except (AuthError, StanzaError, StorageError) as error:
            raise CommandFailed(str(error)) from error
        except Exception as error:
            _log.exception("command %s failed", command.name)
            raise ServerMistake from error

    def _entry(self, name: str, version: int | None) -> _Entry:
        known = name.replace("-", "_")
        versions = self._entries.get(known)
        if versions is None:
            raise UnknownCommand(known, self._entries)
        wanted = max(versions) if version is None else version
        return versions[max((each for each in versions if each <= wanted), default=min(versions))]

    def _function(self, entry: _Entry, values: Mapping[str, Any]) -> Callable[..., Any]:
        function = entry.functions.get("") or entry.functions.get(str(values.get("host")))
        if function is None:
            raise CommandFailed(f"{entry.command.name} works on {', '.join(entry.functions)} only")
        return function
