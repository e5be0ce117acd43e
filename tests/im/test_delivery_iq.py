"""Who gets a request and its answer (RFC 6121 §8.5)."""

from __future__ import annotations

import pytest

from burble.module import Module, iq
from burble.server import Server
from burble.stanza import Iq
from burble.xml import Element
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.presences import appear

JULIET = "juliet@localhost"
WORDS = "urn:example:words"


class Public(Module):
    """Answers anybody on behalf of any account."""

    name = "public"

    @iq(WORDS, "query", to="account", owner_only=False, type="get")
    def answer(self, request: Iq) -> Element:
        """Answer."""
        return Element("query", WORDS)


def write(client: ScriptedClient, to: str, kind: str, id_: str = "i") -> None:
    payload = f"<query xmlns='{WORDS}'/>" if kind != "error" else "<error type='cancel'/>"
    client.write(f"<iq to='{to}' type='{kind}' id='{id_}'>{payload}</iq>")


async def nothing_or_refused(client: ScriptedClient, kind: str) -> None:
    if kind in ("get", "set"):
        assert condition(await client.next()) == "service-unavailable"
    await client.nothing()


@pytest.mark.parametrize("kind", ["get", "set", "result", "error"])
@pytest.mark.parametrize("to", ["nobody@localhost", "nobody@localhost/balcony"])
async def test_to_an_account_that_does_not_exist(
    server: Server, connect: Connect, to: str, kind: str
) -> None:
    """§8.5.1: a request is refused, an answer ignored."""
    romeo = await connect("romeo")
    write(romeo, to, kind)
    await nothing_or_refused(romeo, kind)


async def test_nobody_answers_for_an_account_that_does_not_exist(server: Server, connect: Connect) -> None:
    """§8.5.1: not even a module that answers for all accounts; nor does the error differ from others."""
    host = server.hosts["localhost"]
    module = Public(host, Public.Settings())
    await module.load()
    romeo = await connect("romeo")
    answer = await romeo.ask("get", f"<query xmlns='{WORDS}'/>", JULIET)
    assert answer.get("type") == "result"
    assert answer.get("from") == JULIET
    error = await romeo.ask("get", f"<query xmlns='{WORDS}'/>", "nobody@localhost")
    assert condition(error) == "service-unavailable"
    await module.unload()


@pytest.mark.parametrize("kind", ["get", "set", "result", "error"])
@pytest.mark.parametrize("there", [False, True])
async def test_to_a_bare_jid_the_server_answers(
    server: Server, connect: Connect, there: bool, kind: str
) -> None:
    """§8.5.2.1.3, §8.5.2.2.3: on the account's behalf, somebody there or not; no session sees it."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/balcony")) if there else None
    write(romeo, JULIET, kind)
    await nothing_or_refused(romeo, kind)
    if juliet is not None:
        await juliet.nothing()


@pytest.mark.parametrize("kind", ["get", "set", "result", "error"])
@pytest.mark.parametrize("available", [False, True])
async def test_to_a_resource_that_is_there(
    server: Server, connect: Connect, available: bool, kind: str
) -> None:
    """§8.5.3.1: delivered to that resource and no other, available or only connected."""
    romeo, other = await connect("romeo"), await connect("juliet/chamber")
    juliet = await connect("juliet/balcony")
    if available:
        await appear(juliet)
    romeo.write(f"<presence to='{juliet.jid}'/>")  # who may know of the resource may ask it
    juliet.write(f"<presence to='{romeo.jid}'/>")
    await juliet.next()
    await romeo.next()
    write(romeo, juliet.jid, kind)
    request = await juliet.next()
    assert (request.tag, request.get("type"), request.get("from")) == (f"{CLIENT}iq", kind, romeo.jid)
    await other.nothing()
    await romeo.nothing()


@pytest.mark.parametrize("kind", ["get", "set", "result", "error"])
async def test_to_a_resource_that_is_not_there(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.3.2.3: a request is refused, an answer ignored; no other resource gets it."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/chamber"))
    write(romeo, f"{JULIET}/balcony", kind)
    await nothing_or_refused(romeo, kind)
    await juliet.nothing()


async def test_an_answer_finds_its_way_back(server: Server, connect: Connect) -> None:
    """§8.5.3.1 both ways."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    juliet.write(f"<presence to='{romeo.jid}'/>")
    await romeo.next()
    write(romeo, juliet.jid, "get", "ask7")
    request = await juliet.next()
    juliet.write(f"<iq to='{request.get('from')}' type='result' id='{request.get('id')}'/>")
    answer = await romeo.next()
    assert (answer.get("type"), answer.get("id"), answer.get("from")) == ("result", "ask7", juliet.jid)


async def test_a_request_without_addressee_is_for_the_own_account(server: Server, connect: Connect) -> None:
    """§8.1 (RFC 6120 §10.3.3): as if to the bare JID; the answer comes from there or names no sender."""
    romeo = await connect("romeo/orchard")
    answer = await romeo.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
    assert answer.get("type") == "result"
    assert answer.get("from") in (None, "romeo@localhost")


@pytest.mark.parametrize(
    "stanza",
    [
        "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='fetch' to='localhost' id='i'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='localhost' id='i'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' to='localhost' id='i'/>",
        "<iq type='set' to='juliet@localhost' id='i'><a xmlns='x'/><b xmlns='x'/></iq>",
    ],
    ids=["no id", "unknown type", "no type", "no child", "two children"],
)
async def test_a_malformed_request_is_refused(server: Server, connect: Connect, stanza: str) -> None:
    """RFC 6120 §8.2.3."""
    romeo = await connect("romeo")
    romeo.write(stanza)
    assert condition(await romeo.next()) == "bad-request"


@pytest.mark.parametrize("kind", ["get", "set"])
@pytest.mark.parametrize(
    "ns", ["http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"]
)
async def test_a_request_does_not_tell_which_accounts_exist(
    server: Server, connect: Connect, ns: str, kind: str
) -> None:
    """§8.5.1: a stranger gets the same answer from an account and from none, also to the wrong type."""
    nurse = await connect("nurse")
    answers = [await nurse.ask(kind, f"<query xmlns='{ns}'/>", to) for to in (JULIET, "nobody@localhost")]
    kinds = [(answer.get("type"), [child.tag for child in answer.iter()]) for answer in answers]
    assert kinds[0] == kinds[1]
