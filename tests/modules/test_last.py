"""XEP-0012: how long the server has been up, and an account away."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from burble.routing.events import SessionClosed
from burble.server import Server
from burble.testing import serving
from tests.client import CLIENT, STREAMS, ScriptedClient, condition
from tests.conftest import Connect
from tests.modules.contacts import subscribe

LAST = "{jabber:iq:last}"
QUERY = "<query xmlns='jabber:iq:last'/>"

Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Sets the clock forward."""

    def forward(seconds: float) -> None:
        before = time.time
        monkeypatch.setattr(time, "time", lambda: before() + seconds)

    return forward


async def ask(client: ScriptedClient, to: str) -> tuple[int, str | None]:
    """The seconds, and the text."""
    answer = await client.ask("get", QUERY, to)
    assert answer.get("type") == "result", ET.tostring(answer)
    assert answer[0].tag == f"{LAST}query"
    return int(answer[0].get("seconds", "")), answer[0].text


async def gone(client: ScriptedClient, server: Server) -> None:
    """Drop the client's connection and wait until the server has noticed."""
    noticed = asyncio.Event()
    off = server.hosts["localhost"].hooks.on(SessionClosed, lambda event: noticed.set(), priority=-1)
    await client.close()
    await noticed.wait()
    off()


async def dismissed(client: ScriptedClient) -> None:
    """Leave when the server says that it goes down."""
    await client.find(lambda e: e.tag == f"{STREAMS}error")
    await client.close()


async def test_the_server_tells_for_how_long_it_has_been_up(connect: Connect, later: Later) -> None:
    """§5: whole seconds, and no text."""
    juliet = await connect("juliet")
    seconds, text = await ask(juliet, "localhost")
    assert 0 <= seconds < 60
    later(123456)
    seconds, text = await ask(juliet, "localhost")
    assert 123456 <= seconds < 123456 + 60
    assert text is None


async def test_a_contact_learns_when_somebody_left_and_what_they_said(
    server: Server, connect: Connect, later: Later
) -> None:
    """§3: the seconds since the logout, and the status of the last unavailable presence."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await subscribe(romeo, juliet)
    assert await ask(romeo, "juliet@localhost") == (0, None)
    juliet.write("<presence type='unavailable'><status>Heading Home</status></presence>")
    await juliet.sync()
    assert await ask(romeo, "juliet@localhost") == (0, None)  # connected still
    await gone(juliet, server)
    later(903)
    seconds, text = await ask(romeo, "juliet@localhost")
    assert 903 <= seconds < 903 + 10
    assert text == "Heading Home"


async def test_only_the_last_session_s_end_counts(server: Server, connect: Connect, later: Later) -> None:
    """§3: 0 while a resource is connected; the status of an earlier absence does not last."""
    balcony, romeo = await connect("juliet/balcony"), await connect("romeo")
    await subscribe(romeo, balcony)
    chamber = await connect("juliet/chamber")
    chamber.write("<presence/>")
    balcony.write("<presence type='unavailable'><status>Heading Home</status></presence>")
    await gone(balcony, server)
    later(100)
    assert await ask(romeo, "juliet@localhost") == (0, None)
    await gone(chamber, server)
    later(200)
    seconds, text = await ask(romeo, "juliet@localhost")
    assert 200 <= seconds < 200 + 10
    assert text is None


async def test_the_owner_asks_for_itself(connect: Connect) -> None:
    """§3: it is connected, so 0."""
    juliet = await connect("juliet")
    assert await ask(juliet, "juliet@localhost") == (0, None)


async def test_who_may_not_see_the_presence_is_refused(connect: Connect) -> None:
    """§3, §8: forbidden, online or not, and the same where there is no account."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await subscribe(romeo, juliet)  # romeo sees juliet, but she does not see him
    for to in ("romeo@localhost", "nurse@localhost", "nobody@localhost"):
        assert condition(await juliet.ask("get", QUERY, to)) == "forbidden"


async def test_a_client_s_idle_time_is_for_contacts_too(connect: Connect) -> None:
    """§4: the request is not delivered to the resource, but answered with forbidden.

    §8: and so is one to a resource that is not connected, so that nobody learns which are.
    """
    juliet, romeo, nurse = await connect("juliet/balcony"), await connect("romeo"), await connect("nurse")
    await subscribe(romeo, juliet)
    for resource in ("balcony", "chamber"):
        assert condition(await nurse.ask("get", QUERY, f"juliet@localhost/{resource}")) == "forbidden"
    assert condition(await romeo.ask("get", QUERY, "juliet@localhost/chamber")) == "service-unavailable"
    romeo.write(f"<iq type='get' id='idle' to='juliet@localhost/balcony'>{QUERY}</iq>")
    request = await juliet.find(lambda e: e.tag == f"{CLIENT}iq")
    assert request.get("from") == romeo.jid
    juliet.write(
        f"<iq type='result' id='idle' to='{romeo.jid}'><query xmlns='jabber:iq:last' seconds='123'/></iq>"
    )
    answer = await romeo.find(lambda e: e.get("id") == "idle")
    assert answer[0].get("seconds") == "123"


async def test_other_requests_reach_any_connected_resource(connect: Connect) -> None:
    """RFC 6121 §8.5.3.1: only this one is held back."""
    juliet, nurse = await connect("juliet/balcony"), await connect("nurse")
    nurse.write("<iq type='get' id='p' to='juliet@localhost/balcony'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert (await juliet.find(lambda e: e.tag == f"{CLIENT}iq")).get("id") == "p"


async def test_an_account_that_was_never_connected(server: Server, connect: Connect) -> None:
    """Its owner has approved the contact elsewhere, and nothing is known of a logout."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await subscribe(romeo, juliet)
    host = server.hosts["localhost"]
    last = host.modules["last"]
    await last.unload()
    await gone(juliet, server)
    await last.load()
    assert condition(await romeo.ask("get", QUERY, "juliet@localhost")) == "item-not-found"


async def test_it_can_t_be_set(connect: Connect) -> None:
    juliet = await connect("juliet")
    for to in ("localhost", "juliet@localhost"):
        assert condition(await juliet.ask("set", QUERY, to)) == "not-allowed"


async def test_it_is_remembered_over_a_restart(tmp_path: Path, connect: Connect, later: Later) -> None:
    """The clean stop ends the sessions, which counts as the logout; all of it is committed."""
    async with serving(tmp_path / "own") as server:
        for user in ("juliet", "romeo"):
            await server.hosts["localhost"].register(user, "secret")
        juliet, romeo = await connect("juliet", to=server), await connect("romeo", to=server)
        await subscribe(romeo, juliet)
        leaving = asyncio.gather(dismissed(juliet), dismissed(romeo))
    await leaving
    later(500)
    async with serving(tmp_path / "own") as server:
        romeo = await connect("romeo", to=server)
        seconds, _ = await ask(romeo, "juliet@localhost")
        assert 500 <= seconds < 510
        await romeo.close()
