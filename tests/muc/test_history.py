"""What newcomers are sent of what was said before (XEP-0045 §7.2.13 to §7.2.15)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.stanza import Message, Stanza
from burble.xml import Element
from tests.muc.rooms import NOW, ROOM, join, make_room, refusal, send

CRONE = "crone1@example.org/desktop"
HAG = "hag66@example.org/pda"


def said(**config: object) -> Room:
    """A room where four things were said, one a minute, the last of them now, and the speaker left."""
    room = make_room(**config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    for number, text in enumerate(("one", "two", "three", "four")):
        at = NOW - 60 * (3 - number)
        send(room, f"<message from='{CRONE}' type='groupchat' id='{text}'><body>{text}</body></message>", at)
    return room


def past(sent: list[Stanza]) -> list[Stanza]:
    """Those stanzas that are of the history."""
    return [one for one in sent if one.to == HAG and one.child("body") is not None]


def bodies(room: Room, history: str) -> list[str | None]:
    """What a newcomer that asks for so much of the history is sent."""
    sent = past(join(room, HAG, "thirdwitch", x=history))
    send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'/>")
    return [one.child_text("body") for one in sent]


def test_all_that_is_kept_is_sent_with_the_time_it_was_sent_first() -> None:
    room = said()
    first, *_, last = past(join(room, HAG, "thirdwitch"))
    assert (first.from_, first.id, first.type) == (f"{ROOM}/firstwitch", "one", "groupchat")
    (stamp,) = first.elements("delay")
    assert stamp.attrs == {"from": ROOM, "stamp": "2002-10-13T23:55:37Z"}
    assert last.child_text("body") == "four"
    assert first.child("stanza-id") is not None
    assert first.child("occupant-id") is not None


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("", ["one", "two", "three", "four"]),
        ("maxstanzas='2'", ["three", "four"]),
        ("maxstanzas='0'", []),
        ("maxstanzas='-1'", []),
        ("maxstanzas='100'", ["one", "two", "three", "four"]),
        ("maxchars='0'", []),
        ("maxchars='65000'", ["one", "two", "three", "four"]),
        ("seconds='60'", ["three", "four"]),
        ("seconds='59'", ["four"]),
        ("seconds='0'", ["four"]),
        ("since='1970-01-01T00:00:00Z'", ["one", "two", "three", "four"]),
        ("since='2002-10-13T23:57:37Z'", ["three", "four"]),
        ("since='2002-10-14T01:57:38+02:00'", ["four"]),
        ("since='2030-01-01T00:00:00Z'", []),
        ("seconds='3600' maxstanzas='3' since='2002-10-13T23:57:37Z'", ["three", "four"]),
        ("seconds='60' maxstanzas='1' since='1970-01-01T00:00:00Z'", ["four"]),
        ("seconds='60' since='1970-01-01T00:00:00Z'", ["three", "four"]),
        ("unknown='7'", ["one", "two", "three", "four"]),
    ],
)
def test_all_limits_hold_together(limits: str, expected: list[str]) -> None:
    assert bodies(said(), f"<history {limits}/>") == expected


def test_characters_are_those_of_whole_stanzas() -> None:
    room = said()
    lengths = [len(one.to_string()) for one in past(join(room, HAG, "thirdwitch"))]
    send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'/>")
    two = sum(lengths[2:])
    assert bodies(room, f"<history maxchars='{two}'/>") == ["three", "four"]
    assert bodies(room, f"<history maxchars='{two - 1}'/>") == ["four"]
    assert bodies(room, f"<history maxchars='{lengths[3] - 1}'/>") == []


@pytest.mark.parametrize(
    "limits",
    [
        "since='nonsense'",
        "since=''",
        "since='2002-13-13T23:57:37Z'",
        "maxstanzas='many'",
        "maxchars='1.5'",
        "seconds='1e3'",
        "seconds='٣'",
        f"seconds='{'9' * 5000}'",
    ],
)
def test_limits_that_are_none_are_refused(limits: str) -> None:
    room = said()
    xml = (
        f"<presence from='{HAG}' to='{ROOM}/thirdwitch'><x xmlns='http://jabber.org/protocol/muc'>"
        f"<history {limits}/></x></presence>"
    )
    error = refusal(room, xml)
    assert (error.condition, error.type) == ("bad-request", "modify")


def test_a_message_that_was_replaced_is_sent_as_it_is_now() -> None:
    room = said()
    join(room, HAG, "thirdwitch")
    old = room.history[0].message
    room.history[0].message = Message(
        None, old.from_, old.attrs, Element("body", "jabber:client", None, "gone")
    )
    assert past(join(room, HAG, "thirdwitch"))[0].child_text("body") == "gone"


def test_the_owner_says_how_much_is_kept() -> None:
    room = said(history=3)
    assert bodies(room, "") == ["two", "three", "four"]
    room.configure(room.config.model_copy(update={"history": 1}))
    assert bodies(room, "") == ["four"]


def test_the_subject_comes_last_with_its_time() -> None:
    room = said()
    send(room, f"<message from='{CRONE}' type='groupchat' id='s'><subject>Fire</subject></message>", NOW - 60)
    subject = join(room, HAG, "thirdwitch")[-1]
    assert (subject.to, subject.from_, subject.type) == (HAG, f"{ROOM}/firstwitch", "groupchat")
    assert subject.child_text("subject") == "Fire"
    assert subject.child("body") is None
    (stamp,) = subject.elements("delay")
    assert stamp.attrs == {"from": ROOM, "stamp": "2002-10-13T23:57:37Z"}


def test_without_subject_an_empty_one_comes_last() -> None:
    subject = join(said(), HAG, "thirdwitch")[-1]
    assert (subject.to, subject.from_, subject.type) == (HAG, ROOM, "groupchat")
    assert [child.name for child in subject.elements()] == ["subject"]
    assert subject.child_text("subject") == ""


def test_a_second_client_gets_the_history_too() -> None:
    room = said()
    join(room, HAG, "thirdwitch")
    phone = "hag66@example.org/phone"
    sent = join(room, phone, "thirdwitch", x="<history maxstanzas='1'/>")
    assert [one.child_text("body") for one in sent if one.to == JID.parse(phone)][-2:] == ["four", None]


def test_what_an_owner_brings_along_keeps_its_own_time() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, "other@example.org/x", "other")
    stamp = "<delay xmlns='urn:xmpp:delay' from='{}' stamp='2001-01-01T00:00:00Z'/>"
    for client in (CRONE, "other@example.org/x"):
        body = f"<body>said elsewhere</body>{stamp.format(client)}"
        send(room, f"<message from='{client}' type='groupchat'>{body}</message>")
    brought, claimed = past(join(room, HAG, "thirdwitch"))
    assert [one.attrs["stamp"] for one in brought.elements("delay")] == ["2001-01-01T00:00:00Z"]
    assert [(one.attrs["from"], one.attrs["stamp"]) for one in claimed.elements("delay")] == [
        ("other@example.org/x", "2001-01-01T00:00:00Z"),
        (ROOM, "2002-10-13T23:58:37Z"),
    ]
