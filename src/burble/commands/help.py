"""The command that explains the others."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from burble.commands.errors import UnknownCommand
from burble.commands.registry import Registry
from burble.module import command


@dataclass(frozen=True, slots=True)
class ArgumentHelp:
    """What there is to know of an argument: its name, what it takes, whether it is needed."""

    name: str
    expected: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """What there is to know of a command."""

    name: str
    usage: str
    summary: str
    tags: list[str]
    description: str
    arguments: list[ArgumentHelp]
    returns: str
    examples: list[str]


class Help:
    """Explains the commands of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @command(tags=["server"], safe=True)
    def help(self, pattern: str = "*") -> list[CommandHelp]:
        """List the commands there are, or explain one.

        Args:
            pattern: a command, or a pattern such as ``connected*``.

        Returns:
            What there is to know of each command that matches.

        Example:
            help
            help register
            help "connected*"
        """
        wanted = pattern.replace("-", "_")
        commands = [each for each in self._registry if fnmatchcase(each.name, wanted)]
        if not commands:
            raise UnknownCommand(wanted, (each.name for each in self._registry))
        return [
            CommandHelp(
                each.name,
                each.usage,
                each.doc.summary,
                list(each.tags),
                each.doc.description,
                [
                    ArgumentHelp(argument.name, argument.expected, argument.required, argument.help)
                    for argument in each.arguments
                ],
                each.doc.returns,
                list(each.doc.examples),
            )
            for each in commands
        ]
