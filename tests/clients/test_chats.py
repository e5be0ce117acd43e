"""Two people with different clients: they become contacts, see each other, talk, and miss nothing."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Meet
from tests.clients.user import User

pytestmark = pytest.mark.clients

# Each client once on either side.
PAIRS = [("slixmpp", "profanity"), ("profanity", "node"), ("node", "slixmpp")]


async def become_contacts(one: User, other: User) -> None:
    """Subscribe both ways (RFC 6121 §3.1); both are online."""
    for asker, asked in ((one, other), (other, one)):
        await asker.befriend(asked.jid)
        await asked.accept(asker.jid)
        await asker.sees(asked.jid, online=True)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
async def test_contacts_see_each_other_come_and_go(meet: Meet, ours: str, theirs: str) -> None:
    """RFC 6121 §3.1 and §4: subscriptions both ways, then presence without asking."""
    juliet, romeo = await meet(ours, "juliet"), await meet(theirs, "romeo")
    await become_contacts(juliet, romeo)
    assert (await juliet.roster()) == {romeo.jid: "both"}
    assert (await romeo.roster()) == {juliet.jid: "both"}

    await romeo.log_out()
    await juliet.sees(romeo.jid, online=False)
    await romeo.log_in()

    await romeo.sees(juliet.jid, online=True)
    await juliet.sees(romeo.jid, online=True)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
async def test_a_request_waits_until_the_contact_comes_online(meet: Meet, ours: str, theirs: str) -> None:
    """RFC 6121 §3.1.3."""
    juliet, romeo = await meet(ours, "juliet"), await meet(theirs, "romeo", log_in=False)
    await juliet.befriend(romeo.jid)

    await romeo.log_in()
    await romeo.accept(juliet.jid)

    await juliet.sees(romeo.jid, online=True)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
async def test_a_conversation(meet: Meet, ours: str, theirs: str) -> None:
    """RFC 6121 §5 and §8: messages go both ways, in order, whole, and are not delayed."""
    juliet, romeo = await meet(ours, "juliet"), await meet(theirs, "romeo")
    await become_contacts(juliet, romeo)

    for body in ("Art thou not Romeo, & a Montague?", "<Wherefore> art thou 'Romeo'?"):
        await juliet.send(romeo.jid, body)
        received = await romeo.receive(juliet.jid)
        assert (received.body, received.delayed) == (body, False)
    for body in ("Neither, fair maid…", "… if either thee dislike. 🌹"):
        await romeo.send(juliet.jid, body)
        received = await juliet.receive(romeo.jid)
        assert (received.body, received.delayed) == (body, False)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
async def test_messages_wait_for_who_is_offline(meet: Meet, ours: str, theirs: str) -> None:
    """XEP-0160: delivered at the next login, in order, with the time they were sent at (XEP-0203)."""
    juliet, romeo = await meet(ours, "juliet"), await meet(theirs, "romeo")
    await become_contacts(juliet, romeo)
    await romeo.log_out()
    await juliet.sees(romeo.jid, online=False)

    await juliet.send(romeo.jid, "Good night, good night!")
    await juliet.send(romeo.jid, "Parting is such sorrow")
    await romeo.log_in()

    received = [await romeo.receive(juliet.jid) for _ in range(2)]
    assert [message.body for message in received] == [
        "Good night, good night!",
        "Parting is such sorrow",
    ]
    assert all(message.delayed for message in received)
