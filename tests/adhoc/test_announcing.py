"""Announcements, the message of the day, the welcome (XEP-0133 §4.23 to §4.28)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.commands import CommandFailed
from burble.modules.announce import Announcement
from burble.server import Server
from tests.adhoc.commands import order
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect, Serve

NEWS = {"subject": "News", "body": "There are rooms now."}


async def told(client: ScriptedClient) -> tuple[str | None, ...]:
    """Type, sender, subject and body of the next message; other things stay to be read."""
    found = await client.find(lambda e: e.tag == f"{CLIENT}message")
    said = (found.findtext(f"{CLIENT}subject"), found.findtext(f"{CLIENT}body"))
    return (found.get("type", "normal"), found.get("from"), *said)


async def available(client: ScriptedClient, priority: int = 0) -> list[ET.Element]:
    """Send presence; returns the messages that came before it was there for others."""
    client.write(f"<presence><priority>{priority}</priority></presence>")
    messages = []
    while (element := await client.next()).get("from") != client.jid:
        if element.tag == f"{CLIENT}message":
            messages.append(element)
    return messages


async def bodies(client: ScriptedClient, priority: int = 0) -> list[str | None]:
    """The texts that a client is shown when it becomes available."""
    return [each.findtext(f"{CLIENT}body") for each in await available(client, priority)]


async def test_every_session_hears_what_those_online_are_told(server: Server, connect: Connect) -> None:
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await order(server, "announce_send_online", subject="Soon", body="Down in <5> minutes\nor more")
    for client in (balcony, chamber):
        assert await told(client) == ("headline", "localhost", "Soon", "Down in <5> minutes\nor more")
    assert await bodies(await connect("romeo")) == []


async def test_those_offline_hear_later_what_all_are_told(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await available(juliet)
    await order(server, "announce_send_all", subject="", body="To all")
    assert await told(juliet) == ("normal", "localhost", None, "To all")
    romeo = await connect("romeo")
    assert await bodies(romeo) == ["To all"]


async def test_nothing_is_announced_without_a_word(server: Server) -> None:
    for name in ("announce_send_all", "announce_send_online", "announce_motd_update", "announce_welcome_set"):
        with pytest.raises(CommandFailed, match="nothing to say"):
            await order(server, name, subject="News", body=" \n")


async def test_the_message_of_the_day_is_shown_once(server: Server, connect: Connect) -> None:
    """§4.24: at once to who is online, to others when they log in."""
    juliet = await connect("juliet/balcony")
    await order(server, "announce_motd_set_online", **NEWS)
    assert await told(juliet) == ("headline", "localhost", "News", "There are rooms now.")
    assert await bodies(juliet) == []
    assert await bodies(await connect("juliet/chamber")) == []
    romeo = await connect("romeo/one")
    assert await bodies(romeo) == ["There are rooms now."]
    assert await bodies(await connect("romeo/two")) == []
    await order(server, "announce_motd_set_online", subject="", body="Other news")
    assert (await told(romeo))[3] == "Other news"
    assert await bodies(await connect("nurse")) == ["Other news"]


async def test_it_waits_for_a_session_that_takes_messages(server: Server, connect: Connect) -> None:
    await order(server, "announce_motd_set_online", **NEWS)
    juliet = await connect("juliet")
    assert await bodies(juliet, priority=-1) == []
    juliet.write("<presence/>")
    assert (await told(juliet))[3] == "There are rooms now."


async def test_a_changed_message_of_the_day_is_not_sent_again(server: Server, connect: Connect) -> None:
    """§4.25."""
    await order(server, "announce_motd_set_online", **NEWS)
    assert await bodies(await connect("juliet/balcony")) == ["There are rooms now."]
    await order(server, "announce_motd_update", subject="", body="There are rooms and hats now.")
    assert await order(server, "announce_motd_get") == Announcement("", "There are rooms and hats now.")
    assert await bodies(await connect("juliet/chamber")) == []
    assert await bodies(await connect("romeo")) == ["There are rooms and hats now."]


async def test_an_update_sets_one_where_there_was_none(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await order(server, "announce_motd_update", **NEWS)
    await juliet.nothing()
    assert await bodies(juliet) == ["There are rooms now."]


async def test_a_deleted_message_of_the_day_is_shown_no_more(server: Server, connect: Connect) -> None:
    """§4.26."""
    await order(server, "announce_motd_set_online", **NEWS)
    await order(server, "announce_motd_delete")
    await order(server, "announce_motd_delete")
    assert await order(server, "announce_motd_get") == Announcement("", "")
    assert await bodies(await connect("juliet")) == []


async def test_a_new_account_is_welcomed_when_it_first_logs_in(server: Server, connect: Connect) -> None:
    """§4.27, §4.28."""
    host = server.hosts["localhost"]
    await order(server, "announce_welcome_set", subject="Welcome", body="Good to have you here.")
    assert await order(server, "announce_welcome_get") == Announcement("Welcome", "Good to have you here.")
    await host.register("tybalt", "secret")
    assert await bodies(await connect("tybalt/one")) == ["Good to have you here."]
    assert await bodies(await connect("tybalt/two")) == []
    assert await bodies(await connect("juliet")) == []
    await order(server, "announce_welcome_delete")
    await host.register("benvolio", "secret")
    assert await bodies(await connect("benvolio")) == []


async def test_what_stands_outlives_the_server(serve: Serve, server: Server, connect: Connect) -> None:
    await order(server, "announce_motd_set_online", **NEWS)
    await order(server, "announce_welcome_set", subject="", body="Good to have you here.")
    assert await bodies(await connect("juliet")) == ["There are rooms now."]
    await server.stop()
    after = await serve()
    assert await order(after, "announce_motd_get") == Announcement("News", "There are rooms now.")
    assert (await order(after, "announce_welcome_get")).body == "Good to have you here."
    assert await bodies(await connect("juliet", to=after)) == []
    assert await bodies(await connect("romeo", to=after)) == ["There are rooms now."]


async def test_strangers_see_the_message_of_the_day_each_time(
    serve: Serve, server: Server, connect: Connect
) -> None:
    """XEP-0175: nothing is stored for who has no account."""
    mechanisms = ["ANONYMOUS", "PLAIN"]
    other = await serve(auth={"mechanisms": mechanisms})
    await order(other, "announce_motd_set_online", **NEWS)
    for _ in range(2):
        client = await connect(to=other)
        await client.open()
        client.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'>=</auth>")
        await client.next()
        await client.open()
        await client.bind()
        assert await bodies(client) == ["There are rooms now."]
