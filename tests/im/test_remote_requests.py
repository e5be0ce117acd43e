"""What users of other servers may ask of accounts and of the server (RFC 6121 §8.5, RFC 6120 §10)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, condition
from tests.conftest import Connect, Serve
from tests.elsewhere import Elsewhere
from tests.im.scripts import appear, get, query

JULIET = "juliet@localhost"
ROMEO = "romeo@montague.example/orchard"

DISCO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
LAST = "jabber:iq:last"
MAM = "urn:xmpp:mam:2"
VERSION = "jabber:iq:version"


@pytest.fixture
def elsewhere(server: Server) -> Elsewhere:
    """Where romeo lives."""
    return Elsewhere(server)


# ---- namesakes


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("get", query()),
        ("set", query("<item jid='tybalt@capulet.example'/>")),
        ("set", f"<query xmlns='{MAM}'/>"),
        ("get", f"<metadata xmlns='{MAM}'/>"),
        ("get", f"<prefs xmlns='{MAM}'/>"),
        ("set", f"<prefs xmlns='{MAM}' default='never'/>"),
        ("get", "<offline xmlns='http://jabber.org/protocol/offline'><fetch/></offline>"),
        ("set", "<block xmlns='urn:xmpp:blocking'><item jid='nurse@localhost'/></block>"),
        ("set", "<enable xmlns='urn:xmpp:carbons:2'/>"),
        ("get", "<query xmlns='jabber:iq:privacy'/>"),
        ("get", "<query xmlns='jabber:iq:register'/>"),
        ("get", "<query xmlns='jabber:iq:private'><a xmlns='urn:example'/></query>"),
    ],
)
async def test_a_namesake_elsewhere_is_not_the_owner(
    elsewhere: Elsewhere, connect: Connect, kind: str, payload: str
) -> None:
    """§2.1.5, §2.3.3: who has the same localpart and resource on another server is somebody else."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost' name='Nurse'/>"))
    answer = await elsewhere.ask(kind, payload, JULIET, "juliet@montague.example/balcony")
    assert answer.get("type") == "error", ET.tostring(answer)
    assert answer[0].tag == f"{CLIENT}error"
    assert len(await get(juliet)) == 1
    await juliet.nothing()


# ---- to the server (RFC 6120 §10.5.1)


async def test_the_server_answers_pings(elsewhere: Elsewhere) -> None:
    """XEP-0199 §4.3: one server may ping another, and a user any."""
    for by in ("montague.example", ROMEO):
        answer = await elsewhere.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost", by)
        assert answer.get("type") == "result"


async def test_the_server_tells_its_software_and_how_long_it_is_up(elsewhere: Elsewhere) -> None:
    """XEP-0092 §2, XEP-0012 §5, XEP-0202 §2."""
    answer = await elsewhere.ask("get", f"<query xmlns='{VERSION}'/>", "localhost", ROMEO)
    assert answer.findtext(f".//{{{VERSION}}}name") == "Burble"
    answer = await elsewhere.ask("get", f"<query xmlns='{LAST}'/>", "localhost", ROMEO)
    last = answer.find(f"{{{LAST}}}query")
    assert last is not None
    assert 0 <= int(last.get("seconds", "-1")) < 60
    answer = await elsewhere.ask("get", "<time xmlns='urn:xmpp:time'/>", "localhost", ROMEO)
    assert answer.findtext(".//{urn:xmpp:time}utc")


@pytest.mark.parametrize(
    ("domain", "category", "type_"),
    [("localhost", "server", "im"), ("conference.localhost", "conference", "text")],
)
async def test_the_server_tells_whom_to_turn_to(serve: Serve, domain: str, category: str, type_: str) -> None:
    """XEP-0157 §2: among what it says of itself are the addresses of those who run it, to whoever asks; and
    its chat service says so as well."""
    addresses = ["mailto:abuse@localhost", "xmpp:nurse@localhost"]
    elsewhere = Elsewhere(await serve(modules={"disco": {"contacts": {"abuse": addresses}}}))
    answer = await elsewhere.ask("get", f"<query xmlns='{DISCO}'/>", domain, ROMEO)
    identity = answer.find(f".//{{{DISCO}}}identity")
    assert identity is not None
    assert (identity.get("category"), identity.get("type")) == (category, type_)
    fields = {
        field.get("var"): [value.text for value in field] for field in answer.iter("{jabber:x:data}field")
    }
    assert fields["FORM_TYPE"] == ["http://jabber.org/network/serverinfo"]
    assert fields["abuse-addresses"] == addresses


async def test_the_server_lists_its_services(elsewhere: Elsewhere) -> None:
    """XEP-0030 §4: rooms here are found from anywhere."""
    answer = await elsewhere.ask("get", f"<query xmlns='{ITEMS}'/>", "localhost", ROMEO)
    found = [item.get("jid") for item in answer.iter(f"{{{ITEMS}}}item")]
    assert "conference.localhost" in found


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("get", "<query xmlns='urn:example'/>", "service-unavailable"),
        ("set", f"<query xmlns='{VERSION}'/>", "not-allowed"),
        ("get", "<a xmlns='urn:example'/><b xmlns='urn:example'/>", "bad-request"),
        ("set", "", "bad-request"),
        ("ask", "<query xmlns='urn:example'/>", "bad-request"),
        ("set", "<query xmlns='jabber:iq:register'><remove/></query>", "registration-required"),
        ("get", "<query xmlns='jabber:iq:register'/>", "registration-required"),
    ],
)
async def test_requests_to_the_server_that_are_refused(
    elsewhere: Elsewhere, kind: str, payload: str, expected: str
) -> None:
    """RFC 6120 §8.2.3, §8.3.3, §10.5.1.1: each has its answer."""
    answer = await elsewhere.ask(kind, payload, "localhost", ROMEO)
    assert condition(answer) == expected


@pytest.mark.parametrize("kind", ["result", "error"])
@pytest.mark.parametrize("to", ["localhost", JULIET, "nobody@localhost", f"{JULIET}/balcony", f"{JULIET}/no"])
async def test_answers_that_nobody_waits_for_are_not_answered(
    elsewhere: Elsewhere, connect: Connect, kind: str, to: str
) -> None:
    """RFC 6120 §8.2.3, rule 5; §8.3.1: else two servers would go on for ever."""
    await connect("juliet/balcony")
    await elsewhere.says(f"<iq type='{kind}' id='x' from='{ROMEO}' to='{to}'/>")
    assert elsewhere.heard() == []


# ---- to accounts, from strangers (§8.5.1, §8.5.2.1.3)

DISCOVERY = f"<query xmlns='{DISCO}'/>"
RESOURCES = f"<query xmlns='{ITEMS}'/>"


@pytest.mark.parametrize(
    "payload",
    [
        DISCOVERY,
        RESOURCES,
        f"<query xmlns='{LAST}'/>",
        f"<query xmlns='{VERSION}'/>",
        "<ping xmlns='urn:xmpp:ping'/>",
        "<vCard xmlns='vcard-temp'/>",
        query(),
        f"<query xmlns='{MAM}'/>",
        "<query xmlns='urn:example'/>",
        "<blocklist xmlns='urn:xmpp:blocking'/>",
    ],
)
async def test_strangers_do_not_learn_who_has_an_account(
    elsewhere: Elsewhere, connect: Connect, payload: str
) -> None:
    """§8.5.1, §13.2: an account that does not exist, one that is away and one that is here answer alike."""
    await appear(await connect("juliet/balcony"))
    answers = []
    for user in ("nobody", "romeo", "juliet"):
        answer = await elsewhere.ask("get", payload, f"{user}@localhost", "tybalt@capulet.example/hall")
        del answer.attrib["from"]
        answers.append(ET.tostring(answer).decode())
    assert answers[1:] == answers[:1] * 2


async def test_contacts_learn_what_strangers_do_not(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0030 §8, XEP-0012 §4: whoever may see the account's presence, wherever it lives; no namesakes."""
    juliet = await connect("juliet/balcony")
    await elsewhere.says(f"<presence type='subscribe' from='{ROMEO}' to='{JULIET}'/>")
    juliet.write("<presence to='romeo@montague.example' type='subscribed'/>")
    await appear(juliet)
    elsewhere.heard()
    answer = await elsewhere.ask("get", RESOURCES, JULIET, ROMEO)
    assert [item.get("jid") for item in answer.iter(f"{{{ITEMS}}}item")] == [juliet.jid]
    answer = await elsewhere.ask("get", DISCOVERY, JULIET, ROMEO)
    assert answer.find(f".//{{{DISCO}}}identity") is not None
    answer = await elsewhere.ask("get", f"<query xmlns='{LAST}'/>", JULIET, ROMEO)
    assert answer.get("type") == "result"
    for namesake in ("romeo@capulet.example/orchard", "romeo@localhost.example/orchard"):
        answer = await elsewhere.ask("get", DISCOVERY, JULIET, namesake)
        assert condition(answer) == "service-unavailable"
        answer = await elsewhere.ask("get", f"<query xmlns='{LAST}'/>", juliet.jid, namesake)
        assert condition(answer) == "forbidden"


async def test_a_vcard_is_everybodys(elsewhere: Elsewhere, connect: Connect) -> None:
    """XEP-0054 §3.3: the server answers for the account, here or away."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>")
    await juliet.close()
    answer = await elsewhere.ask("get", "<vCard xmlns='vcard-temp'/>", JULIET, ROMEO)
    assert answer.findtext(".//{vcard-temp}FN") == "Juliet"
    answer = await elsewhere.ask("set", "<vCard xmlns='vcard-temp'/>", JULIET, ROMEO)
    assert answer.get("type") == "error"


async def test_a_request_to_a_resource_reaches_its_client(elsewhere: Elsewhere, connect: Connect) -> None:
    """§8.5.3.1: the client answers, also who is not in its roster; and its answer finds the way back."""
    juliet = await connect("juliet/balcony")
    await elsewhere.says(
        f"<iq type='get' id='v1' from='{ROMEO}' to='{juliet.jid}'><query xmlns='{VERSION}'/></iq>"
    )
    request = await juliet.next()
    assert (request.get("from"), request.get("to"), request.get("id")) == (ROMEO, juliet.jid, "v1")
    assert request.find(f"{{{VERSION}}}query") is not None
    juliet.write(f"<iq type='result' id='v1' to='{ROMEO}'><query xmlns='{VERSION}'/></iq>")
    answer = await elsewhere.next()
    assert (answer.get("from"), answer.get("to"), answer.get("type")) == (juliet.jid, ROMEO, "result")


async def test_a_request_to_a_resource_that_is_not_there(elsewhere: Elsewhere, connect: Connect) -> None:
    """§8.5.3.2.3: service-unavailable, and no other resource gets it."""
    juliet = await connect("juliet/balcony")
    answer = await elsewhere.ask("get", f"<query xmlns='{VERSION}'/>", f"{JULIET}/chamber", ROMEO)
    assert condition(answer) == "service-unavailable"
    await juliet.nothing()


@pytest.mark.parametrize(
    "iq",
    [
        "<iq type='ask' id='v1'><query xmlns='urn:example'/></iq>",
        "<iq id='v1'><query xmlns='urn:example'/></iq>",
        "<iq type='get'><query xmlns='urn:example'/></iq>",
        "<iq type='get' id='v1'/>",
        "<iq type='set' id='v1'><a xmlns='urn:example'/><b xmlns='urn:example'/></iq>",
    ],
)
async def test_a_request_that_is_none_does_not_reach_the_client(
    elsewhere: Elsewhere, connect: Connect, iq: str
) -> None:
    """RFC 6120 §8.2.3: what another server lets through is refused here, as from a client of this one."""
    juliet = await connect("juliet/balcony")
    await elsewhere.says(iq.replace("<iq", f"<iq from='{ROMEO}' to='{juliet.jid}'"))
    assert condition(await elsewhere.next()) == "bad-request"
    await juliet.nothing()


async def test_a_request_goes_elsewhere_and_its_error_comes_back(
    elsewhere: Elsewhere, connect: Connect
) -> None:
    """RFC 6120 §10.4.3: a client that asks somebody who can't be reached is told so, by its own id."""
    elsewhere.unreachable = {
        "gone.example": "remote-server-not-found",
        "slow.example": "remote-server-timeout",
    }
    juliet = await connect("juliet/balcony")
    for domain, expected in elsewhere.unreachable.items():
        answer = await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", domain)
        assert (answer.get("from"), condition(answer)) == (domain, expected)
