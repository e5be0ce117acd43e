"""Registering with a room (XEP-0045 §7.10, §7.12, §9.9)."""

from __future__ import annotations

import pytest

from burble.forms import Form
from burble.jid import JID
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.registration import reserved_nick
from burble.modules.muc.room import Room
from burble.stanza import Iq, Stanza
from tests.muc.rooms import item, join, make_room, refusal, send, sent_to, stanza

CRONE = "crone1@example.org/desktop"
HAG = "hag66@example.org/pda"
FORM_TYPE = "http://jabber.org/protocol/muc#register"


def request(inside: str = "", kind: str = "set", by: str = HAG) -> str:
    return f"<iq from='{by}' id='r1' type='{kind}'><query xmlns='jabber:iq:register'>{inside}</query></iq>"


def form(nick: str = "thirdwitch", form_type: str = FORM_TYPE, kind: str = "submit") -> str:
    fields = f"<field var='FORM_TYPE'><value>{form_type}</value></field>"
    fields += f"<field var='muc#register_roomnick'><value>{nick}</value></field>"
    fields += "<field var='muc#register_faqentry'><value>Just</value><value>another</value></field>"
    return f"<x xmlns='jabber:x:data' type='{kind}'>{fields}</x>"


def heath(**config: object) -> Room:
    """A room with its owner inside, and an admin who is not."""
    room = make_room(**config)
    room.grant(JID.parse("wiccarocks@example.org"), Affiliation.ADMIN)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    return room


def approval(question: Stanza, by: str, allow: str = "1") -> str:
    """The form an admin was sent, filled in."""
    x = question.child("x")
    assert x is not None
    answer = Form.from_element(x)
    answer.type = "submit"
    field = answer.field("muc#register_allow")
    assert field is not None
    field.values = [allow]
    return f"<message from='{by}'>{answer.to_element()}</message>"


def test_the_form() -> None:
    (result,) = send(heath(), request(kind="get"))
    assert "var='muc#register_roomnick' type='text-single' label='Desired nick'><required/>" in str(result)
    assert "<registered/>" not in str(result)


def test_anyone_may_register_where_the_owner_says_so() -> None:
    room = heath(registration="anyone")
    join(room, HAG, "oldhag")
    result, *sent = send(room, request(form()))
    assert (result.type, result.child()) == ("result", None)
    (presence,) = sent_to(sent, CRONE)
    assert item(presence)["affiliation"] == "member"
    assert room.nicks == {"hag66@example.org": "thirdwitch"}
    (result,) = send(room, request(kind="get"))
    assert "<registered/><username>thirdwitch</username>" in str(result)


def test_admins_are_asked_where_they_are() -> None:
    """§9.9: the owner in the room, the admin at home."""
    room = heath()
    result, *questions = send(room, request(form()))
    assert result.type == "result"
    assert [each.to for each in questions] == [CRONE, "wiccarocks@example.org"]
    assert room.affiliation(JID.parse(HAG)) is Affiliation.NONE
    assert "<value>Just</value><value>another</value>" in str(questions[0])

    assert send(room, approval(questions[0], CRONE, "0")) == []
    assert refusal(room, approval(questions[0], HAG)).condition == "forbidden"
    assert room.affiliation(JID.parse(HAG)) is Affiliation.NONE
    assert send(room, approval(questions[0], "wiccarocks@example.org/laptop")) == []
    assert room.affiliation(JID.parse(HAG)) is Affiliation.MEMBER
    assert room.nicks == {"hag66@example.org": "thirdwitch"}


def test_who_is_approved_for_a_members_only_room_is_told() -> None:
    room = heath(members_only=True)
    _, question, _ = send(room, request(form()))
    (invitation,) = send(room, approval(question, CRONE))
    assert (invitation.name, invitation.to) == ("message", "hag66@example.org")


def test_an_approval_that_comes_too_late() -> None:
    room = heath()
    _, question, _ = send(room, request(form()))
    room.register(JID.parse("hecate@example.org"), "thirdwitch")
    assert refusal(room, approval(question, CRONE)).condition == "conflict"
    room.grant(JID.parse(HAG).bare, Affiliation.OUTCAST)
    assert refusal(room, approval(question, CRONE)).condition == "not-allowed"


def test_an_admin_can_not_name_owners_by_approving() -> None:
    room = heath()
    _, question, _ = send(room, request(form()))
    forged = approval(question, "wiccarocks@example.org/laptop").replace("hag66@", "crone1@")
    assert refusal(room, forged).condition == "forbidden"


def test_members_take_another_nick_without_being_approved() -> None:
    room = heath()
    room.grant(JID.parse(HAG).bare, Affiliation.MEMBER)
    for nick in ("thirdwitch", "fourthwitch"):
        assert len(send(room, request(form(nick)))) == 1
        assert room.nicks == {"hag66@example.org": nick}
    room.register(JID.parse("hecate@example.org"), "queen")
    assert refusal(room, request(form("Queen"))).condition == "conflict"


def test_taking_it_back() -> None:
    """XEP-0077 §3.2: owners keep their affiliation."""
    room = heath(members_only=True)
    assert refusal(room, request("<remove/>")).condition == "registration-required"
    join(room, HAG, "thirdwitch", Affiliation.MEMBER)
    room.register(JID.parse(HAG).bare, "thirdwitch")
    room.register(JID.parse(CRONE).bare, "firstwitch")
    send(room, request("<remove/>"))
    send(room, request("<remove/>", by=CRONE))
    assert (set(room.occupants), dict(room.nicks)) == ({"firstwitch"}, {})
    assert room.affiliation(JID.parse(CRONE)) is Affiliation.OWNER


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("", "bad-request"),
        ("<username>thirdwitch</username>", "bad-request"),
        (form(""), "bad-request"),
        (form(form_type="http://jabber.org/protocol/muc#roomconfig"), "bad-request"),
        (form(kind="result"), "bad-request"),
        (form("firstwitch"), "conflict"),
        (form("x" * 65), "policy-violation"),
        (form(" "), "jid-malformed"),
    ],
)
def test_forms_that_are_refused(inside: str, condition: str) -> None:
    for registration in ("approved", "anyone"):
        assert refusal(heath(registration=registration), request(inside)).condition == condition


def test_a_cancelled_form() -> None:
    assert len(send(heath(), request("<x xmlns='jabber:x:data' type='cancel'/>"))) == 1


@pytest.mark.parametrize("asked", [request(kind="get"), request(form())])
def test_where_nobody_registers(asked: str) -> None:
    assert refusal(heath(registration="nobody"), asked).condition == "not-allowed"
    assert refusal(make_room(RoomLimits(registration=False)), asked).condition == "service-unavailable"
    room = heath()
    room.grant(JID.parse(HAG).bare, Affiliation.OUTCAST)
    assert refusal(room, asked).condition == "not-allowed"


@pytest.mark.parametrize("nick", ["thirdwitch", ""])
def test_the_reserved_nick(nick: str) -> None:
    room = heath()
    room.register(JID.parse(HAG).bare, nick)
    query = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>"
    asked = stanza(f"<iq from='{HAG}' id='n1' type='get'>{query}</iq>")
    assert isinstance(asked, Iq)
    (result,) = reserved_nick(room, asked)
    query_back = result.child("query")
    assert query_back is not None
    assert query_back.get("node") == "x-roomuser-item"
    expected = [{"category": "conference", "type": "text", "name": nick}] if nick else []
    assert [identity.attrs for identity in query_back.elements()] == expected
