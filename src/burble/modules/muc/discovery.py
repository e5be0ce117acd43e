"""What anybody may find out about a room (XEP-0045 §6.4, §6.5), and its capabilities (XEP-0115)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.forms import Form
from burble.modules.muc.configuring import holders
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.registration import NICK_NODE, reserved_nick
from burble.modules.muc.room import Room
from burble.namespaces import (
    DISCO_INFO,
    DISCO_ITEMS,
    HATS,
    MAM,
    MAM_EXTENDED,
    MAM_GROUPCHAT_FIELD,
    MODERATE,
    MUC,
    MUC_REQUEST,
    MUC_ROOM_INFO,
    OCCUPANT_ID,
    PING,
    REGISTER,
    RETRACT,
    STANZA_ID,
    VCARD,
)
from burble.stanza import Iq, Stanza
from burble.xml import Element

__all__ = ["FEATURES", "NODE", "avatar_hashes", "room_info", "room_items"]

#: The URI that stands for this software in capabilities (XEP-0115 §4).
NODE: Final = "urn:burble"

#: What every room can do.
FEATURES: Final = (
    DISCO_INFO,
    DISCO_ITEMS,
    MUC,
    f"{MUC}#self-ping-optimization",  # XEP-0410 §3.2
    f"{MUC}#stable_id",  # §7.4
    MUC_REQUEST,
    HATS,
    MODERATE,
    OCCUPANT_ID,
    PING,
    REGISTER,
    RETRACT,
    f"{RETRACT}#tombstone",  # XEP-0424 §2
    STANZA_ID,
    VCARD,
)

#: What a room can do that has an archive.
ARCHIVE_FEATURES: Final = (MAM, MAM_EXTENDED, MAM_GROUPCHAT_FIELD)


def room_info(room: Room, iq: Iq, logs: str = "") -> list[Stanza]:
    """Answer a disco#info request to a room (§6.4).

    Args:
        room: the room.
        iq: the request.
        logs: where the room's logs can be read, a URL; "" where they can't.

    Raises:
        StanzaError: item-not-found for a node there is not; service-unavailable for the one that tells
            which extensions are allowed, where all are.
    """
    node = _node(iq)
    info = static_info(room)
    if node == NICK_NODE:
        return reserved_nick(room, iq)
    if node == f"{MUC}#traffic":
        # All extensions may be sent through a room, which is what this condition says there (§18.1.1).
        raise StanzaError("service-unavailable", "the room lets all extensions through")
    if node:
        if node != f"{NODE}#{info.verification_string()}":
            raise StanzaError("item-not-found", "a room has no such node")
        return [iq.reply(info.to_element(node))]
    info.forms.append(_extended(room, logs))
    return [iq.reply(info.to_element())]


def room_items(room: Room, iq: Iq) -> list[Stanza]:
    """Answer a disco#items request to a room: its occupants, where it is open or one of them asks (§6.5).

    Raises:
        StanzaError: item-not-found for a node there is not.
    """
    if _node(iq):
        raise StanzaError("item-not-found", "a room has no such node")
    query = Element("query", DISCO_ITEMS)
    inside = iq.from_ in room.present
    if inside or (room.config.public and not room.config.members_only and not room.config.password):
        for occupant in room.occupants.values():
            if room.shows(occupant.role):
                query.add("item", attrs={"jid": occupant.address})
    return [iq.reply(query)]


def static_info(room: Room) -> Info:
    """What a room is and can do, as far as its configuration says so: what its capabilities stand for."""
    config = room.config
    states = (
        "muc_passwordprotected" if config.password else "muc_unsecured",
        "muc_public" if config.public else "muc_hidden",
        "muc_persistent" if config.persistent else "muc_temporary",
        "muc_membersonly" if config.members_only else "muc_open",
        "muc_moderated" if config.moderated else "muc_unmoderated",
        "muc_nonanonymous" if config.whois == "anyone" else "muc_semianonymous",
    )
    name = config.name or room.jid.local
    archive = ARCHIVE_FEATURES if room.archived else ()
    return Info([Identity("conference", "text", name=name)], [*FEATURES, *archive, *states])


def avatar_hashes(vcard: Element | None) -> list[str]:
    """The SHA-1 of each image in a vCard, in hexadecimal (XEP-0486 §3.1, XEP-0153 §3.1)."""
    found = []
    for photo in () if vcard is None else vcard.elements("PHOTO", VCARD):
        try:
            image = base64.b64decode(photo.child_text("BINVAL", VCARD, "") or "")
        except binascii.Error:
            continue
        if image:
            found.append(hashlib.sha1(image).hexdigest())
    return found


def _extended(room: Room, logs: str) -> Form:
    """The form muc#roominfo (§6.4, §16.5.4); what is not set is left out."""
    config = room.config
    form = Form("result", MUC_ROOM_INFO)
    contacts = config.contacts
    if not contacts and config.whois == "anyone":  # elsewhere owners may be occupants that nobody knows
        contacts = [jid for jid in holders(room, Affiliation.OWNER) if jid.local]
    form.add("muc#roominfo_description", label="Description", value=config.description)
    form.add(
        "muc#roominfo_changesubject",
        "boolean",
        label="Occupants may change the subject",
        value=config.change_subject,
    )
    if contacts:
        form.add("muc#roominfo_contactjid", "jid-multi", label="Whom to turn to", value=contacts)
    if room.subject is not None:
        form.add("muc#roominfo_subject", label="Subject", value=room.subject.child_text("subject") or "")
    form.add(
        "muc#roominfo_subjectmod",
        "boolean",
        label="The subject can be changed by participants",
        value=config.change_subject,
    )
    form.add("muc#roominfo_occupants", label="Number of occupants", value=len(room.occupants))
    if config.ldap_group:
        form.add("muc#roominfo_ldapgroup", label="LDAP group", value=config.ldap_group)
    if config.lang:
        form.add("muc#roominfo_lang", label="Language of the discussion", value=config.lang)
    if logs:
        form.add("muc#roominfo_logs", label="Where the logs can be read", value=logs)
    if config.pubsub:
        form.add("muc#roominfo_pubsub", label="Publish-subscribe node", value=config.pubsub)
    hashes = avatar_hashes(room.vcard)
    if hashes:
        form.add("muc#roominfo_avatarhash", "text-multi", label="Avatar hash", value=hashes)
    form.add("muc#roomconfig_roomname", label="Name", value=config.name)
    form.add("muc#roomconfig_changesubject", "boolean", value=config.change_subject)
    form.add("muc#roomconfig_allowinvites", "boolean", value=config.allow_invites)
    form.add("muc#roomconfig_maxusers", label="Most occupants", value=config.max_users)
    if config.pubsub:
        form.add("muc#roomconfig_pubsub", label="Publish-subscribe node", value=config.pubsub)
    form.add("muc#maxhistoryfetch", label="Most messages a newcomer is sent", value=config.history)
    return form


def _node(iq: Iq) -> str:
    payload = iq.payload
    assert payload is not None
    return payload.get("node") or ""
