"""The one way into a room: which rule takes a stanza.

A rule is a function `(room, stanza, now)`. It raises `StanzaError` while nothing has changed yet, or changes
the room and returns what is to be sent, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from burble.errors import StanzaError
from burble.forms import Form
from burble.jid import JID
from burble.modules.muc import (
    admin,
    entering,
    hats,
    invitations,
    leaving,
    messages,
    moderation,
    nicks,
    owner,
    private,
    registration,
    voice,
)
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import (
    COMMANDS,
    DATA_FORMS,
    MODERATE,
    MUC,
    MUC_ADMIN,
    MUC_OWNER,
    MUC_REGISTER,
    MUC_REQUEST,
    MUC_USER,
    REGISTER,
)
from burble.stanza import Iq, Message, Presence, Stanza

__all__ = ["failed", "receive"]

#: Who answers a request to the room itself, by name and namespace of its payload.
_REQUESTS: Final[dict[tuple[str, str], Callable[[Room, Iq, float], list[Stanza]]]] = {
    ("query", MUC_ADMIN): admin.administered,
    ("query", MUC_OWNER): owner.owned,
    ("query", REGISTER): registration.registered,
    ("command", COMMANDS): hats.commanded,
    ("moderate", MODERATE): moderation.moderated,
}

#: Who handles a message to the room itself, by what stands in its ``<x/>`` of ``muc#user``.
_MESSAGES: Final[dict[str, Callable[[Room, Message, float], list[Stanza]]]] = {
    "invite": invitations.invited,
    "decline": invitations.declined,
}

#: Who handles a form that is sent to the room itself, by its FORM_TYPE.
_FORMS: Final[dict[str | None, Callable[[Room, Message, float], list[Stanza]]]] = {
    MUC_REQUEST: voice.requested,
    MUC_REGISTER: registration.decided,
}


def receive(room: Room, stanza: Message | Presence | Iq, now: float) -> list[Stanza]:
    """Let a room handle a stanza for it or for one of its occupants.

    Args:
        room: the room. It is new where it has no occupants, is locked, and the sender owns it: then it is
            told of its creation (XEP-0045 §10.1).
        stanza: `to` is the room's address or one in it, `from_` whoever sent it; not to be changed any more.
        now: the time, seconds since the epoch.

    Returns:
        What is to be sent, in order. What it changed of what is stored stands in `room.unsaved`; where
        `room.destroyed` is set now, or nobody is left in a room that is not persistent, it is to go.

    Raises:
        StanzaError: it is refused, and the room is as it was.
    """
    if isinstance(stanza, Presence):
        return _presence(room, stanza, now)
    assert stanza.from_ is not None
    outside = stanza.from_ not in room.present
    if room.locked and outside and room.affiliation(stanza.from_) < Affiliation.OWNER:
        if stanza.type in ("error", "result"):
            return []
        if isinstance(stanza, Iq) and stanza.to is not None and stanza.to.resource:
            raise private.not_inside(stanza)
        raise StanzaError("item-not-found", "the room is not open yet")  # §17.2
    if isinstance(stanza, Message):
        return _message(room, stanza, now)
    return _iq(room, stanza, now)


def failed(room: Room, errors: Sequence[Message | Presence], now: float) -> list[Stanza]:
    """Let a room handle errors that came back for what it sent (§11.1).

    Returns:
        Of private messages that did not arrive, what their senders are told; else what tells of the departure
        of clients that can't be reached. Nothing for other errors, which tell that somebody is there.
    """
    out: list[Stanza] = []
    lost: list[JID] = []
    for error in errors:
        assert error.from_ is not None
        if isinstance(error, Message) and private.is_returned(room, error):
            out += private.returned(room, error, now)
        elif leaving.tells_of_loss(error):
            lost.append(error.from_)
    return out + leaving.lost(room, lost)


def _presence(room: Room, presence: Presence, now: float) -> list[Stanza]:
    assert presence.from_ is not None
    occupant = room.present.get(presence.from_)
    match presence.type:
        case "":
            if len(presence.to_string()) > room.limits.presence:
                most = room.limits.presence
                raise StanzaError("policy-violation", f"a presence has at most {most} characters here")
            if occupant is None or presence.child("x", MUC) is not None:
                return entering.entered(room, presence, now)
            return nicks.updated(room, presence, now)
        case "unavailable":
            # Whatever the nick it is sent to: the client's server may know an earlier one only.
            if occupant is None:
                return []
            short = len(presence.to_string()) <= room.limits.presence
            return leaving.left(room, presence.from_, said=presence if short else None)
        case "error":
            return failed(room, [presence], now)
    return []  # probes and requests for subscription say nothing to a room (§17.3)


def _message(room: Room, message: Message, now: float) -> list[Stanza]:
    assert message.to is not None
    if message.type == "error":
        return failed(room, [message], now)
    if message.to.resource:
        return private.told(room, message, now)
    if message.type == "groupchat":
        return messages.said(room, message, now)
    if (x := message.child("x", MUC_USER)) is not None:
        for child in x.elements(ns=MUC_USER):
            if (rule := _MESSAGES.get(child.name)) is not None:
                return rule(room, message, now)
    x = message.child("x", DATA_FORMS)
    if x is not None and (rule := _FORMS.get(Form.from_element(x).form_type)) is not None:
        return rule(room, message, now)
    raise StanzaError("bad-request", "messages to a room are of type groupchat")  # §17.2


def _iq(room: Room, iq: Iq, now: float) -> list[Stanza]:
    assert iq.to is not None
    if iq.to.resource:
        return private.asked(room, iq, now) if iq.type in ("get", "set") else private.answered(room, iq, now)
    if iq.type not in ("get", "set"):
        return []
    payload = iq.payload
    rule = None if payload is None else _REQUESTS.get((payload.name, payload.ns))
    if rule is None:
        raise StanzaError("service-unavailable", "a room does not answer this")
    return rule(room, iq, now)
