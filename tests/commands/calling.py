"""Call commands as an administrator does."""

from __future__ import annotations

from typing import Any

from burble.commands import ADMIN, Caller
from burble.server import Server

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str) -> Any:
    """Call a command with arguments written as text."""
    return await server.commands.call(name, list(texts), CALLER)
