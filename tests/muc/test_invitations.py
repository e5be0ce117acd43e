"""Mediated invitations (XEP-0045 §7.8.2, §7.9, §9.5)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation, Role
from tests.muc.rooms import join, make_room, refusal, send

CRONE = "crone1@example.org/desktop"
HAG = "hag66@example.org/pda"
HECATE = "hecate@example.org"


def invite(by: str, *to: str, inside: str = "") -> str:
    invites = "".join(f"<invite to='{each}'>{inside}</invite>" for each in to)
    return (
        f"<message from='{by}' id='i1'><x xmlns='http://jabber.org/protocol/muc#user'>{invites}</x></message>"
    )


def decline(by: str, to: str) -> str:
    x = f"<decline to='{to}'><reason>Busy</reason></decline>"
    return f"<message from='{by}' id='d1'><x xmlns='http://jabber.org/protocol/muc#user'>{x}</x></message>"


def test_what_the_invitee_is_told() -> None:
    room = make_room(password="burn")
    join(room, CRONE, "firstwitch", Affiliation.OWNER, x="<password>burn</password>")
    inside = "<reason>Come</reason><continue thread='t1'/>"
    first, second = send(room, invite(CRONE, HECATE, "hag66@example.org/pda", inside=inside))
    assert (first.from_, first.to, first.id, first.type) == (room.jid, HECATE, "i1", "normal")
    assert second.to == "hag66@example.org/pda"
    told = f"<invite from='{CRONE}'>{inside}</invite><password>burn</password>"
    assert str(first.child("x")) == f"<x xmlns='http://jabber.org/protocol/muc#user'>{told}</x>"
    assert room.affiliation(JID.parse(HECATE)) is Affiliation.NONE


def test_invitees_become_members_of_a_members_only_room() -> None:
    room = make_room(members_only=True)
    join(room, HAG, "thirdwitch", Affiliation.MEMBER)
    send(room, invite(HAG, HECATE, "elsewhere.example"))
    assert room.affiliation(JID.parse(HECATE)) is Affiliation.MEMBER
    assert room.affiliation(JID.parse("lady@elsewhere.example")) is Affiliation.NONE  # not the whole domain


@pytest.mark.parametrize(
    ("members_only", "affiliation", "role", "allowed"),
    [
        (True, Affiliation.MEMBER, Role.PARTICIPANT, False),
        (True, Affiliation.MEMBER, Role.MODERATOR, False),
        (True, Affiliation.ADMIN, Role.MODERATOR, True),
        (False, Affiliation.NONE, Role.PARTICIPANT, False),
        (False, Affiliation.NONE, Role.MODERATOR, True),
        (False, Affiliation.OWNER, Role.MODERATOR, True),
    ],
)
def test_who_may_invite_where_not_all_may(
    members_only: bool, affiliation: Affiliation, role: Role, allowed: bool
) -> None:
    room = make_room(members_only=members_only, allow_invites=False)
    join(room, HAG, "thirdwitch", affiliation, role)
    if allowed:
        assert [each.to for each in send(room, invite(HAG, HECATE))] == [HECATE]
    else:
        assert refusal(room, invite(HAG, HECATE)).condition == "forbidden"


def test_invitations_that_are_refused() -> None:
    room = make_room()
    assert refusal(room, invite(HAG, HECATE)).condition == "not-acceptable"
    join(room, HAG, "thirdwitch")
    room.grant(JID.parse(HECATE), Affiliation.OUTCAST)
    for to, condition in ((HECATE, "not-allowed"), ("", "bad-request"), ("a@@b", "jid-malformed")):
        assert refusal(room, invite(HAG, "lady@example.org", to)).condition == condition
    many = [f"witch{number}@example.org" for number in range(21)]
    assert refusal(room, invite(HAG, *many)).condition == "policy-violation"
    assert len(send(room, invite(HAG, *many[1:]))) == 20


@pytest.mark.parametrize("to", [CRONE, "crone1@example.org", "coven@chat.example.org/firstwitch"])
def test_a_decline_reaches_the_inviter_once(to: str) -> None:
    room = make_room()
    join(room, CRONE, "firstwitch")
    join(room, "crone1@example.org/other", "firstwitch")
    (told,) = send(room, decline("hecate@example.org/broom", to))
    assert told.to is not None
    assert (told.from_, told.to.bare, told.id) == (room.jid, "crone1@example.org", "d1")
    assert "<decline from='hecate@example.org'><reason>Busy</reason></decline>" in str(told)


def test_a_decline_goes_to_nobody_outside() -> None:
    """A room is no way to write to just anybody."""
    room = make_room()
    join(room, CRONE, "firstwitch")
    for to in ("lady@example.org", "coven@chat.example.org/nobody"):
        assert send(room, decline("hecate@example.org/broom", to)) == []
    room.grant(JID.parse(HECATE), Affiliation.OUTCAST)
    assert refusal(room, decline("hecate@example.org/broom", CRONE)).condition == "forbidden"
    assert refusal(room, decline("lady@example.org/x", "")).condition == "bad-request"
