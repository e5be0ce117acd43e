"""Connects to a service: all its addresses, the fastest wins (Happy Eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, zip_longest
from typing import Final

from burble.dns import DnsError, Resolver, Service
from burble.racing import AllFailed, first_success
from burble.transports.tcp import TcpCarrier

__all__ = ["DialError", "Dialer"]

# A service with more addresses than this has bigger problems than ours.
_ADDRESSES: Final = 8
# How many services may be connected to at the same time, so that a thousand black holes leave files to open.
_AT_ONCE: Final = 256


class DialError(Exception):
    """There is no connection to a service; the text says why.

    Args:
        text: for the log and for who sent something there.
        temporary: it is worth trying again later; else the service does not exist.
    """

    def __init__(self, text: str, *, temporary: bool) -> None:
        super().__init__(text)
        self.temporary = temporary


class Dialer:
    """Makes connections to other servers.

    Args:
        resolver: knows the addresses of hosts.
        timeout: how long the connection to one service may take, with the questions to the DNS, seconds.
        head_start: how long one address is tried before the next one is as well (RFC 8305 §5), seconds.
    """

    def __init__(self, resolver: Resolver, timeout: float = 30.0, *, head_start: float = 0.25) -> None:
        self.timeout = timeout
        self._resolver = resolver
        self._head_start = head_start
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def connect(self, service: Service, make: Callable[[], TcpCarrier]) -> TcpCarrier:
        """Connect, and return the carrier of the connection.

        Args:
            service: where to; with direct TLS `make` has to see to that.
            make: makes the carrier; called at most once, when there is a connection for it.

        Raises:
            DialError: no address of the service answers. Another service of the domain may.
        """
        try:
            async with asyncio.timeout(self.timeout):
                addresses = await self._resolver.addresses(service.host)
                attempts = [partial(_open, address, service.port) for address in _interleaved(addresses)]
                async with self._slots:
                    sock = await first_success(attempts, self._head_start, socket.socket.close)
        except TimeoutError:
            raise DialError(f"no connection to {service} in {self.timeout:g} s", temporary=True) from None
        except DnsError as error:
            raise DialError(str(error), temporary=error.temporary) from error
        except AllFailed as error:
            raise DialError(f"can't connect to {service} ({error})", temporary=True) from error
        try:
            _, carrier = await asyncio.get_running_loop().create_connection(make, sock=sock)
        except BaseException:
            sock.close()
            raise
        return carrier


async def _open(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        raise OSError(f"{address}: {_in_words(error)}") from error
    return sock


def _interleaved(addresses: Iterable[str]) -> list[str]:
    """IPv6 and IPv4 by turns, as many as are worth trying (RFC 8305 §4)."""
    six: list[str] = []
    four: list[str] = []
    for address in addresses:
        (six if ":" in address else four).append(address)
    pairs = zip_longest(six, four)
    return [address for address in chain.from_iterable(pairs) if address is not None][:_ADDRESSES]


def _in_words(error: OSError) -> str:
    # uvloop and asyncio differ in their messages.
    return os.strerror(error.errno).lower() if error.errno else str(error)
