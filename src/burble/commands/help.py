"""The command that explains the others."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from burble.commands.errors import UnknownCommand
from burble.commands.registry import Registry
from burble.commands.signature import Command
from burble.module import CommandFailed, command


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
    def help(self, pattern: str = "*", tag: str = "") -> list[CommandHelp]:
        """List the commands there are, or explain one.

        Args:
            pattern: a command, a pattern such as ``connected*``, or a tag.
            tag: only commands with this tag.

        Returns:
            What there is to know of each command that matches.

        Example:
            help
            help register
            help "connected*"
            help accounts
        """
        wanted = pattern.replace("-", "_")
        commands = [each for each in self._registry if fnmatchcase(each.name, wanted)]
        if not commands:
            commands = [each for each in self._registry if pattern in each.tags]
        if not commands:
            raise UnknownCommand(wanted, (each.name for each in self._registry))
        if tag:
            tags = sorted({tag for each in self._registry for tag in each.tags})
            commands = [each for each in commands if tag in each.tags]
            if not commands:
                raise CommandFailed(f"no command has the tag {tag!r}; the tags are {', '.join(tags)}")
        return [_described(each) for each in commands]


def _described(command: Command) -> CommandHelp:
    return CommandHelp(
        command.name,
        command.usage,
        command.doc.summary,
        list(command.tags),
        command.doc.description,
        [
            ArgumentHelp(argument.name, argument.expected, argument.required, argument.help)
            for argument in command.arguments
        ],
        command.doc.returns,
        list(command.doc.examples),
    )
