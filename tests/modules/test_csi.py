"""Client state indication (XEP-0352): what an inactive client is spared, and what it gets in which order."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.modules.csi import is_inactive
from burble.routing.session import Session
from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.presences import appear

INACTIVE = "<inactive xmlns='urn:xmpp:csi:0'/>"
ACTIVE = "<active xmlns='urn:xmpp:csi:0'/>"
TYPING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
BODY = "<body>wake up</body>"


async def pair(connect: Connect) -> tuple[ScriptedClient, ScriptedClient]:
    """Juliet, who is inactive, and Romeo, who may tell her anything; all that came before is read."""
    juliet, romeo = await appear(await connect("juliet/phone")), await appear(await connect("romeo/orchard"))
    juliet.write(INACTIVE)
    await juliet.nothing()
    return juliet, romeo


async def tell(sender: ScriptedClient, to: str, content: str, kind: str = "chat") -> None:
    sender.write(f"<message to='{to}' type='{kind}'>{content}</message>")
    await sender.sync()


async def show(sender: ScriptedClient, to: str, status: str) -> None:
    """Direct presence at somebody; "gone" is unavailable."""
    kind = " type='unavailable'" if status == "gone" else ""
    sender.write(f"<presence to='{to}'{kind}><status>{status}</status></presence>")
    await sender.sync()


async def arrived(client: ScriptedClient) -> list[str]:
    """What has come without asking: the texts of statuses and bodies, names of what else there is."""
    found = []
    while True:
        try:
            element = await client.next(timeout=0.02)
        except TimeoutError:
            return found
        text = element.findtext(f"{CLIENT}status") or element.findtext(f"{CLIENT}body")
        found.append(text or (element[0].tag.rpartition("}")[2] if len(element) else element.tag))


def session(server: Server, jid: str) -> Session:
    return next(each for each in server.hosts["localhost"].sessions if each.jid == jid)


async def test_it_is_announced_after_the_login(connect: Connect) -> None:
    """§4.1."""
    client = await connect()
    assert (await client.open()).find("{urn:xmpp:csi:0}csi") is None
    await client.authenticate("juliet", "secret")
    assert (await client.open()).find("{urn:xmpp:csi:0}csi") is not None


async def test_presence_waits_and_only_the_newest_counts(connect: Connect) -> None:
    """§3.2; each full JID for itself."""
    juliet, romeo = await pair(connect)
    other = await connect("romeo/tomb")
    for sender, status in ((romeo, "one"), (other, "two"), (other, "gone"), (romeo, "three")):
        await show(sender, juliet.jid, status)
    assert await arrived(juliet) == []
    juliet.write(ACTIVE)
    assert await arrived(juliet) == ["gone", "three"]


async def test_what_matters_comes_at_once_and_after_what_waits(connect: Connect) -> None:
    """RFC 6120 §10.1: nothing overtakes what was sent before it."""
    juliet, romeo = await pair(connect)
    await show(romeo, juliet.jid, "one")
    await tell(romeo, juliet.jid, BODY)
    assert await arrived(juliet) == ["one", "wake up"]
    await show(romeo, juliet.jid, "two")
    assert await arrived(juliet) == []


async def test_all_that_waits_is_there_before_the_next_answer(connect: Connect) -> None:
    """§5.1: the client says that it is active, and asks something."""
    juliet, romeo = await pair(connect)
    await show(romeo, juliet.jid, "one")
    ping = "<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    juliet.write(ACTIVE + ping)
    assert [(await juliet.next()).tag for _ in range(2)] == [f"{CLIENT}presence", f"{CLIENT}iq"]
    await show(romeo, juliet.jid, "two")
    assert await arrived(juliet) == ["two"]


async def test_typing_is_not_told(connect: Connect) -> None:
    """§3.2: chat states alone are left out for good, in copies as well (XEP-0280)."""
    juliet, romeo = await pair(connect)
    await juliet.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    desk = await appear(await connect("juliet/desk"))
    for to in (juliet.jid, desk.jid):
        await tell(romeo, to, TYPING)
    await tell(desk, "romeo@localhost", TYPING)
    await tell(romeo, juliet.jid, TYPING + BODY)
    juliet.write(ACTIVE)
    heard = await arrived(juliet)
    assert "composing" not in heard
    assert "received" not in heard
    assert "sent" not in heard
    assert heard.count("wake up") == 1


RECEIPT = "<received xmlns='urn:xmpp:receipts' id='x'/><store xmlns='urn:xmpp:hints'/>"
DISPLAYED = "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"


@pytest.mark.parametrize("signal", [RECEIPT, DISPLAYED])
async def test_receipts_and_markers_wait(connect: Connect, signal: str) -> None:
    juliet, romeo = await pair(connect)
    await tell(romeo, juliet.jid, signal)
    assert await arrived(juliet) == []
    await tell(romeo, juliet.jid, BODY)
    assert await arrived(juliet) == ["received" if signal is RECEIPT else "displayed", "wake up"]


MARKABLE = "<markable xmlns='urn:xmpp:chat-markers:0'/>"
OMEMO = "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"
INVITATION = "<x xmlns='jabber:x:conference' jid='r@c.localhost'/>"


@pytest.mark.parametrize("content", [BODY, BODY + MARKABLE, OMEMO, INVITATION, "<subject>s</subject>"])
@pytest.mark.parametrize("kind", ["chat", "normal", "headline"])
async def test_what_people_say_does_not_wait(connect: Connect, content: str, kind: str) -> None:
    juliet, romeo = await pair(connect)
    await tell(romeo, juliet.jid, content, kind)
    assert len(await arrived(juliet)) == 1


async def test_subscription_requests_do_not_wait(connect: Connect) -> None:
    juliet, romeo = await pair(connect)
    romeo.write("<presence to='juliet@localhost' type='subscribe'/>")
    await romeo.sync()
    found = await juliet.find(lambda e: e.tag == f"{CLIENT}presence")
    assert found.get("type") == "subscribe"


def event(text: str, item: str = "current", node: str = "urn:xmpp:mood") -> str:
    return (
        "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
        f"<items node='{node}'><item id='{item}'>{text}</item></items></event>"
    )


async def test_personal_events_wait_and_only_the_newest_of_an_item_counts(connect: Connect) -> None:
    """XEP-0163 by XEP-0352 §3.2."""
    juliet, romeo = await pair(connect)
    for content in (event("happy"), event("sad"), event("rock", node="urn:tune"), event("x", "second")):
        await tell(romeo, juliet.jid, content, "headline")
    assert await arrived(juliet) == []
    juliet.write(ACTIVE)
    texts = ["".join((await juliet.next()).itertext()) for _ in range(3)]
    assert texts == ["sad", "rock", "x"]
    await juliet.nothing()


async def test_copies_of_what_others_send_wait(connect: Connect) -> None:
    """The user is at another client then."""
    juliet, _ = await pair(connect)
    await juliet.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    desk = await appear(await connect("juliet/desk"))
    await arrived(juliet)
    await tell(desk, "romeo@localhost", BODY)
    assert await arrived(juliet) == []
    juliet.write(ACTIVE)
    assert (await arrived(juliet)).count("sent") == 1


async def test_a_room_is_entered_and_left_while_inactive(connect: Connect) -> None:
    """XEP-0045 §7.2: occupants, then oneself, then the subject; §8.2: who is kicked hears of it at once."""
    juliet, romeo = await pair(connect)
    room = "verona@conference.localhost"
    enter = "<x xmlns='http://jabber.org/protocol/muc'/>"
    romeo.write(f"<presence to='{room}/Romeo'>{enter}</presence>")
    await romeo.find(lambda e: e.find(f"{CLIENT}subject") is not None)
    form = "<x xmlns='jabber:x:data' type='submit'/>"
    await romeo.ask("set", f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", room)
    juliet.write(f"<presence to='{room}/Juliet'>{enter}</presence>")
    came = [await juliet.next() for _ in range(3)]
    assert [each.get("from") for each in came] == [f"{room}/Romeo", f"{room}/Juliet", room]
    kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='Juliet' role='none'/></query>"
    assert (await romeo.ask("set", kick, room)).get("type") == "result"
    gone = await juliet.next()
    assert (gone.get("type"), gone.get("from")) == ("unavailable", f"{room}/Juliet")


@pytest.mark.parametrize("limits", [{"held_stanzas": 3}, {"held_bytes": 600}])
async def test_not_too_much_waits(server: Server, connect: Connect, limits: dict[str, int]) -> None:
    """The limits held_stanzas and held_bytes: everything is sent, in order."""
    csi = server.hosts["localhost"].modules["csi"]
    await csi.configure(csi.Settings(**limits))
    juliet, _ = await pair(connect)
    heard: list[str] = []
    for number in range(9):
        await show(await connect(f"romeo/{number}"), juliet.jid, str(number))
        heard += await arrived(juliet)
    assert heard[:4] == ["0", "1", "2", "3"]
    assert 4 <= len(heard) < 9
    juliet.write(ACTIVE)
    assert heard + await arrived(juliet) == [str(number) for number in range(9)]


async def test_saying_it_twice_loses_nothing(connect: Connect) -> None:
    juliet, romeo = await pair(connect)
    await show(romeo, juliet.jid, "one")
    juliet.write(INACTIVE)
    await show(romeo, juliet.jid, "one again")
    juliet.write(ACTIVE + ACTIVE)
    assert await arrived(juliet) == ["one again"]


async def test_an_active_client_is_not_asked_about(server: Server, connect: Connect) -> None:
    """Nothing stands between the server and a client that is active."""
    juliet, _ = await pair(connect)
    assert is_inactive(session(server, juliet.jid))
    assert session(server, juliet.jid)._outlet is not None
    juliet.write(ACTIVE)
    await juliet.sync()
    assert not is_inactive(session(server, juliet.jid))
    assert session(server, juliet.jid)._outlet is None


async def test_unloading_the_module_sends_what_waits(server: Server, connect: Connect) -> None:
    juliet, romeo = await pair(connect)
    await show(romeo, juliet.jid, "one")
    await server.hosts["localhost"].modules["csi"].unload()
    assert await arrived(juliet) == ["one"]


async def test_what_else_a_client_may_say(connect: Connect) -> None:
    """Nothing before a resource is bound, and nothing but the two states."""
    stranger, juliet = await connect(), await connect("juliet")
    await stranger.open()
    stranger.write(INACTIVE)
    assert condition(await stranger.next()) == "not-authorized"
    juliet.write("<asleep xmlns='urn:xmpp:csi:0'/>")
    error: ET.Element = await juliet.next()
    assert condition(error) == "unsupported-stanza-type"
