"""What takes the place of a message that was taken back (XEP-0424 §4)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select, update

from burble.modules.archive.pairs import pair
from burble.modules.archive.search import unindex
from burble.modules.archive.stored import parse
from burble.namespaces import RETRACT
from burble.routing.hosts import Host
from burble.stanza import Message
from burble.storage.schema import archive_stanzas
from burble.timestamps import format_stamp
from burble.xml import Element

__all__ = ["Tombstones"]

_CORRECT: Final = "urn:xmpp:message-correct:0"
#: Messages in which the id stands that are looked at, the newest.
_LOOKED_AT: Final = 20

_s = archive_stanzas.c
_CANDIDATES: Final = (
    select(_s.id, _s.stanza).where(_s.pair == bindparam("its_pair")).order_by(_s.id.desc()).limit(_LOOKED_AT)
)
_REPLACE: Final = (
    update(archive_stanzas).where(_s.id == bindparam("its_id")).values(stanza=bindparam("its_stanza"))
)
# What of an id stands in XML as it is, however the client has quoted and escaped it.
_PLAIN: Final = re.compile(r"[^&<>'\"\s]+")


class Tombstones:
    """Buries messages in the archives of accounts.

    Args:
        host: on behalf of which host.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def bury(self, retraction: Message) -> None:
        """Put a tombstone in the place of the message that its sender takes back, and of its corrections.

        Only those whom it went between can have it in their archives. It is done by itself; nobody waits.

        Args:
            retraction: the message that takes it back.
        """
        retract = retraction.child("retract", RETRACT)
        id = None if retract is None else retract.get("id")
        if id and _PLAIN.search(id):
            self._host.spawn(self._bury(retraction, id))

    async def _bury(self, retraction: Message, id: str) -> None:
        assert retraction.from_ is not None
        assert retraction.to is not None
        sender, recipient = retraction.from_.bare, retraction.to.bare
        attrs = {"stamp": format_stamp(datetime.fromtimestamp(int(time.time()), UTC))}
        if retraction.id:
            attrs["id"] = retraction.id
        tombstone = Element("retracted", RETRACT, attrs)
        part = max(_PLAIN.findall(id), key=len)
        database = self._host.database
        await database.batch.flush()

        def replace(connection: Connection) -> None:
            candidates = connection.execute(
                _containing(connection.dialect.name),
                {"its_pair": pair(sender, recipient), "part": part.encode()},
            ).all()
            buried = []
            for row in candidates:
                message = parse(row.stanza)
                if message.from_ is not None and message.from_.bare == sender and _is_meant(message, id):
                    stone = Message(message.to, message.from_, message.attrs, tombstone).to_bytes()
                    connection.execute(_REPLACE, {"its_id": row.id, "its_stanza": stone})
                    buried.append(row.id)
            unindex(connection, buried)

        await database.write(replace)


def _is_meant(message: Message, id: str) -> bool:
    if message.child("retract", RETRACT) is not None:
        return False
    correction = message.child("replace", _CORRECT)
    return message.id == id or (correction is not None and correction.get("id") == id)


def _containing(dialect: str) -> Select[Any]:
    """The newest messages in which some bytes stand: found where the messages are, not carried here."""
    part = bindparam("part", type_=_s.stanza.type)
    # Both count from one. PostgreSQL has no instr, SQLite no strpos for bytes.
    where = (
        func.position(part.op("IN")(_s.stanza)) if dialect == "postgresql" else func.instr(_s.stanza, part)
    )
    return _CANDIDATES.where(where > 0)
