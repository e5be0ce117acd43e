"""Why the registry does not carry out a call. Commands themselves raise `burble.module.CommandFailed`."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from burble.module import CommandFailed


class UnknownCommand(CommandFailed):
    """There is no such command.

    Args:
        name: what was asked for.
        known: the names there are.
    """

    kind = "unknown-command"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.nearest = get_close_matches(name, list(known), n=3)
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"there is no command {name!r}{hint}")


class WrongArguments(CommandFailed):
    """The arguments are not what the command takes."""

    kind = "wrong-arguments"


class NotAllowed(CommandFailed):
    """The caller may not call this command; the text names what it would take."""

    kind = "not-allowed"
