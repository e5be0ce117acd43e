"""What no well-made client sends: it gets the error that XEP-0045 gives it, and the room stays as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.conftest import Stages
from tests.muc.stage import (
    CONFIGURATION,
    COVEN,
    DISCO_ITEMS,
    ITEMS,
    MUC,
    OWNER,
    SERVICE,
    Actor,
    Stage,
    body,
    codes,
    fields,
    refusal,
    seen,
    submitted,
)


async def roster(*actors: Actor) -> list[set[str]]:
    """What each sees of the room on entering anew."""
    found = []
    for actor in actors:
        nick = {"crone1": "firstwitch", "hag66": "thirdwitch"}[actor.jid.partition("@")[0]]
        await actor.heard()
        got = await actor.enter(nick)
        found.append({seen(stanza) for stanza in got if stanza.tag == f"{CLIENT}presence"})
    return found


WITCHES = {"firstwitch owner/moderator", "secondwitch admin/moderator", "thirdwitch member/participant"}


@pytest.mark.parametrize(
    ("limits", "valid"),
    [
        ("since='nonsense'", False),
        ("since='2002-10-13'", False),
        ("since='2002-13-32T25:61:61Z'", False),
        ("maxstanzas='many'", False),
        ("seconds='1.5'", False),
        ("maxchars=''", False),
        ("maxstanzas='99999999999999999999'", False),
        ("seconds='-5'", True),
        ("maxstanzas='-1'", True),
        ("since='0001-01-01T00:00:00Z'", True),
    ],
)
async def test_history_limits(stage: Stage, limits: str, valid: bool) -> None:
    """§7.2.14: what is no number or date is a bad request, and nobody enters; below zero is zero."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.say("Double, double.")
    hag66 = await stage.actor("hag66/pda")
    got = await hag66.enter("thirdwitch", inside=f"<history {limits}/>")
    if valid:
        assert 110 in codes(got[1])
        assert len(got) == (4 if "0001" in limits else 3)
    else:
        [error] = got
        assert refusal(error) == "modify bad-request"
        await crone1.nothing()


async def test_nicks_that_nobody_can_have(stage: Stage) -> None:
    """§7.2.1, §7.2.8: PRECIS forbids some (RFC 7622 §3.4), some show nothing, some are too long."""
    crone1, _, hag66 = await stage.coven()
    macbeth = await stage.actor("macbeth/castle")
    for nick in ("bad&#x7f;nick", "tab&#x9;nick", "\u200b", "\u00ad", " ", "\u3000", "x" * 1024):
        to = f"{COVEN}/{nick}"
        for actor, content in ((macbeth, f"<x xmlns='{MUC}'/>"), (hag66, "")):
            actor.write(f"<presence to='{to}'>{content}</presence>")
            [error] = await actor.heard()
            assert refusal(error).split()[1] in ("jid-malformed", "policy-violation", "not-acceptable"), nick
    [error] = await macbeth.enter("x" * 65)
    assert refusal(error).split()[1] in ("policy-violation", "not-acceptable")
    await crone1.nothing()


async def test_nicks_that_look_like_anothers(stage: Stage) -> None:
    """§7.2.8, §7.6: by case, width or spaces only: a conflict, for newcomers and occupants alike."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await crone1.administer("<item affiliation='member' jid='hecate@localhost' nick='Queen'/>")
    macbeth = await stage.actor("macbeth/castle")
    for nick in ("FirstWitch", "FIRSTWITCH", "ｆｉｒｓｔｗｉｔｃｈ", "firstwitch ", "qUEEN"):
        [error] = await macbeth.enter(nick)
        assert refusal(error) == "cancel conflict", nick
        [error] = await hag66.show(nick)
        assert refusal(error) == "cancel conflict", nick
    assert [stanza for stanza in await wiccarocks.heard() if stanza.tag == f"{CLIENT}presence"] == []
    old, new = await hag66.show("ThirdWitch")  # one's own may be spelled anew
    assert (seen(old).split()[:2], seen(new)) == (["gone", "thirdwitch"], "ThirdWitch member/participant")


async def test_a_subject_and_a_body_in_one_message(stage: Stage) -> None:
    """§7.2.15, §8.1: an ordinary message: the subject stays, and who may not set one may send it."""
    crone1, _, hag66 = await stage.coven()
    await crone1.tell("<subject>Spells</subject>")
    await hag66.heard()
    [message] = await hag66.tell("<subject>Broth</subject><body>Fillet of a fenny snake</body>")
    assert body(message) == "Fillet of a fenny snake"
    macbeth = await stage.actor("macbeth/castle")
    *_, last = await macbeth.enter("thane")
    assert last.findtext(f"{CLIENT}subject") == "Spells"


FORMS = {
    "of an unknown type": "<x xmlns='jabber:x:data' type='surprise'/>",
    "that is a form still": "<x xmlns='jabber:x:data' type='form'/>",
    "for something else": submitted("register", {"muc#roomconfig_roomname": "x"}),
    "with a number that is none": submitted("roomconfig", {"muc#roomconfig_maxusers": "ten"}),
    "with a boolean that is none": submitted("roomconfig", {"muc#roomconfig_membersonly": "perhaps"}),
    "with a choice that there is not": submitted("roomconfig", {"muc#roomconfig_whois": "everybody"}),
    "with two values for one": submitted("roomconfig", {"muc#roomconfig_roomname": ["A", "B"]}),
    "with a JID that is none": submitted(
        "roomconfig", {"muc#roomconfig_roomowners": ["crone1@localhost", "@"]}
    ),
    "with a history below zero": submitted("roomconfig", {"muc#maxhistoryfetch": "-1"}),
    "with a role that there is not": submitted("roomconfig", {"muc#roomconfig_presencebroadcast": "king"}),
    "with no password": submitted("roomconfig", {"muc#roomconfig_passwordprotectedroom": "1"}),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
async def test_wrong_configurations(stage: Stage, form: str) -> None:
    """§10.1.3: not acceptable, or no form of ours at all; nothing of it is taken over."""
    crone1, wiccarocks, _ = await stage.coven(roomname="A Dark Cave")
    before = fields(await crone1.ask("get", CONFIGURATION, COVEN))
    answer = await crone1.own(form)
    assert refusal(answer) in ("modify not-acceptable", "modify bad-request")
    assert fields(await crone1.ask("get", CONFIGURATION, COVEN)) == before
    await wiccarocks.nothing()


async def test_configurations_with_fields_unknown_or_missing(stage: Stage) -> None:
    """§10.2: what we do not know is ignored, and what is not there stays as it was."""
    crone1, _, _ = await stage.coven(roomname="A Dark Cave", roomdesc="For witches")
    form = submitted("roomconfig", {"muc#roomconfig_colour": "black", "muc#roomconfig_roomname": "A Cave"})
    assert (await crone1.own(form)).get("type") == "result"
    held = fields(await crone1.ask("get", CONFIGURATION, COVEN))
    assert (held["muc#roomconfig_roomname"], held["muc#roomconfig_roomdesc"]) == (["A Cave"], ["For witches"])
    assert "muc#roomconfig_colour" not in held


async def test_wrong_items(stage: Stage) -> None:
    """§9, §17.4: each is a bad request, or names nobody; those beside it are not done either."""
    witches = await stage.coven()
    good = "<item affiliation='outcast' jid='macbeth@localhost'/>"
    for wrong in (
        "<item affiliation='king' jid='hag66@localhost'/>",
        "<item nick='thirdwitch' role='king'/>",
        "<item affiliation='outcast'/>",
        "<item role='visitor'/>",
        "<item jid='hag66@localhost'/>",
        "<item/>",
        "<item nick='thirdwitch' role='participant' affiliation='none' jid='hag66@localhost'/>",
        "<item affiliation='outcast' jid='hag66@@localhost'/>",
        "<item affiliation='outcast' jid=''/>",
        "<item affiliation='outcast' jid='@localhost'/>",
        "<item affiliation='member' jid='hag66@localhost' nick='bad&#x85;nick'/>",
    ):
        answer = await witches[0].administer(good + wrong)
        assert refusal(answer).split()[1] in ("bad-request", "jid-malformed", "not-acceptable"), wrong
        assert answer.get("from") == COVEN
    answer = await witches[0].administer("")
    assert refusal(answer) == "modify bad-request"
    answer = await witches[0].administer("<item affiliation='owner'/><item role='moderator'/>", kind="get")
    assert refusal(answer) == "modify bad-request"
    assert await witches[0].roll("affiliation='outcast'") == []
    for witch in witches:
        await witch.nothing()


async def test_wrong_requests(stage: Stage) -> None:
    """§17: what a room does not know, it says so; answers that nobody asked for are dropped."""
    crone1, _, hag66 = await stage.coven()
    for query in (f"<query xmlns='{OWNER[1:-1]}'><surprise/></query>", f"<query xmlns='{OWNER[1:-1]}'/>"):
        assert refusal(await crone1.ask("set", query, COVEN)) == "modify bad-request"
    answer = await hag66.ask("get", "<query xmlns='urn:example:unknown'/>", COVEN)
    assert refusal(answer).split()[1] in ("service-unavailable", "feature-not-implemented")
    answer = await hag66.ask("get", "<query xmlns='urn:example:unknown'/>", f"nowhere@{SERVICE}")
    assert refusal(answer) == "cancel item-not-found"
    for to in (COVEN, f"{COVEN}/firstwitch", f"{COVEN}/nobody"):
        hag66.write(f"<iq type='result' id='unasked' to='{to}'/>")
        hag66.write(f"<iq type='error' id='unasked' to='{to}'><error type='cancel'/></iq>")
        hag66.write(f"<message type='error' to='{to}'><error type='cancel'/></message>")
    assert await hag66.heard() == []
    assert await roster(crone1, hag66) == [WITCHES, WITCHES]


async def test_wrong_invitations_and_requests_for_voice(stage: Stage) -> None:
    """§7.8.2, §7.13: to nobody, for another role, without content; nobody else hears of them."""
    crone1, wiccarocks, hag66 = await stage.coven(moderatedroom="1")
    for content, error in (
        ("<invite/>", "modify bad-request"),
        ("<invite to=''/>", "modify bad-request"),
        ("<invite to='a@b@c'/>", "modify jid-malformed"),
        ("<invite to='macbeth@localhost'/><invite to='a@b@c'/>", "modify jid-malformed"),
        ("<decline/>", "modify bad-request"),
        ("", "modify bad-request"),
    ):
        [answer] = await hag66.tell(f"<x xmlns='{MUC}#user'>{content}</x>", COVEN, "")
        assert (refusal(answer), answer.get("from")) == (error, COVEN), content
    for form in (
        submitted("request", {"muc#role": "moderator"}),
        submitted("request", {"muc#role": "king"}),
        "<x xmlns='jabber:x:data' type='submit'/>",
    ):
        [answer] = await hag66.tell(form, COVEN, "")
        assert refusal(answer) == "modify bad-request", form
    for witch in (crone1, wiccarocks):
        await witch.nothing()


async def test_joins_while_the_room_is_destroyed(stage: Stage) -> None:
    """§10.9: whoever comes first, the newcomer is in the old room and hears of its end, or in a new one."""
    cave = f"cave@{SERVICE}"
    hecate, macbeth = await stage.actor("hecate/broom"), await stage.actor("macbeth/castle")
    for turn in range(6):
        crone1 = await stage.host(f"crone1/desktop{turn}", "firstwitch", cave, persistentroom="1")
        destroy = f"<iq type='set' id='end' to='{cave}'>{_owner('<destroy/>')}</iq>"
        join = f"<presence to='{cave}/{{}}'><x xmlns='{MUC}'/></presence>"
        writes = [(hecate, join.format("queen")), (crone1, destroy), (macbeth, join.format("thane"))]
        for actor, stanza in writes[turn % 3 :] + writes[: turn % 3]:
            actor.write(stanza)
        await crone1.heard(cave)
        left = {}
        for actor, nick in ((hecate, "queen"), (macbeth, "thane")):
            left[actor] = _standing(await actor.heard(cave), f"{cave}/{nick}")
        # the first into the new room owns it, and it is locked to the other
        inside = [actor for actor, standing in left.items() if standing == "owner"]
        assert len(inside) <= 1
        assert set(left.values()) <= {"owner", "out"}
        answer = await crone1.ask("get", DISCO_ITEMS, cave)
        if not inside:
            assert refusal(answer) == "cancel item-not-found"
        for actor in inside:
            await actor.own("<destroy/>", cave)
            await actor.heard(cave)


def _owner(content: str) -> str:
    return f"<query xmlns='{OWNER[1:-1]}'>{content}</query>"


def _standing(heard: list[ET.Element], address: str) -> str:
    """Whether, after all that was heard, one is in the room and as what: ``owner``, ``in`` or ``out``."""
    standing = "out"
    for stanza in heard:
        if stanza.get("from") == address and stanza.tag == f"{CLIENT}presence":
            if stanza.get("type") in ("unavailable", "error"):
                standing = "out"
            elif 110 in codes(stanza):
                standing = "owner" if " owner/" in seen(stanza) else "in"
    return standing


async def test_ten_thousand_rooms_by_one_account(stages: Stages) -> None:
    """§14.6: the limit holds, whatever is tried, and rooms that are destroyed do not count."""
    stage = await stages(max_rooms=5)
    macbeth = await stage.actor("macbeth/castle")
    for batch in range(20):
        macbeth.write(
            "".join(
                f"<presence to='room{batch * 500 + number}@{SERVICE}/thane'><x xmlns='{MUC}'/></presence>"
                for number in range(500)
            )
        )
        refusals = 0
        for stanza in await macbeth.heard(SERVICE):
            if stanza.get("type") == "error":
                assert refusal(stanza).split()[1] in (
                    "not-allowed",
                    "policy-violation",
                    "resource-constraint",
                )
                refusals += 1
        assert refusals == (495 if batch == 0 else 500)
    for number in range(5):
        await macbeth.own("<x xmlns='jabber:x:data' type='submit'/>", f"room{number}@{SERVICE}")
    answer = await macbeth.ask("get", DISCO_ITEMS, SERVICE)
    assert len(list(answer.iter(f"{ITEMS}item"))) == 5
    await macbeth.own("<destroy/>", f"room0@{SERVICE}")
    *_, own, _ = await macbeth.enter("thane", f"room6@{SERVICE}")
    assert 201 in codes(own)
