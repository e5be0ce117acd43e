"""Private messages, and requests among occupants (XEP-0045 §7.5, §6.6, §17.4; XEP-0410)."""

from __future__ import annotations

import pytest

from burble.modules.muc import rules
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from burble.stanza import Iq, Stanza
from tests.muc.rooms import NOW, ROOM, join, make_room, occupant, refusal, send, stanza

CRONE = "crone1@example.org/desktop"
CRONE_PHONE = "crone1@example.org/phone"
WITCH = "wiccarocks@example.org/laptop"
WITCH_PHONE = "wiccarocks@example.org/phone"
HAG = "hag66@example.org/pda"
STRANGER = "other@example.org/x"
PING = "<ping xmlns='urn:xmpp:ping'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


def three(limits: RoomLimits | None = None, **config: object) -> Room:
    """A room of an owner and a participant with two clients each, and a visitor."""
    room = make_room(limits, **config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, CRONE_PHONE, "firstwitch")
    join(room, WITCH_PHONE, "secondwitch")
    join(room, WITCH, "secondwitch")
    join(room, HAG, "thirdwitch", role=Role.VISITOR)
    return room


def message(
    client: str, to: str, inside: str = "<body>I'll give thee a wind.</body>", kind: str = "chat"
) -> str:
    """A message to an occupant."""
    return f"<message from='{client}' to='{ROOM}/{to}' id='hgn27af1' type='{kind}'>{inside}</message>"


def request(client: str, to: str, inside: str = INFO, kind: str = "get") -> str:
    """A request to an occupant."""
    return f"<iq from='{client}' to='{ROOM}/{to}' id='s2c1' type='{kind}'>{inside}</iq>"


def answer(asked: Stanza, inside: str = "", kind: str = "result", client: str | None = None) -> str:
    """What the client that was asked answers, or another one in its place."""
    return f"<iq from='{client or asked.to}' to='{asked.from_}' id='{asked.id}' type='{kind}'>{inside}</iq>"


def error(by: str, condition: str) -> str:
    """An error as the client that raised it, or its server, may write it."""
    return (
        f"<error type='cancel' by='{by}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    )


@pytest.mark.parametrize("kind", ["chat", "normal"])
def test_a_private_message_goes_to_all_clients_of_the_occupant(kind: str) -> None:
    room = three()
    sent = send(room, message(WITCH, "firstwitch", kind=kind))
    assert [one.to for one in sent] == [CRONE, CRONE_PHONE]
    for one in sent:
        assert (one.from_, one.id, one.type) == (f"{ROOM}/secondwitch", "hgn27af1", kind)
        assert one.child_text("body") == "I'll give thee a wind."
        assert one.child("x", "http://jabber.org/protocol/muc#user") is not None
        assert [child.attrs for child in one.elements("occupant-id")] == [
            {"id": occupant(room, "secondwitch").id}
        ]
    assert not room.history


def test_nobody_forges_what_the_room_would_say() -> None:
    forged = (
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='king@example.org'/></x>"
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
    )
    (one, _) = send(three(), message(WITCH, "firstwitch", forged))
    (x,) = one.elements("x")
    assert not x.children
    assert len(list(one.elements("occupant-id"))) == 1


def test_a_private_message_of_type_groupchat_is_refused() -> None:
    refused = refusal(three(), message(WITCH, "firstwitch", kind="groupchat"))
    assert (refused.condition, refused.type) == ("bad-request", "modify")


def test_an_occupant_that_is_not_there_gets_none() -> None:
    assert refusal(three(), message(WITCH, "nobody")).condition == "item-not-found"


def test_strangers_send_none() -> None:
    for nick in ("firstwitch", "nobody"):
        assert refusal(three(), message(STRANGER, nick)).condition == "not-acceptable"


@pytest.mark.parametrize(
    ("allow_pm", "allowed"),
    [
        ("anyone", [CRONE, WITCH, HAG]),
        ("participants", [CRONE, WITCH]),
        ("moderators", [CRONE]),
        ("none", []),
    ],
)
def test_owners_say_who_may_send_private_messages(allow_pm: str, allowed: list[str]) -> None:
    room = three(allow_pm=allow_pm)
    for client in (CRONE, WITCH, HAG):
        if client in allowed:
            assert send(room, message(client, "thirdwitch"))
        else:
            assert refusal(room, message(client, "thirdwitch")).condition == "forbidden"


def test_a_private_message_has_its_length() -> None:
    room = three(RoomLimits(message=1000))
    long = f"<body>{'e' * 1000}</body>"
    assert refusal(room, message(WITCH, "firstwitch", long)).condition == "policy-violation"


def test_an_error_for_a_private_message_reaches_its_sender_without_real_address() -> None:
    room = three()
    send(room, message(WITCH, "firstwitch"))
    sent = send(room, message(CRONE, "secondwitch", error(CRONE, "not-acceptable"), "error"))
    assert [(one.to, one.from_, one.type, one.id) for one in sent] == [
        (WITCH_PHONE, f"{ROOM}/firstwitch", "error", "hgn27af1"),
        (WITCH, f"{ROOM}/firstwitch", "error", "hgn27af1"),
    ]
    assert CRONE.encode() not in sent[0].to_bytes()
    assert b"not-acceptable" in sent[0].to_bytes()


def test_who_is_blocked_puts_nobody_out_by_writing_to_them() -> None:
    room = three()
    send(room, message(HAG, "firstwitch"))
    sent = send(room, message(CRONE, "thirdwitch", error(CRONE, "service-unavailable"), "error"))
    assert [one.to for one in sent] == [HAG]
    assert CRONE in room.present
    send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'/>")
    assert send(room, message(CRONE, "thirdwitch", error(CRONE, "service-unavailable"), "error")) == []
    assert CRONE in room.present


def test_errors_for_what_was_said_to_all_reach_nobody() -> None:
    room = three()
    send(room, f"<message from='{WITCH}' id='hgn27af1' type='groupchat'><body>to all</body></message>")
    assert send(room, message(CRONE, "secondwitch", error(CRONE, "not-acceptable"), "error")) == []


def test_a_request_goes_to_one_client_and_the_answer_to_the_one_that_asked() -> None:
    room = three()
    (asked,) = send(room, request(WITCH_PHONE, "firstwitch"))
    assert (asked.to, asked.from_, asked.type) == (CRONE_PHONE, f"{ROOM}/secondwitch", "get")
    assert asked.child("query") is not None
    assert b"wiccarocks" not in asked.to_bytes()
    (answered,) = send(room, answer(asked, "<query xmlns='http://jabber.org/protocol/disco#info'/>"))
    assert (answered.to, answered.from_) == (WITCH_PHONE, f"{ROOM}/firstwitch")
    assert (answered.id, answered.type) == ("s2c1", "result")
    assert answered.child("query") is not None
    assert b"crone1" not in answered.to_bytes()


def test_an_error_is_handed_back_without_real_address() -> None:
    room = three()
    (asked,) = send(room, request(WITCH, "firstwitch", kind="set"))
    (answered,) = send(room, answer(asked, error(CRONE_PHONE, "forbidden"), "error"))
    assert (answered.to, answered.type, answered.failure().condition) == (WITCH, "error", "forbidden")
    assert b"crone1" not in answered.to_bytes()


def test_only_the_client_that_was_asked_can_answer() -> None:
    room = three()
    (asked,) = send(room, request(WITCH, "firstwitch"))
    for client in (HAG, CRONE, STRANGER):
        assert send(room, answer(asked, client=client)) == []
    assert len(send(room, answer(asked))) == 1


@pytest.mark.parametrize("id_", ["", "s2c1", "a b c", "a -1 b", "a 1", "a ² b", f"a {'9' * 5000} b"])
def test_answers_to_nothing_are_dropped(id_: str) -> None:
    room = three()
    for to in (f"{ROOM}/secondwitch", f"{ROOM}/nobody", ROOM):
        for kind in ("result", "error"):
            assert send(room, f"<iq from='{CRONE}' to='{to}' id='{id_}' type='{kind}'/>") == []


def test_an_answer_arrives_after_the_one_that_was_asked_has_left() -> None:
    room = three()
    (asked,) = send(room, request(WITCH, "thirdwitch"))
    send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'/>")
    (answered,) = send(room, answer(asked))
    assert (answered.to, answered.from_) == (WITCH, f"{ROOM}/thirdwitch")


def test_ids_and_nicks_of_any_kind_come_back() -> None:
    room = three()
    join(room, "odd@example.org/x", "2 b or/not")
    odd = stanza(request(WITCH, "2 b or/not"))
    odd.attrs["id"] = "a 3 b\n'<"
    (asked,) = rules.receive(room, odd, NOW)
    result = Iq(asked.from_, asked.to, {"type": "result", "id": asked.attrs["id"]})
    (answered,) = rules.receive(room, result, NOW)
    assert (answered.id, answered.from_) == ("a 3 b\n'<", f"{ROOM}/2 b or/not")


def test_a_vcard_is_asked_of_the_account() -> None:
    room = three()
    (asked,) = send(room, request(WITCH, "firstwitch", "<vCard xmlns='vcard-temp'/>"))
    assert asked.to == "crone1@example.org"
    (answered,) = send(room, answer(asked, "<vCard xmlns='vcard-temp'><FN>C</FN></vCard>"))
    assert (answered.to, answered.from_) == (WITCH, f"{ROOM}/firstwitch")


def test_strangers_can_neither_discover_nor_ask() -> None:
    room = three()
    items = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
    for inside, condition in ((INFO, "bad-request"), (items, "bad-request"), (PING, "not-acceptable")):
        for nick in ("firstwitch", "nobody"):
            assert refusal(room, request(STRANGER, nick, inside)).condition == condition


def test_an_occupant_that_is_not_there_is_not_asked() -> None:
    assert refusal(three(), request(WITCH, "nobody")).condition == "item-not-found"


def test_the_room_answers_a_ping_to_ones_own_nick() -> None:
    room = three()
    (pong,) = send(room, request(WITCH_PHONE, "secondwitch", PING))
    assert (pong.to, pong.from_, pong.id, pong.type) == (WITCH_PHONE, f"{ROOM}/secondwitch", "s2c1", "result")
    assert not pong.children
    refused = refusal(room, request("wiccarocks@example.org/third", "secondwitch", PING))
    assert (refused.condition, refused.type) == ("not-acceptable", "cancel")


def test_a_ping_to_another_occupant_is_handed_on() -> None:
    (asked,) = send(three(), request(WITCH, "thirdwitch", PING))
    assert asked.to == HAG
