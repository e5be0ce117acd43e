"""Subscriptions between accounts here and contacts on other servers: RFC 6121 §3 and appendix A.

One side of each stanza is all there is to see: what the other server gets, and what it sends.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.elsewhere import Elsewhere
from tests.im.scripts import ROSTER, Said, appear, get, hears, pushed, query, read_away, said

JULIET = "juliet@localhost"
ROMEO = "romeo@montague.example"
ORCHARD = f"{ROMEO}/orchard"


@pytest.fixture
def elsewhere(server: Server) -> Elsewhere:
    """Where romeo lives."""
    return Elsewhere(server)


@pytest.fixture
async def juliet(elsewhere: Elsewhere, connect: Connect) -> ScriptedClient:
    """Available, with an empty roster that she has asked for."""
    juliet = await connect("juliet/balcony")
    await get(juliet)
    await appear(juliet)
    return juliet


def presence(kind: str, to: str = JULIET, by: str = ROMEO, inside: str = "") -> str:
    """A presence of somebody elsewhere."""
    type_ = f" type='{kind}'" if kind else ""
    return f"<presence from='{by}' to='{to}'{type_}>{inside}</presence>"


async def said_elsewhere(elsewhere: Elsewhere, client: ScriptedClient) -> list[Said]:
    """What has been sent to romeo's server once the client's stanzas were handled."""
    await client.sync()
    return [said(each) for each in elsewhere.heard()]


async def befriend(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """Have the two subscribed to each other; nothing of it stays to be read."""
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await juliet.sync()
    await elsewhere.says(presence("subscribed"), presence("subscribe"))
    juliet.write(f"<presence to='{ROMEO}' type='subscribed'/>")
    await read_away(juliet)
    elsewhere.heard()
    assert await get(juliet) == [{"jid": ROMEO, "subscription": "both"}]


# ---- asking


async def test_a_request_and_its_approval(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.1.2, §3.1.6: asked from bare JID to bare JID; approved, then the push; then presence comes."""
    juliet.write(f"<presence id='s1' to='{ORCHARD}' type='subscribe'><status>Ay me!</status></presence>")
    request = await elsewhere.next()
    assert said(request) == (JULIET, "subscribe", ROMEO)
    assert request.get("id") == "s1"
    assert request.findtext(f"{CLIENT}status") == "Ay me!"
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "none", "ask": "subscribe"}
    await elsewhere.says(presence("subscribed", by=ORCHARD))
    assert await hears(juliet) == (ROMEO, "subscribed", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    await elsewhere.says(presence("", by=ORCHARD))
    assert await hears(juliet) == (ORCHARD, "", JULIET)
    assert await said_elsewhere(elsewhere, juliet) == []


async def test_a_request_and_its_denial(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.2.3."""
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await pushed(juliet)
    await elsewhere.says(presence("unsubscribed"))
    assert await hears(juliet) == (ROMEO, "unsubscribed", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "none"}


@pytest.mark.parametrize("kind", ["subscribed", "unsubscribed", "unsubscribe"])
async def test_answers_to_nothing_change_nothing(
    elsewhere: Elsewhere, juliet: ScriptedClient, kind: str
) -> None:
    """A.3.2 to A.3.4: nobody gets into a roster unasked; there is no answer, which could go on for ever."""
    await elsewhere.says(presence(kind), presence(kind, by=ORCHARD))
    assert elsewhere.heard() == []
    await juliet.nothing()
    assert await get(juliet) == []


# ---- being asked


async def test_being_asked_and_approving(
    elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect
) -> None:
    """§3.1.3, §3.1.5: the approval, and then the presence of each available resource."""
    chamber = await connect("juliet/chamber")
    await appear(chamber)
    await read_away(juliet)
    await elsewhere.says(presence("subscribe", to=f"{JULIET}/balcony", by=ORCHARD))
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)
    assert await get(juliet) == []
    juliet.write(f"<presence to='{ORCHARD}' type='subscribed'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from"}
    assert await said_elsewhere(elsewhere, juliet) == [
        (JULIET, "subscribed", ROMEO),
        (juliet.jid, "", ROMEO),
        (chamber.jid, "", ROMEO),
    ]


async def test_being_asked_and_denying(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.2.2: the contact learns that, and nothing of who is available."""
    await elsewhere.says(presence("subscribe"))
    await hears(juliet)
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribed'/>")
    assert await said_elsewhere(elsewhere, juliet) == [(JULIET, "unsubscribed", ROMEO)]
    await juliet.nothing()


async def test_asked_again_while_the_answer_is_open(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """A.3.1: other servers send their requests again (§3.1.2); the user is not bothered twice."""
    for _ in range(3):
        await elsewhere.says(presence("subscribe"))
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)
    await juliet.nothing()
    assert elsewhere.heard() == []


async def test_asked_again_by_who_has_forgotten_the_answer(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """§3.1.3: the server says again that it is granted, and what there is to see."""
    await befriend(elsewhere, juliet)
    await elsewhere.says(presence("subscribe"))
    assert await said_elsewhere(elsewhere, juliet) == [(JULIET, "subscribed", ROMEO), (juliet.jid, "", ROMEO)]
    await juliet.nothing()


@pytest.mark.parametrize("kind", ["subscribe", "subscribed", "unsubscribe", "unsubscribed", "error"])
async def test_nobody_is_asked(server: Server, elsewhere: Elsewhere, kind: str) -> None:
    """§8.5.1: nothing tells whether there is such an account, nor is anything kept for it."""
    await elsewhere.says(presence(kind, to="nobody@localhost"), presence(kind, to="nobody@localhost/x"))
    assert elsewhere.heard() == []
    roster = await server.hosts["localhost"].modules["roster"].store.load("nobody")
    assert not roster.requests


async def test_a_namesake_elsewhere_asks(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """Who has the same localpart on another server is a contact as any other."""
    await elsewhere.says(presence("subscribe", by="juliet@montague.example"))
    assert await hears(juliet) == ("juliet@montague.example", "subscribe", JULIET)
    juliet.write("<presence to='juliet@montague.example' type='subscribed'/>")
    assert await pushed(juliet) == {"jid": "juliet@montague.example", "subscription": "from"}


async def test_a_gateway_asks(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """XEP-0100 §4.1: a domain may be a contact."""
    await elsewhere.says(presence("subscribe", by="gateway.example"))
    assert await hears(juliet) == ("gateway.example", "subscribe", JULIET)
    juliet.write("<presence to='gateway.example' type='subscribed'/>")
    assert await pushed(juliet) == {"jid": "gateway.example", "subscription": "from"}
    assert await said_elsewhere(elsewhere, juliet) == [
        (JULIET, "subscribed", "gateway.example"),
        (juliet.jid, "", "gateway.example"),
    ]


async def test_a_request_waits_with_all_it_says_within_bounds(
    elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect
) -> None:
    """§3.1.3: complete, with its extensions; but a thousand strangers can't each leave a book."""
    await elsewhere.says(
        presence("subscribe", inside="<status>Hark!</status><x xmlns='urn:example'>me</x>"),
        presence("subscribe", by="tybalt@capulet.example", inside=f"<status>{'Ha! ' * 5000}</status>"),
    )
    assert len([await juliet.next() for _ in range(2)]) == 2
    chamber = await connect("juliet/chamber")
    await appear(chamber)
    shown = [await chamber.find(lambda e: e.get("type") == "subscribe") for _ in range(2)]
    by_sender = {each.get("from"): each for each in shown}
    assert by_sender[ROMEO].findtext(f"{CLIENT}status") == "Hark!"
    assert by_sender[ROMEO].findtext("{urn:example}x") == "me"
    assert len(by_sender["tybalt@capulet.example"]) == 0


# ---- ending


async def test_cancelling(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.2.2: the contact sees the user go, and then that it may not see it any more."""
    await befriend(elsewhere, juliet)
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribed'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    assert await said_elsewhere(elsewhere, juliet) == [
        (juliet.jid, "unavailable", ROMEO),
        (JULIET, "unsubscribed", ROMEO),
    ]
    juliet.write("<presence><show>away</show></presence>")
    assert await said_elsewhere(elsewhere, juliet) == []


async def test_being_cancelled(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.2.3: the user learns of it, and is probed for no more."""
    await befriend(elsewhere, juliet)
    await elsewhere.says(presence("unavailable", by=ORCHARD), presence("unsubscribed"))
    assert await hears(juliet) == (ORCHARD, "unavailable", JULIET)
    assert await hears(juliet) == (ROMEO, "unsubscribed", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from"}
    juliet.write("<presence type='unavailable'/><presence/>")
    assert [kind for _, kind, _ in await said_elsewhere(elsewhere, juliet)] == ["unavailable", ""]


async def test_unsubscribing(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.3.2."""
    await befriend(elsewhere, juliet)
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribe'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from"}
    assert await said_elsewhere(elsewhere, juliet) == [(JULIET, "unsubscribe", ROMEO)]


async def test_being_unsubscribed_from(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§3.3.3: the contact sees the user go; there is no other answer."""
    await befriend(elsewhere, juliet)
    await elsewhere.says(presence("unsubscribe"))
    assert await hears(juliet) == (ROMEO, "unsubscribe", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "unavailable", ROMEO)]
    await elsewhere.says(presence("unsubscribe"))
    assert await said_elsewhere(elsewhere, juliet) == []


async def test_removing_a_contact(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§2.5.2: both subscriptions end, and the contact learns of both."""
    await befriend(elsewhere, juliet)
    await juliet.ask("set", query(f"<item jid='{ROMEO}' subscription='remove'/>"))
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "remove"}
    assert await said_elsewhere(elsewhere, juliet) == [
        (JULIET, "unsubscribe", ROMEO),
        (juliet.jid, "unavailable", ROMEO),
        (JULIET, "unsubscribed", ROMEO),
    ]


async def test_removing_a_contact_that_has_not_answered(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§2.5.2: the request is taken back."""
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await pushed(juliet)
    await juliet.ask("set", query(f"<item jid='{ROMEO}' subscription='remove'/>"))
    kinds = [kind for _, kind, _ in await said_elsewhere(elsewhere, juliet)]
    assert kinds == ["subscribe", "unsubscribe"]


async def test_a_removed_account_ends_its_subscriptions(
    server: Server, elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """XEP-0077 §3.2: contacts elsewhere, too, learn that there is nobody any more, each once."""
    await befriend(elsewhere, juliet)
    juliet.write("<presence to='friar@verona.example/cell'/>")
    await elsewhere.says(presence("subscribe", by="tybalt@capulet.example"))
    await juliet.sync()
    elsewhere.heard()
    await server.hosts["localhost"].unregister("juliet")
    await juliet.closed()
    told = [said(each) for each in elsewhere.heard()]
    assert told == [
        (JULIET, "unsubscribe", ROMEO),
        (juliet.jid, "unavailable", ROMEO),
        (JULIET, "unsubscribed", ROMEO),
        (JULIET, "unsubscribed", "tybalt@capulet.example"),
        (juliet.jid, "unavailable", "friar@verona.example/cell"),
    ]
    await elsewhere.says(f"<presence type='probe' from='{ORCHARD}' to='{JULIET}'/>")
    assert said(await elsewhere.next()) == (JULIET, "unsubscribed", ORCHARD)


# ---- where the contact's server can't be reached


@pytest.mark.parametrize("reason", ["remote-server-not-found", "remote-server-timeout"])
async def test_a_request_that_does_not_arrive_waits(
    elsewhere: Elsewhere, juliet: ScriptedClient, reason: str
) -> None:
    """§3.1.2: the client learns why there is no answer; the request is open, and may be answered later."""
    elsewhere.unreachable = {"montague.example": reason}
    juliet.write(f"<presence id='s1' to='{ROMEO}' type='subscribe'/>")
    error = await juliet.find(lambda e: e.get("type") == "error")
    assert (error.get("from"), error.get("to"), error.get("id")) == (ROMEO, JULIET, "s1")
    assert condition(error) == reason
    waiting = {"jid": ROMEO, "subscription": "none", "ask": "subscribe"}
    assert await pushed(juliet) == waiting
    elsewhere.unreachable = {}
    await elsewhere.says(presence("subscribed"))
    assert await hears(juliet) == (ROMEO, "subscribed", JULIET)


async def test_a_request_is_sent_again_when_the_user_comes(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """§3.1.2: as long as there is no answer, with an id; it may have been lost on its way."""
    juliet.write(f"<presence id='mine' to='{ROMEO}' type='subscribe'><status>Ay me!</status></presence>")
    juliet.write("<presence type='unavailable'/>")
    await juliet.sync()
    elsewhere.heard()
    await appear(juliet)
    again = await elsewhere.next()
    assert said(again) == (JULIET, "subscribe", ROMEO)
    assert again.get("id")
    assert again.get("id") != "mine"
    juliet.write("<presence><show>away</show></presence>")  # no initial presence
    assert await said_elsewhere(elsewhere, juliet) == []
    await elsewhere.says(presence("subscribed"))
    juliet.write("<presence type='unavailable'/>")
    await juliet.sync()
    await appear(juliet)
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "probe", ROMEO)]


async def test_who_is_not_there_does_not_object_to_what_is_sent_again(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """What the server sends of its own accord fails in silence: the user has been told once."""
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/><presence type='unavailable'/>")
    await read_away(juliet)
    await appear(juliet)
    await juliet.nothing()
    assert [said(each) for each in elsewhere.refused] == [(JULIET, "subscribe", ROMEO)] * 2


async def test_a_contact_whose_domain_is_gone_can_be_removed(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """§2.5.2: what can't be told the contact does not keep the user from it; nothing comes of the errors."""
    await befriend(elsewhere, juliet)
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    await juliet.ask("set", query(f"<item jid='{ROMEO}' subscription='remove'/>"))
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "remove"}
    assert await hears(juliet) == (ROMEO, "error", juliet.jid)  # for her own presence
    await juliet.nothing()
    assert await get(juliet) == []
    # The domain is back and takes itself for subscribed: the answer to its probe mends that (§4.3.2).
    elsewhere.unreachable = {}
    await elsewhere.says(f"<presence type='probe' from='{ORCHARD}' to='{JULIET}'/>")
    assert said(await elsewhere.next()) == (JULIET, "unsubscribed", ORCHARD)


async def test_a_domain_that_is_gone_takes_no_subscription_along(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """An outage looks like the end of a domain: the roster stays as it is until somebody decides."""
    await befriend(elsewhere, juliet)
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    juliet.write("<presence type='unavailable'/><presence/>")
    await read_away(juliet)
    assert await get(juliet) == [{"jid": ROMEO, "subscription": "both"}]


async def test_errors_from_elsewhere_are_not_answered(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """RFC 6120 §8.3.1: an error about a request reaches who made it; others end here."""
    refused = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await elsewhere.says(presence("error", inside=refused))
    await juliet.nothing()
    juliet.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await pushed(juliet)
    elsewhere.heard()
    await elsewhere.says(presence("error", inside=refused))
    assert condition(await juliet.next()) == "item-not-found"
    assert elsewhere.heard() == []
    found = await juliet.ask("get", query())
    (item,) = found.iter(f"{ROSTER}item")
    assert item.get("ask") == "subscribe", ET.tostring(item)
