"""Accounts that nobody can log in to for now, and who of the others is active."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET

import pytest

from burble.commands import CommandFailed
from burble.commands.activity import IDLE_AFTER
from burble.server import Server
from burble.streams.base import REST_EVERY
from burble.timestamps import parse_stamp
from tests.adhoc.commands import order
from tests.client import SASL, STREAM_ERRORS, ScriptedClient, condition
from tests.conftest import Connect


async def refused(client: ScriptedClient) -> str:
    """The condition a login of juliet fails with."""
    await client.open()
    answer = await client.authenticate("juliet", "secret")
    assert answer.tag == f"{SASL}failure", ET.tostring(answer)
    return answer[0].tag.removeprefix(SASL)


async def test_a_ban_ends_the_sessions_and_refuses_the_login(server: Server, connect: Connect) -> None:
    """XEP-0133 §4.3, RFC 6120 §6.5.1."""
    clients = [await connect("juliet/balcony"), await connect("juliet/chamber")]
    await order(server, "ban_account", user="juliet", reason="Spam")
    for client in clients:
        (error,) = await client.closed()
        assert condition(error) == "not-authorized"
        assert "Spam" in (error.findtext(f"{STREAM_ERRORS}text") or "")
    assert await refused(await connect()) == "account-disabled"
    await connect("romeo")


async def test_nobody_learns_of_a_ban_without_the_password(server: Server, connect: Connect) -> None:
    await order(server, "ban_account", user="juliet", reason="")
    client = await connect()
    await client.open()
    answer = await client.authenticate("juliet", "wrong")
    assert answer[0].tag == f"{SASL}not-authorized"


async def test_a_login_that_has_begun_comes_too_late(server: Server, connect: Connect) -> None:
    client = await connect()
    await client.open()
    await client.authenticate("juliet", "secret")
    await client.open()
    await order(server, "ban_account", user="juliet", reason="")
    assert condition(await client.bind()) == "not-authorized"


async def test_an_unbanned_account_is_as_it_was(server: Server, connect: Connect) -> None:
    """XEP-0133 §4.4: with the password, the contacts and the messages it had."""
    await order(server, "ban_account", user="juliet", reason="Spam")
    romeo = await connect("romeo")
    romeo.write("<message to='juliet@localhost' type='chat'><body>Where art thou?</body></message>")
    await romeo.sync()
    await order(server, "unban_account", user="juliet")
    juliet = await connect("juliet")
    juliet.write("<presence/>")
    assert (await juliet.next()).findtext("{jabber:client}body") == "Where art thou?"
    assert await order(server, "get_ban_details", user="juliet") == []


async def test_what_is_known_of_a_ban(server: Server, connect: Connect) -> None:
    assert await order(server, "get_ban_details", user="juliet") == []
    await order(server, "ban_account", user="juliet", reason="Spam")
    await order(server, "ban_account", user="juliet", reason="More spam")
    details = {each.name: each.value for each in await order(server, "get_ban_details", user="juliet")}
    assert list(details) == ["reason", "bandate", "lastdate", "lastreason"]
    assert (details["reason"], details["lastdate"]) == ("More spam", "")
    assert abs(parse_stamp(details["bandate"]).timestamp() - time.time()) < 60


async def test_who_is_banned(server: Server) -> None:
    assert await order(server, "count_banned") == 0
    for user in ("romeo", "juliet"):
        await order(server, "ban_account", user=user, reason="")
    assert await order(server, "count_banned") == 2
    assert await order(server, "list_banned") == ["juliet@localhost", "romeo@localhost"]


async def test_nothing_is_left_of_a_ban_when_the_account_is_removed(server: Server, connect: Connect) -> None:
    host = server.hosts["localhost"]
    await order(server, "ban_account", user="juliet", reason="Spam")
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    await connect("juliet")
    assert await order(server, "list_banned") == []


@pytest.mark.parametrize("name", ["ban_account", "unban_account", "get_ban_details", "user_stats"])
async def test_accounts_that_are_not_there(server: Server, name: str) -> None:
    more = {"reason": ""} if name == "ban_account" else {}
    with pytest.raises(CommandFailed, match="there is no account nobody@localhost"):
        await order(server, name, user="nobody", **more)


async def test_who_is_not_banned_can_t_be_unbanned(server: Server) -> None:
    with pytest.raises(CommandFailed, match="juliet@localhost is not banned"):
        await order(server, "unban_account", user="juliet")


# ---- activity


async def active(server: Server, activity: str) -> list[str]:
    """Localparts of the users who are so."""
    found = await order(server, "users_by_activity", activity=activity)
    return [jid.removesuffix("@localhost") for jid in found]


async def test_who_is_away_everywhere_is_idle(server: Server, connect: Connect) -> None:
    balcony, chamber = await connect("juliet/balcony"), await connect("juliet/chamber")
    await connect("romeo")
    balcony.write("<presence><show>away</show></presence>")
    chamber.write("<presence><show>dnd</show></presence>")
    for client in (balcony, chamber):
        await client.sync()
    assert await active(server, "idle") == []
    chamber.write("<presence><show>xa</show></presence>")
    await chamber.sync()
    assert await active(server, "idle") == ["juliet"]
    assert await active(server, "active") == ["romeo"]
    assert await active(server, "online") == ["juliet", "romeo"]


async def test_who_sends_nothing_for_long_is_idle(server: Server, connect: Connect) -> None:
    juliet, _ = await connect("juliet"), await connect("romeo")
    (session,) = server.hosts["localhost"].sessions.of("juliet")
    stream = session.detach()
    assert stream is not None
    session.attach(stream)
    for _ in range(int(IDLE_AFTER / REST_EVERY) + 1):  # the first finds what was sent before
        assert await active(server, "idle") == []
        stream.rest()
    assert await active(server, "idle") == ["juliet"]
    await juliet.sync()
    stream.rest()
    assert await active(server, "idle") == []


async def test_what_is_known_of_a_user(server: Server, connect: Connect) -> None:
    stats = await order(server, "user_stats", user="juliet")
    assert (stats.addresses, stats.contacts, stats.resources, stats.last_login) == ([], 0, [], "")
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost'/></query>")
    stats = await order(server, "user_stats", user="juliet")
    assert (stats.addresses, stats.contacts, stats.resources) == (["127.0.0.1"], 1, ["balcony"])
    assert abs(parse_stamp(stats.last_login).timestamp() - time.time()) < 60
    juliet.write("</stream:stream>")
    await juliet.closed()
    stats = await order(server, "user_stats", user="juliet")
    assert stats.resources == []
    assert abs(parse_stamp(stats.last_login).timestamp() - time.time()) < 60
