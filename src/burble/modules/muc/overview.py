"""All rooms of a service, for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, exists, func, select

from burble.modules.muc.config import RoomConfig
from burble.modules.muc.service import RoomService
from burble.storage.pages import PAGE, paged
from burble.storage.schema import archive_entries, room_history, rooms

__all__ = ["RoomSummary", "empty_rooms", "number_of_rooms", "rooms_of", "unused_rooms"]

_r, _h = rooms.c, room_history.c
_ROOMS: Final = (
    select(_r.room, _r.public)
    .where(_r.service == bindparam("its_service"), _r.room > bindparam("after_room"))
    .order_by(_r.room)
    .limit(PAGE)
)
_COUNT: Final = select(func.count()).where(_r.service == bindparam("its_service"))
_UNUSED: Final = (
    select(_h.room)
    .where(_h.service == bindparam("its_service"), _h.room > bindparam("after_room"))
    .group_by(_h.room)
    .having(func.max(_h.at) < bindparam("before"))
    .order_by(_h.room)
    .limit(PAGE)
)

_EMPTY: Final = (
    select(_r.room, _r.config)
    .where(
        _r.service == bindparam("its_service"),
        _r.room > bindparam("after_room"),
        ~exists().where(archive_entries.c.host == _r.service, archive_entries.c.user == _r.room),
    )
    .order_by(_r.room)
    .limit(PAGE)
)


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """A room.

    Attributes:
        jid: its address.
        public: whether the service lists it.
        occupants: how many are in it.
    """

    jid: str
    public: bool
    occupants: int


async def rooms_of(service: RoomService) -> list[RoomSummary]:
    """All rooms, by address: those in the database, and those in memory only.

    Raises:
        StorageError: they can't be read.
    """
    rows = paged(service.host.database, _ROOMS, {"its_service": service.jid}, "room")
    public = {row.room: bool(row.public) async for row in rows}
    occupants = {}
    for local, live in service.live.items():
        if live.room is not None:
            public[local] = live.room.config.public
            occupants[local] = len(live.room.occupants)
    return [
        RoomSummary(f"{local}@{service.jid}", public[local], occupants.get(local, 0))
        for local in sorted(public)
    ]


async def number_of_rooms(service: RoomService) -> int:
    """How many rooms there are: those in the database, and those in memory only.

    Raises:
        StorageError: they can't be counted.
    """
    row = await service.host.database.fetch_one(_COUNT, {"its_service": service.jid})
    passing = sum(live.room is not None and not live.stored for live in service.live.values())
    return passing + (0 if row is None else int(row[0]))


async def unused_rooms(service: RoomService, before: float) -> list[str]:
    """The persistent rooms that nobody is in and nobody has spoken in since a time.

    A room in which nobody has ever spoken is not among them: nothing tells how old it is.

    Args:
        service: whose rooms.
        before: the time, seconds since the epoch.

    Returns:
        Their localparts, in order.

    Raises:
        StorageError: they can't be read.
    """
    database = service.host.database
    await database.batch.flush()
    rows = paged(database, _UNUSED, {"its_service": service.jid, "before": round(before * 1e6)}, "room")
    return [row.room async for row in rows if not _in_use(service, row.room)]


async def empty_rooms(service: RoomService) -> list[str]:
    """The persistent rooms that nobody is in, and that have an archive with nothing in it.

    Args:
        service: whose rooms; what is said there must be archived (`RoomArchive.enabled`).

    Returns:
        Their localparts, in order.

    Raises:
        StorageError: they can't be read.
    """
    database = service.host.database
    await database.batch.flush()
    return [
        row.room
        async for row in paged(database, _EMPTY, {"its_service": service.jid}, "room")
        if not _in_use(service, row.room) and RoomConfig.model_validate_json(row.config).archiving
    ]


def _in_use(service: RoomService, local: str) -> bool:
    live = service.live.get(local)
    return live is not None and live.room is not None and bool(live.room.occupants)
