"""Fixtures: Burble, and a scripted server that it speaks with."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from burble.config import Federation
from burble.server import Server
from tests.client import ScriptedClient
from tests.conftest import Serve
from tests.streams.servers.peer import HOST, PEER, Connection, Listener, listening, say
from tests.tls.authority import Issued, authority, dns, make, write_pem

Burble = Callable[..., Awaitable["Served"]]


class Certificates:
    """Certificates, and TLS that shows them.

    Args:
        directory: where the files are written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0
        self.root = authority()
        self.authority = write_pem(directory / "authority.crt", [self.root.certificate])
        self.burble = make([dns(HOST)], self.root).write(directory, "burble")
        self.good = self.context(make([dns(PEER)], self.root))
        self.self_signed = self.context(make([dns(PEER)]))
        self.none = self.context()

    def context(self, shown: Issued | None = None, *, alpn: list[str] | None = None) -> ssl.SSLContext:
        """The connecting side of TLS; it takes any certificate."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._show(context, shown)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def accepting(
        self, shown: Issued | None = None, *, ask: bool = False, alpn: list[str] | None = None
    ) -> ssl.SSLContext:
        """The accepting side of TLS, as peer.test; with `ask` it takes only certificates of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._show(context, shown or make([dns(PEER)], self.root))
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def _show(self, context: ssl.SSLContext, shown: Issued | None) -> None:
        if shown is not None:
            self._count += 1
            files = shown.write(self._directory, f"peer-{self._count}")
            context.load_cert_chain(files.certificate, files.key)


class Served:
    """A running Burble, the way in, and somebody who is there."""

    def __init__(self, server: Server, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    def port(self, kind: str = "s2s") -> int:
        """The port of the first listener of a kind."""
        return int(self.server.listening[kind][0].rpartition(":")[2])

    async def dial(self, peer: str = PEER, *, tls: ssl.SSLContext | None = None) -> Connection:
        """Connect as a server does; with direct TLS where there is a context."""
        connection = Connection(self.port("s2s_tls" if tls else "s2s"), peer)
        await connection.connect(tls)
        self._stack.push_async_callback(connection.close)
        return connection

    async def log_in(self, user: str = "juliet") -> ScriptedClient:
        """A client of somebody with an account."""
        client = await ScriptedClient(self.port("c2s"), HOST).connect()
        self._stack.push_async_callback(client.close)
        await client.login(user)
        client.write("<presence/>")
        await client.find(lambda e: e.tag.endswith("presence"))
        return client

    async def change(self, **federation: Any) -> None:
        """Let other settings of ``[federation]`` hold."""
        settings = self.server.settings
        table = {**settings.federation.model_dump(), **federation}
        await self.server.reload(settings.model_copy(update={"federation": Federation.model_validate(table)}))

    async def left_alone(self) -> None:
        """Wait until it has noticed that all connections from other servers are gone."""
        async with asyncio.timeout(5):
            while self.server.federation.incoming:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def encrypted(served: Served, certificates: Certificates) -> Connection:
    """A stream of peer.test, whose certificate proves nothing."""
    stream = await served.dial()
    await stream.encrypted(certificates.none)
    return stream


async def proved(served: Served, peer: Listener, certificates: Certificates) -> Connection:
    """A stream whose domain was proved by dialback."""
    stream = await encrypted(served, certificates)
    stream.dial()
    await peer.verifies(certificates.accepting())
    assert (await stream.next()).get("type") == "valid"
    return stream


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority that Burble trusts, and certificates."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def peer() -> AsyncIterator[Listener]:
    """The server of peer.test; it does nothing by itself."""
    async with listening() as listener:
        yield listener


@pytest.fixture
async def burble(serve: Serve, peer: Listener, certificates: Certificates) -> AsyncIterator[Burble]:
    """Starts Burble as burble.test, with accounts for juliet and nurse; arguments are for ``[federation]``.

    It finds the server of peer.test at `peer`; ``domains`` and ``elsewhere``, listeners, are for others.
    """
    async with AsyncExitStack() as stack:

        async def start(*elsewhere: Listener, hosts: list[str] | None = None, **changes: Any) -> Served:
            domains = {each.peer: {"address": f"127.0.0.1:{each.port}"} for each in (peer, *elsewhere)}
            for domain, settings in changes.pop("domains", {}).items():
                domains[domain] = {**domains.get(domain, {}), **settings}
            server = await serve(
                hosts=[HOST, *(hosts or [])],
                listen={"s2s": ["127.0.0.1:0"], "s2s_tls": ["127.0.0.1:0"]},
                tls={"certificate": certificates.burble.certificate, "key": certificates.burble.key},
                federation={
                    "enabled": True,
                    "trust": [certificates.authority],
                    "connect_timeout": 5,
                    "domains": domains,
                    **changes,
                },
            )
            for user in ("juliet", "nurse"):
                await server.hosts[HOST].register(user, "secret")
            return Served(server, stack)

        yield start


@pytest.fixture
async def served(burble: Burble) -> Served:
    """Burble with its defaults."""
    return await burble()


@pytest.fixture
async def juliet(served: Served) -> ScriptedClient:
    """A client of juliet's."""
    return await served.log_in()


@pytest.fixture
async def connection(juliet: ScriptedClient, peer: Listener) -> Connection:
    """The connection that Burble makes for juliet's first message to peer.test."""
    say(juliet, "one")
    return await peer.next()
