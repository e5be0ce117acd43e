"""Entering a room (XEP-0045 §7.1, §7.2)."""

from __future__ import annotations

import hmac

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import history, nicks
from burble.modules.muc.presences import Note, roster, said, status_element, to_others, to_self
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Occupant, Room, likeness
from burble.namespaces import MUC
from burble.stanza import Presence, Stanza
from burble.xml import Element


def entered(room: Room, presence: Presence, now: float) -> list[Stanza]:
    """Handle presence that asks to enter, or to be told all anew by a client that is in the room (§7.2.1).

    Args:
        room: the room.
        presence: of no type, to an address in the room.
        now: the time, seconds since the epoch.

    Returns:
        In the order of §7.1: the presence of the others, that of the newcomer to all, its own to itself,
        history, subject. For presence of a stranger that does not ask to enter, as of groupchat 1.0, what
        tells it that it is not in the room (§7.2.18).

    Raises:
        StanzaError: it may not enter, or not so; see §7.2.17.
    """
    x = presence.child("x", MUC)
    client = presence.from_
    to = presence.to
    assert client is not None
    assert to is not None
    if not to.resource:
        raise StanzaError("jid-malformed", "a nick is needed behind the room's address")
    if x is None:
        return [_stranger(room, presence)]
    wanted = history.Wanted.parse(x, now)
    occupant = room.present.get(client)
    if occupant is not None:
        return _again(room, occupant, presence, wanted, now)
    address = _admitted(room, client.bare, to, x)
    codes = _codes(room)
    if room.locked and not room.occupants:
        codes.append(201)
    if address != to:
        codes.append(210)
    occupant = room.enter(presence, address, room.first_role(room.affiliation(client)))
    out = list(roster(room, occupant, client))
    out += to_others(room, occupant)
    out += to_self(room, occupant, [other for other in occupant.sessions if other != client])
    return out + _own(room, occupant, presence, codes, wanted)


def _again(
    room: Room, occupant: Occupant, presence: Presence, wanted: history.Wanted, now: float
) -> list[Stanza]:
    """Tell a client all anew, and the others what is new of it (§17.3, rule 3)."""
    client = presence.from_
    to = presence.to
    assert client is not None
    assert to is not None
    codes = _codes(room)
    if to != occupant.address and _stays(room, occupant, to):
        # It was given another nick than it asked for, and asks for that again.
        codes.append(210)
        presence = presence.readdressed(occupant.address, client)
    out: list[Stanza] = []
    if presence.to != occupant.address or said(occupant.sessions[client]) != said(presence):
        out += nicks.updated(room, presence, now)
        occupant = room.present[client]
    out += roster(room, occupant, client)
    return out + _own(room, occupant, presence, codes, wanted)


def _stays(room: Room, occupant: Occupant, to: JID) -> bool:
    """Whether a client that asks to enter anew keeps its nick, whatever it asks for."""
    locked = room.limits.nicks_locked and room.nicks.get(occupant.account) == occupant.nick
    return locked or likeness(to.resource) == likeness(occupant.nick)


def _own(
    room: Room, occupant: Occupant, presence: Presence, codes: list[int], wanted: history.Wanted
) -> list[Stanza]:
    """What ends an entry for the client that enters: its own presence, the history, the subject."""
    client = presence.from_
    assert client is not None
    out = list(to_self(room, occupant, [client], Note(tuple(codes)), presence.id))
    out += history.replayed(room, client, wanted)
    out.append(history.subject(room, client))
    return out


def _admitted(room: Room, account: JID, to: JID, x: Element) -> JID:
    """The address in the room that a newcomer gets.

    Raises:
        StanzaError: as §7.2.17 lists them.
    """
    affiliation = room.affiliation(account)
    if affiliation is Affiliation.OUTCAST:
        raise StanzaError("forbidden", "you are banned from this room")
    if room.locked and affiliation < Affiliation.OWNER:
        raise StanzaError("item-not-found", "the room is not open yet")
    if room.config.members_only and affiliation < Affiliation.MEMBER:
        raise StanzaError("registration-required", "only members may enter")
    password = room.config.password
    if password:
        given = x.child_text("password", MUC, "") or ""
        if not hmac.compare_digest(given.encode(), password.encode()):
            raise StanzaError("not-authorized", "the room's password is needed")
    if room.limits.nicks_locked and (own := room.nicks.get(account)):
        to = room.jid.with_resource(own)
    address = nicks.allowed(room, account, to)
    occupant = room.occupants.get(address.resource)
    if occupant is None:
        _check_seats(room, affiliation)
    elif len(occupant.sessions) >= room.limits.clients:
        raise StanzaError("service-unavailable", "too many clients have this nick already", "wait")
    return address


def _check_seats(room: Room, affiliation: Affiliation) -> None:
    """Whether there is room for one more occupant (§7.2.9).

    Raises:
        StanzaError: service-unavailable, to be tried again later, where the room is full.
    """
    seats = min(room.config.max_users or room.limits.users, room.limits.users)
    if affiliation >= Affiliation.ADMIN:
        seats += room.limits.extra_users
    if len(room.occupants) >= seats:
        raise StanzaError("service-unavailable", "the room is full", "wait")


def _codes(room: Room) -> list[int]:
    """What newcomers are told of the room: real addresses are shown (100), what is said is logged (170)."""
    codes = [100] if room.config.whois == "anyone" else []
    return [*codes, 170] if room.config.logging else codes


def _stranger(room: Room, presence: Presence) -> Stanza:
    """Tell a client that takes itself for an occupant that it is none (§7.2.18)."""
    assert presence.from_ is not None
    note = Note((110, 307, 333), "You are not in the room.")
    x = status_element(room.affiliation(presence.from_), Role.NONE, note)
    return Presence(presence.from_, presence.to, {"type": "unavailable"}, x)
