"""Messages to all occupants, and the subject (XEP-0045 §7.4, §8.1)."""

from __future__ import annotations

from typing import Final

from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.archive.rules import says_something
from burble.modules.muc import moderation
from burble.modules.muc.ranks import Role
from burble.modules.muc.room import Occupant, Room, Spoken
from burble.namespaces import CLIENT, DELAY, HATS, HINTS, MUC_USER, OCCUPANT_ID, RETRACT, STANZA_ID
from burble.stanza import Message, Stanza
from burble.xml import Element

# What only the room may say: of itself, of its occupants and of who they are (§17.3, XEP-0421 §5).
_ROOMS_OWN: Final = frozenset({MUC_USER, OCCUPANT_ID, HATS})
# Of these, those only that claim to be the room's; and ids that claim to be an occupant's.
_SIGNED: Final = {STANZA_ID: "by", DELAY: "from"}


def said(room: Room, message: Message, now: float) -> list[Stanza]:
    """Handle a message of type ``groupchat`` to the room.

    Raises:
        StanzaError: not-acceptable, where the sender is not in the room; forbidden, where it has no voice,
            may not change the subject, or takes back what somebody else has said (XEP-0424 §3);
            policy-violation, where the message is too long.
    """
    assert message.from_ is not None
    occupant = room.present.get(message.from_)
    if occupant is None:
        raise StanzaError("not-acceptable", "only occupants may speak in the room", "cancel")
    new_subject = is_subject(message)
    if occupant.role < Role.PARTICIPANT:
        raise StanzaError("forbidden", "you have no voice in this room")
    if new_subject and occupant.role < Role.MODERATOR and not room.config.change_subject:
        raise StanzaError("forbidden", "only moderators may change the subject")
    retracted = moderation.own_message(room, occupant, message)
    id_ = room.new_id()
    reflected = reflection(room, occupant, message)
    reflected.append(Element("stanza-id", STANZA_ID, {"id": id_, "by": room.jid}))
    reflected.attrs.setdefault("id", id_)
    most = room.limits.subject if new_subject else room.limits.message
    if len(reflected.to_bytes()) > most:
        raise StanzaError("policy-violation", f"this has more than the {most} bytes that are allowed")
    moderation.note(room, occupant, message, reflected.attrs["id"], now)
    if retracted is not None:
        moderation.bury(room, retracted, reflected.attrs["id"], now)
    spoken = Spoken(reflected, now, occupant.account, id_)
    if new_subject:
        room.change_subject(reflected, now)
    elif is_kept(message):
        room.remember(spoken)
    if room.archived and says_something(message):
        room.unarchived.append((spoken, message.from_))
    return [*reflected.to_each(room.present, occupant.address)]


def is_subject(message: Message) -> bool:
    """Whether a message changes the subject: it has one, and neither body nor thread (§8.1)."""
    return (
        message.child("subject", CLIENT) is not None
        and message.child("body", CLIENT) is None
        and message.child("thread", CLIENT) is None
    )


def is_kept(message: Message) -> bool:
    """Whether newcomers shall be sent a message.

    It has a body, takes back another (XEP-0424 §5) or asks to be kept (XEP-0334).
    """
    if message.child("no-store", HINTS) is not None:
        return False
    return (
        message.child("body", CLIENT) is not None
        or message.child("store", HINTS) is not None
        or message.child("retract", RETRACT) is not None
    )


def reflection(room: Room, occupant: Occupant, message: Message) -> Message:
    """A message as the others get it from an occupant: without what only the room may say.

    Returns:
        A message from the occupant's address in the room, with its occupant id (XEP-0421); it shares the
        content with the one that was received.
    """
    children = [child for child in message.elements() if not _claims_to_be_rooms(child, room)]
    twin = Message(None, occupant.address, dict(message.attrs), *children)
    twin.append(Element("occupant-id", OCCUPANT_ID, {"id": occupant.id}))
    return twin


def _claims_to_be_rooms(child: Element, room: Room) -> bool:
    if child.ns in _ROOMS_OWN:
        return True
    if child.ns not in _SIGNED:
        return False
    try:
        by = JID.parse(child.get(_SIGNED[child.ns], "") or "").bare
    except JIDError:
        return False
    if by == room.jid:
        return True
    # An id in the name of somebody who will get it (XEP-0359 §5): better here than for each of them.
    return child.ns == STANZA_ID and any(occupant.account == by for occupant in room.occupants.values())
