"""XEP-0045 §9.6 to §9.9: moderator status, the moderator list, and requests to register."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT
from tests.muc.stage import (
    COVEN,
    DATA,
    MUC,
    Actor,
    Stage,
    fields,
    reason,
    refusal,
    seen,
    submitted,
)
from tests.muc.test_section_7_registering import BRUNHILDE, register


def given(role: str, why: str | None) -> str:
    """An item for the third witch, with or without a reason."""
    return f"<item nick='thirdwitch' role='{role}'>{f'<reason>{why}</reason>' if why else ''}</item>"


@pytest.mark.parametrize("why", [None, "A worthy witch indeed!"])
async def test_granting_moderator_status(stage: Stage, why: str | None) -> None:
    """§9.6: Examples 137 to 140: by an admin, without and with a reason."""
    crone1, wiccarocks, hag66 = await stage.coven()
    answer = await wiccarocks.administer(given("moderator", why))
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    for witch in (crone1, wiccarocks, hag66):
        presence, *_ = await witch.heard()
        assert (seen(presence), reason(presence)) == ("thirdwitch member/moderator", why)
    assert (
        refusal(await hag66.administer(given("none", None).replace("third", "first"))) == "cancel not-allowed"
    )


@pytest.mark.parametrize("why", [None, "Not so worthy after all!"])
async def test_revoking_moderator_status(stage: Stage, why: str | None) -> None:
    """§9.7: Examples 141 to 144: by an admin, without and with a reason."""
    crone1, wiccarocks, hag66 = await stage.coven()
    await crone1.administer(given("moderator", None))
    for witch in (crone1, wiccarocks, hag66):
        await witch.heard()
    answer = await wiccarocks.administer(given("participant", why))
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    for witch in (crone1, wiccarocks, hag66):
        presence, *_ = await witch.heard()
        assert (seen(presence), reason(presence)) == ("thirdwitch member/participant", why)
    assert refusal(await hag66.administer("<item role='moderator'/>", kind="get")) == "auth forbidden"


async def test_whose_moderator_status_stays(stage: Stage) -> None:
    """§9.7: Example 145: an admin's and an owner's; and a mere moderator gives it to nobody."""
    crone1, wiccarocks, hag66 = await stage.coven()
    macbeth = await stage.guest("macbeth/castle", "thane")
    await crone1.administer("<item affiliation='admin' jid='hecate@localhost'/>")
    await stage.guest("hecate/broom", "queen")
    await crone1.administer(given("moderator", None))
    for witch, nick in (
        (wiccarocks, "firstwitch"),
        (wiccarocks, "queen"),
        (crone1, "queen"),
    ):
        answer = await witch.administer(f"<item nick='{nick}' role='participant'/>")
        assert (refusal(answer), answer.get("from")) == ("cancel not-allowed", COVEN)
    answer = await hag66.administer("<item nick='thane' role='moderator'/>")
    assert refusal(answer) == "auth forbidden"
    for nick in ("thane", "thirdwitch"):
        answer = await macbeth.administer(f"<item nick='{nick}' role='moderator'/>")
        assert refusal(answer) == "auth forbidden"


async def test_the_moderator_list(stage: Stage) -> None:
    """§9.8: Examples 146 to 149: by nick; then two changes at once."""
    crone1, wiccarocks, hag66 = await stage.coven()
    hecate = await stage.guest("hecate/broom", "Hecate")
    await crone1.administer(given("moderator", None))
    for witch in (crone1, wiccarocks, hag66, hecate):
        await witch.heard()
    entries = {entry["nick"]: entry for entry in await crone1.roll("role='moderator'")}
    assert set(entries) == {"firstwitch", "secondwitch", "thirdwitch"}
    assert entries["thirdwitch"] == {
        "affiliation": "member",
        "jid": hag66.jid,
        "nick": "thirdwitch",
        "role": "moderator",
    }
    answer = await crone1.administer(given("participant", None) + "<item nick='Hecate' role='moderator'/>")
    assert (answer.get("type"), len(answer)) == ("result", 0)
    for witch in (crone1, wiccarocks):
        assert sorted(map(seen, await witch.heard())) == [
            "Hecate none/moderator",
            "thirdwitch member/participant",
        ]
    for own in (hag66, hecate):  # who becomes a moderator may be told the addresses, too
        shown = [seen(presence) for presence in await own.heard()]
        assert {"Hecate none/moderator", "thirdwitch member/participant"} <= set(shown)
    entries = {entry["nick"] for entry in await crone1.roll("role='moderator'")}
    assert entries == {"firstwitch", "secondwitch", "Hecate"}


async def test_a_moderator_list_that_asks_too_much_changes_nothing(stage: Stage) -> None:
    """§9.8: Example 150: refused whole."""
    crone1, wiccarocks, hag66 = await stage.coven()
    answer = await wiccarocks.administer(
        given("moderator", None) + "<item nick='firstwitch' role='participant'/>"
    )
    assert refusal(answer) == "cancel not-allowed"
    for witch in (crone1, hag66):
        assert await witch.heard() == []
    assert {e["nick"] for e in await crone1.roll("role='moderator'")} == {"firstwitch", "secondwitch"}


def _requests(heard: list[ET.Element]) -> list[ET.Element]:
    return [stanza for stanza in heard if stanza.find(f"{DATA}x") is not None]


async def applied(stage: Stage) -> tuple[Actor, Actor, ET.Element]:
    """An admin, hag66 who has asked to be registered in a members-only room, and what the admin got."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", membersonly="1")
    hag66 = await stage.actor("hag66/pda", present=True)
    answer = await register(hag66)
    assert answer.get("type") == "result"
    [message] = _requests(await crone1.heard())
    return crone1, hag66, message


async def test_a_request_to_register_goes_to_the_admins(stage: Stage) -> None:
    """§9.9: Example 151: all that was filled in, and the question whether to allow it."""
    crone1, hag66, message = await applied(stage)
    assert (message.tag, message.get("from")) == (f"{CLIENT}message", COVEN)
    form = message.find(f"{DATA}x")
    assert form is not None
    assert form.get("type") == "form"
    filled = fields(message)
    assert filled.pop("muc#register_allow") in (["0"], ["false"])
    assert filled.pop("FORM_TYPE") == [f"{MUC}#register"]
    assert {name: filled.get(name) for name in BRUNHILDE} == {n: [v] for n, v in BRUNHILDE.items()}
    [error] = await hag66.enter("thirdwitch")
    assert refusal(error) == "auth registration-required"

    values = {name: value for name, value in fields(message).items() if name != "FORM_TYPE"}
    approval = submitted("register", dict(values) | {"muc#register_allow": "1"})
    for stanza in await crone1.tell(approval, COVEN, "", id_=message.get("id", "")):
        assert stanza.get("type") != "error"
    assert [(e["jid"], e.get("nick")) for e in await crone1.roll("affiliation='member'")] == [
        ("hag66@localhost", "thirdwitch")
    ]
    *_, own, _ = await hag66.enter("thirdwitch")
    assert seen(own) == "thirdwitch member/participant"


async def test_a_request_to_register_is_denied(stage: Stage) -> None:
    """§9.9: by an admin who does not allow it; nobody but an admin may answer."""
    crone1, hag66, message = await applied(stage)
    values = {name: value for name, value in fields(message).items() if name != "FORM_TYPE"}
    yes = submitted("register", dict(values) | {"muc#register_allow": "1"})
    [error] = await hag66.tell(yes, COVEN, "", id_=message.get("id", ""))
    assert refusal(error) == "auth forbidden"
    no = submitted("register", dict(values) | {"muc#register_allow": "0"})
    for stanza in await crone1.tell(no, COVEN, "", id_=message.get("id", "")):
        assert stanza.get("type") != "error"
    assert await crone1.roll("affiliation='member'") == []
    [error] = await hag66.enter("thirdwitch")
    assert refusal(error) == "auth registration-required"
