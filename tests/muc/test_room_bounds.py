"""What nobody can make a room keep, hand on or ask for too much of (XEP-0045 §14, denial of service)."""

from __future__ import annotations

import pytest

from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation
from burble.stanza import Presence
from tests.muc.rooms import NOW, ROOM, join, make_room, refusal, send, sent_to
from tests.muc.test_rules import CRONE, HAG

LIMITS = RoomLimits(presence=300, history_bytes=2000, affiliations=4, reason=10)
LONG = f"<status>{'x' * 300}</status>"


def test_a_presence_is_as_long_as_the_service_allows() -> None:
    room = make_room(LIMITS)
    entry = f"<presence from='{HAG}' to='{ROOM}/thirdwitch'><x xmlns='http://jabber.org/protocol/muc'/>"
    assert refusal(room, f"{entry}{LONG}</presence>").condition == "policy-violation"
    send(room, f"{entry}</presence>")
    update = f"<presence from='{HAG}' to='{ROOM}/thirdwitch'>{LONG}</presence>"
    assert refusal(room, update).condition == "policy-violation"


def test_whoever_leaves_with_a_long_message_leaves_without_it() -> None:
    room = make_room(LIMITS)
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    sent = send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'>{LONG}</presence>")
    (told,) = sent_to(sent, CRONE)
    assert isinstance(told, Presence)
    assert (told.type, told.child("status")) == ("unavailable", None)
    assert HAG not in room.present


def test_the_history_has_so_many_bytes_at_most() -> None:
    """Else a hundred long messages would be too much for whoever enters, and for the memory."""
    room = make_room(LIMITS, history=100)
    join(room, HAG, "thirdwitch")
    for number in range(20):
        text = f"{number:03}" + "x" * 400
        send(room, f"<message from='{HAG}' type='groupchat'><body>{text}</body></message>")
    kept = [(one.message.body or "")[:3] for one in room.history]
    assert kept == ["018", "019"]
    send(room, f"<message from='{HAG}' type='groupchat'><body>{'x' * 2000}</body></message>")
    assert not room.history


def test_private_messages_leave_nothing_long_behind() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, HAG, "thirdwitch")
    long = "x" * 10_000
    said = "<body>hello</body>"
    send(room, f"<message from='{HAG}' to='{ROOM}/firstwitch' type='chat' id='{long}'>{said}</message>")
    assert long not in repr(room.private)


@pytest.mark.parametrize("wanted", ["member", "outcast"])
def test_a_room_keeps_so_many_affiliations_at_most(wanted: str) -> None:
    room = make_room(LIMITS)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)

    def change(*numbers: int, affiliation: str = wanted) -> str:
        items = "".join(
            f"<item jid='u{number}@example.org' affiliation='{affiliation}'/>" for number in numbers
        )
        query = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query>"
        return f"<iq from='{CRONE}' id='1' type='set'>{query}</iq>"

    assert refusal(room, change(1, 2, 3, 4)).condition == "policy-violation"
    send(room, change(1, 2, 3))
    assert refusal(room, change(4)).condition == "policy-violation"
    send(room, change(3, affiliation="admin"))
    send(room, change(3, affiliation="none"))
    send(room, change(4))


def test_invitations_and_registration_make_no_more_members_than_there_may_be() -> None:
    room = make_room(LIMITS, members_only=True, registration="anyone")
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    for number in range(3):
        room.grant(room.jid.parse(f"u{number}@example.org"), Affiliation.MEMBER)
    x = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='hag66@example.org'/></x>"
    assert refusal(room, f"<message from='{CRONE}'>{x}</message>").condition == "policy-violation"
    form = (
        "<x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>"
        "<field var='muc#register_roomnick'><value>thirdwitch</value></field></x>"
    )
    query = f"<query xmlns='jabber:iq:register'>{form}</query>"
    assert refusal(room, f"<iq from='{HAG}' id='1' type='set'>{query}</iq>").condition == "policy-violation"


@pytest.mark.parametrize(
    "item", ["nick='thirdwitch' role='none'", "jid='u@example.org' affiliation='outcast'"]
)
def test_reasons_are_as_long_as_the_service_allows(item: str) -> None:
    room = make_room(LIMITS)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch")
    items = f"<item {item}><reason>{'x' * 11}</reason></item>"
    query = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query>"
    assert refusal(room, f"<iq from='{CRONE}' id='1' type='set'>{query}</iq>").condition == "policy-violation"
    reason = f"<reason>{'x' * 11}</reason>"
    invite = (
        f"<x xmlns='http://jabber.org/protocol/muc#user'><invite to='u@example.org'>{reason}</invite></x>"
    )
    assert refusal(room, f"<message from='{CRONE}'>{invite}</message>").condition == "policy-violation"


def asks_for_voice() -> str:
    form = (
        "<x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
        "<field var='muc#role'><value>participant</value></field></x>"
    )
    return f"<message from='{HAG}'>{form}</message>"


def test_who_asks_for_voice_waits_before_asking_again() -> None:
    """Who has no voice would have one that only moderators hear."""
    room = make_room(moderated=True)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch")
    assert sent_to(send(room, asks_for_voice()), CRONE)
    error = refusal(room, asks_for_voice(), NOW + 10)
    assert (error.condition, error.type) == ("policy-violation", "wait")
    assert sent_to(send(room, asks_for_voice(), NOW + 60), CRONE)


def asks_to_register(client: str = HAG, nick: str = "thirdwitch", more: str = "") -> str:
    form = (
        "<x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>"
        f"<field var='muc#register_roomnick'><value>{nick}</value></field>{more}</x>"
    )
    return f"<iq from='{client}' id='1' type='set'><query xmlns='jabber:iq:register'>{form}</query></iq>"


def test_who_asks_to_register_waits_before_asking_again() -> None:
    """Each request goes to all admins, and is kept for them where they are away."""
    room = make_room()
    room.grant(room.jid.parse("crone1@example.org"), Affiliation.OWNER)
    assert sent_to(send(room, asks_to_register()), "crone1@example.org")
    error = refusal(room, asks_to_register("hag66@example.org/other"), NOW + 10)
    assert (error.condition, error.type) == ("policy-violation", "wait")
    assert sent_to(
        send(room, asks_to_register("other@example.org/x", "fourth"), NOW + 10), "crone1@example.org"
    )
    assert sent_to(send(room, asks_to_register(), NOW + 60), "crone1@example.org")


def test_a_registration_request_is_no_longer_than_a_message() -> None:
    room = make_room(RoomLimits(message=3000))
    room.grant(room.jid.parse("crone1@example.org"), Affiliation.OWNER)
    more = f"<field var='muc#register_url'><value>{'x' * 3000}</value></field>"
    assert refusal(room, asks_to_register(more=more)).condition == "policy-violation"


def test_a_room_remembers_few_of_those_who_asked() -> None:
    room = make_room()
    room.grant(room.jid.parse("crone1@example.org"), Affiliation.OWNER)
    for number in range(300):
        send(room, asks_to_register(f"u{number}@example.org/x", f"nick{number}"), NOW + number)
    assert len(room.asked) <= 60


def invites(*invitees: str) -> str:
    inside = "".join(f"<invite to='{invitee}'/>" for invitee in invitees)
    return f"<message from='{CRONE}'><x xmlns='http://jabber.org/protocol/muc#user'>{inside}</x></message>"


def test_nobody_is_invited_again_and_again() -> None:
    """A room is no way to write to whoever blocks one, or to all the world."""
    room = make_room()
    join(room, CRONE, "firstwitch")
    assert sent_to(send(room, invites("hag66@example.org")), "hag66@example.org")
    error = refusal(room, invites("other@example.org", "hag66@example.org/pda"), NOW + 10)
    assert (error.condition, error.type) == ("policy-violation", "wait")
    assert sent_to(send(room, invites("other@example.org"), NOW + 10), "other@example.org")
    assert sent_to(send(room, invites("hag66@example.org"), NOW + 60), "hag66@example.org")


def test_a_room_invites_so_many_at_most() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    for start in range(0, 60, 20):
        assert len(send(room, invites(*(f"u{start + number}@example.org" for number in range(20))))) == 20
    assert refusal(room, invites("hag66@example.org")).condition == "policy-violation"
    assert len(send(room, invites("hag66@example.org"), NOW + 60)) == 1


def test_of_many_new_members_so_many_are_invited() -> None:
    """§9.5: all become members, though."""
    room = make_room(members_only=True)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    invited = []
    for affiliation in ("member", "none", "member"):
        items = "".join(f"<item jid='u{n}@example.org' affiliation='{affiliation}'/>" for n in range(100))
        query = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query>"
        sent = send(room, f"<iq from='{CRONE}' id='1' type='set'>{query}</iq>")
        invited.append(sum(one.kind == "message" for one in sent))
    assert len(room.standings) == 101
    assert invited == [60, 0, 0]
    assert sent_to(send(room, invites("u1@example.org")), "u1@example.org")


def test_those_who_are_invited_take_nothing_from_those_who_ask() -> None:
    room = make_room(moderated=True)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, HAG, "thirdwitch")
    for start in range(0, 60, 20):
        send(room, invites(*(f"u{start + number}@example.org" for number in range(20))))
    assert sent_to(send(room, asks_for_voice()), CRONE)
