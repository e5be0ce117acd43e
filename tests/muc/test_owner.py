"""Configuring rooms and destroying them (XEP-0045 §10.1, §10.2, §10.9)."""

from __future__ import annotations

import pytest

from burble.forms import Form
from burble.jid import JID
from burble.modules.muc.owner import destroyed
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from burble.stanza import Stanza
from tests.muc.rooms import codes, item, join, make_room, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
WICCA = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"


def request(inside: str, by: str = CRONE, kind: str = "set") -> str:
    query = f"<query xmlns='http://jabber.org/protocol/muc#owner'>{inside}</query>"
    return f"<iq from='{by}' id='o1' type='{kind}'>{query}</iq>"


def form(kind: str = "submit", **values: list[str] | str) -> str:
    fields = ""
    for name, value in values.items():
        texts = [value] if isinstance(value, str) else value
        inside = "".join(f"<value>{text}</value>" for text in texts)
        fields += f"<field var='muc#roomconfig_{name}'>{inside}</field>"
    return f"<x xmlns='jabber:x:data' type='{kind}'>{fields}</x>"


def coven(**config: object) -> Room:
    room = make_room(**config)
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    join(room, WICCA, "secondwitch", Affiliation.ADMIN)
    join(room, HAG, "thirdwitch")
    room.unsaved.clear()
    return room


def told(sent: list[Stanza], client: str) -> list[str]:
    """What a client hears of others: presences as nick, type and role; messages as codes."""
    out = []
    for each in sent_to(sent, client):
        assert each.from_ is not None
        if each.name == "presence":
            out.append(" ".join([each.from_.resource, each.type, item(each)["role"]]))
        elif each.name == "message":
            out.append(str(codes(each)))
    return out


@pytest.mark.parametrize("inside", ["", form(), "<destroy/>", form("cancel")])
def test_only_owners(inside: str) -> None:
    room = coven()
    for by in (WICCA, HAG):
        for kind in ("get", "set"):
            assert refusal(room, request(inside, by, kind)).condition == "forbidden"


def test_the_form_is_shown() -> None:
    (result,) = send(coven(name="Cave"), request("", kind="get"))
    query = result.child("query")
    assert query is not None
    shown = query.child("x")
    assert shown is not None
    assert Form.from_element(shown).value("muc#roomconfig_roomname") == "Cave"


def test_an_instant_room() -> None:
    """§10.1.2: what is to be stored is the configuration that it has."""
    room = coven()
    room.locked = True
    (result,) = send(room, request(form()))
    assert result.type == "result"
    assert not room.locked
    assert room.unsaved == [("config", None)]


def test_a_reserved_room_stays_locked_until_its_form_is_good() -> None:
    """§10.1.3."""
    room = coven()
    room.locked = True
    assert refusal(room, request(form(passwordprotectedroom="1"))).condition == "not-acceptable"
    assert room.locked
    send(room, request(form(membersonly="0", roomname="Cave")))
    assert (room.locked, room.config.name) == (False, "Cave")


def test_cancelling_a_new_room_ends_it_and_an_old_one_not() -> None:
    """§10.1.3, §10.2."""
    room = coven()
    (result,) = send(room, request(form("cancel")))
    assert (result.type, room.destroyed) == ("result", False)
    room.locked = True
    *gone, result = send(room, request(form("cancel")))
    assert {each.to for each in gone} == {CRONE, WICCA, HAG}
    assert (result.type, room.destroyed, room.occupants) == ("result", True, {})


@pytest.mark.parametrize(
    "inside", ["", "<x xmlns='jabber:x:data' type='form'/>", "<x xmlns='jabber:x:data'/>"]
)
def test_requests_that_make_no_sense(inside: str) -> None:
    assert refusal(coven(), request(inside)).condition in ("bad-request", "not-acceptable")


@pytest.mark.parametrize(
    ("config", "values", "expected"),
    [
        ({}, {"roomname": "Cave"}, [104]),
        ({}, {"enablelogging": "1"}, [170]),
        ({"logging": True}, {"enablelogging": "0"}, [171]),
        ({}, {"whois": "anyone"}, [172]),
        ({"whois": "anyone"}, {"whois": "moderators"}, [173]),
        ({}, {"whois": "anyone", "enablelogging": "1", "roomname": "Cave"}, [104, 170, 172]),
    ],
)
def test_all_hear_what_kind_of_change_there_was(
    config: dict[str, object], values: dict[str, str], expected: list[int]
) -> None:
    """§10.2.1."""
    _, *sent = send(coven(**config), request(form(**values)))
    for client in (CRONE, WICCA, HAG):
        (message,) = sent_to(sent, client)
        assert (message.type, message.from_, codes(message)) == (
            "groupchat",
            "coven@chat.example.org",
            expected,
        )


def test_nothing_is_said_of_no_change() -> None:
    room = coven()
    assert len(send(room, request(form(roomname="")))) == 1
    assert room.unsaved == []


def test_non_members_leave_a_room_made_members_only() -> None:
    """§10.2: with code 322."""
    room = coven()
    _, *sent = send(room, request(form(membersonly="1")))
    (own,) = sent_to(sent, HAG)
    assert (own.type, sorted(codes(own))) == ("unavailable", [110, 322])
    presence, message = sent_to(sent, CRONE)
    assert (codes(presence), codes(message)) == ([322], [104])


def test_full_lists_of_admins_and_owners() -> None:
    """§10.2: an owner left out becomes an admin, an admin left out nothing."""
    room = coven()
    send(room, request(form(roomowners=["crone1@example.org", "wiccarocks@example.org"])))
    assert room.affiliation(JID.parse(WICCA)) is Affiliation.OWNER
    lists = form(roomowners=["wiccarocks@example.org"], roomadmins=["hag66@example.org"])
    _, *sent = send(room, request(lists))
    ranks = {nick: room.affiliation(each.account) for nick, each in room.occupants.items()}
    assert ranks == {
        "firstwitch": Affiliation.ADMIN,
        "secondwitch": Affiliation.OWNER,
        "thirdwitch": Affiliation.ADMIN,
    }
    assert told(sent, WICCA) == ["firstwitch  moderator", "thirdwitch  moderator"]
    send(room, request(form(roomadmins=[]), WICCA))
    assert room.affiliation(JID.parse(CRONE)) is Affiliation.NONE
    assert room.occupants["firstwitch"].role is Role.PARTICIPANT


def test_admins_left_out_of_a_members_only_room_stay_members() -> None:
    room = coven()
    room.grant(JID.parse(HAG).bare, Affiliation.MEMBER)
    send(room, request(form(membersonly="1", roomadmins=[])))
    assert room.affiliation(JID.parse(WICCA)) is Affiliation.MEMBER
    assert set(room.occupants) == {"firstwitch", "secondwitch", "thirdwitch"}


def test_one_owner_must_be_left() -> None:
    assert refusal(coven(), request(form(roomname="Cave", roomowners=[]))).condition == "conflict"


def test_whose_presence_is_broadcast_changes_rosters() -> None:
    """§10.2, presencebroadcast: who is hidden leaves the rosters of the others, and comes back."""
    room = coven()
    _, *sent = send(room, request(form(presencebroadcast=["moderator"])))
    assert told(sent, CRONE) == ["thirdwitch unavailable participant", "[104]"]
    assert told(sent, HAG) == ["[104]"]
    _, *sent = send(room, request(form(presencebroadcast=["moderator", "participant"])))
    assert told(sent, WICCA) == ["thirdwitch  participant", "[104]"]


def test_visitors_get_voice_where_moderation_ends() -> None:
    room = coven(moderated=True)
    assert room.occupants["thirdwitch"].role is Role.VISITOR
    _, *sent = send(room, request(form(moderatedroom="0")))
    assert told(sent, WICCA) == ["thirdwitch  participant", "[104]"]


def test_destroying() -> None:
    """§10.9: one presence to each, with the venue, its password and the reason; then the result."""
    room = coven(persistent=True)
    end = "<destroy jid='heath@chat.example.org'><password>burn</password><reason>Macbeth</reason></destroy>"
    *gone, result = send(room, request(end))
    assert result.type == "result"
    assert [each.to for each in gone] == [CRONE, WICCA, HAG]
    for each in gone:
        assert each.type == "unavailable"
        assert (item(each)["affiliation"], item(each)["role"]) == ("none", "none")
        assert end in str(each)
    assert (room.destroyed, room.occupants, room.present) == (True, {}, {})


def test_destroying_needs_an_address_that_is_one() -> None:
    assert refusal(coven(), request("<destroy jid='@'/>")).condition == "jid-malformed"


def test_a_room_destroyed_by_the_service() -> None:
    sent = destroyed(coven(), "over")
    assert len(sent) == 3
    assert "<destroy><reason>over</reason></destroy>" in str(sent[0])
