"""What scripts mean that were written for an older ejabberd, and so say no version of its API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from burble.commands import Command, Registry

__all__ = ["version_meant", "without_old_arguments"]

# Versions that differ in nothing but what is printed: scripts read the first.
_AS_IT_WAS: Final = {"get_room_affiliations": 0}
# How many arguments there are now, where ejabberd 2 took more, which say nothing new.
_ARGUMENTS: Final = {"destroy_room": 2}


def version_meant(registry: Registry, name: str, arguments: Sequence[str]) -> int | None:
    """The version of a command that is called without one: the newest that takes so many arguments.

    Args:
        registry: the commands.
        name: the command's.
        arguments: in order.

    Returns:
        The version, or None for the newest.

    Raises:
        UnknownCommand: there is no such command.
    """
    name = registry.find(name).name
    if name in _AS_IT_WAS:
        return _AS_IT_WAS[name]
    newest, *older = reversed(registry.versions(name))
    if not _takes(newest, len(arguments)):
        for command in older:
            if _takes(command, len(arguments)):
                return command.version
    return None


def _takes(command: Command, number: int) -> bool:
    needed = sum(argument.required for argument in command.arguments)
    return needed <= number <= len(command.arguments)


def without_old_arguments(name: str, arguments: Sequence[str]) -> list[str]:
    """The arguments of a command without those that it needs no more."""
    return list(arguments)[: _ARGUMENTS.get(name.replace("-", "_"))]
