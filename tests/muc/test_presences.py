"""How the presence of occupants is told (XEP-0045 §7.2.2 to §7.2.4, §17.3)."""

from __future__ import annotations

from burble.jid import JID
from burble.modules.muc import presences
from burble.modules.muc.presences import Note
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Hat, Room
from tests.muc.rooms import ROOM, codes, item, join, make_room, occupant, send, sent_to

CRONE = "crone1@example.org/desktop"
WITCH = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"


def three(**config: object) -> Room:
    """A room of an owner, a participant and a member."""
    room = make_room(**config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WITCH, "secondwitch")
    join(room, HAG, "thirdwitch", Affiliation.MEMBER)
    return room


def test_a_change_is_told_to_all_with_what_is_said_of_it() -> None:
    room = three()
    hag = occupant(room, "thirdwitch")
    hag.role = Role.VISITOR
    sent = presences.changed(room, hag, Note(reason="Hush!", actor="firstwitch"), Role.PARTICIPANT)
    assert [one.to for one in sent] == [WITCH, CRONE, HAG]
    for one, expected in zip(sent, ([], [], [110]), strict=True):
        assert item(one)["role"] == "visitor"
        assert codes(one) == expected
        assert "Hush!" in one.to_string()
        assert "<actor nick='firstwitch'/>" in one.to_string()


def test_who_is_shown_no_longer_leaves_the_rosters_of_the_others() -> None:
    room = three(presence_broadcast=frozenset({"moderator", "participant"}))
    hag = occupant(room, "thirdwitch")
    hag.role = Role.VISITOR
    sent = presences.changed(room, hag, was=Role.PARTICIPANT)
    assert [(one.to, one.type) for one in sent] == [(WITCH, "unavailable"), (CRONE, "unavailable"), (HAG, "")]
    assert item(sent[0]) == {"affiliation": "member", "role": "visitor"}
    assert [one.to for one in presences.changed(room, hag)] == [HAG]
    hag.role = Role.PARTICIPANT
    assert [one.type for one in presences.changed(room, hag, was=Role.VISITOR)] == ["", "", ""]


def test_a_new_moderator_is_told_the_addresses_it_may_see() -> None:
    room = three()
    hag = occupant(room, "thirdwitch")
    hag.role = Role.MODERATOR
    sent = sent_to(presences.changed(room, hag, was=Role.PARTICIPANT), HAG)
    assert [(one.from_, item(one)["jid"]) for one in sent] == [
        (f"{ROOM}/thirdwitch", HAG),
        (f"{ROOM}/firstwitch", CRONE),
        (f"{ROOM}/secondwitch", WITCH),
    ]
    room = three(whois="anyone")
    hag = occupant(room, "thirdwitch")
    hag.role = Role.MODERATOR
    assert len(sent_to(presences.changed(room, hag, was=Role.PARTICIPANT), HAG)) == 1


def test_what_newcomers_are_sent_is_made_once_but_never_stale() -> None:
    room = three()
    hag = occupant(room, "thirdwitch")

    def shown() -> str:
        return presences.seen(room, hag, True).to_string()

    assert presences.seen(room, hag, True) is presences.seen(room, hag, True)
    assert presences.seen(room, hag, True) is not presences.seen(room, hag, False)
    told = [shown()]
    send(room, f"<presence from='{HAG}' to='{ROOM}/thirdwitch'><show>away</show></presence>")
    told.append(shown())
    hag.role = Role.VISITOR
    told.append(shown())
    room.grant(JID.parse("hag66@example.org"), Affiliation.ADMIN)
    told.append(shown())
    room.wear(JID.parse("hag66@example.org"), (Hat("urn:host", "Host"),))
    told.append(shown())
    join(room, "hag66@example.org/phone", "thirdwitch", inside="<show>away</show>")
    told.append(shown())
    assert len(set(told)) == len(told)


def test_entering_a_large_room_takes_no_serialising_of_what_others_were_sent() -> None:
    room = make_room()
    for number in range(50):
        join(room, f"user{number}@example.org/x", f"nick{number}")
    first = sent_to(join(room, HAG, "thirdwitch"), HAG)
    second = sent_to(join(room, CRONE, "firstwitch"), CRONE)
    shared = [one.children is other.children for one, other in zip(first[:50], second[:50], strict=True)]
    assert all(shared)


def test_hats_of_the_language_and_colour_they_have() -> None:
    room = three()
    room.wear(JID.parse("hag66@example.org"), (Hat("urn:host", "Gastgeber", "de", "327.255249"),))
    hats = presences.seen(room, occupant(room, "thirdwitch"), False).child("hats", "urn:xmpp:hats:0")
    assert str(hats) == (
        "<hats xmlns='urn:xmpp:hats:0'>"
        "<hat uri='urn:host' title='Gastgeber' xml:lang='de' hue='327.255249'/></hats>"
    )
