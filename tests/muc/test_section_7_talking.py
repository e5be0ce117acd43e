"""XEP-0045 §7.4 to §7.7: messages, private ones, nicks and availability."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    SERVICE,
    USER,
    Stage,
    body,
    codes,
    item,
    refusal,
    seen,
)


async def test_a_message_reaches_everybody(stage: Stage) -> None:
    """§7.4: Examples 44 and 45: from the sender's address in the room, with the sender's id."""
    witches = await stage.coven()
    line = "Harpier cries: 'tis time, 'tis time."
    witches[2].write(
        f"<message id='hysf1v37' to='{COVEN}' type='groupchat'><body>{line}</body>"
        "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    await witches[2].find(lambda e: e.get("id") == "hysf1v37" and body(e) == line)
    for witch in witches[:2]:
        [message] = await witch.heard()
        assert (message.get("from"), message.get("to")) == (f"{COVEN}/thirdwitch", witch.jid)
        assert (message.get("id"), message.get("type"), body(message)) == ("hysf1v37", "groupchat", line)
        assert message.find("{http://jabber.org/protocol/chatstates}active") is not None
    await witches[2].nothing()


async def test_a_visitor_has_no_voice(stage: Stage) -> None:
    """§7.4: an error for the visitor, nothing for the others."""
    crone1, _, hag66 = await stage.coven(moderatedroom="1")
    macbeth = await stage.guest("macbeth/castle", "thane")
    await crone1.heard()
    [error] = await macbeth.say("Tell me more.")
    assert (refusal(error), error.get("from"), error.get("id")) == ("auth forbidden", COVEN, "said")
    await crone1.nothing()
    await hag66.heard()
    [said] = await hag66.say("All hail, Macbeth!")
    assert body(said) == "All hail, Macbeth!"


async def test_a_stranger_says_nothing_in_a_room(stage: Stage) -> None:
    """§7.4: not-acceptable, also for an owner who is not there; and there must be a room."""
    crone1, wiccarocks, _ = await stage.coven()
    macbeth = await stage.actor("macbeth/castle")
    [error] = await macbeth.say("Stay, you imperfect speakers.")
    assert (refusal(error), error.get("from")) == ("cancel not-acceptable", COVEN)
    [error] = await macbeth.say("Anybody?", f"heath@{SERVICE}")
    assert refusal(error) == "cancel item-not-found"
    await crone1.nothing()
    await wiccarocks.nothing()


async def test_a_private_message(stage: Stage) -> None:
    """§7.5: Examples 46 and 47: to one occupant only, marked as private whether the sender did or not."""
    crone1, wiccarocks, hag66 = await stage.coven()
    marked = "<body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'/>"
    for kind, content in (
        ("chat", marked),
        ("chat", "<body>Thou'rt kind.</body>"),
        ("", "<body>And I.</body>"),
    ):
        assert await wiccarocks.tell(content, f"{COVEN}/firstwitch", kind, id_="hgn27af1") == []
        [message] = await crone1.heard()
        assert (message.get("from"), message.get("to")) == (f"{COVEN}/secondwitch", crone1.jid)
        assert message.get("id") == "hgn27af1"
        assert message.get("type", "normal") == (kind or "normal")
        assert len(message.findall(f"{USER}x")) == 1
        assert "wiccarocks" not in ET.tostring(message, "unicode")
    await hag66.nothing()


async def test_private_messages_that_reach_nobody(stage: Stage) -> None:
    """§7.5: Example 48, and those to nobody and from nobody."""
    crone1, wiccarocks, _ = await stage.coven()
    content = "<body>I'll give thee a wind.</body>"
    [error] = await wiccarocks.tell(content, f"{COVEN}/firstwitch", "groupchat", id_="bx71f29k")
    assert (refusal(error), error.get("id")) == ("modify bad-request", "bx71f29k")
    assert (error.tag, error.get("from")) == (f"{CLIENT}message", f"{COVEN}/firstwitch")
    [error] = await wiccarocks.tell(content, f"{COVEN}/fifthwitch", "chat")
    assert (refusal(error), error.get("from")) == ("cancel item-not-found", f"{COVEN}/fifthwitch")
    macbeth = await stage.actor("macbeth/castle")
    [error] = await macbeth.tell(content, f"{COVEN}/firstwitch", "chat")
    assert (refusal(error), error.get("from")) == ("cancel not-acceptable", f"{COVEN}/firstwitch")
    await crone1.nothing()


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("anyone", ["firstwitch", "thirdwitch", "thane"]),
        ("participants", ["firstwitch", "thirdwitch"]),
        ("moderators", ["firstwitch"]),
        ("none", []),
    ],
)
async def test_who_may_send_private_messages(stage: Stage, who: str, allowed: list[str]) -> None:
    """§7.5: as ``muc#roomconfig_allowpm`` says."""
    crone1, wiccarocks, hag66 = await stage.coven(allowpm=who, moderatedroom="1")
    macbeth = await stage.guest("macbeth/castle", "thane")
    await wiccarocks.heard()
    await crone1.heard()
    for actor, nick in ((crone1, "firstwitch"), (hag66, "thirdwitch"), (macbeth, "thane")):
        await actor.heard()
        got = await actor.tell("<body>Psst.</body>", f"{COVEN}/secondwitch", "chat")
        assert [refusal(error) for error in got] == ([] if nick in allowed else ["auth forbidden"])
    heard = await wiccarocks.heard()
    assert [message.get("from") for message in heard] == [f"{COVEN}/{nick}" for nick in allowed]


async def test_another_nick(stage: Stage) -> None:
    """§7.6: Examples 49 and 50: the old one goes with code 303 and the new nick, then the new one comes."""
    crone1, wiccarocks, hag66 = await stage.coven(whois="anyone")
    await hag66.show("oldhag")
    for witch in (crone1, wiccarocks):
        old, new = await witch.heard()
        assert seen(old).startswith("gone thirdwitch member/")
        assert (item(old).get("nick"), item(old).get("jid")) == ("oldhag", hag66.jid)
        assert codes(old) == {303}
        assert (seen(new), item(new).get("jid")) == ("oldhag member/participant", hag66.jid)
        assert codes(new) == set()
    await hag66.say("It is I.")
    [message] = await crone1.heard()
    assert message.get("from") == f"{COVEN}/oldhag"


async def test_ones_own_view_of_another_nick(stage: Stage) -> None:
    """§7.6: Example 50: both presences say by code 110 that they are one's own."""
    _, _, hag66 = await stage.coven()
    old, new = await hag66.show("oldhag")
    assert seen(old).startswith("gone thirdwitch member/")
    assert item(old).get("nick") == "oldhag"
    assert codes(old) == {110, 303}
    assert (seen(new), codes(new) >= {110}) == ("oldhag member/participant", True)


async def test_a_nick_that_is_anothers(stage: Stage) -> None:
    """§7.6: Example 52: in use, or reserved for a member; nothing changes."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await crone1.administer("<item affiliation='member' jid='hecate@localhost' nick='queen'/>")
    for nick in ("secondwitch", "queen"):
        [error] = await hag66.show(nick)
        assert (refusal(error), error.get("from"), error.get("id")) == (
            "cancel conflict",
            f"{COVEN}/{nick}",
            "show",
        )
    assert [presence for presence in await wiccarocks.heard() if presence.tag == f"{CLIENT}presence"] == []
    [said] = await hag66.say("Still here.")
    assert said.get("from") == f"{COVEN}/thirdwitch"


async def test_a_nick_that_the_service_modifies(stage: Stage) -> None:
    """§7.6: Example 51: who has the nick in another spelling already keeps to that, and hears so by 210."""
    crone1, _, hag66 = await stage.coven()
    await hag66.show("oldhag")
    second = await stage.guest("hag66/laptop", "hag")
    for witch in (crone1, hag66):
        await witch.heard()
    old, *_, new = await second.show("OldHag")
    assert (seen(old).split()[:2], item(old).get("nick")) == (["gone", "hag"], "oldhag")
    assert (seen(new), codes(new)) == ("oldhag member/participant", {110, 210})
    assert {seen(p).split()[-2] for p in await crone1.heard()} == {"hag", "oldhag"}


async def test_nicks_that_are_locked_down(stages: Stages) -> None:
    """§7.6: Example 53: who has registered a nick must keep it; others may change theirs."""
    stage = await stages(limits={"nicks_locked": True})
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.administer("<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'/>")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.heard()
    [error] = await hag66.show("oldhag")
    assert (refusal(error), error.get("id")) == ("cancel not-acceptable", "show")
    await crone1.nothing()
    await stage.guest("macbeth/castle", "thane")


async def test_a_status_is_passed_along(stage: Stage) -> None:
    """§7.7: Examples 54 and 55: to everybody, with the JID for those who may see it."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await wiccarocks.show("secondwitch", "<show>xa</show><status>gone where the goblins go</status>")
    for witch, jid in ((crone1, wiccarocks.jid), (hag66, None)):
        [presence] = await witch.heard()
        assert seen(presence) == "secondwitch admin/moderator"
        assert presence.findtext(f"{CLIENT}show") == "xa"
        assert presence.findtext(f"{CLIENT}status") == "gone where the goblins go"
        assert item(presence).get("jid") == jid
        assert codes(presence) == set()
