"""Rows and statements which several tests use."""

from typing import Any

from sqlalchemy import bindparam, insert, select

from burble.storage import Database
from burble.storage.schema import accounts, offline_messages

STORE = insert(offline_messages)
STANZAS = select(offline_messages.c.stanza).order_by(offline_messages.c.id)
CREATE_ACCOUNT = insert(accounts)
FIND_ACCOUNT = select(accounts.c.created, accounts.c.disabled).where(
    accounts.c.host == bindparam("host"), accounts.c.user == bindparam("user")
)


def message(stanza: bytes, user: str = "juliet") -> dict[str, Any]:
    return {"host": "example.org", "user": user, "stanza": stanza, "stored_at": 1_700_000_000}


async def stored(database: Database) -> list[bytes]:
    return [row.stanza for row in await database.fetch(STANZAS)]
