"""Sessions that wait for their clients over a restart, and what clients have not acknowledged (XEP-0198)."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Create the tables of hibernated sessions and unacknowledged stanzas."""
    op.create_table(
        "hibernated_sessions",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("presence", sa.LargeBinary),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "session", name="pk_hibernated_sessions"),
    )
    op.create_table(
        "unacknowledged_stanzas",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("stanza", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "session", "number", name="pk_unacknowledged_stanzas"),
    )
