"""What occupants send one another through the room: private messages and requests (XEP-0045 §7.5, §17.4).

A request gets an id that tells, when the answer comes, which client of the asker it is for and whether that
was asked at all, so that the room need not remember it. Nobody learns a real address by it.
"""

from __future__ import annotations

import hmac
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.messages import reflection
from burble.modules.muc.ranks import Role
from burble.modules.muc.room import Room
from burble.namespaces import (
    CLIENT,
    DISCO_INFO,
    DISCO_ITEMS,
    MUC_USER,
    OCCUPANT_ID,
    PING,
    STANZA_ERRORS,
    VCARD,
)
from burble.stanza import Iq, Message, Stanza
from burble.xml import Element

#: The role that one needs to send private messages (§10.2, allowpm).
_NEEDED: Final = {
    "anyone": Role.VISITOR,
    "participants": Role.PARTICIPANT,
    "moderators": Role.MODERATOR,
}


def told(room: Room, message: Message, now: float) -> list[Stanza]:
    """Handle a message to an occupant: it goes to all its clients (§7.5).

    Raises:
        StanzaError: bad-request, for one of type ``groupchat``; not-acceptable, where the sender is not in
            the room; forbidden, where it may not send private messages; item-not-found, where there is no
            such occupant; policy-violation, where the message is too long.
    """
    assert message.from_ is not None
    assert message.to is not None
    if message.type == "groupchat":
        raise StanzaError("bad-request", "messages to one occupant are not of type groupchat")
    sender = room.present.get(message.from_)
    if sender is None:
        raise StanzaError("not-acceptable", "only occupants may write to occupants", "cancel")
    needed = _NEEDED.get(room.config.allow_pm)
    if needed is None or sender.role < needed:
        raise StanzaError("forbidden", "you may not send private messages in this room")
    recipient = room.occupants.get(message.to.resource)
    if recipient is None:
        raise StanzaError("item-not-found", "nobody of that nick is in the room")
    private = reflection(room, sender, message)
    private.append(Element("x", MUC_USER))
    if len(private.to_bytes()) > room.limits.message:
        raise StanzaError("policy-violation", f"a message has at most {room.limits.message} bytes here")
    room.private.extend((client, sender.address, hash(message.id)) for client in recipient.sessions)
    return [*private.to_each(recipient.sessions, sender.address)]


def is_returned(room: Room, message: Message) -> bool:
    """Whether an error is for a private message that the room has handed on lately.

    Such a one says nothing of whether the client is there: else who is blocked (XEP-0191) could put whoever
    blocks them out of the room, by writing to them.
    """
    return (message.from_, message.to, hash(message.id)) in room.private


def returned(room: Room, message: Message, now: float) -> list[Stanza]:
    """Handle an error for a private message: it goes to whoever sent that."""
    assert message.from_ is not None
    assert message.to is not None
    sender = room.present.get(message.from_)
    recipient = room.occupants.get(message.to.resource)
    if sender is None or recipient is None:
        return []
    error = reflection(room, sender, message)
    error.children = [*_bare_error(message), Element("occupant-id", OCCUPANT_ID, {"id": sender.id})]
    return [*error.to_each(recipient.sessions, sender.address)]


def asked(room: Room, iq: Iq, now: float) -> list[Stanza]:
    """Handle a request to an occupant: one of its clients gets it, or its account one for its vCard.

    The room answers pings to one's own nick itself (XEP-0410 §4).

    Raises:
        StanzaError: not-acceptable, where the sender is not in the room (XEP-0410 §4), but bad-request where
            it discovers (§6.6); item-not-found, where there is no such occupant.
    """
    assert iq.from_ is not None
    assert iq.to is not None
    sender = room.present.get(iq.from_)
    if sender is None:
        raise not_inside(iq)
    payload = iq.payload
    ns = "" if payload is None else payload.ns
    recipient = room.occupants.get(iq.to.resource)
    if recipient is None:
        raise StanzaError("item-not-found", "nobody of that nick is in the room")
    if recipient is sender and ns == PING and iq.type == "get":
        return [iq.reply()]
    # A vCard is the account's, not a client's (XEP-0054 §3.3).
    to = recipient.account if ns == VCARD and iq.type == "get" else recipient.session
    nick = recipient.nick
    id_ = f"{_seal(room, iq.from_, to, nick, iq.id)} {len(nick)} {nick}{iq.id or ''}"
    return [Iq(to, sender.address, iq.attrs | {"id": id_}, *iq.children)]


def not_inside(iq: Iq) -> StanzaError:
    """The error for a request to an occupant by somebody who is none, also where there is no such room.

    By it clients find out that they are not in the room any more (XEP-0410 §3.3, §6.6).
    """
    payload = iq.payload
    if payload is not None and payload.ns in (DISCO_INFO, DISCO_ITEMS):
        return StanzaError("bad-request", "only occupants may discover what occupants can do")
    return StanzaError("not-acceptable", "you are not in the room", "cancel")


def answered(room: Room, iq: Iq, now: float) -> list[Stanza]:
    """Handle the answer to a request that the room has handed on; any other is dropped."""
    assert iq.from_ is not None
    assert iq.to is not None
    asker = room.occupants.get(iq.to.resource)
    seal, _, rest = (iq.id or "").partition(" ")
    length, _, rest = rest.partition(" ")
    if asker is None or not (length.isascii() and length.isdigit()) or len(length) > 4:
        return []
    nick, id_ = rest[: int(length)], rest[int(length) :]
    for client in asker.sessions:
        if hmac.compare_digest(_seal(room, client, iq.from_, nick, id_).encode(), seal.encode()):
            content = _bare_error(iq) if iq.type == "error" else iq.children
            return [Iq(client, room.jid.with_resource(nick), iq.attrs | {"id": id_}, *content)]
    return []


def _seal(room: Room, asker: JID, asked: JID, nick: str, id: str | None) -> str:
    """What only the room can know of a request: who asked whom, under which nick."""
    said = "\n".join((asker, asked, nick, id or ""))
    return hmac.digest(room.secret, said.encode(), "sha256").hex()[:24]


def _bare_error(stanza: Stanza) -> list[Element | str]:
    """What is told of an error: its condition.

    All else can tell a real address (RFC 6120 §8.3.2): who raised it, the text that a server wrote, where
    somebody has moved to, what was added on its way.
    """
    error = stanza.child("error", CLIENT)
    told = Element("error", CLIENT, {"type": (error.get("type") if error is not None else None) or "cancel"})
    for condition in () if error is None else error.elements():
        if (condition.name, condition.ns) != ("text", STANZA_ERRORS):
            told.append(Element(condition.name, condition.ns))
    return [told]
