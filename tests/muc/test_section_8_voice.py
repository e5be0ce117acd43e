"""XEP-0045 §8.3 to §8.6: voice: granted, revoked, listed and asked for."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT
from tests.muc.stage import (
    COVEN,
    DATA,
    MUC,
    SERVICE,
    Actor,
    Stage,
    body,
    fields,
    item,
    reason,
    refusal,
    seen,
    submitted,
)

GOODFOLK = f"goodfolk@{SERVICE}"


async def moderated(stage: Stage) -> tuple[Actor, Actor, Actor]:
    """An owner, a participant who watches, and a visitor."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", moderatedroom="1")
    await crone1.administer("<item affiliation='member' jid='wiccarocks@localhost'/>")
    wiccarocks = await stage.guest("wiccarocks/laptop", "secondwitch")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    for witch in (crone1, wiccarocks):
        await witch.heard()
    return crone1, wiccarocks, hag66


async def test_granting_voice(stage: Stage) -> None:
    """§8.3: Examples 94 to 97: without and with a reason; everybody sees the new role."""
    crone1, wiccarocks, hag66 = await moderated(stage)
    for why in (None, "A worthy witch indeed!"):
        inside = f"<reason>{why}</reason>" if why else ""
        answer = await crone1.administer(f"<item nick='thirdwitch' role='participant'>{inside}</item>")
        assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
        for witch, jid in ((crone1, hag66.jid), (wiccarocks, None), (hag66, hag66.jid)):
            [presence] = await witch.heard()
            assert seen(presence) == "thirdwitch none/participant"
            assert reason(presence) == why
            if witch is not hag66:
                assert item(presence).get("jid") == jid
        [said] = await hag66.say("I speak.")
        assert body(said) == "I speak."
        await crone1.administer("<item nick='thirdwitch' role='visitor'/>")
        for witch in (crone1, wiccarocks, hag66):
            await witch.heard()


async def test_revoking_voice(stage: Stage) -> None:
    """§8.4: Examples 98 to 101: without and with a reason."""
    crone1, wiccarocks, hag66 = await moderated(stage)
    for why in (None, "Not so worthy after all!"):
        await crone1.administer("<item nick='thirdwitch' role='participant'/>")
        for witch in (crone1, wiccarocks, hag66):
            await witch.heard()
        inside = f"<reason>{why}</reason>" if why else ""
        answer = await crone1.administer(f"<item nick='thirdwitch' role='visitor'>{inside}</item>")
        assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
        for witch in (crone1, wiccarocks, hag66):
            [presence] = await witch.heard()
            assert (seen(presence), reason(presence)) == ("thirdwitch none/visitor", why)
        [error] = await hag66.say("But I")
        assert refusal(error) == "auth forbidden"


async def test_whose_voice_stays(stage: Stage) -> None:
    """§8.4: Example 102: an admin's or owner's; and no moderator revokes one of at least his level."""
    crone1, wiccarocks, hag66 = await stage.coven(moderatedroom="1")
    macbeth = await stage.guest("macbeth/castle", "thane")
    await crone1.administer("<item nick='thane' role='moderator'/>")
    await crone1.administer("<item affiliation='owner' jid='hecate@localhost'/>")
    await stage.guest("hecate/broom", "queen")
    for moderator, nick in (
        (crone1, "secondwitch"),
        (crone1, "queen"),
        (wiccarocks, "firstwitch"),
        (macbeth, "thirdwitch"),
        (macbeth, "secondwitch"),
    ):
        answer = await moderator.administer(f"<item nick='{nick}' role='visitor'/>")
        assert (refusal(answer), answer.get("from")) == ("cancel not-allowed", COVEN)
    answer = await hag66.administer("<item nick='thane' role='visitor'/>")
    assert refusal(answer) == "auth forbidden"
    roles = {entry["nick"]: entry["role"] for entry in await crone1.roll("role='moderator'")}
    assert sorted(roles) == ["firstwitch", "queen", "secondwitch", "thane"]


async def goodfolk(stage: Stage) -> tuple[Actor, Actor, dict[str, Actor]]:
    """The bard's room: he moderates, the king is an admin, three have voice, and two visitors have none."""
    bard = await stage.host("bard/globe", "TheBard", GOODFOLK, moderatedroom="1")
    await bard.administer(
        "<item affiliation='admin' jid='claudius@localhost'/>"
        "<item affiliation='member' jid='hecate@localhost'/>",
        GOODFOLK,
    )
    king = await stage.guest("claudius/throne", "King", GOODFOLK)
    folk = {}
    for who, nick in (
        ("polonius/castle", "Polo"),
        ("horatio/castle", "horotoro"),
        ("hecate/broom", "Hecate"),
        ("rosencrantz/ship", "rosencrantz"),
        ("guildenstern/ship", "guildenstern"),
    ):
        folk[nick] = await stage.guest(who, nick, GOODFOLK)
    answer = await bard.administer(
        "<item nick='Polo' role='participant'/><item nick='horotoro' role='participant'/>", GOODFOLK
    )
    assert answer.get("type") == "result"
    for actor in (bard, king, *folk.values()):
        await actor.heard(GOODFOLK)
    return bard, king, folk


async def test_the_voice_list(stage: Stage) -> None:
    """§8.5: Examples 103 to 106: who has voice, and a change of several at once."""
    bard, king, folk = await goodfolk(stage)
    answer = await bard.administer("<item role='participant'/>", GOODFOLK, "get")
    assert (answer.get("type"), answer.get("from")) == ("result", GOODFOLK)
    expected = {
        "Polo": ("none", folk["Polo"].jid),
        "horotoro": ("none", folk["horotoro"].jid),
        "Hecate": ("member", folk["Hecate"].jid),
    }
    for entry in await bard.roll("role='participant'", GOODFOLK):
        assert entry["role"] == "participant"
        assert (entry["affiliation"], entry["jid"]) == expected.pop(entry["nick"])
    assert expected == {}

    answer = await bard.administer(
        "<item nick='Hecate' role='visitor'/>"
        "<item nick='rosencrantz' role='participant'><reason>A worthy fellow.</reason></item>"
        "<item nick='guildenstern' role='participant'><reason>A worthy fellow.</reason></item>",
        GOODFOLK,
    )
    assert (answer.get("type"), len(answer)) == ("result", 0)
    for actor in (bard, king, *folk.values()):
        heard = await actor.heard(GOODFOLK)
        assert sorted((seen(presence), reason(presence)) for presence in heard) == [
            ("Hecate member/visitor", None),
            ("guildenstern none/participant", "A worthy fellow."),
            ("rosencrantz none/participant", "A worthy fellow."),
        ]
    assert {e["nick"] for e in await bard.roll("role='visitor'", GOODFOLK)} == {"Hecate"}


async def test_a_voice_list_that_asks_too_much_changes_nothing(stage: Stage) -> None:
    """§8.5: Example 107: refused whole; and only moderators get the list at all."""
    _, king, folk = await goodfolk(stage)
    answer = await king.administer(
        "<item nick='rosencrantz' role='participant'/><item nick='TheBard' role='visitor'/>", GOODFOLK
    )
    assert (refusal(answer), answer.get("from")) == ("cancel not-allowed", GOODFOLK)
    await king.nothing()
    assert {e["nick"] for e in await king.roll("role='visitor'", GOODFOLK)} == {"rosencrantz", "guildenstern"}
    answer = await folk["Hecate"].administer("<item role='participant'/>", GOODFOLK, "get")
    assert refusal(answer) == "auth forbidden"


async def _request(visitor: Actor, moderator: Actor) -> ET.Element:
    assert await visitor.tell(submitted("request", {"muc#role": "participant"}), COVEN, "") == []
    [message] = await moderator.heard()
    return message


async def test_a_voice_request_is_approved(stage: Stage) -> None:
    """§8.6: Examples 108 and 109: the form goes to moderators only, who fill it in; then see §8.3."""
    crone1, wiccarocks, hag66 = await moderated(stage)
    message = await _request(hag66, crone1)
    assert (message.tag, message.get("from"), message.get("to")) == (f"{CLIENT}message", COVEN, crone1.jid)
    form = message.find(f"{DATA}x")
    assert form is not None
    assert form.get("type") == "form"
    filled = fields(message)
    assert filled.pop("muc#request_allow") in (["0"], ["false"])
    assert filled == {
        "FORM_TYPE": [f"{MUC}#request"],
        "muc#role": ["participant"],
        "muc#jid": [hag66.jid],
        "muc#roomnick": ["thirdwitch"],
    }
    await wiccarocks.nothing()

    values = {name: found[0] for name, found in fields(message).items() if name != "FORM_TYPE"}
    approval = submitted("request", values | {"muc#request_allow": "true"})
    heard = await crone1.tell(approval, COVEN, "", id_="approve")
    assert [seen(presence) for presence in heard] == ["thirdwitch none/participant"]
    assert [seen(presence) for presence in await wiccarocks.heard()] == ["thirdwitch none/participant"]
    await hag66.heard()
    [said] = await hag66.say("I thank you.")
    assert body(said) == "I thank you."


async def test_a_voice_request_that_is_not_approved(stage: Stage) -> None:
    """§8.6: nothing changes by a denial, nor by the form of somebody who is no moderator."""
    crone1, wiccarocks, hag66 = await moderated(stage)
    message = await _request(hag66, crone1)
    values = {name: found[0] for name, found in fields(message).items() if name != "FORM_TYPE"}
    assert await crone1.tell(submitted("request", values | {"muc#request_allow": "0"}), COVEN, "") == []
    [error] = await wiccarocks.tell(submitted("request", values | {"muc#request_allow": "1"}), COVEN, "")
    assert refusal(error) == "auth forbidden"
    [error] = await hag66.say("May I?")
    assert refusal(error) == "auth forbidden"
