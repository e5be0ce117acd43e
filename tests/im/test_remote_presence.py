"""Presence between accounts here and contacts on other servers: RFC 6121 §4."""

from __future__ import annotations

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect
from tests.elsewhere import Elsewhere
from tests.im.scripts import Said, appear, get, hears, hears_all, pushed, read_away, said

JULIET = "juliet@localhost"
ROMEO = "romeo@montague.example"
ORCHARD = f"{ROMEO}/orchard"
FRIAR = "friar@verona.example"
PROBE = "<presence type='probe' from='{by}' to='{to}'/>"


@pytest.fixture
def elsewhere(server: Server) -> Elsewhere:
    """Where romeo and the friar live."""
    return Elsewhere(server)


@pytest.fixture
async def juliet(elsewhere: Elsewhere, connect: Connect) -> ScriptedClient:
    """Not available yet; romeo and the friar are contacts of hers, both ways."""
    juliet = await connect("juliet/balcony")
    for contact in (ROMEO, FRIAR):
        juliet.write(f"<presence to='{contact}' type='subscribe'/>")
        await juliet.sync()
        await elsewhere.says(
            f"<presence type='subscribed' from='{contact}' to='{JULIET}'/>",
            f"<presence type='subscribe' from='{contact}' to='{JULIET}'/>",
        )
        juliet.write(f"<presence to='{contact}' type='subscribed'/>")
    await juliet.sync()
    elsewhere.heard()
    return juliet


async def said_elsewhere(elsewhere: Elsewhere, client: ScriptedClient) -> list[Said]:
    """What has been sent to other servers once the client's stanzas were handled."""
    await client.sync()
    return [said(each) for each in elsewhere.heard()]


# ---- coming, changing, going (§4.2 to §4.5)


async def test_coming(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§4.2.2, §4.3.1: each contact is told, and asked; the presence goes from full JID to bare JID."""
    juliet.write("<presence id='p1' xml:lang='it'><show>dnd</show></presence>")
    await juliet.sync()
    told = elsewhere.heard()
    assert [said(each) for each in told] == [
        (juliet.jid, "", ROMEO),
        (juliet.jid, "", FRIAR),
        (juliet.jid, "probe", ROMEO),
        (juliet.jid, "probe", FRIAR),
    ]
    assert told[0].findtext(f"{CLIENT}show") == "dnd"
    assert told[0].get("{http://www.w3.org/XML/1998/namespace}lang") == "it"


async def test_changing(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§4.4.2: told, and not asked again."""
    await appear(juliet)
    elsewhere.heard()
    juliet.write("<presence><show>away</show></presence>")
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "", ROMEO), (juliet.jid, "", FRIAR)]


@pytest.mark.parametrize("how", ["says so", "closes", "is lost", "server stops"])
async def test_going(server: Server, elsewhere: Elsewhere, juliet: ScriptedClient, how: str) -> None:
    """§4.5.2: contacts elsewhere learn of it, however it happens."""
    await appear(juliet)
    elsewhere.heard()
    match how:
        case "says so":
            juliet.write("<presence type='unavailable'/>")
        case "closes":
            juliet.write("</stream:stream>")
        case "is lost":
            await juliet.close()
        case _:
            await server.stop()
    gone = [said(await elsewhere.next()), said(await elsewhere.next())]
    assert gone == [(juliet.jid, "unavailable", ROMEO), (juliet.jid, "unavailable", FRIAR)]


async def test_what_contacts_say(elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect) -> None:
    """§4.2.3, §4.4.3, §4.5.3: it reaches each available resource as it came; a full JID that one alone."""
    chamber, street = await connect("juliet/chamber"), await connect("juliet/street")
    await appear(juliet)
    await appear(chamber)
    await read_away(juliet)
    await read_away(chamber)
    await elsewhere.says(
        f"<presence from='{ORCHARD}' to='{JULIET}'><status>Hark!</status></presence>",
        f"<presence from='{ORCHARD}' to='{JULIET}' type='unavailable'/>",
        f"<presence from='{ORCHARD}' to='{chamber.jid}'/>",
    )
    for client in (juliet, chamber):
        first = await client.next()
        assert said(first) == (ORCHARD, "", JULIET)
        assert first.findtext(f"{CLIENT}status") == "Hark!"
        assert await hears(client) == (ORCHARD, "unavailable", JULIET)
    assert await hears(chamber) == (ORCHARD, "", chamber.jid)
    for client in (juliet, chamber, street):
        await client.nothing()


# ---- probes (§4.3.2)


@pytest.mark.parametrize("by", [ROMEO, ORCHARD])
async def test_a_contact_asks(
    elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect, by: str
) -> None:
    """Rules 3 and 4: who asks is told of each available resource, or that there is none."""
    await elsewhere.says(PROBE.format(by=by, to=JULIET))
    assert said(await elsewhere.next()) == (JULIET, "unavailable", by)
    chamber = await connect("juliet/chamber")
    await appear(juliet)
    await appear(chamber, "<show>xa</show>")
    elsewhere.heard()
    await elsewhere.says(PROBE.format(by=by, to=JULIET))
    told = elsewhere.heard()
    assert {said(each) for each in told} == {(juliet.jid, "", by), (chamber.jid, "", by)}
    assert [each.findtext(f"{CLIENT}show") for each in told] == [None, "xa"]
    await elsewhere.says(PROBE.format(by=by, to=chamber.jid), PROBE.format(by=by, to=f"{JULIET}/no"))
    assert said(await elsewhere.next()) == (chamber.jid, "", by)
    assert said(await elsewhere.next()) == (f"{JULIET}/no", "unavailable", by)


@pytest.mark.parametrize("to", [JULIET, f"{JULIET}/balcony", "nobody@localhost", "romeo@localhost"])
async def test_a_stranger_asks(elsewhere: Elsewhere, juliet: ScriptedClient, to: str) -> None:
    """Rule 1: the same answer whoever is asked for, from the bare JID."""
    await appear(juliet)
    elsewhere.heard()
    stranger = "tybalt@capulet.example/hall"
    await elsewhere.says(PROBE.format(by=stranger, to=to))
    assert [said(each) for each in elsewhere.heard()] == [(to.partition("/")[0], "unsubscribed", stranger)]


async def test_a_probe_finds_who_has_forgotten(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§4.3.2, rule 1, seen from the other side: the answer ends a subscription that only we remember."""
    await get(juliet)
    await appear(juliet)
    await elsewhere.says(f"<presence type='unsubscribed' from='{ROMEO}' to='{JULIET}'/>")
    assert await hears(juliet) == (ROMEO, "unsubscribed", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from"}


# ---- directed presence (§4.6)


async def test_directed_presence(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """§4.6.3, §4.6.5: a stranger is told, may ask while it lasts, and is told of the end."""
    room = "orchard@rooms.example/juliet"
    juliet.write(f"<presence to='{room}'/>")
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "", room)]
    await appear(juliet, "<show>chat</show>")
    elsewhere.heard()
    await elsewhere.says(PROBE.format(by=room, to=juliet.jid))
    answer = await elsewhere.next()
    assert said(answer) == (juliet.jid, "", room)
    await juliet.close()
    gone = {said(await elsewhere.next()) for _ in range(3)}
    assert gone == {(juliet.jid, "unavailable", to) for to in (ROMEO, FRIAR, room)}
    await elsewhere.says(PROBE.format(by=room, to=juliet.jid))
    assert said(await elsewhere.next()) == (JULIET, "unsubscribed", room)


async def test_a_contact_sent_directed_presence_is_told_of_the_end_once(
    elsewhere: Elsewhere, juliet: ScriptedClient
) -> None:
    """§4.6.3."""
    await appear(juliet)
    juliet.write(f"<presence to='{ORCHARD}'/>")
    await juliet.sync()
    elsewhere.heard()
    juliet.write("<presence type='unavailable'/>")
    assert await said_elsewhere(elsewhere, juliet) == [
        (juliet.jid, "unavailable", ROMEO),
        (juliet.jid, "unavailable", FRIAR),
    ]


# ---- contacts that can't be reached (§4.4.2)


async def test_a_client_learns_who_cannot_be_told(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """RFC 6120 §10.4.3: an error for its presence, and one for the probe; no answer to either."""
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    juliet.write("<presence/>")
    assert await hears_all(juliet, 3) == {(juliet.jid, "", JULIET), (ROMEO, "error", juliet.jid)}
    await juliet.nothing()
    assert [kind for _, kind, _ in map(said, elsewhere.refused)] == ["", "probe"]
    assert [kind for _, kind, _ in map(said, elsewhere.heard())] == ["", "probe"]


async def test_who_is_not_there_is_told_no_changes(
    elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect
) -> None:
    """§4.4.2: after an error from a contact updates are not sent to it, until it says something. Of the end
    it is told anyway, or it might take the user for available ever after."""
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    await appear(juliet)
    elsewhere.heard()
    elsewhere.unreachable = {}
    juliet.write("<presence><show>away</show></presence>")
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "", FRIAR)]
    await elsewhere.says(PROBE.format(by=ORCHARD, to=JULIET))
    assert said(await elsewhere.next()) == (juliet.jid, "", ORCHARD)
    juliet.write("<presence/>")
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "", ROMEO), (juliet.jid, "", FRIAR)]
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    elsewhere.heard()
    elsewhere.unreachable = {}
    juliet.write("<presence type='unavailable'/>")
    assert await said_elsewhere(elsewhere, juliet) == [
        (juliet.jid, "unavailable", ROMEO),
        (juliet.jid, "unavailable", FRIAR),
    ]
    juliet.write("<presence/>")
    assert (await said_elsewhere(elsewhere, juliet))[0] == (juliet.jid, "", ROMEO)


async def test_who_comes_back_is_told_changes_again(
    elsewhere: Elsewhere, juliet: ScriptedClient, connect: Connect
) -> None:
    """§4.4.2: what counts is the last presence of the contact, to whichever resource it came."""
    chamber = await connect("juliet/chamber")
    elsewhere.unreachable = {"montague.example": "remote-server-not-found"}
    await appear(juliet)
    await appear(chamber)
    elsewhere.unreachable = {}
    await elsewhere.says(f"<presence from='{ORCHARD}' to='{JULIET}'/>")
    await juliet.sync()
    elsewhere.heard()
    for client in (juliet, chamber):
        client.write("<presence><show>away</show></presence>")
        told = await said_elsewhere(elsewhere, client)
        assert told == [(client.jid, "", ROMEO), (client.jid, "", FRIAR)]


async def test_an_outage_keeps_nobody_from_being_told(elsewhere: Elsewhere, juliet: ScriptedClient) -> None:
    """RFC 6120 §8.3.2: an error of type ``wait`` says to try again, and the next update does."""
    elsewhere.unreachable = {"montague.example": "remote-server-timeout"}
    await appear(juliet)
    elsewhere.heard()
    elsewhere.unreachable = {}
    juliet.write("<presence><show>away</show></presence>")
    assert await said_elsewhere(elsewhere, juliet) == [(juliet.jid, "", ROMEO), (juliet.jid, "", FRIAR)]


# ---- the server itself


async def test_the_server_as_a_contact(elsewhere: Elsewhere) -> None:
    """Who subscribes to the server sees it available, which it is as long as it answers; it asks nobody."""
    await elsewhere.says(f"<presence type='subscribe' from='{ORCHARD}' to='localhost'/>")
    assert [said(each) for each in elsewhere.heard()] == [
        ("localhost", "subscribed", ROMEO),
        ("localhost", "", ROMEO),
    ]
    await elsewhere.says(PROBE.format(by=ORCHARD, to="localhost"))
    assert [said(each) for each in elsewhere.heard()] == [("localhost", "", ORCHARD)]


@pytest.mark.parametrize(
    "kind", ["", "unavailable", "subscribed", "unsubscribe", "unsubscribed", "error", "no"]
)
async def test_other_presence_for_the_server(elsewhere: Elsewhere, kind: str) -> None:
    """Two servers must not answer each other for ever."""
    type_ = f" type='{kind}'" if kind else ""
    await elsewhere.says(f"<presence{type_} from='montague.example' to='localhost'/>")
    assert elsewhere.heard() == []


async def test_ones_own_server_as_a_contact(connect: Connect) -> None:
    """It is seen like any other contact, and when the user comes again."""
    romeo = await connect("romeo/orchard")
    await get(romeo)
    await appear(romeo)
    romeo.write("<presence to='localhost' type='subscribe'/>")
    assert await hears(romeo) == ("localhost", "subscribed", "romeo@localhost")
    assert await pushed(romeo) == {"jid": "localhost", "subscription": "to"}
    assert await hears(romeo) == ("localhost", "", "romeo@localhost")
    again = await connect("romeo/home")
    await appear(again)
    assert await again.find(lambda e: e.get("from") == "localhost") is not None
