"""Calling commands of the registry as its own administrator."""

from __future__ import annotations

from typing import Any, Final

from burble.commands import ADMIN, Caller
from burble.server import Server

BOSS: Final = Caller("test", frozenset({ADMIN}))


async def order(server: Server, name: str, /, **arguments: Any) -> Any:
    """Call a command by its name; the host is localhost."""
    command = server.commands.find(name)
    if any(argument.name == "host" for argument in command.arguments):
        arguments.setdefault("host", "localhost")
    return await server.commands.call(name, arguments, BOSS)
