"""Archives in the database: what is kept, and pages of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import (
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    select,
)

from burble.jid import JID
from burble.storage import Database, Row
from burble.storage.schema import archive_entries, archive_stanzas

__all__ = ["FIRST", "LAST", "ArchiveStore", "Range", "Stored"]

#: Less than every id, greater than every id.
FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1

_e, _s = archive_entries.c, archive_stanzas.c
_STANZA: Final = insert(archive_stanzas)
_ROOM_STANZA: Final = insert(archive_stanzas)
_ENTRY: Final = insert(archive_entries)
_NEWEST: Final = select(func.max(_s.id).label("id"))
_MINE: Final = (_e.host == bindparam("host"), _e.user == bindparam("user"))
_PRESENT: Final = select(_e.stanza).where(*_MINE, _e.stanza.in_(bindparam("ids", expanding=True)))
_ENDS: Final = select(func.min(_e.stanza).label("first"), func.max(_e.stanza).label("last")).where(*_MINE)


class Stored(Protocol):
    """An archived message.

    Attributes:
        id: its id.
        stanza: it, as XML that stands in a stream of ``jabber:client``.
        sender: in a room, who said it.
    """

    id: int
    stanza: bytes
    sender: str | None


@dataclass(frozen=True, slots=True)
class Range:
    """Which messages of an archive are meant.

    Attributes:
        after, before: only those between these ids.
        pair: only those between two addresses (see `pairs`).
        ids: only these.
        matching: only those whose words an index finds (see `search`).
    """

    after: int = FIRST
    before: int = LAST
    pair: int | None = None
    ids: tuple[int, ...] | None = None
    matching: str | None = None


class ArchiveStore:
    """The archives of the accounts of one host, or of the rooms of a service.

    Its methods that await raise `StorageError` where the database can't do its work.

    Args:
        database: where they are.
        host: the domain of the host or service.
    """

    def __init__(self, database: Database, host: str) -> None:
        self.database = database
        self.host = host
        #: The ids that an index of words finds for the parameter ``matching``; see `search`.
        self.matching: Select[tuple[int]] | None = None
        self._statements: dict[tuple[bool, bool, bool, str], Select[Any]] = {}

    async def start(self) -> None:
        """See to it that no id is given twice, whatever the clock says."""
        row = await self.database.fetch_one(_NEWEST)
        if row is not None and row.id is not None:
            self.database.ids.skip(row.id)

    # ---- keeping

    def keep(self, user: str, parties: int, stanza: bytes) -> int:
        """Put a message into an account's archive with the next batch.

        Args:
            user: the account.
            parties: the `pair` of sender and recipient.
            stanza: the message as XML.

        Returns:
            Its id.

        Raises:
            StorageError: the database is behind.
        """
        batch = self.database.batch
        id = self.database.ids.next()
        batch.add(_STANZA, {"id": id, "pair": parties, "stanza": stanza})
        batch.add(_ENTRY, {"host": self.host, "user": user, "stanza": id})
        return id

    def share(self, user: str, id: int) -> None:
        """Put a message into an account's archive that another archive has already.

        Raises:
            StorageError: the database is behind.
        """
        self.database.batch.add(_ENTRY, {"host": self.host, "user": user, "stanza": id})

    def keep_said(self, room: str, id: int, parties: int, sender: JID | None, stanza: bytes) -> None:
        """Put a message into a room's archive with the next batch.

        Args:
            room: the localpart of the room's address.
            id: the id it was given.
            parties: the `pair` of the room and the address of the occupant.
            sender: who said it.
            stanza: the message as XML.

        Raises:
            StorageError: the database is behind.
        """
        batch = self.database.batch
        batch.add(_ROOM_STANZA, {"id": id, "pair": parties, "sender": sender, "stanza": stanza})
        batch.add(_ENTRY, {"host": self.host, "user": room, "stanza": id})

    # ---- reading

    async def page(
        self, user: str, wanted: Range, most: int, *, skip: int = 0, newest: bool = False
    ) -> list[Row]:
        """Messages of an archive in the order of their ids.

        Args:
            user: whose archive.
            wanted: which messages.
            most: how many at most.
            skip: how many of them are left out first.
            newest: count from the newest; they come in the same order all the same.

        Returns:
            Rows as in `Stored`.
        """
        params = self._params(user, wanted) | {"most": most, "skip": skip}
        kind = "newest" if newest else "oldest"
        rows = list(await self.database.fetch(self._statement(wanted, kind), params))
        if newest:
            rows.reverse()
        return rows

    async def count(self, user: str, wanted: Range, most: int) -> int:
        """How many messages are meant, counted up to `most`."""
        params = self._params(user, wanted) | {"most": most}
        row = await self.database.fetch_one(self._statement(wanted, "count"), params)
        return 0 if row is None else int(row.messages)

    async def present(self, user: str, ids: Sequence[int]) -> set[int]:
        """Those of the messages that are in an archive."""
        params = {"host": self.host, "user": user, "ids": list(ids)}
        return {row.stanza for row in await self.database.fetch(_PRESENT, params)}

    async def ends(self, user: str) -> tuple[int, int] | None:
        """The ids of the oldest and the newest message of an archive; None where it is empty."""
        row = await self.database.fetch_one(_ENDS, {"host": self.host, "user": user})
        return None if row is None or row.first is None else (row.first, row.last)

    def _params(self, user: str, wanted: Range) -> dict[str, Any]:
        params = {"host": self.host, "user": user, "after": wanted.after, "before": wanted.before}
        if wanted.pair is not None:
            params["pair"] = wanted.pair
        if wanted.ids is not None:
            params["ids"] = list(wanted.ids)
        if wanted.matching is not None:
            params["matching"] = wanted.matching
        return params

    def _statement(self, wanted: Range, kind: str) -> Select[Any]:
        """The statement for queries of one shape, made once: compiling it costs more than running it."""
        key = (wanted.pair is not None, wanted.ids is not None, wanted.matching is not None, kind)
        found = self._statements.get(key)
        if found is None:
            found = self._statements[key] = self._make(*key)
        return found

    def _make(self, of_pair: bool, of_ids: bool, matching: bool, kind: str) -> Select[Any]:
        of_archive = (_e.host == bindparam("host"), _e.user == bindparam("user"))
        # From the index that holds what is wanted in order: by the pair, or by the archive.
        id = _s.id if of_pair else _e.stanza
        base = select(literal_column("1") if kind == "count" else id.label("id"))
        if kind != "count":
            base = base.add_columns(_s.stanza, _s.sender)
        if of_pair:
            in_archive: Select[Any] = select(literal_column("1")).where(*of_archive, _e.stanza == _s.id)
            base = base.where(_s.pair == bindparam("pair"), in_archive.correlate(archive_stanzas).exists())
        else:
            base = base.where(*of_archive)
            if kind != "count":
                base = base.where(_s.id == _e.stanza)
        base = base.where(id > bindparam("after"), id < bindparam("before"))
        if of_ids:
            base = base.where(id.in_(bindparam("ids", expanding=True)))
        if matching:
            assert self.matching is not None
            base = base.where(id.in_(self.matching))
        if kind == "count":
            some = base.limit(bindparam("most")).subquery()
            return select(func.count().label("messages")).select_from(some)
        order = id.desc() if kind == "newest" else id
        return base.order_by(order).limit(bindparam("most")).offset(bindparam("skip"))
