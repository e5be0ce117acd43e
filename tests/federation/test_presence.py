"""Presence and subscriptions between accounts of two servers (RFC 6121 §3, §4)."""

from __future__ import annotations

from tests.federation.conftest import Ends, Meet
from tests.federation.person import Person
from tests.federation.table import service


async def _befriend(asker: Person, asked: Person) -> None:
    """§3.1: one asks, the other agrees; both rosters say so, and who asked sees the other."""
    asker.write(f"<presence to='{asked.address}' type='subscribe'/>")
    await asked.gets("presence", asker.address, type="subscribe")
    asked.write(f"<presence to='{asker.address}' type='subscribed'/>")
    await asker.gets("presence", asked.address, type="subscribed")
    await asker.gets("presence", asked.jid)


async def _friends(ends: Ends, meet: Meet) -> tuple[Person, Person]:
    """Two who see each other."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    await _befriend(juliet, romeo)
    await _befriend(romeo, juliet)
    return juliet, romeo


@service("subscription")
async def test_who_asks_and_is_approved_sees_the_other(ends: Ends, meet: Meet) -> None:
    """§3.1.2-§3.1.6, with what the rosters say at each step."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")

    juliet.write(f"<presence to='{romeo.address}' type='subscribe'/>")
    await juliet.is_pushed(romeo.address, "none")
    await romeo.gets("presence", juliet.address, type="subscribe")
    assert await juliet.subscription(romeo.address) == "none+ask"
    assert await romeo.subscription(juliet.address) == ""

    romeo.write(f"<presence to='{juliet.address}' type='subscribed'/>")
    await romeo.is_pushed(juliet.address, "from")
    await juliet.is_pushed(romeo.address, "to")
    await juliet.gets("presence", romeo.jid)
    assert await juliet.subscription(romeo.address) == "to"

    await _befriend(romeo, juliet)
    assert await juliet.subscription(romeo.address) == "both"
    assert await romeo.subscription(juliet.address) == "both"


@service("subscription refused")
async def test_who_is_refused_is_told(ends: Ends, meet: Meet) -> None:
    """§3.2."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    juliet.write(f"<presence to='{romeo.address}' type='subscribe'/>")
    await romeo.gets("presence", juliet.address, type="subscribe")

    romeo.write(f"<presence to='{juliet.address}' type='unsubscribed'/>")

    await juliet.gets("presence", romeo.address, type="unsubscribed")
    assert await juliet.subscription(romeo.address) == "none"


@service("presence")
async def test_a_change_and_an_end_of_presence_are_seen(ends: Ends, meet: Meet) -> None:
    """§4.4, §4.5, and the probe of who comes back (§4.3)."""
    juliet, romeo = await _friends(ends, meet)

    romeo.write("<presence><show>away</show></presence>")
    await juliet.sees(romeo.jid, "away")

    await juliet.log_out()
    await romeo.gets("presence", juliet.jid, type="unavailable")
    await juliet.log_in()
    await romeo.gets("presence", juliet.jid)
    await juliet.sees(romeo.jid, "away")


@service("unsubscription")
async def test_both_rosters_follow_an_unsubscription(ends: Ends, meet: Meet) -> None:
    """§3.3, and §3.2: one gives up what it sees, then what it shows."""
    juliet, romeo = await _friends(ends, meet)

    juliet.write(f"<presence to='{romeo.address}' type='unsubscribe'/>")
    await romeo.gets("presence", juliet.address, type="unsubscribe")
    assert await juliet.subscription(romeo.address) == "from"
    assert await romeo.subscription(juliet.address) == "to"

    juliet.write(f"<presence to='{romeo.address}' type='unsubscribed'/>")
    await romeo.gets("presence", juliet.address, type="unsubscribed")
    await romeo.gets("presence", juliet.jid, type="unavailable")
    assert await juliet.subscription(romeo.address) == "none"
    assert await romeo.subscription(juliet.address) == "none"


@service("unsubscription: end of presence")
async def test_who_unsubscribes_sees_no_more(ends: Ends, meet: Meet) -> None:
    """§3.3.3: the contact's server tells who unsubscribes that the contact is out of sight."""
    juliet, romeo = await _friends(ends, meet)

    juliet.write(f"<presence to='{romeo.address}' type='unsubscribe'/>")

    await juliet.gets("presence", romeo.jid, timeout=3, type="unavailable")


@service("removal from the roster")
async def test_who_removes_a_contact_ends_both_subscriptions(ends: Ends, meet: Meet) -> None:
    """§2.5.2."""
    juliet, romeo = await _friends(ends, meet)

    await juliet.ask(
        "set",
        f"<query xmlns='jabber:iq:roster'><item jid='{romeo.address}' subscription='remove'/></query>",
    )

    await romeo.gets("presence", juliet.address, type="unsubscribe")
    await romeo.gets("presence", juliet.address, type="unsubscribed")
    assert await juliet.subscription(romeo.address) == ""
    assert await romeo.subscription(juliet.address) == "none"


@service("directed presence")
async def test_directed_presence_is_seen_to_its_end(ends: Ends, meet: Meet) -> None:
    """§4.6: who is no contact sees it, and sees its end."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")

    juliet.write(f"<presence to='{romeo.jid}'><show>chat</show></presence>")
    await romeo.sees(juliet.jid, "chat")

    await juliet.log_out()
    await romeo.gets("presence", juliet.jid, type="unavailable")
