"""How the tests make one client see the presence of another."""

from __future__ import annotations

from tests.client import CLIENT, ScriptedClient


async def subscribe(contact: ScriptedClient, user: ScriptedClient) -> None:
    """Have the user share its presence with the contact (RFC 6121 §3.1); both are connected."""
    user.write("<presence/>")
    contact.write(f"<presence type='subscribe' to='{user.bare}'/>")
    await user.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("type") == "subscribe")
    user.write(f"<presence type='subscribed' to='{contact.bare}'/>")
    await user.sync()
