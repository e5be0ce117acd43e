"""The listeners, and the connections that came through them."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from burble.config import Address, Listen
from burble.errors import StreamError
from burble.streams.base import REST_EVERY, XMLStream
from burble.transports.tcp import TcpCarrier, TcpSettings

__all__ = ["Entrance", "ListenError", "Listeners", "listen_error"]

_log = logging.getLogger("burble.server")

# How long the server's stop waits for peers to read why it goes, seconds.
_FAREWELL: Final = 2.0
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """An address can't be listened on; the text says which and why."""


@dataclass(slots=True)
class Entrance:
    """How connections of one kind are taken.

    Attributes:
        open: makes the stream of a connection.
        tcp: what holds for the connections.
        per_address: connections one IP address may have; 0 is no limit.
        log_stanzas: report what is sent and received.
    """

    open: Callable[[TcpCarrier], XMLStream]
    tcp: TcpSettings
    per_address: int = 0
    log_stanzas: bool = False


@dataclass(frozen=True, slots=True)
class _Key:
    address: Address
    setting: str


@dataclass(slots=True)
class _Listener:
    entrance: Entrance
    server: asyncio.Server
    carriers: set[TcpCarrier]


class Listeners:
    """Listens for clients, other servers and components."""

    def __init__(self) -> None:
        self._listeners: dict[_Key, _Listener] = {}
        self._carriers: set[TcpCarrier] = set()
        # What streams whose connection is gone still wait for.
        self._unfinished: set[asyncio.Task[None]] = set()
        self._per_address: Counter[tuple[str, str]] = Counter()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._rest: asyncio.TimerHandle | None = None
        self._rest_later()

    @property
    def addresses(self) -> list[str]:
        """The addresses listened on, ``host:port``."""
        return [address for group in self.by_kind.values() for address in group]

    @property
    def by_kind(self) -> dict[str, list[str]]:
        """The same by the name of the setting that asks for them, such as ``c2s``."""
        found: dict[str, list[str]] = {}
        for key, listener in self._listeners.items():
            found.setdefault(key.setting, []).extend(
                str(Address(*name[:2])) for sock in listener.server.sockets if (name := sock.getsockname())
            )
        return found

    # ---- settings

    async def change(self, listen: Listen, entrances: Mapping[str, Entrance]) -> None:
        """Listen where the settings say, no longer anywhere else; connections stay, under the new limits.

        Args:
            listen: the addresses.
            entrances: how connections are taken, by the name of the setting; kinds that are missing are not.

        Raises:
            ListenError: an address can't be listened on; everything is as before.
        """
        opened: dict[_Key, _Listener] = {}
        wanted = _keys(listen, entrances)
        try:
            for key in wanted:
                if key not in self._listeners:
                    listener = await self._listen(key, listen, entrances[key.setting])
                    if listener is not None:
                        opened[key] = listener
        except ListenError:
            for listener in opened.values():
                listener.server.close()
            raise
        for key in self._listeners.keys() - wanted:
            self._listeners.pop(key).server.close()
        for key, listener in self._listeners.items():
            _change(listener, entrances[key.setting])
        self._listeners |= opened

    async def _listen(self, key: _Key, listen: Listen, entrance: Entrance) -> _Listener | None:
        address = key.address
        loop = asyncio.get_running_loop()

        def accept() -> TcpCarrier:
            return TcpCarrier(entrance.tcp, open_, gone)

        def open_(carrier: TcpCarrier) -> XMLStream:
            return self._open(carrier, key.setting, entrance, carriers)

        def gone(carrier: TcpCarrier) -> None:
            carriers.discard(carrier)
            self._gone(carrier, key.setting)

        carriers: set[TcpCarrier] = set()
        try:
            server = await loop.create_server(accept, address.host, address.port, backlog=1024)
        except OSError as error:
            by_default = key.setting not in listen.model_fields_set
            if by_default and error.errno in _NO_SUCH_ADDRESS:
                _log.info("not listening on %s: this machine does not have that address", address)
                return None
            raise listen_error(key.address, key.setting, error) from error
        return _Listener(entrance, server, carriers)

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

    def _open(
        self, carrier: TcpCarrier, kind: str, entrance: Entrance, carriers: set[TcpCarrier]
    ) -> XMLStream:
        self._carriers.add(carrier)
        carriers.add(carrier)
        self._all_gone.clear()
        self._per_address[kind, carrier.address] += 1
        stream = entrance.open(carrier)
        stream.log_stanzas = entrance.log_stanzas
        if 0 < entrance.per_address < self._per_address[kind, carrier.address]:
            stream.close(StreamError("policy-violation", "too many connections from your address"))
        return stream

    def _gone(self, carrier: TcpCarrier, kind: str) -> None:
        self._carriers.discard(carrier)
        if (work := carrier.stream.work) is not None:
            self._unfinished.add(work)
            work.add_done_callback(self._unfinished.discard)
        if not self._carriers:
            self._all_gone.set()
        self._per_address[kind, carrier.address] -= 1
        if not self._per_address[kind, carrier.address]:
            del self._per_address[kind, carrier.address]

    def _rest_later(self) -> None:
        self._rest = asyncio.get_running_loop().call_later(REST_EVERY, self._rest_now)

    def _rest_now(self) -> None:
        for carrier in self._carriers:
            carrier.stream.rest()
        self._rest_later()


def _keys(listen: Listen, entrances: Mapping[str, Entrance]) -> list[_Key]:
    return list(
        dict.fromkeys(_Key(each, setting) for setting in entrances for each in getattr(listen, setting))
    )


def _change(listener: _Listener, wanted: Entrance) -> None:
    """Let other settings hold for a listener, and for those who came through it."""
    entrance = listener.entrance
    for field in fields(wanted.tcp):  # the connections share these
        setattr(entrance.tcp, field.name, getattr(wanted.tcp, field.name))
    entrance.open, entrance.per_address = wanted.open, wanted.per_address
    entrance.log_stanzas = wanted.log_stanzas
    for carrier in listener.carriers:
        carrier.stream.log_stanzas = wanted.log_stanzas


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
