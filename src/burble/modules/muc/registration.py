"""Registering with a room, the nick reserved by that, and approval by admins (XEP-0045 §7.10, §7.12, §9.9).

Nothing is kept of a request that waits for approval: the form that admins are sent says all there is to know,
and whoever may approve it could make members of anybody anyway.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.forms import Form, FormError
from burble.jid import JID
from burble.modules.muc import affiliations, invitations, nicks
from burble.modules.muc.affiliations import Change
from burble.modules.muc.asking import may_ask
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import DATA_FORMS, MUC_REGISTER, REGISTER
from burble.stanza import Iq, Message, Stanza
from burble.xml import Element

__all__ = ["NICK_NODE", "decided", "registered", "reserved_nick"]

#: The disco node that tells the nick reserved for who asks (§7.12).
NICK_NODE: Final = "x-roomuser-item"

_NICK: Final = "muc#register_roomnick"
_ALLOW: Final = "muc#register_allow"
#: Whose request an admin approves; the registrar knows no field for it.
_ADDRESS: Final = "{urn:burble:muc}jid"


def registered(room: Room, request: Iq, now: float) -> list[Stanza]:
    """Answer a request of ``jabber:iq:register`` to a room.

    Args:
        room: the room.
        request: of type ``get`` for the form, or what is registered; or ``set``, with the form
            or ``<remove/>``.
        now: the time, seconds since the epoch.

    Returns:
        The result; then what occupants are told of a new member, or admins are asked.

    Raises:
        StanzaError: service-unavailable, where the service has no registration; not-allowed,
            where the sender may not register; bad-request, where it is no valid form; conflict, where the
            nick is somebody else's; registration-required, where one takes back what never was;
            policy-violation, where it asks too often or too much, or the room has too many members.
    """
    query = request.child("query", REGISTER)
    assert query is not None
    assert request.from_ is not None
    jid = request.from_.bare
    own = room.affiliation(jid)
    if not room.limits.registration:
        raise StanzaError("service-unavailable", "users can't register with rooms of this service")
    if own is Affiliation.OUTCAST:
        raise StanzaError("not-allowed", "you are banned from this room")
    if own is Affiliation.NONE and room.config.registration == "nobody":
        raise StanzaError("not-allowed", "only admins make members of this room")
    if request.type == "set" and query.child("remove", REGISTER) is not None:
        return [request.reply(), *_removed(room, jid)]
    if request.type == "get":
        return [request.reply(_requirements(room, jid))]
    form = query.child("x", DATA_FORMS)
    if form is not None and form.get("type") == "cancel":
        return [request.reply()]
    values = _submitted(form)
    address = affiliations.nick_address(room, values[_NICK])
    nicks.allowed(room, jid, address)
    if own is Affiliation.NONE and room.config.registration == "approved":
        return [request.reply(), *_asked(room, jid, values, now)]
    change = Change(jid, max(own, Affiliation.MEMBER), nick=address.resource)
    affiliations.check_number(room, [change])
    return [request.reply(), *affiliations.apply(room, jid, [change])]


def decided(room: Room, message: Message, now: float) -> list[Stanza]:
    """Handle a form ``muc#register`` by which an admin decides on a request (§9.9).

    Args:
        room: the room.
        message: with the submitted form.
        now: the time, seconds since the epoch.

    Returns:
        What occupants are told of the new member; and its invitation, where the room is members-only.

    Raises:
        StanzaError: forbidden, where the sender is no admin; not-acceptable, where the form can't be;
            not-allowed, where somebody is to be registered who was banned; conflict, where somebody else has
            the nick by now.
    """
    x = message.child("x", DATA_FORMS)
    assert x is not None
    assert message.from_ is not None
    if room.affiliation(message.from_) < Affiliation.ADMIN:
        raise StanzaError("forbidden", "only admins decide on that")
    submission = Form.from_element(x)
    if submission.type != "submit":
        return []
    values = _approval({}, None).accept(submission)
    if not values.get(_ALLOW):
        return []
    jid = values[_ADDRESS].bare
    was = room.affiliation(jid)
    if was is Affiliation.OUTCAST:
        raise StanzaError("not-allowed", f"{jid} is banned from this room")
    change = Change(jid, max(was, Affiliation.MEMBER), nick=values[_NICK])
    affiliations.check(room, message.from_, [change])
    sent = affiliations.apply(room, message.from_, [change])
    if was is Affiliation.NONE and room.config.members_only:
        sent.append(invitations.invitation(room, message.from_.bare, jid))
    return sent


def reserved_nick(room: Room, request: Iq) -> list[Stanza]:
    """Answer a request of ``disco#info`` with the node `NICK_NODE`: the nick of the sender (§7.12)."""
    assert request.from_ is not None
    info = Info()
    if nick := room.nicks.get(request.from_.bare):
        info.identities.append(Identity("conference", "text", name=nick))
    return [request.reply(info.to_element(NICK_NODE))]


def _requirements(room: Room, jid: JID) -> Element:
    query = Element("query", REGISTER)
    if nick := room.nicks.get(jid):
        query.add("registered")
        query.add("username", text=nick)
        return query
    query.add("instructions", text="Register with the form to become a member, with a nick of your own.")
    query.append(_form({}).to_element())
    return query


def _form(values: dict[str, Any]) -> Form:
    form = Form(
        "form",
        MUC_REGISTER,
        title="Registration with the room",
        instructions="Only the nick is needed; admins of the room may be shown the rest.",
    )
    form.add("muc#register_first", label="Given name", value=values.get("muc#register_first"))
    form.add("muc#register_last", label="Family name", value=values.get("muc#register_last"))
    form.add(_NICK, label="Desired nick", value=values.get(_NICK), required=True)
    form.add("muc#register_url", label="Web page", value=values.get("muc#register_url"))
    form.add("muc#register_email", label="Email address", value=values.get("muc#register_email"))
    form.add(
        "muc#register_faqentry", "text-multi", label="FAQ entry", value=values.get("muc#register_faqentry")
    )
    return form


def _approval(values: dict[str, Any], jid: JID | None) -> Form:
    form = _form(values)
    form.title = "Registration request"
    form.instructions = "To make this person a member, check the box and submit the form."
    form.add(_ADDRESS, "jid-single", label="Address", value=jid, required=True)
    form.add(_ALLOW, "boolean", label="Allow this person to register with the room?", value=False)
    return form


def _submitted(form: Element | None) -> dict[str, Any]:
    try:
        if form is None:
            raise StanzaError("bad-request", "a form is needed")
        return _form({}).accept(form)
    except FormError as error:
        raise StanzaError("bad-request", error.text) from None


def _asked(room: Room, jid: JID, values: dict[str, Any], now: float) -> list[Stanza]:
    """Ask admins and owners, each once: in the room, or at home for when they come back."""
    form = _approval(values, jid).to_element()
    question = Message(None, None, {"id": str(uuid.uuid4())}, form)
    if len(question.to_bytes()) > room.limits.message:
        raise StanzaError("policy-violation", f"this is more than the {room.limits.message} bytes allowed")
    may_ask(room, "membership", [jid], now)
    recipients = []
    for admin, standing in sorted(room.standings.items()):
        if standing.affiliation >= Affiliation.ADMIN and admin.local:
            inside = affiliations.occupants_of(room, admin)
            recipients.append(inside[0].session if inside else admin)
    return list(question.to_each(recipients, room.jid))


def _removed(room: Room, jid: JID) -> list[Stanza]:
    """Give up the nick, and membership (XEP-0077 §3.2)."""
    own = room.affiliation(jid)
    if own < Affiliation.MEMBER:
        raise StanzaError("registration-required", "you are not registered with this room")
    keeps = own if own >= Affiliation.ADMIN else Affiliation.NONE
    return affiliations.apply(room, jid, [Change(jid, keeps, nick="")])
