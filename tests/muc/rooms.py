"""Rooms and their occupants for tests of the rules, which need no server."""

from __future__ import annotations

from typing import Any

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import rules
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Occupant, Room
from burble.namespaces import CLIENT
from burble.stanza import STANZAS, Iq, Message, Presence, Stanza
from burble.xml import parse_element

#: The time in most tests: 2002-10-13T23:58:37Z.
NOW = 1034553517.0

#: The room of most tests.
ROOM = "coven@chat.example.org"


def make_room(limits: RoomLimits | None = None, **config: Any) -> Room:
    """A room that is unlocked; the keywords are fields of its configuration."""
    return Room(JID.parse(ROOM), RoomConfig(**config), b"secret", limits)


def stanza(xml: str) -> Message | Presence | Iq:
    """A stanza as a room gets it, from its XML; `to` is the room unless it is given."""
    element = parse_element(xml, CLIENT)
    made = STANZAS[element.name](None, None, dict(element.attrs), *element.children)
    made.to = JID.parse(made.attrs.pop("to", ROOM))
    made.from_ = JID.parse(made.attrs.pop("from"))
    return made


def send(room: Room, xml: str, now: float = NOW) -> list[Stanza]:
    """What a room sends for a stanza."""
    return rules.receive(room, stanza(xml), now)


def refusal(room: Room, xml: str, now: float = NOW) -> StanzaError:
    """The error with which a room refuses a stanza; it must not have changed by it."""
    before = picture(room)
    try:
        sent = send(room, xml, now)
    except StanzaError as error:
        assert picture(room) == before
        return error
    raise AssertionError(f"it was not refused, but answered by {[str(one) for one in sent]}")


def join(
    room: Room,
    client: str,
    nick: str,
    affiliation: Affiliation | None = None,
    role: Role | None = None,
    inside: str = "",
    x: str = "",
    now: float = NOW,
) -> list[Stanza]:
    """Let a client enter.

    Args:
        room: the room.
        client: its full JID.
        nick: the nick.
        affiliation: what its account is made before; as it is where None.
        role: what it is made afterwards; as it came out where None.
        inside: XML of the presence besides the ``<x/>``.
        x: XML inside the ``<x/>``.
        now: when.

    Returns:
        What the room sent.
    """
    if affiliation is not None:
        room.grant(JID.parse(client).bare, affiliation)
    sent = send(
        room,
        f"<presence from='{client}' to='{ROOM}/{nick}'>"
        f"<x xmlns='http://jabber.org/protocol/muc'>{x}</x>{inside}</presence>",
        now,
    )
    if role is not None:
        occupant(room, nick).role = role
    return sent


def occupant(room: Room, nick: str) -> Occupant:
    """The occupant of a nick."""
    return room.occupants[nick]


def sent_to(sent: list[Stanza], client: str) -> list[Stanza]:
    """Those of some stanzas that go to one address, in order."""
    return [one for one in sent if one.to == client]


def codes(presence: Stanza) -> list[int]:
    """The status codes of a presence or message."""
    x = presence.child("x", "http://jabber.org/protocol/muc#user")
    assert x is not None
    return [int(status.attrs["code"]) for status in x.elements("status")]


def item(presence: Stanza) -> dict[str, str]:
    """The attributes of the item in a presence."""
    x = presence.child("x", "http://jabber.org/protocol/muc#user")
    assert x is not None
    (found,) = x.elements("item")
    return found.attrs


def picture(room: Room) -> dict[str, Any]:
    """All there is to a room, to compare it with itself later."""
    return {
        "config": room.config,
        "standings": {
            jid: (standing.affiliation, standing.reason) for jid, standing in room.standings.items()
        },
        "nicks": dict(room.nicks),
        "hats": dict(room.hats),
        "occupants": {
            nick: (one.nick, one.address, one.account, one.role, one.id, list(one.sessions.items()))
            for nick, one in room.occupants.items()
        },
        "present": {client: one.nick for client, one in room.present.items()},
        "subject": room.subject,
        "history": [(one.id, one.message) for one in room.history],
        "flags": (room.locked, room.destroyed),
    }
