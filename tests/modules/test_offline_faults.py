"""Messages for accounts that are away, when something goes wrong: none is lost that was not refused."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from burble.server import Server
from burble.testing import port_of, serving
from tests.client import ScriptedClient, condition
from tests.conftest import Connect
from tests.modules.letters import bodies, kept, write
from tests.presences import appear


async def login(port: int, user: str) -> ScriptedClient:
    return await (await ScriptedClient(port).connect()).login(user)


async def test_a_stopped_server_has_stored_what_waited(tmp_path: Path, database_url: str) -> None:
    """The batch is committed at the stop; what was kept is counted at the start."""
    settings = {
        "database": {"url": database_url, "batch_interval": 1.0},
        "limits": {"offline_messages": 2},
        "modules": {"disable": ["archive"]},
    }
    async with serving(tmp_path, **settings) as server:
        for user in ("romeo", "juliet"):
            await server.hosts["localhost"].register(user, "secret")
        romeo = await login(port_of(server), "romeo")
        write(romeo, "first")
        write(romeo, "second")
        await romeo.nothing()
        await romeo.close()
    async with serving(tmp_path, **settings) as server:
        romeo = await login(port_of(server), "romeo")
        write(romeo, "third")
        assert condition(await romeo.next()) == "service-unavailable"
        juliet = await appear(await login(port_of(server), "juliet"))
        assert await bodies(juliet) == ["first", "second"]
        await romeo.close()
        await juliet.close()


async def test_a_client_that_vanishes_meanwhile_loses_nothing(server: Server, connect: Connect) -> None:
    """Messages are deleted once they have been written; the next session gets the rest, in order.

    The first client reads nothing, so that its connection fills up.
    """
    romeo = await connect("romeo")
    for number in range(900):
        write(romeo, f"{number}", extra=f"<x xmlns='urn:example:x'>{'x' * 20_000}</x>")
    await romeo.nothing()
    lazy = await connect("juliet")
    lazy.write("<presence/>")
    host = server.hosts["localhost"]
    while kept(server) == 900:  # until a page has been written
        await romeo.sync()
    lazy.writer.transport.abort()
    while host.sessions.of("juliet"):
        await romeo.sync()
    write(romeo, "900")
    await romeo.nothing()
    juliet = await appear(await connect("juliet"))
    got = await bodies(juliet)
    assert 1 < len(got) < 900
    assert got == [str(number) for number in range(901 - len(got), 901)]


@pytest.mark.faults
async def test_a_full_disk_is_told_to_the_sender(tmp_path: Path) -> None:
    """Each sender whose message is not stored gets resource-constraint; the server recovers by itself."""
    async with serving(tmp_path) as server:
        for user in ("romeo", "juliet"):
            await server.hosts["localhost"].register(user, "secret")
        romeo = await login(port_of(server), "romeo")
        write(romeo, "before")
        await romeo.sync()
        await server.database.batch.flush()
        await _pragma(server, f"max_page_count = {await _pragma(server, 'page_count')}")
        for number in range(20):
            write(romeo, str(number), extra=f"<x xmlns='urn:example:x'>{'x' * 3000}</x>")
        await romeo.sync()
        await server.database.batch.flush()
        lost = [await romeo.next() for _ in range(20)]
        assert [error.get("id") for error in lost] == [str(number) for number in range(20)]
        assert {condition(error) for error in lost} == {"resource-constraint"}
        assert kept(server) == 1
        await _pragma(server, "max_page_count = 1000000")
        write(romeo, "after")
        await romeo.nothing()
        juliet = await appear(await login(port_of(server), "juliet"))
        assert await bodies(juliet) == ["before", "after"]
        await romeo.close()
        await juliet.close()


async def _pragma(server: Server, pragma: str) -> int:
    statement = text(f"PRAGMA {pragma}")
    return await server.database.write(lambda connection: int(connection.scalar(statement) or 0))


_SERVE = """
import asyncio, sys
from pathlib import Path
from burble.testing import port_of, serving

async def main():
    async with serving(Path(sys.argv[1])) as server:
        for user in ("romeo", "juliet"):
            await server.hosts["localhost"].register(user, "secret")
        print(port_of(server), flush=True)
        await server.wait_stopped()

asyncio.run(main())
"""


@pytest.mark.faults
async def test_what_was_stored_survives_kill_9(tmp_path: Path) -> None:
    """Each message is there again, in order, and whole."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SERVE, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    romeo = await login(int(await process.stdout.readline()), "romeo")
    for number in range(200):
        write(romeo, str(number))
    await romeo.nothing()
    with contextlib.closing(sqlite3.connect(tmp_path / "burble.db")) as database:
        stored = 0
        while not stored:
            await romeo.sync()
            (stored,) = database.execute("SELECT count(*) FROM offline_messages").fetchone()
        process.kill()
    await process.wait()
    await romeo.close()
    async with serving(tmp_path) as server:
        juliet = await appear(await login(port_of(server), "juliet"))
        got = await bodies(juliet)
        await juliet.close()
    assert len(got) >= stored
    assert got == [str(number) for number in range(len(got))]
