"""The server: builds everything from the settings, starts it, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from burble import modules
from burble.auth import InternalAuthenticator
from burble.config import Address, HostSettings, Settings
from burble.errors import StreamError
from burble.module import Module
from burble.routing.federation import FederationManager
from burble.routing.hosts import Host
from burble.routing.router import Router
from burble.storage import Database
from burble.streams.c2s import C2SStream
from burble.streams.parser import ParserLimits
from burble.tls import CertificateFiles, TlsContext, self_signed
from burble.tls.context import DEFAULT_CIPHERS
from burble.transports.tcp import TcpCarrier, TcpSettings

_log = logging.getLogger("burble.server")

# How often streams are asked whether they sleep, so that an idle one keeps little memory.
_REST_EVERY: Final = 10.0


class Server:
    """An XMPP server; several may run in one process.

        async with Server(Settings(hosts=["example.org"])):
            ...

    Args:
        settings: what `burble.config.load` read, or made in place.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.router = Router(FederationManager().route)
        self.hosts: dict[str, Host] = {}
        self.started = time.time()
        self._listeners: list[asyncio.Server] = []
        self._carriers: set[TcpCarrier] = set()
        self._per_address: Counter[str] = Counter()
        self._rest: asyncio.TimerHandle | None = None
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._stopped = asyncio.Event()

    # ---- life

    async def start(self) -> None:
        """Open the database, load the modules, listen.

        Raises:
            OSError: an address can't be listened on.
            StorageError: the database can't be opened.
            TlsError: a certificate can't be used.
        """
        settings = self.settings
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.database = Database.open(
            settings.database_url,
            connections=settings.database.pool_size,
            interval=settings.database.batch_interval,
            rows=settings.database.batch_rows,
        )
        await self.database.start()
        secret = _secret(settings.data_dir)
        for name in settings.hosts:
            await self._add_host(settings.for_host(name), secret)
        self.tls = self._tls_context()
        self._limits_before_login = ParserLimits(stanza_bytes=settings.limits.stanza_bytes_before_login)
        for address in settings.listen.c2s:
            await self._listen(address, direct_tls=False)
        for address in settings.listen.c2s_tls:
            await self._listen(address, direct_tls=True)
        self._rest_later()
        _log.info("serving %s on %s", ", ".join(self.hosts), ", ".join(self.addresses))

    async def stop(self) -> None:
        """Close all streams with ``system-shutdown``, commit what waits to be stored, let go of the rest."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        if self._rest is not None:
            self._rest.cancel()
        reason = StreamError("system-shutdown", "the server is going down")
        for host in self.hosts.values():
            await host.close(reason)
        for carrier in list(self._carriers):
            carrier.stream.close(reason)
        await self._all_gone.wait()
        for host in self.hosts.values():
            for module in reversed(list(host.modules.values())):
                await module.unload()
        self.hosts.clear()
        await self.database.stop()
        self._stopped.set()
        _log.info("stopped")

    async def wait_stopped(self) -> None:
        """Wait until somebody has stopped the server."""
        await self._stopped.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- what others ask

    def client_host(self, domain: str) -> Host | None:
        """The virtual host of that name (`burble.streams.c2s.Hosts`)."""
        return self.hosts.get(domain)

    @property
    def addresses(self) -> list[str]:
        """The addresses listened on, ``host:port``."""
        return [
            f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
            for listener in self._listeners
            for sock in listener.sockets
            if (name := sock.getsockname())
        ]

    # ---- hosts and modules

    async def _add_host(self, settings: HostSettings, secret: bytes) -> None:
        authenticator = InternalAuthenticator(self.database, settings.name, settings.auth.scram_iterations)
        host = Host(settings, self.database, authenticator, self.router, secret)
        self.hosts[settings.name] = host
        for kind in modules.selected(settings.modules.load, settings.modules.disable):
            await self._load(host, kind)

    async def _load(self, host: Host, kind: type[Module]) -> None:
        options = kind.Settings.model_validate(host.settings.modules.options(kind.name))
        await kind(host, options).load()

    # ---- TLS and listeners

    def _tls_context(self) -> TlsContext:
        settings = self.settings
        certificates: dict[str, CertificateFiles] = {}
        unnamed = []
        for name in settings.hosts:
            tls = settings.for_host(name).tls
            if tls.certificate is not None and tls.key is not None:
                certificates[name] = CertificateFiles(tls.certificate, tls.key)
            else:
                unnamed.append(name)
        if unnamed:
            made = self_signed(settings.data_dir, unnamed)
            certificates |= dict.fromkeys(unnamed, made)
        return TlsContext(
            certificates,
            settings.hosts[0],
            min_version=settings.tls.minimum_version,
            ciphers=settings.tls.ciphers or DEFAULT_CIPHERS,
        )

    async def _listen(self, address: Address, *, direct_tls: bool) -> None:
        limits = self.settings.limits
        tcp = TcpSettings(
            tls=self.tls,
            direct_tls=direct_tls,
            rate=limits.rate,
            burst=limits.burst,
            output_buffer_bytes=limits.output_buffer_bytes,
        )
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: TcpCarrier(tcp, self._open, self._gone), address.host, address.port, backlog=1024
        )
        self._listeners.append(listener)

    def _open(self, carrier: TcpCarrier) -> C2SStream:
        limits = self.settings.limits
        self._carriers.add(carrier)
        self._all_gone.clear()
        self._per_address[carrier.address] += 1
        stream = C2SStream(carrier, self, self._limits_before_login)
        stream.log_stanzas = self.settings.log.stanzas and _log.isEnabledFor(logging.DEBUG)
        if 0 < limits.connections_per_address < self._per_address[carrier.address]:
            stream.close(StreamError("policy-violation", "too many connections from your address"))
        else:
            stream.expire_after(limits.unauthenticated_timeout)
        return stream

    def _gone(self, carrier: TcpCarrier) -> None:
        self._carriers.discard(carrier)
        if not self._carriers:
            self._all_gone.set()
        self._per_address[carrier.address] -= 1
        if not self._per_address[carrier.address]:
            del self._per_address[carrier.address]

    def _rest_later(self) -> None:
        self._rest = asyncio.get_running_loop().call_later(_REST_EVERY, self._rest_now)

    def _rest_now(self) -> None:
        for carrier in self._carriers:
            carrier.stream.rest()
        self._rest_later()


def _secret(directory: Path) -> bytes:
    """The server's own secret, made at the first start."""
    path = directory / "secret"
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    secret = secrets.token_bytes(32)
    path.touch(0o600)
    path.write_bytes(secret)
    return secret
