"""Rooms of one server with people of another (XEP-0045)."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

from tests.client import CLIENT, condition
from tests.federation.conftest import Ends, Meet
from tests.federation.person import Person
from tests.federation.table import service

_USER = "{http://jabber.org/protocol/muc#user}"
_numbers = itertools.count(1)


def _codes(presence: ET.Element) -> set[str | None]:
    return {status.get("code") for status in presence.iter(f"{_USER}status")}


async def _enter(person: Person, room: str, nick: str) -> ET.Element:
    """§7.1; returns the occupant's own presence."""
    person.write(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    presence = await person.gets("presence", f"{room}/{nick}")
    assert "110" in _codes(presence), ET.tostring(presence)
    return presence


async def _make(owner: Person) -> str:
    """§10.1.2: make an instant room at the owner's server, and be in it as Owner."""
    room = f"orchard{next(_numbers)}@{owner.peer.rooms}"
    await _enter(owner, room, "Owner")
    await owner.ask(
        "set",
        "<query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query>",
        to=room,
    )
    return room


async def _in_a_room(ends: Ends, meet: Meet) -> tuple[str, Person, Person]:
    """A room there, its owner, and somebody from here who has entered it."""
    owner, visitor = await meet(ends.there, "owner"), await meet(ends.here, "visitor")
    room = await _make(owner)
    await _enter(visitor, room, "Visitor")
    return room, owner, visitor


@service("room: enter and leave")
async def test_occupants_see_who_comes_and_goes(ends: Ends, meet: Meet) -> None:
    """§7.1, §7.2, §7.14."""
    owner, visitor = await meet(ends.there, "owner"), await meet(ends.here, "visitor")
    room = await _make(owner)

    own = await _enter(visitor, room, "Visitor")
    item = own.find(f"{_USER}x/{_USER}item")
    assert item is not None
    assert (item.get("affiliation"), item.get("role")) == ("none", "participant")
    await visitor.gets("presence", f"{room}/Owner")
    assert "110" not in _codes(await owner.gets("presence", f"{room}/Visitor"))

    visitor.write(f"<presence to='{room}/Visitor' type='unavailable'/>")
    await owner.gets("presence", f"{room}/Visitor", type="unavailable")
    assert "110" in _codes(await visitor.gets("presence", f"{room}/Visitor", type="unavailable"))


@service("room: talk")
async def test_occupants_hear_each_other_and_themselves(ends: Ends, meet: Meet) -> None:
    """§7.4."""
    room, owner, visitor = await _in_a_room(ends, meet)

    await visitor.says(room, "But soft!", type="groupchat")
    for person in (owner, visitor):
        await person.hears(f"{room}/Visitor", "But soft!", type="groupchat")
    await owner.says(room, "Who is there?", type="groupchat")
    for person in (owner, visitor):
        await person.hears(f"{room}/Owner", "Who is there?", type="groupchat")


@service("room: private message")
async def test_occupants_whisper(ends: Ends, meet: Meet) -> None:
    """§7.5."""
    room, owner, visitor = await _in_a_room(ends, meet)

    await visitor.says(f"{room}/Owner", "A word with you")
    await owner.hears(f"{room}/Visitor", "A word with you")
    await owner.says(f"{room}/Visitor", "Speak")
    await visitor.hears(f"{room}/Owner", "Speak")


@service("room: nick conflict")
async def test_a_nick_belongs_to_one(ends: Ends, meet: Meet) -> None:
    """§7.2.8."""
    room, owner, visitor = await _in_a_room(ends, meet)
    other = await meet(ends.here, "other")

    other.write(f"<presence to='{room}/Visitor'><x xmlns='http://jabber.org/protocol/muc'/></presence>")

    assert condition(await other.gets("presence", f"{room}/Visitor", type="error")) == "conflict"
    await visitor.says(room, "I am still here", type="groupchat")
    await owner.hears(f"{room}/Visitor", "I am still here", type="groupchat")


@service("room: kick and ban")
async def test_who_is_kicked_or_banned_is_out(ends: Ends, meet: Meet) -> None:
    """§8.2, §9.1."""
    room, owner, visitor = await _in_a_room(ends, meet)
    admin = "<query xmlns='http://jabber.org/protocol/muc#admin'><item {}/></query>"

    await owner.ask("set", admin.format("nick='Visitor' role='none'"), to=room)
    gone = await visitor.gets("presence", f"{room}/Visitor", type="unavailable")
    assert "307" in _codes(gone)
    await owner.gets("presence", f"{room}/Visitor", type="unavailable")

    await _enter(visitor, room, "Visitor")
    await owner.ask("set", admin.format(f"jid='{visitor.address}' affiliation='outcast'"), to=room)
    gone = await visitor.gets("presence", f"{room}/Visitor", type="unavailable")
    assert "301" in _codes(gone)
    visitor.write(f"<presence to='{room}/Visitor'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    assert condition(await visitor.gets("presence", f"{room}/Visitor", type="error")) == "forbidden"


@service("room: invitation")
async def test_an_owner_invites_somebody_elsewhere(ends: Ends, meet: Meet) -> None:
    """§7.8.2."""
    owner, guest = await meet(ends.there, "owner"), await meet(ends.here, "guest")
    room = await _make(owner)

    owner.write(
        f"<message to='{room}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<invite to='{guest.address}'><reason>Come to the balcony</reason></invite></x></message>"
    )

    def invitation(element: ET.Element) -> bool:
        return element.tag == f"{CLIENT}message" and element.find(f"{_USER}x/{_USER}invite") is not None

    message = await guest.find(invitation, 10)
    assert message.get("from") == room
    assert message.findtext(f"{_USER}x/{_USER}invite/{_USER}reason") == "Come to the balcony"


@service("room: who disappears")
async def test_who_loses_the_connection_leaves(ends: Ends, meet: Meet) -> None:
    """§7.14: the room of the other server is told, as it is of any directed presence (RFC 6121 §4.6.3)."""
    room, owner, visitor = await _in_a_room(ends, meet)
    await owner.gets("presence", f"{room}/Visitor")

    await visitor.close()

    await owner.gets("presence", f"{room}/Visitor", type="unavailable")
