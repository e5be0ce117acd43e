"""Archives of accounts on their way from other servers (XEP-0227 §4.10): where their messages go.

A message is stored once, under a number that tells the time; each archive has an entry for it. Numbers that
Burble gave are kept, so that clients find what they know. Others are given by the time of the message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from burble.jid import JID, JIDError
from burble.modules.archive.pairs import pair
from burble.namespaces import CLIENT, DELAY, FORWARD
from burble.storage.bulk import BulkInsert
from burble.storage.ids import first_id, time_of
from burble.storage.schema import archive_entries, archive_stanzas
from burble.timestamps import parse_stamp
from burble.xml import Element

__all__ = ["Archived", "read_archived", "write_archived"]

_MICRO: Final = 1_000_000
# How far the time that a number tells may be from the time of the message, microseconds.
_NEAR: Final = _MICRO

_FIND: Final = {
    "sqlite": "SELECT value FROM json_each(:ids)",
    "postgresql": "SELECT CAST(json_array_elements_text(CAST(:ids AS json)) AS bigint)",
}


@dataclass(slots=True)
class Archived:
    """A message of an archive.

    Attributes:
        user: whose archive.
        id: its number; where that is taken by another message, the next that is free.
        pair: whom it went between, as a number.
        stanza: it, as XML.
    """

    user: str
    id: int
    pair: int
    stanza: bytes


def read_archived(owner: JID, result: Element, last: int) -> Archived | None:
    """Read a ``<result/>`` of XEP-0313.

    Args:
        owner: whose archive it is.
        result: the element.
        last: the number of the message before it, since messages keep their order.

    Returns:
        The message, or None where it is none.
    """
    forwarded = result.child("forwarded", FORWARD)
    message = None if forwarded is None else forwarded.child("message", CLIENT)
    delay = None if forwarded is None else forwarded.child("delay", DELAY)
    if message is None or delay is None:
        return None
    try:
        at = _micros(parse_stamp(delay.get("stamp") or ""))
        sender, recipient = (JID.parse(message.get(key) or str(owner)).bare for key in ("from", "to"))
    except (JIDError, ValueError):
        return None
    if at < 0:
        return None
    text_ = result.get("id") or ""
    id = int(text_) if text_.isdecimal() and len(text_) < 20 else 0
    if id >= 2**63 or abs(time_of(id) - at) >= _NEAR:
        id = max(first_id(at), last + 1)
    return Archived(owner.local, id, pair(sender, recipient), message.to_bytes(CLIENT))


def _micros(moment: datetime) -> int:
    return int(moment.timestamp()) * _MICRO + moment.microsecond


def write_archived(connection: Connection, host: str, messages: Sequence[Archived]) -> None:
    """Store messages of archives of a host, in a transaction.

    One that another archive has already, under the same number, is shared with that.
    """
    taken: dict[int, tuple[int, bytes]] = {}
    known: set[int] = set()
    waiting = [*messages]
    while waiting:
        found = _find(connection, [each.id for each in waiting if each.id not in taken])
        known |= found.keys()
        taken |= found
        again = []
        for each in waiting:
            content = (each.pair, each.stanza)
            if taken.setdefault(each.id, content) != content:
                each.id += 1
                again.append(each)
        waiting = again
    stanzas = {each.id: (each.id, each.pair, each.stanza) for each in messages if each.id not in known}
    if stanzas:
        BulkInsert(connection, archive_stanzas, ["id", "pair", "stanza"]).run([*stanzas.values()])
    entries = dict.fromkeys((host, each.user, each.id) for each in messages)
    BulkInsert(connection, archive_entries, ["host", "user", "stanza"]).run([*entries])


def _find(connection: Connection, ids: list[int]) -> dict[int, tuple[int, bytes]]:
    ids_ = _FIND[connection.dialect.name]
    statement = text(f"SELECT id, pair, stanza FROM archive_stanzas WHERE id IN ({ids_})")
    rows = connection.execute(statement, {"ids": json.dumps(ids)})
    return {row.id: (row.pair, bytes(row.stanza)) for row in rows}
