"""XEP-0045 §10.9: destroying a room."""

from __future__ import annotations

import pytest

from tests.muc.stage import COVEN, DISCO_INFO, SERVICE, USER, Stage, codes, refusal, seen, user

HEATH = f"heath@{SERVICE}"
DESTROY = f"<destroy jid='{COVEN}'><reason>Macbeth doth come.</reason></destroy>"


@pytest.mark.parametrize("persistent", ["0", "1"])
async def test_destroying_a_room(stage: Stage, persistent: str) -> None:
    """§10.9: Examples 201 to 203: one presence for each occupant; the room is gone, even a persistent one."""
    crone1, wiccarocks, hag66 = await stage.coven()
    for witch, nick in ((crone1, "firstwitch"), (wiccarocks, "secondwitch"), (hag66, "thirdwitch")):
        await witch.enter(nick, HEATH)
        if witch is crone1:
            await crone1.configure(HEATH, persistentroom=persistent, membersonly="0")
    for witch in (crone1, wiccarocks):
        await witch.heard(HEATH)
    answer = await crone1.own(DESTROY, HEATH)
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", HEATH, 0)
    for witch, nick in ((crone1, "firstwitch"), (wiccarocks, "secondwitch"), (hag66, "thirdwitch")):
        [own] = await witch.heard()
        assert (own.get("from"), own.get("to")) == (f"{HEATH}/{nick}", witch.jid)
        assert seen(own) == f"gone {nick} none/none"
        assert codes(own) <= {110}
        destroyed = user(own).find(f"{USER}destroy")
        assert destroyed is not None
        assert destroyed.get("jid") == COVEN
        assert destroyed.findtext(f"{USER}reason") == "Macbeth doth come."
    assert refusal(await hag66.ask("get", DISCO_INFO, HEATH)) == "cancel item-not-found"
    own, *_ = await hag66.enter("thirdwitch", HEATH)  # it is hers now
    assert (seen(own), 201 in codes(own)) == ("thirdwitch owner/moderator", True)


async def test_destroying_without_words(stage: Stage) -> None:
    """§10.9: the element is there also where nothing is in it; a password for the next room is passed on."""
    crone1, _, hag66 = await stage.coven()
    await crone1.enter("firstwitch", HEATH)
    await crone1.configure(HEATH, persistentroom="0")
    await hag66.enter("thirdwitch", HEATH)
    destroy = f"<destroy jid='{COVEN}'><password>cauldronburn</password></destroy>"
    for room, content, password in ((HEATH, destroy, "cauldronburn"), (COVEN, "<destroy/>", None)):
        assert (await crone1.own(content, room)).get("type") == "result"
        destroyed = user((await hag66.heard())[-1]).find(f"{USER}destroy")
        assert destroyed is not None
        assert destroyed.findtext(f"{USER}password") == password
        assert destroyed.find(f"{USER}reason") is None


async def test_only_an_owner_destroys(stage: Stage) -> None:
    """§10.9: Example 204: neither an admin nor a member nor a stranger; and there must be a room."""
    crone1, wiccarocks, hag66 = await stage.coven()
    macbeth = await stage.actor("macbeth/castle")
    for actor in (wiccarocks, hag66, macbeth):
        answer = await actor.own(DESTROY)
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
    for witch in (crone1, wiccarocks, hag66):
        await witch.nothing()
    assert refusal(await crone1.own(DESTROY, HEATH)) == "cancel item-not-found"
    assert len(await crone1.say("We are all here.")) == 1
