"""A look at the whole database as it was at one moment, while others go on writing to it."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from sqlalchemy import SelectBase

from burble.storage.statements import Params, Row

__all__ = ["PAGE", "Snapshot"]

PAGE: Final = 500
"""Rows read at a time: enough that the way to the database is cheap, few enough to fit anywhere."""


class Snapshot(Protocol):
    """The database at one moment. Its streams are read one at a time, or in turns."""

    def stream(
        self, statement: SelectBase, params: Params | None = None, size: int = PAGE
    ) -> AsyncIterator[Sequence[Row]]:
        """Read the rows of a SELECT, however many there are, in pages of at most `size`.

        Raises:
            DatabaseUnavailable: the database can't be read any further.
        """
