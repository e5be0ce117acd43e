"""Bring a database to the schema of this code, with Alembic and without its configuration files.

The scripts in `migrations/versions` take the operations as an argument (`def upgrade(op: Operations)`)
instead of importing Alembic's process-wide `op`, so that several servers may migrate at the same time.
"""

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, text

from burble.storage.errors import SchemaTooNew

_SCRIPTS = Path(__file__).parent / "migrations"

# The key of PostgreSQL's advisory lock: "burble" in ASCII.
_LOCK = 0x627572626C65


def migrate(connection: Connection, to: str = "head") -> None:
    """Apply every migration the database lacks, or those up to the revision `to`.

    `connection` is in a transaction, which the caller commits. On SQLite that transaction already holds the
    write lock; on PostgreSQL an advisory lock makes a second start wait here until the first has finished.

    Raises:
        SchemaTooNew: the database knows a migration which this code does not.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    scripts = ScriptDirectory(str(_SCRIPTS))

    def upgrade(revision: str, context: MigrationContext) -> list[RevisionStep]:
        return list(scripts._upgrade_revs(to, revision))

    context = MigrationContext.configure(connection, opts={"fn": upgrade})
    for revision in context.get_current_heads():
        _check_known(scripts, revision)
    context.run_migrations(op=Operations(context))


def head() -> str | None:
    """Return the revision of the schema of this code."""
    return ScriptDirectory(str(_SCRIPTS)).get_current_head()


def is_known(revision: str) -> bool:
    """Tell whether a revision is one that this code can start from."""
    return _knows(ScriptDirectory(str(_SCRIPTS)), revision)


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except (CommandError, ResolutionError):
        return False


def _check_known(scripts: ScriptDirectory, revision: str) -> None:
    if not _knows(scripts, revision):
        raise SchemaTooNew(
            f"the database has the schema version {revision!r}, which this version of Burble does not know: "
            f"it knows up to {scripts.get_current_head()!r}. "
            "A newer Burble has migrated it. Install that version again, or restore a backup made before."
        )
