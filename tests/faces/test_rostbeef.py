"""The calls of mod_rostbeef, as its documentation types them, and the commands they are made of."""

from __future__ import annotations

from typing import Any
from xmlrpc.client import Fault

import httpx
import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect
from tests.faces.test_xmlrpc import LOGIN, call

ROSTER = "{jabber:iq:roster}"
BOTH = {"jid1": "juliet@localhost", "nick1": "Juliet", "jid2": "romeo@localhost", "nick2": "Romeo"}
PAIR = {"jid1": "juliet@localhost", "jid2": "romeo@localhost"}
JULIET = {"user": "juliet", "server": "localhost"}
DEEP = "<message>" + "<a>" * 5000 + "</a>" * 5000 + "</message>"
ROW = {"jid": "romeo@localhost", "group": "", "nick": "Romeo", "subscription": "both", "pending": "none"}


@pytest.fixture
async def server(web: Server) -> Server:
    """The server that clients connect to is the one that listens for HTTP."""
    return web


async def with_roster(connect: Connect, who: str) -> ScriptedClient:
    """A client that follows its roster and is available."""
    client = await connect(who)
    await client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    client.write("<presence><show>away</show><status>at the ball</status></presence>")
    await client.next()  # its own presence
    return client


async def test_linked_contacts_are_in_both_rosters_and_see_each_other(
    server: Server, connect: Connect
) -> None:
    juliet, romeo = await with_roster(connect, "juliet/balcony"), await with_roster(connect, "romeo/orchard")
    assert await call(server, "link_contacts", LOGIN, BOTH) == 0
    for client, contact, nick, full in (
        (juliet, "romeo@localhost", "Romeo", "romeo@localhost/orchard"),
        (romeo, "juliet@localhost", "Juliet", "juliet@localhost/balcony"),
    ):
        push = await client.next()
        item = push.find(f"{ROSTER}query/{ROSTER}item")
        assert item is not None
        assert (item.get("jid"), item.get("name"), item.get("subscription")) == (contact, nick, "both")
        presence = await client.next()
        assert (presence.get("from"), presence.findtext(f"{CLIENT}show")) == (full, "away")
    assert await call(server, "get_roster", LOGIN, JULIET) == [ROW]
    assert await call(server, "link_contacts", LOGIN, BOTH) == 0, "once more changes nothing"


async def test_unlinked_contacts_are_in_neither_and_see_each_other_no_longer(
    server: Server, connect: Connect
) -> None:
    assert await call(server, "link_contacts", LOGIN, BOTH) == 0
    juliet = await with_roster(connect, "juliet/balcony")
    assert await call(server, "unlink_contacts", LOGIN, PAIR) == 0
    push = await juliet.next()
    item = push.find(f"{ROSTER}query/{ROSTER}item")
    assert item is not None
    assert item.get("subscription") == "remove"
    assert await call(server, "get_roster", LOGIN, JULIET) == []
    assert await call(server, "get_roster", LOGIN, {"user": "romeo", "server": "localhost"}) == []
    romeo = await with_roster(connect, "romeo/orchard")
    assert await call(server, "unlink_contacts", LOGIN, PAIR) == 404
    answer = await romeo.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")
    assert answer.get("type") == "result", "no presence of juliet has come before it"


async def test_arguments_in_order_as_the_page_writes_them(server: Server) -> None:
    assert await call(server, "link_contacts", LOGIN, *BOTH.values()) == 0
    assert await call(server, "get_roster", LOGIN, "juliet", "localhost") == [ROW]
    assert await call(server, "unlink_contacts", LOGIN, *PAIR.values()) == 0


async def test_presence_and_resources(server: Server, connect: Connect) -> None:
    await call(server, "link_contacts", LOGIN, BOTH)
    romeo = {"user": "romeo", "server": "localhost"}
    nobody = {"resource": "", "show": "unavailable", "status": ""}
    assert await call(server, "get_roster_with_presence", LOGIN, JULIET) == [ROW | nobody]
    assert await call(server, "get_presence", LOGIN, romeo) == {
        "jid": "romeo@localhost",
        "show": "unavailable",
        "status": "",
    }
    first, second = await connect("romeo/orchard"), await connect("romeo/street")
    first.write("<presence><show>dnd</show><status>reading</status><priority>5</priority></presence>")
    await first.next()
    assert await call(server, "get_resources", LOGIN, romeo) == ["orchard"]
    second.write("<presence/>")
    await second.next()
    assert await call(server, "get_resources", LOGIN, romeo) == ["orchard", "street"]
    presence = {"show": "dnd", "status": "reading"}
    assert await call(server, "get_presence", LOGIN, romeo) == {"jid": "romeo@localhost/orchard"} | presence
    (row,) = await call(server, "get_roster_with_presence", LOGIN, JULIET)
    assert row == ROW | {"resource": "orchard"} | presence


async def test_groups_and_requests_in_a_roster(
    server: Server, connect: Connect, admin: httpx.AsyncClient
) -> None:
    juliet = await connect("juliet/balcony")
    item = "<item jid='romeo@localhost'><group>Friends</group><group>Montague</group></item>"
    await juliet.ask("set", f"<query xmlns='jabber:iq:roster'>{item}</query>")
    juliet.write("<presence to='romeo@localhost' type='subscribe'/>")
    await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")
    row = {"jid": "romeo@localhost", "nick": "", "subscription": "none", "pending": "out"}
    assert await call(server, "get_roster", LOGIN, JULIET) == [
        row | {"group": "Friends"},
        row | {"group": "Montague"},
    ]
    answer = await admin.post("/api/get_roster", json={"user": "juliet", "host": "localhost"})
    assert answer.json() == [row | {"groups": ["Friends", "Montague"]}]
    assert await call(server, "link_contacts", LOGIN, BOTH) == 0
    rows = await call(server, "get_roster", LOGIN, JULIET)
    assert [(each["group"], each["subscription"]) for each in rows] == [
        ("Friends", "both"),
        ("Montague", "both"),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("link_contacts", BOTH | {"jid2": "nobody@localhost"}, 404),
        ("link_contacts", BOTH | {"jid2": "romeo@elsewhere.example"}, 404),
        ("link_contacts", BOTH | {"jid2": "juliet@localhost"}, 405),
        ("link_contacts", BOTH | {"jid2": "@"}, 400),
        ("link_contacts", PAIR, 400),
        ("unlink_contacts", PAIR, 404),
        ("send_stanza", {"from": "juliet@localhost", "to": "romeo@localhost", "stanza": "<message>"}, 400),
        ("send_stanza", {"from": "juliet@localhost", "to": "romeo@localhost", "stanza": "<query/>"}, 400),
        ("send_stanza", {"from": "juliet@localhost", "to": "romeo@localhost", "stanza": "<iq/>"}, 400),
        ("send_stanza", {"from": "juliet@localhost", "to": "romeo@localhost", "stanza": DEEP}, 406),
        ("send_stanza", {"from": "a@b", "to": "romeo@localhost", "stanza": "<message to='@'/>"}, 400),
    ],
)
async def test_calls_that_return_a_code(server: Server, name: str, arguments: Any, code: int) -> None:
    assert await call(server, name, LOGIN, arguments) == code
    assert await call(server, "get_roster", LOGIN, JULIET) == []


@pytest.mark.parametrize("name", ["get_roster", "get_roster_with_presence", "get_presence", "get_resources"])
async def test_the_others_answer_with_a_fault_of_that_code(server: Server, name: str) -> None:
    with pytest.raises(Fault) as caught:
        await call(server, name, LOGIN, {"user": "nobody", "server": "localhost"})
    assert caught.value.faultCode == 404


async def test_a_call_that_is_not_allowed_returns_403(server: Server) -> None:
    assert await call(server, "link_contacts", LOGIN | {"user": "juliet"}, BOTH) == 403
    assert await call(server, "get_roster", LOGIN, JULIET) == []


async def test_a_stanza_is_sent_and_its_own_addresses_count_more(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    arguments = {
        "from": "juliet@localhost/balcony",
        "to": "romeo@localhost/orchard",
        "stanza": "<message type='chat' id='m1'><body>hi &amp; hello</body></message>",
    }
    assert await call(server, "send_stanza", LOGIN, arguments) == 0
    message = await romeo.next()
    assert (message.get("from"), message.get("id")) == ("juliet@localhost/balcony", "m1")
    assert message.findtext(f"{CLIENT}body") == "hi & hello"
    arguments["stanza"] = (
        "<message from='nurse@localhost' to='juliet@localhost/balcony'><body>x</body></message>"
    )
    assert await call(server, "send_stanza", LOGIN, arguments) == 0
    assert (await juliet.next()).get("from") == "nurse@localhost"
