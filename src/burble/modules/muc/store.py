"""Where persistent rooms are kept: read when they are needed, written as they change.

What a rule has changed is written in one transaction, so that a room is never there by half. Only messages of
the history go through the write-behind batch: nobody waits for them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table, bindparam, delete, func, select, update

from burble.jid import JID
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.limits import RoomLimits
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Hat, Part, Room, Spoken
from burble.namespaces import CLIENT
from burble.stanza import Message
from burble.storage import Database, Row, StorageError, upsert
from burble.storage.schema import room_accounts, room_history, rooms
from burble.xml import parse_element

_log = logging.getLogger("burble.muc")

#: Later than all that was ever said, microseconds.
_NEVER: Final = 2**62

Change = tuple[Part, JID | Spoken | None]
Work = list[tuple[Executable, dict[str, Any] | list[dict[str, Any]]]]


def _this(table: Table) -> Any:
    return (table.c.service == bindparam("its_service")) & (table.c.room == bindparam("its_room"))


_r, _a, _h = rooms.c, room_accounts.c, room_history.c
_FIND: Final = select(_r.creator, _r.config, _r.secret, _r.subject, _r.vcard).where(_this(rooms))
_ACCOUNTS: Final = select(_a.jid, _a.affiliation, _a.reason, _a.nick, _a.hats).where(_this(room_accounts))
_HISTORY: Final = (
    select(_h.at, _h.id, _h.sender, _h.stanza)
    .where(_this(room_history))
    .order_by(_h.at.desc(), _h.id.desc())
    .limit(bindparam("most"))
)
_CREATED: Final = select(func.count()).where(
    _r.service == bindparam("its_service"), _r.creator == bindparam("its_creator")
)
_PUT: Final = upsert(rooms)
_PUT_ACCOUNT: Final = upsert(room_accounts)
_PUT_SPOKEN: Final = upsert(room_history)
_DROP_ACCOUNT: Final = delete(room_accounts).where(_this(room_accounts), _a.jid == bindparam("its_jid"))
_DROP: Final = tuple(delete(table).where(_this(table)) for table in (rooms, room_accounts, room_history))
_DROP_OLD: Final = delete(room_history).where(_this(room_history), _h.at < bindparam("before"))
_FORGET: Final = delete(room_accounts).where(
    _a.service == bindparam("its_service"), _a.jid == bindparam("its_jid")
)
_DISOWN: Final = (
    update(rooms)
    .where(_r.service == bindparam("its_service"), _r.creator == bindparam("its_jid"))
    .values(creator="")
)


class RoomStore:
    """The persistent rooms of one service.

    Its methods raise `StorageError` where the database can't do its work; then nothing has changed there.

    Args:
        database: where they are.
        service: the domain of the service.
    """

    def __init__(self, database: Database, service: JID) -> None:
        self._database = database
        self._service = service

    async def load(self, local: str, limits: RoomLimits) -> tuple[Room, str] | None:
        """A room and who created it, or None where there is none.

        Args:
            local: the localpart of its address.
            limits: what the service allows it.
        """
        key = self._key(local)
        found = await self._database.fetch_one(_FIND, key)
        if found is None:
            return None
        config = RoomConfig.model_validate_json(found.config)
        room = Room(JID.build(local, self._service), config, found.secret, limits)
        for row in await self._database.fetch(_ACCOUNTS, key):
            _restore(room, row)
        if found.subject is not None:
            room.subject = _message(found.subject)
        if found.vcard is not None:
            room.vcard = parse_element(found.vcard)
        # What was said just before the room was put to sleep may wait for its batch.
        await self._database.batch.flush()
        most = min(config.history, limits.history)
        for row in reversed(await self._database.fetch(_HISTORY, key | {"most": most})):
            sender = None if row.sender is None else JID.parse(row.sender)
            room.remember(Spoken(_message(row.stanza), row.at / 1e6, sender, row.id))
        room.unsaved.clear()
        return room, found.creator

    async def created(self, creator: JID) -> int:
        """How many rooms an account has created."""
        key = {"its_service": self._service, "its_creator": creator}
        row = await self._database.fetch_one(_CREATED, key)
        return 0 if row is None else int(row[0])

    async def put(self, room: Room, creator: str) -> None:
        """Store a whole room that is not stored yet."""
        changes: list[Change] = [("config", None)]
        changes += [("affiliation", jid) for jid in {*room.standings, *room.nicks, *room.hats}]
        changes += [("history", spoken) for spoken in room.history]
        await self.save(room, creator, changes)

    async def save(self, room: Room, creator: str, changes: Iterable[Change]) -> None:
        """Store what has changed in a room, all of it or nothing."""
        work: Work = []
        key = {"service": self._service, "room": room.jid.local}
        kinds = {part for part, _ in changes}
        if not kinds.isdisjoint(("config", "subject", "vcard")):
            work.append((_PUT, key | _columns(room, creator)))
        for jid in {whose for _, whose in changes if isinstance(whose, JID)}:
            row = _account(room, jid)
            if row is None:
                work.append((_DROP_ACCOUNT, self._key(room.jid.local) | {"its_jid": jid}))
            else:
                work.append((_PUT_ACCOUNT, key | row))
        said = [key | _spoken(what) for _, what in changes if isinstance(what, Spoken)]
        if said:
            work.append((_PUT_SPOKEN, said))
        await self._database.write(partial(_run, work))

    def remember(self, room: Room, spoken: Spoken) -> None:
        """Store a message of the history with the next batch."""
        row = {"service": self._service, "room": room.jid.local} | _spoken(spoken)
        try:
            self._database.batch.add(_PUT_SPOKEN, row)
        except StorageError as error:
            _log.warning("what was said in %s is missing from its history: %s", room.jid, error)

    async def trim(self, room: Room) -> None:
        """Delete what is too old for the history."""
        before = _micros(room.history[0].at) if room.history else _NEVER
        await self._database.batch.flush()
        await self._database.execute(_DROP_OLD, self._key(room.jid.local) | {"before": before})

    async def drop(self, local: str) -> None:
        """Delete a room."""
        await self._database.batch.flush()
        key = self._key(local)
        await self._database.write(partial(_run, [(statement, key) for statement in _DROP]))

    async def forget(self, account: JID) -> None:
        """Delete what all rooms keep of an account."""
        key = {"its_service": self._service, "its_jid": account}
        await self._database.write(partial(_run, [(_FORGET, key), (_DISOWN, key)]))

    def _key(self, local: str) -> dict[str, Any]:
        return {"its_service": self._service, "its_room": local}


def _run(work: Work, connection: Connection) -> None:
    for statement, params in work:
        connection.execute(statement, params)


# ---- rows


def _columns(room: Room, creator: str) -> dict[str, Any]:
    return {
        "creator": creator,
        "name": room.config.name,
        "public": room.config.public,
        "config": room.config.model_dump_json(exclude_defaults=True),
        "secret": room.secret,
        "subject": None if room.subject is None else room.subject.to_bytes(),
        "vcard": None if room.vcard is None else room.vcard.to_bytes(),
    }


def _account(room: Room, jid: JID) -> dict[str, Any] | None:
    """What the room keeps of an account; None where that is nothing."""
    standing, nick, hats = room.standings.get(jid), room.nicks.get(jid, ""), room.hats.get(jid, ())
    if standing is None and not nick and not hats:
        return None
    return {
        "jid": jid,
        "affiliation": str(Affiliation.NONE if standing is None else standing.affiliation),
        "reason": "" if standing is None else standing.reason,
        "nick": nick,
        "hats": json.dumps([asdict(hat) for hat in hats], ensure_ascii=False),
    }


def _restore(room: Room, row: Row) -> None:
    jid, affiliation, reason, nick, hats = row
    jid = JID.parse(jid)
    room.grant(jid, Affiliation.parse(affiliation), reason)
    if nick:
        room.register(jid, nick)
    if hats != "[]":
        room.wear(jid, tuple(Hat(**hat) for hat in json.loads(hats)))


def _spoken(spoken: Spoken) -> dict[str, Any]:
    return {
        "at": _micros(spoken.at),
        "id": spoken.id,
        "sender": spoken.sender,
        "stanza": spoken.message.to_bytes(),
    }


def _micros(at: float) -> int:
    return round(at * 1e6)


def _message(stored: bytes) -> Message:
    element = parse_element(stored, CLIENT)
    attrs = element.attrs
    attrs.pop("to", None)
    sender = attrs.pop("from", None)
    return Message(None, None if sender is None else JID.parse(sender), attrs, *element.children)
