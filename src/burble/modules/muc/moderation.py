"""Taking back messages: by their authors (XEP-0424), and by moderators (XEP-0425)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from burble.errors import StanzaError
from burble.modules.muc import affiliations
from burble.modules.muc.ranks import Role
from burble.modules.muc.room import Occupant, Retracted, Room, Spoken
from burble.namespaces import MODERATE, OCCUPANT_ID, RETRACT, STANZA_ID
from burble.stanza import Iq, Message, Stanza
from burble.timestamps import format_stamp
from burble.xml import Element

__all__ = ["bury", "moderated", "note", "own_message"]


def moderated(room: Room, request: Iq, now: float) -> list[Stanza]:
    """Answer a request to take back a message that anybody sent (XEP-0425 §4).

    Args:
        room: the room.
        request: of type ``set``, with ``<moderate/>``: the stanza id of the message and ``<retract/>``. The
            message need not be in the history any more: the clients may have it still.
        now: the time, seconds since the epoch.

    Returns:
        What all are told, and the result.

    Raises:
        StanzaError: forbidden, where the sender is no moderator in the room; bad-request, where no message
            is named, or something else is asked than to take it back.
    """
    moderate = request.child("moderate", MODERATE)
    assert moderate is not None
    assert request.from_ is not None
    moderator = room.present.get(request.from_)
    if moderator is None or moderator.role < Role.MODERATOR:
        raise StanzaError("forbidden", "only moderators may moderate the messages of others")
    id_ = moderate.get("id")
    if request.type != "set" or not id_ or moderate.child("retract", RETRACT) is None:
        raise StanzaError("bad-request", "the id of a message to be retracted is needed")
    reason = affiliations.check_reason(room, moderate.child_text("reason", MODERATE) or "")
    retraction = room.new_id()
    retract = Element("retract", RETRACT, {"id": id_}, *_by(moderator, reason))
    stamped = Element("stanza-id", STANZA_ID, {"id": retraction, "by": room.jid})
    message = Message(None, None, {"type": "groupchat", "id": retraction}, retract, stamped)
    spoken = _find(room, id_)
    if spoken is not None:
        bury(room, spoken, retraction, now, *_by(moderator, reason))
    # Who was away is told, too: what took its place in the history may be older than what they ask for.
    told = Spoken(Message(None, room.jid, message.attrs, *message.children), now, None, retraction)
    room.remember(told)
    if room.archived:
        room.retracted.append(Retracted(id_, None, _tombstone(retraction, now, _by(moderator, reason))))
        room.unarchived.append((told, None))
    return [*message.to_each(room.present, room.jid), request.reply()]


def own_message(room: Room, occupant: Occupant, message: Message) -> Spoken | None:
    """The message in the history that an occupant's message takes back (XEP-0424 §3), or None.

    Raises:
        StanzaError: forbidden, where it takes back what somebody else has said.
    """
    retract = message.child("retract", RETRACT)
    spoken = None if retract is None else _find(room, retract.get("id"))
    if spoken is not None and spoken.sender != occupant.account:
        raise StanzaError("forbidden", "only moderators may retract the messages of others")
    return spoken


def bury(room: Room, spoken: Spoken, retraction: str, now: float, *details: Element) -> None:
    """Put a tombstone in the place of a message in the history (XEP-0424 §4).

    Args:
        room: the room.
        spoken: the message.
        retraction: the id of the message by which it was taken back.
        now: the time, seconds since the epoch.
        details: by whom, and why, where a moderator did it.
    """
    said = spoken.message
    tombstone = _tombstone(retraction, now, details)
    kept = [child for child in said.elements() if child.ns in (OCCUPANT_ID, STANZA_ID)]
    spoken.message = Message(said.to, said.from_, dict(said.attrs), tombstone, *kept)
    room.unsaved.append(("history", spoken))


def note(room: Room, occupant: Occupant, message: Message, retraction: str, now: float) -> None:
    """Have a message be buried in the archive where an occupant's message takes it back.

    Args:
        room: the room.
        occupant: who said it, which the archive checks.
        message: the message that may take back another.
        retraction: its id.
        now: the time, seconds since the epoch.
    """
    retract = message.child("retract", RETRACT) if room.archived else None
    if retract is not None and (id := retract.get("id")):
        room.retracted.append(Retracted(id, occupant.account, _tombstone(retraction, now, ())))


def _tombstone(retraction: str, now: float, details: Sequence[Element]) -> Element:
    stamp = format_stamp(datetime.fromtimestamp(int(now), UTC))
    return Element("retracted", RETRACT, {"id": retraction, "stamp": stamp}, *details)


def _find(room: Room, id: str | None) -> Spoken | None:
    return next((spoken for spoken in room.history if spoken.id == id), None)


def _by(moderator: Occupant, reason: str | None) -> list[Element]:
    by = Element("moderated", MODERATE, {"by": moderator.address})
    by.add("occupant-id", OCCUPANT_ID, {"id": moderator.id})
    return [by] if not reason else [by, Element("reason", RETRACT, None, reason)]
