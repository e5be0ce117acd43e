"""Invitations that a room passes on, and those declined (XEP-0045 §7.8.2, §7.9, §9.5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.muc import affiliations
from burble.modules.muc.affiliations import Change
from burble.modules.muc.asking import may_ask
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from burble.namespaces import MUC_USER
from burble.stanza import Message, Stanza
from burble.xml import Element

__all__ = ["declined", "invitation", "invited"]

#: How many may be invited by one message: one that costs the sender little must not become a thousand.
MOST: Final = 20


def invited(room: Room, message: Message, now: float) -> list[Stanza]:
    """Pass on the invitations in a message to the room.

    Args:
        room: the room.
        message: with ``<invite/>`` elements in an ``<x/>`` of ``muc#user``.
        now: the time, seconds since the epoch.

    Returns:
        The invitations, from the room, with its password. In a members-only room the invitees are made
        members before (§9.5).

    Raises:
        StanzaError: not-acceptable, where the sender is not in the room; forbidden, where it may not invite;
            jid-malformed, where an invitee can't be one; not-allowed, where one is banned; policy-violation,
            where there are too many, at once or just now, a reason is too long, or the room would have too
            many members.
    """
    x = message.child("x", MUC_USER)
    assert x is not None
    assert message.from_ is not None
    occupant = room.present.get(message.from_)
    if occupant is None:
        raise StanzaError("not-acceptable", "only occupants may invite others", "cancel")
    if not room.config.allow_invites and room.affiliation(message.from_) < Affiliation.ADMIN:
        if room.config.members_only:
            raise StanzaError("forbidden", "only admins may invite others to this room")
        if occupant.role < Role.MODERATOR:
            raise StanzaError("forbidden", "only moderators may invite others to this room")
    invites = list(x.elements("invite", MUC_USER))
    if len(invites) > MOST:
        raise StanzaError("policy-violation", f"at most {MOST} can be invited at a time")
    invitees = [_address(invite, "to") for invite in invites]
    for invitee in invitees:
        if room.affiliation(invitee) is Affiliation.OUTCAST:
            raise StanzaError("not-allowed", f"{invitee.bare} is banned from the room")
    reasons = [
        affiliations.check_reason(room, invite.child_text("reason", MUC_USER, "") or "") for invite in invites
    ]
    members = list(_memberships(room, invitees)) if room.config.members_only else []
    affiliations.check_number(room, members)
    may_ask(room, "invitation", [invitee.bare for invitee in invitees], now)
    sent = affiliations.apply(room, message.from_, members)
    for invitee, invite, reason in zip(invitees, invites, reasons, strict=True):
        sent.append(
            invitation(room, message.from_, invitee, reason, invite.child("continue", MUC_USER), message.id)
        )
    return sent


def invitation(
    room: Room,
    by: JID,
    to: JID,
    reason: str = "",
    goes_on: Element | None = None,
    id: str | None = None,
) -> Message:
    """An invitation to a room.

    Args:
        room: the room.
        by: who invites, by its real address: whoever is invited wants to know.
        to: who is invited.
        reason: why, for people.
        goes_on: the ``<continue/>`` of a chat that goes on in the room (§7.9).
        id: the id of the stanza; a new one where None.
    """
    x = Element("x", MUC_USER)
    invite = x.add("invite", attrs={"from": by})
    if reason:
        invite.add("reason", text=reason)
    if goes_on is not None:
        thread = goes_on.get("thread")
        invite.add("continue", attrs=None if thread is None else {"thread": thread})
    if room.config.password:
        x.add("password", text=room.config.password)
    return Message(to, room.jid, {"id": str(uuid.uuid4()) if id is None else id}, x)


def declined(room: Room, message: Message, now: float) -> list[Stanza]:
    """Tell who invited somebody that they decline.

    Args:
        room: the room.
        message: with a ``<decline/>`` in an ``<x/>`` of ``muc#user``.
        now: the time, seconds since the epoch.

    Returns:
        What the inviter is told, where it still is in the room; else nothing, since a room is no way to
        write to just anybody.

    Raises:
        StanzaError: jid-malformed, where the inviter can't be one; forbidden, where the sender is banned;
            policy-violation, where the reason is too long.
    """
    x = message.child("x", MUC_USER)
    assert x is not None
    assert message.from_ is not None
    decline = x.child("decline", MUC_USER)
    assert decline is not None
    inviter = _address(decline, "to")
    if room.affiliation(message.from_) is Affiliation.OUTCAST:
        raise StanzaError("forbidden", "you are banned from this room")
    reply = Element("x", MUC_USER)
    told = reply.add("decline", attrs={"from": message.from_.bare})
    if reason := affiliations.check_reason(room, decline.child_text("reason", MUC_USER) or ""):
        told.add("reason", text=reason)
    answer = Message(None, None, {} if message.id is None else {"id": message.id}, reply)
    return list(answer.to_each(_inside(room, inviter), room.jid))


def _inside(room: Room, inviter: JID) -> list[JID]:
    """The one client of an inviter that is told, by the address the invitation gave."""
    if inviter.bare == room.jid:
        occupant = room.occupants.get(inviter.resource)
        return [] if occupant is None else [occupant.session]
    if inviter in room.present:
        return [inviter]
    return [occupant.session for occupant in affiliations.occupants_of(room, inviter.bare)][:1]


def _memberships(room: Room, invitees: list[JID]) -> Iterator[Change]:
    for jid in dict.fromkeys([invitee.bare for invitee in invitees]):
        if jid.local and room.affiliation(jid) < Affiliation.MEMBER:
            yield Change(jid, Affiliation.MEMBER)


def _address(element: Element, attribute: str) -> JID:
    text = element.get(attribute)
    if not text:
        raise StanzaError("bad-request", f"{element.name} needs an address")
    try:
        return JID.parse(text)
    except JIDError as error:
        raise StanzaError("jid-malformed", str(error)) from None
