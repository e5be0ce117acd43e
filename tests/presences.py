"""Clients that come and go."""

from __future__ import annotations

from tests.client import CLIENT, ScriptedClient


async def appear(client: ScriptedClient, priority: int | None = None) -> ScriptedClient:
    """Become available, and wait until that has taken effect; what comes first stays to be read."""
    content = "" if priority is None else f"<priority>{priority}</priority>"
    client.write(f"<presence>{content}</presence>")
    await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid)
    return client


async def disappear(client: ScriptedClient) -> None:
    """Become unavailable, and wait until that has taken effect."""
    client.write("<presence type='unavailable'/>")
    await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("type") == "unavailable")
