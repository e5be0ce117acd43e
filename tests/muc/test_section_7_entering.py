"""XEP-0045 §7.1 and §7.2: entering a room, and who is not let in."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    MUC,
    SERVICE,
    Stage,
    codes,
    item,
    refusal,
    seen,
    subject,
)


def refused(got: list[ET.Element]) -> str:
    """The one refusal, which comes from the address that was to be the occupant's."""
    [error] = got
    assert (error.get("from"), error.get("id")) == (f"{COVEN}/thirdwitch", "enter")
    assert error.tag == f"{CLIENT}presence"
    return refusal(error)


async def test_entering_a_room(stage: Stage) -> None:
    """§7.1, §7.2.1, §7.2.2: Examples 18, 20 and 21: others first, then oneself, then the subject."""
    crone1, wiccarocks, _ = await stage.coven()
    hecate = await stage.actor("hecate/broom")
    *others, own, last = await hecate.enter("fourthwitch")
    assert sorted(map(seen, others)) == [
        "firstwitch owner/moderator",
        "secondwitch admin/moderator",
        "thirdwitch member/participant",
    ]
    assert [codes(presence) for presence in others] == [set(), set(), set()]
    assert seen(own) == "fourthwitch none/participant"
    assert 110 in codes(own)
    assert subject(last) == ""
    for stanza in (*others, own, last):
        assert stanza.get("to") == hecate.jid
    for witch in (crone1, wiccarocks):
        [presence] = await witch.heard()
        assert (seen(presence), presence.get("to")) == ("fourthwitch none/participant", witch.jid)
        assert codes(presence) == set()


async def test_an_own_presence_keeps_its_id_and_what_it_shows(stage: Stage) -> None:
    """§7.2.2: for tracking, the room reflects the id; what was said to the room alone it does not."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.actor("hag66/pda")
    hag66.write(
        f"<presence id='n13mt3l' to='{COVEN}/thirdwitch'><show>away</show><x xmlns='{MUC}'/></presence>"
    )
    _, own, _ = await hag66.heard()
    assert (own.get("id"), own.findtext(f"{CLIENT}show")) == ("n13mt3l", "away")
    assert own.find(f"{{{MUC}}}x") is None
    [presence] = await crone1.heard()
    assert presence.findtext(f"{CLIENT}show") == "away"
    assert presence.find(f"{{{MUC}}}x") is None


async def test_a_nick_must_be_named(stage: Stage) -> None:
    """§7.2.1: Example 19: the refusal comes from the room, whether the room exists or not."""
    await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.actor("hag66/pda")
    for room in (COVEN, f"heath@{SERVICE}"):
        [error] = await hag66.enter("", room)
        assert (refusal(error), error.get("from")) == ("modify jid-malformed", room)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, {110, 210}),
        ({"whois": "anyone"}, {100, 110, 210}),
        ({"whois": "anyone", "enablelogging": "1"}, {100, 110, 170, 210}),
    ],
)
async def test_the_service_may_choose_the_nick(
    stages: Stages, values: dict[str, str], told: set[int]
) -> None:
    """§7.2.2, §7.2.3, §7.2.12: Examples 22, 24 and 32: code 210, beside 100 and 170."""
    stage = await stages(limits={"nicks_locked": True})
    crone1 = await stage.host("crone1/desktop", "firstwitch", **values)
    await crone1.administer("<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'/>")
    hag66 = await stage.actor("hag66/pda")
    other, own, _ = await hag66.enter("oldhag")
    assert (seen(other), codes(other)) == ("firstwitch owner/moderator", set())
    assert (seen(own), codes(own), own.get("id")) == ("thirdwitch member/participant", told, "enter")
    [presence] = await crone1.heard()
    assert (seen(presence), codes(presence)) == ("thirdwitch member/participant", set())


async def test_entering_again_brings_a_lost_client_back_in_step(stage: Stage) -> None:
    """§7.2.1: the same stanzas as on the first entry; the others see no second entry."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await wiccarocks.say("When shall we three meet again?")
    await crone1.tell("<subject>Weather</subject>")
    await crone1.heard()
    await hag66.heard()
    *others, own, said, last = await hag66.enter("thirdwitch")
    assert sorted(map(seen, others)) == ["firstwitch owner/moderator", "secondwitch admin/moderator"]
    assert (seen(own), 110 in codes(own)) == ("thirdwitch member/participant", True)
    assert said.findtext(f"{CLIENT}body") == "When shall we three meet again?"
    assert subject(last) == "Weather"
    for stanza in await crone1.heard():
        assert seen(stanza) == "thirdwitch member/participant"


async def test_a_non_anonymous_room_tells_addresses_and_warns(stage: Stage) -> None:
    """§7.2.3: Example 23: everybody sees full JIDs, and code 100 says so."""
    await stage.host("crone1/desktop", "firstwitch", whois="anyone")
    macduff = await stage.guest("macduff/fife", "thane")
    hag66 = await stage.actor("hag66/pda")
    *others, own, _ = await hag66.enter("thirdwitch")
    assert {100, 110} <= codes(own)
    assert item(own).get("jid") == hag66.jid
    assert {item(presence).get("jid") for presence in others} == {"crone1@localhost/desktop", macduff.jid}
    [presence] = await macduff.heard()
    assert (seen(presence), item(presence).get("jid")) == ("thirdwitch none/participant", hag66.jid)
    assert codes(presence) == set()


async def test_a_semi_anonymous_room_tells_moderators_only(stage: Stage) -> None:
    """§7.2.4: only moderators see full JIDs."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", whois="moderators")
    macduff = await stage.guest("macduff/fife", "thane")
    await crone1.heard()
    hag66 = await stage.actor("hag66/pda")
    *others, own, _ = await hag66.enter("thirdwitch")
    assert 100 not in codes(own)
    assert [item(presence).get("jid") for presence in others] == [None, None]
    [presence] = await macduff.heard()
    assert item(presence).get("jid") is None
    [presence] = await crone1.heard()
    assert item(presence).get("jid") == hag66.jid


async def test_a_password_opens_a_protected_room(stage: Stage) -> None:
    """§7.2.5: Examples 25 and 26; a wrong one is as bad as none."""
    await stage.host("crone1/desktop", "firstwitch", passwordprotectedroom="1", roomsecret="cauldronburn")
    hag66 = await stage.actor("hag66/pda")
    for inside in ("", "<password>bubble</password>", "<password/>", "<password>Cauldronburn</password>"):
        assert refused(await hag66.enter("thirdwitch", inside=inside)) == "auth not-authorized"
    _, own, _ = await hag66.enter("thirdwitch", inside="<password>cauldronburn</password>")
    assert seen(own) == "thirdwitch none/participant"


async def test_a_members_only_room_lets_members_in(stage: Stage) -> None:
    """§7.2.6: Example 27."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", membersonly="1")
    hag66 = await stage.actor("hag66/pda")
    assert refused(await hag66.enter("thirdwitch")) == "auth registration-required"
    await crone1.administer("<item affiliation='member' jid='hag66@localhost'/>")
    *_, own, _ = await hag66.enter("thirdwitch")
    assert seen(own) == "thirdwitch member/participant"


async def test_a_banned_account_stays_out(stage: Stage) -> None:
    """§7.2.7: Example 28: with any of its clients, and also where it knows the password."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", roomsecret="x", passwordprotectedroom="1")
    await crone1.administer("<item affiliation='outcast' jid='hag66@localhost'/>")
    for resource in ("pda", "desktop"):
        hag66 = await stage.actor(f"hag66/{resource}")
        got = await hag66.enter("thirdwitch", inside="<password>x</password>")
        assert refused(got) == "auth forbidden"
    await crone1.nothing()


async def test_a_nick_is_one_persons(stage: Stage) -> None:
    """§7.2.8: Example 29, for a nick in use and for a reserved one; a person's other clients share it."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.administer("<item affiliation='member' jid='hecate@localhost' nick='queen'/>")
    macbeth = await stage.actor("macbeth/castle")
    assert refused(await macbeth.enter("thirdwitch")) == "cancel conflict"
    [error] = await macbeth.enter("queen")
    assert refusal(error) == "cancel conflict"
    await hag66.heard()

    second = await stage.actor("hag66/laptop")
    *others, own, _ = await second.enter("thirdwitch")
    assert "firstwitch owner/moderator" in [seen(presence) for presence in others]
    assert (seen(own), 110 in codes(own)) == ("thirdwitch none/participant", True)
    await crone1.heard()
    await crone1.say("Speak.")
    for client in (hag66, second):
        said = [stanza for stanza in await client.heard() if stanza.tag == f"{CLIENT}message"]
        assert [message.findtext(f"{CLIENT}body") for message in said] == ["Speak."]
    await second.say("I come.")
    said = [stanza for stanza in await crone1.heard() if stanza.tag == f"{CLIENT}message"]
    assert [message.get("from") for message in said] == [f"{COVEN}/thirdwitch"]


async def test_a_full_room_takes_only_admins(stage: Stage) -> None:
    """§7.2.9: Example 30."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", maxusers="2")
    await crone1.administer("<item affiliation='admin' jid='wiccarocks@localhost'/>")
    await stage.guest("macbeth/castle", "thane")
    hag66 = await stage.actor("hag66/pda")
    assert refused(await hag66.enter("thirdwitch")) == "wait service-unavailable"
    wiccarocks = await stage.actor("wiccarocks/laptop")
    *_, own, _ = await wiccarocks.enter("secondwitch")
    assert seen(own) == "secondwitch admin/moderator"


async def test_a_locked_room_does_not_exist_yet(stage: Stage) -> None:
    """§7.2.10: Example 31: nobody but its owner is in before the first configuration."""
    crone1 = await stage.actor("crone1/desktop")
    await crone1.enter("firstwitch")
    hag66 = await stage.actor("hag66/pda")
    assert refused(await hag66.enter("thirdwitch")) == "cancel item-not-found"
    await crone1.nothing()


async def test_a_logged_room_warns(stage: Stage) -> None:
    """§7.2.12: code 170 beside 100 and 110, on one's own presence only."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", enablelogging="1", whois="anyone")
    hag66 = await stage.actor("hag66/pda")
    other, own, _ = await hag66.enter("thirdwitch")
    assert {100, 110, 170} <= codes(own)
    assert codes(other) == set()
    [presence] = await crone1.heard()
    assert codes(presence) == set()


@pytest.mark.parametrize("shown", ["moderator", "participant"])
async def test_presence_is_broadcast_for_the_roles_the_owner_chose(stage: Stage, shown: str) -> None:
    """§7.2.2, §7.2.4: others hear of visitors only where that is configured; a visitor sees itself."""
    crone1 = await stage.host(
        "crone1/desktop", "firstwitch", moderatedroom="1", presencebroadcast=["moderator", shown]
    )
    hag66 = await stage.actor("hag66/pda")
    other, own, _ = await hag66.enter("thirdwitch")
    assert (seen(other), seen(own)) == ("firstwitch owner/moderator", "thirdwitch none/visitor")
    assert 110 in codes(own)
    await crone1.nothing()
    await crone1.administer("<item nick='thirdwitch' role='participant'/>")
    heard = [seen(presence) for presence in await crone1.heard()]
    assert heard == (["thirdwitch none/participant"] if shown == "participant" else [])


async def test_room_creation_may_be_limited_in_number(stages: Stages) -> None:
    """§7.2.11: whom the service lets create no more rooms may still enter those there are."""
    stage = await stages(max_rooms=1)
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    [error] = await crone1.enter("firstwitch", f"heath@{SERVICE}")
    assert (refusal(error), error.get("from")) == ("cancel not-allowed", f"heath@{SERVICE}/firstwitch")
    await stage.guest("hag66/pda", "thirdwitch")
