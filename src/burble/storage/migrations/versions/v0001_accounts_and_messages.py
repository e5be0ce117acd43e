"""Accounts, rosters, offline messages and the small per-account stores."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _owned(
    op: Operations, name: str, *parts: sa.Column[object], key: tuple[str, ...] = (), rowid: bool = True
) -> None:
    op.create_table(
        name,
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        *parts,
        sa.PrimaryKeyConstraint("host", "user", *key, name=f"pk_{name}"),
        sqlite_with_rowid=rowid,
    )


def upgrade(op: Operations) -> None:
    """Create the tables of the first schema."""
    _owned(
        op,
        "accounts",
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
        rowid=False,
    )
    _owned(
        op,
        "credentials",
        sa.Column("mechanism", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("iterations", sa.Integer, nullable=False),
        sa.Column("stored_key", sa.LargeBinary, nullable=False),
        sa.Column("server_key", sa.LargeBinary, nullable=False),
        key=("mechanism",),
        rowid=False,
    )
    _owned(
        op,
        "roster_items",
        sa.Column("jid", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("ask", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("approved", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("groups", sa.Text, nullable=False, server_default="[]"),
        key=("jid",),
        rowid=False,
    )
    _owned(op, "roster_versions", sa.Column("ver", sa.BigInteger, nullable=False), rowid=False)
    _owned(
        op,
        "subscription_requests",
        sa.Column("jid", sa.Text, nullable=False),
        sa.Column("stanza", sa.LargeBinary, nullable=False),
        key=("jid",),
    )
    op.create_table(
        "offline_messages",
        sa.Column("id", _identity, autoincrement=True, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("stanza", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_offline_messages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_offline_messages_host_user_id", "offline_messages", ["host", "user", "id"])
    some = sa.text("expires IS NOT NULL")
    op.create_index(
        "ix_offline_messages_expires",
        "offline_messages",
        ["expires"],
        sqlite_where=some,
        postgresql_where=some,
    )
    _owned(
        op,
        "private_xml",
        sa.Column("ns", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("xml", sa.LargeBinary, nullable=False),
        key=("ns", "name"),
    )
    _owned(op, "vcards", sa.Column("xml", sa.LargeBinary, nullable=False))
    _owned(op, "blocklist", sa.Column("jid", sa.Text, nullable=False), key=("jid",), rowid=False)
    _owned(
        op,
        "last_activity",
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default=""),
        rowid=False,
    )
