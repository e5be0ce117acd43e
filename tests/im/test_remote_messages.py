"""Messages between accounts here and users of other servers: RFC 6121 §5 and §8.5, and what modules do."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.elsewhere import Elsewhere
from tests.im.scripts import appear, read_away
from tests.modules.archives import field, search, stanza_id
from tests.modules.test_archive_tombstones import until_buried

JULIET = "juliet@localhost"
ROMEO = "romeo@montague.example"
ORCHARD = f"{ROMEO}/orchard"

RECEIVED = "{urn:xmpp:carbons:2}received"
SENT = "{urn:xmpp:carbons:2}sent"
MESSAGE = f"{{urn:xmpp:forward:0}}forwarded/{CLIENT}message"


@pytest.fixture
def elsewhere(server: Server) -> Elsewhere:
    """Where romeo lives."""
    return Elsewhere(server)


def message(text: str, to: str = JULIET, kind: str = "chat", by: str = ORCHARD, more: str = "") -> str:
    """A message of somebody elsewhere."""
    return f"<message type='{kind}' id='m1' from='{by}' to='{to}'><body>{text}</body>{more}</message>"


async def heard(client: ScriptedClient) -> list[str | None]:
    """The bodies of the messages that have come."""
    await client.sync()
    found = [each.findtext(f"{CLIENT}body") for each in client._arrived if each.tag == f"{CLIENT}message"]
    client._arrived.clear()
    return found


# ---- delivering (§8.5)


async def test_a_chat(elsewhere: Elsewhere, connect: Connect) -> None:
    """§5: what each says reaches the other as it was said."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    await elsewhere.says(
        f"<message type='chat' id='m1' from='{ORCHARD}' to='{JULIET}' xml:lang='en'>"
        "<body>Neither, fair saint &amp; maid</body><thread>t1</thread><x xmlns='urn:example'/></message>"
    )
    said = await juliet.next()
    assert (said.get("from"), said.get("to"), said.get("id")) == (ORCHARD, JULIET, "m1")
    assert said.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert said.findtext(f"{CLIENT}body") == "Neither, fair saint & maid"
    assert said.findtext(f"{CLIENT}thread") == "t1"
    assert said.find("{urn:example}x") is not None
    juliet.write(
        f"<message type='chat' id='m2' to='{ORCHARD}'><body>How cam'st thou hither?</body></message>"
    )
    answer = await elsewhere.next()
    assert (answer.get("from"), answer.get("to"), answer.get("id")) == (juliet.jid, ORCHARD, "m2")
    assert answer.findtext(f"{CLIENT}body") == "How cam'st thou hither?"


@pytest.mark.parametrize(
    ("kind", "to", "expected"),
    [
        ("chat", "nobody@localhost", "service-unavailable"),
        ("normal", "nobody@localhost", "service-unavailable"),
        ("chat", "nobody@localhost/x", "service-unavailable"),
        ("normal", f"{JULIET}/no", "service-unavailable"),
        ("groupchat", JULIET, "service-unavailable"),
        ("groupchat", f"{JULIET}/no", "service-unavailable"),
        ("headline", "nobody@localhost", None),
        ("headline", f"{JULIET}/no", None),
        ("error", "nobody@localhost", None),
        ("error", f"{JULIET}/no", None),
        ("chat", "localhost", "service-unavailable"),
        ("error", "localhost", None),
    ],
)
async def test_messages_that_nobody_takes(
    elsewhere: Elsewhere, connect: Connect, kind: str, to: str, expected: str | None
) -> None:
    """§8.5.1 to §8.5.3: refused with an error from the address they were for, or ignored."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    await elsewhere.says(message("hear me", to, kind))
    answers = elsewhere.heard()
    if expected is None:
        assert answers == []
    else:
        (answer,) = answers
        assert (answer.get("from"), answer.get("to"), answer.get("id")) == (to, ORCHARD, "m1")
        assert (answer.get("type"), condition(answer)) == ("error", expected)
    await juliet.nothing()


async def test_a_message_for_later(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0160: what comes while nobody is there is delivered as it came, with the time of that."""
    await elsewhere.says(message("one"), message("two", kind="normal"))
    assert elsewhere.heard() == []
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    first = await juliet.find(lambda e: e.tag == f"{CLIENT}message")
    assert (first.get("from"), first.get("to")) == (ORCHARD, JULIET)
    assert first.findtext(f"{CLIENT}body") == "one"
    assert first.find("{urn:xmpp:delay}delay") is not None
    assert await heard(juliet) == ["two"]


async def test_a_full_mailbox(serve: Serve) -> None:
    """XEP-0160 §2: what finds no room is refused, and its sender hears of it, wherever it is."""
    server = await serve(limits={"offline_messages": 1}, modules={"archive": {"default": "never"}})
    await server.hosts["localhost"].register("juliet", "secret")
    elsewhere = Elsewhere(server)
    await elsewhere.says(message("one"), message("two"))
    assert condition(await elsewhere.next()) == "service-unavailable"
    assert elsewhere.heard() == []


@pytest.mark.parametrize("reason", ["remote-server-not-found", "remote-server-timeout"])
async def test_a_message_that_does_not_arrive(elsewhere: Elsewhere, connect: Connect, reason: str) -> None:
    """RFC 6120 §10.4: its sender, and no other resource, learns that by its id."""
    elsewhere.unreachable = {"montague.example": reason}
    juliet, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await appear(chamber)
    juliet.write(f"<message type='chat' id='m2' to='{ROMEO}'><body>hear me</body></message>")
    error = await juliet.next()
    assert (error.get("from"), error.get("to"), error.get("id")) == (ROMEO, juliet.jid, "m2")
    assert condition(error) == reason
    await juliet.close()
    await chamber.nothing()


async def test_an_error_is_never_answered(elsewhere: Elsewhere, connect: Connect) -> None:
    """RFC 6120 §8.3.1: not where it can't be delivered, nor where it can't be sent."""
    elsewhere.unreachable = {"montague.example": "remote-server-timeout"}
    juliet = await connect("juliet/balcony")
    await elsewhere.says(message("no", to="nobody@localhost"))
    assert len(elsewhere.refused) == 1  # the error that said so
    juliet.write(f"<message type='error' to='{ROMEO}'/><presence type='error' to='{ROMEO}'/>")
    await juliet.nothing()
    assert len(elsewhere.refused) == 3


# ---- carbons (XEP-0280)


async def carbons(client: ScriptedClient) -> None:
    """Become available and ask for copies."""
    await appear(client)
    await client.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    await read_away(client)


async def copies(client: ScriptedClient, wrapper: str) -> list[tuple[str | None, str | None, str | None]]:
    """Of what has come, the copies of one kind: from whom, to whom, what."""
    await client.sync()
    found = [each.find(f"{wrapper}/{MESSAGE}") for each in client._arrived]
    client._arrived.clear()
    return [(e.get("from"), e.get("to"), e.findtext(f"{CLIENT}body")) for e in found if e is not None]


async def test_copies_of_a_chat_with_somebody_elsewhere(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0280 §7, §8: both directions."""
    juliet, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await carbons(juliet)
    await carbons(chamber)
    await elsewhere.says(message("hear me", to=juliet.jid))
    assert await copies(chamber, RECEIVED) == [(ORCHARD, juliet.jid, "hear me")]
    juliet.write(f"<message type='chat' to='{ORCHARD}'><body>I hear</body></message>")
    await juliet.sync()
    assert await copies(chamber, SENT) == [(juliet.jid, ORCHARD, "I hear")]
    assert len(elsewhere.heard()) == 1
    await elsewhere.says(f"<message type='error' id='m9' from='{ORCHARD}' to='{juliet.jid}'/>")
    assert await copies(chamber, RECEIVED) == []


async def test_a_namesake_is_not_a_client_of_the_account(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0280 §7: no copy goes to the client that sent the message; one goes to its namesake."""
    juliet, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await carbons(juliet)
    await carbons(chamber)
    await elsewhere.says(message("hear me", to=chamber.jid, by="juliet@montague.example/balcony"))
    assert await copies(juliet, RECEIVED) == [("juliet@montague.example/balcony", chamber.jid, "hear me")]


async def test_nobody_elsewhere_makes_copies(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0280 §12: what claims to be a copy is handed on as what it is, and not copied; its sender is told
    by the address, which clients have to check."""
    juliet, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await carbons(juliet)
    await carbons(chamber)
    forged = (
        "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
        f"<message xmlns='jabber:client' from='nurse@localhost' to='{JULIET}'><body>x</body></message>"
        "</forwarded></received>"
    )
    await read_away(juliet)
    await elsewhere.says(message("see", to=juliet.jid, more=forged))
    assert (await juliet.next()).get("from") == ORCHARD
    await chamber.nothing()


# ---- archives (XEP-0313)


async def test_what_is_said_across_servers_is_archived_here(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0313 §3.4, XEP-0359: under an id that nobody but this server can give in the account's name."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    forged = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{JULIET}' id='666'/>"
    theirs = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROMEO}' id='romeos'/>"
    await elsewhere.says(message("one", more=forged + theirs))
    told = await juliet.next()
    juliet.write(f"<message type='chat' to='{ROMEO}'><body>two</body></message>")
    sent = await elsewhere.next()
    assert sent.find("{urn:xmpp:sid:0}stanza-id") is None  # nobody elsewhere needs it
    found = await search(juliet, field("with", ROMEO))
    assert found.bodies == ["one", "two"]
    assert found.ids[0] == stanza_id(told, JULIET) != "666"
    assert stanza_id(told, ROMEO) == "romeos"
    assert (found.results[1].message.get("from"), found.results[1].message.get("to")) == (juliet.jid, ROMEO)
    assert (await search(juliet, field("with", "romeo@localhost"))).bodies == []


async def test_somebody_elsewhere_takes_back_only_its_own(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0424 §3, §5: a tombstone takes the place of what its author takes back, and of nothing else."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    await elsewhere.says(message("one").replace("m1", "m0"), message("two"))
    for number, by in enumerate(["tybalt@capulet.example/hall", "romeo@localhost/orchard", ORCHARD]):
        retract = f"<retract xmlns='urn:xmpp:message-retract:1' id='m{number // 2}'/>"
        await elsewhere.says(f"<message type='chat' from='{by}' to='{JULIET}' id='r'>{retract}</message>")
    answer = await until_buried(juliet)
    assert [each.body for each in answer.results[:2]] == ["one", None]


async def test_a_message_that_is_archived_is_not_refused(serve: Serve, connect: Connect) -> None:
    """XEP-0313 §3: an account that finds it in its archive has got it, though its mailbox is full."""
    server = await serve(limits={"offline_messages": 0})
    await server.hosts["localhost"].register("tybalt", "secret")
    elsewhere = Elsewhere(server)
    await elsewhere.says(message("one", to="tybalt@localhost"))
    assert elsewhere.heard() == []
    tybalt = await connect("tybalt/hall", to=server)
    assert (await search(tybalt)).bodies == ["one"]


# ---- blocking (XEP-0191) and privacy lists (XEP-0016)


@pytest.mark.parametrize("entry", [ROMEO, ORCHARD, "montague.example"])
async def test_who_is_blocked_finds_nobody(elsewhere: Elsewhere, connect: Connect, entry: str) -> None:
    """XEP-0191 §3.3: whatever comes, as if the account were offline; and nothing goes there."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    await juliet.ask("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{entry}'/></block>")
    await elsewhere.says(
        f"<presence from='{ORCHARD}' to='{JULIET}'/>",
        f"<presence type='subscribe' from='{ORCHARD}' to='{JULIET}'/>",
        f"<presence type='probe' from='{ORCHARD}' to='{JULIET}'/>",
        f"<iq type='result' id='x' from='{ORCHARD}' to='{juliet.jid}'/>",
        f"<message type='error' from='{ORCHARD}' to='{juliet.jid}'/>",
        f"<message type='headline' from='{ORCHARD}' to='{JULIET}'><body>news</body></message>",
    )
    assert elsewhere.heard() == []
    await elsewhere.says(
        message("hear me"),
        f"<iq type='get' id='x' from='{ORCHARD}' to='{juliet.jid}'><q xmlns='urn:x'/></iq>",
    )
    assert [condition(each) for each in elsewhere.heard()] == ["service-unavailable"] * 2
    await juliet.nothing()
    juliet.write(f"<message type='chat' to='{ORCHARD}'><body>I hear</body></message>")
    error = await juliet.next()
    assert condition(error) == "not-acceptable"
    assert error.find(".//{urn:xmpp:blocking:errors}blocked") is not None
    assert elsewhere.heard() == []


async def test_a_blocked_contact_sees_the_account_go_and_come(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0191 §3.3, §3.4; and what the contact did meanwhile is asked for, since all it said was dropped."""
    juliet = await connect("juliet/balcony")
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await juliet.sync()
    await elsewhere.says(
        f"<presence type='subscribed' from='{ROMEO}' to='{JULIET}'/>",
        f"<presence type='subscribe' from='{ROMEO}' to='{JULIET}'/>",
    )
    juliet.write(f"<presence to='{ROMEO}' type='subscribed'/>")
    await appear(juliet, "<show>dnd</show>")
    elsewhere.heard()

    async def told() -> list[tuple[str | None, ...]]:
        await juliet.sync()
        return [(e.get("from"), e.get("type"), e.get("to")) for e in elsewhere.heard()]

    await juliet.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='montague.example'/></block>")
    assert await told() == [(juliet.jid, "unavailable", ROMEO)]
    juliet.write("<presence><show>away</show></presence>")
    assert await told() == []
    await juliet.ask("set", "<unblock xmlns='urn:xmpp:blocking'><item jid='montague.example'/></unblock>")
    assert await told() == [(juliet.jid, None, ROMEO), (juliet.jid, "probe", ROMEO)]


async def test_a_room_elsewhere_that_is_blocked_sees_its_occupant_go(
    elsewhere: Elsewhere, connect: Connect
) -> None:
    """XEP-0191 §3.3: who was sent directed presence may see it, and would not be told of the end later."""
    juliet = await connect("juliet/balcony")
    room = "orchard@rooms.example/juliet"
    juliet.write(f"<presence to='{room}'/>")
    await juliet.sync()
    elsewhere.heard()
    await juliet.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='rooms.example'/></block>")
    gone = await elsewhere.next()
    assert (gone.get("from"), gone.get("type"), gone.get("to")) == (juliet.jid, "unavailable", room)
    await juliet.ask("set", "<unblock xmlns='urn:xmpp:blocking'><item jid='rooms.example'/></unblock>")
    juliet.write("<presence/><presence type='unavailable'/>")
    await juliet.sync()
    assert elsewhere.heard() == []


async def test_a_privacy_list_denies_a_domain(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0016 §2.13: as blocking does, for what the list says."""
    juliet = await connect("juliet/balcony")
    await appear(juliet)
    rule = "<item type='jid' value='montague.example' action='deny' order='1'><message/></item>"
    for content in (f"<list name='home'>{rule}</list>", "<active name='home'/>"):
        answer = await juliet.ask("set", f"<query xmlns='jabber:iq:privacy'>{content}</query>")
        assert answer.get("type") == "result", ET.tostring(answer)
    await read_away(juliet)
    await elsewhere.says(message("hear me"), f"<presence from='{ORCHARD}' to='{JULIET}'/>")
    assert condition(await elsewhere.next()) == "service-unavailable"
    assert (await juliet.next()).get("from") == ORCHARD
    await juliet.nothing()
