"""What the tests of rosters, subscriptions and presence do and read alike."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, ScriptedClient

ROSTER = "{jabber:iq:roster}"

#: Who says what kind of presence to whom.
Said = tuple[str | None, str, str | None]


def query(content: str = "", ver: str | None = None) -> str:
    """The payload of a roster get or set."""
    version = "" if ver is None else f" ver='{ver}'"
    return f"<query xmlns='jabber:iq:roster'{version}>{content}</query>"


def items(element: ET.Element) -> list[dict[str, object]]:
    """The items of a roster result or push: attributes, and the names of groups."""
    return [
        {**item.attrib, **({"groups": groups} if (groups := [g.text for g in item]) else {})}
        for item in element.iter(f"{ROSTER}item")
    ]


async def get(client: ScriptedClient) -> list[dict[str, object]]:
    """Ask for the whole roster."""
    return items(await client.ask("get", query()))


async def pushed(client: ScriptedClient) -> dict[str, object]:
    """Read a roster push (§2.1.6) and return its one item."""
    push = await client.next()
    assert push.tag == f"{CLIENT}iq", ET.tostring(push)
    assert push.get("type") == "set"
    assert push.get("to") == client.jid
    assert push.get("id")
    (item,) = items(push)
    return item


def said(element: ET.Element) -> Said:
    """What a presence stanza says."""
    assert element.tag == f"{CLIENT}presence", ET.tostring(element)
    return element.get("from"), element.get("type", ""), element.get("to")


async def hears(client: ScriptedClient) -> Said:
    """The next presence stanza."""
    return said(await client.next())


async def hears_all(client: ScriptedClient, number: int) -> set[Said]:
    """The next presence stanzas, where their order does not matter."""
    return {await hears(client) for _ in range(number)}


async def appear(client: ScriptedClient, content: str = "") -> None:
    """Send initial presence and take its echo; what else comes of it stays to be read."""
    client.write(f"<presence>{content}</presence>")
    await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid)
    await client.sync()


async def read_away(client: ScriptedClient) -> None:
    """Forget what has come so far."""
    await client.sync()
    client._arrived.clear()


async def subscribe(client: ScriptedClient, contact: ScriptedClient) -> None:
    """Subscribe a client to a contact's presence, before either has asked for its roster or is available."""
    client.write(f"<presence to='{contact.bare}' type='subscribe'/>")
    await client.nothing()
    contact.write(f"<presence to='{client.bare}' type='subscribed'/>")
    await contact.nothing()


async def befriend(one: ScriptedClient, other: ScriptedClient) -> None:
    """Subscribe two to each other."""
    await subscribe(one, other)
    await subscribe(other, one)
