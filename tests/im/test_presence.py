"""Exchanging presence: RFC 6121 §4."""

from __future__ import annotations

import pytest

from burble.hooks import Event
from burble.routing.events import (
    BecomingAvailable,
    PresenceBroadcast,
    UserAvailable,
    UserUnavailable,
)
from burble.server import Server
from tests.client import CLIENT, condition
from tests.conftest import Connect
from tests.im.scripts import appear, befriend, hears, hears_all, read_away, subscribe

JULIET, ROMEO = "juliet@localhost", "romeo@localhost"


# ---- coming (§4.2)


async def test_initial_presence_comes_back_to_its_sender(connect: Connect) -> None:
    """§4.2.2: a resource is told of its own presence, with all it said."""
    juliet = await connect("juliet/balcony")
    juliet.write("<presence id='p1' xml:lang='it'><show>away</show><x xmlns='urn:example'/></presence>")
    echo = await juliet.next()
    assert (echo.get("from"), echo.get("type"), echo.get("to")) == (juliet.jid, None, JULIET)
    assert echo.get("id") == "p1"
    assert echo.get("{http://www.w3.org/XML/1998/namespace}lang") == "it"
    assert echo.findtext(f"{CLIENT}show") == "away"
    assert echo.find("{urn:example}x") is not None


async def test_own_resources_see_each_other(connect: Connect) -> None:
    """§4.2.2, §4.4.2, §4.5.2: an account is subscribed to itself."""
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await appear(balcony)
    await chamber.nothing()  # not available yet
    chamber.write("<presence><show>xa</show></presence>")
    assert await hears_all(chamber, 2) == {(chamber.jid, "", JULIET), (balcony.jid, "", chamber.jid)}
    assert await hears(balcony) == (chamber.jid, "", JULIET)
    chamber.write("<presence type='unavailable'/>")
    assert await hears(balcony) == (chamber.jid, "unavailable", JULIET)
    assert await hears(chamber) == (chamber.jid, "unavailable", JULIET)
    await balcony.nothing()


async def test_subscribers_hear_of_it(connect: Connect) -> None:
    """§4.2.2, §4.2.3: each available resource of a subscriber hears, by the bare JID as it was sent to;
    nobody else does."""
    juliet, nurse = await connect("juliet/balcony"), await connect("nurse/kitchen")
    orchard, home, street = [await connect(f"romeo/{resource}") for resource in ("orchard", "home", "street")]
    await subscribe(orchard, juliet)
    for client in (orchard, home, nurse):
        await appear(client)
    await hears(orchard)
    await hears(home)
    await appear(juliet)
    assert await hears(orchard) == (juliet.jid, "", ROMEO)
    assert await hears(home) == (juliet.jid, "", ROMEO)
    for client in (orchard, home, street, nurse, juliet):
        await client.nothing()


async def test_who_comes_learns_who_is_there(connect: Connect) -> None:
    """§4.2.2, §4.3.2: probing finds the last presence of each resource of those one is subscribed to."""
    juliet, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    nurse, romeo = await connect("nurse/kitchen"), await connect("romeo/orchard")
    home = await connect("romeo/home")
    await subscribe(romeo, juliet)
    await subscribe(nurse, romeo)
    await appear(home)
    await appear(juliet)
    juliet.write("<presence><status>second thoughts</status></presence>")
    await appear(chamber)
    await appear(nurse)
    await read_away(home)
    await appear(romeo)
    found = {}
    for _ in range(3):
        presence = await romeo.next()
        assert presence.get("to") == romeo.jid
        found[presence.get("from")] = presence.findtext(f"{CLIENT}status")
    assert found == {juliet.jid: "second thoughts", chamber.jid: None, home.jid: None}
    assert await hears(home) == (romeo.jid, "", ROMEO)
    await home.nothing()  # what answers a probe is for who probed
    await romeo.nothing()  # the nurse is subscribed to romeo, not romeo to her


async def test_update(connect: Connect) -> None:
    """§4.4: a change reaches the same as initial presence; nothing is probed again."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await befriend(romeo, juliet)
    await appear(juliet)
    await appear(romeo)
    await hears(romeo)
    await hears(juliet)
    juliet.write("<presence><show>dnd</show></presence>")
    presence = await romeo.next()
    assert (presence.get("from"), presence.get("to")) == (juliet.jid, ROMEO)
    assert presence.findtext(f"{CLIENT}show") == "dnd"
    assert await hears(juliet) == (juliet.jid, "", JULIET)
    await juliet.nothing()


# ---- going (§4.5)


async def test_unavailable_with_a_status(connect: Connect) -> None:
    """§4.5.2: subscribers get the stanza as the client sent it."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(romeo)
    await appear(juliet)
    await hears(romeo)
    juliet.write("<presence type='unavailable'><status>good night</status></presence>")
    presence = await romeo.next()
    assert (presence.get("from"), presence.get("type"), presence.get("to")) == (
        juliet.jid,
        "unavailable",
        ROMEO,
    )
    assert presence.findtext(f"{CLIENT}status") == "good night"
    await juliet.close()
    await romeo.nothing()  # it has been told already


@pytest.mark.parametrize("politely", [True, False])
async def test_client_that_leaves(connect: Connect, politely: bool) -> None:
    """§4.5.2: with the stream closed or the connection lost, the server says it for the client."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(romeo)
    await appear(juliet)
    await hears(romeo)
    if politely:
        juliet.write("</stream:stream>")
    else:
        await juliet.close()
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    await romeo.nothing()


async def test_replaced_session(connect: Connect) -> None:
    """RFC 6120 §7.7.2.2: whoever is replaced is gone before its successor comes."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(romeo)
    await appear(juliet)
    await hears(romeo)
    await appear(await connect("juliet/balcony"))
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    assert await hears(romeo) == (juliet.jid, "", ROMEO)


async def test_going_before_coming(connect: Connect) -> None:
    """§4.5.2: who was not available tells nobody."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    await appear(romeo)
    juliet.write("<presence type='unavailable'/>")
    await juliet.nothing()
    await romeo.nothing()


# ---- syntax (§4.7)


@pytest.mark.parametrize("priority", ["128", "-129", "high", ""])
async def test_wrong_priority(connect: Connect, priority: str) -> None:
    """§4.7.2.3: an integer from -128 to 127; anything else is refused and has no effect."""
    juliet = await connect("juliet/balcony")
    juliet.write(f"<presence id='p1'><priority>{priority}</priority></presence>")
    error = await juliet.next()
    assert error.get("id") == "p1"
    assert condition(error) == "bad-request"
    await juliet.nothing()


@pytest.mark.parametrize("to", ["", f" to='{ROMEO}'"])
async def test_unknown_type(connect: Connect, to: str) -> None:
    """§4.7.1, RFC 6120 §8.3.3.1: a type that does not exist is a bad request, and goes nowhere."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(romeo)
    juliet.write(f"<presence type='asleep'{to}/>")
    assert condition(await juliet.next()) == "bad-request"
    await romeo.nothing()


async def test_error_is_handed_on_and_not_answered(connect: Connect) -> None:
    """RFC 6120 §8.3.1: an error for somebody reaches them; one for nobody is dropped."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    juliet.write("<presence type='error'/><presence type='error' to='nobody@localhost/x'/>")
    juliet.write(f"<presence type='error' to='{romeo.jid}'/>")
    assert await hears(romeo) == (juliet.jid, "error", romeo.jid)
    await juliet.nothing()


# ---- what modules hear


async def test_what_modules_hear(server: Server, connect: Connect) -> None:
    """§4.2, §8.5.2.1.1: becoming available is told before messages come, with a priority that takes them."""
    juliet = await connect("juliet/balcony")
    host = server.hosts["localhost"]
    heard: list[tuple[str, bool]] = []

    def note(event: Event) -> None:
        (session,) = host.sessions.of("juliet")
        heard.append((type(event).__name__, session.presence is not None and session.priority >= 0))

    for kind in (BecomingAvailable, UserAvailable, UserUnavailable):
        host.hooks.on(kind, note)
    juliet.write("<presence><priority>-1</priority></presence>")
    await juliet.sync()
    assert heard == [("UserAvailable", False)]
    juliet.write("<presence><priority>1</priority></presence><presence><priority>2</priority></presence>")
    await juliet.sync()
    assert heard[1:] == [("BecomingAvailable", False)]
    juliet.write("<presence type='unavailable'/><presence/>")
    await juliet.sync()
    assert heard[2:] == [("UserUnavailable", False), ("BecomingAvailable", False), ("UserAvailable", True)]


async def test_module_keeps_presence_from_somebody(server: Server, connect: Connect) -> None:
    """XEP-0191 §3.3 needs it: whom a module leaves out hears no update and no answer to a probe."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await befriend(romeo, juliet)

    def leave_out(event: PresenceBroadcast) -> None:
        if event.user == "juliet":
            event.to = [jid for jid in event.to if jid != ROMEO and jid.bare != ROMEO]

    server.hosts["localhost"].hooks.on(PresenceBroadcast, leave_out)
    await appear(juliet)
    await appear(romeo)
    await hears(juliet)
    juliet.write("<presence><show>away</show></presence><presence type='unavailable'/>")
    await juliet.sync()
    await romeo.nothing()
