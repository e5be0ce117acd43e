"""Commands about sessions."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.client import condition
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str, version: int | None = None) -> Any:
    return await server.commands.call(name, list(texts), CALLER, version=version)


async def test_the_client_of_a_kicked_session_is_told_why(server: Server, connect: Connect) -> None:
    balcony, tomb = await connect("juliet/balcony"), await connect("juliet/tomb")
    await call(server, "kick_session", "juliet", "localhost", "balcony", "Stuck connection")
    last = (await balcony.closed())[-1]
    assert condition(last) == "policy-violation"
    assert "Stuck connection" in "".join(last.itertext())
    assert (await tomb.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
    assert await call(server, "connected_users") == ["juliet@localhost/tomb"]
    with pytest.raises(CommandFailed, match="juliet@localhost/balcony is not connected"):
        await call(server, "kick_session", "juliet", "localhost", "balcony", "Again")


async def test_all_sessions_of_an_account_or_a_host_are_kicked(server: Server, connect: Connect) -> None:
    clients = [await connect(who) for who in ("juliet/balcony", "juliet/tomb", "romeo/orchard", "nurse/hall")]
    assert await call(server, "kick_user", "juliet", "localhost") == "Kicked sessions: 2"
    for client in clients[:2]:
        assert condition((await client.closed())[-1]) == "policy-violation"
    assert await call(server, "connected_users_vhost", "localhost") == [
        "nurse@localhost/hall",
        "romeo@localhost/orchard",
    ]
    assert await call(server, "kick_user", "juliet", "localhost", version=0) == 0
    assert await call(server, "kick_users", "localhost") == 2
    assert await call(server, "connected_users_number") == 0


async def test_sessions_are_told_by_what_they_show(server: Server, connect: Connect) -> None:
    shows = {"balcony": "", "tomb": "<show>dnd</show><status>Asleep</status>", "garden": "<show>dnd</show>"}
    for resource, show in shows.items():
        client = await connect(f"juliet/{resource}")
        client.write(f"<presence>{show}<priority>{len(show)}</priority></presence>")
        await client.next()
    silent = await connect("romeo/orchard")
    silent.write("<presence/><presence type='unavailable'/>")
    await silent.next()
    await silent.next()

    async def resources(status: str) -> list[str]:
        return [each.resource for each in await call(server, "status_list", status)]

    assert await resources("dnd") == ["garden", "tomb"]
    assert await resources("available") == ["balcony"]
    assert await resources("all") == ["balcony", "garden", "tomb"]
    assert await call(server, "status_num", "all") == 3
    assert await call(server, "status_num_host", "localhost", "dnd") == 2
    asleep = (await call(server, "status_list_host", "localhost", "dnd"))[1]
    assert (asleep.jid, asleep.priority, asleep.status) == ("juliet@localhost/tomb", 39, "Asleep")
    (romeo,) = await call(server, "user_sessions_info", "romeo", "localhost")
    assert (romeo.status, romeo.priority, romeo.connection) == ("unavailable", -1, "c2s")
    assert romeo.port == silent.writer.get_extra_info("sockname")[1]


async def test_resources_by_number(server: Server, connect: Connect) -> None:
    for resource in ("tomb", "balcony"):
        await connect(f"juliet/{resource}")
    assert await call(server, "resource_num", "juliet", "localhost", "2") == "tomb"
    for number in ("0", "3", "-1"):
        with pytest.raises(CommandFailed, match="juliet@localhost has 2"):
            await call(server, "resource_num", "juliet", "localhost", number)


async def test_a_presence_that_is_set_is_seen_by_contacts(server: Server, connect: Connect) -> None:
    await call(server, "link_contacts", "juliet@localhost", "J", "romeo@localhost", "R")
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    romeo.write("<presence/>")
    await romeo.next()
    arguments = ("juliet", "localhost", "balcony")
    await call(server, "set_presence", *arguments, "available", "xa", "Away for long", "3")
    seen = await romeo.next()
    told = [seen.findtext(f"{{jabber:client}}{name}") for name in ("show", "status", "priority")]
    assert (seen.get("from"), told) == ("juliet@localhost/balcony", ["xa", "Away for long", "3"])
    await call(server, "set_presence", *arguments, "unavailable", "", "Gone", "0")
    gone = await romeo.next()
    assert (gone.get("type"), gone.findtext("{jabber:client}status")) == ("unavailable", "Gone")
    assert (await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
    for wrong in ("128", "high"):
        with pytest.raises(CommandFailed, match=r"^priority: "):
            await call(server, "set_presence", *arguments, "available", "", "", wrong)
