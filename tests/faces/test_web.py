"""The listeners for HTTP: where they are, what they cost where they are not, and how they change."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest

from burble.config import Address, Listen
from burble.listeners import ListenError
from burble.server import Server
from tests.conftest import Serve
from tests.faces.conftest import ServeWeb
from tests.faces.web import client

EXPENSIVE = ("starlette", "uvicorn", "h11", "defusedxml", "xmlrpc")
SCRIPT = """
import asyncio, sys
from burble.testing import serving
async def main():
    async with serving():
        print(*[name for name in sys.argv[1:] if name in sys.modules])
asyncio.run(main())
"""


def test_a_server_without_http_imports_nothing_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *EXPENSIVE], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == ""


async def test_http_is_off_unless_it_is_set(serve: Serve) -> None:
    assert len((await serve()).addresses) == 1


async def test_an_address_in_use_stops_the_start(serve_web: ServeWeb) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127.0.0.1:{port}: another program .* set by http in"):
            await serve_web({"listen": {"http": [f"127.0.0.1:{port}"]}})


def listening(server: Server, **listen: Any) -> Any:
    changed = Listen(**{"c2s": server.settings.listen.c2s, "c2s_tls": [], "s2s": [], **listen})
    return server.settings.model_copy(update={"listen": changed})


async def test_a_reload_opens_and_closes_listeners(web: Server, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/api/status")).status_code == 200
    await web.reload(listening(web))
    assert len(web.addresses) == 1
    with pytest.raises(httpx.ConnectError):
        await admin.get("/api/status")
    await web.reload(listening(web, http=[Address("127.0.0.1", 0)]))
    async with client(web) as caller:
        assert (await caller.get("/api/status")).json()["addresses"] == web.addresses


async def test_a_reload_that_fails_changes_nothing(web: Server, admin: httpx.AsyncClient) -> None:
    before = web.addresses
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = Address("127.0.0.1", taken.getsockname()[1])
        free = Address("127.0.0.2", 0)
        with pytest.raises(ListenError):
            await web.reload(listening(web, http=[free, used]))
        with pytest.raises(ListenError):
            await web.reload(listening(web, http=[free], c2s=[used]))
    assert web.addresses == before
    assert (await admin.get("/api/status")).status_code == 200


async def test_other_rules_hold_after_a_reload(web: Server, admin: httpx.AsyncClient) -> None:
    await web.reload(web.settings.model_copy(update={"admins": []}))
    assert (await admin.get("/api/status")).status_code == 403
