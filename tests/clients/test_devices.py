"""slixmpp with several devices: copies, a phone that sleeps and is woken, what waits, who is kept away."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from typing import Any

import pytest
import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0016.stanza import Item
from slixmpp.plugins.xep_0048.stanza import Bookmarks

from tests.clients.conftest import Meet
from tests.clients.server import BurbleProcess
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PATIENCE

pytestmark = pytest.mark.clients


def device(user: Any, *plugins: str) -> slixmpp.ClientXMPP:
    """slixmpp itself, with plugins."""
    client: slixmpp.ClientXMPP = user.client
    for plugin in plugins:
        client.register_plugin(plugin)
    return client


def heard(client: slixmpp.ClientXMPP, event: str) -> asyncio.Queue[Any]:
    """What an event of slixmpp tells from now on."""
    queue: asyncio.Queue[Any] = asyncio.Queue()
    client.add_event_handler(event, queue.put_nowait)
    return queue


async def next_of(queue: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await queue.get()


async def sync(client: slixmpp.ClientXMPP) -> None:
    """Wait until the server has handled all that a client sent."""
    await client.plugin["xep_0199"].send_ping("localhost", timeout=PATIENCE)


@pytest.fixture
async def second(burble: BurbleProcess) -> Any:
    """Logs users in once more, on another device."""
    users: list[SlixmppUser] = []

    async def log_in(user: SlixmppUser) -> SlixmppUser:
        other = SlixmppUser(user.name, burble)
        users.append(other)
        await other.log_in()
        return other

    yield log_in
    for user in users:
        await user.close()


async def test_both_sides_of_a_conversation_on_all_devices(meet: Meet, second: Any) -> None:
    """XEP-0280."""
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    phone = await second(juliet)
    client = device(phone, "xep_0280")
    await client.plugin["xep_0280"].enable(timeout=PATIENCE)
    received, sent = heard(client, "carbon_received"), heard(client, "carbon_sent")

    device(romeo).send_message(mto=juliet.client.boundjid, mbody="Hark!", mtype="chat")
    copy = (await next_of(received))["carbon_received"]
    assert (copy["body"], copy["to"]) == ("Hark!", juliet.client.boundjid)

    device(juliet).send_message(mto=romeo.jid, mbody="Ay me!", mtype="chat")
    copy = (await next_of(sent))["carbon_sent"]
    assert (copy["body"], copy["from"]) == ("Ay me!", juliet.client.boundjid)


async def test_an_inactive_phone_is_left_in_peace(meet: Meet) -> None:
    """XEP-0352."""
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    phone, other = device(juliet, "xep_0352", "xep_0199"), device(romeo, "xep_0199")
    presences, messages = heard(phone, "presence"), heard(phone, "message")
    phone.plugin["xep_0352"].enabled = True  # it was announced before the plugin was there
    phone.plugin["xep_0352"].send_inactive()
    await sync(phone)
    for status in ("one", "two"):
        other.send_presence(pto=phone.boundjid, pstatus=status)
    await sync(other)
    assert presences.empty()
    other.send_message(mto=phone.boundjid, mbody="Wake up!", mtype="chat")
    assert (await next_of(messages))["body"] == "Wake up!"
    assert (await next_of(presences))["status"] == "two"
    other.send_presence(pto=phone.boundjid, pstatus="three")
    await sync(other)
    phone.plugin["xep_0352"].send_active()
    assert (await next_of(presences))["status"] == "three"


async def test_a_phone_is_woken_through_a_push_service(meet: Meet) -> None:
    """XEP-0357: here the service is a client, which the server sends its notifications to."""
    juliet, romeo, service = [await meet("slixmpp", name) for name in ("juliet", "romeo", "service")]
    published: asyncio.Queue[ET.Element] = asyncio.Queue()

    def publish(iq: slixmpp.Iq) -> None:
        published.put_nowait(iq.xml)
        iq.reply().send()

    device(service, "xep_0060").register_handler(
        slixmpp.xmlstream.handler.Callback(
            "push", slixmpp.xmlstream.matcher.StanzaPath("iq@type=set/pubsub/publish"), publish
        )
    )
    iq = juliet.client.make_iq_set()
    iq.xml.append(
        ET.Element("{urn:xmpp:push:0}enable", jid=str(service.client.boundjid), node="yxs32uqsflafdk3iuqo")
    )
    await iq.send(timeout=PATIENCE)
    await juliet.log_out()
    device(romeo).send_message(mto=juliet.jid, mbody="Hark!", mtype="chat")
    told = await next_of(published)
    assert told.get("from") == "localhost"
    (node,) = told.iter("{http://jabber.org/protocol/pubsub}publish")
    assert node.get("node") == "yxs32uqsflafdk3iuqo"
    form = {field.get("var"): "".join(field.itertext()) for field in told.iter("{jabber:x:data}field")}
    assert form == {"FORM_TYPE": "urn:xmpp:push:summary", "message-count": "1"}
    await juliet.log_in()
    assert (await juliet.receive(romeo.jid)).body == "Hark!"


async def test_looking_through_what_was_kept(meet: Meet) -> None:
    """XEP-0013."""
    juliet: Any = await meet("slixmpp", "juliet", log_in=False)
    romeo = await meet("slixmpp", "romeo")
    for body in ("one", "two", "three"):
        await romeo.send(juliet.jid, body)
    client = juliet._client = juliet._make()
    device(juliet, "xep_0013")
    await juliet._run(client)
    offline = client.plugin["xep_0013"]
    async with asyncio.timeout(PATIENCE):
        counted = (await offline.get_count())["disco_info"]["form"].get_values()
        assert counted["number_of_messages"] == "3"
        headers = (await offline.get_headers())["disco_items"]["items"]
        assert [name for _, _, name in headers] == [str(romeo.client.boundjid)] * 3
        nodes = sorted(node for _, node, _ in headers)
        answers: asyncio.Queue[Any] = asyncio.Queue()  # without a callback slixmpp fails
        offline.view(nodes[1:2], callback=answers.put_nowait)
        shown = (await answers.get())["offline"]["results"]
        assert [message["body"] for message in shown] == ["two"]
        await offline.remove(nodes[:1])
        offline.fetch(callback=answers.put_nowait)
        fetched = (await answers.get())["offline"]["results"]
        assert [message["body"] for message in fetched] == ["two", "three"]
        await offline.purge()
        assert not (await offline.get_headers())["disco_items"]["items"]


async def test_keeping_people_away(meet: Meet) -> None:
    """XEP-0191 and XEP-0016, which say the same, and XEP-0377."""
    juliet, romeo = await meet("slixmpp", "juliet"), await meet("slixmpp", "romeo")
    client = device(juliet, "xep_0191", "xep_0016", "xep_0377")
    blocking, privacy = client.plugin["xep_0191"], client.plugin["xep_0016"]
    async with asyncio.timeout(PATIENCE):
        await client.plugin["xep_0377"].report(slixmpp.JID(romeo.jid), "spam")
        assert await blocking.get_blocked_jids() == {slixmpp.JID(romeo.jid)}
        lists = await privacy.get_privacy_lists()
        assert lists["privacy"]["default"]["name"] == "blocked"
        rules = (await privacy.get_list("blocked"))["privacy"]["list"]["items"]
        assert [(rule["action"], rule["value"]) for rule in rules] == [("deny", romeo.jid)]

        rule = Item()
        rule["type"], rule["value"], rule["action"], rule["order"] = "jid", romeo.jid, "allow", "1"
        await privacy.edit_list("open", [rule])
        await privacy.activate("open")
        await romeo.send(juliet.jid, "Let me in")
        assert (await juliet.receive(romeo.jid)).body == "Let me in"

        await privacy.deactivate()
        refused = heard(romeo.client, "message_error")
        romeo.client.send_message(mto=juliet.jid, mbody="Let me in", mtype="chat")
        assert (await next_of(refused))["error"]["condition"] == "service-unavailable"
        with pytest.raises(IqError):
            await privacy.activate("another")
        await blocking.unblock(slixmpp.JID(romeo.jid))
        assert await blocking.get_blocked_jids() == set()


async def test_bookmarks_in_private_xml(meet: Meet, second: Any) -> None:
    """XEP-0048 §3.1 by XEP-0049: another device finds them."""
    juliet = await meet("slixmpp", "juliet")
    bookmarks = Bookmarks()
    bookmarks.add_conference("verona@conference.localhost", "Juliet", name="Verona", autojoin=True)
    await (
        device(juliet, "xep_0048")
        .plugin["xep_0048"]
        .set_bookmarks(bookmarks, method="xep_0049", timeout=PATIENCE)
    )
    phone = device(await second(juliet), "xep_0048")
    found = await phone.plugin["xep_0048"].get_bookmarks(method="xep_0049", timeout=PATIENCE)
    (room,) = found["private"]["bookmarks"]["conferences"]
    assert (room["jid"], room["nick"], room["name"]) == ("verona@conference.localhost", "Juliet", "Verona")
    assert room["autojoin"]
