"""The presence of occupants, as a room tells of it (XEP-0045 §7.2.2, §7.2.3, §17.3).

There are three variants of it: the occupant's own, and for the others with and without the real address.
Each is made and serialised once, whoever and how many are sent it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Occupant, Room, Shown
from burble.namespaces import HATS, MUC, MUC_USER, OCCUPANT_ID
from burble.stanza import Presence, Stanza
from burble.xml import Element

# What only the room may say (§17.3), or what was said to the room alone.
_ROOMS_OWN: Final = frozenset({MUC, MUC_USER, OCCUPANT_ID, HATS})

#: Self-presence (§7.2.2).
SELF: Final = 110


@dataclass(frozen=True, slots=True)
class Note:
    """What a presence says of why it is sent.

    Attributes:
        codes: the status codes (§12).
        reason: what the one who did it said.
        actor: the nick of the one who did it.
        nick: the nick that the occupant has from now on (§7.6).
        destroy: what is told of the end of the room (§10.9).
    """

    codes: tuple[int, ...] = ()
    reason: str = ""
    actor: str = ""
    nick: str = ""
    destroy: Element | None = None


NOTHING: Final = Note()


def seen(room: Room, occupant: Occupant, real: bool) -> Presence:
    """The presence of an occupant as the others are sent it, kept as long as nothing of it changes.

    Args:
        room: the room.
        occupant: the occupant.
        real: whether with the real address.
    """
    base, role = occupant.presence, occupant.role
    affiliation, hats = room.affiliation(occupant.account), room.hats.get(occupant.account)
    kept = occupant.shown.get(real)
    if (
        kept is not None
        and kept.base is base
        and kept.role is role
        and kept.affiliation is affiliation
        and kept.hats is hats
    ):
        return kept.presence
    presence = available(room, occupant, real)
    occupant.shown[real] = Shown(base, role, affiliation, hats, presence)
    return presence


def available(
    room: Room, occupant: Occupant, real: bool, note: Note = NOTHING, id: str | None = None
) -> Presence:
    """The presence of an occupant, made anew; `id` is the stanza's."""
    return _presence(room, occupant, occupant.presence, {}, occupant.role, real, note, id)


def unavailable(
    room: Room,
    occupant: Occupant,
    real: bool,
    note: Note = NOTHING,
    base: Presence | None = None,
    role: Role = Role.NONE,
) -> Presence:
    """The presence of an occupant that leaves, or whom the others see no longer.

    Args:
        room: the room.
        occupant: the occupant.
        real: whether with the real address.
        note: why.
        base: what its client sent to leave, such as a custom exit message (§7.14).
        role: what is told of its role: none for whoever is not in the room any more.
    """
    id_ = None if base is None else base.id
    return _presence(room, occupant, base, {"type": "unavailable"}, role, real, note, id_)


def roster(room: Room, occupant: Occupant, to: JID) -> Iterator[Stanza]:
    """The presence of all the others in the room, for a client of an occupant (§7.2.2)."""
    real = room.sees_addresses(occupant.role)
    shown = [room.shows(role) for role in Role]
    for other in room.occupants.values():
        if other is not occupant and shown[other.role]:
            yield seen(room, other, real).readdressed(to, other.address)


def changed(room: Room, occupant: Occupant, note: Note = NOTHING, was: Role | None = None) -> list[Stanza]:
    """Tell everybody the presence of an occupant, after its role, affiliation, status or clients changed.

    Args:
        room: the room.
        occupant: the occupant, as it is now.
        note: why.
        was: its role before, where that changed: an occupant that the others are told of no longer
            leaves their rosters (§10.2, presencebroadcast), and one that may see real addresses
            from now on is told all of them (§4.2).
    """
    out = list(to_others(room, occupant, note, was))
    out += to_self(room, occupant, occupant.sessions, note)
    if was is not None and room.sees_addresses(occupant.role) and not room.sees_addresses(was):
        for client in occupant.sessions:
            out += roster(room, occupant, client)
    return out


def to_others(
    room: Room, occupant: Occupant, note: Note = NOTHING, was: Role | None = None, id: str | None = None
) -> Iterator[Stanza]:
    """Tell all the others the presence of an occupant; see `changed`."""
    shown = room.shows(occupant.role)
    if not shown and (was is None or not room.shows(was)):
        return
    for real, recipients in audience(room, occupant):
        if not shown:
            presence = unavailable(room, occupant, real, note, None, occupant.role)
        elif note is NOTHING and id is None:
            presence = seen(room, occupant, real)
        else:
            presence = available(room, occupant, real, note, id)
        yield from presence.to_each(recipients, occupant.address)


def to_self(
    room: Room, occupant: Occupant, clients: Iterable[JID], note: Note = NOTHING, id: str | None = None
) -> Iterator[Stanza]:
    """Tell clients of an occupant its own presence, with the code that says so (§7.2.2)."""
    own = own_note(note)
    presence = available(room, occupant, room.sees_addresses(occupant.role), own, id)
    yield from presence.to_each(clients, occupant.address)


def own_note(note: Note) -> Note:
    """The same note, for the occupant itself."""
    codes = tuple(sorted({*note.codes, SELF}))
    return Note(codes, note.reason, note.actor, note.nick, note.destroy)


def audience(room: Room, occupant: Occupant) -> Iterator[tuple[bool, list[JID]]]:
    """The clients of all the others: those who see real addresses, and those who don't (§7.2.4)."""
    groups: tuple[list[JID], list[JID]] = ([], [])
    sees = [room.sees_addresses(role) for role in Role]
    for client, other in room.present.items():
        if other is not occupant:
            groups[sees[other.role]].append(client)
    for real in (False, True):
        if groups[real]:
            yield real, groups[real]


def status_element(
    affiliation: Affiliation, role: Role, note: Note = NOTHING, jid: JID | None = None
) -> Element:
    """The ``<x/>`` of ``muc#user``: the item, codes and the end of the room."""
    x = Element("x", MUC_USER)
    item = x.add("item", attrs={"affiliation": str(affiliation), "role": str(role)})
    if jid is not None:
        item.attrs["jid"] = jid
    if note.nick:
        item.attrs["nick"] = note.nick
    if note.actor:
        item.add("actor", attrs={"nick": note.actor})
    if note.reason:
        item.add("reason", text=note.reason)
    if note.destroy is not None:
        x.append(note.destroy)
    for code in note.codes:
        x.add("status", attrs={"code": str(code)})
    return x


def said(presence: Presence) -> list[Element]:
    """What of a client's presence the others are told: all but what only the room may say (§17.3)."""
    return [child for child in presence.elements() if child.ns not in _ROOMS_OWN]


def _presence(
    room: Room,
    occupant: Occupant,
    base: Presence | None,
    attrs: dict[str, str],
    role: Role,
    real: bool,
    note: Note,
    id: str | None,
) -> Presence:
    if id is not None:
        attrs["id"] = id
    children: list[Element | str] = []
    if base is not None:
        if base.lang is not None:
            attrs["xml:lang"] = base.lang
        children += said(base)
    presence = Presence(None, None, attrs, *children)
    affiliation = room.affiliation(occupant.account)
    presence.append(status_element(affiliation, role, note, occupant.session if real else None))
    presence.append(Element("occupant-id", OCCUPANT_ID, {"id": occupant.id}))
    if hats := room.hats.get(occupant.account):
        worn = presence.add("hats", HATS)
        for hat in hats:
            one = worn.add("hat", attrs={"uri": hat.uri, "title": hat.title})
            if hat.lang:
                one.attrs["xml:lang"] = hat.lang
            if hat.hue:
                one.attrs["hue"] = hat.hue
    return presence
