"""Lists of roles and affiliations, and their changes (XEP-0045 §8.2 to §10.8)."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation, Role
from burble.modules.muc.room import Room
from burble.stanza import Stanza
from tests.muc.rooms import codes, item, join, make_room, refusal, send, sent_to

CRONE = "crone1@example.org/desktop"
WICCA = "wiccarocks@example.org/laptop"
HAG = "hag66@example.org/pda"
THANE = "macbeth@example.org/castle"


def coven(**config: object) -> Room:
    """An owner, an admin, a member and somebody without affiliation, all inside."""
    room = make_room(**config)
    x = f"<password>{room.config.password}</password>"
    join(room, CRONE, "firstwitch", Affiliation.OWNER, x=x)
    join(room, WICCA, "secondwitch", Affiliation.ADMIN, x=x)
    join(room, HAG, "thirdwitch", Affiliation.MEMBER, x=x)
    if not config.get("members_only"):
        join(room, THANE, "thane")
    room.unsaved.clear()
    return room


def request(by: str, items: str, kind: str = "set") -> str:
    query = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{items}</query>"
    return f"<iq from='{by}' id='a1' type='{kind}'>{query}</iq>"


def ban(account: str, reason: str = "") -> str:
    return f"<item affiliation='outcast' jid='{account}'><reason>{reason}</reason></item>"


def listed(room: Room, by: str, wanted: str) -> list[dict[str, str]]:
    (result,) = send(room, request(by, f"<item {wanted}/>", "get"))
    query = result.child("query")
    assert query is not None
    return [each.attrs for each in query.elements("item")]


def presence_to(sent: list[Stanza], client: str) -> Stanza:
    (presence,) = [each for each in sent_to(sent, client) if each.name == "presence"]
    return presence


def test_a_kick_is_confirmed_and_then_told() -> None:
    """§8.2: with code 307, who did it and why."""
    room = coven()
    kick = "<item nick='thane' role='none'><reason>Avaunt!</reason></item>"
    result, *sent = send(room, request(WICCA, kick))
    assert (result.type, result.to) == ("result", WICCA)
    own = presence_to(sent, THANE)
    assert (own.type, sorted(codes(own))) == ("unavailable", [110, 307])
    assert "<actor nick='secondwitch'/><reason>Avaunt!</reason>" in str(own)
    assert codes(presence_to(sent, HAG)) == [307]
    assert item(presence_to(sent, HAG)) == {"affiliation": "none", "role": "none"}
    assert "thane" not in room.occupants
    assert room.unsaved == []


def test_nobody_kicks_themselves() -> None:
    """§8.2 allows to refuse it."""
    error = refusal(coven(), request(WICCA, "<item nick='secondwitch' role='none'/>"))
    assert error.condition == "conflict"


def test_roles_are_for_moderators_in_the_room() -> None:
    """§8: the bare JID of one of the moderators; §9.6: making moderators is an admin's, from outside too."""
    room = coven()
    room.grant(JID.parse("hecate@example.org"), Affiliation.ADMIN)
    outside = "hecate@example.org/broom"
    assert refusal(room, request(outside, "<item nick='thane' role='none'/>")).condition == "forbidden"
    assert refusal(room, request(HAG, "<item nick='thane' role='none'/>")).condition == "forbidden"
    send(room, request(outside, "<item nick='thane' role='moderator'/>"))
    assert room.occupants["thane"].role is Role.MODERATOR


def test_a_change_of_role_is_told_to_all_with_its_reason() -> None:
    """§8.4."""
    room = coven()
    take = "<item nick='thane' role='visitor'><reason>Not so worthy</reason></item>"
    _, *sent = send(room, request(CRONE, take))
    for client in (CRONE, WICCA, HAG, THANE):
        presence = presence_to(sent, client)
        assert (presence.type, item(presence)["role"]) == ("", "visitor")
        assert "<reason>Not so worthy</reason>" in str(presence)


def test_one_refused_item_refuses_all() -> None:
    """§9.2."""
    room = coven()
    error = refusal(room, request(WICCA, ban("hag66@example.org") + ban("crone1@example.org")))
    assert error.condition == "not-allowed"
    items = "<item nick='thane' role='visitor'/>" + ban("wiccarocks@example.org")
    assert refusal(room, request(WICCA, items)).condition == "conflict"


def test_a_ban_takes_the_account_out_with_all_its_clients_and_its_nick() -> None:
    """§9.1."""
    room = coven()
    join(room, "hag66@example.org/laptop", "thirdwitch")
    room.register(JID.parse("hag66@example.org"), "thirdwitch")
    result, *sent = send(room, request(WICCA, ban("hag66@example.org/pda", "Treason")))
    assert result.type == "result"
    for client in (HAG, "hag66@example.org/laptop"):
        own = presence_to(sent, client)
        assert (item(own)["affiliation"], sorted(codes(own))) == ("outcast", [110, 301])
    assert "<reason>Treason</reason>" in str(presence_to(sent, THANE))
    assert "thirdwitch" not in room.occupants
    assert room.nicks == {}
    (listing,) = listed(room, WICCA, "affiliation='outcast'")
    assert listing == {"affiliation": "outcast", "jid": "hag66@example.org"}


def test_a_domain_is_banned_but_for_those_with_an_affiliation_of_their_own() -> None:
    """§9.2: user@domain is looked at before domain."""
    room = coven()
    send(room, request(CRONE, ban("example.org")))
    assert set(room.occupants) == {"firstwitch", "secondwitch", "thirdwitch"}
    assert room.affiliation(JID.parse(THANE)) is Affiliation.OUTCAST


def test_whoever_is_an_admin_by_its_domain_can_not_ban_that() -> None:
    room = make_room()
    room.grant(JID.parse("crone1@elsewhere.example"), Affiliation.OWNER)
    room.grant(JID.parse("example.org"), Affiliation.OWNER)
    assert refusal(room, request(CRONE, ban("example.org"))).condition == "conflict"


def test_membership_gives_voice_and_a_nick() -> None:
    """§9.3."""
    room = coven(moderated=True)
    assert room.occupants["thane"].role is Role.VISITOR
    give = "<item affiliation='member' jid='macbeth@example.org' nick='Glamis'><reason>Hail</reason></item>"
    _, *sent = send(room, request(WICCA, give))
    assert item(presence_to(sent, HAG)) == {"affiliation": "member", "role": "participant"}
    assert room.nicks == {"macbeth@example.org": "Glamis"}
    assert {part for part, _ in room.unsaved} == {"affiliation", "nick"}
    send(room, request(WICCA, "<item affiliation='member' jid='macbeth@example.org' nick=''/>"))
    assert room.nicks == {}


def test_nicks_of_others_can_not_be_registered() -> None:
    room = coven()
    room.register(JID.parse("hecate@example.org"), "queen")
    for nick, condition in (
        ("Queen", "conflict"),
        ("ThirdWitch", "conflict"),
        ("x" * 65, "policy-violation"),
    ):
        give = f"<item affiliation='member' jid='macbeth@example.org' nick='{nick}'/>"
        assert refusal(room, request(WICCA, give)).condition == condition
    twice = "".join(f"<item affiliation='member' jid='{who}@example.org' nick='new'/>" for who in "ab")
    assert refusal(room, request(WICCA, twice)).condition == "conflict"


def test_who_loses_membership_leaves_a_members_only_room() -> None:
    """§9.4: with code 321, and without being told of the affiliation before."""
    room = coven(members_only=True)
    _, *sent = send(room, request(WICCA, "<item affiliation='none' jid='hag66@example.org'/>"))
    own = presence_to(sent, HAG)
    assert (own.type, sorted(codes(own))) == ("unavailable", [110, 321])
    assert codes(presence_to(sent, CRONE)) == [321]


def test_new_members_of_a_members_only_room_are_invited() -> None:
    """§9.5."""
    room = coven(members_only=True, password="burn")
    _, invitation = send(room, request(WICCA, "<item affiliation='member' jid='hecate@example.org'/>"))
    assert (invitation.name, invitation.to) == ("message", "hecate@example.org")
    assert "<invite from='wiccarocks@example.org'/><password>burn</password>" in str(invitation)
    assert len(send(room, request(WICCA, "<item affiliation='member' jid='hecate@example.org'/>"))) == 1


def test_the_last_owner_stays() -> None:
    """§10.4: but may go where there is another."""
    room = coven()
    step_down = request(CRONE, "<item affiliation='admin' jid='crone1@example.org'/>")
    assert refusal(room, step_down).condition == "conflict"
    send(room, request(CRONE, "<item affiliation='owner' jid='hecate@example.org'/>"))
    _, *sent = send(room, step_down)
    assert item(presence_to(sent, HAG)) == {"affiliation": "admin", "role": "moderator"}


def test_owner_and_successor_change_places_in_one_request() -> None:
    room = coven()
    swap = (
        "<item affiliation='none' jid='crone1@example.org'/><item affiliation='owner' jid='a@example.org'/>"
    )
    send(room, request(CRONE, swap))
    assert room.occupants["firstwitch"].role is Role.PARTICIPANT


def test_who_sees_addresses_hears_of_new_owners_outside() -> None:
    """§10.3."""
    room = coven()
    _, *sent = send(room, request(CRONE, "<item affiliation='owner' jid='hecate@example.org'/>"))
    assert {each.to for each in sent} == {CRONE, WICCA}
    assert item(sent[0]) == {"affiliation": "owner", "jid": "hecate@example.org", "role": "none"}


@pytest.mark.parametrize(
    ("items", "condition"),
    [
        ("", "bad-request"),
        ("<item/>", "bad-request"),
        ("<item nick='thane' role='none' affiliation='none'/>", "bad-request"),
        ("<item nick='thane' role='king'/>", "bad-request"),
        ("<item jid='macbeth@example.org' affiliation='king'/>", "bad-request"),
        ("<item role='none'/>", "bad-request"),
        ("<item affiliation='member'/>", "bad-request"),
        ("<item nick='nobody' role='none'/>", "item-not-found"),
        ("<item jid='@' affiliation='member'/>", "jid-malformed"),
    ],
)
def test_items_that_make_no_sense(items: str, condition: str) -> None:
    assert refusal(coven(), request(CRONE, items)).condition == condition


def test_the_member_list_has_nick_and_role_of_who_is_there() -> None:
    """§9.5."""
    room = coven()
    room.grant(JID.parse("hecate@example.org"), Affiliation.MEMBER)
    room.register(JID.parse("hecate@example.org"), "queen")
    assert listed(room, WICCA, "affiliation='member'") == [
        {"affiliation": "member", "jid": "hag66@example.org", "nick": "thirdwitch", "role": "participant"},
        {"affiliation": "member", "jid": "hecate@example.org", "nick": "queen"},
    ]


def test_the_voice_list() -> None:
    """§8.5."""
    both = listed(coven(), WICCA, "role='participant'")
    assert [each["nick"] for each in both] == ["thirdwitch", "thane"]
    assert both[0] == {
        "affiliation": "member",
        "jid": HAG,
        "nick": "thirdwitch",
        "role": "participant",
    }


@pytest.mark.parametrize(
    ("config", "asker", "allowed"),
    [
        ({}, CRONE, "owner admin member outcast"),
        ({}, WICCA, "member outcast"),
        ({}, HAG, ""),
        ({"whois": "anyone"}, WICCA, "owner admin member outcast"),
        ({"whois": "anyone"}, HAG, "owner admin member"),
        ({"whois": "anyone"}, "hecate@example.org/broom", "owner admin member"),
        ({"whois": "anyone"}, "lady@example.org/castle", ""),
        ({"whois": "anyone", "member_list": frozenset({"moderator"})}, HAG, ""),
    ],
)
def test_who_may_see_which_list(config: dict[str, object], asker: str, allowed: str) -> None:
    """§9.2, §9.5, §10.5, §10.8: hecate is a member outside, lady nobody."""
    room = coven(**config)
    room.grant(JID.parse("hecate@example.org"), Affiliation.MEMBER)
    for affiliation in ("owner", "admin", "member", "outcast"):
        query = request(asker, f"<item affiliation='{affiliation}'/>", "get")
        if affiliation in allowed.split():
            assert send(room, query)[0].type == "result"
        else:
            assert refusal(room, query).condition == "forbidden"


def test_who_may_see_roles() -> None:
    """§8.5 for moderators, §9.8 for admins."""
    room = coven()
    room.occupants["thane"].role = Role.MODERATOR
    assert listed(room, THANE, "role='participant'") != []
    for asker, role in ((THANE, "moderator"), (HAG, "participant"), (HAG, "moderator")):
        assert refusal(room, request(asker, f"<item role='{role}'/>", "get")).condition == "forbidden"
