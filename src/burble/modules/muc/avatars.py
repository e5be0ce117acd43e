"""The vCard of a room, which holds its avatar (XEP-0486, XEP-0054)."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import MUC_USER
from burble.stanza import Iq, Message, Stanza
from burble.xml import Element

__all__ = ["vcard"]


def vcard(room: Room, iq: Iq, most: int) -> list[Stanza]:
    """Show the vCard of a room to whoever asks; let its owners replace it, by an empty one where it is to go.

    Args:
        room: the room.
        iq: the request.
        most: the largest there may be, bytes.

    Returns:
        The result; where the vCard has changed, after what tells the occupants so (XEP-0486 §3.2).

    Raises:
        StanzaError: item-not-found where there is none, forbidden for all but owners, policy-violation where
            it is too large.
    """
    card = iq.payload
    assert card is not None
    assert iq.from_ is not None
    if iq.type == "get":
        if room.vcard is None:
            raise StanzaError("item-not-found", "this room has no vCard")
        return [iq.reply(room.vcard)]
    if room.affiliation(iq.from_) < Affiliation.OWNER:
        raise StanzaError("forbidden", "only owners set the avatar of a room")
    if not card.children:
        room.show(None)
    elif len(card.to_bytes()) > most:
        raise StanzaError("policy-violation", f"the vCard of a room has at most {most} bytes")
    else:
        room.show(card)
    note = Message(None, room.jid, {"type": "groupchat"})
    note.append(Element("x", MUC_USER, None, Element("status", MUC_USER, {"code": "104"})))
    return [*note.to_each(room.present, room.jid), iq.reply()]
