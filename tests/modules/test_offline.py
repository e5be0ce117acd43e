"""Messages for accounts that are away (XEP-0160)."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from burble.server import Server
from burble.testing import port_of
from burble.timestamps import parse_stamp
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.modules.letters import bodies, kept, write
from tests.presences import appear, disappear

DELAY = "{urn:xmpp:delay}delay"
HINTS = "urn:xmpp:hints"


async def test_a_message_waits_until_the_account_comes_back(connect: Connect) -> None:
    """§2: with the time it was stored, and by whom (XEP-0203); once, and otherwise as it was sent."""
    romeo = await connect("romeo/orchard")
    romeo.write(
        "<message to='juliet@localhost' type='chat' id='m1' xml:lang='it'>"
        "<body>&lt;b&gt; ciao \u2665 &amp; addio</body><x xmlns='urn:example:x'><y a='&quot;'/></x></message>"
    )
    await romeo.nothing()
    juliet = await connect("juliet/balcony")
    await juliet.nothing()
    await appear(juliet)
    message = await juliet.next()
    assert message.attrib == {
        "from": "romeo@localhost/orchard",
        "to": "juliet@localhost",
        "type": "chat",
        "id": "m1",
        "{http://www.w3.org/XML/1998/namespace}lang": "it",
    }
    assert message.findtext(f"{CLIENT}body") == "<b> ciao \u2665 & addio"
    inner = message.find("{urn:example:x}x/{urn:example:x}y")
    assert inner is not None
    assert inner.attrib == {"a": '"'}
    delay = message.find(DELAY)
    assert delay is not None
    assert delay.get("from") == "localhost"
    stored = parse_stamp(delay.attrib["stamp"]).timestamp()
    assert 0 <= time.time() - stored < 10
    await juliet.nothing()
    await disappear(juliet)
    await appear(juliet)
    await juliet.nothing()


async def test_a_message_written_unusually_is_delivered_too(connect: Connect) -> None:
    """The delay goes in before the end tag, however that is written."""
    romeo = await connect("romeo")
    romeo.write(
        "<message to='JULIET@localhost' ><body><![CDATA[</message>]]></body\n></message\n >"
        "<message to='juliet@localhost'><store xmlns='urn:xmpp:hints'/></message>"
    )
    await romeo.nothing()
    juliet = await appear(await connect("juliet"))
    first, second = await juliet.next(), await juliet.next()
    assert first.findtext(f"{CLIENT}body") == "</message>"
    assert first.find(DELAY) is not None
    assert second.find(DELAY) is not None
    await juliet.nothing()


async def test_many_messages_come_in_order(server: Server, connect: Connect) -> None:
    """More than a page of them, from several senders."""
    romeo, nurse = await connect("romeo"), await connect("nurse")
    for number in range(130):
        write(romeo, f"r{number}")
        write(nurse, f"n{number}")
    await romeo.nothing()
    await nurse.nothing()
    assert kept(server) == 260
    juliet = await appear(await connect("juliet"))
    got = await bodies(juliet)
    assert [text for text in got if text and text[0] == "r"] == [f"r{number}" for number in range(130)]
    assert [text for text in got if text and text[0] == "n"] == [f"n{number}" for number in range(130)]
    assert kept(server) == 0


async def test_nothing_newer_overtakes_what_was_kept(server: Server, connect: Connect) -> None:
    """Messages that arrive while the account is coming back: each comes once, in order."""
    romeo, juliet = await connect("romeo"), await connect("juliet")
    sent = 0
    for _ in range(10):
        for _ in range(40):
            write(romeo, str(sent))
            sent += 1
        juliet.write("<presence/>")
        for _ in range(300):
            write(romeo, str(sent))
            sent += 1
            if sent % 20 == 0:
                await asyncio.sleep(0)
        await romeo.sync()
        juliet.write("<presence type='unavailable'/>")
        await juliet.sync()
    await appear(juliet)
    assert await bodies(juliet) == [str(number) for number in range(sent)]
    assert kept(server) == 0


async def test_two_sessions_that_come_at_once_share_the_messages(server: Server, connect: Connect) -> None:
    """None is delivered twice."""
    romeo = await connect("romeo")
    for number in range(250):
        write(romeo, str(number))
    await romeo.nothing()
    one, two = await connect("juliet/one"), await connect("juliet/two")
    one.write("<presence/>")
    two.write("<presence/>")
    got = await bodies(one) + await bodies(two)
    assert sorted(map(int, filter(None, got))) == list(range(250))


async def test_a_negative_priority_leaves_messages_where_they_are(connect: Connect) -> None:
    """§2: they come with the first presence that is not negative."""
    romeo = await connect("romeo")
    write(romeo, "ay me")
    await romeo.nothing()
    juliet = await appear(await connect("juliet/balcony"), -1)
    assert await bodies(juliet) == []
    write(romeo, "she speaks")
    await romeo.nothing()
    assert await bodies(juliet) == []
    await appear(juliet, 0)
    assert await bodies(juliet) == ["ay me", "she speaks"]


@pytest.mark.parametrize(
    ("content", "stays"),
    [
        ("<body>x</body>", True),
        ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", False),
        ("<thread>t</thread><gone xmlns='http://jabber.org/protocol/chatstates'/>", False),
        ("<paused xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>", True),
        ("<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>", True),
        ("<received xmlns='urn:xmpp:receipts' id='a'/>", True),
        ("<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>", True),
        ("<no-copy xmlns='urn:xmpp:hints'/>", False),
        ("", False),
    ],
)
async def test_only_content_is_kept(server: Server, connect: Connect, content: str, stays: bool) -> None:
    """§3, XEP-0085, XEP-0334 §4: what is not worth it vanishes, so that nobody learns who is away."""
    romeo = await connect("romeo")
    romeo.write(f"<message to='juliet@localhost' type='chat'>{content}</message>")
    await romeo.nothing()
    assert kept(server) == int(stays)


@pytest.mark.parametrize("extra", ["", f"<store xmlns='{HINTS}'/>"])
async def test_what_must_not_be_stored_is_refused(server: Server, connect: Connect, extra: str) -> None:
    """XEP-0334 §4.2 and RFC 6121 §8.5.2.2.1: the sender learns that it went nowhere."""
    romeo = await connect("romeo")
    write(romeo, "secret", extra=f"<no-store xmlns='{HINTS}'/>{extra}")
    assert condition(await romeo.next()) == "service-unavailable"
    assert kept(server) == 0


def set_limit(server: Server, messages: int) -> None:
    host = server.hosts["localhost"]
    limits = host.settings.limits.model_copy(update={"offline_messages": messages})
    host.configure(replace(host.settings, limits=limits))


async def test_a_full_store_refuses(server: Server, connect: Connect) -> None:
    """§2: service-unavailable, unless the archive has them; there is room once the messages are delivered."""
    set_limit(server, 3)
    await server.hosts["localhost"].modules["archive"].unload()
    romeo = await connect("romeo")
    for number in range(5):
        write(romeo, str(number))
    for number in (3, 4):
        error = await romeo.next()
        assert (condition(error), error.get("id")) == ("service-unavailable", str(number))
    write(romeo, "for the nurse", "nurse@localhost")
    await romeo.nothing()
    juliet = await appear(await connect("juliet"))
    assert await bodies(juliet) == ["0", "1", "2"]
    await disappear(juliet)
    write(romeo, "again")
    await romeo.nothing()
    await appear(juliet)
    assert await bodies(juliet) == ["again"]


async def test_no_messages_are_kept_where_the_limit_is_zero(server: Server, connect: Connect) -> None:
    """RFC 6121 §8.5.2.2.1: then the sender gets an error, unless the account will find it in its archive."""
    set_limit(server, 0)
    romeo = await connect("romeo")
    write(romeo, "archived")
    await romeo.nothing()
    await server.hosts["localhost"].modules["archive"].unload()
    write(romeo, "ay me")
    assert condition(await romeo.next()) == "service-unavailable"


async def test_nothing_is_kept_for_who_is_anonymous(serve: Serve) -> None:
    """XEP-0175: there is no account that could come back."""
    server = await serve(auth={"mechanisms": ["ANONYMOUS"]})
    client = await ScriptedClient(port_of(server)).connect()
    await client.open()
    client.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    assert (await client.next()).tag.endswith("success")
    await client.open()
    await client.bind()
    write(client, "ay me", client.bare)
    assert condition(await client.next()) == "service-unavailable"
    assert kept(server, client.bare.partition("@")[0]) == 0
    await client.close()


async def test_the_server_says_that_it_keeps_messages(connect: Connect) -> None:
    """§4."""
    romeo = await connect("romeo")
    info = await romeo.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert 'var="msgoffline"' in ET.tostring(info, encoding="unicode")


async def test_a_message_for_a_resource_that_has_left_keeps_its_address(connect: Connect) -> None:
    """RFC 6121 §8.5.3.2.1: a chat; it goes to whatever resource comes back."""
    romeo = await connect("romeo")
    write(romeo, "ay me", "juliet@localhost/balcony")
    await romeo.nothing()
    juliet = await appear(await connect("juliet/chamber"))
    assert (await juliet.next()).get("to") == "juliet@localhost/balcony"


async def test_a_new_account_gets_nothing_meant_for_an_old_one(server: Server, connect: Connect) -> None:
    """Not even what still waited to be stored when the account was removed."""
    host = server.hosts["localhost"]
    romeo = await connect("romeo")
    write(romeo, "old")
    await romeo.nothing()
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    assert kept(server) == 0
    write(romeo, "new")
    await romeo.nothing()
    juliet = await appear(await connect("juliet"))
    assert await bodies(juliet) == ["new"]
