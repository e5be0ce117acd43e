"""@xmpp/client comes back: SASL2, Bind 2, stream management and a token, all in one step."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

from tests.clients.conftest import require
from tests.clients.node_user import DIRECTORY
from tests.clients.server import BurbleProcess
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PASSWORD, PATIENCE

pytestmark = pytest.mark.clients


async def visits(server: BurbleProcess, user: str, port: int, scheme: str) -> list[dict[str, Any]]:
    """What `node/returning.mjs` tells."""
    start = {
        "service": f"{scheme}://localhost:{port}",
        "domain": "localhost",
        "username": user,
        "password": PASSWORD,
    }
    process = await asyncio.create_subprocess_exec(
        *("node", str(DIRECTORY / "returning.mjs")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(server.certificate)},
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await process.communicate(json.dumps(start).encode() + b"\n")
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("direct_tls", [True, False])
async def test_a_client_comes_back_with_its_token(burble: BurbleProcess, direct_tls: bool) -> None:
    """XEP-0388, XEP-0386, XEP-0198 §9, XEP-0484: the second time it has forgotten the password."""
    require("node")
    name = f"returning{'1' if direct_tls else '2'}"
    await SlixmppUser(name, burble).register()
    port = burble.tls_port if direct_tls else burble.port
    first, online, second, again = await visits(burble, name, port, "xmpps" if direct_tls else "xmpp")
    assert first["asked"].startswith("SCRAM-")
    assert {"bind", "request-token"} <= set(first["with"])
    assert online["online"].startswith(f"{name}@localhost/node/")
    assert online["managed"]
    assert online["token"] == "HT-SHA-256-NONE"
    assert second["asked"] == "HT-SHA-256-NONE"
    assert {"bind", "fast"} <= set(second["with"])
    assert again["online"] == online["online"]
    assert again["managed"]
