"""XEP-0045 §7.10 and §7.12: registering with a room, and the nick reserved there."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    DATA,
    INFO,
    MUC,
    REGISTER,
    SERVICE,
    Actor,
    Stage,
    fields,
    refusal,
    seen,
    submitted,
)

ASK = "<query xmlns='jabber:iq:register'/>"
NICK = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>"

BRUNHILDE = {
    "muc#register_first": "Brunhilde",
    "muc#register_last": "Entwhistle-Throckmorton",
    "muc#register_roomnick": "thirdwitch",
    "muc#register_url": "http://witchesonline/~hag66/",
    "muc#register_email": "hag66@witchesonline",
    "muc#register_faqentry": "Just another witch.",
}


async def register(actor: Actor, **changes: str) -> ET.Element:
    """Submit the form, with other values for some ``muc#register_`` fields."""
    values = BRUNHILDE | {f"muc#register_{name}": value for name, value in changes.items()}
    form = submitted("register", dict(values))
    return await actor.ask("set", f"<query xmlns='jabber:iq:register'>{form}</query>", COVEN)


async def approve(admin: Actor, allow: str = "1") -> None:
    """Answer the registration request that an admin has been sent, if the room asks (§9.9)."""
    for message in await admin.heard():
        form = message.find(f"{DATA}x")
        if message.tag == f"{CLIENT}message" and form is not None:
            values = {name: value for name, value in fields(message).items() if name != "FORM_TYPE"}
            values["muc#register_allow"] = [allow]
            await admin.tell(submitted("register", dict(values)), COVEN, "", id_=message.get("id", ""))


def reserved(answer: ET.Element) -> list[str | None]:
    """The names of the identities in the answer about a reserved nick."""
    assert answer.get("type") == "result", ET.tostring(answer)
    query = answer.find(f"{INFO}query")
    assert query is not None
    assert query.get("node") == "x-roomuser-item"
    for identity in query:
        assert (identity.get("category"), identity.get("type")) == ("conference", "text")
    return [identity.get("name") for identity in query]


async def test_the_form_to_register_with(stage: Stage) -> None:
    """§7.10: Examples 66 and 70: with all fields of the registrar."""
    await stage.host("crone1/desktop", "firstwitch", roomname="Dark Cave")
    hag66 = await stage.actor("hag66/pda")
    answer = await hag66.ask("get", ASK, COVEN)
    assert (answer.get("type"), answer.get("from")) == ("result", COVEN)
    assert answer.find(f"{REGISTER}query/{REGISTER}registered") is None
    form = answer.find(f"{REGISTER}query/{DATA}x")
    assert form is not None
    assert form.get("type") == "form"
    assert fields(answer)["FORM_TYPE"] == [f"{MUC}#register"]
    assert set(fields(answer)) >= set(BRUNHILDE)
    assert form.find(f"{DATA}field[@var='muc#register_roomnick']/{DATA}required") is not None


async def test_there_must_be_a_room_to_register_with(stage: Stage) -> None:
    """§7.10: Example 67."""
    hag66 = await stage.actor("hag66/pda")
    answer = await hag66.ask("get", ASK, f"heath@{SERVICE}")
    assert (refusal(answer), answer.get("from")) == ("cancel item-not-found", f"heath@{SERVICE}")


async def test_who_may_not_register(stage: Stage) -> None:
    """§7.10: Example 68: the banned, and all where the owner wants no registration."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", registration="anyone")
    await crone1.administer("<item affiliation='outcast' jid='hag66@localhost'/>")
    hag66 = await stage.actor("hag66/pda")
    macbeth = await stage.actor("macbeth/castle")
    assert (await macbeth.ask("get", ASK, COVEN)).get("type") == "result"
    await crone1.configure(registration="nobody")
    for refused in (hag66, macbeth):
        assert refusal(await refused.ask("get", ASK, COVEN)) == "cancel not-allowed"
        assert refusal(await register(refused)) == "cancel not-allowed"


async def test_registering(stage: Stage) -> None:
    """§7.10: Examples 69, 71, 75 and 76: a result at once; then the others see a member."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    macbeth = await stage.guest("macbeth/castle", "thane")
    await hag66.heard()
    answer = await register(hag66)
    assert (answer.get("type"), answer.get("from"), len(answer)) == ("result", COVEN, 0)
    await approve(crone1)
    [presence] = await macbeth.heard()
    assert seen(presence) == "thirdwitch member/participant"

    answer = await hag66.ask("get", ASK, COVEN)
    assert answer.find(f"{REGISTER}query/{REGISTER}registered") is not None
    assert answer.findtext(f"{REGISTER}query/{REGISTER}username") == "thirdwitch"


async def test_a_nick_that_another_has_reserved(stage: Stage) -> None:
    """§7.10: Example 72: also where it differs by case only."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.administer("<item affiliation='member' jid='hecate@localhost' nick='thirdwitch'/>")
    hag66 = await stage.actor("hag66/pda")
    for nick in ("thirdwitch", "ThirdWitch"):
        answer = await register(hag66, roomnick=nick)
        assert (refusal(answer), answer.get("from")) == ("cancel conflict", COVEN)


async def test_a_service_without_registration(stages: Stages) -> None:
    """§7.10: Example 73."""
    stage = await stages(limits={"registration": False})
    await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.actor("hag66/pda")
    assert refusal(await register(hag66)) == "cancel service-unavailable"


async def test_what_is_no_registration_form(stage: Stage) -> None:
    """§7.10: Example 74: no form, another one, one without a nick."""
    await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.actor("hag66/pda")
    without = submitted("register", {"muc#register_first": "Brunhilde"})
    for content in ("", "<username>thirdwitch</username>", submitted("roomconfig", {}), without):
        answer = await hag66.ask("set", f"<query xmlns='jabber:iq:register'>{content}</query>", COVEN)
        assert refusal(answer) == "modify bad-request"
    assert refusal(await register(hag66, roomnick="")) in ("modify bad-request", "modify jid-malformed")


async def test_the_reserved_nick(stage: Stage) -> None:
    """§7.12: Examples 77 and 78: from outside and inside the room; nothing for who has none."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.administer("<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'/>")
    hag66 = await stage.actor("hag66/pda")
    answer = await hag66.ask("get", NICK, COVEN)
    assert answer.get("from") == COVEN
    assert reserved(answer) == ["thirdwitch"]
    await hag66.enter("thirdwitch")
    assert reserved(await hag66.ask("get", NICK, COVEN)) == ["thirdwitch"]
    macbeth = await stage.actor("macbeth/castle")
    assert reserved(await macbeth.ask("get", NICK, COVEN)) == []


async def test_leaving_the_member_list(stage: Stage) -> None:
    """§7.10: as XEP-0077 has it, who registered may also undo it; the nick is free then."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.administer("<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'/>")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.heard()
    remove = "<query xmlns='jabber:iq:register'><remove/></query>"
    assert (await hag66.ask("set", remove, COVEN)).get("type") == "result"
    assert [seen(presence) for presence in await crone1.heard()] == ["thirdwitch none/participant"]
    assert await crone1.roll("affiliation='member'") == []
    assert reserved(await hag66.ask("get", NICK, COVEN)) == []
