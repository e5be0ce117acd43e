"""XEP-0045 §8.1 and §8.2: the subject, and kicking."""

from __future__ import annotations

import pytest

from tests.client import CLIENT
from tests.muc.stage import (
    ADMIN,
    COVEN,
    SERVICE,
    Actor,
    Stage,
    actor_nick,
    body,
    codes,
    reason,
    refusal,
    seen,
    subject,
)

HARFLEUR = f"harfleur@{SERVICE}"
SUBJECT = "<subject>Fire Burn and Cauldron Bubble!</subject>"


async def test_a_moderator_changes_the_subject(stage: Stage) -> None:
    """§8.1: Examples 84, 85 and 88: everybody hears of it, and of an empty one."""
    crone1, wiccarocks, hag66 = await stage.coven()
    for content, text in ((SUBJECT, "Fire Burn and Cauldron Bubble!"), ("<subject></subject>", "")):
        [own] = await wiccarocks.tell(content, id_="lh2bs617")
        [others] = await crone1.heard()
        for message in (own, others):
            assert (subject(message), message.get("type")) == (text, "groupchat")
            assert message.get("from") == f"{COVEN}/secondwitch"
        assert own.get("id") == "lh2bs617"
        await hag66.heard()
        newcomer = await stage.actor("macbeth/castle")
        assert subject((await newcomer.enter("thane"))[-1]) == text
        await newcomer.leave("thane")
        for witch in (crone1, wiccarocks):
            await witch.heard()


async def test_who_may_not_change_the_subject(stage: Stage) -> None:
    """§8.1: Example 87: a participant where that is not configured; the subject stays."""
    crone1, _, hag66 = await stage.coven(changesubject="0")
    [error] = await hag66.tell(SUBJECT, id_="lh2bs617")
    assert (refusal(error), error.get("id"), error.get("from")) == ("auth forbidden", "lh2bs617", COVEN)
    await crone1.nothing()
    macbeth = await stage.actor("macbeth/castle")
    assert subject((await macbeth.enter("thane"))[-1]) == ""
    await crone1.configure(changesubject="1")
    await hag66.heard()
    [message] = await hag66.tell(SUBJECT)
    assert message.get("from") == f"{COVEN}/thirdwitch"


@pytest.mark.parametrize("also", ["<body>Double, double.</body>", "<thread>e0ffe42b</thread>"])
async def test_a_subject_with_more_is_an_ordinary_message(stage: Stage, also: str) -> None:
    """§8.1: with a body or a thread it changes nothing, and so a participant may send it."""
    crone1, _, hag66 = await stage.coven(changesubject="0")
    [message] = await hag66.tell(SUBJECT + also)
    assert message.get("type") == "groupchat"
    assert message.findtext(f"{CLIENT}subject") == "Fire Burn and Cauldron Bubble!"
    assert len(await crone1.heard()) == 1
    macbeth = await stage.actor("macbeth/castle")
    assert subject((await macbeth.enter("thane"))[-1]) == ""


async def harfleur(stage: Stage) -> tuple[Actor, Actor, Actor]:
    """Fluellen, a moderator, and two that he may kick."""
    fluellen = await stage.host("fluellen/pda", "Fluellen", HARFLEUR)
    pistol = await stage.guest("pistol/harfleur", "pistol", HARFLEUR)
    gower = await stage.guest("gower/cell", "gower", HARFLEUR)
    for actor in (fluellen, pistol):
        await actor.heard(HARFLEUR)
    return fluellen, pistol, gower


async def test_kicking(stage: Stage) -> None:
    """§8.2: Examples 89 to 92: all hear of it, with code 307."""
    fluellen, pistol, gower = await harfleur(stage)
    kick = "<item nick='pistol' role='none'><reason>Avaunt, you cullion!</reason></item>"
    fluellen.write(
        f"<iq type='set' id='kick1' to='{HARFLEUR}'><query xmlns='{ADMIN[1:-1]}'>{kick}</query></iq>"
    )
    answer, gone = await fluellen.heard(HARFLEUR)  # the moderator is told first, then the others
    assert (answer.get("id"), answer.get("type"), answer.get("from")) == ("kick1", "result", HARFLEUR)
    assert len(answer) == 0
    [own] = await pistol.heard(HARFLEUR)
    assert (seen(own), codes(own)) == ("gone pistol none/none", {110, 307})
    assert (reason(own), actor_nick(own)) == ("Avaunt, you cullion!", "Fluellen")
    [presence] = await gower.heard(HARFLEUR)
    for shown in (gone, presence):
        assert (seen(shown), codes(shown)) == ("gone pistol none/none", {307})
    [error] = await pistol.say("I'll be revenged.", HARFLEUR)
    assert refusal(error) == "cancel not-acceptable"
    *_, own, _ = await pistol.enter("pistol", HARFLEUR)  # no ban
    assert seen(own) == "pistol none/participant"


async def test_who_may_not_be_kicked(stage: Stage) -> None:
    """§8.2: Example 93: admins and owners by those below; participants kick nobody."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await crone1.administer("<item nick='thirdwitch' role='moderator'/>")
    for witch in (crone1, wiccarocks, hag66):
        await witch.heard()
    for kicker, nick in ((hag66, "secondwitch"), (hag66, "firstwitch"), (wiccarocks, "firstwitch")):
        answer = await kicker.administer(f"<item nick='{nick}' role='none'/>")
        assert (refusal(answer), answer.get("from")) == ("cancel not-allowed", COVEN)
    assert refusal(await wiccarocks.administer("<item nick='fifthwitch' role='none'/>")).endswith(
        "item-not-found"
    )
    macbeth = await stage.guest("macbeth/castle", "thane")
    answer = await macbeth.administer("<item nick='thirdwitch' role='none'/>")
    assert refusal(answer) == "auth forbidden"
    outside = await stage.actor("macduff/fife")
    answer = await outside.administer("<item nick='thirdwitch' role='none'/>")
    assert refusal(answer) == "auth forbidden"
    await hag66.heard()
    [said] = await hag66.say("We are all here.")
    assert body(said) == "We are all here."


async def test_all_clients_of_an_occupant_are_kicked(stage: Stage) -> None:
    """§8.2 with §7.2.8: a nick is kicked, so each client that has it goes."""
    fluellen, pistol, gower = await harfleur(stage)
    second = await stage.guest("pistol/tavern", "pistol", HARFLEUR)
    for actor in (fluellen, pistol, gower):
        await actor.heard(HARFLEUR)
    await fluellen.administer("<item nick='pistol' role='none'/>", HARFLEUR)
    for client in (pistol, second):
        gone = [p for p in await client.heard(HARFLEUR) if 110 in codes(p)]
        assert [(seen(p), codes(p)) for p in gone] == [("gone pistol none/none", {110, 307})]
    heard = await gower.heard(HARFLEUR)
    assert seen(heard[-1]) == "gone pistol none/none"
