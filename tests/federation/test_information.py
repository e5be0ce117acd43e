"""What one server and its accounts tell those of another."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, condition
from tests.federation.conftest import Ends, Meet
from tests.federation.table import service

_INFO = "{http://jabber.org/protocol/disco#info}"
_ITEMS = "{http://jabber.org/protocol/disco#items}"
_ASK_INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
_ASK_ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
_VERSION = "{jabber:iq:version}"
_VCARD = "{vcard-temp}"


@service("ping")
async def test_the_server_answers_a_ping(ends: Ends, meet: Meet) -> None:
    """XEP-0199."""
    juliet = await meet(ends.here, "juliet")

    answer = await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=ends.there.domain)

    assert (answer.get("type"), answer.get("from")) == ("result", ends.there.domain)


@service("ping of a client")
async def test_a_client_answers_a_client(ends: Ends, meet: Meet) -> None:
    """RFC 6121 §8.5.3: a request to a full JID, and its answer, pass both servers."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    juliet.write(f"<iq type='get' id='p1' to='{romeo.jid}'><ping xmlns='urn:xmpp:ping'/></iq>")

    request = await romeo.gets("iq", juliet.jid, type="get")
    romeo.write(f"<iq type='result' id='{request.get('id')}' to='{juliet.jid}'/>")

    await juliet.gets("iq", romeo.jid, type="result", id="p1")


@service("service discovery")
async def test_the_server_tells_what_it_offers(ends: Ends, meet: Meet) -> None:
    """XEP-0030: itself, its services, and that its rooms are rooms."""
    juliet = await meet(ends.here, "juliet")

    info = await juliet.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=ends.there.domain
    )
    categories = {(each.get("category"), each.get("type")) for each in info.iter(f"{_INFO}identity")}
    assert ("server", "im") in categories
    items = await juliet.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=ends.there.domain
    )
    assert ends.there.rooms in {item.get("jid") for item in items.iter(f"{_ITEMS}item")}
    info = await juliet.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=ends.there.rooms
    )
    assert "http://jabber.org/protocol/muc" in {each.get("var") for each in info.iter(f"{_INFO}feature")}


@service("software version")
async def test_the_server_tells_its_version(ends: Ends, meet: Meet) -> None:
    """XEP-0092."""
    juliet = await meet(ends.here, "juliet")

    answer = await juliet.ask("get", "<query xmlns='jabber:iq:version'/>", to=ends.there.domain)

    assert answer.findtext(f".//{_VERSION}name"), ET.tostring(answer)
    assert answer.findtext(f".//{_VERSION}version")


@service("vCard")
async def test_the_vcard_of_somebody_elsewhere(ends: Ends, meet: Meet) -> None:
    """XEP-0054."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    await romeo.ask("set", "<vCard xmlns='vcard-temp'><FN>Romeo Montague</FN></vCard>")

    answer = await juliet.ask("get", "<vCard xmlns='vcard-temp'/>", to=romeo.address)

    assert answer.get("type") == "result", ET.tostring(answer)
    assert answer.findtext(f"{_VCARD}vCard/{_VCARD}FN") == "Romeo Montague"


@service("request to nobody")
async def test_a_request_to_nobody_comes_back(ends: Ends, meet: Meet) -> None:
    """RFC 6120 §8.2.3, RFC 6121 §8.5.1."""
    juliet = await meet(ends.here, "juliet")
    nobody = f"nobody@{ends.there.domain}/nowhere"

    answer = await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=nobody)

    assert (answer.get("type"), answer.get("from")) == ("error", nobody)
    assert condition(answer) in ("service-unavailable", "item-not-found")
    assert answer.find(f"{CLIENT}error") is not None
