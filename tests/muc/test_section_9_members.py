"""XEP-0045 §9.3 to §9.5: membership, and the member list."""

from __future__ import annotations

import pytest

from tests.client import CLIENT
from tests.muc.stage import (
    COVEN,
    USER,
    Actor,
    Stage,
    actor_nick,
    codes,
    item,
    reason,
    refusal,
    seen,
    user,
)

NICK = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>"
MEMBER = "<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'"
STRANGER = "<item affiliation='none' jid='hag66@localhost'"


async def heath(stage: Stage, **values: str) -> tuple[Actor, Actor, Actor]:
    """An owner, somebody who watches, and hag66, who is no member."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", **values)
    await crone1.administer("<item affiliation='member' jid='macbeth@localhost'/>")
    macbeth = await stage.guest("macbeth/castle", "thane")
    hag66 = await stage.guest("hag66/pda", "thirdwitch", present=True)
    for actor in (crone1, macbeth):
        await actor.heard()
    return crone1, macbeth, hag66


def given(tag: str, why: str | None) -> str:
    """An item with or without a reason."""
    return f"{tag}><reason>{why}</reason></item>" if why else f"{tag}/>"


@pytest.mark.parametrize("why", [None, "A worthy witch indeed!"])
async def test_granting_membership(stage: Stage, why: str | None) -> None:
    """§9.3: Examples 120 to 123: without and with a reason; the nick is reserved from then on."""
    crone1, macbeth, hag66 = await heath(stage)
    answer = await crone1.administer(given(MEMBER, why))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    for actor in (crone1, macbeth, hag66):
        [presence] = await actor.heard()
        assert (seen(presence), reason(presence)) == ("thirdwitch member/participant", why)
    [identity] = (await hag66.ask("get", NICK, COVEN))[0]
    assert identity.get("name") == "thirdwitch"


@pytest.mark.parametrize("why", [None, "Not so worthy after all!"])
async def test_revoking_membership(stage: Stage, why: str | None) -> None:
    """§9.4: Examples 124 to 127: without and with a reason; in an open room the occupant stays."""
    crone1, macbeth, hag66 = await heath(stage)
    await crone1.administer(f"{MEMBER}/>")
    for actor in (crone1, macbeth, hag66):
        await actor.heard()
    answer = await crone1.administer(given(STRANGER, why))
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    for actor in (crone1, macbeth, hag66):
        [presence] = await actor.heard()
        assert (seen(presence), reason(presence)) == ("thirdwitch none/participant", why)
    assert [entry["jid"] for entry in await crone1.roll("affiliation='member'")] == ["macbeth@localhost"]


async def test_no_member_no_occupant(stage: Stage) -> None:
    """§9.4: Example 128: a members-only room removes who is no longer a member, at once, by code 321."""
    crone1, _, hag66 = await stage.coven(membersonly="1")
    await crone1.administer(f"{STRANGER}/>")
    [own] = await hag66.heard()
    assert (seen(own), codes(own)) == ("gone thirdwitch none/none", {110, 321})
    assert actor_nick(own) in (None, "firstwitch")
    [presence] = await crone1.heard()
    assert (seen(presence), codes(presence)) == ("gone thirdwitch none/none", {321})
    [error] = await hag66.enter("thirdwitch")
    assert refusal(error) == "auth registration-required"


async def test_the_member_list(stage: Stage) -> None:
    """§9.5: Examples 129 to 133 and 136: with nicks; a change of two; both are seen by everybody."""
    crone1, macbeth, hag66 = await heath(stage)
    await crone1.administer(f"{MEMBER}/>")
    hecate = await stage.guest("hecate/broom", "queen")
    for actor in (crone1, macbeth, hag66):
        await actor.heard()
    answer = await crone1.administer("<item affiliation='member'/>", kind="get")
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    entries = {entry.get("jid"): entry for entry in answer[0]}
    assert set(entries) == {"hag66@localhost", "macbeth@localhost"}
    assert entries["hag66@localhost"].get("nick") == "thirdwitch"
    assert {entry.get("affiliation") for entry in answer[0]} == {"member"}

    answer = await crone1.administer(f"{STRANGER}/><item affiliation='member' jid='hecate@localhost'/>")
    assert (answer.get("type"), len(answer)) == ("result", 0)
    for actor in (crone1, macbeth, hag66, hecate):
        assert sorted(map(seen, await actor.heard())) == [
            "queen member/participant",
            "thirdwitch none/participant",
        ]
    entries = {entry["jid"] for entry in await crone1.roll("affiliation='member'")}
    assert entries == {"hecate@localhost", "macbeth@localhost"}


async def test_a_reserved_nick_is_unset(stage: Stage) -> None:
    """§9.5: by an empty nick; one that is not mentioned stays."""
    crone1, _, hag66 = await heath(stage)
    for tag, names in (
        (f"{MEMBER}/>", ["thirdwitch"]),
        ("<item affiliation='member' jid='hag66@localhost'/>", ["thirdwitch"]),
        ("<item affiliation='member' jid='hag66@localhost' nick='oldhag'/>", ["oldhag"]),
        ("<item affiliation='member' jid='hag66@localhost' nick=''/>", []),
    ):
        assert (await crone1.administer(tag)).get("type") == "result"
        answer = await hag66.ask("get", NICK, COVEN)
        assert [identity.get("name") for identity in answer[0]] == names


async def test_who_may_see_the_member_list(stage: Stage) -> None:
    """§9.5: any member where JIDs are no secret, also from outside; no others."""
    crone1, _, hag66 = await stage.coven(membersonly="1", whois="anyone")
    await crone1.administer("<item affiliation='member' jid='hecate@localhost'/>")
    hecate = await stage.actor("hecate/broom")
    macduff = await stage.actor("macduff/fife")
    for member in (hag66, hecate):
        entries = {entry["jid"] for entry in await member.roll("affiliation='member'")}
        assert entries == {"hag66@localhost", "hecate@localhost"}
    assert refusal(await macduff.administer("<item affiliation='member'/>", kind="get")) == "auth forbidden"
    await crone1.configure(whois="moderators")
    for member in (hag66, hecate):
        assert (
            refusal(await member.administer("<item affiliation='member'/>", kind="get")) == "auth forbidden"
        )
    answer = await hag66.administer("<item affiliation='member' jid='macduff@localhost'/>")
    assert refusal(answer) == "auth forbidden"


async def test_a_new_member_is_invited(stage: Stage) -> None:
    """§9.5: Example 134: into a members-only room, with the password; not who was affiliated already."""
    crone1, _, hag66 = await stage.coven(
        membersonly="1", passwordprotectedroom="1", roomsecret="cauldronburn"
    )
    hecate = await stage.actor("hecate/broom", present=True)
    await crone1.administer(
        "<item affiliation='member' jid='hecate@localhost'/>"
        "<item affiliation='member' jid='hag66@localhost'/>"
    )
    message = await hecate.next()
    assert (message.tag, message.get("from")) == (f"{CLIENT}message", COVEN)
    invite = user(message).find(f"{USER}invite")
    assert invite is not None
    assert invite.get("from", "").partition("/")[0] in ("crone1@localhost", COVEN)
    assert user(message).findtext(f"{USER}password") == "cauldronburn"
    assert [stanza for stanza in await hag66.heard() if stanza.tag == f"{CLIENT}message"] == []


async def test_a_mere_member_invites_nobody(stage: Stage) -> None:
    """§9.5: Example 135: into a members-only room whose owner has not allowed it."""
    crone1, wiccarocks, hag66 = await stage.coven(membersonly="1", allowinvites="0")
    hecate = await stage.actor("hecate/broom", present=True)
    invite = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='hecate@localhost'/></x>"
    [error] = await hag66.tell(invite, COVEN, "", id_="C6E14DF6")
    assert (refusal(error), error.get("from"), error.get("id")) == ("auth forbidden", COVEN, "C6E14DF6")
    await hecate.nothing()
    assert [entry["jid"] for entry in await crone1.roll("affiliation='member'")] == ["hag66@localhost"]
    assert await wiccarocks.tell(invite, COVEN, "") == []  # an admin may
    message = await hecate.next()
    assert user(message).find(f"{USER}invite") is not None


async def test_membership_does_not_tell_jids(stage: Stage) -> None:
    """§9.3: nor does any other change show a JID to who may not see it."""
    crone1, macbeth, hag66 = await heath(stage)
    await crone1.administer(f"{MEMBER}/>")
    [presence] = await macbeth.heard()
    assert item(presence).get("jid") is None
    [presence] = await crone1.heard()
    assert item(presence).get("jid") == hag66.jid
