"""Several servers of this process that speak with each other over loopback."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Any

__all__ = ["alone", "free_ports", "settings_of"]


def free_ports(count: int) -> list[int]:
    """Ports that are free, and different ones."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def alone(domain: str, port: int, **federation: Any) -> dict[str, Any]:
    """Settings of a server that other servers can connect to."""
    return {
        "hosts": [domain],
        "listen": {"s2s": [f"127.0.0.1:{port}"]},
        "federation": {"enabled": True, **federation},
    }


def settings_of(domain: str, ports: dict[str, int], **federation: Any) -> dict[str, Any]:
    """Settings of a server that knows where the others are.

    Args:
        domain: its own.
        ports: those of all servers, by their domains.
        federation: other keys of its ``[federation]``.
    """
    others = {other: {"address": f"127.0.0.1:{port}"} for other, port in ports.items() if other != domain}
    return alone(domain, ports[domain], domains=others, **federation)
