"""The archives of rooms (XEP-0313 §6.1.2)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from sqlalchemy import func, select

from burble.storage.schema import archive_stanzas
from tests.client import condition
from tests.conftest import Serve
from tests.modules.archives import Answer, field, query, search, stanza_id
from tests.muc.stage import COVEN, DISCO_INFO, INFO, USER, Actor, Stage

RETRACTED = "{urn:xmpp:message-retract:1}retracted"
FULLTEXT = "{urn:xmpp:fulltext:0}fulltext"
OPEN = {"persistentroom": "1"}


async def ask(actor: Actor, fields: str = "", rsm: str = "", room: str = COVEN) -> Answer:
    return await search(actor, fields, rsm, to=room)


async def refusal(actor: Actor, room: str = COVEN) -> str:
    return condition(await actor.ask("set", query(), room))


async def features(actor: Actor, room: str = COVEN) -> set[str | None]:
    info = await actor.ask("get", DISCO_INFO, room)
    return {each.get("var") for each in info.iter(f"{INFO}feature")}


def item(message: ET.Element) -> dict[str, str] | None:
    found = message.find(f"{USER}x/{USER}item")
    return None if found is None else dict(found.attrib)


async def test_the_archive_has_what_occupants_heard_under_the_same_ids(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    hag = await stage.guest("hag66/pda", "thirdwitch")
    await crone.heard()
    heard = []
    for content in (
        "<body>Thrice the brinded cat hath mew'd.</body>",
        "<subject>Fire Burn and Cauldron Bubble!</subject>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>",
    ):
        heard += await crone.tell(content)
    ids = [stanza_id(each, COVEN) for each in heard]
    assert None not in ids
    for content in (
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<body>secret</body><no-store xmlns='urn:xmpp:hints'/>",
        "<body>secret</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    ):
        await crone.tell(content)
    await crone.tell("<body>in private</body>", f"{COVEN}/thirdwitch", "chat")
    answer = await ask(hag)
    assert answer.ids == ids
    assert answer.complete
    for result in answer.results:
        assert result.wrapper.get("from") == COVEN
        assert result.message.get("from") == f"{COVEN}/firstwitch"
        assert result.message.get("to") is None
        assert result.message.get("type") == "groupchat"
        assert result.message.find("{urn:xmpp:occupant-id:0}occupant-id") is not None
    assert answer.bodies == ["Thrice the brinded cat hath mew'd.", None, None]
    # Nor is it in the archives of the occupants, but for what was said in private.
    assert (await search(crone)).bodies == ["in private"]


async def test_real_addresses_are_for_those_who_may_know_them(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    hag = await stage.guest("hag66/pda", "thirdwitch")
    forged = "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='lady@localhost'/></x>"
    await hag.tell(f"<body>one</body>{forged}")
    (told,) = (await ask(crone)).results
    assert item(told.message) == {"jid": "hag66@localhost/pda"}
    (told,) = (await ask(hag)).results
    assert item(told.message) is None
    await crone.configure(whois="anyone")
    (told,) = (await ask(hag)).results
    assert item(told.message) == {"jid": "hag66@localhost/pda"}


async def test_what_one_occupant_said(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    hag = await stage.guest("hag66/pda", "thirdwitch")
    await crone.say("one")
    await hag.say("two")
    await crone.say("three")
    assert (await ask(hag, field("with", f"{COVEN}/firstwitch"))).bodies == ["one", "three"]
    assert (await ask(hag, field("with", COVEN))).bodies == ["one", "two", "three"]
    assert (await ask(crone, field("with", "hag66@localhost"))).bodies == ["two"]
    assert (await ask(crone, field("with", "hag66@localhost/pda"))).bodies == ["two"]
    assert (await ask(crone, field("with", "hag66@localhost/x"))).bodies == []
    assert (await ask(hag, field("with", "hag66@localhost"))).bodies == []  # it would tell who is who
    assert (await ask(hag, field(FULLTEXT, "tw*"))).bodies == ["two"]
    page = await ask(hag, rsm="<max>2</max><before/>")
    assert (page.bodies, page.complete, page.page("count")) == (["two", "three"], False, "3")


async def test_who_may_read_an_open_room(stage: Stage) -> None:
    """Also who has never been there; not who is banned."""
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    await crone.say("one")
    lady = await stage.actor("lady/castle")
    assert (await ask(lady)).bodies == ["one"]
    await crone.administer("<item affiliation='outcast' jid='lady@localhost'/>")
    assert await refusal(lady) == "forbidden"
    metadata = "<metadata xmlns='urn:xmpp:mam:2'/>"
    assert condition(await lady.ask("get", metadata, COVEN)) == "forbidden"
    assert (await crone.ask("get", metadata, COVEN)).get("type") == "result"


@pytest.mark.parametrize(
    "values", [{"membersonly": "1"}, {"passwordprotectedroom": "1", "roomsecret": "cauldron"}]
)
async def test_who_may_read_a_closed_room(stage: Stage, values: dict[str, str]) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN, **values)
    await crone.say("one")
    lady = await stage.actor("lady/castle")
    assert await refusal(lady) == "forbidden"
    await crone.administer("<item affiliation='member' jid='lady@localhost'/>")
    assert (await ask(lady)).bodies == ["one"]


async def test_it_is_announced_where_there_is_one(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    mam = {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"}
    assert mam <= await features(crone)
    form = await crone.ask("get", "<query xmlns='urn:xmpp:mam:2'/>", COVEN)
    assert form.get("type") == "result"
    await crone.say("one")
    await crone.configure(enable_archiving="0")
    assert not mam & await features(crone)
    assert await refusal(crone) == "service-unavailable"
    await crone.say("two")
    await crone.configure(enable_archiving="1")
    assert (await ask(crone)).bodies == ["one"]
    assert condition(await crone.ask("set", query(), "nowhere@conference.localhost")) == "item-not-found"


async def test_a_room_that_ends_with_its_last_occupant_has_none(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch")
    await crone.say("one")
    assert "urn:xmpp:mam:2" not in await features(crone)
    assert await refusal(crone) == "service-unavailable"


async def test_without_the_module_no_room_has_one(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    await stage.server.hosts["localhost"].modules["archive"].unload()
    await crone.say("one")
    assert "urn:xmpp:mam:2" not in await features(crone)
    assert await refusal(crone) == "service-unavailable"


async def stanzas(stage: Stage) -> int:
    await stage.server.database.batch.flush()
    row = await stage.server.database.fetch_one(select(func.count().label("n")).select_from(archive_stanzas))
    assert row is not None
    return int(row.n)


@pytest.mark.parametrize("end", ["destroy", "temporary"])
async def test_the_archive_goes_with_the_room(stage: Stage, end: str) -> None:
    """A room of the same name has nothing to do with it."""
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    await crone.say("one")
    assert await stanzas(stage) == 1
    if end == "destroy":
        await crone.own("<destroy/>")
    else:
        await crone.configure(persistentroom="0")
    assert await stanzas(stage) == 0
    if end == "destroy":
        await crone.heard()
        hag = await stage.host("hag66/pda", "thirdwitch", **OPEN)
        assert (await ask(hag)).bodies == []


async def test_the_archives_of_rooms_are_kept_as_long_as_the_settings_say(serve: Serve) -> None:
    """Another time than those of accounts."""
    archive = {"rooms_keep_messages": 2, "erase_interval": 0.05}
    async with Stage(await serve(modules={"archive": archive})) as stage:
        crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
        for text in ("one", "two", "three"):
            await crone.say(text)
            await crone.tell(f"<body>{text}</body>", "crone1@localhost", "chat")
        while len((await ask(crone)).results) > 2:
            pass
        assert (await ask(crone)).bodies == ["two", "three"]
        assert (await search(crone)).bodies == ["one", "two", "three"]


async def until_buried(actor: Actor) -> Answer:
    for _ in range(500):
        answer = await ask(actor)
        if any(each.message.find(RETRACTED) is not None for each in answer.results):
            return answer
    raise AssertionError("nothing was buried")


async def test_a_moderator_buries_a_message(stage: Stage) -> None:
    """XEP-0425 §5: also one that newcomers are not sent any more."""
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    await crone.configure(maxhistoryfetch="0")
    hag = await stage.guest("hag66/pda", "thirdwitch")
    await hag.say("free potions")
    before = await ask(crone)
    await crone.ask(
        "set",
        f"<moderate xmlns='urn:xmpp:message-moderate:1' id='{before.ids[0]}'>"
        "<retract xmlns='urn:xmpp:message-retract:1'/><reason>Spam</reason></moderate>",
        COVEN,
    )
    answer = await until_buried(hag)
    assert answer.ids[0] == before.ids[0]
    buried, told = answer.results
    stone = buried.message.find(RETRACTED)
    assert stone is not None
    assert stone.find("{urn:xmpp:message-moderate:1}moderated") is not None
    assert "potions" not in ET.tostring(buried.message, "unicode")
    assert buried.message.get("from") == f"{COVEN}/thirdwitch"
    assert buried.message.find("{urn:xmpp:occupant-id:0}occupant-id") is not None
    retract = told.message.find("{urn:xmpp:message-retract:1}retract")
    assert retract is not None
    assert retract.get("id") == before.ids[0]
    assert stone.get("id") == told.message.get("id")


async def test_only_the_author_retracts(stage: Stage) -> None:
    crone = await stage.host("crone1/desktop", "firstwitch", **OPEN)
    await crone.configure(maxhistoryfetch="0")
    hag = await stage.guest("hag66/pda", "thirdwitch")
    await hag.say("one")
    await hag.say("two")
    ids = (await ask(crone)).ids
    retract = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'/><body>/me retracts</body>"
    await crone.tell(retract.format(ids[0]), id_="r0")
    await hag.tell(retract.format("7"), id_="r1")
    await hag.tell(retract.format("9" * 30), id_="r2")
    await hag.tell(retract.format(ids[1]), id_="r3")
    answer = await until_buried(crone)
    assert answer.bodies[:2] == ["one", None]
    stone = answer.results[1].message.find(RETRACTED)
    assert stone is not None
    assert stone.get("id") == "r3"
