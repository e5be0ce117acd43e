"""Long results a page at a time, so that nobody waits while a hundred thousand rows are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import SelectBase

from burble.storage.database import Database
from burble.storage.statements import Params, Row

__all__ = ["PAGE", "paged"]

PAGE: Final = 500
"""Rows read at a time."""


async def paged(database: Database, statement: SelectBase, params: Params, *keys: str) -> AsyncIterator[Row]:
    """Read all rows of a statement, `PAGE` at a time; others have their turn between two pages.

    Args:
        database: where they are.
        statement: in the order of the keys, with ``LIMIT PAGE``, and only what comes after the values of the
            parameters ``after_KEY``.
        params: its other parameters.
        keys: columns of text that tell the rows apart, none of them empty.

    Yields:
        The rows.

    Raises:
        StorageError: they can't be read.
    """
    after = {f"after_{key}": "" for key in keys}
    while rows := await database.fetch(statement, {**params, **after}):
        for row in rows:
            yield row
        after = {f"after_{key}": getattr(rows[-1], key) for key in keys}
        # SQLite is read on the event loop, which is fastest for all that is short.
        await asyncio.sleep(0)
