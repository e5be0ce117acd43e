"""Fixtures of the streams' tests: clients of any kind, connected to any server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from burble.server import Server
from burble.testing import port_of
from tests.streams.secure import OpenSSLClient

Dial = Callable[..., Awaitable[OpenSSLClient]]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Connects clients that do nothing by themselves: ``await dial(server)``."""
    clients: list[OpenSSLClient] = []

    async def make(server: Server, domain: str = "localhost") -> OpenSSLClient:
        client = OpenSSLClient(port_of(server), domain)
        clients.append(client)
        await client.connect()
        return client

    yield make
    for client in clients:
        await client.close()
