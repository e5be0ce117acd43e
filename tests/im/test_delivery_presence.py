"""Who gets presence that is addressed to somebody (RFC 6121 §8.5). Subscriptions have tests of their own."""

from __future__ import annotations

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect
from tests.presences import appear

JULIET = "juliet@localhost"
SUBSCRIPTION_TYPES = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"]


def write(client: ScriptedClient, to: str, kind: str) -> None:
    type_ = f" type='{kind}'" if kind else ""
    client.write(f"<presence to='{to}'{type_}><status>wherefore?</status></presence>")


async def took(client: ScriptedClient, kind: str) -> bool:
    await client.sync()
    try:
        presence = await client.next(timeout=0.01)
    except TimeoutError:
        return False
    await client.nothing()
    assert presence.tag == f"{CLIENT}presence"
    assert presence.get("type", "") == kind
    assert presence.findtext(f"{CLIENT}status") == "wherefore?"
    return True


@pytest.mark.parametrize("kind", ["", "unavailable", "error", "probe", *SUBSCRIPTION_TYPES])
@pytest.mark.parametrize("to", ["nobody@localhost", "nobody@localhost/balcony"])
async def test_to_an_account_that_does_not_exist(
    server: Server, connect: Connect, to: str, kind: str
) -> None:
    """§8.5.1: ignored; the sender learns nothing."""
    romeo = await connect("romeo")
    write(romeo, to, kind)
    await romeo.nothing()


@pytest.mark.parametrize("kind", ["", "unavailable", "error"])
async def test_to_a_bare_jid_with_resources(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.2.1.2: availability goes to all available resources, negative ones too; an error to none."""
    romeo = await connect("romeo")
    garden = await connect("juliet/garden")  # connected, not available
    balcony = await appear(await connect("juliet/balcony"), 1)
    tomb = await appear(await connect("juliet/tomb"), -1)
    await balcony.next()  # the presence of the tomb
    await tomb.next()  # and of the balcony
    write(romeo, JULIET, kind)
    await romeo.nothing()
    expected = kind != "error"
    assert await took(balcony, kind) is expected
    assert await took(tomb, kind) is expected
    assert not await took(garden, kind)


@pytest.mark.parametrize("kind", ["", "unavailable", "error"])
async def test_to_a_bare_jid_without_available_resources(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.2.2.2: ignored."""
    romeo, juliet = await connect("romeo"), await connect("juliet/garden")
    write(romeo, JULIET, kind)
    await romeo.nothing()
    await juliet.nothing()


@pytest.mark.parametrize("kind", ["", "unavailable", "error"])
@pytest.mark.parametrize("available", [False, True])
async def test_to_a_resource_that_is_there(
    server: Server, connect: Connect, available: bool, kind: str
) -> None:
    """§8.5.3.1: delivered to that resource and no other, available or only connected."""
    romeo = await connect("romeo")
    chamber = await appear(await connect("juliet/chamber"))
    juliet = await connect("juliet/balcony")
    if available:
        await appear(juliet)
        await juliet.next()
        await chamber.next()
    write(romeo, juliet.jid, kind)
    await romeo.nothing()
    assert await took(juliet, kind)
    assert not await took(chamber, kind)


@pytest.mark.parametrize("kind", ["", "unavailable", "error"])
async def test_to_a_resource_that_is_not_there(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.3.2.2: ignored; no other resource gets it."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/chamber"))
    write(romeo, f"{JULIET}/balcony", kind)
    await romeo.nothing()
    await juliet.nothing()


@pytest.mark.parametrize("resource", ["", "/balcony", "/elsewhere"])
async def test_a_subscription_request_is_for_the_account(
    server: Server, connect: Connect, resource: str
) -> None:
    """§8.5.2.1.2, §8.5.3.1, §3.1.3: whatever resource it names, all available resources get it."""
    romeo = await connect("romeo")
    balcony = await appear(await connect("juliet/balcony"), -1)
    write(romeo, f"{JULIET}{resource}", "subscribe")
    await romeo.sync()
    assert await took(balcony, "subscribe")
