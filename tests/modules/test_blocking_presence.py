"""What blocked contacts see of one's presence (XEP-0191 §3.3 to §3.5)."""

from __future__ import annotations

import pytest

from tests.client import ScriptedClient
from tests.conftest import Connect
from tests.modules.blocklists import block, rest, unblock
from tests.modules.contacts import subscribe
from tests.presences import appear


async def friends(connect: Connect) -> tuple[ScriptedClient, ScriptedClient]:
    """Juliet, and Romeo who sees her presence."""
    juliet, romeo = await connect("juliet/balcony"), await appear(await connect("romeo/orchard"))
    await subscribe(romeo, juliet)
    await rest(juliet)
    await rest(romeo)
    return juliet, romeo


async def from_juliet(romeo: ScriptedClient) -> list[str]:
    """The types of the presence that has come from Juliet's balcony."""
    return [
        e.get("type", "available") for e in await rest(romeo) if e.get("from") == "juliet@localhost/balcony"
    ]


@pytest.mark.parametrize("entry", ["romeo@localhost", "localhost", "romeo@localhost/orchard"])
async def test_a_blocked_contact_sees_one_go_and_come_back(connect: Connect, entry: str) -> None:
    """§3.3, §3.4: unavailable at the block, the presence again when it ends; once each."""
    juliet, romeo = await friends(connect)
    await block(juliet, entry)
    assert await from_juliet(romeo) == ["unavailable"]
    await block(juliet, entry)
    assert await from_juliet(romeo) == []
    await unblock(juliet, entry)
    assert await from_juliet(romeo) == ["available"]
    await unblock(juliet, entry)
    assert await from_juliet(romeo) == []


async def test_unblocking_all_shows_one_again(connect: Connect) -> None:
    """§3.5."""
    juliet, romeo = await friends(connect)
    await block(juliet, "romeo@localhost", "iago@shakespeare.lit")
    await rest(romeo)
    await unblock(juliet)
    assert await from_juliet(romeo) == ["available"]


async def test_a_contact_that_stays_blocked_sees_nothing(connect: Connect) -> None:
    """An entry may go while another still holds."""
    juliet, romeo = await friends(connect)
    await block(juliet, "romeo@localhost", "localhost")
    assert await from_juliet(romeo) == ["unavailable"]
    await unblock(juliet, "localhost")
    assert await from_juliet(romeo) == []


async def test_strangers_hear_nothing_of_a_block(connect: Connect) -> None:
    """§3.3: only who may get the account's presence."""
    juliet, nurse = await appear(await connect("juliet")), await appear(await connect("nurse"))
    await block(juliet, "nurse@localhost")
    await unblock(juliet, "nurse@localhost")
    await nurse.nothing()


@pytest.mark.parametrize("entry", ["romeo@localhost", "localhost"])
async def test_a_blocked_contact_does_not_see_changes(connect: Connect, entry: str) -> None:
    """§3.3: the user appears offline, whatever its presence does, and whoever comes and asks."""
    juliet, romeo = await friends(connect)
    await block(juliet, entry)
    await rest(romeo)
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    assert await from_juliet(romeo) == []
    again = await appear(await connect("romeo/street"))
    assert await from_juliet(again) == []
    juliet.write("<presence type='unavailable'/>")
    await juliet.sync()
    assert await from_juliet(romeo) == []
    await appear(juliet)
    assert await from_juliet(romeo) == []


async def test_a_blocked_contact_sees_nothing_when_it_is_taken_out_of_the_roster(connect: Connect) -> None:
    """§3.3: the end of the subscription does not tell which sessions came after the block."""
    juliet, romeo = await friends(connect)
    await block(juliet, "romeo@localhost")
    await rest(romeo)
    item = "<item jid='romeo@localhost' subscription='remove'/>"
    await juliet.ask("set", f"<query xmlns='jabber:iq:roster'>{item}</query>")
    assert await from_juliet(romeo) == []
