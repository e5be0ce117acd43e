"""What the tests of the HTTP interfaces share: a server that listens for HTTP, and its callers."""

from __future__ import annotations

from typing import Any

import httpx

from burble.server import Server

ADMIN = ("admin@localhost", "secret")
LISTEN = {"c2s": ["127.0.0.1:0"], "c2s_tls": [], "http": ["127.0.0.1:0"]}


def settings(**api: Any) -> dict[str, Any]:
    """Settings of a server for HTTP, with the keys of ``[api]`` as given."""
    return {"listen": LISTEN, "admins": ["admin@localhost"], "api": api}


def base(server: Server, number: int = 1) -> str:
    """The URL of a listener: those for XMPP come first."""
    return f"http://{server.addresses[number]}"


def client(server: Server, auth: Any = ADMIN, **options: Any) -> httpx.AsyncClient:
    """A caller; as the administrator unless another account, or None, is given."""
    return httpx.AsyncClient(base_url=base(server), auth=auth, trust_env=False, timeout=10, **options)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
