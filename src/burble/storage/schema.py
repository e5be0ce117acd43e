"""The tables: narrow rows, keyed by what they are asked for.

A row that belongs to an account carries `host` and `user` (the localpart), first in its key, so that
everything of an account lies together and is removed alike (`account_tables`). Times are whole seconds
since 1970. On SQLite small rows live in their primary key (WITHOUT ROWID): one tree to search, one to write.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows by itself only in a column declared INTEGER.
_Identity = BigInteger().with_variant(Integer, "sqlite")


def _account_key() -> tuple[Column[str], Column[str]]:
    return (
        Column("host", Text, primary_key=True),
        Column("user", Text, primary_key=True),
    )


accounts = Table(
    "accounts",
    metadata,
    *_account_key(),
    Column("created", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

# RFC 5802 §3, RFC 7677: what SCRAM keeps instead of a password. `mechanism` is the hash ("SHA-256").
credentials = Table(
    "credentials",
    metadata,
    *_account_key(),
    Column("mechanism", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("iterations", Integer, nullable=False),
    Column("stored_key", LargeBinary, nullable=False),
    Column("server_key", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# RFC 6121 §2.1. `groups` is a JSON list of names.
roster_items = Table(
    "roster_items",
    metadata,
    *_account_key(),
    Column("jid", Text, primary_key=True),
    Column("name", Text),
    Column("subscription", Text, nullable=False),
    Column("ask", Boolean, nullable=False, server_default=false()),
    Column("approved", Boolean, nullable=False, server_default=false()),
    Column("groups", Text, nullable=False, server_default="[]"),
    sqlite_with_rowid=False,
)

# RFC 6121 §2.6
roster_versions = Table(
    "roster_versions",
    metadata,
    *_account_key(),
    Column("ver", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# RFC 6121 §3.1.3: the request as it came, to be shown again at every login until it is answered.
subscription_requests = Table(
    "subscription_requests",
    metadata,
    *_account_key(),
    Column("jid", Text, primary_key=True),
    Column("stanza", LargeBinary, nullable=False),
)

# XEP-0160. `id` is the order of arrival and is never used twice.
offline_messages = Table(
    "offline_messages",
    metadata,
    Column("id", _Identity, primary_key=True, autoincrement=True),
    Column("host", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("stanza", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    Column("expires", BigInteger),
    sqlite_autoincrement=True,
)
Index(None, offline_messages.c.host, offline_messages.c.user, offline_messages.c.id)
Index(
    None,
    offline_messages.c.expires,
    sqlite_where=offline_messages.c.expires.is_not(None),
    postgresql_where=offline_messages.c.expires.is_not(None),
)

# XEP-0049: one row for each root element, told by namespace and name.
private_xml = Table(
    "private_xml",
    metadata,
    *_account_key(),
    Column("ns", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("xml", LargeBinary, nullable=False),
)

# XEP-0054
vcards = Table(
    "vcards",
    metadata,
    *_account_key(),
    Column("xml", LargeBinary, nullable=False),
)

# XEP-0191
blocklist = Table(
    "blocklist",
    metadata,
    *_account_key(),
    Column("jid", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# XEP-0012: `seconds` is the time of the last logout, `status` what the account said then.
last_activity = Table(
    "last_activity",
    metadata,
    *_account_key(),
    Column("seconds", BigInteger, nullable=False),
    Column("status", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

# Tokens for calling commands over HTTP: SHA-256 of the token in hexadecimal. `scopes` is a JSON list.
api_tokens = Table(
    "api_tokens",
    metadata,
    *_account_key(),
    Column("hash", Text, primary_key=True),
    Column("scopes", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, api_tokens.c.hash)

# XEP-0016. `rules` is a JSON list; at most one list of an account is the default.
privacy_lists = Table(
    "privacy_lists",
    metadata,
    *_account_key(),
    Column("name", Text, primary_key=True),
    Column("is_default", Boolean, nullable=False, server_default=false()),
    Column("rules", Text, nullable=False),
)

# XEP-0357: `resource` is the client that enabled it, `options` the publish options as XML.
push_services = Table(
    "push_services",
    metadata,
    *_account_key(),
    Column("jid", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("resource", Text, nullable=False),
    Column("options", LargeBinary),
    Column("enabled_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Why and since when an account may not log in; that it may not is in `accounts.disabled`.
bans = Table(
    "bans",
    metadata,
    *_account_key(),
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What a host tells all its users: `kind` is ``motd`` or ``welcome``. `number` tells one message of the day
# from the next; `announcements_seen` holds the one that an account was shown last.
announcements = Table(
    "announcements",
    metadata,
    Column("host", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
)

announcements_seen = Table(
    "announcements_seen",
    metadata,
    *_account_key(),
    Column("number", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# XEP-0133 §4.11, §4.12, §4.29: addresses on the lists that a host's administrators edit while it runs.
access_lists = Table(
    "access_lists",
    metadata,
    Column("host", Text, primary_key=True),
    Column("list", Text, primary_key=True),
    Column("jid", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# XEP-0198: sessions that wait for their clients while the server is stopped. `state` is JSON.
hibernated_sessions = Table(
    "hibernated_sessions",
    metadata,
    *_account_key(),
    Column("session", Text, primary_key=True),
    Column("resource", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("presence", LargeBinary),
    Column("state", Text, nullable=False),
)

# XEP-0198: what clients have not acknowledged: all of a session that is hibernated across a stop, and of one
# that is in use what nothing else would bring back. `number` is the stanza's in its session.
unacknowledged_stanzas = Table(
    "unacknowledged_stanzas",
    metadata,
    *_account_key(),
    Column("session", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("stanza", LargeBinary, nullable=False),
)


# XEP-0313. A message is stored once, whichever archives it is in: its sender's, its recipient's. `id` is what
# clients get as its stanza-id, and holds the time (see `burble.storage.ids`). `pair` stands for the two bare
# JIDs it went between, in a room for the room and the nick: one index entry a message, where a peer in each
# archive's entries would need two and twice the time to write. `sender` is who said it in a room.
archive_stanzas = Table(
    "archive_stanzas",
    metadata,
    Column("id", _Identity, primary_key=True, autoincrement=False),
    Column("pair", BigInteger, nullable=False),
    Column("sender", Text),
    Column("stanza", LargeBinary, nullable=False),
)
Index(None, archive_stanzas.c.pair, archive_stanzas.c.id)

# What is in whose archive. Of a room `host` is its service and `user` its localpart. By the index a stanza is
# found to be in no archive any more.
archive_entries = Table(
    "archive_entries",
    metadata,
    *_account_key(),
    Column("stanza", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)
Index(None, archive_entries.c.stanza)

# XEP-0441. `always` and `never` are JSON lists of JIDs.
archive_preferences = Table(
    "archive_preferences",
    metadata,
    *_account_key(),
    Column("default", Text, nullable=False),
    Column("always", Text, nullable=False),
    Column("never", Text, nullable=False),
    sqlite_with_rowid=False,
)

# XEP-0484: what a client (`client` is the id it gives itself) may log in with instead of a password: the one
# it uses, and perhaps a newer one it has not used yet. The token itself is made from `nonce` and a secret of
# the server that is not in the database.
fast_tokens = Table(
    "fast_tokens",
    metadata,
    *_account_key(),
    Column("client", Text, primary_key=True),
    Column("used", Boolean, primary_key=True),
    Column("mechanism", Text, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


# ---- rooms (XEP-0045). They belong to a service, not to an account: `service` is its domain, `room` the
# localpart, which sorts as Python sorts it. Only persistent rooms are here.


def _room_key() -> tuple[Column[str], Column[str]]:
    return (
        Column("service", Text, primary_key=True),
        Column("room", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    )


# `config` is JSON and holds `name` and `public` once more, which stand here for the list of rooms (§6.3).
rooms = Table(
    "rooms",
    metadata,
    *_room_key(),
    Column("creator", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("config", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("subject", LargeBinary),
    Column("vcard", LargeBinary),
)
Index(None, rooms.c.service, rooms.c.creator)

# What a room keeps of an account or a domain. `hats` is a JSON list.
room_accounts = Table(
    "room_accounts",
    metadata,
    *_room_key(),
    Column("jid", Text, primary_key=True),
    Column("affiliation", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("nick", Text, nullable=False),
    Column("hats", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index(None, room_accounts.c.jid)

# What newcomers are sent. `at` is microseconds since 1970, because order counts.
room_history = Table(
    "room_history",
    metadata,
    *_room_key(),
    Column("at", BigInteger, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sender", Text),
    Column("stanza", LargeBinary, nullable=False),
)


def account_tables() -> list[Table]:
    """Every table whose rows belong to an account: those with the columns `host` and `user`.

    Removing an account is one DELETE for each, in this order; `accounts` itself comes last.
    """
    owned = [table for table in metadata.sorted_tables if {"host", "user"} <= set(table.columns.keys())]
    owned.sort(key=lambda table: table is accounts)
    return owned
