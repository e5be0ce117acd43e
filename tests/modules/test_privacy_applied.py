"""Privacy lists (XEP-0016) applied: what passes, what does not, and what the others see of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.im.scripts import befriend
from tests.modules.blocklists import block, is_refusal, say
from tests.modules.privacylists import choose, rule, store
from tests.presences import appear

ROMEO = "jid romeo@localhost"
PING = "<ping xmlns='urn:xmpp:ping'/>"


async def read(*clients: ScriptedClient) -> None:
    """Forget what has come."""
    for client in clients:
        await client.sync()
        client._arrived.clear()


async def came(client: ScriptedClient) -> list[str]:
    """What has come: the kind and type of each stanza."""
    await client.sync()
    found = [f"{e.tag.rpartition('}')[2]} {e.get('type') or 'available'}" for e in client._arrived]
    client._arrived.clear()
    return found


async def apply(client: ScriptedClient, *rules: str, which: str = "default", name: str = "mine") -> None:
    await store(client, name, *rules)
    await choose(client, which, name)


async def lovers(connect: Connect) -> tuple[ScriptedClient, ScriptedClient]:
    """Juliet and Romeo, who see each other, and have read all that came before."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await befriend(juliet, romeo)
    for client in (juliet, romeo):
        await appear(client)
    await read(juliet, romeo)
    return juliet, romeo


@pytest.mark.parametrize("which", ["active", "default"])
@pytest.mark.parametrize(
    ("match", "denied"),
    [
        (ROMEO, True),
        ("jid romeo@localhost/orchard", True),
        ("jid romeo@localhost/tomb", False),
        ("subscription both", True),
        ("subscription none", False),
        ("", True),
    ],
)
async def test_messages_are_denied(connect: Connect, which: str, match: str, denied: bool) -> None:
    """§2.9, §2.13: to the bare and to the full address; those of others pass."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, match, "message"), which=which)
    for to in (juliet.jid, juliet.bare):
        say(romeo, to)
        if denied:
            assert condition(await romeo.next()) == "service-unavailable"
    assert await came(juliet) == ([] if denied else ["message chat"] * 2)
    romeo.write(f"<iq type='get' id='p' to='{juliet.jid}'>{PING}</iq><presence><show>dnd</show></presence>")
    await romeo.sync()
    assert await came(juliet) == ["iq get", "presence available"]


async def test_groups_and_subscriptions_count_as_they_are_now(connect: Connect) -> None:
    """§2.2: a list is not applied again by hand after the roster has changed."""
    juliet, romeo = await lovers(connect)
    item = "<query xmlns='jabber:iq:roster'><item jid='{}'><group>{}</group></item></query>"
    await juliet.ask("set", item.format("nurse@localhost", "Foes"))
    await apply(juliet, rule("deny", 1, "group Foes", "message"))
    await read(juliet)
    say(romeo, juliet.jid)
    await romeo.sync()
    assert await came(juliet) == ["message chat"]
    await juliet.ask("set", item.format("romeo@localhost", "Foes"))
    await read(juliet)
    say(romeo, juliet.jid)
    assert condition(await romeo.next()) == "service-unavailable"
    assert await came(juliet) == []


async def test_requests_are_denied(connect: Connect) -> None:
    """§2.12, §2.13: also those that the account would answer; answers are dropped."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, ROMEO, "iq"))
    for to in (juliet.jid, juliet.bare):
        for payload in (PING, "<query xmlns='jabber:iq:version'/>"):
            assert condition(await romeo.ask("get", payload, to)) == "service-unavailable"
    juliet.write(f"<iq type='get' id='q' to='{romeo.jid}'>{PING}</iq>")
    asked = await romeo.find(lambda e: e.get("type") == "get")
    romeo.write(f"<iq type='result' id='{asked.get('id')}' to='{juliet.jid}'/>")
    say(romeo, juliet.jid)
    await romeo.nothing()
    assert await came(juliet) == ["message chat"]


async def test_presence_is_kept_away(connect: Connect) -> None:
    """§2.10: the contact is seen to go at once; requests to subscribe come through all the same."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, "", "presence-in"))
    gone = await juliet.next()
    assert (gone.get("type"), gone.get("from")) == ("unavailable", romeo.jid)
    romeo.write("<presence><show>dnd</show></presence>")
    romeo.write(f"<presence to='{juliet.jid}'/>")
    await romeo.sync()
    assert await came(juliet) == []
    nurse = await connect("nurse")
    nurse.write(f"<presence to='{juliet.bare}' type='subscribe'/>")
    await nurse.sync()
    assert await came(juliet) == ["presence subscribe"]


async def test_invisibility(connect: Connect) -> None:
    """§2.11: contacts see the account go, its presence and answers to probes are kept from them."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, "", "presence-out"))
    gone = await romeo.next()
    assert (gone.get("type"), gone.get("from")) == ("unavailable", juliet.jid)
    juliet.write("<presence><show>chat</show></presence>")
    await juliet.sync()
    romeo.write(f"<presence to='{juliet.bare}' type='probe'/>")
    again = await connect("romeo/tomb")
    await appear(again)
    assert [e for e in await came(romeo) if e != "presence available"] == ["presence unavailable"]
    assert juliet.jid not in {e.get("from") for e in again._arrived}
    juliet.write(f"<presence to='{romeo.jid}'/>")
    assert is_refusal(await juliet.find(lambda e: e.get("type") == "error"))
    say(romeo, juliet.jid)
    say(juliet, romeo.jid)
    for client in (juliet, romeo):
        await client.find(lambda e: e.tag == f"{CLIENT}message" and e.get("type") == "chat")
    await read(romeo)
    await choose(juliet, "default")
    seen = await romeo.find(lambda e: e.tag == f"{CLIENT}presence")
    assert (seen.get("from"), seen.findtext(f"{CLIENT}show")) == (juliet.jid, "chat")


async def test_an_invisible_session_beside_one_that_is_seen(connect: Connect) -> None:
    """§2.2: an active list is the session's own, before initial presence as after."""
    juliet, romeo = await lovers(connect)
    ghost = await connect("juliet/ghost")
    await apply(ghost, rule("deny", 1, "", "presence-out"), which="active")
    await appear(ghost)
    assert await came(romeo) == []
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    assert await came(romeo) == ["presence available"]
    await ghost.close()
    await juliet.find(lambda e: e.get("type") == "unavailable" and e.get("from") == ghost.jid)
    assert await came(romeo) == []


async def test_all_communication_is_denied(connect: Connect) -> None:
    """§2.13: nothing comes, and nothing goes."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, ROMEO))
    assert await came(romeo) == ["presence unavailable"]
    await read(juliet)
    say(romeo, juliet.jid)
    assert condition(await romeo.next()) == "service-unavailable"
    romeo.write(f"<presence to='{juliet.bare}' type='subscribe'/><presence><show>dnd</show></presence>")
    await read(romeo)
    assert await came(juliet) == []
    for stanza in (
        f"<message to='{romeo.jid}' type='chat' id='m'/>",
        f"<presence to='{romeo.jid}' id='m'/>",
        f"<iq to='{romeo.jid}' type='get' id='m'>{PING}</iq>",
    ):
        juliet.write(stanza)
        assert is_refusal(await juliet.find(lambda e: e.get("id") == "m"))
    assert await came(romeo) == []


async def test_an_active_list_stands_alone(connect: Connect) -> None:
    """§2.2, XEP-0191 §5: it lets through what the default list, and so the block list, denies."""
    juliet, romeo = await lovers(connect)
    await block(juliet, "romeo@localhost")
    await apply(juliet, rule("allow", 1), which="active")
    await read(juliet, romeo)
    say(romeo, juliet.jid)
    say(juliet, romeo.jid)
    for client in (juliet, romeo):
        assert await came(client) == ["message chat"]
    await choose(juliet, "active")
    await read(juliet, romeo)
    say(romeo, juliet.jid)
    assert condition(await romeo.next()) == "service-unavailable"


async def test_each_session_gets_what_its_list_allows(connect: Connect) -> None:
    """§2.2: of what is for the account."""
    juliet, romeo = await lovers(connect)
    strict = await appear(await connect("juliet/strict"))
    await apply(strict, rule("deny", 1, ROMEO, "message", "presence-in"), which="active")
    await read(juliet, strict, romeo)
    say(romeo, "juliet@localhost")
    romeo.write("<presence><show>dnd</show></presence>")
    await read(romeo)
    assert await came(juliet) == ["message chat", "presence available"]
    assert await came(strict) == []
    say(romeo, strict.jid)
    assert condition(await romeo.next()) == "service-unavailable"


async def test_the_default_list_counts_while_nobody_is_connected(connect: Connect) -> None:
    """§2.2: nothing is kept for later from who is denied."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await apply(juliet, rule("deny", 1, "subscription none", "message"))
    juliet.write("</stream:stream>")
    await juliet.closed()
    say(romeo, "juliet@localhost")
    assert condition(await romeo.next()) == "service-unavailable"
    juliet = await appear(await connect("juliet/balcony"))
    assert await came(juliet) == []


async def test_a_changed_list_applies_at_once(connect: Connect) -> None:
    """§2.2."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, ROMEO, "message"))
    await store(juliet, "mine", rule("deny", 1, "jid paris@localhost", "message"))
    await read(juliet)
    say(romeo, juliet.jid)
    await romeo.nothing()
    assert await came(juliet) == ["message chat"]


async def test_the_server_and_the_account_itself_are_never_denied(connect: Connect) -> None:
    """§2.1."""
    juliet, other = await appear(await connect("juliet/one")), await appear(await connect("juliet/two"))
    await apply(juliet, rule("deny", 1))
    await read(juliet, other)
    assert (await juliet.ask("get", PING, "localhost")).get("type") == "result"
    say(juliet, other.jid)
    say(other, juliet.bare)
    await other.sync()
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    assert await came(other) == ["message chat"] * 2 + ["presence available"]


async def test_lists_are_applied_after_a_restart(server: Server, connect: Connect) -> None:
    """The module is loaded anew, as at a start."""
    juliet, romeo = await lovers(connect)
    await apply(juliet, rule("deny", 1, ROMEO, "message"))
    host = server.hosts["localhost"]
    privacy = host.modules["privacy"]
    await privacy.unload()
    await type(privacy)(host, privacy.settings).load()
    say(romeo, juliet.jid)
    error: ET.Element = await romeo.next()
    assert condition(error) == "service-unavailable"
