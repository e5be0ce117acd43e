"""Several servers of this process that speak with each other over loopback."""

from __future__ import annotations

from typing import Any

__all__ = ["alone", "settings_of"]


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
