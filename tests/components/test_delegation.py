"""XEP-0355: what components answer in the place of the server."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from burble.config import Settings
from burble.modules.delegation.settings import ANY_INFO, ANY_ITEMS
from burble.routing.events import ModulesChanged
from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.components.component import COMPONENT, SECRET, ScriptedComponent
from tests.components.conftest import DOMAIN, LISTEN, Attach
from tests.conftest import Connect, Serve

DELEGATION = "{urn:xmpp:delegation:2}"
FORWARD = "{urn:xmpp:forward:0}"
INFO = "{http://jabber.org/protocol/disco#info}"
ITEMS = "{http://jabber.org/protocol/disco#items}"
OTHER = "plays.localhost"
NAMESPACES: dict[str, list[str]] = {"urn:test": [], "urn:xmpp:ping": [], "jabber:iq:private": ["node"]}


def loading(namespaces: dict[str, list[str]], **more: Any) -> dict[str, Any]:
    """The table `[modules]`."""
    delegation = {"entities": {DOMAIN: {"namespaces": namespaces}}, **more}
    return {"load": ["delegation"], "delegation": delegation}


@pytest.fixture
def namespaces() -> dict[str, list[str]]:
    """What gateway.localhost answers; tests override it."""
    return NAMESPACES


@pytest.fixture
async def server(serve: Serve, namespaces: dict[str, list[str]]) -> Server:
    """A server with the accounts juliet and romeo, and two components, one of which answers requests."""
    server = await serve(
        listen=LISTEN,
        components={DOMAIN: {"secret": SECRET}, OTHER: {"secret": SECRET}},
        modules=loading(namespaces, timeout=5.0, at_once=3),
    )
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


async def introduced(component: ScriptedComponent, info: str = "") -> list[str]:
    """Read what a component is told, and answer what it can do; returns the nodes that were asked for."""
    assert (await component.next()).find(f"{DELEGATION}delegation") is not None
    nodes: list[str] = []
    for _ in range(2 * len(NAMESPACES)):
        request = await component.next()
        query = request.find(f"{INFO}query")
        assert query is not None
        nodes.append(query.get("node", ""))
        told = info if query.get("node", "").endswith(":urn:test") else ""
        component.write(
            f"<iq type='result' id='{request.get('id')}' from='{DOMAIN}' to='localhost'>"
            f"<query xmlns='{INFO[1:-1]}' node='{query.get('node')}'>{told}</query></iq>"
        )
    return nodes


@pytest.fixture
async def component(attach: Attach) -> ScriptedComponent:
    """The managing entity, introduced."""
    component = await attach()
    await introduced(component)
    return component


async def delegated(component: ScriptedComponent) -> tuple[str, ET.Element]:
    """The next request that is handed on: the id of its wrapper, and itself."""
    wrapper = await component.find(lambda e: e.find(f"{DELEGATION}delegation") is not None)
    assert (wrapper.get("type"), wrapper.get("from"), wrapper.get("to")) == ("set", "localhost", DOMAIN)
    inner = wrapper.find(f"{DELEGATION}delegation/{FORWARD}forwarded/{CLIENT}iq")
    assert inner is not None
    return wrapper.get("id", ""), inner


def wrapped(id_: str, inner: str) -> str:
    return (
        f"<iq type='result' id='{id_}' from='{DOMAIN}' to='localhost'>"
        "<delegation xmlns='urn:xmpp:delegation:2'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></delegation></iq>"
    )


def ask(client: ScriptedClient, payload: str, to: str | None = None, id_: str = "r") -> None:
    target = f" to='{to}'" if to else ""
    client.write(f"<iq type='get' id='{id_}'{target}>{payload}</iq>")


# ---- what it is told (§4.2)


async def test_it_is_told_what_it_answers(attach: Attach) -> None:
    component = await attach()

    message = await component.next()

    assert (message.get("from"), message.get("to")) == ("localhost", DOMAIN)
    told = {
        each.get("namespace"): [a.get("name") for a in each]
        for each in message.iter(f"{DELEGATION}delegated")
    }
    assert told == NAMESPACES


async def test_its_own_namespace_can_not_be_delegated(serve: Serve) -> None:
    """§7, rule 5."""
    with pytest.raises(Exception, match="can't be delegated"):
        await serve(modules=loading({"urn:xmpp:delegation:2": []}))


async def test_nor_can_one_be_delegated_to_two(serve: Serve) -> None:
    entities = {name: {"namespaces": {"urn:test": []}} for name in (DOMAIN, OTHER)}
    with pytest.raises(Exception, match="urn:test is delegated to two"):
        await serve(modules={"load": ["delegation"], "delegation": {"entities": entities}})


# ---- requests (§4.3)


@pytest.mark.parametrize("to", [None, "juliet@localhost", "romeo@localhost", "localhost"])
async def test_a_request_is_handed_on_and_answered(
    component: ScriptedComponent, connect: Connect, to: str | None
) -> None:
    """It is transparent for who asks."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'>x</q>", to)
    id_, request = await delegated(component)
    assert (request.get("from"), request.get("id")) == ("juliet@localhost/balcony", "r")
    assert request.get("to") == (to or "juliet@localhost")
    assert request.findtext("{urn:test}q") == "x"
    component.write(
        wrapped(
            id_,
            "<iq xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony'>"
            "<a xmlns='urn:a'/></iq>",
        )
    )

    answer = await juliet.next()

    assert (answer.get("type"), answer.get("id")) == ("result", "r")
    assert answer.get("from") == (to or "juliet@localhost")
    assert answer.find("{urn:a}a") is not None


async def test_what_the_server_would_answer_itself_is_handed_on_too(
    component: ScriptedComponent, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    ask(juliet, "<ping xmlns='urn:xmpp:ping'/>", "localhost")
    id_, _ = await delegated(component)
    component.write(
        wrapped(
            id_,
            "<iq xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony' from='localhost'/>",
        )
    )

    assert (await juliet.next()).get("type") == "result"


async def test_requests_to_a_client_are_not(component: ScriptedComponent, connect: Connect) -> None:
    """Only those to bare JIDs are."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/street")
    ask(juliet, "<q xmlns='urn:test'/>", "romeo@localhost/street")

    assert (await romeo.next()).find("{urn:test}q") is not None


async def test_others_do_not_wait_for_it(component: ScriptedComponent, connect: Connect) -> None:
    """§8, note 3: traffic is not blocked."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")
    ask(juliet, "<query xmlns='jabber:iq:version'/>", "localhost", "v")

    assert (await juliet.next()).get("id") == "v"


async def test_it_is_only_asked_where_the_attribute_is_there(
    component: ScriptedComponent, connect: Connect
) -> None:
    """N.B. 3: without it the server does as it always does."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/></query>")
    assert (await juliet.next()).find(".//{urn:a}a") is not None

    ask(juliet, "<query xmlns='jabber:iq:private' node='x'><a xmlns='urn:a'/></query>")

    _, request = await delegated(component)
    assert request[0].get("node") == "x"


async def test_its_own_requests_are_not_handed_on(component: ScriptedComponent) -> None:
    """§4.3.1."""
    component.write(
        f"<iq type='get' id='p' from='{DOMAIN}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    )

    answer = await component.next()

    assert (answer.tag, answer.get("id"), answer.get("type")) == (f"{COMPONENT}iq", "p", "result")


async def test_it_does_not_learn_of_accounts_that_are_not_there(
    component: ScriptedComponent, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>", "nobody@localhost")

    assert condition(await juliet.next()) == "service-unavailable"


async def test_where_it_is_not_connected_the_request_fails(connect: Connect) -> None:
    """N.B. 1."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")

    answer = await juliet.next()

    assert condition(answer) == "service-unavailable"
    assert answer.get("from") == "juliet@localhost"


async def test_where_it_answers_with_an_error_the_request_fails(
    component: ScriptedComponent, connect: Connect
) -> None:
    """N.B. 2."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")
    id_, _ = await delegated(component)
    component.write(
        f"<iq type='error' id='{id_}' from='{DOMAIN}' to='localhost'><error type='auth'>"
        "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )

    assert condition(await juliet.next()) == "service-unavailable"


async def test_an_error_for_the_asker_gets_there(component: ScriptedComponent, connect: Connect) -> None:
    """As the result would: so that clients know why."""
    juliet = await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")
    id_, _ = await delegated(component)
    component.write(
        wrapped(
            id_,
            "<iq xmlns='jabber:client' type='error' id='r' to='juliet@localhost/balcony'>"
            "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        )
    )

    assert condition(await juliet.next()) == "item-not-found"


@pytest.mark.parametrize(
    "inner",
    [
        "<iq xmlns='jabber:client' type='result' id='other' to='juliet@localhost/balcony'/>",
        "<iq xmlns='jabber:client' type='result' id='r' to='romeo@localhost/street'/>",
        "<iq xmlns='jabber:client' type='result' id='r' to='a@b@c'/>",
        "<iq xmlns='jabber:client' type='result' id='r'/>",
        "<iq xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony' from='b@localhost'/>",
        "<iq xmlns='jabber:client' type='set' id='r' to='juliet@localhost/balcony'/>",
        "<message xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony'/>",
        "",
    ],
)
async def test_a_wrong_answer_is_none(component: ScriptedComponent, connect: Connect, inner: str) -> None:
    """§4.3: whoever asked gets service-unavailable, and nobody else gets anything."""
    romeo, juliet = await connect("romeo/street"), await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")
    id_, _ = await delegated(component)
    component.write(wrapped(id_, inner))

    assert condition(await juliet.next()) == "service-unavailable"
    ask(romeo, "<query xmlns='jabber:iq:version'/>", "localhost", "v")
    assert (await romeo.next()).get("id") == "v"


async def test_somebody_else_can_not_answer(
    component: ScriptedComponent, attach: Attach, connect: Connect
) -> None:
    other, juliet = await attach(OTHER), await connect("juliet/balcony")
    ask(juliet, "<q xmlns='urn:test'/>")
    id_, _ = await delegated(component)
    good = "<iq xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony'>{}</iq>"
    other.write(
        wrapped(id_, good.format("<bad xmlns='urn:a'/>")).replace(f"from='{DOMAIN}'", f"from='{OTHER}'")
    )
    other.write("<iq type='get' id='v' to='localhost'><query xmlns='jabber:iq:version'/></iq>")
    assert (await other.next()).get("id") == "v"
    component.write(wrapped(id_, good.format("<good xmlns='urn:a'/>")))

    assert (await juliet.next())[0].tag == "{urn:a}good"


async def test_there_is_a_bound_to_what_it_has_to_answer(
    component: ScriptedComponent, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    for number in range(4):
        ask(juliet, "<q xmlns='urn:test'/>", id_=str(number))

    answer = await juliet.next()

    assert (answer.get("id"), condition(answer)) == ("3", "resource-constraint")


async def test_who_takes_too_long_has_not_answered(serve: Serve, attach: Attach) -> None:
    server = await serve(
        listen=LISTEN,
        components={DOMAIN: {"secret": SECRET}},
        modules=loading({"urn:test": []}, timeout=0.05),
    )
    await server.hosts["localhost"].register("tybalt", "secret")
    await attach(to=server)
    tybalt = await ScriptedClient(int(server.listening["c2s"][0].rpartition(":")[2])).connect()
    await tybalt.login("tybalt")
    ask(tybalt, "<q xmlns='urn:test'/>")

    assert condition(await tybalt.next()) == "service-unavailable"
    await tybalt.close()


async def test_settings_change_while_connected(
    component: ScriptedComponent, server: Server, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    new = server.settings.model_dump() | {"modules": loading({"urn:other": []})}
    await server.reload(Settings.model_validate(new))
    message = await component.next()
    assert [each.get("namespace") for each in message.iter(f"{DELEGATION}delegated")] == ["urn:other"]

    ask(juliet, "<q xmlns='urn:test'/>")
    assert condition(await juliet.next()) == "service-unavailable"
    assert (await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
    ask(juliet, "<q xmlns='urn:other'/>")

    _, request = await delegated(component)
    assert request.find("{urn:other}q") is not None


async def test_without_the_module_the_server_answers_again(
    component: ScriptedComponent, server: Server, connect: Connect
) -> None:
    juliet = await connect("juliet/balcony")
    await server.reload(Settings.model_validate(server.settings.model_dump() | {"modules": {}}))

    assert (await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"


# ---- service discovery (§6)


async def features(client: ScriptedClient, to: str) -> tuple[set[str], set[str]]:
    answer = await client.ask("get", f"<query xmlns='{INFO[1:-1]}'/>", to)
    return (
        {each.get("var", "") for each in answer.iter(f"{INFO}feature")},
        {each.get("type", "") for each in answer.iter(f"{INFO}identity")},
    )


async def test_what_it_can_do_is_told_as_the_servers_own(
    attach: Attach, connect: Connect, server: Server
) -> None:
    """§6.1, §6.2: and the server's own features of the namespace are not."""
    juliet = await connect("juliet/balcony")
    before, _ = await features(juliet, "localhost")
    assert "urn:xmpp:delegation:2" in before
    assert "urn:xmpp:ping" not in before
    component = await attach()
    changed = asyncio.Event()
    server.hosts["localhost"].hooks.on(ModulesChanged, lambda _: changed.set())
    nodes = await introduced(
        component,
        "<identity category='pubsub' type='pep'/><feature var='urn:test'/><feature var='urn:test#x'/>",
    )
    await changed.wait()

    assert nodes == [
        f"urn:xmpp:delegation:2:{kind}:{namespace}" for namespace in NAMESPACES for kind in ("", "bare")
    ]
    for to in ("localhost", "juliet@localhost"):
        told, identities = await features(juliet, to)
        assert {"urn:test", "urn:test#x"} <= told
        assert "pep" in identities
    changed.clear()
    component.write("</stream:stream>")
    await component.closed()
    await changed.wait()
    told, identities = await features(juliet, "localhost")
    assert "urn:test" not in told
    assert "pep" not in identities


@pytest.mark.parametrize("namespaces", [{ANY_INFO: [], ANY_ITEMS: []}])
async def test_it_tells_of_the_items_and_nodes_of_accounts(
    attach: Attach, connect: Connect, namespaces: dict[str, list[str]]
) -> None:
    """§6.2.4, §6.2.5."""
    component, juliet = await attach(), await connect("juliet/balcony")
    assert (await component.next()).find(f"{DELEGATION}delegation") is not None
    for ns, payload in (
        (INFO, "<identity category='pubsub' type='leaf'/><feature var='urn:x'/>"),
        (ITEMS, "<item jid='juliet@localhost' name='one'/>"),
    ):
        ask(juliet, f"<query xmlns='{ns[1:-1]}' node='urn:blog'/>", "juliet@localhost")
        id_, request = await delegated(component)
        assert request[0].get("node") == "urn:blog"
        component.write(
            wrapped(
                id_,
                "<iq xmlns='jabber:client' type='result' id='r' to='juliet@localhost/balcony'>"
                f"<query xmlns='{ns[1:-1]}' node='urn:blog'>{payload}</query></iq>",
            )
        )

        answer = await juliet.next()

        query = answer.find(f"{ns}query")
        assert query is not None
        assert query.get("node") == "urn:blog"
        assert len(query) == payload.count("/>")
    ask(juliet, f"<query xmlns='{ITEMS[1:-1]}'/>", "juliet@localhost")
    id_, _ = await delegated(component)
    component.write(
        wrapped(
            id_,
            "<iq xmlns='jabber:client' type='error' id='r' to='juliet@localhost/balcony'><error type='auth'>"
            "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        )
    )
    assert condition(await juliet.next()) == "forbidden"


@pytest.mark.parametrize("namespaces", [{ANY_INFO: [], ANY_ITEMS: []}])
async def test_but_not_of_the_servers(
    attach: Attach, connect: Connect, namespaces: dict[str, list[str]]
) -> None:
    """Those are about bare JIDs of accounts only."""
    await attach()
    juliet = await connect("juliet/balcony")
    for ns in (INFO, ITEMS):
        answer = await juliet.ask("get", f"<query xmlns='{ns[1:-1]}' node='urn:blog'/>", "localhost")
        assert condition(answer) == "item-not-found"
