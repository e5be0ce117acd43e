"""The registry: every command by its name, and the one place where calls are checked and allowed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Final

from burble.auth.base import AuthError
from burble.commands.errors import NotAllowed, UnknownCommand
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
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    # ---- what there is

    def add(self, owner: object, host: str = "") -> Callable[[], None]:
        """Add the commands of an object.

        Args:
            owner: its methods that are marked with ``@command``.
            host: the host it is for; "" where it is for the whole server.

        Returns:
            A function that takes them away again.

        Raises:
            TypeError: a signature is not that of a command.
            ValueError: there is another command of that name.
        """
        mine: dict[str, tuple[_Entry, Callable[..., Any]]] = {}
        for declaration, function in declared(owner):
            if isinstance(declaration, CommandDeclaration):
                name = declaration.name or function.__name__
                source = function.__module__, function.__qualname__
                known = self._entries.get(name)
                if known is not None and (known.source != source or host in known.functions):
                    raise ValueError(f"there is a command {name} already")
                command = Command(
                    name,
                    function,
                    declaration.tags,
                    declaration.access,
                    declaration.safe,
                    declaration.result,
                )
                if host and "host" not in (argument.name for argument in command.arguments):
                    raise TypeError(f"command {name} of a module needs an argument 'host'")
                mine[name] = known or _Entry(command, source, {}), function
        for name, (entry, function) in mine.items():
            entry.functions[host] = function
            self._entries[name] = entry

        def remove() -> None:
            for name in mine:
                entry = self._entries[name]
                del entry.functions[host]
                if not entry.functions:
                    del self._entries[name]

        return remove

    def __iter__(self) -> Iterator[Command]:
        return (self._entries[name].command for name in sorted(self._entries))

    def find(self, name: str) -> Command:
        """The command of that name; ``-`` stands for ``_`` as well.

        Raises:
            UnknownCommand: there is none.
        """
        return self._entry(name).command

    # ---- calling

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any] | Sequence[str],
        caller: Caller,
        progress: Listener | None = None,
    ) -> Any:
        """Call a command.

        Args:
            name: its name.
            arguments: by name, as they come out of JSON; or in order, written as text.
            caller: who calls.
            progress: is told how far the command has come (`burble.commands.progress.report`).

        Returns:
            What the command returns: a scalar, a dataclass or dict, a list of these, or None.

        Raises:
            CommandFailed: or one of its kinds, UnknownCommand, NotAllowed, WrongArguments.
        """
        entry = self._entry(name)
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
            raise CommandFailed("the server made a mistake; it is in its log") from error

    def _entry(self, name: str) -> _Entry:
        known = name.replace("-", "_")
        if known not in self._entries:
            raise UnknownCommand(known, self._entries)
        return self._entries[known]

    def _function(self, entry: _Entry, values: Mapping[str, Any]) -> Callable[..., Any]:
        function = entry.functions.get("") or entry.functions.get(str(values.get("host")))
        if function is None:
            raise CommandFailed(f"{entry.command.name} works on {', '.join(entry.functions)} only")
        return function
