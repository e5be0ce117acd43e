"""Message carbons (XEP-0280): what is copied, to whom, and in what wrapper."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.jid import JID
from burble.modules.carbons import is_eligible
from burble.routing.events import StanzaReceived, StanzaSent
from burble.server import Server
from burble.stanza import Message
from burble.xml import parse_element
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.modules.blocklists import block
from tests.modules.letters import bodies
from tests.presences import appear, disappear

CARBONS = "{urn:xmpp:carbons:2}"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
BODY = "<body>Neither, fair saint</body>"


async def ask(client: ScriptedClient, verb: str, to: str | None = None) -> ET.Element:
    return await client.ask("set", f"<{verb} xmlns='urn:xmpp:carbons:2'/>", to)


async def enable(client: ScriptedClient) -> ScriptedClient:
    """Enable carbons for an available client."""
    await appear(client)
    assert (await ask(client, "enable")).get("type") == "result"
    return client


async def seen(client: ScriptedClient) -> list[ET.Element]:
    """The messages that have come, of all stanzas."""
    await client.sync()
    found = [element for element in client._arrived if element.tag == f"{CLIENT}message"]
    client._arrived.clear()
    return found


def unwrapped(carbon: ET.Element, kind: str, client: ScriptedClient) -> ET.Element:
    """The message in a carbon, whose wrapper is as §7 and §8 say."""
    assert (carbon.get("from"), carbon.get("to")) == (client.bare, client.jid)
    (wrapper,) = carbon
    (forwarded,) = wrapper
    (message,) = forwarded
    assert (wrapper.tag, forwarded.tag) == (CARBONS + kind, FORWARDED)
    assert message.tag == f"{CLIENT}message"
    assert message.get("type") == carbon.get("type")
    return message


# ---- asking for them


async def test_the_server_says_that_it_copies(connect: Connect) -> None:
    """§3, §6.2."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    features = {feature.get("var") for feature in info[0]}
    assert {"urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0"} <= features


async def test_carbons_are_enabled_and_disabled_again_and_again(connect: Connect) -> None:
    """§4, §5, §10.1."""
    chamber, balcony = await appear(await connect("juliet/chamber")), await connect("juliet/balcony")
    romeo = await connect("romeo/orchard")
    for verb, copies in (("enable", 1), ("enable", 1), ("disable", 0), ("disable", 0), ("enable", 1)):
        answer = await ask(balcony, verb)
        assert (answer.get("type"), len(answer)) == ("result", 0)
        chamber.write(f"<message to='{romeo.jid}' type='chat'>{BODY}</message>")
        await chamber.sync()
        assert len(await seen(balcony)) == copies


async def test_carbons_are_enabled_by_their_owner_only(connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    for verb in ("enable", "disable"):
        assert condition(await ask(romeo, verb, juliet.bare)) == "service-unavailable"


async def test_an_account_without_copies_makes_no_events(server: Server, connect: Connect) -> None:
    """Whoever has one session, or none that wants copies, does not pay for those who do."""
    await server.hosts["localhost"].modules["archive"].unload()  # which hears of every message
    hooks = server.hosts["localhost"].hooks

    def watched() -> set[bool]:
        return {hooks.audiences[kind].wants("juliet", Message()) for kind in (StanzaSent, StanzaReceived)}

    chamber = await enable(await connect("juliet/chamber"))
    assert watched() == {False}
    balcony = await connect("juliet/balcony")
    assert watched() == {True}
    await ask(chamber, "disable")
    assert watched() == {False}
    await ask(balcony, "enable")
    assert watched() == {True}
    chamber.write("</stream:stream>")
    await chamber.closed()
    assert watched() == {False}


# ---- copies


async def test_what_one_client_sends_the_others_see(connect: Connect) -> None:
    """§8: also where the sender itself has not enabled carbons."""
    chamber = await appear(await connect("juliet/chamber"))
    balcony, garden = [await enable(await connect(f"juliet/{each}")) for each in ("balcony", "garden")]
    romeo = await appear(await connect("romeo/orchard"))
    for client in (chamber, balcony, garden, romeo):
        await seen(client)
    chamber.write(f"<message to='{romeo.jid}' type='chat' id='one'>{BODY}<thread>t</thread></message>")
    await chamber.sync()
    for client in (balcony, garden):
        (carbon,) = await seen(client)
        message = unwrapped(carbon, "sent", client)
        assert (message.get("from"), message.get("to"), message.get("id")) == (chamber.jid, romeo.jid, "one")
        assert message.findtext(f"{CLIENT}body") == "Neither, fair saint"
        assert message.findtext(f"{CLIENT}thread") == "t"
    assert await seen(chamber) == []
    assert len(await seen(romeo)) == 1


@pytest.mark.parametrize("to", ["juliet@localhost/balcony", "juliet@localhost", "juliet@localhost/gone"])
async def test_what_one_client_receives_the_others_see(connect: Connect, to: str) -> None:
    """§7: those that did not get it by the rules of RFC 6121; nobody gets it twice."""
    balcony = await appear(await connect("juliet/balcony"), 5)
    assert (await ask(balcony, "enable")).get("type") == "result"
    garden = await enable(await connect("juliet/garden"))
    plain = await appear(await connect("juliet/plain"))
    romeo = await connect("romeo/orchard")
    for client in (balcony, garden, plain):
        await seen(client)
    romeo.write(f"<message to='{to}' type='chat' id='one'>{BODY}</message>")
    await romeo.nothing()
    (original,) = await seen(balcony)
    assert (original.get("from"), original.get("to")) == (romeo.jid, to)
    (carbon,) = await seen(garden)
    message = unwrapped(carbon, "received", garden)
    assert (message.get("from"), message.get("to"), message.get("id")) == (romeo.jid, to, "one")
    assert await seen(plain) == []


@pytest.mark.parametrize("to", ["juliet@localhost", "juliet@localhost/garden", "juliet@localhost/balcony"])
async def test_a_message_to_oneself_comes_to_each_client_once(connect: Connect, to: str) -> None:
    clients = [await enable(await connect(f"juliet/{each}")) for each in ("balcony", "garden", "tower")]
    for client in clients:
        await seen(client)
    clients[0].write(f"<message to='{to}' type='chat'>{BODY}</message>")
    await clients[0].sync()
    reached = [len(await seen(client)) for client in clients]
    assert reached[1:] == [1, 1]
    # The sender's own copy is the one that it has addressed to itself.
    assert reached[0] == (0 if to.endswith("garden") else 1)


async def test_a_copy_has_the_id_that_the_archive_gave(connect: Connect) -> None:
    """XEP-0359: of one that was received the same as the original; of one that was sent as well."""
    balcony, garden = [await enable(await connect(f"juliet/{each}")) for each in ("balcony", "garden")]
    romeo = await appear(await connect("romeo/orchard"))
    for client in (balcony, garden, romeo):
        await seen(client)
    romeo.write(f"<message to='{balcony.jid}' type='chat'>{BODY}</message>")
    await romeo.sync()
    balcony.write(f"<message to='{romeo.jid}' type='chat'>{BODY}</message>")
    await balcony.sync()
    (original,) = await seen(balcony)
    received, sent = await seen(garden)
    ids = []
    for message in (original, unwrapped(received, "received", garden), unwrapped(sent, "sent", garden)):
        (id_,) = message.findall("{urn:xmpp:sid:0}stanza-id")
        assert id_.get("by") == "juliet@localhost"
        ids.append(id_.get("id"))
    assert ids[0] == ids[1] != ids[2]


async def test_what_is_kept_for_later_is_not_copied_to_who_will_get_it(connect: Connect) -> None:
    """A client that is not available yet finds the message with those that were kept."""
    chamber = await connect("juliet/chamber")
    assert (await ask(chamber, "enable")).get("type") == "result"
    await connect("juliet/balcony")
    romeo = await connect("romeo/orchard")
    romeo.write(f"<message to='juliet@localhost' type='chat'>{BODY}</message>")
    await romeo.nothing()
    await chamber.nothing()
    await appear(chamber)
    assert await bodies(chamber) == ["Neither, fair saint"]


async def test_what_is_refused_is_not_copied(connect: Connect) -> None:
    """Blocking (XEP-0191) comes first, both ways."""
    chamber = await appear(await connect("juliet/chamber"))
    balcony = await enable(await connect("juliet/balcony"))
    romeo = await appear(await connect("romeo/orchard"))
    await block(chamber, "romeo@localhost")
    await seen(balcony)
    romeo.write(f"<message to='{chamber.jid}' type='chat'>{BODY}</message>")
    chamber.write(f"<message to='{romeo.jid}' type='chat'>{BODY}</message>")
    await romeo.sync()
    await chamber.sync()
    assert await seen(balcony) == []


async def test_a_client_that_is_gone_gets_no_more(connect: Connect) -> None:
    chamber = await appear(await connect("juliet/chamber"))
    balcony, garden = [await enable(await connect(f"juliet/{each}")) for each in ("balcony", "garden")]
    await disappear(garden)
    garden.write("</stream:stream>")
    await garden.closed()
    await seen(balcony)
    chamber.write(f"<message to='romeo@localhost' type='chat'>{BODY}</message>")
    await chamber.sync()
    assert len(await seen(balcony)) == 1


# ---- which messages (§6)

INVITE = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@localhost'/></x>"
RULES = {
    "a chat": ("chat", BODY, True),
    "a chat of nothing": ("chat", "", True),
    "normal with a body": ("normal", BODY, True),
    "normal without one": ("normal", "<subject>s</subject>", False),
    "a headline": ("headline", BODY, False),
    "a receipt": ("normal", "<received xmlns='urn:xmpp:receipts' id='x'/>", True),
    "a request for one": ("headline", "<request xmlns='urn:xmpp:receipts'/>", True),
    "a chat state": ("normal", "<active xmlns='http://jabber.org/protocol/chatstates'/>", True),
    "a marker": ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>", True),
    "a room's message": ("groupchat", BODY, False),
    "a direct invitation": ("normal", "<x xmlns='jabber:x:conference' jid='r@c.localhost'/>", True),
    "a mediated invitation": ("normal", INVITE, True),
    "a private one": ("chat", BODY + "<private xmlns='urn:xmpp:carbons:2'/>", False),
    "one with a hint": ("chat", BODY + "<no-copy xmlns='urn:xmpp:hints'/>", False),
    "a copy": ("chat", "<received xmlns='urn:xmpp:carbons:2'/>", False),
    "a copy of what was sent": ("chat", BODY + "<sent xmlns='urn:xmpp:carbons:2'/>", False),
}


@pytest.mark.parametrize("rule", RULES)
def test_which_messages_are_copied(rule: str) -> None:
    """§6.1, §9, and no copies of copies."""
    kind, content, expected = RULES[rule]
    parsed = parse_element(f"<message xmlns='jabber:client'>{content}</message>")
    message = Message(JID.parse("a@b"), JID.parse("c@d/e"), {"type": kind}, *parsed.children)
    assert is_eligible(message) is expected


async def test_private_messages_of_rooms_are_copied_one_way(connect: Connect) -> None:
    """§6.1: those to an occupant are; those from one are not, for the room has sent them to all clients."""
    chamber, balcony = await enable(await connect("juliet/chamber")), await enable(await connect("juliet/b"))
    romeo = await appear(await connect("romeo/orchard"))
    room = "verona@conference.localhost"
    for client, nick in ((chamber, "Juliet"), (romeo, "Romeo")):
        client.write(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        await client.find(lambda e: e.tag == f"{CLIENT}message" and e.find(f"{CLIENT}subject") is not None)
        if client is chamber:
            form = "<x xmlns='jabber:x:data' type='submit'/>"
            await client.ask(
                "set", f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", room
            )
    for client in (chamber, balcony, romeo):
        await seen(client)
    chamber.write(f"<message to='{room}/Romeo' type='chat'>{BODY}</message>")
    await chamber.sync()
    (carbon,) = await seen(balcony)
    assert unwrapped(carbon, "sent", balcony).get("to") == f"{room}/Romeo"
    (heard,) = await seen(romeo)
    assert heard.get("from") == f"{room}/Juliet"
    romeo.write(f"<message to='{room}/Juliet' type='chat'>{BODY}</message>")
    await romeo.sync()
    assert len(await seen(chamber)) == 1
    assert await seen(balcony) == []


async def test_an_error_is_copied_where_what_it_answers_was(connect: Connect) -> None:
    """§6.1: to the clients that saw the message go out, and to nobody for one that was private."""
    chamber, balcony = [await enable(await connect(f"juliet/{each}")) for each in ("chamber", "balcony")]
    romeo = await connect("romeo/orchard")
    for client in (chamber, balcony):
        await seen(client)
    private = "<private xmlns='urn:xmpp:carbons:2'/>"
    for id_, extra, copies in (("open", "", ["sent", "received"]), ("shut", private, [])):
        chamber.write(f"<message to='{romeo.jid}' type='chat' id='{id_}'>{BODY}{extra}</message>")
        await romeo.next()
        error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        romeo.write(f"<message to='{chamber.jid}' type='error' id='{id_}'>{error}</message>")
        await romeo.sync()
        assert [each.get("type") for each in await seen(chamber)] == ["error"]
        carbons = await seen(balcony)
        assert [carbon[0].tag for carbon in carbons] == [CARBONS + each for each in copies]
        for carbon, kind in zip(carbons, copies, strict=True):
            unwrapped(carbon, kind, balcony)
    romeo.write(f"<message to='{chamber.jid}' type='error' id='never'>{error}</message>")
    await romeo.sync()
    assert await seen(balcony) == []
