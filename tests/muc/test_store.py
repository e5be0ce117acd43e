"""Persistent rooms outlive the server, whole or not at all; others leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from sqlalchemy import select, text

from burble.jid import JID
from burble.modules.muc.ranks import Affiliation
from burble.server import Server
from burble.storage.schema import room_accounts, room_history, rooms
from burble.testing import serving
from tests.client import CLIENT, condition
from tests.conftest import Serve
from tests.muc.conftest import Stages
from tests.muc.stage import COVEN, DELAY, SERVICE, Actor, Stage, body, codes, seen, subject

OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"


async def restarted(serve: Serve, stage: Stage) -> Stage:
    """The stage of another server with the same database; who was registered stays so."""
    await stage.server.stop()
    again = Stage(await serve())
    again._registered |= stage._registered
    return again


def occupant_id(presence: ET.Element) -> str:
    found = presence.find(OCCUPANT_ID)
    assert found is not None
    return found.get("id", "")


async def test_a_persistent_room_survives_a_restart(serve: Serve) -> None:
    async with Stage(await serve()) as stage:
        crone1 = await stage.host(
            "crone1/desktop", "firstwitch", roomname="A Dark Cave", persistentroom="1", membersonly="1"
        )
        await crone1.administer(
            "<item affiliation='member' jid='hag66@localhost' nick='thirdwitch'/>"
            "<item affiliation='outcast' jid='earl@localhost'/>"
        )
        await crone1.tell("<subject>Spells</subject>")
        for number in range(3):
            await crone1.say(f"double {number}")
        [own] = [e for e in await crone1.show("firstwitch", "<show>away</show>") if 110 in codes(e)]

        async with await restarted(serve, stage) as again:
            hag66 = await again.actor("hag66/pda")
            got = await hag66.enter("thirdwitch")
            assert seen(got[0]) == "thirdwitch member/participant"
            told = [body(message) for message in got[1:4]]
            assert told == ["double 0", "double 1", "double 2"]
            assert all(message.find(f"{DELAY}delay") is not None for message in got[1:5])
            assert (subject(got[4]), got[4].get("from")) == ("Spells", f"{COVEN}/firstwitch")

            earl = await again.actor("earl/pda")
            assert condition((await earl.enter("king"))[0]) == "forbidden"
            crone1 = await again.actor("crone1/desktop")
            [mine] = [e for e in await crone1.enter("firstwitch") if 110 in codes(e)]
            assert seen(mine) == "firstwitch owner/moderator"
            assert occupant_id(mine) == occupant_id(own)
            [member] = await crone1.roll("affiliation='member'")
            assert (member["jid"], member["nick"]) == ("hag66@localhost", "thirdwitch")


async def test_the_history_that_is_kept_does_not_grow(stages: Stages) -> None:
    stage = await stages(idle_rooms=0)
    database = stage.server.database
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1", maxhistoryfetch="1")
    room = stage.server.hosts["localhost"].modules["muc"].rooms["coven"]
    room.configure(room.config.model_copy(update={"history": 2}))
    for number in range(7):
        await crone1.say(f"double {number}")
    await crone1.leave("firstwitch")  # puts the room to sleep
    assert (await crone1.enter("firstwitch"))[1].findtext(f"{CLIENT}body") == "double 5"
    await _until_quiet(stage.server)
    assert len(await database.fetch(select(room_history.c.id))) == 2


async def _until_quiet(server: Server) -> None:
    """Wait for what the host does beside the streams."""
    tasks = server.hosts["localhost"]._tasks
    while tasks:
        await asyncio.wait(set(tasks))


async def test_a_temporary_room_is_never_stored_and_goes_when_empty(stage: Stage) -> None:
    """§10.1.2: the next to enter makes it anew."""
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    await crone1.administer("<item affiliation='member' jid='hag66@localhost'/>")
    await crone1.say("double")
    assert await _rows(stage.server) == (0, 0, 0)
    await crone1.leave("firstwitch")
    hag66 = await stage.actor("hag66/pda")
    assert 201 in codes((await hag66.enter("thirdwitch"))[0])


async def test_a_room_is_stored_once_it_is_configured_to_persist(stages: Stages) -> None:
    """§10.1.3: not before, when it awaits its configuration; and deleted when it is to persist no more."""
    stage = await stages(room_defaults={"persistent": True})
    crone1 = await stage.actor("crone1/desktop")
    await crone1.enter("firstwitch")
    assert await _rows(stage.server) == (0, 0, 0)
    await crone1.configure(roomname="A Dark Cave")
    await crone1.say("double")
    assert await _rows(stage.server) == (1, 1, 1)
    await crone1.configure(persistentroom="0")
    assert await _rows(stage.server) == (0, 0, 0)


async def test_a_destroyed_room_is_deleted(serve: Serve, database_url: str) -> None:
    """§10.9: with all it had, also what was said just before and waits to be stored."""
    server = await serve(database={"url": database_url, "batch_interval": 1.0})
    async with Stage(server) as stage:
        crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
        await crone1.say("double")
        await crone1.own("<destroy/>")
        assert await _rows(server) == (0, 0, 0)
        await crone1.heard()
        assert 201 in codes((await crone1.enter("firstwitch"))[0])
        await crone1.configure(persistentroom="1")
        hag66 = await stage.guest("hag66/pda", "thirdwitch")
        await hag66.nothing()


async def _rows(server: Server) -> tuple[int, int, int]:
    await server.database.batch.flush()
    first, second, third = [
        len(await server.database.fetch(select(table.c.room)))
        for table in (rooms, room_accounts, room_history)
    ]
    return first, second, third


async def test_what_cannot_be_stored_never_happened(tmp_path: Path) -> None:
    """Who asked is told, nobody else is, and the room is as it was: on a full disk, and after it."""
    muc = {"limits": {"reason": 20_000}}
    async with serving(tmp_path, modules={"muc": muc}) as server, Stage(server) as stage:
        crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1", moderatedroom="1")
        hag66 = await stage.guest("hag66/pda", "thirdwitch")
        await crone1.heard()
        room = server.hosts["localhost"].modules["muc"].rooms["coven"]
        before = (room.config, dict(room.standings), room.subject)
        await _pragma(server, f"max_page_count = {await _pragma(server, 'page_count')}")

        reason = f"<reason>{'x' * 20_000}</reason>"
        answer = await crone1.administer(f"<item affiliation='admin' jid='hag66@localhost'>{reason}</item>")
        assert condition(answer) == "resource-constraint"
        members = [f"hag{number}-{'x' * 500}@localhost" for number in range(100)]
        answer = await crone1.configure(roomadmins=members, moderatedroom="0")
        assert condition(answer) == "resource-constraint"
        crone1.write(
            f"<message to='{COVEN}' type='groupchat'><subject>{'x' * 4000}</subject>"
            f"<x xmlns='urn:example:x'>{'x' * 30_000}</x></message>"
        )
        await crone1.heard()
        assert (room.config, room.standings, room.subject) == before
        assert [str(occupant.role) for occupant in room.occupants.values()] == ["moderator", "visitor"]
        await hag66.nothing()

        await _pragma(server, "max_page_count = 1000000")
        answer = await crone1.administer(f"<item affiliation='admin' jid='hag66@localhost'>{reason}</item>")
        assert answer.get("type") == "result"
        assert seen((await hag66.heard())[0]) == "thirdwitch admin/moderator"


async def _pragma(server: Server, pragma: str) -> int:
    statement = text(f"PRAGMA {pragma}")
    return await server.database.write(lambda connection: int(connection.scalar(statement) or 0))


_SERVE = """
import asyncio, sys
from pathlib import Path
from burble.testing import port_of, serving

async def main():
    async with serving(Path(sys.argv[1])) as server:
        await server.hosts["localhost"].register("crone1", "secret")
        print(port_of(server), flush=True)
        await server.wait_stopped()

asyncio.run(main())
"""


@pytest.mark.faults
async def test_no_room_is_half_stored_after_kill_9(tmp_path: Path) -> None:
    """Rooms are made, given members and destroyed; at any moment a room has its owner, and all members."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVE, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    crone1 = await Actor(int(await process.stdout.readline())).connect()
    await crone1.login("crone1")
    members = "".join(f"<item affiliation='member' jid='hag{number}@localhost'/>" for number in range(30))
    admin, owner = "http://jabber.org/protocol/muc#admin", "http://jabber.org/protocol/muc#owner"
    form = (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
        "http://jabber.org/protocol/muc#roomconfig</value></field>"
        "<field var='muc#roomconfig_persistentroom'><value>1</value></field></x>"
    )
    for number in range(60):
        room = f"room{number}@{SERVICE}"
        await crone1.enter("witch", room)
        crone1.write(f"<iq type='set' id='c' to='{room}'><query xmlns='{owner}'>{form}</query></iq>")
        crone1.write(f"<iq type='set' id='m' to='{room}'><query xmlns='{admin}'>{members}</query></iq>")
        if number % 2:
            crone1.write(f"<iq type='set' id='d' to='{room}'><query xmlns='{owner}'><destroy/></query></iq>")
        if number > 20:
            await asyncio.sleep(0)
        if number == 40:
            process.kill()
            break
    await process.wait()
    await crone1.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "burble.db")) as database:
        found = {name for (name,) in database.execute("SELECT room FROM rooms")}
        counts = dict(database.execute("SELECT room, count(*) FROM room_accounts GROUP BY room"))
    assert found == counts.keys()
    assert len(found) >= 20
    assert set(counts.values()) <= {1, 31}  # the owner, or with all members of one request


async def test_a_removed_account_leaves_nothing_in_any_room(stages: Stages) -> None:
    """Whether the room sleeps or not: a later account of that name has no claim to what the first had."""
    stage = await stages(idle_rooms=0)
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    asleep = f"asleep@{SERVICE}"
    await crone1.enter("firstwitch", asleep)
    await crone1.configure(asleep, persistentroom="1")
    member = "<item affiliation='admin' jid='hag66@localhost' nick='thirdwitch'/>"
    for room in (COVEN, asleep):
        assert (await crone1.administer(member, room)).get("type") == "result"
    await crone1.leave("firstwitch", asleep)
    hag66 = await stage.guest("hag66/pda", "thirdwitch")
    await crone1.heard()
    muc = stage.server.hosts["localhost"].modules["muc"]
    await stage.server.hosts["localhost"].unregister("hag66")
    await hag66.closed()
    assert await crone1.roll("affiliation='admin'") == []
    await crone1.enter("firstwitch", asleep)
    assert await crone1.roll("affiliation='admin'", asleep) == []
    room = muc.rooms["asleep"]
    assert room.affiliation(JID("hag66@localhost")) is Affiliation.NONE
    assert room.nicks == {}
