"""Reports of spam and abuse that go to other servers, and that come from them (XEP-0377 §4, XEP-0157)."""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.elsewhere import Elsewhere
from tests.im.scripts import appear, read_away
from tests.modules.archives import search, stanza_id

JULIET = "juliet@localhost"
IAGO = "iago@venice.example"
REPORTING = "{urn:xmpp:reporting:1}"
SPAM = "urn:xmpp:reporting:spam"
DISCO = "http://jabber.org/protocol/disco#info"
FORWARDED = "{urn:xmpp:forward:0}forwarded"


@pytest.fixture
async def governed(server: Server, serve: Serve) -> Server:
    """A server that the nurse administers, with the accounts of the other."""
    await server.stop()
    return await serve(admins=["nurse@localhost"])


@pytest.fixture
def elsewhere(governed: Server) -> Elsewhere:
    """Where iago lives."""
    return Elsewhere(governed)


@pytest.fixture
async def juliet(governed: Server, elsewhere: Elsewhere, connect: Connect) -> ScriptedClient:
    """Who is pestered."""
    juliet = await connect("juliet/balcony", to=governed)
    await appear(juliet)
    return juliet


async def report(client: ScriptedClient, jid: str, content: str = "<report-origin/>") -> None:
    """Block somebody because of spam."""
    inside = f"<report xmlns='urn:xmpp:reporting:1' reason='{SPAM}'>{content}</report>"
    payload = f"<block xmlns='urn:xmpp:blocking'><item jid='{jid}'>{inside}</item></block>"
    assert (await client.ask("set", payload)).get("type") == "result"


async def is_asked(elsewhere: Elsewhere, *addresses: str, domain: str = "venice.example") -> None:
    """Expect that the domain is asked whom to turn to, and answer."""
    question = await elsewhere.next()
    assert question.find(f"{{{DISCO}}}query") is not None, ET.tostring(question)
    assert (question.get("from"), question.get("to")) == ("localhost", domain)
    values = "".join(f"<value>{address}</value>" for address in addresses)
    form = (
        "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
        "<value>http://jabber.org/network/serverinfo</value></field>"
        f"<field var='abuse-addresses' type='list-multi'>{values}</field></x>"
    )
    await elsewhere.says(
        f"<iq type='result' id='{question.get('id')}' from='{domain}' to='localhost'>"
        f"<query xmlns='{DISCO}'>{form if addresses else ''}</query></iq>"
    )


# ---- to other servers


async def test_a_report_goes_where_the_messages_came_from(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """XEP-0377 §4.2: where its user agrees; to the address for that, without who has reported."""
    await report(juliet, IAGO, "<text xml:lang='en'>Thieves!</text><report-origin/>")
    await is_asked(elsewhere, "mailto:abuse@venice.example", "xmpp:duke@venice.example?message")
    told = await elsewhere.next()
    assert (told.get("from"), told.get("to")) == ("localhost", "duke@venice.example")
    element = told.find(f"{REPORTING}report")
    assert element is not None
    assert element.get("reason") == SPAM
    assert element.findtext("{urn:xmpp:jid:0}jid") == IAGO
    assert element.findtext(f"{REPORTING}text") == "Thieves!"
    assert told.findtext(f"{CLIENT}body") == f"A user of localhost reports {IAGO} for spam: Thieves!"
    assert "juliet" not in ET.tostring(told, encoding="unicode")


async def test_a_report_shows_the_messages_it_is_about(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """XEP-0377 §4.2, §5: those that the ids name, and whoever was reported has said; not to whom."""
    for by, text in ((f"{IAGO}/ship", "buy"), ("othello@venice.example/camp", "love")):
        await elsewhere.says(f"<message type='chat' from='{by}' to='{JULIET}'><body>{text}</body></message>")
    ids = [stanza_id(await juliet.next(), JULIET) for _ in range(2)]
    named = "".join(
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{JULIET}' id='{id_}'/>" for id_ in [*ids, "x", "7"]
    )
    await report(juliet, IAGO, f"<report-origin/>{named}")
    await is_asked(elsewhere, "xmpp:duke@venice.example")
    told = await elsewhere.next()
    (forwarded,) = told.findall(FORWARDED)
    message = forwarded.find(f"{CLIENT}message")
    assert message is not None
    assert (message.get("from"), message.get("to")) == (f"{IAGO}/ship", None)
    assert message.findtext(f"{CLIENT}body") == "buy"
    assert forwarded.find("{urn:xmpp:delay}delay") is not None
    assert "juliet" not in ET.tostring(told, encoding="unicode")
    assert len((await search(juliet)).results) == 2


@pytest.mark.parametrize(
    "addresses", [[], ["mailto:abuse@venice.example"], ["xmpp:victim@cyprus.example", "xmpp:@"]]
)
async def test_where_there_is_no_address_the_server_is_told(
    elsewhere: Elsewhere, juliet: ScriptedClient, addresses: list[str]
) -> None:
    """Nor is somebody else's address taken for theirs: reports would be a way to send anything to anybody."""
    await report(juliet, IAGO)
    await is_asked(elsewhere, *addresses)
    assert (await elsewhere.next()).get("to") == "venice.example"


async def test_a_room_elsewhere_is_reported_to_those_who_run_its_server(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """The address of a service may be with the server above it."""
    await report(juliet, "den@rooms.venice.example/iago")
    await is_asked(elsewhere, "xmpp:duke@venice.example", domain="rooms.venice.example")
    assert (await elsewhere.next()).get("to") == "duke@venice.example"


@pytest.mark.parametrize(
    ("jid", "content"), [(IAGO, ""), (IAGO, "<third-party/>"), ("romeo@localhost", "<report-origin/>")]
)
async def test_what_stays_here(elsewhere: Elsewhere, juliet: ScriptedClient, jid: str, content: str) -> None:
    """XEP-0377 §4.2: nothing is forwarded without its user's word, nor what concerns this server alone."""
    await report(juliet, jid, content)
    await juliet.sync()
    assert elsewhere.heard() == []


async def test_reports_are_forwarded_where_that_is_wanted(
    governed: Server, elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """The option `forward_reports`."""
    blocking = governed.hosts["localhost"].modules["blocking"]
    await blocking.configure(blocking.Settings(forward_reports=False))
    await report(juliet, IAGO)
    await juliet.sync()
    assert elsewhere.heard() == []


async def test_a_server_that_cannot_be_reached(
    elsewhere: Elsewhere, juliet: ScriptedClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The block counts, and nobody is bothered with it."""
    elsewhere.unreachable = {"venice.example": "remote-server-not-found"}
    await report(juliet, IAGO)
    await juliet.nothing()
    assert not [each for each in caplog.records if each.levelno > logging.INFO]


# ---- from other servers


def incoming(
    jid: str = "romeo@localhost", by: str = "venice.example", reason: str = SPAM, to: str = "localhost"
) -> str:
    """A report as other servers send it."""
    return (
        f"<message from='{by}' to='{to}' id='r1'><body>Read this</body>"
        f"<report xmlns='urn:xmpp:reporting:1' reason='{reason}'><jid xmlns='urn:xmpp:jid:0'>{jid}</jid>"
        "<text>Rude!</text></report></message>"
    )


async def test_a_report_from_another_server_reaches_the_administrators(
    governed: Server, elsewhere: Elsewhere, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Said by the server, in the words it has for its own users' reports, and with the report itself."""
    nurse = await connect("nurse/hall", to=governed)
    await appear(nurse)
    with caplog.at_level(logging.INFO, "burble.reports"):
        await elsewhere.says(incoming())
    told = await nurse.next()
    assert (told.get("from"), told.get("to")) == ("localhost", "nurse@localhost")
    assert told.findtext(f"{CLIENT}body") == "venice.example reports romeo@localhost for spam: Rude!"
    assert told.findtext(f"{CLIENT}subject") == "romeo@localhost was reported for spam"
    assert told.findtext(f"{REPORTING}report/{{urn:xmpp:jid:0}}jid") == "romeo@localhost"
    assert elsewhere.heard() == []
    logged = [each.message for each in caplog.records if each.name == "burble.reports"]
    assert logged == ["venice.example reports romeo@localhost for spam: Rude!"]


async def test_a_report_about_an_occupant_is_for_the_chat_service(
    governed: Server, elsewhere: Elsewhere, connect: Connect
) -> None:
    """Its domain is where the message came from, as far as another server can tell."""
    nurse = await connect("nurse/hall", to=governed)
    await appear(nurse)
    occupant = "orchard@conference.localhost/romeo"
    await elsewhere.says(incoming(occupant, to="conference.localhost"))
    told = await nurse.next()
    assert (told.get("from"), told.findtext(f"{REPORTING}report/{{urn:xmpp:jid:0}}jid")) == (
        "localhost",
        occupant,
    )
    await elsewhere.says("<message from='venice.example' to='conference.localhost'><body>hm</body></message>")
    assert condition(await elsewhere.next()) == "service-unavailable"


@pytest.mark.parametrize(
    "stanza",
    [
        incoming(by=IAGO),
        incoming("othello@venice.example"),
        incoming("romeo@notlocalhost"),
        incoming("@"),
        incoming(reason="urn:xmpp:reporting:weather"),
        "<message from='venice.example' to='localhost' id='r1'><body>hear me</body></message>",
    ],
)
async def test_other_messages_to_the_server_are_refused(
    governed: Server, elsewhere: Elsewhere, connect: Connect, stanza: str
) -> None:
    """Only servers report, and only whom this one can do something about."""
    nurse = await connect("nurse/hall", to=governed)
    await appear(nurse)
    await elsewhere.says(stanza)
    assert condition(await elsewhere.next()) == "service-unavailable"
    await nurse.nothing()


async def test_another_server_does_not_flood_the_administrators(
    governed: Server, elsewhere: Elsewhere, connect: Connect
) -> None:
    """The option `reports_per_hour` counts for each server as for each account."""
    blocking = governed.hosts["localhost"].modules["blocking"]
    await blocking.configure(blocking.Settings(reports_per_hour=2))
    nurse = await connect("nurse/hall", to=governed)
    await appear(nurse)
    for number in range(4):
        await elsewhere.says(incoming(f"u{number}@conference.localhost"))
    await elsewhere.says(incoming(by="cyprus.example"))
    await nurse.sync()
    bodies = [each.findtext(f"{CLIENT}body") or "" for each in nurse._arrived]
    assert [text.split()[0] for text in bodies] == ["venice.example"] * 2 + ["cyprus.example"]
    await read_away(nurse)
    assert elsewhere.heard() == []
