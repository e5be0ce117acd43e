"""XEP-0045 §10.3 to §10.8: owners and admins, granted, revoked and listed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.stage import COVEN, USER, Actor, Stage, reason, refusal, seen, user


def given(affiliation: str, who: str, why: str | None) -> str:
    """An item with or without a reason."""
    inside = f"<reason>{why}</reason>" if why else ""
    return f"<item affiliation='{affiliation}' jid='{who}@localhost'>{inside}</item>"


def notices(heard: list[ET.Element], affiliation: str, jid: str) -> None:
    """A room may tell by a message of who is not there; nothing else may have come (§10.3, §10.6, §10.7)."""
    for message in heard:
        assert (message.tag, message.get("from")) == (f"{CLIENT}message", COVEN)
        told = user(message).find(f"{USER}item")
        assert told is not None
        assert (told.get("affiliation"), told.get("jid")) == (affiliation, jid)
        assert told.get("role") in (None, "none")


async def with_hecate(stage: Stage) -> tuple[Actor, Actor, Actor, Actor]:
    """The coven and hecate, who has no affiliation."""
    crone1, wiccarocks, hag66 = await stage.coven()
    hecate = await stage.guest("hecate/broom", "hecate")
    for witch in (crone1, wiccarocks, hag66):
        await witch.heard()
    return crone1, wiccarocks, hag66, hecate


async def shown(watchers: tuple[Actor, ...], presence: str, why: str | None = None) -> None:
    """Each must hear of one change of rank."""
    for witch in watchers:
        [stanza] = await witch.heard()
        assert (seen(stanza), reason(stanza)) == (presence, why)


@pytest.mark.parametrize("why", [None, "A worthy witch indeed!"])
async def test_granting_owner_status(stage: Stage, why: str | None) -> None:
    """§10.3: Examples 172 to 175: without and with a reason; a full JID counts as the bare one."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    answer = await crone1.administer(given("owner", "hecate", why))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    await shown((crone1, wiccarocks, hag66), "hecate owner/moderator", why)
    own, *_ = await hecate.heard()
    assert seen(own) == "hecate owner/moderator"
    full = f"<item affiliation='owner' jid='{wiccarocks.jid}'/>"
    assert (await hecate.administer(full)).get("type") == "result"
    owners = {entry["jid"] for entry in await crone1.roll("affiliation='owner'")}
    assert owners == {"crone1@localhost", "hecate@localhost", "wiccarocks@localhost"}


async def test_granting_owner_status_to_who_is_away(stage: Stage) -> None:
    """§10.3: Example 176: the room may say so by a message, and does so with the right rank if it does."""
    crone1, wiccarocks, _ = await stage.coven()
    await crone1.administer(given("owner", "hecate", None))
    notices(await wiccarocks.heard(), "owner", "hecate@localhost")
    hecate = await stage.actor("hecate/broom")
    *_, own, _ = await hecate.enter("queen")
    assert seen(own) == "queen owner/moderator"


@pytest.mark.parametrize("why", [None, "Not so worthy after all!"])
async def test_revoking_owner_status(stage: Stage, why: str | None) -> None:
    """§10.4: Examples 177 to 180: without and with a reason; another owner's or one's own."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    await crone1.administer(given("owner", "hecate", None))
    for witch in (crone1, wiccarocks, hag66, hecate):
        await witch.heard()
    answer = await crone1.administer(given("admin", "hecate", why))
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    await shown((crone1, wiccarocks, hag66, hecate), "hecate admin/moderator", why)
    assert [entry["jid"] for entry in await crone1.roll("affiliation='owner'")] == ["crone1@localhost"]


async def test_the_last_owner_stays(stage: Stage) -> None:
    """§10.4, §10.5: conflict for the last one; where there is another, one may go."""
    crone1, _, hag66, hecate = await with_hecate(stage)
    for affiliation in ("admin", "member", "none"):
        assert refusal(await crone1.administer(given(affiliation, "crone1", None))) == "cancel conflict"
    for non_owner in (hag66, hecate):
        answer = await non_owner.administer(given("admin", "crone1", None))
        assert refusal(answer) == "auth forbidden"
    await hag66.nothing()
    await crone1.administer(given("owner", "hecate", None))
    assert (await crone1.administer(given("admin", "crone1", None))).get("type") == "result"
    assert [entry["jid"] for entry in await hecate.roll("affiliation='owner'")] == ["hecate@localhost"]


async def test_the_owner_list(stage: Stage) -> None:
    """§10.5: Examples 181 to 185: owners see and change it; in a semi-anonymous room nobody else may."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    [entry] = await crone1.roll("affiliation='owner'")
    assert (entry["affiliation"], entry["jid"]) == ("owner", "crone1@localhost")
    for witch in (wiccarocks, hag66, hecate):
        answer = await witch.administer("<item affiliation='owner'/>", kind="get")
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
        answer = await witch.administer(given("owner", "hag66", None))
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
    answer = await crone1.administer(given("owner", "hecate", None))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    await shown((crone1, wiccarocks, hag66), "hecate owner/moderator")
    owners = {entry["jid"] for entry in await hecate.roll("affiliation='owner'")}
    assert owners == {"crone1@localhost", "hecate@localhost"}


@pytest.mark.parametrize("why", [None, "A worthy witch indeed!"])
async def test_granting_admin_status(stage: Stage, why: str | None) -> None:
    """§10.6: Examples 186 to 190: without and with a reason; by presence, or perhaps a message."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    answer = await crone1.administer(given("admin", "hecate", why))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    await shown((crone1, wiccarocks, hag66), "hecate admin/moderator", why)
    own, *_ = await hecate.heard()
    assert seen(own) == "hecate admin/moderator"
    for witch in (wiccarocks, hag66, hecate):
        answer = await witch.administer(given("admin", "macbeth", None))
        assert refusal(answer) == "auth forbidden"
    await crone1.administer(given("admin", "macduff", why))
    notices(await hag66.heard(), "admin", "macduff@localhost")
    macduff = await stage.actor("macduff/fife")
    *_, own, _ = await macduff.enter("thane")
    assert seen(own) == "thane admin/moderator"


@pytest.mark.parametrize("why", [None, "Not so worthy after all!"])
async def test_revoking_admin_status(stage: Stage, why: str | None) -> None:
    """§10.7: Examples 191 to 195: without and with a reason; an admin can't do it."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    await crone1.administer(given("admin", "macduff", None))
    for witch in (crone1, wiccarocks, hag66, hecate):
        await witch.heard()
    assert refusal(await wiccarocks.administer(given("none", "macduff", None))) == "auth forbidden"
    answer = await crone1.administer(given("none", "wiccarocks", why))
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    await shown((crone1, wiccarocks, hag66, hecate), "secondwitch none/participant", why)
    await crone1.administer(given("none", "macduff", why))
    notices(await crone1.heard(), "none", "macduff@localhost")
    assert await crone1.roll("affiliation='admin'") == []


async def test_the_admin_list(stage: Stage) -> None:
    """§10.8: Examples 196 to 200: owners see and change it; in a semi-anonymous room nobody else may."""
    crone1, wiccarocks, hag66, hecate = await with_hecate(stage)
    await crone1.administer(given("admin", "hag66", None))
    for witch in (crone1, wiccarocks, hag66, hecate):
        await witch.heard()
    entries = await crone1.roll("affiliation='admin'")
    assert {entry["jid"] for entry in entries} == {"wiccarocks@localhost", "hag66@localhost"}
    assert {entry["affiliation"] for entry in entries} == {"admin"}
    for witch in (wiccarocks, hecate):
        answer = await witch.administer("<item affiliation='admin'/>", kind="get")
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
        answer = await witch.administer(given("admin", "hecate", None))
        assert (refusal(answer), answer.get("from")) == ("auth forbidden", COVEN)
    answer = await crone1.administer(given("none", "hag66", None) + given("admin", "hecate", None))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    for witch in (crone1, wiccarocks):
        assert sorted(map(seen, await witch.heard())) == [
            "hecate admin/moderator",
            "thirdwitch none/participant",
        ]
    entries = await crone1.roll("affiliation='admin'")
    assert {entry["jid"] for entry in entries} == {"wiccarocks@localhost", "hecate@localhost"}
