"""Two servers, and what is between their users when one of them goes and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from burble.testing import serving, settings
from tests.client import CLIENT, ScriptedClient
from tests.im.scripts import said

JULIET, ROMEO = "juliet@capulet.test", "romeo@montague.test"
ORCHARD = "orchard@conference.capulet.test"


class Pair:
    """The servers of capulet.test and montague.test, in one process, which know where the other is."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        #: How long stanzas wait for a server that is down, seconds.
        self.queue_timeout = 60.0
        self._running: dict[str, AsyncExitStack] = {}
        self._addresses: dict[str, str] = {}
        self._listen: dict[str, str] = {}
        self.servers: dict[str, Server] = {}

    async def start(self, domain: str) -> Server:
        """Start one, where it was when it ran before."""
        stack = self._running[domain] = AsyncExitStack()
        self._listen[domain] = self._addresses.get(domain, "127.0.0.1:0")
        changes = self._settings(domain)
        directory = self._directory / domain
        server = self.servers[domain] = await stack.enter_async_context(serving(directory, **changes))
        if domain not in self._addresses:
            (self._addresses[domain],) = server.listening["s2s"]
        for other, known in self.servers.items():
            if known is not server:
                await known.reload(settings(self._directory / other, **self._settings(other)))
        return server

    async def start_both(self) -> None:
        """Start the two."""
        for domain in ("capulet.test", "montague.test"):
            await self.start(domain)

    async def stop(self, domain: str) -> None:
        """Stop one."""
        del self.servers[domain]
        await self._running.pop(domain).aclose()

    async def user(self, jid: str) -> ScriptedClient:
        """Log in and be available; what comes of that stays to be read."""
        user, _, domain = jid.partition("@")
        server = self.servers[domain]
        host = server.hosts[domain]
        if not await host.authenticator.exists(user):
            await host.register(user, "secret")
        client = await ScriptedClient(int(server.listening["c2s"][0].rpartition(":")[2]), domain).connect()
        self._running[domain].push_async_callback(client.close)
        await client.login(user, resource="home")
        client.write("<presence/>")
        return client

    def _settings(self, domain: str) -> dict[str, Any]:
        return {
            "hosts": [domain],
            "listen": {"s2s": [self._listen[domain]]},
            "database": {"url": f"sqlite:///{self._directory / domain}.db"},
            "federation": {
                "enabled": True,
                "connect_timeout": 5,
                "queue_timeout": self.queue_timeout,
                "domains": {
                    name: {"address": address}
                    for other, address in self._addresses.items()
                    if other != domain
                    for name in (other, f"conference.{other}")
                },
            },
        }


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Both servers, not running yet."""
    pair = Pair(tmp_path)
    yield pair
    for domain in list(pair.servers):
        await pair.stop(domain)


async def sees(client: ScriptedClient, contact: str, kind: str = "", show: str | None = None) -> None:
    """Wait until a client is told something of a contact's client."""
    wanted = (f"{contact}/home", kind)
    await client.find(
        lambda e: (
            e.tag == f"{CLIENT}presence" and said(e)[:2] == wanted and e.findtext(f"{CLIENT}show") == show
        )
    )


async def befriend(one: ScriptedClient, other: ScriptedClient) -> None:
    """Subscribe two to each other."""
    for asker, asked in ((one, other), (other, one)):
        asker.write(f"<presence to='{asked.bare}' type='subscribe'/>")
        await asked.find(lambda e: e.get("type") == "subscribe")
        asked.write(f"<presence to='{asker.bare}' type='subscribed'/>")
        await sees(asker, asked.bare)


@pytest.mark.parametrize("patience", [60.0, 0.1])
async def test_contacts_see_each_other_when_a_server_is_back(pair: Pair, patience: float) -> None:
    """RFC 6121 §4.5.2, §4.3: the end of one server is seen as all its users going; what its users missed
    meanwhile they learn by probes, and are seen again themselves. So it is whether what was for them has
    waited or come back."""
    pair.queue_timeout = patience
    await pair.start_both()
    juliet, romeo = await pair.user(JULIET), await pair.user(ROMEO)
    await befriend(juliet, romeo)
    await pair.stop("montague.test")
    await sees(juliet, ROMEO, "unavailable")
    juliet.write("<presence><show>away</show></presence>")
    if patience < 1:
        await juliet.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("type") == "error")
    await pair.start("montague.test")
    romeo = await pair.user(ROMEO)
    await sees(juliet, ROMEO)
    await sees(romeo, JULIET, show="away")
    juliet.write("<presence><show>dnd</show></presence>")
    await sees(romeo, JULIET, show="dnd")


async def test_a_request_reaches_who_was_not_there(pair: Pair) -> None:
    """RFC 6121 §3.1.2: a request that failed is sent again when its user comes the next time."""
    await pair.start_both()
    juliet = await pair.user(JULIET)
    await (await pair.user(ROMEO)).sync()
    await pair.stop("montague.test")
    juliet.write(
        f"<presence to='{ROMEO}' type='subscribe'/>"
        "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"
    )
    await juliet.find(lambda e: e.get("id") == "r")
    await pair.start("montague.test")
    romeo = await pair.user(ROMEO)
    juliet.write("<presence type='unavailable'/><presence/>")
    request = await romeo.find(lambda e: e.get("type") == "subscribe")
    assert said(request) == (JULIET, "subscribe", ROMEO)


async def test_occupants_leave_with_their_server_and_may_come_back(pair: Pair) -> None:
    """XEP-0045 §7.14, §11.2: whichever of the two servers goes."""
    await pair.start_both()
    juliet, romeo = await pair.user(JULIET), await pair.user(ROMEO)
    enter = "<presence to='{}/{}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    juliet.write(enter.format(ORCHARD, "juliet"))
    juliet.write(
        f"<iq type='set' id='r' to='{ORCHARD}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
        "<x xmlns='jabber:x:data' type='submit'/></query></iq>"
    )
    await juliet.find(lambda e: e.get("id") == "r")

    async def hears(client: ScriptedClient, nick: str, kind: str | None = None) -> list[str | None]:
        found = await client.find(lambda e: e.get("from") == f"{ORCHARD}/{nick}" and e.get("type") == kind)
        return [each.get("code") for each in found.iter("{http://jabber.org/protocol/muc#user}status")]

    for _ in range(2):
        romeo.write(enter.format(ORCHARD, "romeo"))
        await hears(romeo, "romeo")
        await hears(juliet, "romeo")
        await pair.stop("montague.test")
        await hears(juliet, "romeo", "unavailable")
        await pair.start("montague.test")
        romeo = await pair.user(ROMEO)
    romeo.write(enter.format(ORCHARD, "romeo"))
    await hears(romeo, "romeo")
    await pair.stop("capulet.test")
    assert "332" in await hears(romeo, "romeo", "unavailable")
