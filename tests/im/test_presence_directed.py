"""Directed presence and probes: RFC 6121 §4.3 and §4.6."""

from __future__ import annotations

import asyncio

import pytest

from burble.jid import JID
from burble.routing.events import StanzaReceived
from burble.server import Server
from tests.client import CLIENT, condition
from tests.conftest import Connect, Serve
from tests.im.scripts import appear, hears, hears_all, query, subscribe

JULIET, ROMEO = "juliet@localhost", "romeo@localhost"


# ---- directed presence (§4.6)


async def test_directed_presence(connect: Connect) -> None:
    """§4.6.3: it reaches whom it names, updates do not, and its end does, once."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(juliet)
    juliet.write(f"<presence to='{romeo.jid}'><status>for you</status></presence>")
    presence = await romeo.next()
    assert (presence.get("from"), presence.get("to")) == (juliet.jid, romeo.jid)
    assert presence.findtext(f"{CLIENT}status") == "for you"
    juliet.write("<presence><show>away</show></presence>")
    await juliet.sync()
    await romeo.nothing()
    juliet.write("<presence type='unavailable'/>")
    assert await hears(romeo) == (juliet.jid, "unavailable", romeo.jid)
    await juliet.close()
    await romeo.nothing()


@pytest.mark.parametrize("available", [True, False])
async def test_lost_client_ends_directed_presence(connect: Connect, available: bool) -> None:
    """§4.6.3: the server ends it for a client that vanishes, be it available for others or not."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    if available:
        await appear(juliet)
    juliet.write(f"<presence to='{romeo.jid}'/>")
    assert await hears(romeo) == (juliet.jid, "", romeo.jid)
    await juliet.close()
    assert await hears(romeo) == (juliet.jid, "unavailable", romeo.jid)
    await romeo.nothing()


async def test_directed_presence_taken_back(connect: Connect) -> None:
    """§4.6.3: whoever was told that it is over is not told again."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(juliet)
    juliet.write(f"<presence to='{romeo.jid}'/><presence to='{romeo.jid}' type='unavailable'/>")
    await hears(romeo)
    assert await hears(romeo) == (juliet.jid, "unavailable", romeo.jid)
    await juliet.close()
    await romeo.nothing()


async def test_directed_presence_to_a_subscriber(connect: Connect) -> None:
    """§4.6.3: who hears of the end by subscription hears of it once."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(romeo)
    await appear(juliet)
    await hears(romeo)
    juliet.write(f"<presence to='{romeo.jid}'/>")
    await hears(romeo)
    await juliet.close()
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    await romeo.nothing()


@pytest.mark.parametrize("end", ["<presence type='unavailable'/>", "</stream:stream>"])
async def test_directed_presence_to_a_subscriber_of_who_is_unavailable(connect: Connect, end: str) -> None:
    """§4.6.3: a subscriber who was sent nothing but that hears of its end, too."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await juliet.ask("get", query())
    juliet.write(f"<presence to='{romeo.jid}'/>")
    assert await hears(romeo) == (juliet.jid, "", romeo.jid)
    juliet.write(end)
    assert await hears(romeo) == (juliet.jid, "unavailable", romeo.jid)
    await romeo.nothing()


async def test_end_of_directed_presence_that_has_to_wait(server: Server, connect: Connect) -> None:
    """§4.6.3: it arrives, though a module on its way has to wait for something."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    juliet.write(f"<presence to='{romeo.jid}'/>")
    await hears(romeo)

    async def wait(event: StanzaReceived) -> None:
        await asyncio.sleep(0)

    server.hosts["localhost"].hooks.on(StanzaReceived, wait)
    juliet.write("<presence type='unavailable'/>")
    assert await hears(romeo) == (juliet.jid, "unavailable", romeo.jid)


async def test_directed_presence_to_so_many(serve: Serve, connect: Connect) -> None:
    """What is remembered of a session is bounded."""
    small = await serve(modules={"presence": {"directed": 2}})
    juliet = await connect("juliet/balcony", to=small)
    juliet.write("".join(f"<presence to='room{n}@localhost/j'/>" for n in range(2)))
    await juliet.nothing()
    juliet.write("<presence to='room1@localhost/j'/>")
    await juliet.nothing()
    juliet.write("<presence to='room2@localhost/j'/>")
    assert condition(await juliet.next()) == "resource-constraint"


# ---- probes (§4.3)


async def test_probe_from_a_subscriber(connect: Connect) -> None:
    """§4.3.2, rule 4: the last presence of every available resource, or of the one that is named."""
    romeo = await connect("romeo/orchard")
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await subscribe(romeo, balcony)
    await appear(balcony)
    await appear(chamber)
    romeo.write(f"<presence to='{JULIET}' type='probe'/>")
    assert await hears_all(romeo, 2) == {(balcony.jid, "", romeo.jid), (chamber.jid, "", romeo.jid)}
    romeo.write(f"<presence to='{chamber.jid}' type='probe'/>")
    assert await hears(romeo) == (chamber.jid, "", romeo.jid)
    await romeo.nothing()


async def test_probe_of_who_is_away(connect: Connect) -> None:
    """§4.3.2, rule 3: without an available resource, a subscriber hears that from the bare JID."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    romeo.write(f"<presence to='{JULIET}' type='probe'/>")
    assert await hears(romeo) == (JULIET, "unavailable", romeo.jid)


@pytest.mark.parametrize("to", [JULIET, f"{JULIET}/balcony", "nobody@localhost"])
async def test_probe_from_a_stranger(server: Server, connect: Connect, to: str) -> None:
    """§4.3.2, rule 1: the answer is ``unsubscribed``, whether there is such an account or not. A client
    that is not subscribed does not see it (A.3.4)."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(juliet)
    answers = []
    server.hosts["localhost"].hooks.on(StanzaReceived, lambda event: answers.append(event.stanza))
    romeo.write(f"<presence to='{to}' type='probe'/>")
    await romeo.nothing()
    (answer,) = [stanza for stanza in answers if stanza.type == "unsubscribed"]
    assert answer.from_ == JID.parse(to).bare


async def test_probe_mends_what_one_side_forgot(server: Server, connect: Connect) -> None:
    """§4.3.2, rule 1: who wrongly believes to be subscribed learns better on coming online."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(juliet)
    rosters = server.hosts["localhost"].modules["roster"]
    roster = await rosters.store.load("juliet")
    await rosters.store.put(roster, JID.parse(ROMEO), None, None)
    await romeo.ask("get", query())
    await appear(romeo)
    assert await hears(romeo) == (JULIET, "unsubscribed", ROMEO)


async def test_probe_from_whom_presence_was_directed_to(connect: Connect) -> None:
    """§4.6.5: a room may make sure that its occupant is still there, and learns that it is not."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(juliet, "<show>chat</show>")
    juliet.write(f"<presence to='{romeo.jid}'/>")
    await hears(romeo)
    romeo.write(f"<presence to='{juliet.jid}' type='probe'/>")
    assert await hears(romeo) == (juliet.jid, "", romeo.jid)


async def test_contacts_of_other_servers_are_probed_and_told(server: Server, connect: Connect) -> None:
    """§4.2.2, §4.3.1: a presence and a probe from the full JID go to each contact that is not here."""
    juliet = await connect("juliet/balcony")
    sent = []
    server.router.register("montague.example", sent.append)
    rosters = server.hosts["localhost"].modules["roster"]
    juliet.write("<presence to='romeo@montague.example' type='subscribe'/>")
    await juliet.sync()
    for kind in ("subscribe", "subscribed"):
        stanza = sent.pop().copy(to=JID.parse(JULIET), from_=JID.parse("romeo@montague.example"))
        stanza.attrs["type"] = kind
        await server.router.route(stanza)
        sent.append(stanza)
    juliet.write("<presence to='romeo@montague.example' type='subscribed'/>")
    await juliet.sync()
    assert (await rosters.store.load("juliet")).items["romeo@montague.example"].subscription == "both"
    sent.clear()
    await appear(juliet)
    told = [(str(stanza.from_), stanza.type, str(stanza.to)) for stanza in sent]
    contact = "romeo@montague.example"
    assert told == [(juliet.jid, "", contact), (juliet.jid, "probe", contact)]
    server.router.unregister("montague.example")
