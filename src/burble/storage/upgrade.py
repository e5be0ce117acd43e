"""Bring a database to the schema of this code, quickly where it is there already.

Alembic is imported only when there is something to do: that takes a third of a server's start.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"


def newest_revision() -> str:
    """The newest migration's revision, which its file is named after: ``v0001_accounts.py`` is 0001."""
    return max(path.stem for path in VERSIONS.glob("v*.py"))[1:].partition("_")[0]


def upgrade(connection: Connection) -> None:
    """Apply every migration the database lacks; `burble.storage.migrate.migrate` says how."""
    if not _is_current(connection):
        from burble.storage.migrate import migrate

        migrate(connection)


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return list(found) == [newest_revision()]
