"""Persistent rooms of multi-user chat: configuration, accounts and history."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_sorted = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade(op: Operations) -> None:
    """Create the tables of rooms."""
    op.create_table(
        "rooms",
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("room", _sorted, nullable=False),
        sa.Column("creator", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("subject", sa.LargeBinary),
        sa.Column("vcard", sa.LargeBinary),
        sa.PrimaryKeyConstraint("service", "room", name="pk_rooms"),
    )
    op.create_index("ix_rooms_service_creator", "rooms", ["service", "creator"])
    op.create_table(
        "room_accounts",
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("room", _sorted, nullable=False),
        sa.Column("jid", sa.Text, nullable=False),
        sa.Column("affiliation", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("nick", sa.Text, nullable=False),
        sa.Column("hats", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("service", "room", "jid", name="pk_room_accounts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_room_accounts_jid", "room_accounts", ["jid"])
    op.create_table(
        "room_history",
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("room", _sorted, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("sender", sa.Text),
        sa.Column("stanza", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("service", "room", "at", "id", name="pk_room_history"),
    )
