"""Messages as the tests of offline storage send and count them."""

from __future__ import annotations

from burble.server import Server
from tests.client import CLIENT, ScriptedClient


def write(client: ScriptedClient, text: str, to: str = "juliet@localhost", extra: str = "") -> None:
    client.write(f"<message to='{to}' type='chat' id='{text}'><body>{text}</body>{extra}</message>")


async def bodies(client: ScriptedClient) -> list[str | None]:
    """The bodies of all messages that have come; a client that became available has all it gets."""
    await client.sync()
    found = []
    while True:
        try:
            element = await client.next(timeout=0.01)
        except TimeoutError:
            return found
        if element.tag == f"{CLIENT}message":
            found.append(element.findtext(f"{CLIENT}body"))


def kept(server: Server, user: str = "juliet") -> int:
    return server.hosts["localhost"].modules["offline"].kept(user)
