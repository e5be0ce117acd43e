"""The chat service around the rooms: who makes them, when they are in memory, what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import Muc
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.discovery import NODE, static_info
from burble.modules.muc.settings import MucSettings
from burble.server import Server
from burble.testing import port_of, settings
from tests.client import CLIENT, condition
from tests.conftest import Serve
from tests.muc.conftest import Stages
from tests.muc.stage import (
    COVEN,
    DISCO_INFO,
    DISCO_ITEMS,
    INFO,
    ITEMS,
    SERVICE,
    Actor,
    Stage,
    body,
    codes,
    refusal,
    seen,
)

ATTIC = f"attic@{SERVICE}"


def muc(server: Server) -> Muc:
    found = server.hosts["localhost"].modules["muc"]
    assert isinstance(found, Muc)
    return found


async def until(actor: Actor, done: Callable[[], bool]) -> None:
    """Wait until something has become so."""
    async with asyncio.timeout(5):
        while not done():
            await actor.sync()


async def reload(server: Server, **modules: Any) -> None:
    """Let other settings of modules take effect."""
    now = server.settings
    problems = await server.reload(
        settings(now.data_dir, modules=modules, database={"url": now.database.url})
    )
    assert problems == []


# ---- who may make rooms


@pytest.mark.parametrize(("create", "answer"), [("local", None), ("admins", "cancel not-allowed")])
async def test_who_may_make_a_room(stages: Stages, create: str, answer: str | None) -> None:
    """§10.1.1"""
    stage = await stages(create=create)
    crone1 = await stage.actor("crone1/desktop")
    [first, *_] = await crone1.enter("firstwitch")
    assert (refusal(first) if answer else seen(first)) == (answer or "firstwitch owner/moderator")
    assert (COVEN.partition("@")[0] in muc(stage.server).rooms) == (answer is None)


async def test_the_hosts_admins_may_always_make_rooms(serve: Serve) -> None:
    server = await serve(admins=["crone1@localhost"], modules={"muc": {"create": "admins", "max_rooms": 1}})
    async with Stage(server) as stage:
        crone1 = await stage.actor("crone1/desktop")
        for room in (COVEN, ATTIC):
            assert 201 in codes((await crone1.enter("firstwitch", room))[0])


async def test_who_has_no_account_makes_no_rooms(serve: Serve) -> None:
    """XEP-0175: nothing is kept for an anonymous session, not even as a room's owner."""
    server = await serve(auth={"mechanisms": ["ANONYMOUS"]}, modules={"muc": {"create": "anyone"}})
    guest = await Actor(port_of(server)).connect()
    await guest.open()
    guest.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    await guest.next()
    await guest.open()
    await guest.bind("pda")
    assert refusal((await guest.enter("thirdwitch"))[0]) == "cancel not-allowed"
    await guest.close()


async def test_one_account_makes_so_many_rooms(stages: Stages) -> None:
    """Those in memory and those that are stored count; one that is gone does not."""
    stage = await stages(max_rooms=2)
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    await crone1.enter("firstwitch", ATTIC)
    for number in range(3):
        [refused] = await crone1.enter("firstwitch", f"room{number}@{SERVICE}")
        assert refusal(refused) == "cancel not-allowed"
    assert muc(stage.server).rooms.keys() == {"coven", "attic"}
    hag66 = await stage.actor("hag66/pda")
    assert 201 in codes((await hag66.enter("thirdwitch", f"cave@{SERVICE}"))[0])
    await crone1.leave("firstwitch", ATTIC)
    assert 201 in codes((await crone1.enter("firstwitch", f"heath@{SERVICE}"))[0])


async def test_only_entering_makes_a_room(stage: Stage) -> None:
    hag66 = await stage.actor("hag66/pda")
    assert refusal(await hag66.ask("get", DISCO_INFO, COVEN)) == "cancel item-not-found"
    assert refusal((await hag66.tell("<body>hello</body>"))[0]) == "cancel item-not-found"
    assert await hag66.leave("thirdwitch") == []
    assert refusal((await hag66.show(""))[0]) == "modify jid-malformed"
    assert muc(stage.server).rooms == {}
    await until(hag66, lambda: not muc(stage.server).service.live)


# ---- memory


async def test_a_room_without_occupants_leaves_memory(stages: Stages) -> None:
    """After some time; it comes back as it was when it is addressed."""
    stage = await stages(idle=0.01)
    crone1 = await stage.host("crone1/desktop", "firstwitch", roomname="A Dark Cave", persistentroom="1")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.leave("firstwitch")
    assert "coven" in muc(stage.server).rooms
    await hag66.leave("thirdwitch")
    await until(hag66, lambda: not muc(stage.server).service.live)
    answer = await hag66.ask("get", DISCO_INFO, COVEN)
    assert [each.get("name") for each in answer.iter(f"{INFO}identity")] == ["A Dark Cave"]
    assert "coven" in muc(stage.server).rooms


async def test_few_rooms_without_occupants_stay_in_memory(stages: Stages) -> None:
    """Whoever asks about one room after the other fills no memory."""
    stage = await stages(idle_rooms=3, max_rooms=0)
    for number in range(8):
        await muc(stage.server).create(f"room{number}", RoomConfig(), JID("crone1@localhost"))
    hag66 = await stage.actor("hag66/pda")
    for number in range(8):
        answer = await hag66.ask("get", DISCO_INFO, f"room{number}@{SERVICE}")
        assert answer.get("type") == "result"
    assert [*muc(stage.server).rooms] == ["room5", "room6", "room7"]


# ---- order


async def test_stanzas_wait_their_turn_while_a_room_is_read_and_stored(stages: Stages) -> None:
    """What three clients send to a sleeping room at once is handled in the order of each; nothing is lost."""
    stage = await stages(idle_rooms=0)
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    await crone1.leave("firstwitch")
    witches = [await stage.actor(f"hag{number}/pda") for number in range(3)]
    for number, witch in enumerate(witches):
        witch.write(
            f"<presence to='{COVEN}/hag{number}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        for word in ("fair", "foul", "thunder"):
            witch.write(f"<message to='{COVEN}' type='groupchat'><body>{word} {number}</body></message>")
    crone1.write(f"<presence to='{COVEN}/firstwitch'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await crone1.configure(roomname="A Dark Cave")
    for witch in witches:
        await witch.heard()
    got = [stanza for stanza in await crone1.heard() if stanza.find(f"{CLIENT}body") is not None]
    for number in range(3):
        said = [body(message) for message in got if (body(message) or "").endswith(str(number))]
        assert said == [f"fair {number}", f"foul {number}", f"thunder {number}"]


async def test_who_enters_while_the_room_is_destroyed(stage: Stage) -> None:
    """§10.9: either before, and hears of the end; or after, and makes a new room. Never in between."""
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    hag66 = await stage.actor("hag66/pda")
    crone1.write(
        f"<iq type='set' id='end' to='{COVEN}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<destroy/></query></iq>"
    )
    got = await hag66.enter("thirdwitch")
    await crone1.sync()
    room = muc(stage.server).rooms.get("coven")
    if 201 in codes(got[0]):
        assert room is not None
        assert [str(jid) for jid in room.standings] == ["hag66@localhost"]
        assert [*room.occupants] == ["thirdwitch"]
    else:
        assert seen(got[-1]).startswith("gone thirdwitch") or (await hag66.heard())
        assert room is None


# ---- ghosts and the end


async def test_a_client_that_vanishes_leaves_its_rooms(stage: Stage) -> None:
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.heard()
    hag66.writer.transport.abort()
    gone = await crone1.next()
    assert seen(gone) == "gone thirdwitch none/none"
    assert [*muc(stage.server).rooms["coven"].occupants] == ["firstwitch"]


async def test_a_client_whose_presence_told_nothing_leaves_too(stages: Stages) -> None:
    """Code 333: where the module `presence` did not remember that the client was in the room."""
    stage = await stages()
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.heard()
    [session] = stage.server.hosts["localhost"].sessions.of("hag66")
    session.data["presence.targets"].clear()
    await hag66.close()
    gone = await crone1.next()
    assert (seen(gone), codes(gone)) == ("gone thirdwitch none/none", {333})


@pytest.mark.parametrize("how", ["stop", "unload"])
async def test_the_occupants_are_told_when_the_service_ends(serve: Serve, how: str) -> None:
    """§11.2: each of itself only, before its stream is closed."""
    server = await serve()
    async with Stage(server) as stage:
        crone1 = await stage.host("crone1/desktop", "firstwitch")
        hag66 = await stage.guest("hag66/pda", "thirdwitch")
        await crone1.heard()
        if how == "stop":
            await server.stop()
        else:
            directory = server.settings.data_dir
            await server.reload(
                settings(
                    directory, modules={"disable": ["muc"]}, database={"url": server.settings.database.url}
                )
            )
        for witch, nick in ((crone1, "firstwitch owner"), (hag66, "thirdwitch none")):
            gone = await witch.next()
            assert seen(gone) == f"gone {nick}/none"
            assert codes(gone) == {110, 332}
        if how == "unload":
            assert refusal(await hag66.ask("get", DISCO_INFO, SERVICE)).endswith("remote-server-not-found")


async def test_the_service_moves_to_another_domain(serve: Serve) -> None:
    server = await serve()
    async with Stage(server) as stage:
        crone1 = await stage.host("crone1/desktop", "firstwitch")
        await reload(server, muc={"service": "rooms.localhost", "name": "Caves"})
        assert codes(await crone1.next()) == {110, 332}
        items = await crone1.ask("get", DISCO_ITEMS, "localhost")
        assert [dict(item.attrib) for item in items.iter(f"{ITEMS}item")] == [
            {"jid": "rooms.localhost", "name": "Caves"}
        ]
        assert 201 in codes((await crone1.enter("firstwitch", "coven@rooms.localhost"))[0])


# ---- from outside


async def test_a_room_is_made_and_ended_from_outside(stage: Stage) -> None:
    service = muc(stage.server)
    owner = JID("crone1@localhost")
    room = await service.create("coven", RoomConfig(name="A Dark Cave"), owner)
    assert (room.config.persistent, room.locked) == (True, False)
    with pytest.raises(StanzaError, match="conflict"):
        await service.create("coven", RoomConfig(), owner)
    crone1 = await stage.guest("crone1/desktop", "firstwitch")
    await service.destroy("coven", "Macbeth doth come.", JID(ATTIC))
    [gone] = await crone1.heard()
    assert seen(gone) == "gone firstwitch none/none"
    assert [element.get("jid") for element in gone.iter() if element.tag.endswith("destroy")] == [ATTIC]
    with pytest.raises(StanzaError, match="item-not-found"):
        await service.destroy("coven")


# ---- rates


async def test_an_occupant_that_sends_too_fast_is_slowed(stages: Stages) -> None:
    stage = await stages(message_interval=3600.0, presence_interval=3600.0)
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    assert body((await crone1.say("double"))[0]) == "double"
    assert refusal((await crone1.say("double"))[0]) == "wait policy-violation"
    assert seen((await crone1.show("firstwitch", "<show>away</show>"))[0]).startswith("firstwitch")
    assert refusal((await crone1.show("firstwitch"))[0]) == "wait policy-violation"
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    assert body((await hag66.say("toil"))[0]) == "toil"


# ---- the service itself


async def test_a_name_that_is_not_in_use(stage: Stage) -> None:
    """XEP-0307."""
    hag66 = await stage.actor("hag66/pda")
    ask = "<unique xmlns='http://jabber.org/protocol/muc#unique'/>"
    names = {(await hag66.ask("get", ask, SERVICE))[0].text for _ in range(3)}
    assert len(names) == 3
    for name in names:
        assert 201 in codes((await hag66.enter("thirdwitch", f"{name}@{SERVICE}"))[0])


async def test_what_the_service_does_not_answer(stage: Stage) -> None:
    hag66 = await stage.actor("hag66/pda")
    assert (await hag66.ask("get", "<ping xmlns='urn:xmpp:ping'/>", SERVICE)).get("type") == "result"
    strange = await hag66.ask("get", "<query xmlns='urn:example:x'/>", SERVICE)
    assert refusal(strange) == "cancel service-unavailable"
    nodes = "<query xmlns='http://jabber.org/protocol/disco#{}' node='x'/>"
    for what in ("info", "items"):
        for to in (SERVICE, COVEN):
            assert refusal(await hag66.ask("get", nodes.format(what), to)) == "cancel item-not-found"
    hag66.write(f"<message to='{SERVICE}' id='m'><body>hello</body></message>")
    assert refusal(await hag66.next()) == "cancel service-unavailable"


async def test_both_kinds_of_rooms_are_listed_in_pages(stages: Stages) -> None:
    """XEP-0059: forwards, backwards, by index; stored rooms and passing ones in one order."""
    stage = await stages(max_rooms=0)
    for name in ("a", "c", "e", "g"):
        await muc(stage.server).create(name, RoomConfig(name=name.upper()), JID("bard@localhost"))
    await muc(stage.server).create("hidden", RoomConfig(public=False), JID("bard@localhost"))
    bard = await stage.actor("bard/globe")
    for name in ("b", "f"):
        await bard.enter("TheBard", f"{name}@{SERVICE}")
        await bard.configure(f"{name}@{SERVICE}", roomname=name.upper())
    await bard.enter("TheBard", f"locked@{SERVICE}")

    async def page(content: str) -> tuple[str, str | None, str | None]:
        answer = await bard.ask(
            "get",
            f"<query xmlns='{ITEMS[1:-1]}'><set xmlns='http://jabber.org/protocol/rsm'>{content}</set></query>",
            SERVICE,
        )
        first = answer.find(".//{http://jabber.org/protocol/rsm}first")
        names = "".join(item.get("name", "") for item in answer.iter(f"{ITEMS}item"))
        count = answer.findtext(".//{http://jabber.org/protocol/rsm}count")
        return names, None if first is None else first.get("index"), count

    assert await page("") == ("ABCEFG", "0", "6")
    assert await page("<max>3</max>") == ("ABC", "0", "6")
    assert await page(f"<max>2</max><after>b@{SERVICE}</after>") == ("CE", "2", "6")
    assert await page("<max>2</max><before/>") == ("FG", "4", "6")
    assert await page(f"<max>2</max><before>e@{SERVICE}</before>") == ("BC", "1", "6")
    assert await page("<max>2</max><index>3</index>") == ("EF", "3", "6")
    assert await page("<max>0</max>") == ("", None, "6")
    assert await page(f"<max>2</max><after>g@{SERVICE}</after>") == ("", None, "6")
    refused = await bard.ask(
        "get",
        f"<query xmlns='{ITEMS[1:-1]}'><set xmlns='http://jabber.org/protocol/rsm'><after>x@y</after></set></query>",
        SERVICE,
    )
    assert condition(refused) == "item-not-found"


async def test_capabilities_of_a_room(stage: Stage) -> None:
    """XEP-0115 §6.2: the node of the hash tells what the hash is of."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    room = muc(stage.server).rooms["coven"]
    node = f"{NODE}#{static_info(room).verification_string()}"
    answer = await crone1.ask("get", f"<query xmlns='{INFO[1:-1]}' node='{node}'/>", COVEN)
    assert answer[0].get("node") == node
    assert {each.get("var") for each in answer.iter(f"{INFO}feature")} >= {"muc_temporary", "muc_open"}


@pytest.mark.parametrize(
    "options",
    [
        {"create": "nobody"},
        {"idle": 0.0},
        {"service": "not a domain"},
        {"room_defaults": {"color": "red"}},
        {"log_dir": "logs"},
    ],
)
def test_a_wrong_option_is_a_mistake_in_the_settings(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MucSettings.model_validate(options)
