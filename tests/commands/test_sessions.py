"""Commands about sessions."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.client import condition
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str, version: int | None = None) -> Any:
    return await server.commands.call(name, list(texts), CALLER, version=version)


async def test_the_client_of_a_kicked_session_is_told_why(server: Server, connect: Connect) -> None:
    balcony, tomb = await connect("juliet/balcony"), await connect("juliet/tomb")
    await call(server, "kick_session", "juliet", "localhost", "balcony", "Stuck connection")
    last = (await balcony.closed())[-1]
    assert condition(last) == "policy-violation"
    assert "Stuck connection" in "".join(last.itertext())
    assert (await tomb.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
    assert await call(server, "connected_users") == ["juliet@localhost/tomb"]
    with pytest.raises(CommandFailed, match="juliet@localhost/balcony is not connected"):
        await call(server, "kick_session", "juliet", "localhost", "balcony", "Again")
