"""XEP-0045 §7.2.13 to §7.2.18: what a newcomer hears of the past, the subject, and the old way in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

from tests.client import CLIENT
from tests.muc.stage import COVEN, DELAY, Actor, Stage, body, codes, item, refusal, seen, subject

ADDRESS = "{http://jabber.org/protocol/address}address"

LINES = [
    ("firstwitch", "Thrice the brinded cat hath mew'd."),
    ("secondwitch", "Thrice and once the hedge-pig whined."),
    ("thirdwitch", "Harpier cries 'Tis time, 'tis time."),
]


async def spoken(stage: Stage, **values: str) -> tuple[Actor, Actor, Actor]:
    """The coven when each witch has said her line."""
    witches = await stage.coven(**values)
    for witch, (_, line) in zip(witches, LINES, strict=True):
        await witch.say(line)
    for witch in witches:
        await witch.heard()
    return witches


def past(got: list[ET.Element]) -> list[ET.Element]:
    """The history among what a newcomer was sent; the subject must be what comes after it."""
    messages = [stanza for stanza in got if stanza.tag == f"{CLIENT}message"]
    assert messages == got[-len(messages) :]
    assert subject(messages[-1]) is not None
    return messages[:-1]


async def test_the_discussion_so_far(stage: Stage) -> None:
    """§7.2.13: Example 33: in order, each with its delay stamp from the room; the live ones have none."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    crone1, _, hag66 = await spoken(stage)
    hecate = await stage.actor("hecate/broom")
    said = past(await hecate.enter("fourthwitch"))
    assert [(m.get("from"), body(m)) for m in said] == [(f"{COVEN}/{nick}", line) for nick, line in LINES]
    for message in said:
        assert (message.get("type"), message.get("to")) == ("groupchat", hecate.jid)
        [delay] = message.iterfind(f"{DELAY}delay")
        assert delay.get("from") == COVEN
        stamp = delay.get("stamp", "")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", stamp)
        assert before < datetime.fromisoformat(stamp) < datetime.now(UTC) + timedelta(seconds=1)
    await hag66.heard()
    await crone1.say("Live.")
    for listener in (hecate, hag66):
        [live] = await listener.heard()
        assert (body(live), live.find(f"{DELAY}delay")) == ("Live.", None)


async def test_who_said_it_in_a_non_anonymous_room(stage: Stage) -> None:
    """§7.2.13: Example 34: the room may name the sender; in a semi-anonymous one it must not."""
    crone1, _, _ = await spoken(stage, whois="anyone")
    hecate = await stage.actor("hecate/broom")
    for message in past(await hecate.enter("fourthwitch")):
        for address in message.iter(ADDRESS):
            assert (address.get("type"), address.get("jid")) == ("ofrom", _real(message))
    await crone1.configure(whois="moderators")
    macbeth = await stage.actor("macbeth/castle")
    said = past(await macbeth.enter("thane"))
    assert len(said) == 3
    for message in said:
        assert _real(message).partition("/")[0] not in ET.tostring(message, "unicode")


def _real(message: ET.Element) -> str:
    return {
        "firstwitch": "crone1@localhost/desktop",
        "secondwitch": "wiccarocks@localhost/laptop",
        "thirdwitch": "hag66@localhost/pda",
    }[message.get("from", "").partition("/")[2]]


async def test_a_newcomer_limits_the_history(stage: Stage) -> None:
    """§7.2.14: Examples 35 to 39, and the smallest of several limits."""
    await spoken(stage)
    hecate = await stage.actor("hecate/broom")

    async def asked(limits: str) -> list[str | None]:
        got = await hecate.enter("fourthwitch", inside=f"<history {limits}/>")
        await hecate.leave("fourthwitch")
        return [body(message) for message in past(got)]

    everything = [line for _, line in LINES]
    now = datetime.now(UTC)
    assert await asked("maxchars='65000'") == everything
    assert await asked("maxstanzas='20'") == everything
    assert await asked("maxstanzas='2'") == everything[1:]
    assert await asked("seconds='180'") == everything
    assert await asked("since='1970-01-01T00:00:00Z'") == everything
    assert await asked("maxchars='0'") == []
    assert await asked("maxstanzas='0'") == []
    assert await asked("seconds='0'") == []
    assert await asked(f"since='{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}'") == []
    assert await asked(f"since='{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S.000+00:00}'") == everything
    assert await asked("maxchars='65000' maxstanzas='1' seconds='180'") == everything[2:]


async def test_characters_are_counted_in_whole_stanzas(stage: Stage) -> None:
    """§7.2.14: the largest number of complete stanzas that is within the limit, the latest of them."""
    await spoken(stage)
    hecate = await stage.actor("hecate/broom")
    whole = past(await hecate.enter("fourthwitch"))
    await hecate.leave("fourthwitch")
    # one stanza has some 200 to 600 characters: the limit is far from both edges
    limit = len(ET.tostring(whole[-1])) * 3 // 2
    some = past(await hecate.enter("fourthwitch", inside=f"<history maxchars='{limit}'/>"))
    assert 1 <= len(some) < 3
    assert [body(message) for message in some] == [line for _, line in LINES][-len(some) :]
    await hecate.leave("fourthwitch")
    assert past(await hecate.enter("fourthwitch", inside="<history maxchars='20'/>")) == []


async def test_the_subject_comes_after_the_history(stage: Stage) -> None:
    """§7.2.15, §7.2.16: Example 40: who set it, and when; then live messages."""
    crone1, wiccarocks, _ = await spoken(stage)
    await wiccarocks.tell("<subject>Fire Burn and Cauldron Bubble!</subject>")
    await crone1.say("Double, double.")
    hecate = await stage.actor("hecate/broom")
    got = await hecate.enter("fourthwitch")
    said = past(got)
    assert [body(message) for message in said] == [*(line for _, line in LINES), "Double, double."]
    last = got[-1]
    assert subject(last) == "Fire Burn and Cauldron Bubble!"
    assert (last.get("from"), last.get("type")) == (f"{COVEN}/secondwitch", "groupchat")
    [delay] = last.iterfind(f"{DELAY}delay")
    assert delay.get("from") == COVEN
    assert delay.get("stamp", "").endswith("Z")


async def test_no_subject(stage: Stage) -> None:
    """§7.2.15: Example 41: an empty one, stamped where it was cleared."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hecate = await stage.actor("hecate/broom")
    got = await hecate.enter("fourthwitch")
    assert (subject(got[-1]), got[-1].get("type")) == ("", "groupchat")
    await hecate.leave("fourthwitch")
    await crone1.tell("<subject>Spells</subject>")
    await crone1.tell("<subject/>")
    got = await hecate.enter("fourthwitch")
    assert subject(got[-1]) == ""
    [delay] = got[-1].iterfind(f"{DELAY}delay")
    assert delay.get("from") == COVEN


async def test_the_reasons_not_to_let_somebody_in_are_told_apart(stage: Stage) -> None:
    """§7.2.17: of several reasons a banned account hears of the ban only."""
    crone1 = await stage.host(
        "crone1/desktop",
        "firstwitch",
        passwordprotectedroom="1",
        roomsecret="x",
        membersonly="1",
        maxusers="1",
    )
    await crone1.administer("<item affiliation='outcast' jid='macbeth@localhost'/>")
    macbeth = await stage.actor("macbeth/castle")
    [error] = await macbeth.enter("firstwitch")
    assert refusal(error) == "auth forbidden"


async def test_presence_without_asking_to_enter(stage: Stage) -> None:
    """§7.2.18: Examples 42 and 43: an explicit kick for a client that thinks it is in the room."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.actor("hag66/pda")
    [kick] = await hag66.show("thirdwitch")
    assert seen(kick) == "gone thirdwitch none/none"
    assert codes(kick) == {110, 307, 333}
    assert item(kick).findtext("{http://jabber.org/protocol/muc#user}reason")
    assert kick.get("to") == hag66.jid
    await crone1.nothing()
