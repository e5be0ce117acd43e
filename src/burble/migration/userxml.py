"""An account as the portable format writes it (XEP-0227 §4.2 to §4.9), from its rows.

The XML is put together as text: with a million contacts to write, elements would cost more than all the rest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Select, Table, bindparam, select

from burble.delay import delay
from burble.jid import JID
from burble.migration.elements import ACCOUNT, SCRAM
from burble.modules.privacy.rules import Rules
from burble.modules.privacy.store import PrivacyLists
from burble.namespaces import CLIENT, DELAY, FORWARD, MAM, PRIVACY, PRIVATE, ROSTER
from burble.storage.ids import time_of
from burble.storage.schema import (
    archive_entries,
    archive_stanzas,
    blocklist,
    credentials,
    last_activity,
    offline_messages,
    privacy_lists,
    private_xml,
    roster_items,
    subscription_requests,
    vcards,
)
from burble.storage.statements import Row
from burble.timestamps import format_stamp
from burble.xml import Element, escape_attribute, escape_text, parse_element

__all__ = ["ARCHIVED", "PARTS", "archived_xml", "user_xml"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Rows = Sequence[Row]


def user_xml(host: str, account: Row, parts: Mapping[str, Rows], *, twice: bool = False) -> bytes:
    """An account as an element ``<user>``, to which its archive and the end tag are to be added.

    Args:
        host: its domain.
        account: its row: `user`, `created`, `disabled`.
        parts: its rows in other tables, by the table's name, those of `PARTS`.
        twice: encode SCRAM keys twice, as ejabberd expects it.
    """
    content = _credentials(parts.get(credentials.name, ()), twice) + b"".join(
        write(host, parts[name]) for name, (_, write) in _WRITERS.items() if name in parts
    )
    content += _privacy(parts.get(privacy_lists.name, ()), parts.get(blocklist.name, ()))
    last = parts.get(last_activity.name)
    own = f"<account xmlns='{ACCOUNT}' created='{account.created}'"
    own += " disabled='true'" if account.disabled else ""
    own += f" last='{last[0].seconds}'>{escape_text(last[0].status)}</account>" if last else "/>"
    start = f"<user name='{escape_attribute(account.user)}'>"
    return start.encode() + content + own.encode()


def _credentials(rows: Rows, twice: bool) -> bytes:
    def encode(data: bytes) -> str:
        once = base64.b64encode(data)
        return (base64.b64encode(once) if twice else once).decode()

    # SHA-1 comes first: ejabberd takes the first, and knows what to do with this one in all its settings.
    return "".join(
        f"<scram-credentials xmlns='{SCRAM}' mechanism='SCRAM-{escape_attribute(row.mechanism)}'>"
        f"<iter-count>{row.iterations}</iter-count><salt>{encode(row.salt)}</salt>"
        f"<server-key>{encode(row.server_key)}</server-key>"
        f"<stored-key>{encode(row.stored_key)}</stored-key></scram-credentials>"
        for row in rows
    ).encode()


def _roster(host: str, rows: Rows) -> bytes:
    parts = [f"<query xmlns='{ROSTER}'>"]
    for row in rows:
        parts.append(f"<item jid='{escape_attribute(row.jid)}' subscription='{row.subscription}'")
        if row.name is not None:
            parts.append(f" name='{escape_attribute(row.name)}'")
        if row.ask:
            parts.append(" ask='subscribe'")
        if row.approved:
            parts.append(" approved='true'")
        if row.groups == "[]":
            parts.append("/>")
        else:
            groups = "".join(f"<group>{escape_text(group)}</group>" for group in json.loads(row.groups))
            parts.append(f">{groups}</item>")
    parts.append("</query>")
    return "".join(parts).encode()


def _requests(host: str, rows: Rows) -> bytes:
    return b"".join(parse_element(row.stanza, CLIENT).to_bytes() for row in rows)


def _messages(host: str, rows: Rows) -> bytes:
    by = JID.parse(host)
    parts = [b"<offline-messages>"]
    for row in rows:
        # As it was received it may lack the namespaces of the stream it came through.
        message = parse_element(row.stanza, CLIENT)
        message.append(delay(datetime.fromtimestamp(row.stored_at, UTC), by))
        parts.append(message.to_bytes())
    parts.append(b"</offline-messages>")
    return b"".join(parts)


def _private(host: str, rows: Rows) -> bytes:
    return b"<query xmlns='%s'>%s</query>" % (PRIVATE.encode(), b"".join(row.xml for row in rows))


def _vcard(host: str, rows: Rows) -> bytes:
    return b"".join(row.xml for row in rows)


def _privacy(lists: Rows, blocked: Rows) -> bytes:
    """Privacy lists; a block list is one of them, and the only one where there is no other (XEP-0191 §5)."""
    found = PrivacyLists.of_blocked(frozenset(row.jid for row in blocked))
    if lists:
        default = next((row.name for row in lists if row.is_default), None)
        found = PrivacyLists({row.name: Rules.from_json(row.rules) for row in lists}, default)
    if not found.lists:
        return b""
    query = Element("query", PRIVACY)
    if found.default is not None:
        query.add("default", attrs={"name": found.default})
    for name, rules in found.lists.items():
        query.append(Element("list", PRIVACY, {"name": name}, *(rule.element() for rule in rules)))
    return query.to_bytes()


def archived_xml(row: Row) -> bytes:
    """A message of an archive as XEP-0313 tells it."""
    moment = _EPOCH + timedelta(microseconds=time_of(row.stanza_id))
    forwarded = Element("forwarded", FORWARD)
    forwarded.append(Element("delay", DELAY, {"stamp": format_stamp(moment)}))
    forwarded.append(parse_element(row.stanza, CLIENT))
    return Element("result", MAM, {"id": str(row.stanza_id)}, forwarded).to_bytes() + b"\n"


# In the order of the format; what it has no words for comes last.
_WRITERS: Final[dict[str, tuple[Table, Callable[[str, Rows], bytes]]]] = {
    table.name: (table, write)
    for table, write in (
        (roster_items, _roster),
        (offline_messages, _messages),
        (private_xml, _private),
        (vcards, _vcard),
        (subscription_requests, _requests),
    )
}


def _of_users(table: Table) -> Select[tuple[object, ...]]:
    t = table.c
    return (
        select(table)
        .where(t.host == bindparam("host"), t.user >= bindparam("first"), t.user <= bindparam("last"))
        .order_by(*table.primary_key)
    )


_TABLES: Final = (
    credentials,
    *(table for table, _ in _WRITERS.values()),
    privacy_lists,
    blocklist,
    last_activity,
)

PARTS: Final = {table.name: _of_users(table) for table in _TABLES}
"""What reads the rows of the accounts between two of a host, by the table's name."""

_entry, _stanza = archive_entries.c, archive_stanzas.c
ARCHIVED: Final = (
    select(_entry.user, _stanza.id.label("stanza_id"), _stanza.stanza)
    .join_from(archive_entries, archive_stanzas, _stanza.id == _entry.stanza)
    .where(
        _entry.host == bindparam("host"),
        _entry.user >= bindparam("first"),
        _entry.user <= bindparam("last"),
    )
    .order_by(_entry.user, _entry.stanza)
)
"""What reads the messages in their archives, in the order of the accounts."""
