"""Leaving a room, of one's own accord or not (XEP-0045 §7.14, §10.9, §11)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc import leaving
from burble.modules.muc.presences import Note
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.xml import Element
from tests.muc.rooms import ROOM, codes, item, join, make_room, occupant, send, sent_to

CRONE = "crone1@example.org/desktop"
WITCH = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"
HAG_PHONE = "hag66@example.org/phone"


def three() -> Room:
    """A room of an owner, a participant and a member."""
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch")
    join(room, HAG, "thirdwitch", Affiliation.MEMBER)
    return room


def goodbye(client: str, nick: str, inside: str = "") -> str:
    """The presence that leaves."""
    return f"<presence from='{client}' to='{ROOM}/{nick}' type='unavailable'>{inside}</presence>"


def error(kind: str, client: str, condition: str, to: str = ROOM) -> str:
    """What comes back for a stanza that could not be delivered."""
    return (
        f"<{kind} from='{client}' to='{to}' type='error'><error type='cancel'>"
        f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{kind}>"
    )


def test_the_one_that_leaves_is_told_first_and_then_the_others() -> None:
    room = three()
    sent = send(room, goodbye(HAG, "thirdwitch", "<status>gone where the goblins go</status>"))
    assert sent[0].to == HAG
    assert {one.to for one in sent[1:]} == {CRONE, WITCH}
    assert len(sent) == 3
    assert {(one.type, one.from_, one.child_text("status")) for one in sent} == {
        ("unavailable", f"{ROOM}/thirdwitch", "gone where the goblins go")
    }
    assert codes(sent[0]) == [110]
    assert item(sent[0]) == {"affiliation": "member", "role": "none"}
    assert item(sent_to(sent, CRONE)[0]) == {"affiliation": "member", "role": "none", "jid": HAG}
    assert item(sent_to(sent, WITCH)[0]) == {"affiliation": "member", "role": "none"}
    assert codes(sent_to(sent, WITCH)[0]) == []
    assert HAG not in room.present
    assert "thirdwitch" not in room.occupants


def test_the_nick_is_free_then() -> None:
    room = three()
    send(room, goodbye(HAG, "thirdwitch"))
    join(room, "other@example.org/x", "ThirdWitch")
    assert occupant(room, "ThirdWitch").account == "other@example.org"


def test_an_unavailable_stranger_is_ignored() -> None:
    assert send(three(), goodbye("other@example.org/x", "thirdwitch")) == []


def test_whatever_nick_is_left_the_client_is_gone() -> None:
    room = three()
    send(room, goodbye(HAG, "anoldnick"))
    assert HAG not in room.present


@pytest.mark.parametrize("kind", ["probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed"])
def test_other_presence_neither_enters_nor_leaves(kind: str) -> None:
    room = three()
    for client in (HAG, "other@example.org/x"):
        assert send(room, f"<presence from='{client}' to='{ROOM}/thirdwitch' type='{kind}'/>") == []
    assert len(room.present) == 3


def test_with_one_of_several_clients_gone_the_others_see_what_the_last_one_said() -> None:
    room = three()
    join(room, HAG_PHONE, "thirdwitch", inside="<show>away</show>")
    sent = send(room, goodbye(HAG_PHONE, "thirdwitch"))
    (own,) = sent_to(sent, HAG_PHONE)
    assert (own.type, codes(own)) == ("unavailable", [110])
    for other, expected in ((CRONE, []), (WITCH, []), (HAG, [110])):
        (told,) = sent_to(sent, other)
        assert (told.type, told.child("show"), codes(told)) == ("", None, expected)
    assert item(sent_to(sent, CRONE)[0])["jid"] == HAG
    assert occupant(room, "thirdwitch").sessions.keys() == {HAG}


def test_the_others_do_not_hear_of_a_client_they_do_not_see() -> None:
    room = three()
    join(room, HAG_PHONE, "thirdwitch")
    assert [one.to for one in send(room, goodbye(HAG, "thirdwitch"))] == [HAG]


@pytest.mark.parametrize("kind", ["message", "presence"])
def test_a_client_that_can_not_be_reached_leaves(kind: str) -> None:
    room = three()
    sent = send(room, error(kind, HAG, "recipient-unavailable", f"{ROOM}/firstwitch"))
    assert codes(sent_to(sent, HAG)[0]) == [110, 333]
    assert codes(sent_to(sent, WITCH)[0]) == [333]
    assert HAG not in room.present


@pytest.mark.parametrize("kind", ["message", "presence"])
def test_a_client_that_merely_objects_stays(kind: str) -> None:
    room = three()
    assert send(room, error(kind, HAG, "not-acceptable")) == []
    assert HAG in room.present


@pytest.mark.parametrize("kind", ["message", "presence", "iq"])
def test_errors_of_strangers_are_ignored(kind: str) -> None:
    for to in (ROOM, f"{ROOM}/firstwitch", f"{ROOM}/nobody"):
        assert send(three(), error(kind, "other@example.org/x", "gone", to)) == []


def test_removal_says_who_did_it_and_why() -> None:
    room = three()
    sent = leaving.removed(room, occupant(room, "thirdwitch"), Note((307,), "Avaunt!", "firstwitch"))
    assert sent[0].to == HAG
    for one, expected in zip(sent, ([110, 307], [307], [307]), strict=True):
        x = one.child("x")
        assert x is not None
        (what,) = x.elements("item")
        assert what.child_text("reason") == "Avaunt!"
        actor = what.child("actor")
        assert actor is not None
        assert actor.attrs == {"nick": "firstwitch"}
        assert codes(one) == expected
        assert one.child("occupant-id") is not None


def test_removal_takes_all_clients() -> None:
    room = three()
    join(room, HAG_PHONE, "thirdwitch")
    sent = leaving.removed(room, occupant(room, "thirdwitch"), Note((307,)))
    assert [one.to for one in sent[:2]] == [HAG, HAG_PHONE]
    assert room.present.keys() == {CRONE, WITCH}


def test_those_that_were_not_seen_leave_unseen() -> None:
    room = make_room(moderated=True, presence_broadcast=frozenset({"moderator"}))
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch")
    assert [one.to for one in send(room, goodbye(HAG, "thirdwitch"))] == [HAG]


def test_a_room_that_ends_tells_each_of_itself_only() -> None:
    room = three()
    destroy = Element("destroy", "http://jabber.org/protocol/muc#user", {"jid": "heath@chat.example.org"})
    sent = leaving.emptied(room, Note(destroy=destroy))
    assert [(one.to, one.from_) for one in sent] == [
        (CRONE, f"{ROOM}/firstwitch"),
        (WITCH, f"{ROOM}/secondwitch"),
        (HAG, f"{ROOM}/thirdwitch"),
    ]
    for one in sent:
        x = one.child("x")
        assert x is not None
        assert x.child("destroy") == destroy
    assert not room.occupants
    assert not room.present


def test_a_service_that_ends_says_so() -> None:
    room = three()
    assert [codes(one) for one in leaving.emptied(room, leaving.SHUTDOWN)] == [[110, 332]] * 3
    assert room.affiliation(JID.parse(HAG)) is Affiliation.MEMBER
