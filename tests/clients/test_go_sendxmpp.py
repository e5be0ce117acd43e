"""go-sendxmpp, which people use in scripts: it sends what it reads, and prints what arrives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.conftest import require
from tests.clients.server import BurbleProcess, running
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PASSWORD, PATIENCE

pytestmark = pytest.mark.clients


@pytest.fixture
async def juliet(tmp_path: Path) -> AsyncIterator[SlixmppUser]:
    """Juliet, online, on a server with PLAIN: the only mechanism of go-sendxmpp 0.5. Romeo has an account."""
    require("go-sendxmpp")
    with running(tmp_path, ["PLAIN"]) as server:
        await SlixmppUser("romeo", server).register()
        juliet = SlixmppUser("juliet", server)
        await juliet.register()
        await juliet.log_in()
        yield juliet
        await juliet.close()


async def go_sendxmpp(server: BurbleProcess, *options: str, port: int) -> asyncio.subprocess.Process:
    """Start it as Romeo; it trusts the server's certificate only."""
    return await asyncio.create_subprocess_exec(
        *("go-sendxmpp", "-u", "romeo@localhost", "-p", PASSWORD, "-j", f"localhost:{port}", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"SSL_CERT_FILE": str(server.certificate), "HOME": str(server.certificate.parent)},
    )


@pytest.mark.parametrize("direct_tls", [False, True], ids=["starttls", "direct"])
async def test_a_script_sends_a_message(juliet: SlixmppUser, direct_tls: bool) -> None:
    """RFC 6120 §5 and XEP-0368, then a chat message."""
    server = juliet.server
    port, options = (server.tls_port, ["-t"]) if direct_tls else (server.port, [])

    script = await go_sendxmpp(server, *options, juliet.jid, port=port)
    async with asyncio.timeout(PATIENCE):
        await script.communicate(b"The backup is done.\n")

    assert script.returncode == 0
    received = await juliet.receive("romeo@localhost")
    assert received.body.strip() == "The backup is done."
    assert not received.delayed


async def test_a_script_hears_what_it_missed(juliet: SlixmppUser) -> None:
    """XEP-0160: what was sent before it came online."""
    await juliet.send("romeo@localhost", "Is the backup done?")

    script = await go_sendxmpp(juliet.server, "-l", port=juliet.server.port)
    assert script.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = await script.stdout.readline()
    finally:
        script.terminate()
        await script.wait()

    assert line.decode().endswith("Z juliet@localhost: Is the backup done?\n")
