"""Tokens for calling commands over HTTP."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Create the table of tokens."""
    op.create_table(
        "api_tokens",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "hash", name="pk_api_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_api_tokens_hash", "api_tokens", ["hash"])
