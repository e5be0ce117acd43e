"""What a word of a command line may be completed to, where the server knows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from burble import log
from burble.commands import Registry, UnknownCommand
from burble.commands.base import Administered
from burble.config.fields import Domain

__all__ = ["complete"]

_HOSTS: Final = ("host", "localhost", "serverhost", "grouphost")


def complete(server: Administered, registry: Registry, words: Sequence[str]) -> list[str]:
    """How the last word of a command line may go on.

    Args:
        server: whose hosts are offered.
        registry: the commands.
        words: the command and its arguments, the last of them as far as it is written.
    """
    *before, last = words
    return [each for each in _offered(server, registry, before, last) if each.startswith(last)]


def _offered(server: Administered, registry: Registry, before: list[str], last: str) -> Iterable[str]:
    if not before:
        return _as_written(last, (command.name for command in registry))
    if before == ["help"]:
        tags = {tag for command in registry for tag in command.tags}
        return sorted({*_as_written(last, (command.name for command in registry)), *tags})
    try:
        arguments = registry.find(before[0]).arguments
    except UnknownCommand:
        return []
    if len(before) > len(arguments):
        return []
    argument = arguments[len(before) - 1]
    if argument.name in _HOSTS or argument.type == Domain:
        return list(server.hosts)
    if argument.name == "loglevel":
        return log.LEVELS
    return _choices(argument.type)


def _as_written(word: str, names: Iterable[str]) -> list[str]:
    """Names with ``-`` where whoever types writes it so."""
    return [name.replace("_", "-") for name in names] if "-" in word else list(names)


def _choices(annotation: Any) -> list[str]:
    kind = get_origin(annotation)
    if kind is Annotated:
        return _choices(get_args(annotation)[0])
    if kind is Literal:
        return [str(choice) for choice in get_args(annotation)]
    if kind is Union:
        return [choice for each in get_args(annotation) for choice in _choices(each)]
    return ["true", "false"] if annotation is bool else []
