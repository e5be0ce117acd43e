"""Asking for voice in a moderated room, and giving it (XEP-0045 §7.13, §8.6)."""

from __future__ import annotations

import uuid
from typing import Final

from burble.errors import StanzaError
from burble.forms import Form
from burble.jid import JID
from burble.modules.muc.admin import give_role
from burble.modules.muc.asking import may_ask
from burble.modules.muc.privileges import check_role
from burble.modules.muc.ranks import Role
from burble.modules.muc.room import Occupant, Room
from burble.namespaces import DATA_FORMS, MUC_REQUEST
from burble.stanza import Message, Stanza

__all__ = ["requested"]

_ROLE: Final = "muc#role"
_ADDRESS: Final = "muc#jid"
_NICK: Final = "muc#roomnick"
_ALLOW: Final = "muc#request_allow"


def requested(room: Room, message: Message, now: float) -> list[Stanza]:
    """Handle a form ``muc#request``: of a visitor that asks for voice, or of a moderator that decides on it.

    Args:
        room: the room.
        message: with the submitted form.
        now: the time, seconds since the epoch.

    Returns:
        What the moderators are asked; or what all are told of the occupant that has voice now.

    Raises:
        StanzaError: policy-violation, where it asks again too soon;
            not-acceptable, where the sender is not in the room or the form is none; forbidden, where
            the sender may not ask, or not decide; bad-request, where it asks for something else than voice;
            recipient-unavailable, where no moderator is there; item-not-found, where the visitor has left.
    """
    x = message.child("x", DATA_FORMS)
    assert x is not None
    assert message.from_ is not None
    occupant = room.present.get(message.from_)
    if occupant is None:
        raise StanzaError("not-acceptable", "only occupants may ask for voice", "cancel")
    submission = Form.from_element(x)
    if submission.type != "submit":
        return []
    if submission.field(_ALLOW) is not None:
        return _decided(room, occupant, message.from_, submission)
    return _asked(room, occupant, message.from_, submission, now)


def _asked(room: Room, occupant: Occupant, client: JID, submission: Form, now: float) -> list[Stanza]:
    if not room.config.allow_voice_requests:
        raise StanzaError("forbidden", "voice can't be asked for in this room")
    if submission.value(_ROLE, "participant") != "participant":
        raise StanzaError("bad-request", "only the role of a participant can be asked for")
    if occupant.role is not Role.VISITOR:
        return []
    moderators = [jid for jid, other in room.present.items() if other.role is Role.MODERATOR]
    if not moderators:
        raise StanzaError("recipient-unavailable", "no moderator is in the room")
    may_ask(room, "voice", [occupant.account], now)
    form = _approval(occupant, client)
    question = Message(None, None, {"id": str(uuid.uuid4())}, form.to_element())
    return list(question.to_each(moderators, room.jid))


def _approval(occupant: Occupant | None, client: JID | None) -> Form:
    form = Form(
        "form",
        MUC_REQUEST,
        title="Voice request",
        instructions="To give voice to this person, check the box and submit the form.",
    )
    roles = {"participant": "Participant"}
    form.add(_ROLE, "list-single", label="Requested role", value="participant", options=roles)
    form.add(_ADDRESS, "jid-single", label="Address", value=client)
    form.add(_NICK, label="Nick", value="" if occupant is None else occupant.nick)
    form.add(_ALLOW, "boolean", label="Give voice to this person?", value=False)
    return form


def _decided(room: Room, moderator: Occupant, by: JID, submission: Form) -> list[Stanza]:
    if moderator.role is not Role.MODERATOR:
        raise StanzaError("forbidden", "only moderators give voice")
    values = _approval(None, None).accept(submission)
    if not values[_ALLOW]:
        return []
    # By address first: the nick may be another's by now.
    jid = values.get(_ADDRESS)
    occupant = room.occupants.get(values.get(_NICK, "")) if jid is None else room.present.get(jid)
    if occupant is None:
        raise StanzaError("item-not-found", "whoever asked for voice has left the room")
    if occupant.role is not Role.VISITOR:
        return []
    of = room.affiliation(occupant.account)
    check_role(moderator.role, room.affiliation(by), of, occupant.role, Role.PARTICIPANT)
    return give_role(room, by, occupant, Role.PARTICIPANT)
