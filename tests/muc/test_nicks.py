"""Changes of nick and of status (XEP-0045 §7.6, §7.7)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from tests.muc.rooms import ROOM, codes, item, join, make_room, occupant, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
WITCH = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"
HAG_PHONE = "hag66@example.org/phone"


def three(limits: RoomLimits | None = None) -> Room:
    """A room of an owner, a participant and a member."""
    room = make_room(limits)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch")
    join(room, HAG, "thirdwitch", Affiliation.MEMBER, inside="<show>away</show>")
    return room


def presence(client: str, nick: str, inside: str = "") -> str:
    """Available presence to an address in the room."""
    return f"<presence from='{client}' to='{ROOM}/{nick}' id='ifd1c35'>{inside}</presence>"


def test_a_new_nick_is_told_as_one_that_goes_and_one_that_comes() -> None:
    room = three()
    sent = send(room, presence(HAG, "oldhag", "<status>cackling</status>"))
    for other, jid, extra in ((CRONE, {"jid": HAG}, []), (WITCH, {}, []), (HAG, {}, [110])):
        gone, come = sent_to(sent, other)
        assert (gone.type, gone.from_) == ("unavailable", f"{ROOM}/thirdwitch")
        assert item(gone) == {"affiliation": "member", "role": "participant", "nick": "oldhag", **jid}
        assert sorted(codes(gone)) == [*extra, 303]
        assert (come.type, come.from_) == ("", f"{ROOM}/oldhag")
        assert item(come) == {"affiliation": "member", "role": "participant", **jid}
        assert codes(come) == extra
        assert come.child_text("status") == "cackling"
        assert gone.child("occupant-id") == come.child("occupant-id")
    assert sent_to(sent, HAG)[1].id == "ifd1c35"
    assert room.occupants.keys() == {"firstwitch", "secondwitch", "oldhag"}
    assert room.present[JID.parse(HAG)].address == f"{ROOM}/oldhag"
    join(room, "other@example.org/x", "thirdwitch")  # which is free now


@pytest.mark.parametrize("nick", ["secondwitch", "SecondWitch"])
def test_the_nick_of_somebody_else_can_not_be_had(nick: str) -> None:
    error = refusal(three(), presence(HAG, nick))
    assert (error.condition, error.type) == ("conflict", "cancel")


def test_a_nick_registered_by_somebody_else_can_not_be_had() -> None:
    room = three()
    room.register(JID.parse("other@example.org"), "oldhag")
    assert refusal(room, presence(HAG, "OldHag")).condition == "conflict"


def test_the_case_of_ones_own_nick_can_be_changed() -> None:
    room = three()
    send(room, presence(HAG, "ThirdWitch"))
    assert occupant(room, "ThirdWitch").account == "hag66@example.org"
    assert refusal(room, presence(WITCH, "thirdwitch")).condition == "conflict"


def test_a_nick_that_is_none_is_refused() -> None:
    room = three(RoomLimits(nick=11))
    assert refusal(room, f"<presence from='{HAG}' to='{ROOM}'/>").condition == "jid-malformed"
    assert refusal(room, presence(HAG, "twelve chars")).condition == "policy-violation"


def test_locked_nicks_stay() -> None:
    room = three(RoomLimits(nicks_locked=True))
    room.register(JID.parse("hag66@example.org"), "thirdwitch")
    error = refusal(room, presence(HAG, "oldhag"))
    assert (error.condition, error.type) == ("not-acceptable", "cancel")
    send(room, presence(WITCH, "oldhag"))  # has registered none


def test_all_clients_of_an_occupant_get_the_new_nick() -> None:
    room = three()
    join(room, HAG_PHONE, "thirdwitch")
    sent = send(room, presence(HAG, "oldhag"))
    for client in (HAG, HAG_PHONE):
        gone, come = sent_to(sent, client)
        assert codes(gone) == [110, 303]
        assert (come.from_, codes(come)) == (f"{ROOM}/oldhag", [110])
        assert room.present[JID.parse(client)].nick == "oldhag"
    assert [len(sent_to(sent, other)) for other in (CRONE, WITCH)] == [2, 2]


def test_two_nicks_of_one_account_become_one() -> None:
    room = three()
    join(room, HAG_PHONE, "oldhag")
    sent = send(room, presence(HAG, "OLDHAG", "<show>dnd</show>"))
    gone, come = sent_to(sent, HAG)
    assert codes(gone) == [110, 303]
    assert (come.from_, codes(come)) == (f"{ROOM}/oldhag", [110, 210])
    left, own = sent_to(sent, HAG_PHONE)
    assert (left.from_, codes(left)) == (f"{ROOM}/thirdwitch", [303])
    assert (own.from_, codes(own), own.child_text("show")) == (f"{ROOM}/oldhag", [110], "dnd")
    assert room.occupants.keys() == {"firstwitch", "secondwitch", "oldhag"}
    assert occupant(room, "oldhag").sessions.keys() == {HAG, HAG_PHONE}


def test_a_new_status_is_told_to_all() -> None:
    room = three()
    sent = send(room, presence(WITCH, "secondwitch", "<show>xa</show><status>gone</status>"))
    assert len(sent) == 3
    for other, jid, extra in ((CRONE, {"jid": WITCH}, []), (HAG, {}, []), (WITCH, {}, [110])):
        (told,) = sent_to(sent, other)
        assert (told.type, told.from_) == ("", f"{ROOM}/secondwitch")
        assert (told.child_text("show"), told.child_text("status")) == ("xa", "gone")
        assert item(told) == {"affiliation": "none", "role": "participant", **jid}
        assert codes(told) == extra
    assert join(room, "other@example.org/x", "other")[1].child_text("show") == "xa"


def test_the_status_that_is_seen_is_that_of_the_client_that_told_one_last() -> None:
    room = three()
    join(room, HAG_PHONE, "thirdwitch")
    sent = send(room, presence(HAG, "thirdwitch", "<show>chat</show>"))
    assert {one.child_text("show") for one in sent} == {"chat"}
    assert item(sent_to(sent, CRONE)[0])["jid"] == HAG


def test_nobody_else_hears_of_those_that_are_not_shown() -> None:
    room = make_room(presence_broadcast=frozenset({"moderator"}))
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch", role=Role.VISITOR)
    for stanza in (presence(HAG, "thirdwitch", "<show>away</show>"), presence(HAG, "oldhag")):
        assert {one.to for one in send(room, stanza)} == {HAG}
