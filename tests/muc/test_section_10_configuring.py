"""XEP-0045 §10.2: configuring a room that is open."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.stage import (
    CONFIGURATION,
    COVEN,
    USER,
    Actor,
    Stage,
    codes,
    fields,
    refusal,
    seen,
    user,
)

CANCEL = "<x xmlns='jabber:x:data' type='cancel'/>"


def told(heard: list[ET.Element]) -> list[set[int]]:
    """The status codes of each notice of a changed configuration."""
    notices = [stanza for stanza in heard if stanza.tag == f"{CLIENT}message"]
    for notice in notices:
        assert (notice.get("from"), notice.get("type")) == (COVEN, "groupchat")
        assert {child.tag for child in user(notice)} == {f"{USER}status"}
    return [codes(notice) for notice in notices]


def shown(heard: list[ET.Element]) -> list[str]:
    """What the presences show."""
    return [seen(stanza) for stanza in heard if stanza.tag == f"{CLIENT}presence"]


async def test_the_form_with_the_present_options(stage: Stage) -> None:
    """§10.2: Examples 163, 165 and 166; a cancelled form changes nothing."""
    crone1, wiccarocks, _ = await stage.coven(
        roomname="A Dark Cave", publicroom="0", passwordprotectedroom="1", roomsecret="cauldronburn"
    )
    held = fields(await crone1.ask("get", CONFIGURATION, COVEN))
    expected = {
        "muc#roomconfig_roomname": ["A Dark Cave"],
        "muc#roomconfig_publicroom": ["0"],
        "muc#roomconfig_passwordprotectedroom": ["1"],
        "muc#roomconfig_roomsecret": ["cauldronburn"],
        "muc#roomconfig_roomadmins": ["wiccarocks@localhost"],
        "muc#roomconfig_roomowners": ["crone1@localhost"],
    }
    assert {name: held[name] for name in expected} == expected
    assert (await crone1.own(CANCEL)).get("type") == "result"
    assert fields(await crone1.ask("get", CONFIGURATION, COVEN)) == held
    await wiccarocks.nothing()


async def test_only_owners_configure(stage: Stage) -> None:
    """§10.2: Example 164: an admin, a member and a stranger may neither see nor change anything."""
    crone1, wiccarocks, hag66 = await stage.coven()
    macbeth = await stage.actor("macbeth/castle")
    for actor in (wiccarocks, hag66, macbeth):
        answer = await actor.ask("get", CONFIGURATION, COVEN)
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
        assert refusal(await actor.configure(roomname="Mine")) == "auth forbidden"
        assert refusal(await actor.own(CANCEL)) == "auth forbidden"
    assert fields(await crone1.ask("get", CONFIGURATION, COVEN))["muc#roomconfig_roomname"] in ([], [""])


async def configured(actor: Actor, **values: str | list[str]) -> None:
    """Configure the coven."""
    answer = await actor.configure(**values)
    assert answer.get("type") == "result", ET.tostring(answer)


async def test_the_lists_of_admins_and_owners(stage: Stage) -> None:
    """§10.2: Examples 167 to 170: who loses or gains a rank is shown with it; the fields are whole lists."""
    crone1, wiccarocks, hag66 = await stage.coven()
    crones = ["crone1@localhost"]
    for changes, rank in (
        ({"roomadmins": []}, "secondwitch none/participant"),
        ({"roomadmins": ["wiccarocks@localhost"]}, "secondwitch admin/moderator"),
        ({"roomowners": [*crones, "wiccarocks@localhost"]}, "secondwitch owner/moderator"),
        ({"roomowners": crones, "roomadmins": ["wiccarocks@localhost"]}, "secondwitch admin/moderator"),
    ):
        await configured(crone1, **changes)
        for witch in (crone1, hag66):
            assert shown(await witch.heard()) == [rank], changes
        assert rank in shown(await wiccarocks.heard())


async def test_there_is_always_an_owner(stage: Stage) -> None:
    """§10.2: the last one stays; where there is another, one may give it up."""
    crone1, wiccarocks, _ = await stage.coven()
    for owners in ([], [""]):
        assert refusal(await crone1.configure(roomowners=owners)) == "cancel conflict"
    assert [entry["jid"] for entry in await crone1.roll("affiliation='owner'")] == ["crone1@localhost"]
    await configured(crone1, roomowners=["wiccarocks@localhost"])
    assert [entry["jid"] for entry in await wiccarocks.roll("affiliation='owner'")] == [
        "wiccarocks@localhost"
    ]
    assert refusal(await crone1.ask("get", CONFIGURATION, COVEN)) == "auth forbidden"


async def test_a_room_becomes_members_only(stage: Stage) -> None:
    """§10.2: who is no member goes with code 322."""
    crone1, wiccarocks, hag66 = await stage.coven()
    macbeth = await stage.guest("macbeth/castle", "thane")
    for witch in (crone1, wiccarocks, hag66):
        await witch.heard()
    await configured(crone1, membersonly="1")
    [own] = [stanza for stanza in await macbeth.heard() if stanza.get("type") == "unavailable"]
    assert (seen(own), codes(own)) == ("gone thane none/none", {110, 322})
    for witch in (crone1, wiccarocks, hag66):
        [presence] = [stanza for stanza in await witch.heard() if stanza.tag == f"{CLIENT}presence"]
        assert (seen(presence), codes(presence)) == ("gone thane none/none", {322})


@pytest.mark.parametrize(
    ("name", "value", "code", "back"),
    [
        ("enablelogging", "1", 170, 171),
        ("whois", "anyone", 172, 173),
        ("roomname", "A Dark Cave", 104, 104),
        ("changesubject", "1", 104, 104),
    ],
)
async def test_occupants_are_told_of_changes(
    stage: Stage, name: str, value: str, code: int, back: int
) -> None:
    """§10.2.1: Example 171: by a code, there and back; what changes nothing is not told."""
    crone1, wiccarocks, _ = await stage.coven()
    before = fields(await crone1.ask("get", CONFIGURATION, COVEN))[f"muc#roomconfig_{name}"]
    await configured(crone1, **{name: value})
    for witch in (crone1, wiccarocks):
        assert told(await witch.heard()) == [{code}]
    await configured(crone1, **{name: value})
    for witch in (crone1, wiccarocks):
        assert await witch.heard() == []
    await configured(crone1, **{name: before or [""]})
    for witch in (crone1, wiccarocks):
        assert told(await witch.heard()) == [{back}]


async def test_a_room_that_becomes_non_anonymous(stage: Stage) -> None:
    """§10.2.1: code 172, and newcomers see addresses from then on."""
    crone1, _, hag66 = await stage.coven()
    await configured(crone1, whois="anyone")
    assert {172} in told(await hag66.heard())
    macbeth = await stage.actor("macbeth/castle")
    *others, own, _ = await macbeth.enter("thane")
    assert 100 in codes(own)
    assert all(user(presence)[0].get("jid") for presence in others)
