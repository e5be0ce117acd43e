"""The configuration of a room as a form: what owners are shown, and what they send back (XEP-0045 §10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from burble.forms import Form, FormError, Validation
from burble.jid import JID
from burble.modules.muc.config import RoomConfig, Visible
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import MUC_ROOM_CONFIG
from burble.xml import Element

__all__ = ["Submitted", "config_form", "configured", "holders"]

#: Fields the registrar does not know; the first is ejabberd's, the second Prosody's.
VOICE_REQUESTS: Final = "muc#roomconfig_allow_voice_requests"
ARCHIVING: Final = "muc#roomconfig_enable_archiving"
REGISTRATION: Final = "{urn:burble:muc}registration"

_LANG: Final = "muc#roomconfig_lang"

#: The setting of each field whose value needs no translation.
_SETTINGS: Final = {
    "muc#roomconfig_roomname": "name",
    "muc#roomconfig_roomdesc": "description",
    _LANG: "lang",
    "muc#roominfo_contactjid": "contacts",
    "muc#roomconfig_persistentroom": "persistent",
    "muc#roomconfig_publicroom": "public",
    "muc#roomconfig_membersonly": "members_only",
    "muc#roomconfig_moderatedroom": "moderated",
    "muc#roomconfig_whois": "whois",
    "muc#roomconfig_changesubject": "change_subject",
    "muc#roomconfig_allowinvites": "allow_invites",
    "muc#roomconfig_allowpm": "allow_pm",
    VOICE_REQUESTS: "allow_voice_requests",
    REGISTRATION: "registration",
    "muc#roomconfig_enablelogging": "logging",
    ARCHIVING: "archiving",
    "muc#maxhistoryfetch": "history",
    "muc#roomconfig_pubsub": "pubsub",
    "muc#roominfo_ldapgroup": "ldap_group",
}
_PRESENCE: Final = "muc#roomconfig_presencebroadcast"
_MEMBER_LIST: Final = "muc#roomconfig_getmemberlist"
_USERS: Final = "muc#roomconfig_maxusers"
_PROTECTED: Final = "muc#roomconfig_passwordprotectedroom"
_SECRET: Final = "muc#roomconfig_roomsecret"
_ADMINS: Final = "muc#roomconfig_roomadmins"
_OWNERS: Final = "muc#roomconfig_roomowners"

_LANGUAGE: Final = Validation("xs:language")
_USER_COUNTS: Final = (10, 20, 30, 50, 100, 200, 500, 1000)
_VISIBLE: Final = {"moderator": "Moderators", "participant": "Participants", "visitor": "Visitors"}
_PRIVATES: Final = {
    "anyone": "Anyone",
    "participants": "Anyone with voice",
    "moderators": "Moderators only",
    "none": "Nobody",
}
_WHOIS: Final = {"moderators": "Moderators only", "anyone": "Anyone"}
_REGISTRATION: Final = {
    "nobody": "Nobody",
    "approved": "Whoever an admin approves",
    "anyone": "Anyone",
}


@dataclass(frozen=True, slots=True)
class Submitted:
    """What an owner has submitted.

    Attributes:
        config: the configuration it makes.
        admins: all who are to be admins, by bare JID; None where that was not submitted.
        owners: all who are to be owners, likewise.
    """

    config: RoomConfig
    admins: tuple[JID, ...] | None
    owners: tuple[JID, ...] | None


def holders(room: Room, affiliation: Affiliation) -> list[JID]:
    """Who has an affiliation with a room, in order."""
    return sorted(jid for jid, standing in room.standings.items() if standing.affiliation is affiliation)


def config_form(room: Room) -> Form:
    """The form to configure a room, with its present configuration as defaults (§10.1.3, §10.2)."""
    config = room.config
    form = Form(
        "form",
        MUC_ROOM_CONFIG,
        title=f"Configuration of the room {room.jid.local}",
        instructions="Complete this form to configure the room."
        + ("\nNobody else can enter before you have." if room.locked else ""),
    )
    form.add("muc#roomconfig_roomname", label="Name", value=config.name)
    form.add("muc#roomconfig_roomdesc", label="What it is about", value=config.description)
    form.add(_LANG, label="Language", value=config.lang, validation=_LANGUAGE)
    form.add("muc#roominfo_contactjid", "jid-multi", label="Whom to turn to", value=config.contacts)
    _add_switches(form, config)
    form.add(
        "muc#roomconfig_whois",
        "list-single",
        label="Who may see real addresses?",
        value=config.whois,
        options=_WHOIS,
    )
    form.add(
        "muc#roomconfig_allowpm",
        "list-single",
        label="Who may send private messages?",
        value=config.allow_pm,
        options=_PRIVATES,
    )
    form.add(
        REGISTRATION,
        "list-single",
        label="Who may become a member by registering?",
        value=config.registration,
        options=_REGISTRATION,
    )
    form.add(
        _PRESENCE,
        "list-multi",
        label="Whose presence is broadcast?",
        value=_in_order(config.presence_broadcast),
        options=_VISIBLE,
    )
    form.add(
        _MEMBER_LIST,
        "list-multi",
        label="Who may see the member list?",
        value=_in_order(config.member_list),
        options=_VISIBLE,
    )
    _add_numbers(form, room)
    form.add(_PROTECTED, "boolean", label="Is a password needed to enter?", value=bool(config.password))
    form.add(_SECRET, "text-private", label="Password", value=config.password)
    form.add("muc#roomconfig_pubsub", label="Address of a publish-subscribe node", value=config.pubsub)
    form.add("muc#roominfo_ldapgroup", label="LDAP group that belongs to it", value=config.ldap_group)
    form.add(_ADMINS, "jid-multi", label="All admins", value=holders(room, Affiliation.ADMIN))
    form.add(_OWNERS, "jid-multi", label="All owners", value=holders(room, Affiliation.OWNER))
    return form


def configured(room: Room, submission: Element) -> Submitted:
    """Read a submitted configuration; fields that are not there leave things as they are.

    Raises:
        FormError: it is none, or has a value that is not acceptable (§10.1.3).
    """
    form = config_form(room)
    values = form.accept(submission)
    changes: dict[str, Any] = {
        setting: value for var, setting in _SETTINGS.items() if (value := values.get(var)) is not None
    }
    if values.get(_LANG, "") is None:
        changes["lang"] = ""
    if (roles := values.get(_PRESENCE)) is not None:
        changes["presence_broadcast"] = frozenset(roles)
    if (roles := values.get(_MEMBER_LIST)) is not None:
        changes["member_list"] = frozenset(roles)
    if users := values.get(_USERS):
        changes["max_users"] = _users(room, users)
    changes["password"] = _password(room, values)
    config = room.config
    try:
        config = RoomConfig.model_validate(
            {name: getattr(config, name) for name in RoomConfig.model_fields} | changes
        )
    except ValidationError as error:
        fault = error.errors()[0]
        setting = fault["loc"][0]
        var = next((var for var, name in _SETTINGS.items() if name == setting), _SECRET)
        raise FormError(var, fault["msg"]) from None
    return Submitted(config, _accounts(values.get(_ADMINS)), _accounts(values.get(_OWNERS)))


def _add_switches(form: Form, config: RoomConfig) -> None:
    for var, label, value in (
        ("muc#roomconfig_persistentroom", "Does it stay when the last has left?", config.persistent),
        ("muc#roomconfig_publicroom", "Is it in the public list of rooms?", config.public),
        ("muc#roomconfig_membersonly", "May only members enter?", config.members_only),
        ("muc#roomconfig_moderatedroom", "Is it moderated?", config.moderated),
        ("muc#roomconfig_changesubject", "May participants change the subject?", config.change_subject),
        ("muc#roomconfig_allowinvites", "May all occupants invite others?", config.allow_invites),
        (VOICE_REQUESTS, "May visitors ask for voice?", config.allow_voice_requests),
        ("muc#roomconfig_enablelogging", "Is what is said logged for others to read?", config.logging),
        (ARCHIVING, "Is what is said archived for those who may enter?", config.archiving),
    ):
        form.add(var, "boolean", label=label, value=value)


def _add_numbers(form: Form, room: Room) -> None:
    most, now = room.limits.users, room.config.max_users
    counts = sorted({count for count in (*_USER_COUNTS, now) if 0 < count <= most})
    form.add(
        _USERS,
        "list-single",
        label="Most occupants",
        value=now or "none",
        options={**{str(count): str(count) for count in counts}, "none": "As many as the service allows"},
        validation=Validation(open=True),
    )
    history = min(room.config.history, room.limits.history)
    form.add(
        "muc#maxhistoryfetch",
        label="How many messages is a newcomer sent?",
        value=history,
        validation=Validation("xs:int", minimum=0, maximum=room.limits.history),
    )


def _in_order(roles: frozenset[Visible]) -> list[str]:
    return [role for role in _VISIBLE if role in roles]


def _users(room: Room, text: str) -> int:
    if text == "none":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= room.limits.users):
        raise FormError(_USERS, f"takes none or a number from 1 to {room.limits.users}")
    return int(text)


def _password(room: Room, values: dict[str, Any]) -> str:
    secret = values.get(_SECRET)
    protected = values.get(_PROTECTED)
    if protected is None:
        return room.config.password if secret is None else str(secret)
    if not protected:
        return ""
    password = room.config.password if secret is None else str(secret)
    if not password:
        raise FormError(_SECRET, "a password-protected room needs a password")
    return password


def _accounts(jids: list[JID] | None) -> tuple[JID, ...] | None:
    return None if jids is None else tuple(dict.fromkeys([jid.bare for jid in jids]))
