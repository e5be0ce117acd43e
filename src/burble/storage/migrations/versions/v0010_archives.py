"""The message archives of accounts and rooms."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade(op: Operations) -> None:
    """Create the tables of archives."""
    op.create_table(
        "archive_stanzas",
        sa.Column("id", _number, autoincrement=False, nullable=False),
        sa.Column("pair", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.Text),
        sa.Column("stanza", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archive_stanzas"),
    )
    op.create_index("ix_archive_stanzas_pair_id", "archive_stanzas", ["pair", "id"])
    op.create_table(
        "archive_entries",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("stanza", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "stanza", name="pk_archive_entries"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_archive_entries_stanza", "archive_entries", ["stanza"])
    op.create_table(
        "archive_preferences",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("default", sa.Text, nullable=False),
        sa.Column("always", sa.Text, nullable=False),
        sa.Column("never", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", name="pk_archive_preferences"),
        sqlite_with_rowid=False,
    )
