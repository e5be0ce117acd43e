"""A server on which every command of the table has something to do."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from xmlrpc.client import ServerProxy

from burble.jid import JID
from burble.modules.muc.config import RoomConfig
from burble.paths import SOCKET_NAME
from burble.server import Server
from tests.client import ScriptedClient
from tests.commands.calling import call
from tests.faces.web import base, client

__all__ = ["by_rest", "by_socket", "by_xmlrpc", "furnish", "scalars"]

LOGIN = {"user": "admin", "server": "localhost", "password": "secret"}
SERVICE = "conference.localhost"
ROSTER = '[{"nurse", "localhost", "Friends", "Nurse"}, {"romeo", "localhost", "Friends", "Romeo"}].'


async def furnish(server: Server, juliet: ScriptedClient) -> None:
    """Give a server with the usual accounts a room, a contact, a vCard, a message that waits, and files.

    Args:
        server: the server; its commands make all that they are to show.
        juliet: her client, logged in at the balcony; in the end it is available and in the room.
    """
    await call(
        server, "add_rosteritem", "juliet", "localhost", "romeo", "localhost", "Romeo", "Friends", "both"
    )
    await call(server, "set_vcard", "juliet", "localhost", "nickname", "Jules")
    await call(server, "set_vcard2", "juliet", "localhost", "N", "FAMILY", "Capulet")
    await call(server, "set_vcard2_multi", "juliet", "localhost", "ORG", "ORGUNIT", "House,Balcony")
    await call(
        server, "private_set", "juliet", "localhost", "<storage xmlns='storage:bookmarks'>kept</storage>"
    )
    await call(server, "set_last", "nurse", "localhost", "1500045311", "Gone to bed")
    await call(server, "send_message_chat", "romeo@localhost", "nurse@localhost", "Wait")
    muc = server.hosts["localhost"].modules["muc"]
    await muc.create("lobby", RoomConfig(name="Lobby"), JID.parse("juliet@localhost"))
    juliet.write(
        "<presence><show>away</show><status>In the garden</status><priority>7</priority></presence>"
        f"<presence to='lobby@{SERVICE}/J'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    while (await juliet.next()).tag != "{jabber:client}message":  # the subject of the room comes last
        pass
    directory = server.settings.data_dir
    (directory / "rooms.txt").write_text(f"garden@{SERVICE}\n")
    (directory / "roster.txt").write_text(ROSTER)


async def by_rest(server: Server, name: str, arguments: dict[str, Any], version: int) -> Any:
    """Call by REST; the answer, decoded."""
    async with client(server) as caller:
        answer = await caller.post(f"/api/{name}/v{version}", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def by_xmlrpc(server: Server, name: str, arguments: dict[str, Any]) -> Any:
    """Call by XML-RPC, as programs for ejabberd do."""

    def run() -> Any:
        with ServerProxy(f"{base(server)}/xmlrpc") as proxy:
            return getattr(proxy, name)(LOGIN, arguments)

    return await asyncio.to_thread(run)


async def by_socket(server: Server, name: str, texts: list[str]) -> Any:
    """Call through the socket that `burblectl` uses, with arguments as text."""
    reader, writer = await asyncio.open_unix_connection(server.settings.data_dir / SOCKET_NAME)
    try:
        writer.write(json.dumps({"command": name, "arguments": texts}).encode() + b"\n")
        answer = json.loads(await reader.readline())
    finally:
        writer.close()
        await writer.wait_closed()
    assert "error" not in answer, answer
    return answer["result"]


def scalars(value: Any) -> list[str]:
    """All that is told in a result, whatever the shape."""
    if isinstance(value, dict):
        return [each for part in value.values() for each in scalars(part)]
    if isinstance(value, list):
        return [each for part in value for each in scalars(part)]
    return [str(value)]
