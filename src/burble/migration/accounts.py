"""An account on its way from another server: the rows that the tables shall have of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

from sqlalchemy import Table

from burble.auth.scram import ScramKeys
from burble.migration.archives import Archived
from burble.storage.schema import account_tables

__all__ = ["AccountData", "Ignored"]

Ignored = Counter[str]
"""What can't be taken over, in words, and how often."""

Row = dict[str, Any]


def _key(table: Table) -> tuple[str, ...] | None:
    """What tells rows of one account apart; None where the database numbers them."""
    if any(column.autoincrement is True for column in table.primary_key):
        return None
    return tuple(column.name for column in table.primary_key if column.name not in ("host", "user"))


_KEYS: Final = {table.name: _key(table) for table in account_tables()}


class AccountData:
    """An account, or a part of a large one.

    Args:
        host: its domain, prepared.
        user: its localpart, prepared.
        first: nothing of it was read before.

    Attributes:
        password: in clear, where that is known.
        keys: for SCRAM, by hash.
        disabled: it may not log in.
        created: when it was made, seconds since the epoch.
        archived: messages of its archive.
        rows: by table, without ``host`` and ``user``.
        size: how many rows these are.
        bytes: how large the XML in them is.
    """

    __slots__ = (
        "archived",
        "bytes",
        "created",
        "disabled",
        "first",
        "host",
        "keys",
        "password",
        "rows",
        "size",
        "user",
    )

    def __init__(self, host: str, user: str, first: bool = True) -> None:
        self.host = host
        self.user = user
        self.first = first
        self.password: str | None = None
        self.keys: dict[str, ScramKeys] = {}
        self.disabled = False
        self.created = int(time.time())
        self.rows: dict[str, dict[object, Row]] = {}
        self.archived: list[Archived] = []
        self.size = 0
        self.bytes = 0

    def add(self, table: Table, row: Row) -> None:
        """Add a row; one with the same key takes its place."""
        rows = self.rows.setdefault(table.name, {})
        names = _KEYS[table.name]
        rows[len(rows) if names is None else tuple([row[name] for name in names])] = row
        self.size += 1
        self.bytes += len(row.get("stanza") or row.get("xml") or b"")

    def archive(self, message: Archived) -> None:
        """Add a message to its archive."""
        self.archived.append(message)
        self.size += 1
        self.bytes += len(message.stanza)

    def bare(self) -> str:
        """Its address."""
        return f"{self.user}@{self.host}"
