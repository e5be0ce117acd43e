"""Fixtures for the HTTP interfaces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from burble.server import Server
from tests.conftest import Serve
from tests.faces.web import client, settings

ServeWeb = Callable[..., Awaitable[Server]]


@pytest.fixture
def serve_web(serve: Serve) -> ServeWeb:
    """Starts servers that listen for HTTP, with keys of ``[api]``; admin, juliet and romeo are there."""

    async def start(changes: dict[str, Any] | None = None, **api: Any) -> Server:
        server = await serve(**{**settings(**api), **(changes or {})})
        for user in ("admin", "juliet", "romeo"):
            await server.hosts["localhost"].register(user, "secret")
        return server

    return start


@pytest.fixture
async def web(serve_web: ServeWeb) -> Server:
    """A server that listens for HTTP, as it is without settings of its own for that."""
    return await serve_web()


@pytest.fixture
async def admin(web: Server) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, calling by HTTP."""
    async with client(web) as caller:
        yield caller
