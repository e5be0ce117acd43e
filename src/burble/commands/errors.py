"""Why the registry does not carry out a call. Commands themselves raise `burble.module.CommandFailed`."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

from burble.module import CommandFailed

Problem = Literal["missing", "unknown", "value"]


class UnknownCommand(CommandFailed):
    """There is no such command.

    Args:
        name: what was asked for.
        known: the names there are.
    """

    kind = "unknown-command"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.nearest = get_close_matches(name, list(known), n=3)
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"there is no command {name!r}{hint}")


class WrongArguments(CommandFailed):
    """The arguments are not what the command takes.

    Args:
        text: what is wrong with each, and what was expected.
        problem: of the first: it is missing, there is no such argument, or its value won't do.
    """

    kind = "wrong-arguments"

    def __init__(self, text: str, problem: Problem = "value") -> None:
        super().__init__(text)
        self.problem = problem


class ServerMistake(CommandFailed):
    """The command raised what it never should: that is in the server's log."""

    def __init__(self) -> None:
        super().__init__("the server made a mistake; it is in its log")


class NotAllowed(CommandFailed):
    """The caller may not call this command.

    Args:
        text: why not.
        rule: what refused: a role, a rule of the settings, the scopes of a token.
        remedy: what would allow it.
    """

    kind = "not-allowed"

    def __init__(self, text: str, rule: str = "", remedy: str = "") -> None:
        super().__init__(text)
        self.rule = rule
        self.remedy = remedy
