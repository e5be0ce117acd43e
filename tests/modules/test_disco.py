"""XEP-0030: what the server and its accounts are, what they can do, and what belongs to them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from pydantic import ValidationError

from burble.discovery import Identity, Info
from burble.modules.disco import Disco
from burble.routing.events import DescribeHost, ItemsRequested, NodeInfoRequested
from burble.server import Server
from tests.client import ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.modules.contacts import subscribe

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
DATA = "{jabber:x:data}"


def query(ns: str, node: str = "") -> str:
    return f"<query xmlns='{ns}'{f' node={node!r}' if node else ''}/>"


async def ask(client: ScriptedClient, ns: str, to: str, node: str = "") -> ET.Element:
    answer = await client.ask("get", query(ns, node), to)
    assert answer.get("type") == "result", ET.tostring(answer)
    assert answer.get("from") == to
    assert answer[0].tag == f"{{{ns}}}query"
    assert answer[0].get("node") == (node or None)
    return answer[0]


def identities(info: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(each.get("category"), each.get("type")) for each in info.findall(f"{{{INFO}}}identity")]


def features(info: ET.Element) -> list[str | None]:
    return [each.get("var") for each in info.findall(f"{{{INFO}}}feature")]


def addresses(items: ET.Element) -> list[str | None]:
    return [item.get("jid") for item in items]


# ---- the server


async def test_the_server_tells_what_it_is_and_can_do(connect: Connect) -> None:
    """§3.1: an identity, and the features of the loaded modules, each once."""
    juliet = await connect("juliet")
    info = await ask(juliet, INFO, "localhost")
    assert identities(info) == [("server", "im")]
    known = features(info)
    assert {INFO, ITEMS, "urn:xmpp:ping", "vcard-temp", "jabber:iq:version"} <= set(known)
    assert len(known) == len(set(known))
    assert info.find(f"{DATA}x") is None


async def test_what_is_announced_follows_the_loaded_modules(server: Server, connect: Connect) -> None:
    """A module that is taken off is not announced any more, and is again once it is back."""
    juliet = await connect("juliet")
    assert "urn:xmpp:time" in features(await ask(juliet, INFO, "localhost"))
    time = server.hosts["localhost"].modules["time"]
    await time.unload()
    assert "urn:xmpp:time" not in features(await ask(juliet, INFO, "localhost"))
    await time.load()
    assert "urn:xmpp:time" in features(await ask(juliet, INFO, "localhost"))


async def test_the_server_tells_how_to_reach_who_runs_it(serve: Serve, connect: Connect) -> None:
    """XEP-0157 §2, in a form by XEP-0128."""
    contacts = {
        "abuse": ["mailto:abuse@shakespeare.lit", "xmpp:abuse@shakespeare.lit"],
        "status": ["https://s.lit"],
    }
    server = await serve(modules={"disco": {"contacts": contacts}})
    juliet = await connect("juliet", to=server)
    form = (await ask(juliet, INFO, "localhost")).find(f"{DATA}x")
    assert form is not None
    assert form.get("type") == "result"
    fields = {field.get("var"): field for field in form}
    assert fields["FORM_TYPE"].get("type") == "hidden"
    assert {var: [value.text for value in field] for var, field in fields.items()} == {
        "FORM_TYPE": ["http://jabber.org/network/serverinfo"],
        "abuse-addresses": contacts["abuse"],
        "status-addresses": contacts["status"],
    }


@pytest.mark.parametrize(
    "contacts",
    [{"abuse": ["abuse@shakespeare.lit"]}, {"gossip": ["mailto:g@s.lit"]}, {"abuse": ["mailto:a b@s.lit"]}],
)
def test_a_wrong_contact_is_a_mistake_in_the_settings(contacts: dict[str, list[str]]) -> None:
    """XEP-0157 §2: the values are URIs, the kinds are those of its registry."""
    with pytest.raises(ValidationError):
        Disco.Settings.model_validate({"contacts": contacts})


@pytest.mark.parametrize("ns", [INFO, ITEMS])
async def test_a_node_that_is_not_there_is_not_found(connect: Connect, ns: str) -> None:
    """§7: for the server, and for one's own account."""
    juliet = await connect("juliet")
    for to in ("localhost", "juliet@localhost"):
        assert condition(await juliet.ask("get", query(ns, "no/such"), to)) == "item-not-found"


@pytest.mark.parametrize("ns", [INFO, ITEMS])
async def test_discovery_is_only_read(connect: Connect, ns: str) -> None:
    juliet = await connect("juliet")
    assert condition(await juliet.ask("set", query(ns), "localhost")) == "not-allowed"


async def test_the_services_of_the_host_are_its_items(server: Server, connect: Connect) -> None:
    """§4.1: domains below the host's own that are served here; none of other hosts."""
    juliet = await connect("juliet")
    assert addresses(await ask(juliet, ITEMS, "localhost")) == ["conference.localhost"]
    for domain in (
        "rooms.localhost",
        "upload.localhost",
        "deep.rooms.localhost",
        "example.org",
        "notlocalhost",
    ):
        server.router.register(domain, lambda stanza: None)
    assert addresses(await ask(juliet, ITEMS, "localhost")) == [
        "conference.localhost",
        "rooms.localhost",
        "upload.localhost",
    ]


async def test_modules_add_identities_nodes_and_items(server: Server, connect: Connect) -> None:
    """§3.2, §4.2: the node of the request is mirrored."""
    host = server.hosts["localhost"]

    def describe(event: DescribeHost) -> None:
        event.account.identities.append(Identity("pubsub", "pep"))

    async def node_info(event: NodeInfoRequested) -> None:
        if event.node == "music":
            event.info = Info([Identity("pubsub", "leaf")], ["urn:example:feature"])

    async def items(event: ItemsRequested) -> None:
        if event.node == "music":
            event.add("localhost", "Tunes", "music/tunes")
        elif not event.node:
            event.add("elsewhere.example")

    host.hooks.on(DescribeHost, describe)
    host.hooks.on(NodeInfoRequested, node_info)
    host.hooks.on(ItemsRequested, items)
    juliet = await connect("juliet")
    assert identities(await ask(juliet, INFO, "juliet@localhost")) == [
        ("account", "registered"),
        ("pubsub", "pep"),
    ]
    assert identities(await ask(juliet, INFO, "localhost", "music")) == [("pubsub", "leaf")]
    assert addresses(await ask(juliet, ITEMS, "localhost")) == [
        "conference.localhost",
        "elsewhere.example",
    ]
    (item,) = await ask(juliet, ITEMS, "localhost", "music")
    assert item.attrib == {"jid": "localhost", "name": "Tunes", "node": "music/tunes"}


# ---- accounts


async def test_an_account_is_described_to_its_owner(connect: Connect) -> None:
    """§3.1: the server answers for it."""
    juliet = await connect("juliet")
    info = await ask(juliet, INFO, "juliet@localhost")
    assert identities(info) == [("account", "registered")]
    assert {INFO, ITEMS, "vcard-temp"} <= set(features(info))
    assert "urn:xmpp:time" not in features(info)


async def test_an_anonymous_account_says_so(serve: Serve, connect: Connect) -> None:
    """XEP-0030 §11.2.1: account/anonymous."""
    server = await serve(auth={"mechanisms": ["ANONYMOUS"]})
    guest = await connect(to=server)
    await guest.open()
    guest.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    await guest.next()
    await guest.open()
    await guest.bind()
    assert identities(await ask(guest, INFO, guest.bare)) == [("account", "anonymous")]


@pytest.mark.parametrize("node", ["", "any"])
async def test_a_stranger_learns_nothing_of_an_account(connect: Connect, node: str) -> None:
    """§8: the same answers as where there is no account: an error for info, an empty list for items."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    juliet.write("<presence/>")
    await juliet.sync()
    errors = []
    for to in ("juliet@localhost", "nobody@localhost"):
        answer = await romeo.ask("get", query(INFO, node), to)
        assert condition(answer) == "service-unavailable"
        errors.append(answer.findtext(".//{*}text"))
        assert addresses(await ask(romeo, ITEMS, to, node)) == []
    assert errors[0] == errors[1]


async def test_a_subscribed_contact_sees_an_account_and_its_resources(connect: Connect) -> None:
    """§3.1, §4.1, §8: available resources only; and not the other way round."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo")
    await connect("juliet/chamber")
    await subscribe(romeo, juliet)
    assert identities(await ask(romeo, INFO, "juliet@localhost")) == [("account", "registered")]
    assert addresses(await ask(romeo, ITEMS, "juliet@localhost")) == ["juliet@localhost/balcony"]
    assert condition(await juliet.ask("get", query(INFO), "romeo@localhost")) == "service-unavailable"
    assert addresses(await ask(juliet, ITEMS, "romeo@localhost")) == []
