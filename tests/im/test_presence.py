"""Exchanging presence: RFC 6121 §4."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect


def said(element: ET.Element) -> tuple[str | None, str, str | None]:
    """Who says what kind of presence to whom."""
    assert element.tag == f"{CLIENT}presence", ET.tostring(element)
    return element.get("from"), element.get("type", ""), element.get("to")


async def heard(client: ScriptedClient, number: int) -> set[tuple[str | None, str, str | None]]:
    """The next presence stanzas, whose order does not matter."""
    return {said(await client.next()) for _ in range(number)}


async def appear(client: ScriptedClient, content: str = "") -> None:
    """Send initial presence and wait for its echo."""
    client.write(f"<presence>{content}</presence>")
    await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid)


async def befriend(one: ScriptedClient, other: ScriptedClient, both: bool = True) -> None:
    """Subscribe one to the other's presence, and the other way round; nothing is left to be read."""
    for asker, asked in ((one, other), (other, one))[: 2 if both else 1]:
        asker.write(f"<presence to='{asked.bare}' type='subscribe'/>")
        await asker.sync()
        asked.write(f"<presence to='{asker.bare}' type='subscribed'/>")
        await asked.sync()
    for client in (one, other):
        await client.sync()
        client._arrived.clear()


async def test_initial_presence_comes_back_to_its_sender(connect: Connect) -> None:
    """§4.2.2: a resource is told of its own presence, with what it said."""
    juliet = await connect("juliet/balcony")
    juliet.write("<presence id='p1'><show>away</show><status>in the garden</status></presence>")
    echo = await juliet.next()
    assert said(echo) == (juliet.jid, "", juliet.bare)
    assert echo.get("id") == "p1"
    assert echo.findtext(f"{CLIENT}status") == "in the garden"


async def test_own_resources_see_each_other(connect: Connect) -> None:
    """§4.2.2, §4.4.2, §4.5.2: an account is subscribed to itself."""
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await appear(balcony)
    await chamber.nothing()
    chamber.write("<presence><show>xa</show></presence>")
    assert await heard(chamber, 2) == {
        (chamber.jid, "", "juliet@localhost"),
        (balcony.jid, "", chamber.jid),
    }
    assert said(await balcony.next()) == (chamber.jid, "", "juliet@localhost")
    chamber.write("<presence type='unavailable'/>")
    assert said(await balcony.next()) == (chamber.jid, "unavailable", "juliet@localhost")
    assert said(await chamber.next()) == (chamber.jid, "unavailable", "juliet@localhost")
