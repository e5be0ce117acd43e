"""The listeners for clients, and the connections that came through them."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from burble.config import Address, Listen, Settings
from burble.errors import StreamError
from burble.streams.base import REST_EVERY
from burble.streams.c2s import C2SStream, Hosts
from burble.streams.parser import ParserLimits
from burble.tls import TlsContext
from burble.transports.tcp import TcpCarrier, TcpSettings

__all__ = ["ListenError", "Listeners", "listen_error"]

_log = logging.getLogger("burble.server")

# How often streams are asked whether they sleep, so that an idle one keeps little memory.
_REST_EVERY: Final = 10.0
# How long the server's stop waits for clients to read why it goes, seconds.
_FAREWELL: Final = 2.0
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """An address can't be listened on; the text says which and why."""


@dataclass(frozen=True, slots=True)
class _Key:
    address: Address
    direct_tls: bool

    @property
    def setting(self) -> str:
        return "c2s_tls" if self.direct_tls else "c2s"


@dataclass(slots=True)
class _Listener:
    settings: TcpSettings
    server: asyncio.Server


class Listeners:
    """Listens for clients.

    Args:
        hosts: the virtual hosts they may log in to.
        settings: the server's.
        tls: the certificates.
    """

    def __init__(self, hosts: Hosts, settings: Settings, tls: TlsContext) -> None:
        self._hosts = hosts
        self._listeners: dict[_Key, _Listener] = {}
        self._carriers: set[TcpCarrier] = set()
        # What streams whose connection is gone still wait for.
        self._unfinished: set[asyncio.Task[None]] = set()
        self._per_address: Counter[str] = Counter()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._settings = settings
        self._tls = tls
        self._take(settings, tls)
        self._rest: asyncio.TimerHandle | None = None
        self._rest_later()

    @property
    def addresses(self) -> list[str]:
        """The addresses listened on, ``host:port``."""
        return [
            str(Address(*name[:2]))
            for listener in self._listeners.values()
            for sock in listener.server.sockets
            if (name := sock.getsockname())
        ]

    # ---- settings

    async def change(self, settings: Settings, tls: TlsContext) -> None:
        """Listen where the settings say, no longer anywhere else; connections stay, under the new limits.

        Raises:
            ListenError: an address can't be listened on; everything is as before.
        """
        opened: dict[_Key, _Listener] = {}
        wanted = _keys(settings.listen)
        try:
            for key in wanted:
                if key not in self._listeners:
                    listener = await self._listen(key, settings.listen, tls)
                    if listener is not None:
                        opened[key] = listener
        except ListenError:
            for listener in opened.values():
                listener.server.close()
            raise
        for key in self._listeners.keys() - wanted:
            self._listeners.pop(key).server.close()
        self._listeners |= opened
        self._take(settings, tls)

    def _take(self, settings: Settings, tls: TlsContext) -> None:
        limits = settings.limits
        self._settings = settings
        self._tls = tls
        self._limits_before_login = ParserLimits(
            stanza_bytes=limits.stanza_bytes_before_login,
            depth=limits.depth,
            elements=limits.elements,
            attributes=limits.attributes,
            tag_bytes=min(limits.tag_bytes, limits.stanza_bytes_before_login),
        )
        self._log_stanzas = settings.log.stanzas
        for listener in self._listeners.values():
            tcp = listener.settings
            tcp.tls = tls
            tcp.rate = limits.rate
            tcp.burst = limits.burst
            tcp.output_buffer_bytes = limits.output_buffer_bytes
        for carrier in self._carriers:
            carrier.stream.log_stanzas = self._log_stanzas

    async def _listen(self, key: _Key, listen: Listen, tls: TlsContext) -> _Listener | None:
        address = key.address
        tcp = TcpSettings(tls, key.direct_tls)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: TcpCarrier(tcp, self._open, self._gone), address.host, address.port, backlog=1024
            )
        except OSError as error:
            by_default = key.setting not in listen.model_fields_set
            if by_default and error.errno in _NO_SUCH_ADDRESS:
                _log.info("not listening on %s: this machine does not have that address", address)
                return None
            raise listen_error(key.address, key.setting, error) from error
        return _Listener(tcp, server)

    # ---- life

    def close(self) -> None:
        """Listen no longer."""
        for listener in self._listeners.values():
            listener.server.close()
        self._listeners.clear()
        if self._rest is not None:
            self._rest.cancel()

    async def close_connections(self, error: StreamError) -> None:
        """Close all streams with an error, and cut the connections that are not gone soon after."""
        for carrier in list(self._carriers):
            carrier.stream.close(error)
        try:
            await asyncio.wait_for(self._all_gone.wait(), _FAREWELL)
        except TimeoutError:
            for carrier in list(self._carriers):
                carrier.abort()
            await self._all_gone.wait()
        if self._unfinished:  # what the last stanzas asked for still needs the database
            await asyncio.wait(self._unfinished, timeout=_FAREWELL)

    def close_host(self, name: str) -> None:
        """Close the streams that are for a host which is not served any more (RFC 6120 §4.9.3.5)."""
        for carrier in list(self._carriers):
            if carrier.stream.host_name == name:
                carrier.stream.close(StreamError("host-gone", f"{name} is not served here any more"))

    # ---- connections

    def _open(self, carrier: TcpCarrier) -> C2SStream:
        limits = self._settings.limits
        self._carriers.add(carrier)
        self._all_gone.clear()
        self._per_address[carrier.address] += 1
        stream = C2SStream(carrier, self._hosts, self._limits_before_login)
        stream.log_stanzas = self._log_stanzas
        if 0 < limits.connections_per_address < self._per_address[carrier.address]:
            stream.close(StreamError("policy-violation", "too many connections from your address"))
        else:
            stream.expire_after(limits.unauthenticated_timeout)
        return stream

    def _gone(self, carrier: TcpCarrier) -> None:
        self._carriers.discard(carrier)
        if (work := carrier.stream.work) is not None:
            self._unfinished.add(work)
            work.add_done_callback(self._unfinished.discard)
        if not self._carriers:
            self._all_gone.set()
        self._per_address[carrier.address] -= 1
        if not self._per_address[carrier.address]:
            del self._per_address[carrier.address]

    def _rest_later(self) -> None:
        self._rest = asyncio.get_running_loop().call_later(REST_EVERY, self._rest_now)

    def _rest_now(self) -> None:
        for carrier in self._carriers:
            carrier.stream.rest()
        self._rest_later()


def _keys(listen: Listen) -> list[_Key]:
    addresses: list[tuple[Iterable[Address], bool]] = [(listen.c2s, False), (listen.c2s_tls, True)]
    return list(dict.fromkeys(_Key(each, direct) for group, direct in addresses for each in group))


def listen_error(address: Address, setting: str, error: OSError) -> ListenError:
    """What to say when an address can't be listened on.

    Args:
        address: which.
        setting: the key in ``[listen]`` that names it.
        error: what the system says.
    """
    reasons = {
        errno.EADDRINUSE: "another program listens there, perhaps another Burble",
        errno.EACCES: "the system does not allow it; ports below 1024 need CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
    }
    reason = reasons.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return ListenError(f"can't listen on {address}: {reason}. The address is set by {setting} in [listen]")
