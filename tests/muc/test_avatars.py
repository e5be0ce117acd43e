"""XEP-0486: the avatar of a room."""

from __future__ import annotations

import base64
import hashlib

from tests.client import condition
from tests.conftest import Serve
from tests.muc.conftest import Stages
from tests.muc.stage import COVEN, DISCO_INFO, Stage, codes, fields

IMAGES = [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n"]
ASK = "<vCard xmlns='vcard-temp'/>"


def card(*images: bytes) -> str:
    photos = [f"<PHOTO><BINVAL>{base64.b64encode(image).decode()}</BINVAL></PHOTO>" for image in images]
    return f"<vCard xmlns='vcard-temp'>{''.join(photos)}</vCard>"


async def test_owners_set_the_avatar(stage: Stage) -> None:
    """§3.2 to §3.4: all see it, occupants are told; the hashes of all versions are in the info."""
    crone1, wiccarocks, hag66 = await stage.coven()
    assert condition(await hag66.ask("get", ASK, COVEN)) == "item-not-found"
    for witch in (wiccarocks, hag66):
        assert condition(await witch.ask("set", card(*IMAGES), COVEN)) == "forbidden"
    assert (await crone1.ask("set", card(*IMAGES), COVEN)).get("type") == "result"
    assert [codes(stanza) for stanza in await hag66.heard()] == [{104}]

    macbeth = await stage.actor("macbeth/castle")
    answer = await macbeth.ask("get", ASK, COVEN)
    found = [element.text or "" for element in answer.iter("{vcard-temp}BINVAL")]
    assert [base64.b64decode(text) for text in found] == IMAGES
    info = fields(await macbeth.ask("get", DISCO_INFO, COVEN))
    assert info["muc#roominfo_avatarhash"] == [hashlib.sha1(image).hexdigest() for image in IMAGES]

    assert (await crone1.ask("set", ASK, COVEN)).get("type") == "result"
    assert condition(await macbeth.ask("get", ASK, COVEN)) == "item-not-found"
    assert "muc#roominfo_avatarhash" not in fields(await macbeth.ask("get", DISCO_INFO, COVEN))


async def test_the_avatar_of_a_persistent_room_is_kept(serve: Serve) -> None:
    for setting in (True, False):
        async with Stage(await serve()) as stage:
            if setting:
                crone1 = await stage.host("crone1/desktop", "firstwitch", persistentroom="1")
                await crone1.ask("set", card(*IMAGES), COVEN)
            else:
                stage._registered.add("crone1")
                crone1 = await stage.actor("crone1/desktop")
                answer = await crone1.ask("get", ASK, COVEN)
                assert len([*answer.iter("{vcard-temp}BINVAL")]) == 2
            await stage.server.stop()


async def test_what_is_no_image_has_no_hash(stage: Stage) -> None:
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    strange = "<vCard xmlns='vcard-temp'><PHOTO/><PHOTO><BINVAL>=!</BINVAL></PHOTO><FN>x</FN></vCard>"
    assert (await crone1.ask("set", strange, COVEN)).get("type") == "result"
    assert "muc#roominfo_avatarhash" not in fields(await crone1.ask("get", DISCO_INFO, COVEN))


async def test_an_avatar_has_a_size(stages: Stages) -> None:
    stage = await stages(vcard_bytes=200)
    crone1 = await stage.host("crone1/desktop", "firstwitch")
    assert (await crone1.ask("set", card(b"x" * 50), COVEN)).get("type") == "result"
    assert condition(await crone1.ask("set", card(b"x" * 300), COVEN)) == "policy-violation"
