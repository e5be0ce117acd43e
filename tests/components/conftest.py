"""Fixtures: a server with a component, and connections of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from burble.server import Server
from tests.components.component import SECRET, ScriptedComponent, port_for_components
from tests.conftest import Serve

Attach = Callable[..., Awaitable[ScriptedComponent]]

DOMAIN = "gateway.localhost"
LISTEN = {"c2s": ["127.0.0.1:0"], "c2s_tls": [], "s2s": [], "components": ["127.0.0.1:0"]}


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server with the accounts juliet and romeo, and some components."""
    server = await serve(
        listen=LISTEN,
        components={
            DOMAIN: {"secret": SECRET},
            "plays.localhost": {"secret": "another"},
            "crowd.localhost": {"secret": SECRET, "connections": 3},
            "eager.localhost": {"secret": SECRET, "conflict": "replace"},
        },
    )
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


@pytest.fixture
async def attach(server: Server) -> AsyncIterator[Attach]:
    """Makes components: ``await attach()`` has done the handshake, ``await attach(shake=False)`` not."""
    components: list[ScriptedComponent] = []

    async def make(
        domain: str = DOMAIN, secret: str = SECRET, *, shake: bool = True, to: Server | None = None
    ) -> ScriptedComponent:
        component = await ScriptedComponent(port_for_components(to or server), domain).connect()
        components.append(component)
        if shake:
            await component.attach(secret)
        return component

    yield make
    for component in components:
        await component.close()
