"""Requests of ``muc#owner``: configuring a room and destroying it (XEP-0045 §10.1, §10.2, §10.9)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.muc import affiliations, leaving, presences
from burble.modules.muc.affiliations import Change
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.configuring import Submitted, config_form, configured, holders
from burble.modules.muc.presences import Note
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from burble.namespaces import DATA_FORMS, MUC_OWNER, MUC_USER
from burble.stanza import Iq, Message, Stanza
from burble.xml import Element

__all__ = ["destroyed", "notice", "owned"]


def owned(room: Room, request: Iq, now: float) -> list[Stanza]:
    """Answer a request of ``muc#owner`` to a room.

    Args:
        room: the room.
        request: of type ``get`` for the configuration; or ``set``, with a form or ``<destroy/>``.
        now: the time, seconds since the epoch.

    Returns:
        The result, and what occupants are told of the change; the other way round for a room's end (§10.9).

    Raises:
        StanzaError: forbidden, where the sender is no owner; bad-request, where the request makes no sense;
            not-acceptable, where a configuration can't be; conflict, where it would leave no owner.
    """
    query = request.child("query", MUC_OWNER)
    assert query is not None
    assert request.from_ is not None
    if room.affiliation(request.from_) < Affiliation.OWNER:
        raise StanzaError("forbidden", "only owners may do that")
    if request.type == "get":
        return [request.reply(Element("query", MUC_OWNER, None, config_form(room).to_element()))]
    if (end := query.child("destroy", MUC_OWNER)) is not None:
        venue = _venue(end)
        reason = affiliations.check_reason(room, end.child_text("reason", MUC_OWNER) or "")
        password = end.child_text("password", MUC_OWNER)
        return [*destroyed(room, reason, venue, password or ""), request.reply()]
    form = query.child("x", DATA_FORMS)
    if form is None:
        raise StanzaError("bad-request", "a form or the room's end is needed")
    if form.get("type") == "cancel":
        return [*(destroyed(room) if room.locked else ()), request.reply()]
    submitted = configured(room, form)
    return [request.reply(), *_apply(room, request.from_, submitted)]


def destroyed(room: Room, reason: str = "", venue: JID | None = None, password: str = "") -> list[Stanza]:
    """Take everybody out of a room for good (§10.9).

    Args:
        room: the room.
        reason: why, for people.
        venue: the room to go to instead.
        password: what one must know to enter that.

    Returns:
        What the occupants are told, each of itself only.
    """
    end = Element("destroy", MUC_USER, None if venue is None else {"jid": venue})
    if password:
        end.add("password", text=password)
    if reason:
        end.add("reason", text=reason)
    room.destroyed = True
    room.standings.clear()  # from now on nobody has an affiliation, as occupants are told
    return leaving.emptied(room, Note(destroy=end))


def _venue(end: Element) -> JID | None:
    text = end.get("jid")
    try:
        return JID.parse(text) if text else None
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None


def _apply(room: Room, by: JID, submitted: Submitted) -> list[Stanza]:
    """Take a configuration and full lists of admins and owners (§10.2)."""
    changes = list(_changes(room, submitted))
    affiliations.check(room, by, changes)
    return reconfigured(room, submitted.config, by, changes)


def reconfigured(
    room: Room, new: RoomConfig, by: JID | None = None, changes: Iterable[Change] = ()
) -> list[Stanza]:
    """Take a configuration that has been checked (§10.2).

    Args:
        room: the room.
        new: its configuration from now on.
        by: the address of who decides so; None for an administrator of the server.
        changes: what becomes of affiliations at the same time.

    Returns:
        What the occupants are told.
    """
    old = room.config
    if new != old or room.locked:
        room.configure(new)
    room.locked = False
    by = room.jid if by is None else by
    sent = [*_shown(room, old), *affiliations.apply(room, by, changes)]
    if new.members_only and not old.members_only:
        sent += affiliations.expelled(room)
    if old.moderated and not new.moderated:
        # In a room that is not moderated nobody waits to be given voice.
        for occupant in room.occupants.values():
            if occupant.role is Role.VISITOR:
                occupant.role = Role.PARTICIPANT
                sent += presences.changed(room, occupant, was=Role.VISITOR)
    if codes := _codes(old, new):
        sent += notice(room, codes)
    return sent


def _changes(room: Room, submitted: Submitted) -> Iterator[Change]:
    """What full lists of owners and admins change; an owner that is none any more is an admin (§10.2)."""
    owners = set(holders(room, Affiliation.OWNER))
    admins = set(holders(room, Affiliation.ADMIN))
    stay = owners if submitted.owners is None else set(submitted.owners)
    below = Affiliation.MEMBER if submitted.config.members_only else Affiliation.NONE
    for jid in sorted(stay - owners):
        yield Change(jid, Affiliation.OWNER)
    for jid in sorted(owners - stay):
        yield Change(jid, Affiliation.ADMIN)
    if submitted.admins is not None:
        wanted = set(submitted.admins) - stay - owners
        for jid in sorted(wanted - admins):
            yield Change(jid, Affiliation.ADMIN)
        for jid in sorted(admins - wanted - stay):
            yield Change(jid, below)


def _shown(room: Room, old: RoomConfig) -> Iterator[Stanza]:
    """Tell all of those whose presence is broadcast now and was not, or the other way round (§10.2)."""
    for occupant in room.occupants.values():
        shown = room.shows(occupant.role)
        if shown == (str(occupant.role) in old.presence_broadcast):
            continue
        if shown:
            yield from presences.to_others(room, occupant)
            continue
        for real, recipients in presences.audience(room, occupant):
            gone = presences.unavailable(room, occupant, real, role=occupant.role)
            yield from gone.to_each(recipients, occupant.address)


def _codes(old: RoomConfig, new: RoomConfig) -> list[int]:
    """The status codes of a change: those that concern privacy, and 104 for all else (§10.2.1)."""
    codes = []
    if new.model_copy(update={"logging": old.logging, "whois": old.whois}) != old:
        codes.append(104)
    if new.logging != old.logging:
        codes.append(170 if new.logging else 171)
    if new.whois != old.whois:
        codes.append(172 if new.whois == "anyone" else 173)
    return codes


def notice(room: Room, codes: Iterable[int]) -> Iterator[Stanza]:
    """Tell all occupants that the configuration has changed, by the status codes of §10.2.1."""
    x = Element("x", MUC_USER)
    for code in codes:
        x.add("status", attrs={"code": str(code)})
    notice = Message(None, None, {"type": "groupchat", "id": str(uuid.uuid4())}, x)
    return notice.to_each(room.present, room.jid)
