"""Fixtures: a running server, and clients that are logged in to it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from burble.testing import port_of, serving
from tests.client import ScriptedClient
from tests.databases import add_option, database_url, postgresql

__all__ = ["database_url", "postgresql"]

Serve = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[ScriptedClient]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Choose the database that servers under test use."""
    add_option(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, run what stores something: the rest, and what runs on both anyway, has run on SQLite."""
    if config.getoption("--database") != "postgresql":
        return
    kept = [item for item in items if _stores(item)]
    dropped = [item for item in items if not _stores(item)]
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def _stores(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or "database_url" not in item.fixturenames:
        return False
    return not (hasattr(item, "callspec") and "database_url" in item.callspec.params)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Take away what a test set up for the process: what is logged keeps what it names in memory."""
    root, own = logging.getLogger(), logging.getLogger("burble")
    handlers, levels = list(root.handlers), (root.level, own.level)
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(levels[0])
    own.setLevel(levels[1])


@pytest.fixture
async def serve(tmp_path: Path, database_url: str) -> AsyncIterator[Serve]:
    """Starts servers with settings of their own, and stops them after the test."""
    async with AsyncExitStack() as stack:
        numbers = count()

        async def start(**changes: Any) -> Server:
            changes.setdefault("database", {"url": database_url})
            return await stack.enter_async_context(serving(tmp_path / f"server-{next(numbers)}", **changes))

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
