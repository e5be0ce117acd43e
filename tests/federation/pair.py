"""Two real servers in one process, a.test and b.test, with a meddler on each way between them."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from burble.testing import settings
from tests.client import CLIENT, ScriptedClient, condition
from tests.federation.meddler import Meddler
from tests.federation.peers.authority import Authority

PATIENCE = 10.0


class Pair:
    """The servers, who has accounts there, and the ways between them.

    Args:
        directory: where the servers keep their files.
        certified: their certificates prove their domains; else dialback does.
        limits: other settings of both.
        federation: settings for both; tables ``a`` and ``b`` in it are for one of them.

    Attributes:
        to_a, to_b: where the connections to a.test and to b.test pass.
        a, b: the servers.
        romeo: is logged in to a.test; juliet: to b.test.
    """

    def __init__(
        self,
        directory: Path,
        *,
        certified: bool = False,
        limits: dict[str, Any] | None = None,
        **federation: Any,
    ) -> None:
        self._directory = directory
        self._limits = {"rate": 0, **(limits or {})}
        self._tls: dict[str, Any] = {}
        if certified:
            authority = Authority(directory)
            files = authority.issue("a.test", "b.test")
            self._tls = {"certificate": files.certificate, "key": files.key}
            federation["trust"] = [authority.certificate]
        self._own = {"a": federation.pop("a", {}), "b": federation.pop("b", {})}
        self._federation = federation
        self._stack = AsyncExitStack()
        self._more: dict[str, list[str]] = {"a": [], "b": []}
        self._found: list[str] = []
        self._servers: dict[str, Server] = {}
        self._clients: list[ScriptedClient] = []
        self.to_a, self.to_b = Meddler(), Meddler()

    @property
    def a(self) -> Server:
        return self._servers["a"]

    @property
    def b(self) -> Server:
        return self._servers["b"]

    async def open(self) -> None:
        """Start everything."""
        await self._stack.enter_async_context(self.to_a)
        await self._stack.enter_async_context(self.to_b)
        await self.start("a")
        await self.start("b")
        self.romeo = await self.log_in("a", "romeo", register=True)
        self.juliet = await self.log_in("b", "juliet", register=True)

    async def close(self) -> None:
        """Stop everything."""
        for meddler in (self.to_a, self.to_b):
            meddler.flow()
        for client in self._clients:
            await client.close()
        for name in list(self._servers):
            await self.stop(name)
        await self._stack.aclose()

    def changes(self, name: str, **federation: Any) -> dict[str, Any]:
        """The settings of one of the servers."""
        other, way = ("b", self.to_b) if name == "a" else ("a", self.to_a)
        table = {"enabled": True, "connect_timeout": PATIENCE, **self._federation, **self._own[name]}
        domains = table.pop("domains", {})
        for domain in (f"{other}.test", *self._more[other], *domains):
            if domain in self._found:
                continue
            domains[domain] = {"address": way.address, **domains.get(domain, {})}
        return {
            "hosts": [f"{name}.test", *self._more[name]],
            "listen": {"s2s": ["127.0.0.1:0"]},
            "limits": self._limits,
            "tls": self._tls,
            "federation": {**table, "domains": domains, **federation},
        }

    async def start(self, name: str) -> None:
        """Start one of the servers, perhaps again."""
        server = Server(settings(self._directory / name, **self.changes(name)))
        await server.start()
        self._servers[name] = server
        way = self.to_a if name == "a" else self.to_b
        way.to = int(server.listening["s2s"][0].rpartition(":")[2])

    async def stop(self, name: str) -> None:
        """Stop one of the servers, as an administrator does."""
        await self._servers.pop(name).stop()

    async def log_in(
        self, name: str, user: str, *, domain: str = "", register: bool = False, available: bool = True
    ) -> ScriptedClient:
        """A client of one of the servers."""
        domain = domain or f"{name}.test"
        if register:
            await self._servers[name].hosts[domain].register(user, "secret")
        port = int(self._servers[name].listening["c2s"][0].rpartition(":")[2])
        client = await ScriptedClient(port, domain).connect()
        self._clients.append(client)
        await client.login(user)
        if available:
            client.write("<presence/>")
            await client.sync()
        return client

    async def add_host(self, name: str, domain: str, *, by_dns: bool = False) -> None:
        """Let one of the servers serve another domain; the other server finds it on the same way."""
        self._more[name].append(domain)
        if by_dns:
            self._found.append(domain)
        for each in ("a", "b"):
            await self.reload(each)

    async def remove_host(self, name: str, domain: str) -> None:
        """Let one of the servers serve a domain no more."""
        self._more[name].remove(domain)
        await self.reload(name)

    async def reload(self, name: str, **federation: Any) -> None:
        """Let other settings of federation hold."""
        server = self._servers[name]
        await server.reload(settings(self._directory / name, **self.changes(name, **federation)))


@asynccontextmanager
async def two(directory: Path, **settings: Any) -> AsyncIterator[Pair]:
    """Two servers for as long as the context lasts; see `Pair`."""
    pair = Pair(directory, **settings)
    try:
        await pair.open()
        yield pair
    finally:
        await pair.close()


def say(client: ScriptedClient, to: str, *numbers: int, size: int = 0) -> None:
    """Send messages with numbers for bodies."""
    for number in numbers:
        body = f"{number}{' ' * size}"
        client.write(f"<message to='{to}' type='chat' id='m{number}'><body>{body}</body></message>")


def is_said(element: ET.Element) -> bool:
    """Whether an element is a message that says something, or that could not be delivered."""
    return element.tag == f"{CLIENT}message" and (
        element.find(f"{CLIENT}body") is not None or element.get("type") == "error"
    )


def number_of(element: ET.Element) -> int:
    """The number that somebody said."""
    assert element.get("type") == "chat", ET.tostring(element)
    return int(element.findtext(f"{CLIENT}body") or "")


async def heard(client: ScriptedClient, count: int, timeout: float = PATIENCE) -> list[int]:
    """The numbers of so many messages."""
    numbers: list[int] = []
    try:
        async with asyncio.timeout(timeout):
            while len(numbers) < count:
                numbers.append(number_of(await client.find(is_said, timeout)))
    except TimeoutError:
        pytest.fail(f"of {count} messages these arrived: {numbers}")
    return numbers


async def bounced(client: ScriptedClient, count: int = 1, timeout: float = PATIENCE) -> list[tuple[str, str]]:
    """The ids of so many messages that came back, each with the condition."""
    came: list[tuple[str, str]] = []
    async with asyncio.timeout(timeout):
        while len(came) < count:
            element = await client.find(lambda each: each.get("type") == "error", timeout)
            came.append((element.get("id") or "", condition(element)))
    return came


async def until(predicate: Any, timeout: float = PATIENCE) -> None:
    """Wait until something is so that no event tells of."""
    async with asyncio.timeout(timeout):
        while not predicate():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def no_more(*clients: ScriptedClient) -> None:
    """Make sure that nothing else was said to them, or came back."""
    for client in clients:
        await client.sync()
        with pytest.raises(TimeoutError):  # all is there already
            pytest.fail(ET.tostring(await client.find(is_said, 0.01)).decode())
