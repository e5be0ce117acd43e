"""XEP-0045 §9.1 and §9.2: banning, and the ban list."""

from __future__ import annotations

from tests.muc.stage import SERVICE, Actor, Stage, actor_nick, codes, item, reason, refusal, seen

SOUTHAMPTON = f"southampton@{SERVICE}"
NICK = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>"


async def southampton(stage: Stage) -> tuple[Actor, Actor, Actor, Actor]:
    """The bard's room with the king, an admin; the earl of Cambridge, who plots; and Exeter, who does not."""
    bard = await stage.host("bard/globe", "TheBard", SOUTHAMPTON)
    await bard.administer("<item affiliation='admin' jid='kinghenryv@localhost'/>", SOUTHAMPTON)
    king = await stage.guest("kinghenryv/throne", "The ♚", SOUTHAMPTON)
    cambridge = await stage.guest("earlofcambridge/stabber", "cambridge", SOUTHAMPTON)
    exeter = await stage.guest("exeter/pda", "exeter", SOUTHAMPTON)
    for actor in (bard, king, cambridge):
        await actor.heard(SOUTHAMPTON)
    return bard, king, cambridge, exeter


async def test_banning(stage: Stage) -> None:
    """§9.1: Examples 111 to 114: the banned one goes with code 301, and everybody sees it."""
    bard, king, cambridge, exeter = await southampton(stage)
    answer = await king.administer(
        "<item affiliation='outcast' jid='earlofcambridge@localhost'><reason>Treason</reason></item>",
        SOUTHAMPTON,
    )
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", SOUTHAMPTON, 0)
    [own] = await cambridge.heard(SOUTHAMPTON)
    assert seen(own) == "gone cambridge outcast/none"
    assert 301 in codes(own) <= {110, 301}
    assert (reason(own), actor_nick(own)) == ("Treason", "The ♚")
    for actor, jid in ((king, cambridge.jid), (bard, cambridge.jid), (exeter, None)):
        [presence] = await actor.heard(SOUTHAMPTON)
        assert (seen(presence), codes(presence)) == ("gone cambridge outcast/none", {301})
        assert item(presence).get("jid") == jid
    [error] = await cambridge.enter("cambridge", SOUTHAMPTON)
    assert refusal(error) == "auth forbidden"


async def test_banning_without_a_reason(stage: Stage) -> None:
    """§9.1: Example 110: somebody who is not there, whose reserved nick goes with the ban."""
    _, king, _, exeter = await southampton(stage)
    scroop = await stage.actor("lordscroop/tower")
    await king.administer(
        "<item affiliation='member' jid='lordscroop@localhost' nick='scroop'/>", SOUTHAMPTON
    )
    answer = await king.administer("<item affiliation='outcast' jid='lordscroop@localhost'/>", SOUTHAMPTON)
    assert answer.get("type") == "result"
    answer = await scroop.ask("get", NICK, SOUTHAMPTON)
    assert list(answer.iter("{http://jabber.org/protocol/disco#info}identity")) == []
    old, new = [p for p in await exeter.show("scroop", room=SOUTHAMPTON) if p.tag.endswith("presence")]
    assert (seen(old).split()[0], seen(new)) == ("gone", "scroop none/participant")


async def test_who_may_not_be_banned(stage: Stage) -> None:
    """§9.1: Example 115: owners by admins; oneself; and mere occupants ban nobody."""
    _, king, cambridge, exeter = await southampton(stage)
    answer = await king.administer("<item affiliation='outcast' jid='bard@localhost'/>", SOUTHAMPTON)
    assert (refusal(answer), answer.get("from")) == ("cancel not-allowed", SOUTHAMPTON)
    answer = await king.administer("<item affiliation='outcast' jid='kinghenryv@localhost'/>", SOUTHAMPTON)
    assert refusal(answer) == "cancel conflict"
    answer = await cambridge.administer("<item affiliation='outcast' jid='exeter@localhost'/>", SOUTHAMPTON)
    assert refusal(answer) == "auth forbidden"
    await exeter.nothing()


async def test_the_ban_list(stage: Stage) -> None:
    """§9.2: Examples 116 to 119: bare JIDs with their reasons; then two more, one by a full JID."""
    bard, king, cambridge, exeter = await southampton(stage)
    treason = "<reason>Treason</reason>"
    await king.administer(
        f"<item affiliation='outcast' jid='earlofcambridge@localhost'>{treason}</item>", SOUTHAMPTON
    )
    for actor in (bard, king, cambridge, exeter):
        await actor.heard(SOUTHAMPTON)
    answer = await king.administer("<item affiliation='outcast'/>", SOUTHAMPTON, "get")
    assert (answer.get("type"), answer.get("from")) == ("result", SOUTHAMPTON)
    [entry] = answer[0]
    assert (entry.get("affiliation"), entry.get("jid")) == ("outcast", "earlofcambridge@localhost")
    assert (entry.get("nick"), entry.get("role")) == (None, None)
    assert entry.findtext("{http://jabber.org/protocol/muc#admin}reason") == "Treason"

    scroop = await stage.guest("lordscroop/tower", "scroop", SOUTHAMPTON)
    await exeter.heard(SOUTHAMPTON)
    answer = await king.administer(
        f"<item affiliation='outcast' jid='lordscroop@localhost/tower'>{treason}</item>"
        f"<item affiliation='outcast' jid='sirthomasgrey@localhost'>{treason}</item>",
        SOUTHAMPTON,
    )
    assert (answer.get("type"), len(answer)) == ("result", 0)
    [own] = await scroop.heard(SOUTHAMPTON)
    assert (seen(own), 301 in codes(own)) == ("gone scroop outcast/none", True)
    [presence] = await exeter.heard(SOUTHAMPTON)
    assert (seen(presence), codes(presence)) == ("gone scroop outcast/none", {301})
    banned = await bard.roll("affiliation='outcast'", SOUTHAMPTON)
    assert {entry["jid"] for entry in banned} == {
        "earlofcambridge@localhost",
        "lordscroop@localhost",
        "sirthomasgrey@localhost",
    }


async def test_a_ban_is_lifted(stage: Stage) -> None:
    """§9.2: by the affiliation ``none``."""
    _, king, cambridge, _ = await southampton(stage)
    for affiliation in ("outcast", "none"):
        answer = await king.administer(
            f"<item affiliation='{affiliation}' jid='earlofcambridge@localhost'/>", SOUTHAMPTON
        )
        assert answer.get("type") == "result"
    assert await king.roll("affiliation='outcast'", SOUTHAMPTON) == []
    await cambridge.heard(SOUTHAMPTON)
    *_, own, _ = await cambridge.enter("cambridge", SOUTHAMPTON)
    assert seen(own) == "cambridge none/participant"


async def test_a_whole_domain_is_banned(stage: Stage) -> None:
    """§9.2: an account's own affiliation is looked at first, then its domain's."""
    bard, _, cambridge, exeter = await southampton(stage)
    await bard.administer("<item affiliation='member' jid='exeter@localhost'/>", SOUTHAMPTON)
    for actor in (bard, cambridge, exeter):
        await actor.heard(SOUTHAMPTON)
    answer = await bard.administer("<item affiliation='outcast' jid='localhost'/>", SOUTHAMPTON)
    assert answer.get("type") == "result"
    [own] = await cambridge.heard(SOUTHAMPTON)
    assert (seen(own), 301 in codes(own)) == ("gone cambridge outcast/none", True)
    assert [seen(presence) for presence in await exeter.heard(SOUTHAMPTON)] == ["gone cambridge outcast/none"]
    grey = await stage.actor("sirthomasgrey/tower")
    [error] = await grey.enter("grey", SOUTHAMPTON)
    assert refusal(error) == "auth forbidden"


async def test_a_list_with_one_forbidden_change_changes_nothing(stage: Stage) -> None:
    """§9.2: neither a ban of an owner nor one's own goes through, nor what is beside it."""
    bard, king, cambridge, exeter = await southampton(stage)
    for other, condition in (("bard", "cancel not-allowed"), ("kinghenryv", "cancel conflict")):
        answer = await king.administer(
            "<item affiliation='outcast' jid='earlofcambridge@localhost'/>"
            f"<item affiliation='outcast' jid='{other}@localhost'/>",
            SOUTHAMPTON,
        )
        assert refusal(answer) == condition
    assert await bard.roll("affiliation='outcast'", SOUTHAMPTON) == []
    await cambridge.nothing()
    await exeter.nothing()
