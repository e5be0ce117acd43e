"""Managing presence subscriptions through clients: RFC 6121 §3."""

from __future__ import annotations

import pytest

from burble.jid import JID
from burble.server import Server
from tests.client import CLIENT, condition
from tests.conftest import Connect, Serve
from tests.im.scripts import appear, befriend, get, hears, hears_all, pushed, query, subscribe

JULIET, ROMEO = "juliet@localhost", "romeo@localhost"


# ---- asking


async def test_request(connect: Connect) -> None:
    """§3.1.2, §3.1.3: the asker's clients see that it waits; the asked resources get it from the bare JID."""
    romeo, orchard = await connect("romeo/orchard"), await connect("romeo/home")
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    for client in (romeo, orchard, chamber):
        await get(client)
    await appear(balcony)
    romeo.write(
        "<presence id='xk3h1v69' to='juliet@localhost/chamber' type='subscribe'><status>!</status></presence>"
    )
    waiting = {"jid": JULIET, "subscription": "none", "ask": "subscribe"}
    assert await pushed(romeo) == waiting
    assert await pushed(orchard) == waiting
    request = await balcony.next()
    assert (request.get("from"), request.get("to"), request.get("type")) == (ROMEO, JULIET, "subscribe")
    assert request.get("id") == "xk3h1v69"
    assert request.findtext(f"{CLIENT}status") == "!"
    await chamber.nothing()  # connected, but not available
    assert await get(balcony) == []  # "None + Pending In" is not shown in the roster


async def test_request_waits_until_it_is_answered(connect: Connect) -> None:
    """§3.1.3: a request is shown at every initial presence, complete, until it is approved or denied."""
    romeo = await connect("romeo/orchard")
    romeo.write(f"<presence to='{JULIET}' type='subscribe'><status>Hark!</status></presence>")
    await romeo.sync()
    for resource in ("balcony", "chamber"):
        juliet = await connect(f"juliet/{resource}")
        await appear(juliet, "<priority>-1</priority>")
        request = await juliet.find(lambda e: e.get("type") == "subscribe")
        assert (request.get("from"), request.get("to")) == (ROMEO, JULIET)
        assert request.findtext(f"{CLIENT}status") == "Hark!"
    juliet.write("<presence><show>away</show></presence>")  # no initial presence
    await juliet.sync()
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribed'/>")
    await juliet.sync()
    street = await connect("juliet/street")
    await appear(street)
    assert await hears_all(street, 2) == {
        (f"{JULIET}/balcony", "", street.jid),
        (f"{JULIET}/chamber", "", street.jid),
    }
    await street.nothing()


async def test_request_is_shown_once(connect: Connect) -> None:
    """A.3.1: a request that repeats one that waits is not delivered, and not shown twice later."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await appear(juliet)
    for _ in range(2):
        romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    await romeo.sync()
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)
    await juliet.nothing()


async def test_request_outlives_the_server(server: Server, serve: Serve, connect: Connect) -> None:
    """§3.1.3: a request that waits, and the asker's state, are there after a restart."""
    romeo = await connect("romeo/orchard")
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    await romeo.sync()
    await romeo.close()
    await server.stop()
    again = await serve()
    juliet, romeo = await connect("juliet/balcony", to=again), await connect("romeo/orchard", to=again)
    assert await get(romeo) == [{"jid": JULIET, "subscription": "none", "ask": "subscribe"}]
    await appear(juliet)
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)


async def test_request_to_nobody(connect: Connect) -> None:
    """§8.5.1: an account that does not exist gives no answer; the asker waits."""
    romeo = await connect("romeo/orchard")
    await get(romeo)
    romeo.write("<presence to='nobody@localhost' type='subscribe'/>")
    waiting = {"jid": "nobody@localhost", "subscription": "none", "ask": "subscribe"}
    assert await pushed(romeo) == waiting
    await romeo.nothing()


async def test_request_to_a_server_that_cannot_be_found(connect: Connect) -> None:
    """§3.1.2: the request waits, and the client learns why there is no answer."""
    romeo = await connect("romeo/orchard")
    await get(romeo)
    romeo.write("<presence to='juliet@capulet.example/x' type='subscribe' id='s1'/>")
    error = await romeo.next()
    assert (error.get("from"), error.get("to"), error.get("id")) == ("juliet@capulet.example", ROMEO, "s1")
    assert condition(error) == "remote-server-not-found"
    waiting = {"jid": "juliet@capulet.example", "subscription": "none", "ask": "subscribe"}
    assert await pushed(romeo) == waiting
    assert await get(romeo) == [waiting]
    romeo.write("<presence to='juliet@capulet.example' type='unsubscribe'/>")
    assert await pushed(romeo) == {"jid": "juliet@capulet.example", "subscription": "none"}
    await romeo.nothing()


async def test_request_to_oneself(connect: Connect) -> None:
    """§4.2.2: an account gets its own presence anyway: there is nothing to ask for."""
    romeo = await connect("romeo/orchard")
    await get(romeo)
    await appear(romeo)
    romeo.write(f"<presence to='{ROMEO}' type='subscribe'/>")
    await romeo.nothing()
    assert await get(romeo) == []


async def test_request_without_an_addressee(connect: Connect) -> None:
    """§3.1.1: a request says whom it asks."""
    romeo = await connect("romeo/orchard")
    romeo.write("<presence type='subscribe'/>")
    assert condition(await romeo.next()) == "bad-request"


# ---- answering


async def test_approval(connect: Connect) -> None:
    """§3.1.5, §3.1.6: the approval, then the push, then presence; each to those it is for."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    home = await connect("romeo/home")
    await get(romeo)
    await get(juliet)
    await appear(romeo)
    await appear(juliet, "<show>dnd</show>")
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    await pushed(romeo)
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)
    juliet.write(f"<presence id='h4v1c4kj' to='{ROMEO}/orchard' type='subscribed'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from"}
    assert await hears(romeo) == (JULIET, "subscribed", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "to"}
    presence = await romeo.next()
    assert (presence.get("from"), presence.get("to")) == (juliet.jid, ROMEO)
    assert presence.findtext(f"{CLIENT}show") == "dnd"
    await romeo.nothing()
    await juliet.nothing()
    await home.nothing()  # neither available nor interested


async def test_denial(connect: Connect) -> None:
    """§3.2.3: a denied request is taken back on both sides; the contact is not in the denier's roster."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await get(romeo)
    await get(juliet)
    await appear(juliet)
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    await pushed(romeo)
    await hears(juliet)
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribed'/>")
    assert await hears(romeo) == (JULIET, "unsubscribed", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "none"}
    await juliet.nothing()
    assert await get(juliet) == []


async def test_both(connect: Connect) -> None:
    """§3.1: two subscriptions make ``both``; name and groups stay."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await juliet.ask("set", query(f"<item jid='{ROMEO}' name='R'><group>Friends</group></item>"))
    await befriend(romeo, juliet)
    assert await get(romeo) == [{"jid": JULIET, "subscription": "both"}]
    assert await get(juliet) == [{"jid": ROMEO, "name": "R", "subscription": "both", "groups": ["Friends"]}]


async def test_granted_again(server: Server, connect: Connect) -> None:
    """§3.1.3: who is subscribed already is told so by the server; the contact is not bothered."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await subscribe(romeo, juliet)
    rosters = server.hosts["localhost"].modules["roster"]
    roster = await rosters.store.load("romeo")
    await rosters.store.put(roster, JID.parse(JULIET), None, None)  # as a server that has lost its data
    await get(romeo)
    await get(juliet)
    await appear(juliet)
    await appear(romeo)
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    assert await hears(romeo) == (JULIET, "subscribed", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "to"}
    assert await hears(romeo) == (juliet.jid, "", ROMEO)
    await juliet.nothing()


# ---- pre-approval


async def test_pre_approval(connect: Connect) -> None:
    """§3.4: an approval ahead is noted and pushed, not routed; the request is granted when it comes."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await get(romeo)
    await get(juliet)
    await appear(romeo)
    await appear(juliet)
    juliet.write(f"<presence id='pg81vx64' to='{ROMEO}' type='subscribed'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "none", "approved": "true"}
    await romeo.nothing()
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "from", "approved": "true"}
    await juliet.nothing()
    assert await hears(romeo) == (JULIET, "subscribed", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "to"}
    assert await hears(romeo) == (juliet.jid, "", ROMEO)
    await romeo.nothing()


async def test_pre_approval_is_taken_back(connect: Connect) -> None:
    """§3.4.2: ``unsubscribed`` takes it back; the contact does not hear of it."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await get(romeo)
    await get(juliet)
    juliet.write(f"<presence to='{ROMEO}' type='subscribed'/><presence to='{ROMEO}' type='unsubscribed'/>")
    assert (await pushed(juliet))["approved"] == "true"
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "none"}
    await appear(juliet)
    await romeo.nothing()
    romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
    assert await hears(juliet) == (ROMEO, "subscribe", JULIET)


# ---- ending


async def test_cancelling(connect: Connect) -> None:
    """§3.2.2, §3.2.3: first unavailable, while the contact still believes it, then ``unsubscribed``."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await befriend(romeo, juliet)
    await get(romeo)
    await get(juliet)
    await appear(juliet)
    await appear(romeo)
    await hears(juliet)
    await hears(romeo)
    juliet.write(f"<presence to='{ROMEO}' type='unsubscribed'/>")
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    assert await hears(romeo) == (JULIET, "unsubscribed", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "from"}
    juliet.write("<presence><show>away</show></presence>")
    await hears(juliet)
    await romeo.nothing()
    romeo.write("<presence><show>away</show></presence>")
    assert await hears(juliet) == (romeo.jid, "", JULIET)


async def test_unsubscribing(connect: Connect) -> None:
    """§3.3.2, §3.3.3: the contact learns of it, then the push; the user sees the contact go."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await befriend(romeo, juliet)
    await get(romeo)
    await get(juliet)
    await appear(juliet)
    await appear(romeo)
    await hears(juliet)
    await hears(romeo)
    romeo.write(f"<presence to='{JULIET}' type='unsubscribe'/>")
    assert await hears(juliet) == (ROMEO, "unsubscribe", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "from"}


async def test_removing_a_contact_ends_both_subscriptions(connect: Connect) -> None:
    """§2.5.2: ``unsubscribe`` and ``unsubscribed`` are sent on the user's behalf."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    await befriend(romeo, juliet)
    await get(juliet)
    await appear(juliet)
    await get(romeo)
    await appear(romeo)
    await hears(juliet)
    await hears(romeo)
    await romeo.ask("set", query(f"<item jid='{JULIET}' subscription='remove'/>"))
    assert await pushed(romeo) == {"jid": JULIET, "subscription": "remove"}
    assert await hears(juliet) == (ROMEO, "unsubscribe", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "to"}
    assert await hears(juliet) == (romeo.jid, "unavailable", JULIET)
    assert await hears(juliet) == (ROMEO, "unsubscribed", JULIET)
    assert await pushed(juliet) == {"jid": ROMEO, "subscription": "none"}
    assert await hears(romeo) == (juliet.jid, "unavailable", ROMEO)
    assert await get(romeo) == []


@pytest.mark.parametrize("answered", [True, False])
async def test_removed_account_takes_its_subscriptions_along(
    server: Server, connect: Connect, answered: bool
) -> None:
    """Who was subscribed to an account that is removed, or waited for its answer, does so no more."""
    romeo, juliet = await connect("romeo/orchard"), await connect("juliet/balcony")
    if answered:
        await befriend(romeo, juliet)
    else:
        romeo.write(f"<presence to='{JULIET}' type='subscribe'/>")
        await romeo.sync()
    await server.hosts["localhost"].unregister("juliet")
    assert await get(romeo) == [{"jid": JULIET, "subscription": "none"}]
    await server.hosts["localhost"].register("juliet", "secret")
    juliet = await connect("juliet/balcony")
    assert await get(juliet) == []
    await appear(juliet)
    await juliet.nothing()
