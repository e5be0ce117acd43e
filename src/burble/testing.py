"""A real server for tests: in memory of one process, on free ports, ready in milliseconds.

async with serving() as server:
    await server.hosts["localhost"].register("juliet", "secret")
    port = port_of(server)
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from burble.config import Settings
from burble.server import Server

__all__ = ["port_of", "serving", "settings"]


def settings(data_dir: Path, **changes: Any) -> Settings:
    """Settings for a test: free ports on loopback, no other servers, registration open, PLAIN without TLS.

    Args:
        data_dir: where the server keeps its files.
        changes: tables or keys as in the settings file; tables are laid over those of the test.
    """
    base: dict[str, Any] = {
        "data_dir": data_dir,
        "hosts": ["localhost"],
        "listen": {"c2s": ["127.0.0.1:0"], "c2s_tls": [], "s2s": []},
        "federation": {"enabled": False},
        "tls": {"require": False},
        "auth": {"scram_iterations": 4096, "allow_plain_without_tls": True},
        "registration": {"open": True},
    }
    for key, value in changes.items():
        base[key] = {**base.get(key, {}), **value} if isinstance(value, dict) else value
    return Settings.model_validate(base)


@asynccontextmanager
async def serving(data_dir: Path | None = None, **changes: Any) -> AsyncIterator[Server]:
    """Run a server for as long as the context lasts.

    Args:
        data_dir: where it keeps its files; a temporary directory where None.
        changes: as in `settings`.
    """
    with tempfile.TemporaryDirectory(prefix="burble-") as directory:
        async with Server(settings(data_dir or Path(directory), **changes)) as server:
            yield server


def port_of(server: Server) -> int:
    """The port of the server's first listener."""
    return int(server.addresses[0].rpartition(":")[2])
