"""Taking messages out of archives: a message is deleted when it is in none any more.

What is erased goes in pieces, each a transaction of its own, so that nobody has to wait for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Delete, bindparam, delete, select

from burble.modules.archive.search import unindex
from burble.storage import Database
from burble.storage.schema import archive_entries, archive_stanzas

__all__ = ["Eraser"]

#: Messages erased in one transaction unless somebody wants otherwise.
_PIECE: Final = 500

_e, _s = archive_entries.c, archive_stanzas.c
_OF_ARCHIVE: Final = (_e.host == bindparam("its_host"), _e.user == bindparam("its_user"))
_OLDEST: Final = (
    select(_e.stanza)
    .where(*_OF_ARCHIVE, _e.stanza > bindparam("after"), _e.stanza <= bindparam("until"))
    .order_by(_e.stanza)
    .limit(bindparam("most"))
)
_OF_PAIR: Final = (
    select(_s.id.label("stanza"))
    .where(_s.pair == bindparam("pair"), _s.id > bindparam("after"), _s.id <= bindparam("until"))
    .where(select(_e.stanza).where(*_OF_ARCHIVE, _e.stanza == _s.id).correlate(archive_stanzas).exists())
    .order_by(_s.id)
    .limit(bindparam("most"))
)
_ALL_OLDEST: Final = (
    select(_e.host, _e.stanza)
    .where(_e.stanza > bindparam("after"), _e.stanza < bindparam("before"))
    .order_by(_e.stanza)
    .limit(bindparam("most"))
)
_NEXT_USER: Final = (
    select(_e.user)
    .where(_e.host == bindparam("its_host"), _e.user > bindparam("user"))
    .order_by(_e.user)
    .limit(1)
)
_NTH_NEWEST: Final = (
    select(_e.stanza).where(*_OF_ARCHIVE).order_by(_e.stanza.desc()).limit(1).offset(bindparam("kept"))
)
_DROP_ENTRIES: Final = delete(archive_entries).where(
    *_OF_ARCHIVE, _e.stanza.in_(bindparam("stanzas", expanding=True))
)
_DROP_OF_HOST: Final = delete(archive_entries).where(
    _e.host == bindparam("its_host"), _e.stanza.in_(bindparam("stanzas", expanding=True))
)
_DROP_STANZAS: Final = delete(archive_stanzas).where(
    _s.id.in_(bindparam("stanzas", expanding=True)),
    ~select(_e.stanza).where(_e.stanza == _s.id).correlate(archive_stanzas).exists(),
)
_LEFT: Final = select(_s.id).where(_s.id.in_(bindparam("stanzas", expanding=True)))
_ALL: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases from the archives of a database.

    Its methods raise `StorageError` where the database can't do its work; what was erased before stays so.

    Args:
        database: the database.
    """

    database: Database

    async def erase(self, host: str, user: str, *, pair: int | None = None, until: int = _ALL) -> int:
        """Take messages out of one archive.

        Args:
            host: the domain of its host, or of the service of a room.
            user: the localpart of the account or room.
            pair: only those between two addresses (see `pairs`).
            until: only those up to this id.

        Returns:
            How many.
        """
        await self.database.batch.flush()
        statement = _OLDEST if pair is None else _OF_PAIR
        archive = {"its_host": host, "its_user": user}
        params: dict[str, Any] = {**archive, "after": 0, "until": until, "most": _PIECE}
        if pair is not None:
            params["pair"] = pair
        erased = 0
        while found := [row.stanza for row in await self.database.fetch(statement, params)]:
            await self.database.write(_Piece(found, _DROP_ENTRIES, archive))
            erased += len(found)
            params["after"] = found[-1]
        return erased

    async def erase_before(self, id: int, hosts: Container[str], piece: int = _PIECE) -> AsyncIterator[int]:
        """Take all messages before an id out of all archives of some domains.

        Args:
            id: the id.
            hosts: the domains of hosts and services.
            piece: how many are erased at once.

        Yields:
            How many archives had the messages that were erased, piece by piece.
        """
        await self.database.batch.flush()
        params = {"after": 0, "before": id, "most": max(piece, 2)}
        while rows := await self.database.fetch(_ALL_OLDEST, params):
            erased = 0
            last = rows[-1].stanza
            # The last one's other archives may not be in this piece: it begins the next.
            if len(rows) > 1 and rows[0].stanza != last and len(rows) == params["most"]:
                rows = [row for row in rows if row.stanza != last]
                last = rows[-1].stanza
            for host in {row.host for row in rows}:
                if host in hosts:
                    found = [row.stanza for row in rows if row.host == host]
                    await self.database.write(_Piece(found, _DROP_OF_HOST, {"its_host": host}))
                    erased += len(found)
            params["after"] = last
            yield erased

    async def users(self, host: str) -> AsyncIterator[str]:
        """Who has an archive with anything in it; others are let run in between."""
        row = await self.database.fetch_one(_NEXT_USER, {"its_host": host, "user": ""})
        while row is not None:
            yield row.user
            await asyncio.sleep(0)
            row = await self.database.fetch_one(_NEXT_USER, {"its_host": host, "user": row.user})

    async def trim(self, host: str, user: str, most: int) -> int:
        """Take the oldest messages out of an archive so that at most so many stay; returns how many."""
        params = {"its_host": host, "its_user": user, "kept": most}
        row = await self.database.fetch_one(_NTH_NEWEST, params)
        return 0 if row is None else await self.erase(host, user, until=row.stanza)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One transaction: messages go out of archives, and those that are in none any more are deleted."""

    stanzas: list[int]
    statement: Delete
    params: dict[str, Any]

    def __call__(self, connection: Connection) -> None:
        connection.execute(self.statement, {**self.params, "stanzas": self.stanzas})
        connection.execute(_DROP_STANZAS, {"stanzas": self.stanzas})
        left = connection.execute(_LEFT, {"stanzas": self.stanzas}).scalars().all()
        unindex(connection, [*{*self.stanzas}.difference(left)])
