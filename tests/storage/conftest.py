"""Every test of the storage runs on both databases."""

from collections.abc import AsyncIterator, Iterator

import pytest

from burble.storage import Database
from tests.databases import make_database_url, postgresql

__all__ = ["postgresql"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from make_database_url(request.param, request)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url)
    await database.start()
    yield database
    await database.stop()
