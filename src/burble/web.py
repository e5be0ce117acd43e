"""The listeners for HTTP: sockets of this server, served by uvicorn in its event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burble.config import Address, Settings
from burble.listeners import listen_error

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from burble.commands import Registry
    from burble.commands.base import Administered
    from burble.faces.http import Embedded

__all__ = ["WebListeners", "release"]


@dataclass(frozen=True, slots=True)
class _Key:
    address: Address
    setting: str


@dataclass(slots=True)
class _Listener:
    server: Embedded
    task: asyncio.Task[None]
    socket: socket.socket


class WebListeners:
    """Listens for HTTP.

    Args:
        server: whom the requests are for.
        registry: its commands.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self._server = server
        self._registry = registry
        self._listeners: dict[_Key, _Listener] = {}
        self._applications: dict[str, Starlette] = {}

    @property
    def addresses(self) -> list[str]:
        """The addresses listened on, ``host:port``."""
        return [address for group in self.by_kind.values() for address in group]

    @property
    def by_kind(self) -> dict[str, list[str]]:
        """The same by the name of the setting that asks for them: ``http``, ``xmlrpc``."""
        found: dict[str, list[str]] = {}
        for key, each in self._listeners.items():
            found.setdefault(key.setting, []).append(str(Address(*each.socket.getsockname()[:2])))
        return found

    def bind(self, settings: Settings) -> dict[_Key, socket.socket]:
        """Take the addresses of other settings that are not listened on yet; nobody is answered there yet.

        Raises:
            ListenError: one can't be had, and none is taken.
        """
        bound: dict[_Key, socket.socket] = {}
        for key in _keys(settings):
            if key in self._listeners:
                continue
            try:
                bound[key] = _bind(key.address)
            except OSError as error:
                release(bound)
                raise listen_error(key.address, key.setting, error) from error
        return bound

    async def change(self, settings: Settings, bound: dict[_Key, socket.socket]) -> None:
        """Listen where settings say, and no longer anywhere else.

        Args:
            settings: they.
            bound: what `bind` took for them.
        """
        for key in self._listeners.keys() - _keys(settings):
            await _stop(self._listeners.pop(key))
        if not bound:
            return
        # Only here, because it takes a fifth of the time that a server without HTTP needs to start.
        from burble.faces.http import Embedded, applications

        if not self._applications:
            self._applications = applications(self._server, self._registry)
        for key, made in bound.items():
            server = Embedded(self._applications[key.setting])
            task = asyncio.get_running_loop().create_task(server.serve([made]))
            await server.ready.wait()
            self._listeners[key] = _Listener(server, task, made)

    async def stop(self) -> None:
        """Answer what is under way, and listen no longer."""
        listeners, self._listeners = self._listeners, {}
        await asyncio.gather(*map(_stop, listeners.values()))


def release(bound: Mapping[_Key, socket.socket]) -> None:
    """Let go of addresses that `WebListeners.bind` took."""
    for each in bound.values():
        each.close()


async def _stop(listener: _Listener) -> None:
    listener.server.should_exit = True
    await listener.task


def _keys(settings: Settings) -> dict[_Key, None]:
    listen = settings.listen
    named = {"http": listen.http, "xmlrpc": listen.xmlrpc}
    return {_Key(address, setting): None for setting, addresses in named.items() for address in addresses}


def _bind(address: Address) -> socket.socket:
    family, kind, protocol, _, name = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(name)
        made.listen(1024)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made
