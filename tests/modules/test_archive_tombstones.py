"""Messages that are taken back (XEP-0424), as the archive has them."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET

import pytest

from burble.timestamps import parse_stamp
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect
from tests.modules.archives import Answer, field, search
from tests.presences import appear

RETRACTED = "{urn:xmpp:message-retract:1}retracted"
FULLTEXT = "{urn:xmpp:fulltext:0}fulltext"


def retract(client: ScriptedClient, id: str, to: str = "juliet@localhost") -> None:
    client.write(
        f"<message to='{to}' type='chat' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>"
        "<body>/me took it back</body></message>"
    )


async def until_buried(client: ScriptedClient, number: int = 1) -> Answer:
    """The archive once it has so many tombstones; they are put up when the server gets to it."""
    for _ in range(500):
        answer = await search(client)
        if len([each for each in answer.results if tombstone(each.message) is not None]) >= number:
            return answer
    raise AssertionError("nothing was buried")


def tombstone(message: ET.Element) -> ET.Element | None:
    return message.find(RETRACTED)


async def test_a_tombstone_takes_the_place_of_the_message_in_both_archives(connect: Connect) -> None:
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet")
    romeo.write(
        "<message to='juliet@localhost' type='chat' id='m1'><body>Have not saints lips</body>"
        "<x xmlns='urn:example'>secret</x></message>"
    )
    before = await search(romeo)
    retract(romeo, "m1")
    answer = await until_buried(romeo)
    assert answer.ids[0] == before.ids[0]
    assert answer.results[0].stamp == before.results[0].stamp
    for client in (romeo, juliet):
        first, second = (await search(client)).results
        assert first.message.attrib == {
            "from": "romeo@localhost/orchard",
            "to": "juliet@localhost",
            "type": "chat",
            "id": "m1",
        }
        assert [child.tag for child in first.message] == [RETRACTED]
        (stone,) = first.message
        assert stone.get("id") == "r1"
        assert abs(parse_stamp(stone.attrib["stamp"]).timestamp() - time.time()) < 10
        assert second.body == "/me took it back"  # it stays, for those who were away


async def test_corrections_of_the_message_are_buried_with_it(connect: Connect) -> None:
    """XEP-0308: else what was taken back could still be read in them."""
    romeo = await connect("romeo")
    said = "<message to='juliet@localhost' type='chat' id='{}'><body>{}</body>{}</message>"
    romeo.write(said.format("m0", "one", ""))
    romeo.write(said.format("m1", "won", "<replace xmlns='urn:xmpp:message-correct:0' id='m0'/>"))
    romeo.write(said.format("m00", "m0", ""))
    retract(romeo, "m0")
    answer = await until_buried(romeo, 2)
    assert answer.bodies == [None, None, "m0", "/me took it back"]


@pytest.mark.parametrize("id", ["it's &amp; &lt;that&gt;", "a&quot;b", "ж", "x y"])
async def test_ids_that_xml_writes_in_many_ways(connect: Connect, id: str) -> None:
    romeo = await connect("romeo")
    quoted = id.replace("'", "&#39;")
    romeo.write(f'<message to="juliet@localhost" type="chat" id="{id}"><body>Hi</body></message>')
    retract(romeo, quoted)
    assert (await until_buried(romeo)).bodies[0] is None


async def test_nobody_takes_back_what_others_said(connect: Connect) -> None:
    """XEP-0424 §5: nor what was said to somebody else."""
    romeo, juliet, nurse = await connect("romeo"), await connect("juliet"), await connect("nurse")
    romeo.write("<message to='juliet@localhost' type='chat' id='m1'><body>one</body></message>")
    await romeo.sync()
    retract(juliet, "m1", "romeo@localhost")
    retract(nurse, "m1", "juliet@localhost")
    retract(romeo, "m1", "nurse@localhost")
    retract(romeo, "other", "juliet@localhost")
    retract(romeo, "", "juliet@localhost")
    romeo.write("<message to='juliet@localhost' type='chat' id='m2'><body>two</body></message>")
    retract(romeo, "m2", "juliet@localhost")
    answer = await until_buried(juliet)
    # What came before was done before.
    assert answer.bodies.count("one") == 1
    assert answer.bodies.count("two") == 0


async def test_what_was_taken_back_is_not_found_any_more(connect: Connect) -> None:
    romeo = await connect("romeo")
    romeo.write("<message to='juliet@localhost' type='chat' id='m1'><body>moonlight</body></message>")
    assert len((await search(romeo, field(FULLTEXT, "moonlight"))).results) == 1
    retract(romeo, "m1")
    await until_buried(romeo)
    assert (await search(romeo, field(FULLTEXT, "moonlight"))).results == []


async def test_a_retraction_is_delivered_as_it_is(connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await appear(await connect("juliet"))
    retract(romeo, "m1")
    message = await juliet.next()
    assert message.find("{urn:xmpp:message-retract:1}retract") is not None
    assert message.findtext(f"{CLIENT}body") == "/me took it back"
