"""Looking for words in archives (XEP-0431): an index in the database, SQLite's FTS5 or PostgreSQL's GIN.

Writing a message costs nothing here: an archive is indexed when its owner looks for something, as far as it
is not yet. So only those who search have an index, and none lags behind what is asked for. The tables are
made when they are first needed; they can be dropped while the server is stopped, and are made anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnClause, Connection, Select, Text, bindparam, column, select, table, text

from burble.jid import JID
from burble.modules.archive.store import ArchiveStore, Range
from burble.modules.archive.stored import parse
from burble.namespaces import CLIENT
from burble.storage import Row

__all__ = ["SearchIndex", "expression", "unindex", "words_of"]

#: Messages indexed in one transaction.
_PIECE: Final = 200
#: Characters of a word that count; and words of what is looked for.
_LONGEST_WORD: Final = 60
_MOST_WORDS: Final = 20

# Letters of scripts that put no spaces between words each stand for a word.
_WORD: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W_\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+\*?"
)

_SQLITE: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS archive_search USING fts5 (parties, words)",
    "CREATE TABLE IF NOT EXISTS archive_searched (host TEXT NOT NULL, user TEXT NOT NULL,"
    " upto BIGINT NOT NULL, PRIMARY KEY (host, user)) WITHOUT ROWID",
)
_POSTGRESQL: Final = (
    "CREATE TABLE IF NOT EXISTS archive_search (id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX IF NOT EXISTS ix_archive_search_words ON archive_search USING gin (words)",
    'CREATE TABLE IF NOT EXISTS archive_searched (host TEXT NOT NULL, "user" TEXT NOT NULL,'
    ' upto BIGINT NOT NULL, PRIMARY KEY (host, "user"))',
)
_ADD: Final = {
    "sqlite": text(
        "INSERT OR REPLACE INTO archive_search (rowid, parties, words) VALUES (:id, :parties, :words)"
    ),
    "postgresql": text(
        "INSERT INTO archive_search (id, words)"
        " VALUES (:id, array_to_tsvector(string_to_array(:parties || ' ' || :words, ' ')))"
        " ON CONFLICT DO NOTHING"
    ),
}
_NOTE: Final = text(
    'INSERT INTO archive_searched (host, "user", upto) VALUES (:host, :user, :upto)'
    ' ON CONFLICT (host, "user") DO UPDATE SET upto = excluded.upto'
)
_FORGET: Final = text('DELETE FROM archive_searched WHERE host = :host AND "user" = :user')
_EXISTS: Final = {
    "sqlite": text("SELECT 1 FROM sqlite_master WHERE name = 'archive_search'"),
    "postgresql": text("SELECT 1 FROM pg_tables WHERE tablename = 'archive_search'"),
}
_ID: Final = {"sqlite": "rowid", "postgresql": "id"}

_searched = table("archive_searched", column("host"), column("user"), column("upto"))
_UPTO: Final = select(_searched.c.upto).where(
    _searched.c.host == bindparam("host"), _searched.c.user == bindparam("user")
)


class SearchIndex:
    """The index of words of the archives of one host or service.

    Args:
        store: where the archives are.
    """

    def __init__(self, store: ArchiveStore) -> None:
        self._store = store
        self._working = asyncio.Lock()
        self._dialect = ""

    async def update(self, user: str) -> None:
        """Index what of an archive is not indexed yet.

        Raises:
            StorageError: it can't be done now.
        """
        async with self._working:
            if not self._dialect:
                self._dialect = await self._store.database.rebuild(_create)
                self._store.matching = _matching(self._dialect)
            archive = {"host": self._store.host, "user": user}
            row = await self._store.database.fetch_one(_UPTO, archive)
            upto = 0 if row is None else int(row.upto)
            while rows := await self._store.page(user, Range(after=upto), _PIECE):
                upto = rows[-1].id
                await self._store.database.write(_Indexing(self._store.host, user, rows))

    async def forget(self, user: str) -> None:
        """Forget that an archive was ever looked through; `unindex` forgets its messages.

        Raises:
            StorageError: it can't be done now.
        """
        archive = {"host": self._store.host, "user": user}

        def run(connection: Connection) -> None:
            if _is_there(connection):
                connection.execute(_FORGET, archive)

        await self._store.database.write(run)

    def expression(self, owner: JID, wanted: str) -> str:
        """What to look for in the index of an archive, as the database takes it (`Range.matching`).

        Args:
            owner: the address of the archive.
            wanted: words, all of which must occur; one that ends with ``*`` may go on.
        """
        return expression(self._dialect, owner, wanted)


class _Indexing:
    """One transaction: the words of some messages go into the index."""

    def __init__(self, host: str, user: str, rows: Sequence[Row]) -> None:
        self._archive = {"host": host, "user": user, "upto": rows[-1].id}
        self._rows = rows

    def __call__(self, connection: Connection) -> None:
        found = [each for row in self._rows if (each := _indexed(row)) is not None]
        if found:
            connection.execute(_ADD[connection.dialect.name], found)
        connection.execute(_NOTE, self._archive)


def _indexed(row: Row) -> dict[str, Any] | None:
    message = parse(row.stanza)
    said = [child.text for child in message.elements(ns=CLIENT) if child.name in ("body", "subject")]
    words = [word for text in said for word in words_of(text)]
    if not words:
        return None
    parties = {party(each.bare) for each in (message.from_, message.to) if each is not None}
    return {"id": row.id, "parties": " ".join(sorted(parties)), "words": " ".join(words)}


def words_of(text: str, *, wild: bool = False) -> list[str]:
    """The words of a text, in small letters without accents.

    Args:
        text: the text.
        wild: whether a word may end with ``*``.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    found = [word[:_LONGEST_WORD] for word in _WORD.findall(unicodedata.normalize("NFC", plain))]
    return found if wild else [word.removesuffix("*") for word in found]


def party(jid: JID) -> str:
    """The word that stands for an account or room in the index, so that a search need not look at others."""
    return f"of{hashlib.blake2b(jid.encode(), digest_size=8).hexdigest()}"


def expression(dialect: str, owner: JID, wanted: str) -> str:
    """See `SearchIndex.expression`; empty where there is no word in it."""
    words = words_of(wanted, wild=True)[:_MOST_WORDS]
    if not words:
        return ""
    if dialect == "postgresql":
        terms = [f"'{word[:-1]}':*" if word.endswith("*") else f"'{word}'" for word in words]
        return " & ".join([f"'{party(owner)}'", *terms])
    terms = [f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"' for word in words]
    return f"parties : {party(owner)} AND words : ({' AND '.join(terms)})"


def unindex(connection: Connection, ids: Sequence[int]) -> None:
    """Take messages out of the index, where there is one."""
    if _is_there(connection):
        id = _ID[connection.dialect.name]
        statement = text(f"DELETE FROM archive_search WHERE {id} IN :ids")
        connection.execute(statement.bindparams(bindparam("ids", expanding=True)), {"ids": list(ids)})


def _is_there(connection: Connection) -> bool:
    return connection.execute(_EXISTS[connection.dialect.name]).first() is not None


def _create(connection: Connection) -> str:
    dialect = connection.dialect.name
    for statement in _POSTGRESQL if dialect == "postgresql" else _SQLITE:
        connection.execute(text(statement))
    return dialect


def _matching(dialect: str) -> Select[Any]:
    id: ColumnClause[int] = column(_ID[dialect])
    where = "archive_search MATCH :matching"
    if dialect == "postgresql":
        where = "archive_search.words @@ CAST(:matching AS tsquery)"
    condition = text(where).bindparams(bindparam("matching", type_=Text()))
    return select(table("archive_search", id).c[id.name]).where(condition)
