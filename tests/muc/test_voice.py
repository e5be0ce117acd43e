"""Asking for voice (XEP-0045 §7.13, §8.6)."""

from __future__ import annotations

import pytest

from burble.forms import Form
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from tests.muc.rooms import item, join, make_room, refusal, send

CRONE = "crone1@example.org/desktop"
WICCA = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"


def submitted(by: str, **values: str) -> str:
    fields = "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
    for name, value in values.items():
        fields += f"<field var='muc#{name}'><value>{value}</value></field>"
    return f"<message from='{by}' id='v1'><x xmlns='jabber:x:data' type='submit'>{fields}</x></message>"


def coven(**config: object) -> Room:
    room = make_room(moderated=True, **config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WICCA, "secondwitch", Affiliation.MEMBER)
    join(room, HAG, "thirdwitch")
    return room


def test_the_moderators_are_asked_and_one_decides() -> None:
    room = coven()
    (question,) = send(room, submitted(HAG, role="participant"))
    assert (question.to, question.from_, question.type) == (CRONE, room.jid, "normal")
    x = question.child("x")
    assert x is not None
    form = Form.from_element(x)
    asked = {field.var: field.values for field in form.fields}
    assert asked == {
        "muc#role": ["participant"],
        "muc#jid": [HAG],
        "muc#roomnick": ["thirdwitch"],
        "muc#request_allow": ["0"],
    }
    form.type = "submit"
    assert send(room, f"<message from='{CRONE}'>{form.to_element()}</message>") == []
    allow = form.field("muc#request_allow")
    assert allow is not None
    allow.values = ["true"]
    sent = send(room, f"<message from='{CRONE}'>{form.to_element()}</message>")
    assert {each.to: item(each)["role"] for each in sent} == dict.fromkeys([CRONE, WICCA, HAG], "participant")
    assert room.occupants["thirdwitch"].role is Role.PARTICIPANT
    assert send(room, f"<message from='{CRONE}'>{form.to_element()}</message>") == []


def test_the_nick_alone_will_do() -> None:
    room = coven()
    send(room, submitted(CRONE, role="participant", roomnick="thirdwitch", request_allow="1"))
    assert room.occupants["thirdwitch"].role is Role.PARTICIPANT


def test_who_has_voice_need_not_ask() -> None:
    assert send(coven(), submitted(WICCA, role="participant")) == []


def test_no_moderator_is_there() -> None:
    room = make_room(moderated=True)
    join(room, HAG, "thirdwitch")
    assert refusal(room, submitted(HAG)).condition == "recipient-unavailable"


@pytest.mark.parametrize(
    ("by", "values", "condition"),
    [
        ("lady@example.org/x", {}, "not-acceptable"),
        (HAG, {"role": "moderator"}, "bad-request"),
        (HAG, {"jid": HAG, "request_allow": "1"}, "forbidden"),
        (WICCA, {"jid": HAG, "request_allow": "1"}, "forbidden"),
        (
            CRONE,
            {"jid": "lady@example.org/x", "roomnick": "thirdwitch", "request_allow": "1"},
            "item-not-found",
        ),
        (CRONE, {"roomnick": "nobody", "request_allow": "1"}, "item-not-found"),
        (CRONE, {"jid": HAG, "request_allow": "perhaps"}, "not-acceptable"),
    ],
)
def test_what_is_refused(by: str, values: dict[str, str], condition: str) -> None:
    assert refusal(coven(), submitted(by, **values)).condition == condition


def test_owners_may_allow_no_requests() -> None:
    assert refusal(coven(allow_voice_requests=False), submitted(HAG)).condition == "forbidden"
