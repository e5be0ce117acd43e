"""Entering a room (XEP-0045 §7.1, §7.2)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Hat
from tests.muc.rooms import ROOM, codes, item, join, make_room, occupant, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
WITCH = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"
HAG_PHONE = "hag66@example.org/phone"
X = "<x xmlns='http://jabber.org/protocol/muc'/>"


def entry(client: str, nick: str, inside: str = X) -> str:
    """The presence that asks to enter."""
    return f"<presence from='{client}' to='{ROOM}/{nick}' id='n13mt3l'>{inside}</presence>"


def test_events_come_in_the_order_of_the_specification() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch", Affiliation.ADMIN)
    send(room, f"<message from='{CRONE}' type='groupchat'><body>Thrice.</body></message>")
    send(room, f"<message from='{CRONE}' type='groupchat'><subject>Fire Burn</subject></message>")
    sent = send(room, entry(HAG, "thirdwitch"))
    assert [(one.kind, one.from_) for one in sent_to(sent, HAG)] == [
        ("presence", f"{ROOM}/firstwitch"),
        ("presence", f"{ROOM}/secondwitch"),
        ("presence", f"{ROOM}/thirdwitch"),
        ("message", f"{ROOM}/firstwitch"),
        ("message", f"{ROOM}/firstwitch"),
    ]
    first, second, own, past, subject = sent_to(sent, HAG)
    assert item(first) == {"affiliation": "owner", "role": "moderator"}
    assert item(second) == {"affiliation": "admin", "role": "moderator"}
    assert item(own) == {"affiliation": "none", "role": "participant"}
    assert (codes(first), codes(second), codes(own)) == ([], [], [110])
    assert own.id == "n13mt3l"
    assert past.child("body") is not None
    assert subject.child_text("subject") == "Fire Burn"
    for other in (CRONE, WITCH):
        (told,) = sent_to(sent, other)
        assert told.from_ == f"{ROOM}/thirdwitch"
        assert codes(told) == []
        assert item(told) == {"affiliation": "none", "role": "participant", "jid": HAG}  # both moderate


def test_nothing_is_told_twice() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    sent = join(room, HAG, "thirdwitch")
    assert len(sent) == 4  # firstwitch's, thirdwitch's to both, the subject


def test_real_addresses_are_shown_to_moderators_only_unless_to_anyone() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch")
    sent = join(room, HAG, "thirdwitch")
    (to_owner,) = sent_to(sent, CRONE)
    assert item(to_owner)["jid"] == HAG
    (to_participant,) = sent_to(sent, WITCH)
    assert "jid" not in item(to_participant)
    assert [item(one).get("jid") for one in sent_to(sent, HAG)[:3]] == [None, None, None]

    room = make_room(whois="anyone")
    join(room, WITCH, "secondwitch")
    sent = join(room, HAG, "thirdwitch")
    assert item(sent_to(sent, WITCH)[0])["jid"] == HAG
    assert [item(one)["jid"] for one in sent_to(sent, HAG)[:2]] == [WITCH, HAG]


@pytest.mark.parametrize(
    ("config", "expected"),
    [({}, [110]), ({"whois": "anyone"}, [100, 110]), ({"logging": True, "whois": "anyone"}, [100, 110, 170])],
)
def test_newcomers_are_warned_of_what_the_room_does(config: dict[str, object], expected: list[int]) -> None:
    room = make_room(**config)
    assert codes(join(room, HAG, "thirdwitch")[0]) == expected


def test_only_the_first_owner_is_told_that_the_room_was_created() -> None:
    room = make_room()
    room.locked = True
    assert refusal(room, entry(HAG, "thirdwitch")).condition == "item-not-found"
    sent = join(room, CRONE, "firstwitch", Affiliation.OWNER)
    assert codes(sent[0]) == [110, 201]
    assert item(sent[0]) == {"affiliation": "owner", "role": "moderator", "jid": CRONE}
    assert refusal(room, entry(HAG, "thirdwitch")).condition == "item-not-found"
    assert codes(join(room, "crone1@example.org/phone", "firstwitch")[-2]) == [110]


@pytest.mark.parametrize(
    ("affiliation", "moderated", "role"),
    [
        (Affiliation.NONE, False, Role.PARTICIPANT),
        (Affiliation.NONE, True, Role.VISITOR),
        (Affiliation.MEMBER, True, Role.PARTICIPANT),
        (Affiliation.ADMIN, True, Role.MODERATOR),
        (Affiliation.OWNER, False, Role.MODERATOR),
    ],
)
def test_the_first_role_comes_from_the_affiliation(
    affiliation: Affiliation, moderated: bool, role: Role
) -> None:
    room = make_room(moderated=moderated)
    join(room, HAG, "thirdwitch", affiliation)
    assert occupant(room, "thirdwitch").role is role


def test_a_nick_is_needed() -> None:
    room = make_room()
    assert refusal(room, f"<presence from='{HAG}'>{X}</presence>").condition == "jid-malformed"
    assert refusal(room, f"<presence from='{HAG}'/>").condition == "jid-malformed"


def test_a_nick_has_its_length() -> None:
    room = make_room(RoomLimits(nick=5))
    assert refusal(room, entry(HAG, "third-")).condition == "policy-violation"
    assert codes(join(room, HAG, "third")[0]) == [110]


def test_strangers_that_do_not_ask_to_enter_are_told_they_are_not_in_the_room() -> None:
    room = make_room()
    (told,) = send(room, entry(HAG, "thirdwitch", "<show>away</show>"))
    assert (told.type, told.from_, told.to) == ("unavailable", f"{ROOM}/thirdwitch", HAG)
    assert codes(told) == [110, 307, 333]
    assert item(told) == {"affiliation": "none", "role": "none"}
    assert not room.occupants


@pytest.mark.parametrize("given", ["", "<password/>", "<password>wrong</password>", "<password>é</password>"])
def test_the_password_is_needed(given: str) -> None:
    room = make_room(password="cauldronburn")
    error = refusal(room, entry(HAG, "thirdwitch", f"<x xmlns='http://jabber.org/protocol/muc'>{given}</x>"))
    assert (error.condition, error.type) == ("not-authorized", "auth")


def test_whoever_knows_the_password_gets_in() -> None:
    room = make_room(password="cauldronburn")
    join(room, HAG, "thirdwitch", x="<password>cauldronburn</password>")
    assert "thirdwitch" in room.occupants


def test_only_members_enter_a_members_only_room() -> None:
    room = make_room(members_only=True)
    error = refusal(room, entry(HAG, "thirdwitch"))
    assert (error.condition, error.type) == ("registration-required", "auth")
    join(room, HAG, "thirdwitch", Affiliation.MEMBER)
    assert "thirdwitch" in room.occupants


@pytest.mark.parametrize("banned", ["hag66@example.org", "example.org"])
def test_the_banned_do_not_enter(banned: str) -> None:
    room = make_room()
    room.grant(JID.parse(banned), Affiliation.OUTCAST)
    error = refusal(room, entry(HAG, "thirdwitch"))
    assert (error.condition, error.type) == ("forbidden", "auth")


@pytest.mark.parametrize(
    "nick", ["first witch", "First Witch", "ｆｉｒｓｔ witch", "first  witch", "first witch "]
)
def test_the_nick_of_somebody_else_can_not_be_had_in_any_spelling(nick: str) -> None:
    room = make_room()
    join(room, CRONE, "first witch")
    error = refusal(room, entry(HAG, nick))
    assert (error.condition, error.type) == ("conflict", "cancel")


def test_a_registered_nick_is_kept_for_its_holder() -> None:
    room = make_room()
    room.register(JID.parse("crone1@example.org"), "firstwitch")
    assert refusal(room, entry(HAG, "FirstWitch")).condition == "conflict"
    join(room, CRONE, "firstwitch")
    room.register(JID.parse("crone1@example.org"), "")
    join(room, CRONE, "crone")
    join(room, HAG, "firstwitch")
    assert room.occupants.keys() == {"crone", "firstwitch"}


def test_locked_nicks_are_given_whatever_was_asked_for() -> None:
    room = make_room(RoomLimits(nicks_locked=True))
    room.register(JID.parse("hag66@example.org"), "thirdwitch")
    sent = join(room, HAG, "other")
    assert sent[0].from_ == f"{ROOM}/thirdwitch"
    assert codes(sent[0]) == [110, 210]


def test_a_second_client_shares_the_nick() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    sent = join(room, HAG_PHONE, "thirdwitch", inside="<show>away</show>")
    assert [one.from_ for one in sent_to(sent, HAG_PHONE)] == [
        f"{ROOM}/firstwitch",
        f"{ROOM}/thirdwitch",
        ROOM,
    ]
    for other, expected in ((CRONE, []), (HAG, [110])):
        (told,) = sent_to(sent, other)
        assert told.child_text("show") == "away"
        assert codes(told) == expected
    assert len(room.occupants) == 2
    assert room.present[JID.parse(HAG)] is room.present[JID.parse(HAG_PHONE)]


def test_a_second_client_gets_the_nick_as_the_first_spells_it() -> None:
    room = make_room()
    join(room, HAG, "Thirdwitch")
    own = next(one for one in join(room, HAG_PHONE, "thirdwitch") if one.to == HAG_PHONE)
    assert own.from_ == f"{ROOM}/Thirdwitch"
    assert codes(own) == [110, 210]


def test_one_occupant_has_only_so_many_clients() -> None:
    room = make_room(RoomLimits(clients=1))
    join(room, HAG, "thirdwitch")
    error = refusal(room, entry(HAG_PHONE, "thirdwitch"))
    assert (error.condition, error.type) == ("service-unavailable", "wait")


def test_a_full_room_takes_admins_only_and_not_too_many() -> None:
    room = make_room(RoomLimits(extra_users=1), max_users=1)
    join(room, CRONE, "firstwitch")
    error = refusal(room, entry(HAG, "thirdwitch"))
    assert (error.condition, error.type) == ("service-unavailable", "wait")
    room.grant(JID.parse("wiccarocks@example.org"), Affiliation.ADMIN)
    join(room, WITCH, "secondwitch")
    room.grant(JID.parse("hag66@example.org"), Affiliation.OWNER)
    assert refusal(room, entry(HAG, "thirdwitch")).condition == "service-unavailable"
    join(room, "crone1@example.org/phone", "firstwitch")  # takes no seat


@pytest.mark.parametrize("max_users", [0, 9])
def test_the_service_limits_rooms_that_would_take_more(max_users: int) -> None:
    room = make_room(RoomLimits(users=1), max_users=max_users)
    join(room, CRONE, "firstwitch")
    assert refusal(room, entry(HAG, "thirdwitch")).condition == "service-unavailable"


def test_those_of_a_role_that_is_not_broadcast_are_seen_by_themselves_only() -> None:
    room = make_room(moderated=True, presence_broadcast=frozenset({"moderator"}))
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    sent = join(room, HAG, "thirdwitch")
    assert sent_to(sent, CRONE) == []
    assert [one.from_ for one in sent_to(sent, HAG)] == [f"{ROOM}/firstwitch", f"{ROOM}/thirdwitch", ROOM]
    assert [one.from_ for one in join(room, WITCH, "secondwitch")][:2] == [
        f"{ROOM}/firstwitch",
        f"{ROOM}/secondwitch",
    ]


def test_a_client_that_enters_again_is_told_all_and_the_others_nothing() -> None:
    room = make_room(whois="anyone")
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch", inside="<show>away</show>")
    send(room, f"<message from='{CRONE}' type='groupchat'><body>Thrice.</body></message>")
    sent = join(room, HAG, "thirdwitch", inside="<show>away</show>")
    assert [(one.kind, one.from_) for one in sent] == [
        ("presence", f"{ROOM}/firstwitch"),
        ("presence", f"{ROOM}/thirdwitch"),
        ("message", f"{ROOM}/firstwitch"),
        ("message", ROOM),
    ]
    assert {one.to for one in sent} == {HAG}
    assert codes(sent[1]) == [100, 110]


def test_the_others_are_told_what_is_new_of_a_client_that_enters_again() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    (told,) = sent_to(join(room, HAG, "thirdwitch", inside="<show>dnd</show>"), CRONE)
    assert told.child_text("show") == "dnd"


def test_what_entered_once_needs_no_password_to_enter_again() -> None:
    room = make_room(password="cauldronburn")
    join(room, HAG, "thirdwitch", x="<password>cauldronburn</password>")
    assert sent_to(join(room, HAG, "thirdwitch"), HAG)[-1].child("subject") is not None


def test_a_client_that_enters_again_with_another_nick_changes_it() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    sent = join(room, HAG, "oldhag")
    assert room.occupants.keys() == {"firstwitch", "oldhag"}
    assert [codes(one) for one in sent_to(sent, CRONE)] == [[303], []]
    assert [one.from_ for one in sent_to(sent, HAG)][-3:] == [f"{ROOM}/firstwitch", f"{ROOM}/oldhag", ROOM]


def test_a_client_that_enters_again_keeps_the_nick_it_was_given() -> None:
    room = make_room(RoomLimits(nicks_locked=True))
    join(room, CRONE, "firstwitch")
    room.register(JID.parse("hag66@example.org"), "thirdwitch")
    join(room, HAG, "other")
    join(room, WITCH, "Second")
    for client, asked, nick in ((HAG, "other", "thirdwitch"), (WITCH, "second", "Second")):
        sent = join(room, client, asked)
        assert {one.to for one in sent} == {client}
        (own,) = [one for one in sent if one.kind == "presence" and 110 in codes(one)]
        assert (own.from_, codes(own)) == (f"{ROOM}/{nick}", [110, 210])


def test_what_only_the_room_may_say_is_not_passed_on() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    forged = (
        "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/></x>"
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
        "<hats xmlns='urn:xmpp:hats:0'><hat uri='urn:king' title='King'/></hats>"
        "<c xmlns='http://jabber.org/protocol/caps' node='urn:client' ver='1' hash='sha-1'/>"
    )
    (told,) = sent_to(join(room, HAG, "thirdwitch", inside=forged), CRONE)
    assert [(child.name, child.ns) for child in told.elements()] == [
        ("c", "http://jabber.org/protocol/caps"),
        ("x", "http://jabber.org/protocol/muc#user"),
        ("occupant-id", "urn:xmpp:occupant-id:0"),
    ]
    assert item(told)["affiliation"] == "none"
    assert told.elements("occupant-id").__next__().attrs == {"id": occupant(room, "thirdwitch").id}


def test_hats_are_shown() -> None:
    room = make_room()
    room.wear(JID.parse("hag66@example.org"), (Hat("urn:host", "Host", "en", "327.25"), Hat("urn:b", "B")))
    join(room, CRONE, "firstwitch")
    (told,) = sent_to(join(room, HAG, "thirdwitch"), CRONE)
    hats = told.child("hats", "urn:xmpp:hats:0")
    assert hats is not None
    assert [hat.attrs for hat in hats.elements("hat")] == [
        {"uri": "urn:host", "title": "Host", "xml:lang": "en", "hue": "327.25"},
        {"uri": "urn:b", "title": "B"},
    ]


def test_limits_of_the_history_that_are_none_are_refused_before_anything_happens() -> None:
    room = make_room()
    wrong = "<x xmlns='http://jabber.org/protocol/muc'><history since='nonsense'/></x>"
    assert refusal(room, entry(HAG, "thirdwitch", wrong)).condition == "bad-request"
