"""Changes of nick and of status (XEP-0045 §7.6, §7.7), and which nicks are allowed at all (§7.2.8)."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.presences import (
    NOTHING,
    Note,
    audience,
    own_note,
    to_others,
    to_self,
    unavailable,
)
from burble.modules.muc.room import Occupant, Room, likeness
from burble.stanza import Presence, Stanza


def allowed(room: Room, account: JID, to: JID, occupant: Occupant | None = None) -> JID:
    """The address in the room that an account may have.

    Args:
        room: the room.
        account: the real bare JID.
        to: the address it wants.
        occupant: the occupant that wants to change its nick; None for a newcomer.

    Returns:
        The address it wants; or that of another client of the account, which has the same nick in
        another spelling.

    Raises:
        StanzaError: jid-malformed, where there is no nick or nothing to see of it; policy-violation, where it
            is too long; conflict, where somebody else has it or has registered it.
    """
    nick = to.resource
    if not likeness(nick):
        raise StanzaError("jid-malformed", "a nick is needed behind the room's address")
    if len(nick) > room.limits.nick:
        raise StanzaError("policy-violation", f"a nick has at most {room.limits.nick} characters here")
    if room.holder(nick) not in (None, account):
        raise StanzaError("conflict", "somebody else has registered this nick, or one that looks like it")
    other = room.namesake(nick)
    if other is None or other is occupant:
        return to
    if other.account != account:
        raise StanzaError("conflict", "somebody else has this nick, or one that looks like it")
    return other.address


def updated(room: Room, presence: Presence, now: float) -> list[Stanza]:
    """Handle available presence of a client in the room: another nick, or another status.

    Raises:
        StanzaError: the nick can't be had (see `allowed`); not-acceptable, where it must stay the one
            that was registered.
    """
    assert presence.from_ is not None
    assert presence.to is not None
    occupant = room.present[presence.from_]
    if presence.to == occupant.address:
        room.update(occupant, presence)
        return _told(room, occupant, presence, NOTHING)
    address = allowed(room, occupant.account, presence.to, occupant)
    own = room.nicks.get(occupant.account)
    if room.limits.nicks_locked and own not in (None, address.resource):
        raise StanzaError("not-acceptable", f"your nick here is the one you registered: {own}", "cancel")
    return _renamed(room, occupant, presence, address)


def _renamed(room: Room, occupant: Occupant, presence: Presence, address: JID) -> list[Stanza]:
    """Change the nick of an occupant for all its clients (§7.6)."""
    note = Note((303,), nick=address.resource)
    out: list[Stanza] = []
    if room.shows(occupant.role):
        for real, recipients in audience(room, occupant):
            gone = unavailable(room, occupant, real, note, role=occupant.role)
            out += gone.to_each(recipients, occupant.address)
    real = room.sees_addresses(occupant.role)
    gone = unavailable(room, occupant, real, own_note(note), role=occupant.role)
    out += gone.to_each(occupant.sessions, occupant.address)
    occupant = room.rename(occupant, address)
    room.update(occupant, presence)
    return out + _told(room, occupant, presence, NOTHING if address == presence.to else Note((210,)))


def _told(room: Room, occupant: Occupant, presence: Presence, note: Note) -> list[Stanza]:
    """Tell all of a presence that a client has just sent; only that client hears of its id and the note."""
    assert presence.from_ is not None
    out = list(to_others(room, occupant))
    out += to_self(room, occupant, [client for client in occupant.sessions if client != presence.from_])
    out += to_self(room, occupant, [presence.from_], note, presence.id)
    return out
