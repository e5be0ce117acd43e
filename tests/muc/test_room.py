"""The state of a room, and what of it is noted to be stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Hat, Room, likeness
from tests.muc.rooms import ROOM, join, make_room, occupant

HAG = JID.parse("hag66@example.org")


def test_an_affiliation_is_that_of_the_account_or_else_of_its_domain() -> None:
    room = make_room()
    assert room.affiliation(HAG) is Affiliation.NONE
    room.grant(JID.parse("example.org"), Affiliation.MEMBER)
    assert room.affiliation(JID.parse("hag66@example.org/pda")) is Affiliation.MEMBER
    room.grant(HAG, Affiliation.OUTCAST, "cackles")
    assert room.affiliation(HAG) is Affiliation.OUTCAST
    assert room.standings[HAG].reason == "cackles"
    room.grant(HAG, Affiliation.NONE)
    assert room.affiliation(HAG) is Affiliation.MEMBER
    assert HAG not in room.standings


def test_what_is_changed_is_noted_to_be_stored() -> None:
    room = make_room()
    room.grant(HAG, Affiliation.OWNER)
    room.register(HAG, "thirdwitch")
    room.wear(HAG, (Hat("urn:host", "Host"),))
    room.configure(room.config)
    assert room.unsaved == [("affiliation", HAG), ("nick", HAG), ("hats", HAG), ("config", None)]


def test_a_new_registered_nick_frees_the_old_one() -> None:
    room = make_room()
    room.register(HAG, "thirdwitch")
    room.register(HAG, "OldHag")
    assert room.nicks == {HAG: "OldHag"}
    assert room.holder("oldhag") == HAG
    assert room.holder("thirdwitch") is None
    room.register(HAG, "")
    assert room.nicks == {}
    assert room.holder("oldhag") is None


def test_hats_are_taken_off() -> None:
    room = make_room()
    room.wear(HAG, (Hat("urn:host", "Host"),))
    room.wear(HAG, ())
    assert room.hats == {}


def test_occupant_ids_are_of_the_account_the_room_and_its_secret() -> None:
    room = make_room()
    ids = {
        room.occupant_id(HAG),
        room.occupant_id(JID.parse("crone1@example.org")),
        Room(room.jid, room.config, b"other").occupant_id(HAG),
        Room(JID.parse("heath@chat.example.org"), room.config, room.secret).occupant_id(HAG),
    }
    assert len(ids) == 4
    assert room.occupant_id(HAG) == make_room().occupant_id(HAG)
    assert all(len(one) <= 128 for one in ids)
    join(room, "hag66@example.org/pda", "thirdwitch")
    join(room, "hag66@example.org/phone", "oldhag")
    assert occupant(room, "thirdwitch").id == occupant(room, "oldhag").id == room.occupant_id(HAG)


@pytest.mark.parametrize(
    ("whois", "role", "sees"),
    [
        ("moderators", Role.MODERATOR, True),
        ("moderators", Role.PARTICIPANT, False),
        ("moderators", Role.VISITOR, False),
        ("anyone", Role.VISITOR, True),
    ],
)
def test_who_sees_real_addresses(whois: str, role: Role, sees: bool) -> None:
    assert make_room(whois=whois).sees_addresses(role) is sees


def test_outcasts_have_no_role() -> None:
    assert make_room().first_role(Affiliation.OUTCAST) is Role.NONE


@pytest.mark.parametrize(
    ("one", "other"),
    [("Juliet", "juliet"), ("STRASSE", "straße"), ("a  b", "A B"), ("Ａ", "a"), ("b ", "b"), ("Ⅳ", "iv")],
)
def test_nicks_that_people_could_take_for_one_another_are_alike(one: str, other: str) -> None:
    assert likeness(one) == likeness(other)


def test_others_are_not_alike() -> None:
    assert len({likeness(nick) for nick in ("juliet", "romeo", "jul iet", "julia", "é", "e")}) == 6
    assert likeness("") == likeness("  ") == ""


@given(st.text(max_size=20))
def test_what_is_alike_stays_so(nick: str) -> None:
    assert likeness(likeness(nick)) == likeness(nick)


def test_one_client_more_or_less() -> None:
    room = make_room()
    join(room, "hag66@example.org/pda", "thirdwitch")
    join(room, "hag66@example.org/phone", "thirdwitch")
    assert occupant(room, "thirdwitch").session == "hag66@example.org/phone"
    room.leave(JID.parse("hag66@example.org/phone"))
    assert occupant(room, "thirdwitch").session == "hag66@example.org/pda"
    room.leave(JID.parse("hag66@example.org/pda"))
    assert not room.occupants
    assert not room.present
    assert room.namesake("thirdwitch") is None
    assert room.jid == ROOM
