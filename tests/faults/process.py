"""A server in a process of its own, whose memory and CPU can be measured."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.client import ScriptedClient

_MAIN = """
import asyncio, json, sys
from pathlib import Path
from burble.testing import port_of, serving

async def main():
    async with serving(Path(sys.argv[1]), **json.loads(sys.argv[2])) as server:
        for user in ("juliet", "romeo", "nurse"):
            await server.hosts["localhost"].register(user, "secret")
        print(port_of(server), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


@dataclass
class Victim:
    """The server under attack."""

    port: int
    process: psutil.Process

    @property
    def memory(self) -> int:
        """Resident memory, bytes."""
        return int(self.process.memory_info().rss)

    @property
    def cpu(self) -> float:
        """CPU seconds used until now."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    async def client(self, who: str = "") -> ScriptedClient:
        """A client, logged in where it has a name."""
        client = await ScriptedClient(self.port).connect()
        user, _, resource = who.partition("/")
        return await client.login(user, resource=resource) if user else client


@asynccontextmanager
async def victim(directory: Path, **settings: Any) -> AsyncIterator[Victim]:
    """Run a server with the accounts juliet, romeo and nurse."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _MAIN,
        str(directory),
        json.dumps(settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    port = await process.stdout.readline()
    assert port, (await process.stderr.read()).decode()
    try:
        yield Victim(int(port), psutil.Process(process.pid))
    finally:
        process.stdin.close()
        errors = (await process.stderr.read()).decode()
        await process.wait()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors
