"""Giving affiliations, and what that does to occupants (XEP-0045 §9.1 to §9.5, §10.3 to §10.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.muc import leaving, nicks, presences
from burble.modules.muc.presences import Note
from burble.modules.muc.privileges import check_affiliation, role_after
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Occupant, Room, likeness
from burble.namespaces import MUC_USER
from burble.stanza import Message, Stanza
from burble.xml import Element

__all__ = [
    "Change",
    "actor_nick",
    "apply",
    "check",
    "check_number",
    "check_reason",
    "expelled",
    "nick_address",
    "occupants_of",
]

#: Removed because of a ban (§9.1), because membership is gone (§9.4) or has come to be needed (§10.2).
BANNED: Final = 301
UNAFFILIATED: Final = 321
MEMBERS_ONLY: Final = 322


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the affiliation of an account or a domain.

    Attributes:
        jid: the bare JID, or the domain.
        affiliation: the affiliation it is to have.
        reason: why, for people.
        nick: the nick to be registered for it; none where empty, and as before where None.
    """

    jid: JID
    affiliation: Affiliation
    reason: str = ""
    nick: str | None = None


def check(room: Room, by: JID, changes: Iterable[Change]) -> None:
    """Check that somebody may make changes, all of them (§9.2: none is made where one is refused).

    Args:
        room: the room.
        by: the address of who asks.
        changes: what it asks for, one change for each JID.

    Raises:
        StanzaError: forbidden or not-allowed, as `check_affiliation` says; conflict, where somebody bans
            itself, no owner would be left, or a nick is somebody else's; jid-malformed or policy-violation,
            where a nick can't be one; policy-violation, where they would be too many.
    """
    changes = list(changes)
    own = room.affiliation(by)
    for change in changes:
        # By its domain, too, where it is the domain that made it an admin.
        itself = change.jid == by.bare or (change.jid == by.domain and by.bare not in room.standings)
        if itself and change.affiliation is Affiliation.OUTCAST and own >= Affiliation.ADMIN:
            raise StanzaError("conflict", "nobody can ban themselves")
        check_affiliation(own, room.affiliation(change.jid), change.affiliation)
    check_number(room, changes)
    owners = {jid for jid, held in room.standings.items() if held.affiliation is Affiliation.OWNER}
    if owners:
        after = {change.jid: change.affiliation for change in changes}
        if not any(after.get(jid, Affiliation.OWNER) is Affiliation.OWNER for jid in owners | set(after)):
            raise StanzaError("conflict", "a room needs an owner")
    wanted: dict[str, JID] = {}
    for change in changes:
        if change.nick:
            nicks.allowed(room, change.jid, nick_address(room, change.nick))
            if wanted.setdefault(likeness(change.nick), change.jid) != change.jid:
                raise StanzaError("conflict", "one nick can't be registered for two")


def check_number(room: Room, changes: Iterable[Change]) -> None:
    """Check that a room has not too many affiliations after changes.

    Raises:
        StanzaError: policy-violation.
    """
    new = sum(
        change.jid not in room.standings for change in changes if change.affiliation != Affiliation.NONE
    )
    if new and len(room.standings) + new > room.limits.affiliations:
        raise StanzaError("policy-violation", f"a room keeps at most {room.limits.affiliations} affiliations")


def check_reason(room: Room, reason: str) -> str:
    """A reason that is given for something in a room.

    Raises:
        StanzaError: policy-violation, where it is too long.
    """
    if len(reason) > room.limits.reason:
        raise StanzaError("policy-violation", f"a reason has at most {room.limits.reason} characters here")
    return reason


def nick_address(room: Room, nick: str) -> JID:
    """The address in a room that goes with a nick.

    Raises:
        StanzaError: jid-malformed, where it can't be one.
    """
    try:
        return room.jid.with_resource(nick)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None


def apply(room: Room, by: JID, changes: Iterable[Change]) -> list[Stanza]:
    """Make changes that have been checked.

    Args:
        room: the room.
        by: the address of who asked.
        changes: what it asked for.

    Returns:
        What is to be sent: to each occupant concerned and all others its new presence, or why it is gone;
        and to who sees addresses, that somebody outside has become an admin or owner (§10.3, §10.6).
    """
    actor = actor_nick(room, by)
    sent: list[Stanza] = []
    for change in changes:
        concerned = occupants_of(room, change.jid)
        before = [(occupant, room.affiliation(occupant.account)) for occupant in concerned]
        had = room.affiliation(change.jid)
        _note(room, change)
        for occupant, was in before:
            sent += _follow(room, occupant, was, Note((), change.reason, actor))
        if not concerned and change.affiliation >= Affiliation.ADMIN and change.affiliation is not had:
            sent += _announced(room, change)
    return sent


def occupants_of(room: Room, jid: JID) -> list[Occupant]:
    """The occupants of an account, which may have several nicks, or of a domain."""
    if jid.local:
        return [occupant for occupant in room.occupants.values() if occupant.account == jid]
    return [occupant for occupant in room.occupants.values() if occupant.account.domain == jid.domain]


def actor_nick(room: Room, by: JID) -> str:
    """The nick of who does something in a room; empty where it is not in there."""
    if (occupant := room.present.get(by)) is not None:
        return occupant.nick
    return next((occupant.nick for occupant in occupants_of(room, by.bare)), "")


def expelled(room: Room) -> list[Stanza]:
    """Take out all who are no members, after the room was made members-only (§10.2)."""
    sent: list[Stanza] = []
    for occupant in list(room.occupants.values()):
        if room.affiliation(occupant.account) < Affiliation.MEMBER:
            sent += leaving.removed(room, occupant, Note((MEMBERS_ONLY,)))
    return sent


def _note(room: Room, change: Change) -> None:
    room.grant(change.jid, change.affiliation, change.reason)
    nick = "" if change.affiliation < Affiliation.MEMBER else change.nick
    if nick:
        nick = nick_address(room, nick).resource
    if nick is not None and nick != room.nicks.get(change.jid, ""):
        room.register(change.jid, nick)


def _follow(room: Room, occupant: Occupant, was: Affiliation, note: Note) -> list[Stanza]:
    """Let an occupant be what its affiliation makes it now."""
    now = room.affiliation(occupant.account)
    if now is Affiliation.OUTCAST:
        return leaving.removed(room, occupant, Note((BANNED,), note.reason, note.actor))
    if room.config.members_only and now < Affiliation.MEMBER:
        return leaving.removed(room, occupant, Note((UNAFFILIATED,), note.reason, note.actor))
    role = occupant.role
    occupant.role = role_after(role, was, now, room.first_role(now))
    if now is was and occupant.role is role:
        return []
    return presences.changed(room, occupant, Note((), note.reason), role)


def _announced(room: Room, change: Change) -> list[Stanza]:
    x = Element("x", MUC_USER)
    attrs = {"affiliation": str(change.affiliation), "jid": str(change.jid), "role": str(Role.NONE)}
    item = x.add("item", attrs=attrs)
    if change.reason:
        item.add("reason", text=change.reason)
    recipients = [jid for jid, occupant in room.present.items() if room.sees_addresses(occupant.role)]
    return list(Message(None, None, {}, x).to_each(recipients, room.jid))
