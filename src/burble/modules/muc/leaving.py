"""Leaving a room: of one's own accord, or not (XEP-0045 §7.14, §8.2, §9.1, §10.9, §11)."""

from __future__ import annotations

from typing import Final

from burble.jid import JID
from burble.modules.muc.presences import NOTHING, Note, audience, changed, own_note, unavailable
from burble.modules.muc.room import Occupant, Room
from burble.stanza import Message, Presence, Stanza

#: An occupant is gone because something failed (§11.1).
GHOST: Final = Note((333,))
#: The service goes down (§11.2).
SHUTDOWN: Final = Note((332,))

# What tells that a client can't be reached any more, not only that it did not like what it got.
_UNREACHABLE: Final = frozenset(
    {
        "gone",
        "internal-server-error",
        "item-not-found",
        "jid-malformed",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
    }
)


def left(room: Room, session: JID, note: Note = NOTHING, said: Presence | None = None) -> list[Stanza]:
    """Take one client out, and tell everybody where it was the occupant's last.

    Args:
        room: the room.
        session: the client, which is in the room.
        note: why.
        said: the presence by which it left.

    Returns:
        First what that client is told, then what the others are (§7.14). Where the account stays with
        other clients, the others see it as those are.
    """
    occupant = room.present[session]
    if len(occupant.sessions) == 1:
        return removed(room, occupant, note, said)
    shown = occupant.presence
    own = unavailable(room, occupant, room.sees_addresses(occupant.role), own_note(note), said)
    out: list[Stanza] = [own.readdressed(session, occupant.address)]
    room.leave(session)
    return out if occupant.presence is shown else out + changed(room, occupant)


def removed(
    room: Room, occupant: Occupant, note: Note = NOTHING, said: Presence | None = None
) -> list[Stanza]:
    """Take an occupant out with all its clients, and tell everybody.

    Args:
        room: the room; the occupant's affiliation there is that which is to be told.
        occupant: the occupant.
        note: why: the codes 301, 307, 321, 322, 333; reason and actor.
        said: the presence by which it left.

    Returns:
        First what its own clients are told, then what the others are.
    """
    shown = room.shows(occupant.role)
    own = unavailable(room, occupant, room.sees_addresses(occupant.role), own_note(note), said)
    out: list[Stanza] = list(own.to_each(occupant.sessions, occupant.address))
    if shown:
        for real, recipients in audience(room, occupant):
            presence = unavailable(room, occupant, real, note, said)
            out += presence.to_each(recipients, occupant.address)
    room.remove(occupant)
    return out


def emptied(room: Room, note: Note) -> list[Stanza]:
    """Take everybody out at once, telling each of itself only: the room or the service ends (§10.9, §11.2).

    Args:
        room: the room.
        note: why: what is told of the end of the room, or the code 332.
    """
    out: list[Stanza] = []
    for occupant in list(room.occupants.values()):
        own = unavailable(room, occupant, room.sees_addresses(occupant.role), own_note(note))
        out += own.to_each(occupant.sessions, occupant.address)
        room.remove(occupant)
    return out


def failed(room: Room, stanza: Message | Presence, now: float) -> list[Stanza]:
    """Handle an error that came back for what the room sent: a client that can't be reached leaves (§11.1).

    Returns:
        What tells of its departure; nothing where the error has another reason.
    """
    assert stanza.from_ is not None
    if stanza.from_ not in room.present or stanza.failure().condition not in _UNREACHABLE:
        return []
    return left(room, stanza.from_, GHOST)
