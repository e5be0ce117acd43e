"""A server that asks for acknowledgements only where a test wants it to."""

from __future__ import annotations

import pytest

from burble.server import Server
from tests.conftest import Serve
from tests.management.words import QUIET


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server with the accounts juliet, romeo and nurse; their password is ``secret``."""
    server = await serve(modules={"stream_management": QUIET})
    for user in ("juliet", "romeo", "nurse"):
        await server.hosts["localhost"].register(user, "secret")
    return server
