"""Leaving a room: of one's own accord, or not (XEP-0045 §7.14, §8.2, §9.1, §10.9, §11)."""

from __future__ import annotations

from collections.abc import Iterable
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


def tells_of_loss(error: Message | Presence) -> bool:
    """Whether an error that came back for what the room sent says that the client can't be reached."""
    return error.failure().condition in _UNREACHABLE


def lost(room: Room, clients: Iterable[JID]) -> list[Stanza]:
    """Take out clients that can't be reached any more, and tell the others (§11.1).

    All at once: where a server with many occupants is gone, none of them is sent that the others are.

    Args:
        room: the room.
        clients: full JIDs; those that are not in the room don't count.

    Returns:
        First what these clients are told, should they be there after all, then what the others are.
    """
    gone = dict.fromkeys(client for client in clients if client in room.present)
    shown = {id(one): (one, one.presence) for one in map(room.present.__getitem__, gone)}
    out: list[Stanza] = []
    for client in gone:
        occupant = room.leave(client)
        own = unavailable(room, occupant, room.sees_addresses(occupant.role), own_note(GHOST))
        out.append(own.readdressed(client, occupant.address))
    for occupant, presence in shown.values():
        if room.occupants.get(occupant.nick) is occupant:  # with other clients
            out += [] if occupant.presence is presence else changed(room, occupant)
        elif room.shows(occupant.role):
            for real, recipients in audience(room, occupant):
                out += unavailable(room, occupant, real, GHOST).to_each(recipients, occupant.address)
    return out
