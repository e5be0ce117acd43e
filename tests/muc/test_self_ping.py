"""How a client finds out that it is not in a room any more (XEP-0410 §3.3, §4; XEP-0045 §7.2.18)."""

from __future__ import annotations

import pytest

from burble.modules.muc.ranks import Affiliation
from tests.muc.conftest import Stages
from tests.muc.rooms import ROOM, join, make_room, refusal
from tests.muc.stage import COVEN, DISCO_INFO, Stage, codes, item
from tests.muc.stage import refusal as refused
from tests.muc.test_rules import CRONE, HAG

PING = "<ping xmlns='urn:xmpp:ping'/>"


@pytest.mark.parametrize(("inside", "condition"), [(PING, "not-acceptable"), (DISCO_INFO, "bad-request")])
async def test_an_occupant_of_a_room_that_is_gone_is_told_so(
    stage: Stage, inside: str, condition: str
) -> None:
    """item-not-found would say that it is in there under another nick, as after a restart nobody is."""
    hag66 = await stage.actor("hag66/pda")
    assert refused(await hag66.ask("get", inside, f"{COVEN}/thirdwitch")).split()[1] == condition


@pytest.mark.parametrize(("inside", "condition"), [(PING, "not-acceptable"), (DISCO_INFO, "bad-request")])
def test_a_stranger_in_a_locked_room_is_told_so(inside: str, condition: str) -> None:
    room = make_room()
    room.locked = True
    join(room, CRONE, "firstwitch", Affiliation.OWNER)
    ping = f"<iq from='{HAG}' to='{ROOM}/firstwitch' id='1' type='get'>{inside}</iq>"
    assert refusal(room, ping).condition == condition


@pytest.mark.parametrize("create", ["local", "admins"])
async def test_presence_to_a_room_that_is_gone_is_that_of_a_stranger(stages: Stages, create: str) -> None:
    """It makes no room, so it matters not who may make one, and nobody becomes an owner."""
    stage = await stages(create=create)
    hag66 = await stage.actor("hag66/pda")
    [kicked] = await hag66.show("thirdwitch")
    assert codes(kicked) == {110, 307, 333}
    assert item(kicked).get("affiliation") == "none"
