"""Which rule takes what is sent to a room."""

from __future__ import annotations

import pytest

from burble.modules.muc.ranks import Affiliation
from tests.muc.rooms import ROOM, codes, join, make_room, refusal, send

CRONE = "crone1@example.org/desktop"
HAG = "hag66@example.org/pda"


def test_a_room_does_not_answer_what_it_does_not_know() -> None:
    room = make_room()
    for inside in ("<query xmlns='urn:unknown'/>", "<unknown xmlns='http://jabber.org/protocol/muc#admin'/>"):
        error = refusal(room, f"<iq from='{CRONE}' id='1' type='get'>{inside}</iq>")
        assert error.condition == "service-unavailable"


@pytest.mark.parametrize("kind", ["result", "error"])
def test_answers_that_a_room_did_not_ask_for_are_dropped(kind: str) -> None:
    assert send(make_room(), f"<iq from='{CRONE}' id='1' type='{kind}'/>") == []


def test_lists_and_invitations_find_their_rules() -> None:
    room = make_room()
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    lists = "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner'/></query>"
    (result,) = send(room, f"<iq from='{CRONE}' id='1' type='get'>{lists}</iq>")
    assert "crone1@example.org" in result.to_string()
    for what, to in (("invite", "hag66@example.org"), ("decline", CRONE)):
        inside = f"<x xmlns='http://jabber.org/protocol/muc#user'><{what} to='{to}'/></x>"
        (told,) = send(room, f"<message from='{CRONE}'>{inside}</message>")
        assert told.to == to
    inside = "<x xmlns='http://jabber.org/protocol/muc#user'><unknown/></x>"
    assert refusal(room, f"<message from='{CRONE}'>{inside}</message>").condition == "bad-request"


def test_nobody_but_the_owner_reaches_a_locked_room() -> None:
    room = make_room()
    room.locked = True
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    inside = "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='moderator'/></query>"
    for xml in (
        f"<iq from='{HAG}' id='1' type='get'>{inside}</iq>",
        f"<message from='{HAG}' type='groupchat'/>",
        f"<message from='{HAG}' to='{ROOM}/firstwitch' type='chat'/>",
    ):
        assert refusal(room, xml).condition == "item-not-found"
    for kind in ("message", "presence", "iq"):
        assert send(room, f"<{kind} from='{HAG}' id='1' type='error'/>") == []
    assert send(room, f"<presence from='{HAG}' to='{ROOM}/x' type='unavailable'/>") == []
    assert codes(send(room, f"<presence from='{HAG}' to='{ROOM}/x'/>")[0]) == [110, 307, 333]
    assert len(send(room, f"<message from='{CRONE}' type='groupchat'><body>hello?</body></message>")) == 1


def test_the_owner_reaches_a_locked_room_from_any_client() -> None:
    room = make_room()
    room.locked = True
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    inside = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"
    (form,) = send(room, f"<iq from='crone1@example.org/phone' id='1' type='get'>{inside}</iq>")
    assert form.type == "result"
