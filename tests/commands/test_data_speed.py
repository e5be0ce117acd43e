"""Backup, restore, export and import with two thousand accounts: what `bench/data.py` measures with more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from bench.data import empty, fill
from sqlalchemy import func, select

from burble.server import Server
from burble.storage.schema import accounts, credentials, roster_items
from tests.commands.calling import call

ACCOUNTS = 2000
CONTACTS = 10
# A tenth of what is asked for on a machine that does nothing else.
SLOWEST = 200


async def counted(server: Server) -> list[int]:
    found = []
    for table in (accounts, credentials, roster_items):
        row = await server.database.fetch_one(select(func.count()).select_from(table))
        assert row is not None
        found.append(int(row[0]))
    return found


@pytest.mark.parametrize(
    ("write", "read"), [("backup", "restore"), ("dump", "load"), ("export_piefxis", "import_piefxis")]
)
async def test_two_thousand_accounts(server: Server, tmp_path: Path, write: str, read: str) -> None:
    await empty(server.database)
    await fill(server.database, ACCOUNTS, CONTACTS)
    before = await counted(server)
    assert before == [ACCOUNTS, 3 * ACCOUNTS, CONTACTS * ACCOUNTS]
    start = time.monotonic()
    await call(server, write, str(tmp_path / "saved"))
    middle = time.monotonic()
    await empty(server.database)
    place = tmp_path / "saved"
    if write == "export_piefxis":
        place = place / min(os.listdir(place), key=len)
    again = time.monotonic()
    await call(server, read, str(place))
    end = time.monotonic()
    assert await counted(server) == before
    assert ACCOUNTS / (middle - start) > SLOWEST
    assert ACCOUNTS / (end - again) > SLOWEST
