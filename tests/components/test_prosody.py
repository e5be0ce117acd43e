"""A host and its rooms as components of a real Prosody, used by somebody with an account there."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bench.ports import free_ports

from burble.config.fields import Address
from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient
from tests.components.component import SECRET
from tests.conftest import Serve

FAR = "far.localhost"
ROOMS = f"conference.{FAR}"
CONFIG = """\
modules_enabled = {{ "disco", "roster", "saslauth", "ping", "register", "posix" }}
data_path = "{home}/data"
pidfile = "{home}/prosody.pid"
run_as_root = {root}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client_port} }}
component_ports = {{ {component_port} }}
s2s_ports = {{ }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
allow_registration = true
registration_invite_only = false
log = {{ info = "*console" }}
VirtualHost "localhost"
Component "{far}"
    component_secret = "{secret}"
Component "{rooms}"
    component_secret = "{secret}"
"""


@pytest.fixture
async def prosody(tmp_path: Path) -> AsyncIterator[tuple[int, int]]:
    """Prosody's ports: for clients, and for components."""
    if shutil.which("prosody") is None:
        pytest.skip("no prosody (Debian: apt-get install prosody)")
    client_port, component_port = free_ports(2)
    (tmp_path / "data").mkdir()
    config = tmp_path / "prosody.cfg.lua"
    root = str(os.getuid() == 0).lower()
    config.write_text(
        CONFIG.format(
            home=tmp_path,
            root=root,
            client_port=client_port,
            component_port=component_port,
            far=FAR,
            rooms=ROOMS,
            secret=SECRET,
        )
    )
    process = await asyncio.create_subprocess_exec(
        "prosody", "--config", str(config), "-F", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(20):
        while b"Activated service 'c2s'" not in said or b"Activated service 'component'" not in said:
            line = await process.stdout.readline()
            assert line, said.decode()
            said += line
    yield client_port, component_port
    process.terminate()
    await process.communicate()


async def romeo_at(port: int) -> ScriptedClient:
    """Somebody with an account at Prosody, available."""
    romeo = await ScriptedClient(port).connect()
    await romeo.open()
    answer = await romeo.ask(
        "set",
        "<query xmlns='jabber:iq:register'><username>romeo</username><password>secret</password></query>",
    )
    assert answer.get("type") == "result"
    await romeo.close()
    romeo = await ScriptedClient(port).connect()
    await romeo.login("romeo", resource="street")
    romeo.write("<presence/>")
    await romeo.next()
    return romeo


async def test_people_of_prosody_talk_to_ours(prosody: tuple[int, int], serve: Serve) -> None:
    client_port, component_port = prosody
    elsewhere = {"server": Address("127.0.0.1", component_port), "secret": SECRET}
    far = await serve(
        hosts=[FAR],
        component_of={FAR: elsewhere, ROOMS: elsewhere},
        modules={"muc": {"create": "anyone"}},
    )
    await far.hosts[FAR].register("juliet", "secret")
    async with asyncio.timeout(10):
        for uplink in far.uplinks.uplinks.values():
            await uplink.ready.wait()
    romeo = await romeo_at(client_port)
    juliet = await ScriptedClient(port_of(far), FAR).connect()
    await juliet.login("juliet", resource="balcony")
    juliet.write("<presence/>")
    await juliet.next()

    # A chat, both ways.
    romeo.write(f"<message to='juliet@{FAR}' type='chat'><body>She speaks &amp; yet</body></message>")
    heard = await juliet.find(lambda e: e.tag == f"{CLIENT}message")
    assert (heard.get("from"), heard.findtext(f"{CLIENT}body")) == (
        "romeo@localhost/street",
        "She speaks & yet",
    )
    juliet.write("<message to='romeo@localhost' type='chat'><body>Ay me</body></message>")
    said = await romeo.find(lambda e: e.tag == f"{CLIENT}message")
    assert (said.get("from"), said.findtext(f"{CLIENT}body")) == (f"juliet@{FAR}/balcony", "Ay me")

    # A subscription, and the presence that follows.
    romeo.write(f"<presence type='subscribe' to='juliet@{FAR}'/>")
    await juliet.find(lambda e: e.get("type") == "subscribe")
    juliet.write("<presence type='subscribed' to='romeo@localhost'/>")
    assert (await romeo.find(lambda e: e.get("from") == f"juliet@{FAR}/balcony")).get("type") is None

    # A room, with both of them.
    enter = "<x xmlns='http://jabber.org/protocol/muc'/>"
    romeo.write(f"<presence to='orchard@{ROOMS}/romeo'>{enter}</presence>")
    await romeo.find(lambda e: e.get("from") == f"orchard@{ROOMS}/romeo" and e.get("type") is None)
    default = (
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
    )
    assert (await romeo.ask("set", default, f"orchard@{ROOMS}")).get("type") == "result"
    juliet.write(f"<presence to='orchard@{ROOMS}/juliet'>{enter}</presence>")
    await romeo.find(lambda e: e.get("from") == f"orchard@{ROOMS}/juliet")
    juliet.write(f"<message type='groupchat' to='orchard@{ROOMS}'><body>O Romeo</body></message>")
    message = await romeo.find(lambda e: e.findtext(f"{CLIENT}body") == "O Romeo")
    assert message.get("from") == f"orchard@{ROOMS}/juliet"

    await romeo.close()
    await juliet.close()
