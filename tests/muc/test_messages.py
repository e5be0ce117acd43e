"""Messages to all occupants, and the subject (XEP-0045 §7.4, §8.1; XEP-0359; XEP-0421)."""

from __future__ import annotations

import uuid

import pytest

from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from tests.muc.rooms import NOW, ROOM, join, make_room, occupant, refusal, send

CRONE = "crone1@example.org/desktop"
WITCH = "wiccarocks@example.org/laptop"
WITCH_PHONE = "wiccarocks@example.org/phone"
HAG = "hag66@example.org/pda"


def three(limits: RoomLimits | None = None, **config: object) -> Room:
    """A room of an owner, a participant with two clients, and a visitor."""
    room = make_room(limits, **config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch")
    join(room, WITCH_PHONE, "secondwitch")
    join(room, HAG, "thirdwitch", role=Role.VISITOR)
    return room


def message(client: str, inside: str, attrs: str = "id='hysf1v37'") -> str:
    """A message of type groupchat to the room."""
    return f"<message from='{client}' type='groupchat' {attrs}>{inside}</message>"


def test_a_message_is_reflected_to_every_client() -> None:
    room = three()
    sent = send(room, message(WITCH, "<body>Harpier cries: 'tis time</body>", "id='a1' xml:lang='en'"))
    assert [one.to for one in sent] == [CRONE, WITCH, WITCH_PHONE, HAG]
    for one in sent:
        assert (one.kind, one.type, one.id, one.lang) == ("message", "groupchat", "a1", "en")
        assert one.from_ == f"{ROOM}/secondwitch"
        assert one.child_text("body") == "Harpier cries: 'tis time"


def test_all_get_the_same_stanza_id_and_occupant_id() -> None:
    room = three()
    first = send(room, message(WITCH, "<body>one</body>"))
    second = send(room, message(WITCH_PHONE, "<body>two</body>"))
    ids = []
    for sent in (first, second):
        (attrs,) = {tuple(child.attrs.items()) for one in sent for child in one.elements("stanza-id")}
        ids.append(dict(attrs))
        (occupant_id,) = {child.attrs["id"] for one in sent for child in one.elements("occupant-id")}
        assert occupant_id == occupant(room, "secondwitch").id
    assert [one["by"] for one in ids] == [ROOM, ROOM]
    assert ids[0]["id"] != ids[1]["id"]
    assert str(uuid.UUID(ids[0]["id"])) == ids[0]["id"]


def test_a_message_without_id_gets_one_that_is_the_same_for_all() -> None:
    sent = send(three(), message(WITCH, "<body>one</body>", ""))
    (id_,) = {one.id for one in sent}
    assert id_


def test_what_only_the_room_may_say_is_taken_out_and_all_else_passes() -> None:
    forged = (
        "<body>one</body>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='{ROOM.upper()}'/>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' id='theirs' by='{WITCH.partition('/')[0]}'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' id='other' by='example.org'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' id='none' by='@@'/>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='mine'/>"
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
        "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>"
        f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='1610-04-20T00:00:00Z'/>"
        "<html xmlns='http://jabber.org/protocol/xhtml-im'/>"
        "<active xmlns='http://jabber.org/protocol/chatstates'/>"
    )
    room = three()
    (one, *_) = send(room, message(WITCH, forged))
    assert [(child.name, child.get("id")) for child in one.elements()] == [
        ("body", None),
        ("stanza-id", "other"),
        ("stanza-id", "none"),
        ("origin-id", "mine"),
        ("html", None),
        ("active", None),
        ("occupant-id", occupant(room, "secondwitch").id),
        ("stanza-id", room.history[-1].id),
    ]


def test_visitors_have_no_voice() -> None:
    error = refusal(three(), message(HAG, "<body>may I?</body>"))
    assert (error.condition, error.type) == ("forbidden", "auth")


@pytest.mark.parametrize("inside", ["<body>hello</body>", "<subject>hello</subject>"])
def test_strangers_do_not_speak_in_the_room(inside: str) -> None:
    error = refusal(three(), message("crone1@example.org/elsewhere", inside))
    assert error.condition == "not-acceptable"


@pytest.mark.parametrize("kind", ["chat", "normal", "headline"])
def test_a_message_to_the_room_has_to_be_of_type_groupchat(kind: str) -> None:
    error = refusal(three(), f"<message from='{WITCH}' type='{kind}'><body>hello</body></message>")
    assert error.condition == "bad-request"


def test_a_message_has_its_length() -> None:
    room = three(RoomLimits(message=1000))
    assert refusal(room, message(WITCH, f"<body>{'é' * 500}</body>")).condition == "policy-violation"
    assert send(room, message(WITCH, f"<body>{'e' * 500}</body>"))


def test_what_was_said_is_kept() -> None:
    room = three()
    room.unsaved.clear()
    (sent, *_) = send(room, message(WITCH, "<body>one</body>"))
    (spoken,) = room.history
    assert (spoken.at, spoken.sender) == (NOW, "wiccarocks@example.org")
    assert spoken.message.from_ == f"{ROOM}/secondwitch"
    assert [*spoken.message.elements()] == [*sent.elements()]
    assert room.unsaved == [("history", spoken)]


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        ("<body>one</body>", True),
        ("<reactions xmlns='urn:xmpp:reactions:0' id='x'/><store xmlns='urn:xmpp:hints'/>", True),
        ("<active xmlns='http://jabber.org/protocol/chatstates'/>", False),
        ("<body>one</body><no-store xmlns='urn:xmpp:hints'/>", False),
        ("<subject>one</subject>", False),
        ("<subject>one</subject><body>one</body>", True),
    ],
)
def test_newcomers_are_not_bothered_with_everything(inside: str, kept: bool) -> None:
    room = three()
    send(room, message(CRONE, inside))
    assert len(room.history) == kept


def test_the_oldest_goes_when_there_is_too_much() -> None:
    room = three(history=2)
    for number in range(4):
        send(room, message(WITCH, f"<body>{number}</body>"))
    assert [spoken.message.body for spoken in room.history] == ["2", "3"]


def test_the_service_limits_the_history_too() -> None:
    room = three(RoomLimits(history=0))
    send(room, message(WITCH, "<body>one</body>"))
    assert not room.history


def test_a_moderator_changes_the_subject() -> None:
    room = three()
    room.unsaved.clear()
    sent = send(room, message(CRONE, "<subject>Fire Burn</subject>"))
    assert [one.to for one in sent] == [CRONE, WITCH, WITCH_PHONE, HAG]
    for one in sent:
        assert one.from_ == f"{ROOM}/firstwitch"
        assert one.child_text("subject") == "Fire Burn"
        assert one.child("body") is None
        assert one.child("delay") is None
    assert room.subject is not None
    assert room.subject.child_text("subject") == "Fire Burn"
    assert room.unsaved == [("subject", None)]


@pytest.mark.parametrize("empty", ["<subject/>", "<subject></subject>"])
def test_a_subject_can_be_taken_away(empty: str) -> None:
    room = three()
    send(room, message(CRONE, "<subject>Fire Burn</subject>"))
    sent = send(room, message(CRONE, empty))
    assert [one.child_text("subject") for one in sent] == [""] * 4
    assert room.subject is not None
    assert room.subject.child_text("subject") == ""


def test_others_change_it_only_where_they_may() -> None:
    subject = "<subject>Cauldron Bubble</subject>"
    error = refusal(three(), message(WITCH, subject))
    assert (error.condition, error.type) == ("forbidden", "auth")
    room = three(change_subject=True)
    assert send(room, message(WITCH, subject))
    assert refusal(room, message(HAG, subject)).condition == "forbidden"


@pytest.mark.parametrize("besides", ["<body>hello</body>", "<body/>", "<thread>t</thread>"])
def test_a_subject_besides_a_body_or_thread_is_just_a_message(besides: str) -> None:
    room = three()
    sent = send(room, message(WITCH, f"<subject>Cauldron Bubble</subject>{besides}"))
    assert len(sent) == 4
    assert room.subject is None


def test_a_subject_has_its_length() -> None:
    room = three(RoomLimits(subject=1000))
    assert refusal(room, message(CRONE, f"<subject>{'e' * 1000}</subject>")).condition == "policy-violation"
    assert send(room, message(CRONE, f"<subject>{'e' * 100}</subject>"))


def test_nothing_is_said_in_a_room_that_is_not_open_yet() -> None:
    room = make_room()
    room.locked = True
    assert refusal(room, message(CRONE, "<body>hello</body>")).condition == "item-not-found"


def test_a_message_is_serialised_once_for_all() -> None:
    room = three()
    sent = send(room, message(WITCH, "<body>one</body>"))
    texts = {one.to_bytes().replace(str(one.to).encode(), b"") for one in sent}
    assert len(texts) == 1
    assert len({id(one.children) for one in sent}) == 1


def test_an_occupant_takes_back_what_it_said_itself() -> None:
    room = three()
    send(room, message(WITCH, "<body>one</body>"))
    send(room, message(CRONE, "<body>two</body>"))
    mine, other = (spoken.id for spoken in room.history)

    def retraction(id_: str) -> str:
        return message(WITCH, f"<retract xmlns='urn:xmpp:message-retract:1' id='{id_}'/>")

    assert refusal(room, retraction(other)).condition == "forbidden"
    assert len(send(room, retraction(mine))) == 4
    assert [spoken.message.body for spoken in room.history] == [None, "two", None]
    assert room.history[0].message.child("retracted") is not None
    assert room.history[2].message.child("retract") is not None
    assert len(send(room, retraction("long-forgotten"))) == 4
