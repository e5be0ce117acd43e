"""The configuration as a form (XEP-0045 §10.2)."""

from __future__ import annotations

from typing import get_args

import pytest

from burble.forms import Form, FormError
from burble.jid import JID
from burble.modules.muc.config import RoomConfig, Visible
from burble.modules.muc.configuring import Submitted, config_form, configured
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import MUC_ROOM_CONFIG
from tests.muc.rooms import make_room

#: The fields of the registrar (§16.5.3).
REGISTERED = {
    "muc#maxhistoryfetch",
    "muc#roomconfig_allowpm",
    "muc#roomconfig_allowinvites",
    "muc#roomconfig_changesubject",
    "muc#roomconfig_enablelogging",
    "muc#roomconfig_getmemberlist",
    "muc#roomconfig_lang",
    "muc#roomconfig_pubsub",
    "muc#roomconfig_maxusers",
    "muc#roomconfig_membersonly",
    "muc#roomconfig_moderatedroom",
    "muc#roomconfig_passwordprotectedroom",
    "muc#roomconfig_persistentroom",
    "muc#roomconfig_presencebroadcast",
    "muc#roomconfig_publicroom",
    "muc#roomconfig_roomadmins",
    "muc#roomconfig_roomdesc",
    "muc#roomconfig_roomname",
    "muc#roomconfig_roomowners",
    "muc#roomconfig_roomsecret",
    "muc#roomconfig_whois",
}

OTHER = RoomConfig(
    name="Dark Cave",
    description="Where the witches meet",
    lang="en-GB",
    contacts=[JID.parse("crone1@example.org")],
    persistent=True,
    public=False,
    members_only=True,
    password="cauldronburn",
    moderated=True,
    whois="anyone",
    max_users=37,
    change_subject=True,
    allow_invites=False,
    allow_pm="moderators",
    allow_voice_requests=False,
    registration="anyone",
    presence_broadcast=frozenset({"moderator"}),
    member_list=frozenset({"moderator", "participant"}),
    logging=True,
    history=7,
    pubsub="xmpp:pubsub.example.org?;node=coven",
)


def submit(room: Room, **values: str | list[str]) -> Submitted:
    """Submit some fields, by their names behind ``muc#roomconfig_``."""
    form = Form("submit", MUC_ROOM_CONFIG)
    for name, value in values.items():
        form.add(f"muc#roomconfig_{name}", value=value)
    return configured(room, form.to_element())


def test_the_form_has_all_registered_fields() -> None:
    assert {field.var for field in config_form(make_room()).fields} >= REGISTERED


@pytest.mark.parametrize("config", [RoomConfig(), OTHER])
def test_what_is_shown_and_sent_back_unchanged_changes_nothing(config: RoomConfig) -> None:
    room = make_room(**config.model_dump())
    assert room.config == config
    room.grant(JID.parse("crone1@example.org"), Affiliation.OWNER)
    room.grant(JID.parse("wiccarocks@example.org"), Affiliation.ADMIN)
    form = config_form(room)
    form.type = "submit"
    back = configured(room, form.to_element())
    assert back.config == config
    assert (back.owners, back.admins) == (("crone1@example.org",), ("wiccarocks@example.org",))


def test_every_setting_can_be_reached_from_the_form() -> None:
    shown = config_form(make_room(**OTHER.model_dump()))
    shown.type = "submit"
    room = make_room()
    assert configured(room, shown.to_element()).config == OTHER


def test_what_is_not_submitted_stays() -> None:
    room = make_room(**OTHER.model_dump())
    submitted = submit(room, roomname="Heath")
    assert submitted.config == OTHER.model_copy(update={"name": "Heath"})
    assert (submitted.owners, submitted.admins) == (None, None)


def test_a_text_can_be_emptied() -> None:
    room = make_room(**OTHER.model_dump())
    config = submit(room, roomname="", roomdesc="", lang="", pubsub="").config
    assert (config.name, config.description, config.lang, config.pubsub) == ("", "", "", "")


def test_any_number_of_occupants_up_to_the_limit_of_the_service() -> None:
    room = make_room(RoomLimits(users=150))
    field = config_form(room).field("muc#roomconfig_maxusers")
    assert field is not None
    assert list(field.options) == ["10", "20", "30", "50", "100", "none"]
    assert submit(room, maxusers="42").config.max_users == 42
    assert submit(room, maxusers="none").config.max_users == 0
    for text in ("151", "0", "-1", "many", "٤"):
        with pytest.raises(FormError, match="maxusers"):
            submit(room, maxusers=text)


def test_the_history_has_the_bound_of_the_service() -> None:
    room = make_room(RoomLimits(history=50))
    form = Form("submit", MUC_ROOM_CONFIG)
    field = form.add("muc#maxhistoryfetch", value=50)
    assert configured(room, form.to_element()).config.history == 50
    field.values = ["51"]
    with pytest.raises(FormError, match="maxhistoryfetch"):
        configured(room, form.to_element())


def test_a_password_where_one_is_needed() -> None:
    """§10.1.3: a protected room without one is not acceptable."""
    room = make_room()
    with pytest.raises(FormError) as caught:
        submit(room, passwordprotectedroom="1", roomsecret="")
    assert caught.value.condition == "not-acceptable"
    assert submit(room, passwordprotectedroom="1", roomsecret="burn").config.password == "burn"
    assert submit(room, passwordprotectedroom="0", roomsecret="burn").config.password == ""
    room = make_room(password="old")
    assert submit(room, passwordprotectedroom="1").config.password == "old"
    assert submit(room, roomsecret="new").config.password == "new"
    assert submit(room, passwordprotectedroom="0").config.password == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whois", "nobody"),
        ("allowpm", "friends"),
        ("membersonly", "perhaps"),
        ("presencebroadcast", ["owner"]),
        ("lang", "no language"),
        ("roomadmins", ["@@"]),
        ("roomname", "x" * 201),
        ("roomname", "two\nlines"),
    ],
)
def test_values_that_are_not_acceptable(name: str, value: str | list[str]) -> None:
    with pytest.raises(FormError, match=name):
        submit(make_room(), **{name: value})


def test_full_lists_are_of_accounts() -> None:
    """§10.3: a full JID stands for the account."""
    both = ["hecate@example.org/broom", "Hecate@example.org"]
    assert submit(make_room(), roomadmins=both).admins == ("hecate@example.org",)


def test_nobody_need_be_shown() -> None:
    config = submit(make_room(), presencebroadcast=[], getmemberlist=[]).config
    assert (config.presence_broadcast, config.member_list) == (frozenset(), frozenset())
    assert make_room().config.presence_broadcast == set(get_args(Visible))
