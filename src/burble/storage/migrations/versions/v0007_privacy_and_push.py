"""Privacy lists, and the push services of accounts."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Create the tables of privacy lists and push services."""
    op.create_table(
        "privacy_lists",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("rules", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "name", name="pk_privacy_lists"),
    )
    op.create_table(
        "push_services",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("jid", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("options", sa.LargeBinary),
        sa.Column("enabled_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "jid", "node", name="pk_push_services"),
        sqlite_with_rowid=False,
    )
