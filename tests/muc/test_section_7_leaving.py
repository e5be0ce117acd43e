"""XEP-0045 §7.13 and §7.14: asking for voice, and exiting."""

from __future__ import annotations

import pytest

from tests.client import CLIENT
from tests.muc.stage import (
    COVEN,
    DISCO_INFO,
    SERVICE,
    Stage,
    body,
    codes,
    fields,
    item,
    refusal,
    seen,
    submitted,
)

VOICE = submitted("request", {"muc#role": "participant"})


async def test_a_visitor_asks_for_voice(stage: Stage) -> None:
    """§7.13: Example 79: the moderators are asked, and nobody else hears of it; see §8.6."""
    crone1, wiccarocks, hag66 = await stage.coven(moderatedroom="1")
    macbeth = await stage.guest("macbeth/castle", "thane")
    for witch in (crone1, wiccarocks, hag66):
        await witch.heard()
    assert await macbeth.tell(VOICE, COVEN, "", id_="yd53c486") == []
    for moderator in (crone1, wiccarocks):
        [request] = await moderator.heard()
        assert request.get("from") == COVEN
        assert fields(request)["muc#roomnick"] == ["thane"]
    await hag66.nothing()


async def test_voice_requests_may_be_unwanted(stage: Stage) -> None:
    """§7.13: a stranger can't ask, and the owner may have turned requests off."""
    crone1, _, _ = await stage.coven(moderatedroom="1", allow_voice_requests="0")
    macbeth = await stage.actor("macbeth/castle")
    [error] = await macbeth.tell(VOICE, COVEN, "")
    assert refusal(error) == "cancel not-acceptable"
    await macbeth.enter("thane")
    await crone1.heard()
    [error] = await macbeth.tell(VOICE, COVEN, "")
    assert refusal(error) == "auth forbidden"
    await crone1.nothing()


async def test_exiting(stage: Stage) -> None:
    """§7.14: Examples 80 to 82: one's own presence with code 110, and the others'; role ``none`` in each."""
    crone1, wiccarocks, hag66 = await stage.coven()
    [own] = await hag66.leave("thirdwitch")
    assert (seen(own), codes(own), own.get("to")) == ("gone thirdwitch member/none", {110}, hag66.jid)
    for witch in (crone1, wiccarocks):
        [presence] = await witch.heard()
        assert (seen(presence), codes(presence)) == ("gone thirdwitch member/none", set())
        assert item(presence).get("jid") == hag66.jid  # both are moderators
    [error] = await hag66.say("What was that?")
    assert refusal(error) == "cancel not-acceptable"
    await crone1.nothing()


async def test_a_custom_exit_message(stage: Stage) -> None:
    """§7.14: Example 83."""
    crone1, wiccarocks, _ = await stage.coven()
    await wiccarocks.leave("secondwitch", status="<status>gone where the goblins go</status>")
    [presence] = await crone1.heard()
    assert seen(presence) == "gone secondwitch admin/none"
    assert presence.findtext(f"{CLIENT}status") == "gone where the goblins go"


@pytest.mark.parametrize("how", ["unavailable", "closed stream", "lost connection"])
async def test_going_offline_is_exiting(stage: Stage, how: str) -> None:
    """§7.14: the server sends unavailable presence to where presence was directed (RFC 6121 §4.6)."""
    crone1, _, hag66 = await stage.coven()
    if how == "unavailable":
        hag66.write("<presence type='unavailable'><status>bye</status></presence>")
    elif how == "closed stream":
        hag66.write("</stream:stream>")
    else:
        await hag66.close()
    presence = await crone1.next()
    assert seen(presence) == "gone thirdwitch member/none"
    await crone1.nothing()


async def test_one_of_several_clients_leaves(stage: Stage) -> None:
    """§7.14 with §7.2.8: the occupant stays as long as one of its clients does."""
    crone1, _, hag66 = await stage.coven()
    second = await stage.guest("hag66/laptop", "thirdwitch")
    await crone1.heard()
    await hag66.heard()
    [own] = [p for p in await second.leave("thirdwitch") if p.get("type") == "unavailable"]
    assert 110 in codes(own)
    assert all(p.get("type") is None for p in await crone1.heard())
    await hag66.heard()
    [said] = await hag66.say("I am still here.")
    assert body(said) == "I am still here."


async def test_a_temporary_room_goes_with_its_last_occupant(stage: Stage) -> None:
    """§7.14: and a persistent one does not."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="0")
    await crone1.leave("firstwitch")
    macbeth = await stage.actor("macbeth/castle")
    assert refusal(await macbeth.ask("get", DISCO_INFO, COVEN)) == "cancel item-not-found"
    own, *_ = await macbeth.enter("thane")
    assert (seen(own), 201 in codes(own)) == ("thane owner/moderator", True)

    cave = f"cave@{SERVICE}"
    bard = await stage.host("bard/globe", "TheBard", cave, persistentroom="1")
    await bard.leave("TheBard", cave)
    assert (await macbeth.ask("get", DISCO_INFO, cave)).get("type") == "result"
    own, *_ = await macbeth.enter("thane", cave)
    assert (seen(own), 201 in codes(own)) == ("thane none/participant", False)
