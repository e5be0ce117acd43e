"""Look at a database that nobody has opened, and change nothing in it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError

from burble.storage.engine import new_engine
from burble.storage.errors import StorageError, reason
from burble.storage.migrate import head, is_known

__all__ = ["State", "peek"]


@dataclass(frozen=True, slots=True)
class State:
    """What a database is.

    Attributes:
        revision: of its tables.
        known: whether this version of Burble knows it.
        current: whether it is this version's own.
    """

    revision: str
    known: bool
    current: bool


async def peek(url: str) -> State | None:
    """Open a database, find out the revision of its tables, and let go of it.

    Args:
        url: as `Database.open` takes it.

    Returns:
        None where it has no tables of Burble's, or does not exist yet.

    Raises:
        StorageError: it can't be opened.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageError("the database URL cannot be read") from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        revision = _in_file(Path(parsed.database or ""))
    else:
        engine = new_engine(parsed, 1)
        try:
            async with engine.connect() as connection:
                revision = await connection.run_sync(_revision)
        except Exception as error:
            shown = parsed.render_as_string(hide_password=True)
            raise StorageError(f"cannot use the database {shown}: {reason(error)}") from error
        finally:
            await engine.dispose()
    if revision is None:
        return None
    return State(revision, is_known(revision), revision == head())


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _in_file(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            known = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            ).fetchone()
            found = (
                connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"cannot open the database {path}: {error}") from error
    return None if found is None else str(found[0])
