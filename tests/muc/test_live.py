"""A room in memory goes on, as it was, whatever goes wrong in it."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest

from burble.modules.muc import Muc
from burble.modules.muc.live import Job
from burble.modules.muc.logs import Line, Watch
from burble.modules.muc.room import Room
from burble.stanza import Stanza
from tests.muc.conftest import Stages
from tests.muc.rooms import picture
from tests.muc.stage import COVEN, Stage, body


def breaks(room: Room) -> list[Stanza]:
    """A mistake of ours, in the midst of a change."""
    room.locked = True
    room.grant(room.jid.parse("hag66@localhost"), room.affiliation(room.jid))
    room.occupants["firstwitch"].role = room.first_role(room.affiliation(room.jid))
    raise RuntimeError("a mistake")


async def test_a_mistake_in_a_rule_leaves_the_room_as_it_was(stage: Stage) -> None:
    crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    muc = stage.server.hosts["localhost"].modules["muc"]
    assert isinstance(muc, Muc)
    live = muc.service.live["coven"]
    assert live.room is not None
    before = picture(live.room)
    with pytest.raises(RuntimeError, match="a mistake"):
        live.take(Job(breaks))
    assert picture(live.room) == before
    assert live.room.unsaved == []
    assert body((await crone1.say("I am still here."))[0]) == "I am still here."


async def test_a_mistake_in_the_log_stops_no_room(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await stages(log_dir=str(tmp_path))
    crone1 = await stage.host("crone1/desktop", "firstwitch", enablelogging="1")

    def lines(self: Watch, room: Room, out: list[Stanza]) -> list[Line]:
        raise RuntimeError("a mistake")

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "lines", lines)
        await crone1.tell("<body>lost?</body>", COVEN)
    assert body((await crone1.say("I am still here."))[0]) == "I am still here."


async def test_nobody_is_asked_for_what_becomes_of_those_who_are_lost(stage: Stage) -> None:
    """Jobs that nobody waits for fail where the room was destroyed before their turn: that is no news."""
    await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
    muc = stage.server.hosts["localhost"].modules["muc"]
    assert isinstance(muc, Muc)
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    ending = asyncio.ensure_future(muc.destroy("coven"))
    await asyncio.sleep(0)
    muc.service.empty()
    await ending
    await stage.actor("hag66/pda")
    gc.collect()
    assert complaints == []
