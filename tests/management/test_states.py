"""What modules keep for a session is there when its client comes back, also after a restart."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Serve
from tests.management.words import (
    QUIET,
    SM,
    available,
    bodies,
    drop,
    enable,
    everything,
    login,
    managed,
    resume,
    write,
)
from tests.modules.privacylists import choose, names, rule, store

CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"
INACTIVE = "<inactive xmlns='urn:xmpp:csi:0'/>"


async def start(serve: Serve, url: str, *, users: bool = True) -> Server:
    server = await serve(database={"url": url}, modules={"stream_management": QUIET})
    for user in ("juliet", "romeo") if users else ():
        await server.hosts["localhost"].register(user, "secret")
    return server


async def connected(server: Server, user: str, resource: str) -> ScriptedClient:
    client = await login(server, user)
    await client.bind(resource)
    return await available(client)


async def back(server: Server, id: str, had: int) -> ScriptedClient:
    """Juliet's phone resumes its session, of which it has had so many stanzas."""
    client, answer = await resume(server, "juliet", id, had)
    assert answer.tag == f"{SM}resumed"
    return client


def statuses(elements: list[ET.Element]) -> list[str]:
    return [e.findtext(f"{CLIENT}status") or "" for e in elements if e.tag == f"{CLIENT}presence"]


@pytest.mark.parametrize("restart", [False, True])
async def test_what_was_held_back_comes_when_the_client_does(
    serve: Serve, database_url: str, restart: bool
) -> None:
    """XEP-0352 §5.2: the newest of each, and the resumed stream is active."""
    server = await start(serve, database_url)
    juliet = await login(server, "juliet")
    await juliet.bind("phone")
    id = await enable(juliet)
    await available(juliet)
    romeo = await connected(server, "romeo", "orchard")
    juliet.write(INACTIVE)
    await juliet.sync()
    had = len(managed(server, "juliet").queue)
    for status in ("one", "two"):
        romeo.write(f"<presence to='juliet@localhost/phone'><status>{status}</status></presence>")
        await romeo.sync()
    await drop(server, juliet)
    romeo.write("<presence to='juliet@localhost/phone'><status>three</status></presence>")
    await romeo.sync()
    assert len(managed(server, "juliet").queue) == had
    if restart:
        await server.stop()
        server = await start(serve, database_url, users=False)
        romeo = await connected(server, "romeo", "orchard")
    juliet = await back(server, id, had)
    came = statuses(await everything(juliet))
    assert came[0] == "three"
    assert "two" not in came
    romeo.write("<presence to='juliet@localhost/phone'><status>four</status></presence>")
    await romeo.sync()
    assert statuses(await everything(juliet)) == ["four"]


async def test_choices_outlive_a_restart(serve: Serve, database_url: str) -> None:
    """Carbons (XEP-0280), and the active privacy list (XEP-0016)."""
    server = await start(serve, database_url)
    juliet = await login(server, "juliet")
    await juliet.bind("phone")
    id = await enable(juliet)
    await available(juliet)
    await juliet.ask("set", CARBONS)
    await store(juliet, "strict", rule("deny", 1, "jid romeo@localhost", "message"))
    await store(juliet, "mild", rule("allow", 1))
    await choose(juliet, "active", "mild")
    await choose(juliet, "default", "strict")
    had = len(managed(server, "juliet").queue)
    await drop(server, juliet)
    await server.stop()

    server = await start(serve, database_url, users=False)
    romeo, desk = await connected(server, "romeo", "orchard"), await connected(server, "juliet", "desk")
    write(romeo, "juliet@localhost/desk", "for the desk")
    assert condition(await romeo.find(lambda e: e.get("type") == "error")) == "service-unavailable"
    write(romeo, "juliet@localhost/phone", "for the phone")
    write(desk, "romeo@localhost", "from the desk")
    await romeo.sync()
    await desk.sync()
    juliet = await back(server, id, had)
    came = [e for e in await everything(juliet) if e.tag == f"{CLIENT}message"]
    assert [e.findtext(f"{CLIENT}body") for e in came] == ["for the phone", None]
    assert came[1].find("{urn:xmpp:carbons:2}sent") is not None
    assert (await names(juliet))[:2] == ["active mild", "default strict"]
    assert await bodies(desk) == []
