"""The help of ejabberdctl, in its layout."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, get_args, get_origin

from burble.commands import Command
from burble.commands.arguments import is_list
from burble.commands.results import Result

__all__ = ["explain", "help_text", "usage"]

_WIDTH: Final = 78
_USAGE: Final = (
    "Usage: ejabberdctl [--no-timeout] [--node name] [--version apiv] [--auth user host pass] "
    "command [arguments]\n"
)


def usage(commands: Iterable[Command]) -> str:
    """What it prints when it is called without a command."""
    return f"{_USAGE}\nAvailable commands in this ejabberd node:\n{_long(commands)}"


def help_text(words: Sequence[str], commands: Sequence[Command]) -> str:
    """What ``ejabberdctl help`` prints.

    Args:
        words: what stands behind it: nothing, ``tags``, ``commands``, ``--tags TAG``, a tag, a command, or a
            pattern with ``*`` and ``?``.
        commands: those there are.
    """
    match words:
        case []:
            return usage(commands)
        case ["tags" | "--tags"]:
            return _tags(commands)
        case ["commands"]:
            return _tagged(commands)
        case ["--tags", tag]:
            return _tag(tag, commands)
    wanted = words[0].replace("-", "_")
    found = [each for each in commands if fnmatchcase(each.name, wanted)]
    tagged = _tag(words[0], commands) if any(words[0] in each.tags for each in commands) else ""
    if len(found) == 1:
        return tagged + explain(found[0])
    if found:
        return tagged + _long(found)
    return tagged or f"No tag or command matches '{words[0]}'\n"


def explain(command: Command) -> str:
    """What it prints of one command."""
    arguments = "".join(
        f"{'' if number == 0 else ' ' * 13}{each.name}::{_kind(each.type)}"
        f"{f' : {each.help}' if each.help else ''}\n"
        for number, each in enumerate(command.arguments)
    )
    result = _notation(command.described) if command.described is not None else "res::any"
    examples = "".join(f"           ejabberdctl {example}\n" for example in command.doc.examples)
    description = f"{command.doc.description}\n\n" if command.doc.description else ""
    return (
        f"  Command Name: {command.name}\n\n"
        f"  Arguments: {arguments}\n"
        f"  Result: {result}\n\n"
        + (f"  Example: {examples.lstrip()}\n" if examples else "")
        + f"  Tags: {' '.join(command.tags)}\n\n"
        f"{_wrapped('  Description: ' + command.doc.summary, 15)}\n\n{description}"
    )


def _kind(annotation: Any) -> str:
    if is_list(annotation):
        return "list"
    names = {annotation, get_origin(annotation), *get_args(annotation)}
    return "integer" if int in names and str not in names else "binary"


def _notation(result: Result) -> str:
    if result.kind == "list":
        return f"{result.name}::[ {_notation(result.parts[0])} ]"
    if result.kind == "tuple":
        return f"{result.name}::{{ {', '.join(map(_notation, result.parts))} }}"
    return f"{result.name}::{result.kind}"


def _call(command: Command) -> str:
    return " ".join([command.name, *(argument.name for argument in command.arguments)])


def _long(commands: Iterable[Command]) -> str:
    return "".join(f"  {_call(each)}\n{_wrapped(' ' * 13 + each.doc.summary, 13)}\n" for each in commands)


def _by_tag(commands: Iterable[Command]) -> dict[str, list[Command]]:
    found: dict[str, list[Command]] = {}
    for command in commands:
        for tag in command.tags:
            found.setdefault(tag, []).append(command)
    return dict(sorted(found.items()))


def _tags(commands: Iterable[Command]) -> str:
    blocks = [
        f"\n\n  {tag}\n{_wrapped('     ' + ' '.join(each.name for each in those), 5)}"
        for tag, those in _by_tag(commands).items()
    ]
    return f"Available tags and list of commands:{''.join(blocks)}\n\n"


def _tagged(commands: Iterable[Command]) -> str:
    blocks = [
        f"\n  {tag}\n{''.join(f'    {_call(each)}{chr(10)}' for each in those)}"
        for tag, those in _by_tag(commands).items()
    ]
    return f"Available tags and commands details:\n{''.join(blocks)}\n"


def _tag(tag: str, commands: Iterable[Command]) -> str:
    return f"Available commands with tag {tag}:\n\n{_long(_by_tag(commands).get(tag, []))}\n"


def _wrapped(text: str, margin: int) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=" " * margin, break_on_hyphens=False)
