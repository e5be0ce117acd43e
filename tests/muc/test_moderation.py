"""Taking back messages (XEP-0424, XEP-0425)."""

from __future__ import annotations

import pytest

from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from tests.muc.rooms import NOW, join, make_room, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
HAG = "hag66@example.org/pda"
LADY = "lady@example.org/castle"

RETRACT = "<retract xmlns='urn:xmpp:message-retract:1'{}/>"


def coven() -> Room:
    """A room with a moderator and two others, of whom one has said something."""
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch")
    join(room, LADY, "lady")
    send(room, f"<message from='{HAG}' id='m1' type='groupchat'><body>free potions</body></message>")
    room.unsaved.clear()
    return room


def moderate(by: str, id: str, inside: str = RETRACT.format(""), kind: str = "set") -> str:
    payload = f"<moderate xmlns='urn:xmpp:message-moderate:1' id='{id}'>{inside}</moderate>"
    return f"<iq from='{by}' id='q1' type='{kind}'>{payload}</iq>"


def retract(by: str, id: str) -> str:
    payload = RETRACT.format(f" id='{id}'")
    return f"<message from='{by}' id='r1' type='groupchat'>{payload}</message>"


def test_a_moderator_takes_a_message_back_for_all() -> None:
    room = coven()
    spoken = room.history[0]
    *told, result = send(room, moderate(CRONE, spoken.id, RETRACT.format("") + "<reason>Spam</reason>"))
    assert result.type == "result"
    assert {each.to for each in told} == {CRONE, HAG, LADY}
    moderator = room.occupants["firstwitch"]
    by = (
        "<moderated xmlns='urn:xmpp:message-moderate:1' by='coven@chat.example.org/firstwitch'>"
        f"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{moderator.id}'/></moderated><reason>Spam</reason>"
    )
    told_all = told[0]
    assert (told_all.type, told_all.from_) == ("groupchat", room.jid)
    assert f"<retract xmlns='urn:xmpp:message-retract:1' id='{spoken.id}'>{by}</retract>" in str(told_all)

    assert "potions" not in str(spoken.message)
    stone = f"<retracted xmlns='urn:xmpp:message-retract:1' id='{told_all.id}' stamp='2002-10-13T23:58:37Z'>"
    assert stone + by in str(spoken.message)
    assert f"<stanza-id xmlns='urn:xmpp:sid:0' id='{spoken.id}'" in str(spoken.message)
    assert room.unsaved == [("history", spoken), ("history", room.history[-1])]


def test_newcomers_get_the_tombstone_and_what_made_it() -> None:
    room = coven()
    send(room, moderate(CRONE, room.history[0].id))
    sent = join(room, "late@example.org/x", "late", now=NOW + 10)
    messages = [str(each) for each in sent_to(sent, "late@example.org/x") if each.name == "message"]
    assert not any("potions" in message for message in messages)
    assert ["<retracted " in message for message in messages] == [True, False, False]
    assert "<retract " in messages[1]


def test_a_message_that_has_left_the_history_can_be_moderated() -> None:
    room = coven()
    room.history.clear()
    assert len(send(room, moderate(CRONE, "long-ago"))) == 4


def test_only_moderators_in_the_room() -> None:
    room = coven()
    for by in (HAG, LADY, "crone1@example.org/outside"):
        assert refusal(room, moderate(by, room.history[0].id)).condition == "forbidden"


@pytest.mark.parametrize(
    ("id", "inside", "kind"),
    [
        ("", RETRACT.format(""), "set"),
        ("x", "", "set"),
        ("x", "<edit/>", "set"),
        ("x", RETRACT.format(""), "get"),
    ],
)
def test_requests_that_make_no_sense(id: str, inside: str, kind: str) -> None:
    assert refusal(coven(), moderate(CRONE, id, inside, kind)).condition == "bad-request"


def test_an_author_takes_back_what_it_said() -> None:
    room = coven()
    spoken = room.history[0]
    sent = send(room, retract(HAG, spoken.id))
    assert {each.to for each in sent} == {CRONE, HAG, LADY}
    assert "potions" not in str(spoken.message)
    assert "<retracted xmlns='urn:xmpp:message-retract:1' id='r1' stamp='2002-10-13T23:58:37Z'/>" in str(
        spoken.message
    )
    assert room.unsaved == [("history", spoken), ("history", room.history[-1])]


def test_nobody_takes_back_what_another_said() -> None:
    room = coven()
    for by in (LADY, CRONE):  # a moderator moderates instead
        assert refusal(room, retract(by, room.history[0].id)).condition == "forbidden"


def test_what_the_room_does_not_know_is_passed_on() -> None:
    assert len(send(coven(), retract(LADY, "long-ago"))) == 3
