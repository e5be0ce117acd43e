"""Requests of ``muc#admin``: lists of roles and affiliations, and their changes (XEP-0045 §8.2 to §10.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.muc import affiliations, invitations, leaving, presences
from burble.modules.muc.affiliations import Change, actor_nick
from burble.modules.muc.asking import as_many_as_may
from burble.modules.muc.presences import Note
from burble.modules.muc.privileges import check_role
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Occupant, Room
from burble.namespaces import MUC_ADMIN
from burble.stanza import Iq, Stanza
from burble.xml import Element

__all__ = ["administered", "give_role", "role_in"]

#: Removed by a moderator (§8.2).
KICKED = 307


@dataclass(frozen=True, slots=True)
class _RoleChange:
    occupant: Occupant
    role: Role
    reason: str


def administered(room: Room, request: Iq, now: float) -> list[Stanza]:
    """Answer a request of ``muc#admin`` to a room.

    Args:
        room: the room.
        request: of type ``get``, with one item that names a role or an affiliation; or ``set``, with the
            items to be changed, by nick and role or by JID and affiliation.
        now: the time, seconds since the epoch.

    Returns:
        The result and then, as §8.2 and those after it have it, what occupants are told of the changes.

    Raises:
        StanzaError: bad-request, jid-malformed or item-not-found, where an item makes no sense; forbidden,
            not-allowed or conflict, where one is not allowed; policy-violation, where a reason is too long
            or there are too many. No item is applied then.
    """
    query = request.child("query", MUC_ADMIN)
    assert query is not None
    assert request.from_ is not None
    items = list(query.elements("item", MUC_ADMIN))
    if not items:
        raise StanzaError("bad-request", "an item is needed")
    if request.type == "get":
        if len(items) != 1:
            raise StanzaError("bad-request", "one list can be asked for at a time")
        return [request.reply(Element("query", MUC_ADMIN, None, *_list(room, request.from_, items[0])))]
    roles, changes = _read(room, items)
    for change in roles:
        _check_role(room, request.from_, change)
    affiliations.check(room, request.from_, changes)
    invited = {change.jid: change for change in _invited(room, changes)}
    sent: list[Stanza] = [request.reply()]
    for change in roles:
        sent += give_role(room, request.from_, change.occupant, change.role, change.reason)
    sent += affiliations.apply(room, request.from_, changes)
    inviter = request.from_.bare
    free = [invited[jid] for jid in sorted(as_many_as_may(room, "welcome", invited, now))]
    sent += [invitations.invitation(room, inviter, change.jid, change.reason) for change in free]
    return sent


def role_in(room: Room, jid: JID) -> Role:
    """The role of an account in a room: of its occupants the greatest, none where it is not in there (§8)."""
    return max((occupant.role for occupant in affiliations.occupants_of(room, jid.bare)), default=Role.NONE)


def give_role(room: Room, by: JID, occupant: Occupant, role: Role, reason: str = "") -> list[Stanza]:
    """Give an occupant a role, which has been checked; none takes it out of the room (§8.2).

    Returns:
        What the occupant and all others are told.
    """
    if role is Role.NONE:
        return leaving.removed(room, occupant, Note((KICKED,), reason, actor_nick(room, by)))
    was, occupant.role = occupant.role, role
    return [] if was is role else presences.changed(room, occupant, Note((), reason), was)


# ---- lists


def _list(room: Room, by: JID, item: Element) -> Iterator[Element]:
    if (name := item.get("affiliation")) is not None and item.get("role") is None:
        affiliation = Affiliation.parse(name)
        if not _may_see(room, by, affiliation):
            raise StanzaError("forbidden", f"you may not see the list of those that are {affiliation}")
        return _affiliated(room, affiliation)
    if (name := item.get("role")) is not None and item.get("affiliation") is None:
        role, own = Role.parse(name), room.affiliation(by)
        # The list of moderators is for admins (§9), the others are for moderators, too (§8).
        if own < Affiliation.ADMIN and (role is Role.MODERATOR or role_in(room, by) < Role.MODERATOR):
            raise StanzaError("forbidden", f"you may not see the list of those that are {role}")
        return _having(room, role)
    raise StanzaError("bad-request", "either an affiliation or a role is needed")


def _may_see(room: Room, by: JID, affiliation: Affiliation) -> bool:
    """Whether somebody may see who has an affiliation (§9.2, §9.5, §10.5, §10.8; getmemberlist of §10.2).

    The lists have real addresses, which in a semi-anonymous room not all may know (§5.2.1).
    """
    own = room.affiliation(by)
    if own is Affiliation.OWNER:
        return True
    if affiliation >= Affiliation.ADMIN and room.config.whois != "anyone":
        return False
    if own is Affiliation.ADMIN or affiliation < Affiliation.MEMBER:
        return own is Affiliation.ADMIN
    role = role_in(room, by)
    if role is Role.NONE and own is Affiliation.MEMBER:
        role = room.first_role(own)  # members may ask from outside (§9.5)
    return room.sees_addresses(role) and str(role) in room.config.member_list


def _affiliated(room: Room, affiliation: Affiliation) -> Iterator[Element]:
    inside: dict[JID, Occupant] = {occupant.account: occupant for occupant in room.occupants.values()}
    for jid, standing in sorted(room.standings.items()):
        if standing.affiliation is not affiliation:
            continue
        item = Element("item", MUC_ADMIN, {"affiliation": str(affiliation), "jid": jid})
        occupant = inside.get(jid)
        if nick := room.nicks.get(jid) or (occupant.nick if occupant is not None else ""):
            item.attrs["nick"] = nick
        if occupant is not None:
            item.attrs["role"] = str(occupant.role)
        if standing.reason:
            item.add("reason", text=standing.reason)
        yield item


def _having(room: Room, role: Role) -> Iterator[Element]:
    for occupant in room.occupants.values():
        if occupant.role is role:
            attrs = {
                "affiliation": str(room.affiliation(occupant.account)),
                "jid": occupant.session,
                "nick": occupant.nick,
                "role": str(role),
            }
            yield Element("item", MUC_ADMIN, attrs)


# ---- changes


def _read(room: Room, items: Iterable[Element]) -> tuple[list[_RoleChange], list[Change]]:
    roles: dict[str, _RoleChange] = {}
    changes: dict[JID, Change] = {}
    for item in items:
        role, affiliation = item.get("role"), item.get("affiliation")
        if (role is None) == (affiliation is None):
            raise StanzaError("bad-request", "each item needs either a role or an affiliation")
        reason = affiliations.check_reason(room, item.child_text("reason", MUC_ADMIN, "") or "")
        if role is not None:
            occupant = _named(room, item)
            roles[occupant.nick] = _RoleChange(occupant, Role.parse(role), reason)
        elif affiliation is not None:
            jid, nick = _account(room, item)
            changes[jid] = Change(jid, Affiliation.parse(affiliation), reason, nick)
    return list(roles.values()), list(changes.values())


def _named(room: Room, item: Element) -> Occupant:
    nick = item.get("nick")
    if not nick:
        raise StanzaError("bad-request", "roles are changed by nick")
    occupant = room.occupants.get(affiliations.nick_address(room, nick).resource)
    if occupant is None:
        raise StanzaError("item-not-found", f"there is nobody here with the nick {nick[:80]!r}")
    return occupant


def _account(room: Room, item: Element) -> tuple[JID, str | None]:
    """The bare JID an item is about, and the nick to be registered for it."""
    text = item.get("jid")
    if text is None:
        # Not in the XEP, but clients do it for occupants whose address they don't know.
        return _named(room, item).account, None
    try:
        jid = JID.parse(text).bare
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
    return jid, item.get("nick") if jid.local else None


def _check_role(room: Room, by: JID, change: _RoleChange) -> None:
    occupant = change.occupant
    if change.role is Role.NONE and occupant.account == by.bare and role_in(room, by) is Role.MODERATOR:
        raise StanzaError("conflict", "you can leave the room without being kicked")
    of = room.affiliation(occupant.account)
    check_role(role_in(room, by), room.affiliation(by), of, occupant.role, change.role)


def _invited(room: Room, changes: Iterable[Change]) -> Iterator[Change]:
    """The accounts to be told that they may enter a members-only room now (§9.5)."""
    if not room.config.members_only:
        return
    for change in changes:
        new = change.affiliation is Affiliation.MEMBER and room.affiliation(change.jid) < Affiliation.MEMBER
        if new and change.jid.local:
            yield change
