"""XEP-0356: what components may do with the accounts of a host."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from burble.config import Settings
from burble.jid import JID
from burble.modules.roster import RosterItem
from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.components.component import COMPONENT, SECRET, ScriptedComponent, condition_of
from tests.components.conftest import DOMAIN, LISTEN, Attach
from tests.conftest import Connect, Serve
from tests.elsewhere import Elsewhere

PRIVILEGE = "{urn:xmpp:privilege:2}"
ROSTER = "{jabber:iq:roster}"
FORWARD = "{urn:xmpp:forward:0}"
CARBONS = "{urn:xmpp:carbons:2}"
OTHER = "plays.localhost"
EVERYTHING = {
    "roster": "both",
    "message": "outgoing",
    "presence": "roster",
    "iq": {"urn:test": "both", "urn:read": "get", "jabber:iq:private": "both"},
}


def loading(entities: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The table `[modules]`."""
    return {"load": ["privilege"], "privilege": {"entities": entities}}


@pytest.fixture
def privileges() -> dict[str, Any]:
    """What gateway.localhost may do; tests override it."""
    return EVERYTHING


@pytest.fixture
async def server(serve: Serve, privileges: dict[str, Any]) -> Server:
    """A server with the accounts juliet and romeo, and two components, one of them privileged."""
    server = await serve(
        listen=LISTEN,
        components={DOMAIN: {"secret": SECRET}, OTHER: {"secret": SECRET}},
        modules=loading({DOMAIN: privileges}),
    )
    for user in ("juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


@pytest.fixture
async def component(attach: Attach) -> ScriptedComponent:
    """The privileged component, which has been told what it may do."""
    component = await attach()
    message = await component.next()
    assert message.find(f"{PRIVILEGE}privilege") is not None
    return component


async def available(connect: Connect, who: str) -> ScriptedClient:
    client = await connect(who)
    client.write("<presence/>")
    await client.next()
    return client


def iq(kind: str, to: str, payload: str, sender: str = DOMAIN) -> str:
    return f"<iq type='{kind}' id='1' from='{sender}' to='{to}'>{payload}</iq>"


def privileged(inner: str, to: str = "juliet@localhost", kind: str = "get") -> str:
    return iq(kind, to, f"<privileged_iq xmlns='urn:xmpp:privilege:2'>{inner}</privileged_iq>")


def forwarded(inner: str, to: str = "localhost", sender: str = DOMAIN) -> str:
    return (
        f"<message id='1' from='{sender}' to='{to}'><privilege xmlns='urn:xmpp:privilege:2'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></privilege></message>"
    )


async def answer(component: ScriptedComponent, id_: str = "1") -> ET.Element:
    return await component.find(lambda e: e.get("id") == id_)


# ---- what it is told (§4.2)


async def test_it_is_told_what_it_may_do(attach: Attach) -> None:
    component = await attach()

    message = await component.next()

    assert (message.get("from"), message.get("to")) == ("localhost", DOMAIN)
    perms = {perm.get("access"): perm for perm in message.iter(f"{PRIVILEGE}perm")}
    assert perms["roster"].attrib == {"access": "roster", "type": "both", "push": "true"}
    assert perms["message"].get("type") == "outgoing"
    assert perms["presence"].get("type") == "roster"
    assert perms["iq"].get("type") is None
    assert {each.get("ns"): each.get("type") for each in perms["iq"]} == EVERYTHING["iq"]


async def test_others_are_told_nothing(attach: Attach) -> None:
    other = await attach(OTHER)
    await other.sync()

    assert not other._arrived


async def test_it_hears_of_other_privileges_while_connected(
    component: ScriptedComponent, server: Server
) -> None:
    new = server.settings.model_dump() | {"modules": loading({DOMAIN: {"roster": "get"}})}
    await server.reload(Settings.model_validate(new))

    message = await component.next()

    [perm] = message.iter(f"{PRIVILEGE}perm")
    assert perm.attrib == {"access": "roster", "type": "get", "push": "true"}


async def test_presence_of_contacts_needs_their_rosters(serve: Serve) -> None:
    """§7.4: the server must reject the permission."""
    with pytest.raises(Exception, match='needs roster = "get" or "both"'):
        await serve(modules=loading({DOMAIN: {"presence": "roster", "roster": "set"}}))


# ---- rosters (§4.3)


async def test_it_gets_a_roster(component: ScriptedComponent, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='N'/></query>")
    component.write(iq("get", "juliet@localhost", "<query xmlns='jabber:iq:roster'/>"))

    result = await answer(component)

    assert (result.get("type"), result.get("from")) == ("result", "juliet@localhost")
    [item] = result.iter(f"{ROSTER}item")
    assert item.attrib == {"jid": "nurse@localhost", "name": "N", "subscription": "none"}


async def test_it_adds_a_contact_of_its_own_with_its_subscription(
    component: ScriptedComponent, connect: Connect
) -> None:
    """The contact sees the account from then on, and the account's clients get a push."""
    juliet = await available(connect, "juliet/balcony")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    items = "".join(f"<item jid='{who}@{DOMAIN}' subscription='both'><group>G</group></item>" for who in "ab")
    component.write(iq("set", "juliet@localhost", f"<query xmlns='jabber:iq:roster'>{items}</query>"))

    assert (await answer(component)).get("type") == "result"
    seen = await component.find(lambda e: e.get("to") == f"a@{DOMAIN}")
    assert (seen.tag, seen.get("from")) == (f"{COMPONENT}presence", "juliet@localhost/balcony")
    for who in "ab":
        push = await juliet.find(lambda e: e.tag == f"{CLIENT}iq")
        item = push.find(f".//{ROSTER}item")
        assert item is not None
        assert (item.get("jid"), item.get("subscription")) == (f"{who}@{DOMAIN}", "both")
        assert item.findtext(f"{ROSTER}group") == "G"
    component.write(f"<presence from='a@{DOMAIN}/x' to='juliet@localhost'/>")
    assert (await juliet.next()).get("from") == f"a@{DOMAIN}/x"


async def test_it_can_not_subscribe_an_account_to_somebody_elses_contact(
    component: ScriptedComponent, connect: Connect
) -> None:
    """It may do what the account's client may (§9), which can't say so either (RFC 6121 §2.1.2)."""
    component.write(
        iq(
            "set",
            "juliet@localhost",
            "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost' subscription='both'/></query>",
        )
    )
    await answer(component)
    juliet = await connect("juliet/balcony")

    roster = await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")

    item = roster.find(f".//{ROSTER}item")
    assert item is not None
    assert item.attrib == {"jid": "romeo@localhost", "subscription": "none"}


async def test_it_takes_a_contact_out(component: ScriptedComponent, connect: Connect) -> None:
    for item in (f"<item jid='a@{DOMAIN}'/>", f"<item jid='a@{DOMAIN}' subscription='remove'/>"):
        component.write(iq("set", "juliet@localhost", f"<query xmlns='jabber:iq:roster'>{item}</query>"))
        assert (await answer(component)).get("type") == "result"
    juliet = await connect("juliet/balcony")

    roster = await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")

    assert roster.find(f".//{ROSTER}item") is None


@pytest.mark.parametrize(
    ("to", "query", "expected"),
    [
        ("juliet@localhost", "", "bad-request"),
        ("juliet@localhost", "<item/>", "bad-request"),
        ("juliet@localhost", f"<item jid='a@{DOMAIN}' subscription='much'/>", "bad-request"),
        ("juliet@localhost", "<item jid='juliet@localhost'/>", "not-allowed"),
        ("juliet@localhost", f"<item jid='a@{DOMAIN}' subscription='remove'/>", "item-not-found"),
        ("nobody@localhost", f"<item jid='a@{DOMAIN}'/>", "item-not-found"),
    ],
)
async def test_a_wrong_roster_set_is_refused(
    component: ScriptedComponent, to: str, query: str, expected: str
) -> None:
    component.write(iq("set", to, f"<query xmlns='jabber:iq:roster'>{query}</query>"))

    assert condition_of(await answer(component)) == expected


@pytest.mark.parametrize("privileges", [{"roster": "get"}, {"roster": "set"}, {"message": "outgoing"}])
@pytest.mark.parametrize("kind", ["get", "set"])
async def test_it_may_only_what_was_granted(
    component: ScriptedComponent, privileges: dict[str, Any], kind: str
) -> None:
    item = f"<item jid='a@{DOMAIN}'/>" if kind == "set" else ""
    component.write(iq(kind, "juliet@localhost", f"<query xmlns='jabber:iq:roster'>{item}</query>"))

    result = await answer(component)

    if privileges.get("roster") == kind:
        assert result.get("type") == "result"
    else:
        assert condition_of(result) == "forbidden"


@pytest.mark.parametrize("sender", [OTHER, f"a@{OTHER}"])
async def test_others_may_nothing(attach: Attach, sender: str) -> None:
    other = await attach(OTHER)
    other.write(iq("get", "juliet@localhost", "<query xmlns='jabber:iq:roster'/>", sender))
    assert condition_of(await answer(other)) == "forbidden"
    other.write(
        forwarded(
            "<message xmlns='jabber:client' from='juliet@localhost' to='romeo@localhost'/>", sender=OTHER
        )
    )
    assert condition_of(await answer(other)) == "service-unavailable"


async def test_nor_may_its_users(component: ScriptedComponent) -> None:
    """The privileged entity is the component, not everybody with an address there."""
    component.write(iq("get", "juliet@localhost", "<query xmlns='jabber:iq:roster'/>", f"a@{DOMAIN}"))

    assert condition_of(await answer(component)) == "forbidden"


async def test_it_hears_of_changes(component: ScriptedComponent, connect: Connect) -> None:
    """§4.4: a roster push from the bare JID of the account."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost'/></query>")

    push = await component.next()

    assert (push.get("type"), push.get("from"), push.get("to")) == ("set", "juliet@localhost", DOMAIN)
    [item] = push.iter(f"{ROSTER}item")
    assert item.get("jid") == "nurse@localhost"
    component.write(f"<iq type='result' id='{push.get('id')}' from='{DOMAIN}' to='juliet@localhost'/>")
    await juliet.nothing()


@pytest.mark.parametrize("privileges", [{"roster": "both", "push": False}, {"roster": "set"}])
async def test_or_not(component: ScriptedComponent, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<query xmlns='jabber:iq:roster'><item jid='nurse@localhost'/></query>")
    await component.sync()

    assert not component._arrived


# ---- messages (§5)


async def test_it_sends_a_message_for_an_account(component: ScriptedComponent, connect: Connect) -> None:
    romeo = await available(connect, "romeo/street")
    component.write(
        forwarded(
            "<message xmlns='jabber:client' from='juliet@localhost' to='romeo@localhost' id='foo'"
            " type='chat'><body>Ay me</body></message>"
        )
    )

    message = await romeo.next()

    assert (message.get("from"), message.get("id")) == ("juliet@localhost", "foo")
    assert message.findtext(f"{CLIENT}body") == "Ay me"
    assert message.find(f"{PRIVILEGE}privilege") is None


async def test_and_for_the_host_itself(component: ScriptedComponent, connect: Connect) -> None:
    romeo = await available(connect, "romeo/street")
    component.write(
        forwarded(
            "<message xmlns='jabber:client' from='localhost' to='romeo@localhost'><body>x</body></message>"
        )
    )

    assert (await romeo.next()).get("from") == "localhost"


@pytest.mark.parametrize("resources", [["balcony"], ["balcony", "garden"]])
async def test_the_accounts_clients_get_copies(
    component: ScriptedComponent, connect: Connect, resources: list[str]
) -> None:
    """XEP-0280: what a gateway reports that was sent elsewhere shows up in all clients, even a single one."""
    clients = [await available(connect, f"juliet/{resource}") for resource in resources]
    for client in clients:
        await client.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    component.write(
        forwarded(
            f"<message xmlns='jabber:client' from='juliet@localhost' to='a@{DOMAIN}' id='foo' type='chat'>"
            "<body>Ay me</body></message>"
        )
    )

    for client in clients:
        copy = await client.find(lambda e: e.tag == f"{CLIENT}message")
        inner = copy.find(f"{CARBONS}sent/{FORWARD}forwarded/{CLIENT}message")
        assert inner is not None
        assert inner.findtext(f"{CLIENT}body") == "Ay me"
        await client.sync()
        assert not [e for e in client._arrived if e.tag == f"{CLIENT}message"]
    sent = await component.find(lambda e: e.get("id") == "foo")
    assert (sent.get("from"), sent.get("to")) == ("juliet@localhost", f"a@{DOMAIN}")


async def test_the_archive_keeps_it(component: ScriptedComponent, connect: Connect) -> None:
    component.write(
        forwarded(
            f"<message xmlns='jabber:client' from='juliet@localhost' to='a@{DOMAIN}' type='chat'>"
            "<body>Ay me</body></message>"
        )
    )
    await component.find(lambda e: e.get("to") == f"a@{DOMAIN}")
    juliet = await connect("juliet/balcony")
    juliet.write("<iq type='set' id='m'><query xmlns='urn:xmpp:mam:2'/></iq>")

    found = await juliet.next()

    assert found.findtext(f".//{CLIENT}body") == "Ay me"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<message xmlns='jabber:client' from='juliet@localhost/x' to='romeo@localhost'/>", "forbidden"),
        ("<message xmlns='jabber:client' from='a@plays.localhost' to='romeo@localhost'/>", "forbidden"),
        ("<message xmlns='jabber:client' from='nobody@localhost' to='romeo@localhost'/>", "forbidden"),
        ("<message xmlns='jabber:client' to='romeo@localhost'/>", "forbidden"),
        ("<message xmlns='jabber:client' from='juliet@localhost'/>", "bad-request"),
        ("<message xmlns='jabber:client' from='juliet@localhost' to='a@b@c'/>", "jid-malformed"),
        ("<presence xmlns='jabber:client' from='juliet@localhost' to='romeo@localhost'/>", "bad-request"),
        ("", "bad-request"),
    ],
)
async def test_a_wrong_message_is_refused(
    component: ScriptedComponent, connect: Connect, inner: str, expected: str
) -> None:
    """§5.1: the sender must be a bare JID of the server."""
    romeo = await available(connect, "romeo/street")
    component.write(forwarded(inner))

    assert condition_of(await answer(component)) == expected
    await romeo.nothing()


@pytest.mark.parametrize("privileges", [{"roster": "both"}])
async def test_messages_need_a_privilege(component: ScriptedComponent) -> None:
    component.write(
        forwarded("<message xmlns='jabber:client' from='juliet@localhost' to='romeo@localhost'/>")
    )

    assert condition_of(await answer(component)) == "forbidden"


async def test_a_client_can_not_do_it(connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write(
        "<message to='localhost' id='1'><privilege xmlns='urn:xmpp:privilege:2'>"
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@localhost'"
        " to='juliet@localhost'/></forwarded></privilege></message>"
    )

    assert condition(await juliet.next()) == "service-unavailable"


async def test_a_message_to_the_server_is_still_refused(component: ScriptedComponent) -> None:
    component.write(f"<message from='{DOMAIN}' to='localhost' id='1'><body>Hi</body></message>")

    assert condition_of(await answer(component)) == "service-unavailable"


# ---- requests (§6)


async def test_it_asks_in_the_name_of_an_account(component: ScriptedComponent, connect: Connect) -> None:
    """§6.3, with an account's own data: the answer comes back under the request's own id."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<query xmlns='jabber:iq:private'><a xmlns='urn:a'>x</a></query>")
    component.write(
        privileged(
            "<iq xmlns='jabber:client' type='get' id='inner'><query xmlns='jabber:iq:private'>"
            "<a xmlns='urn:a'/></query></iq>"
        )
    )

    result = await answer(component)

    assert (result.get("type"), result.get("from")) == ("result", "juliet@localhost")
    inner = result.find(f"{PRIVILEGE}privilege/{FORWARD}forwarded/{CLIENT}iq")
    assert inner is not None
    assert (inner.get("id"), inner.get("type")) == ("inner", "result")
    assert inner.findtext(".//{urn:a}a") == "x"


async def test_it_asks_somebody_else(component: ScriptedComponent, connect: Connect) -> None:
    romeo = await connect("romeo/street")
    component.write(
        privileged(
            "<iq xmlns='jabber:client' type='get' from='juliet@localhost' to='romeo@localhost/street'"
            " id='inner'><q xmlns='urn:test'/></iq>"
        )
    )
    asked = await romeo.next()
    assert asked.get("from") == "juliet@localhost"
    romeo.write(f"<iq type='result' id='{asked.get('id')}' to='juliet@localhost'><q xmlns='urn:test'/></iq>")

    result = await answer(component)

    inner = result.find(f"{PRIVILEGE}privilege/{FORWARD}forwarded/{CLIENT}iq")
    assert inner is not None
    assert (inner.get("id"), inner.get("from")) == ("inner", "romeo@localhost/street")
    assert (inner.get("to"), inner[0].tag) == ("juliet@localhost", "{urn:test}q")


async def test_an_error_is_told_as_one(component: ScriptedComponent) -> None:
    component.write(
        privileged(
            "<iq xmlns='jabber:client' type='get' to='romeo@localhost/gone' id='inner'>"
            "<q xmlns='urn:test'/></iq>"
        )
    )

    result = await answer(component)

    assert condition_of(result) == "service-unavailable"
    inner = result.find(f"{PRIVILEGE}privilege/{FORWARD}forwarded/{CLIENT}iq")
    assert inner is not None
    assert (inner.get("type"), inner.get("id")) == ("error", "inner")


@pytest.mark.parametrize(
    ("to", "kind", "inner"),
    [
        ("localhost", "get", "<iq xmlns='jabber:client' type='get' id='i'><q xmlns='urn:test'/></iq>"),
        (
            "juliet@localhost/balcony",
            "get",
            "<iq xmlns='jabber:client' type='get' id='i'><q xmlns='urn:test'/></iq>",
        ),
        ("nobody@localhost", "get", "<iq xmlns='jabber:client' type='get' id='i'><q xmlns='urn:test'/></iq>"),
        ("juliet@localhost", "get", "<iq xmlns='jabber:client' type='get' id='i'><q xmlns='urn:else'/></iq>"),
        ("juliet@localhost", "set", "<iq xmlns='jabber:client' type='set' id='i'><q xmlns='urn:read'/></iq>"),
        ("juliet@localhost", "get", "<iq xmlns='jabber:server' type='get' id='i'><q xmlns='urn:test'/></iq>"),
        ("juliet@localhost", "set", "<iq xmlns='jabber:client' type='get' id='i'><q xmlns='urn:test'/></iq>"),
        (
            "juliet@localhost",
            "get",
            "<iq xmlns='jabber:client' type='get' id='i' from='romeo@localhost'><q xmlns='urn:test'/></iq>",
        ),
        (
            "juliet@localhost",
            "get",
            "<iq xmlns='jabber:client' type='get' id='i' from='juliet@localhost/x'>"
            "<q xmlns='urn:test'/></iq>",
        ),
        ("juliet@localhost", "get", "<iq xmlns='jabber:client' type='get' id='i'/>"),
        ("juliet@localhost", "get", ""),
    ],
)
async def test_a_request_that_breaks_a_rule_is_refused(
    component: ScriptedComponent, connect: Connect, to: str, kind: str, inner: str
) -> None:
    """§6.3: each is forbidden."""
    juliet = await connect("juliet/balcony")
    component.write(privileged(inner, to, kind))

    assert condition_of(await answer(component)) == "forbidden"
    await juliet.nothing()


async def test_others_may_not_ask_for_accounts(attach: Attach) -> None:
    other = await attach(OTHER)
    other.write(
        iq(
            "get",
            "juliet@localhost",
            "<privileged_iq xmlns='urn:xmpp:privilege:2'><iq xmlns='jabber:client' type='get' id='i'>"
            "<q xmlns='urn:test'/></iq></privileged_iq>",
            OTHER,
        )
    )

    assert condition_of(await answer(other)) == "forbidden"


# ---- presence (§7)


async def test_it_sees_accounts_come_and_go(component: ScriptedComponent, connect: Connect) -> None:
    """§7.1: only the first presence, and the last."""
    juliet = await connect("juliet/balcony")
    juliet.write("<presence><show>chat</show></presence>")
    came = await component.next()
    juliet.write("<presence><show>away</show></presence>")
    juliet.write("<presence type='unavailable'/>")
    left = await component.next()

    assert (came.get("from"), came.get("to")) == ("juliet@localhost/balcony", DOMAIN)
    assert came.findtext(f"{COMPONENT}show") == "chat"
    assert (left.get("type"), left.get("from")) == ("unavailable", "juliet@localhost/balcony")


async def test_it_sees_a_client_vanish(component: ScriptedComponent, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert (await component.next()).get("type") is None

    await juliet.close()

    assert (await component.next()).get("type") == "unavailable"


async def test_when_it_connects_it_sees_who_is_there(attach: Attach, connect: Connect) -> None:
    """§8, rule 1."""
    juliet = await connect("juliet/balcony")
    juliet.write("<presence><show>dnd</show></presence>")
    await juliet.next()
    component = await attach()
    await component.next()

    seen = await component.next()

    assert (seen.get("from"), seen.findtext(f"{COMPONENT}show")) == ("juliet@localhost/balcony", "dnd")


@pytest.mark.parametrize("privileges", [{"roster": "both"}])
async def test_without_the_privilege_it_sees_nobody(component: ScriptedComponent, connect: Connect) -> None:
    await available(connect, "juliet/balcony")
    await component.sync()

    assert not component._arrived


async def test_it_sees_contacts_elsewhere_once(
    component: ScriptedComponent, attach: Attach, server: Server
) -> None:
    """§7.4; §8, rule 2: each once, however many accounts see it. And who connects later sees it as well."""
    elsewhere = Elsewhere(server)
    rosters = server.hosts["localhost"].modules["roster"]
    for user in ("juliet", "romeo"):
        await rosters.put_contact(user, RosterItem(JID.parse("nurse@far.test"), subscription="to"))
        assert (await component.next()).get("type") == "set"
    for to in ("juliet", "romeo"):
        await elsewhere.says(
            f"<presence from='nurse@far.test/x' to='{to}@localhost'><show>away</show></presence>"
        )
    await elsewhere.says("<presence from='stranger@far.test/x' to='juliet@localhost'/>")

    came = await component.next()

    assert (came.get("from"), came.get("to")) == ("nurse@far.test/x", DOMAIN)
    assert came.findtext(f"{COMPONENT}show") == "away"
    component.write("</stream:stream>")
    assert not await component.closed()
    again = await attach()
    assert (await again.next()).find(f"{PRIVILEGE}privilege") is not None
    assert (await again.next()).get("from") == "nurse@far.test/x"
    for to in ("juliet", "romeo"):
        await elsewhere.says(f"<presence type='unavailable' from='nurse@far.test/x' to='{to}@localhost'/>")
    assert (await again.next()).get("type") == "unavailable"
    await again.sync()
    assert not again._arrived


@pytest.mark.parametrize("privileges", [{"roster": "both", "presence": "managed_entity"}])
async def test_or_not_at_all(component: ScriptedComponent, server: Server) -> None:
    elsewhere = Elsewhere(server)
    rosters = server.hosts["localhost"].modules["roster"]
    await rosters.put_contact("juliet", RosterItem(JID.parse("nurse@far.test"), subscription="to"))
    await component.next()

    await elsewhere.says("<presence from='nurse@far.test/x' to='juliet@localhost'/>")

    await component.sync()
    assert not component._arrived
