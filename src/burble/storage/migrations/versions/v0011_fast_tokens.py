"""Tokens that clients log in with instead of a password."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Create the table of tokens."""
    op.create_table(
        "fast_tokens",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
        sa.Column("mechanism", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", "user", "client", "used", name="pk_fast_tokens"),
        sqlite_with_rowid=False,
    )
