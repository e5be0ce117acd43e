"""Results and errors in the words and the layout of ejabberdctl, for scripts that read what it prints.

The layout follows from the notation of results (`burble.commands.results`): of a ``rescode`` nothing is
printed, of a ``restuple`` its sentence, of a list a line for each item, of a tuple its fields with tabs
between them; a list within another one is on one line. An error is a line that begins with ``Error:``. All of
it goes to the standard output, errors too, as ejabberd has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from burble import __version__
from burble.auth import AccountExists
from burble.commands import Command, CommandFailed, UnknownCommand, WrongArguments
from burble.commands.results import Narrated, Result, fields_of, plain
from burble.faces.ejabberd_help import explain
from burble.faces.printing import lines

__all__ = ["Printed", "print_error", "print_result", "print_status"]

FAILED: Final = 1
WRONG_ARGUMENTS: Final = 2

# How it parts the items of a list within another one; since version 1 of its API it is the comma.
_OLD_SEPARATOR: Final = ";"
_SEPARATOR: Final = ","
_PLAIN_ATOM: Final = re.compile(r"[a-z][A-Za-z0-9_@]*")


@dataclass(frozen=True, slots=True)
class Printed:
    """What ejabberdctl would print.

    Attributes:
        text: to the standard output, with the end of its last line.
        status: its exit status.
    """

    text: str = ""
    status: int = 0


def print_status() -> Printed:
    """What ``ejabberdctl status`` prints of a server that runs."""
    return Printed(
        "The node ejabberd@localhost is started with status: started\n"
        f"ejabberd (Burble {__version__}) is running in that node\n"
    )


def print_result(command: Command, result: Any, version: int | None) -> Printed:
    """What ejabberdctl prints of a result.

    Args:
        command: what was called.
        result: what it returned.
        version: the version of ejabberd's API that was asked for; None for the newest.
    """
    value, described = plain(result), command.described
    if described is None:
        return Printed(_ended("\n".join(lines(value))) if value is not None else "")
    if described.kind == "rescode":
        return _code(value)
    separator = _OLD_SEPARATOR if version == 0 else _SEPARATOR
    if described.kind == "list":
        (item,) = described.parts
        text = "\n".join(_text(item, each, separator) for each in value)
    else:
        text = _text(described, value, separator)
    narration = result.narration if isinstance(result, Narrated) else ""
    return Printed(narration + _ended(text))


def print_error(error: CommandFailed, command: Command | None, given: int) -> Printed:
    """What ejabberdctl prints of an error.

    Args:
        error: the error.
        command: what was called, where there is such a command.
        given: how many arguments were given.
    """
    if isinstance(error, UnknownCommand):
        nearest = f" Did you mean '{error.nearest[0]}'?" if error.nearest else ""
        return Printed(f"Error: unknown command '{error.name}'.{nearest}\n", FAILED)
    if isinstance(error, WrongArguments) and command is not None:
        needed = sum(argument.required for argument in command.arguments)
        wrong = max(needed - given, 0) or min(len(command.arguments) - given, 0)
        if wrong:
            return Printed(
                f"{explain(command)}Error: the command '{command.name}' requires {abs(wrong)} "
                f"{'more' if wrong > 0 else 'less'} argument.\n",
                WRONG_ARGUMENTS,
            )
        return Printed(f"Error: {error}\n", WRONG_ARGUMENTS)
    kind = "conflict: " if isinstance(error.__cause__, AccountExists) else ""
    return Printed(f"Error: {kind}{error}\n", FAILED)


def _code(value: Any) -> Printed:
    if value is False:
        return Printed("Error: false\n", FAILED)
    return Printed()


def _text(described: Result, value: Any, separator: str) -> str:
    if described.kind == "list":
        (item,) = described.parts
        return separator.join(_text(item, each, separator) for each in value)
    if described.kind == "tuple":
        fields = fields_of(described, value)
        return "\t".join(
            _text(part, each, separator) for part, each in zip(described.parts, fields, strict=True)
        )
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if described.kind == "atom":
        return str(value) if _PLAIN_ATOM.fullmatch(str(value)) else f"'{value}'"
    return str(value)


def _ended(text: str) -> str:
    return text + "\n" if text else ""
