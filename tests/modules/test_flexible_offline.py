"""Flexible offline retrieval (XEP-0013): looking through what was kept, in any order, at any time."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.modules.letters import bodies, kept, write
from tests.presences import appear

OFFLINE = "{http://jabber.org/protocol/offline}"
ITEMS = "{http://jabber.org/protocol/disco#items}"
NODE = "node='http://jabber.org/protocol/offline'"
FETCH, PURGE = "<fetch/>", "<purge/>"


def disco(kind: str) -> str:
    return f"<query xmlns='http://jabber.org/protocol/disco#{kind}' {NODE}/>"


def request(content: str) -> str:
    return f"<offline xmlns='http://jabber.org/protocol/offline'>{content}</offline>"


def items(action: str, *nodes: str) -> str:
    return "".join(f"<item action='{action}' node='{node}'/>" for node in nodes)


async def letters(connect: Connect, number: int = 3) -> ScriptedClient:
    """Let Romeo write so many messages to Juliet, who is not there; she comes, but is not available."""
    romeo = await connect("romeo/orchard")
    for each in range(number):
        write(romeo, f"letter {each}")
    await romeo.nothing()
    return await connect("juliet/desk")


async def headers(client: ScriptedClient) -> list[tuple[str, str]]:
    """Who wrote each message, and its node."""
    answer = await client.ask("get", disco("items"))
    assert answer.get("type") == "result"
    assert {item.get("jid") for item in answer[0]} <= {client.bare}
    return [(item.get("name", ""), item.get("node", "")) for item in answer[0].iter(f"{ITEMS}item")]


async def taken(client: ScriptedClient) -> list[tuple[str | None, str | None]]:
    """The body and the node of each message that has come."""
    await client.sync()
    found = [each for each in client._arrived if each.tag == f"{CLIENT}message"]
    client._arrived.clear()
    assert all(each.find("{urn:xmpp:delay}delay") is not None for each in found)
    nodes = [item.get("node") for each in found for item in each.iterfind(f"{OFFLINE}offline/{OFFLINE}item")]
    return list(zip([each.findtext(f"{CLIENT}body") for each in found], nodes, strict=True))


async def count(client: ScriptedClient) -> str | None:
    answer = await client.ask("get", disco("info"))
    identity = answer[0].find("{http://jabber.org/protocol/disco#info}identity")
    assert identity is not None
    assert (identity.get("category"), identity.get("type")) == ("automation", "message-list")
    values = {field.get("var"): "".join(field.itertext()) for field in answer.iter("{jabber:x:data}field")}
    assert values["FORM_TYPE"] == "http://jabber.org/protocol/offline"
    return values["number_of_messages"]


async def test_the_server_says_that_it_can(connect: Connect) -> None:
    """§2.1."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert 'var="http://jabber.org/protocol/offline"' in ET.tostring(info, encoding="unicode")


async def test_messages_are_counted_and_listed(connect: Connect) -> None:
    """§2.2, §2.3: who wrote them, in order."""
    juliet = await letters(connect)
    assert await count(juliet) == "3"
    found = await headers(juliet)
    assert [sender for sender, _ in found] == ["romeo@localhost/orchard"] * 3
    nodes = [node for _, node in found]
    assert nodes == sorted(set(nodes))


async def test_there_may_be_none(connect: Connect) -> None:
    """§2.3: an empty list then."""
    juliet = await letters(connect, 0)
    assert (await count(juliet), await headers(juliet)) == ("0", [])


@pytest.mark.parametrize("first", ["info", "items", "fetch"])
async def test_who_looks_through_them_is_not_flooded(connect: Connect, first: str) -> None:
    """§2.2, §2.6: neither this session, while it lives, nor another; what comes now comes now."""
    juliet = await letters(connect)
    await juliet.ask("get", request(FETCH) if first == "fetch" else disco(first))
    await taken(juliet)
    other = await connect("juliet/phone")
    for client in (juliet, other):
        await appear(client)
        assert await bodies(client) == []
    romeo = await connect("romeo/tomb")
    write(romeo, "now", juliet.jid)
    await romeo.sync()
    assert await bodies(juliet) == ["now"]
    for client in (juliet, other):
        client.write("</stream:stream>")
        await client.closed()
    third = await appear(await connect("juliet/third"))
    assert await bodies(third) == ["letter 0", "letter 1", "letter 2"]


async def test_messages_are_viewed_and_stay(connect: Connect) -> None:
    """§2.4: those that were asked for, each with its node."""
    juliet = await letters(connect)
    nodes = [node for _, node in await headers(juliet)]
    for _ in range(2):
        answer = await juliet.ask("get", request(items("view", nodes[2], nodes[0])))
        assert (answer.get("type"), len(answer)) == ("result", 0)
        assert await taken(juliet) == [("letter 0", nodes[0]), ("letter 2", nodes[2])]
    assert await count(juliet) == "3"


async def test_messages_are_removed(server: Server, connect: Connect) -> None:
    """§2.5."""
    juliet = await letters(connect)
    nodes = [node for _, node in await headers(juliet)]
    assert (await juliet.ask("set", request(items("remove", nodes[1])))).get("type") == "result"
    assert [node for _, node in await headers(juliet)] == [nodes[0], nodes[2]]
    assert (await count(juliet), kept(server)) == ("2", 2)


async def test_all_are_fetched_and_purged(server: Server, connect: Connect) -> None:
    """§2.6, §2.7: fetching removes nothing."""
    number = 90  # more than are read at once
    juliet = await letters(connect, number)
    assert len(await headers(juliet)) == number
    assert (await juliet.ask("get", request(FETCH))).get("type") == "result"
    assert [body for body, _ in await taken(juliet)] == [f"letter {each}" for each in range(number)]
    assert await count(juliet) == str(number)
    assert (await juliet.ask("set", request(PURGE))).get("type") == "result"
    assert (await count(juliet), await headers(juliet), kept(server)) == ("0", [], 0)


@pytest.mark.parametrize(("kind", "action"), [("get", "view"), ("set", "remove")])
async def test_what_is_not_there(connect: Connect, kind: str, action: str) -> None:
    """§2.4, §2.5: item-not-found, and nothing is sent or removed."""
    juliet = await letters(connect)
    node = (await headers(juliet))[0][1]
    for wrong in ("9999999999999999", "2003-02-27T22:49:17.008Z", ""):
        answer = await juliet.ask(kind, request(items(action, node, wrong)))
        assert condition(answer) == "item-not-found"
    for content in ("", items("remove" if action == "view" else "view", node)):
        assert condition(await juliet.ask(kind, request(content))) == "bad-request"
    assert (await taken(juliet), await count(juliet)) == ([], "3")


async def test_nobody_looks_through_the_messages_of_others(connect: Connect) -> None:
    """§2.3 to §2.7: forbidden, whether there is such an account or not."""
    juliet, romeo = await letters(connect), await connect("romeo/spy")
    node = (await headers(juliet))[0][1]
    asks = [("get", disco("items")), ("get", request(items("view", node))), ("get", request(FETCH))]
    asks += [("set", request(items("remove", node))), ("set", request(PURGE))]
    for kind, payload in asks:
        for to in ("juliet@localhost", "nobody@localhost"):
            assert condition(await romeo.ask(kind, payload, to)) == "forbidden", payload
    assert condition(await romeo.ask("get", disco("info"), "juliet@localhost")) == "service-unavailable"
    assert await count(juliet) == "3"
    await romeo.nothing()
