"""XEP-0045 §10.1: creating a room."""

from __future__ import annotations

import pytest

from tests.muc.conftest import Stages
from tests.muc.stage import (
    CONFIGURATION,
    COVEN,
    DATA,
    DISCO_INFO,
    INSTANT,
    MUC,
    OWNER,
    SERVICE,
    USER,
    Actor,
    Stage,
    codes,
    fields,
    item,
    refusal,
    seen,
    submitted,
    user,
)

#: What the form of Example 157 has.
EXAMPLE_157 = {
    "FORM_TYPE",
    "muc#roomconfig_roomname",
    "muc#roomconfig_roomdesc",
    "muc#roomconfig_lang",
    "muc#roomconfig_enablelogging",
    "muc#roomconfig_changesubject",
    "muc#roomconfig_allowinvites",
    "muc#roomconfig_allowpm",
    "muc#roomconfig_maxusers",
    "muc#roomconfig_presencebroadcast",
    "muc#roomconfig_getmemberlist",
    "muc#roomconfig_publicroom",
    "muc#roomconfig_persistentroom",
    "muc#roomconfig_moderatedroom",
    "muc#roomconfig_membersonly",
    "muc#roomconfig_passwordprotectedroom",
    "muc#roomconfig_roomsecret",
    "muc#roomconfig_whois",
    "muc#maxhistoryfetch",
    "muc#roomconfig_roomadmins",
    "muc#roomconfig_roomowners",
}

#: What is submitted in Example 159.
EXAMPLE_159 = {
    "muc#roomconfig_roomname": ["A Dark Cave"],
    "muc#roomconfig_roomdesc": ["The place for all good witches!"],
    "muc#roomconfig_enablelogging": ["0"],
    "muc#roomconfig_changesubject": ["1"],
    "muc#roomconfig_allowinvites": ["0"],
    "muc#roomconfig_allowpm": ["anyone"],
    "muc#roomconfig_maxusers": ["10"],
    "muc#roomconfig_publicroom": ["0"],
    "muc#roomconfig_persistentroom": ["0"],
    "muc#roomconfig_moderatedroom": ["0"],
    "muc#roomconfig_membersonly": ["0"],
    "muc#roomconfig_passwordprotectedroom": ["1"],
    "muc#roomconfig_roomsecret": ["cauldronburn"],
    "muc#roomconfig_whois": ["moderators"],
    "muc#maxhistoryfetch": ["50"],
    "muc#roomconfig_roomadmins": ["wiccarocks@localhost", "hecate@localhost"],
}


async def created(stage: Stage) -> Actor:
    """An owner in a new room that is still locked."""
    crone1 = await stage.actor("crone1/desktop")
    own, *_ = await crone1.enter("firstwitch")
    assert (seen(own), codes(own) >= {110, 201}) == ("firstwitch owner/moderator", True)
    return crone1


async def entry(stage: Stage, who: str = "hag66/pda", inside: str = "") -> str:
    """How somebody fares who wants to enter: as ``nick affiliation/role``, or the refusal."""
    actor = await stage.actor(who)
    got = await actor.enter("thirdwitch", inside=inside)
    return refusal(got[0]) if got[0].get("type") == "error" else seen(got[-2])


async def gone(room: str, stage: Stage) -> bool:
    """Whether there is no such room any more."""
    asker = await stage.actor("macduff/fife")
    answer = await asker.ask("get", DISCO_INFO, room)
    return answer.get("type") == "error" and refusal(answer) == "cancel item-not-found"


async def test_rooms_that_not_everybody_may_create(stages: Stages) -> None:
    """§10.1.1: Example 152: who may not create rooms may enter those there are."""
    stage = await stages(create="admins")
    hag66 = await stage.actor("hag66/pda")
    [error] = await hag66.enter("thirdwitch")
    assert (refusal(error), error.get("from")) == ("cancel not-allowed", f"{COVEN}/thirdwitch")
    assert await gone(COVEN, stage)


async def test_creating_a_room(stage: Stage) -> None:
    """§10.1.1: Examples 153 and 154: code 201; it is locked until it is configured, and not listed."""
    crone1 = await created(stage)
    assert await entry(stage) == "cancel item-not-found"
    await crone1.nothing()


async def test_an_instant_room(stage: Stage) -> None:
    """§10.1.2: Example 155: the default configuration by an empty form."""
    crone1 = await created(stage)
    answer = await crone1.own(INSTANT)
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    assert await entry(stage) == "thirdwitch none/participant"


async def test_a_reserved_room(stage: Stage) -> None:
    """§10.1.3: Examples 156, 157, 159 and 160: the form, what is filled in, and that it holds."""
    crone1 = await created(stage)
    answer = await crone1.ask("get", CONFIGURATION, COVEN)
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    form = answer.find(f"{OWNER}query/{DATA}x")
    assert form is not None
    assert form.get("type") == "form"
    offered = fields(answer)
    assert offered["FORM_TYPE"] == [f"{MUC}#roomconfig"]
    assert offered.keys() >= EXAMPLE_157
    assert offered["muc#roomconfig_roomowners"] == ["crone1@localhost"]
    whois = form.find(f"{DATA}field[@var='muc#roomconfig_whois']")
    assert whois is not None
    assert {value.text for value in whois.iterfind(f"{DATA}option/{DATA}value")} == {"moderators", "anyone"}

    answer = await crone1.own(submitted("roomconfig", dict(EXAMPLE_159)))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    held = fields(await crone1.ask("get", CONFIGURATION, COVEN))
    assert {name: sorted(held[name]) for name in EXAMPLE_159} == {
        name: sorted(values) for name, values in EXAMPLE_159.items()
    }
    password = "<password>cauldronburn</password>"
    assert await entry(stage) == "auth not-authorized"
    assert await entry(stage, "hag66/laptop", password) == "thirdwitch none/participant"
    wiccarocks = await stage.actor("wiccarocks/laptop")
    *_, own, _ = await wiccarocks.enter("secondwitch", inside=password)
    assert seen(own) == "secondwitch admin/moderator"


@pytest.mark.parametrize(
    "changes",
    [
        {"passwordprotectedroom": ["1"], "roomsecret": [""]},
        {"maxusers": ["99999999"]},
        {"whois": ["nobody"]},
        {"roomadmins": ["wiccarocks@@localhost"]},
    ],
)
async def test_a_configuration_that_is_not_acceptable(stage: Stage, changes: dict[str, list[str]]) -> None:
    """§10.1.3: Example 161: the room stays as it was, and locked."""
    crone1 = await created(stage)
    values = EXAMPLE_159 | {f"muc#roomconfig_{name}": value for name, value in changes.items()}
    answer = await crone1.own(submitted("roomconfig", dict(values)))
    assert (refusal(answer), answer.get("from")) == ("modify not-acceptable", COVEN)
    assert fields(await crone1.ask("get", CONFIGURATION, COVEN))["muc#roomconfig_roomname"] in ([""], [])
    assert await entry(stage) == "cancel item-not-found"


async def test_the_creation_is_cancelled(stage: Stage) -> None:
    """§10.1.3: Example 162: the room is destroyed, and its owner is told so."""
    crone1 = await created(stage)
    answer = await crone1.own("<x xmlns='jabber:x:data' type='cancel'/>")
    assert answer.get("type") == "result"
    [own] = await crone1.heard()
    assert seen(own) == "gone firstwitch none/none"
    assert user(own).find(f"{USER}destroy") is not None
    assert await gone(COVEN, stage)
    assert await entry(stage) == "thirdwitch owner/moderator"


async def test_the_creator_leaves_without_a_configuration(stage: Stage) -> None:
    """§10.1.3: the room is destroyed, whether its owner exits or goes offline."""
    crone1 = await created(stage)
    own, *_ = await crone1.leave("firstwitch")
    assert (own.get("type"), own.get("from")) == ("unavailable", f"{COVEN}/firstwitch")
    assert item(own).get("role") == "none"
    assert await gone(COVEN, stage)
    await crone1.enter("firstwitch")
    crone1.write("<presence type='unavailable'/>")
    await crone1.heard()
    assert await gone(COVEN, stage)


async def test_two_rooms_are_two(stage: Stage) -> None:
    """§10.1: what is configured in one is not in the other, though one account owns both."""
    bard = await stage.host("bard/globe", "TheBard", roomname="A Dark Cave", membersonly="1")
    heath = f"heath@{SERVICE}"
    await bard.enter("TheBard", heath)
    await bard.configure(heath, roomname="A Lonely Heath")
    for room, name, only in ((COVEN, "A Dark Cave", "1"), (heath, "A Lonely Heath", "0")):
        held = fields(await bard.ask("get", CONFIGURATION, room))
        assert held["muc#roomconfig_roomname"] == [name]
        assert held["muc#roomconfig_membersonly"] == [only]
