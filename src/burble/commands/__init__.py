"""Administration commands: each written once, as a typed and documented function, and called in many ways."""

from burble.commands.arguments import HIDDEN, HostName, Password, UserName
from burble.commands.errors import NotAllowed, ServerMistake, UnknownCommand, WrongArguments
from burble.commands.registry import ADMIN, Caller, Registry
from burble.commands.signature import Argument, Command
from burble.module import CommandFailed, command

__all__ = [
    "ADMIN",
    "HIDDEN",
    "Argument",
    "Caller",
    "Command",
    "CommandFailed",
    "HostName",
    "NotAllowed",
    "Password",
    "Registry",
    "ServerMistake",
    "UnknownCommand",
    "UserName",
    "WrongArguments",
    "command",
]
