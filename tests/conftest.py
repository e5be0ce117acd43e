"""Fixtures: a running server, and clients that are logged in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from burble.testing import port_of, serving
from tests.client import ScriptedClient

Serve = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[ScriptedClient]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts servers with settings of their own, and stops them after the test."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Server:
            return await stack.enter_async_context(serving(tmp_path, **changes))

        yield start


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server with the accounts juliet, romeo and nurse; their password is ``secret``."""
    server = await serve()
    for user in ("juliet", "romeo", "nurse"):
        await server.hosts["localhost"].register(user, "secret")
    return server


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Connect]:
    """Makes clients: ``await connect("juliet/balcony")`` is logged in, ``await connect()`` only connected."""
    clients: list[ScriptedClient] = []

    async def make(who: str = "", *, to: Server | None = None) -> ScriptedClient:
        client = await ScriptedClient(port_of(to or server)).connect()
        clients.append(client)
        user, _, resource = who.partition("/")
        if user:
            await client.login(user, resource=resource)
        return client

    yield make
    for client in clients:
        await client.close()
