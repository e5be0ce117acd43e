"""A host with one account, in a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from burble.auth import InternalAuthenticator
from burble.storage import Database

HOST = "example.org"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'burble.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def accounts(database: Database) -> InternalAuthenticator:
    return InternalAuthenticator(database, HOST, iterations=4096)


@pytest.fixture
async def juliet(accounts: InternalAuthenticator) -> InternalAuthenticator:
    """The host's accounts, with juliet's (password: pencil) among them."""
    await accounts.register("juliet", "pencil")
    return accounts
