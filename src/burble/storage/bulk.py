"""Insert many rows by the bare driver, where the way through SQLAlchemy would cost more than the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert

__all__ = ["BulkInsert"]


class BulkInsert:
    """An INSERT for many rows.

    Args:
        connection: in a transaction.
        table: the table.
        columns: the names of the columns that every row gives, in the order in which it gives them.
    """

    def __init__(self, connection: Connection, table: Table, columns: Sequence[str]) -> None:
        compiled = insert(table).compile(dialect=connection.dialect, column_keys=list(columns))
        self._connection = connection
        self._text = str(compiled)
        places = [columns.index(name) for name in getattr(compiled, "positiontup", None) or columns]
        self._places = None if places == list(range(len(columns))) else places

    def run(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, at least one.

        Raises:
            sqlalchemy.exc.DBAPIError: the database does not take one.
        """
        if self._places is not None:
            rows = [tuple([row[place] for place in self._places]) for row in rows]
        self._connection.exec_driver_sql(self._text, list(rows))
