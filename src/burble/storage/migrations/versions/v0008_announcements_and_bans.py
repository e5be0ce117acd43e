"""What administrators say to all, whom they keep out, and the lists they edit while the server runs."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Create the tables of bans, announcements and lists."""
    op.create_table(
        "bans",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", name="pk_bans"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "announcements",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "kind", name="pk_announcements"),
    )
    op.create_table(
        "announcements_seen",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", name="pk_announcements_seen"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_lists",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("list", sa.Text, nullable=False),
        sa.Column("jid", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "list", "jid", name="pk_access_lists"),
        sqlite_with_rowid=False,
    )
