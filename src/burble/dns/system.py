"""What the system says about names: its name servers and its file of hosts."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from burble.dns.lines import NameServer

__all__ = ["Hosts", "SystemNameServers"]

T = TypeVar("T")

_MOST_SERVERS: Final = 3  # as in the system's own resolver
_LOCAL: Final = ("::1", "127.0.0.1")


class _Watched(Generic[T]):
    """What a file says, read anew whenever it has changed; as if it were empty while it can't be read."""

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        self._path = path
        self._parse = parse
        self._stamp: tuple[int, int, int] | None = None
        self._content = parse("")

    def get(self) -> T:
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._content = self._parse(self._path.read_text("utf-8", "replace"))
                self._stamp = stamp
        except OSError:
            self._content = self._parse("")
            self._stamp = None
        return self._content


class SystemNameServers:
    """The name servers in resolv.conf(5); the one on this machine where it names none."""

    def __init__(self, path: Path = Path("/etc/resolv.conf")) -> None:
        self._file = _Watched(path, _name_servers)

    def get(self) -> list[NameServer]:
        """Return them, best first."""
        return self._file.get()


class Hosts:
    """The addresses in hosts(5)."""

    def __init__(self, path: Path = Path("/etc/hosts")) -> None:
        self._file = _Watched(path, _hosts)

    def get(self, name: str) -> list[str]:
        """Return the addresses of a host, none where the file does not have it.

        Names below ``localhost`` are of this machine, whatever the file says (RFC 6761 §6.3).
        """
        found = self._file.get().get(name)
        if found is None and (name == "localhost" or name.endswith(".localhost")):
            return list(_LOCAL)
        return list(found or ())


def _name_servers(text: str) -> list[NameServer]:
    servers = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_] if _is_address(address):
                servers.append(NameServer(address))
    return servers[:_MOST_SERVERS] or [NameServer("127.0.0.1")]


def _hosts(text: str) -> dict[str, list[str]]:
    hosts: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if _is_address(address):
            for name in names:
                known = hosts.setdefault(name.lower().removesuffix("."), [])
                if address not in known:
                    known.append(address)
    return hosts


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
