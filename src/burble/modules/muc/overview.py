"""All rooms of a service, for administrators: one query each, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, select

from burble.jid import JID
from burble.modules.muc.service import RoomService
from burble.storage.schema import room_history, rooms

__all__ = ["RoomSummary", "rooms_of", "unused_rooms"]

_r, _h = rooms.c, room_history.c
_ROOMS: Final = select(_r.room, _r.public).where(_r.service == bindparam("its_service"))
_UNUSED: Final = (
    select(_h.room)
    .where(_h.service == bindparam("its_service"))
    .group_by(_h.room)
    .having(func.max(_h.at) < bindparam("before"))
    .order_by(_h.room)
)


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """A room.

    Attributes:
        jid: its address.
        public: whether the service lists it.
        occupants: how many are in it.
    """

    jid: JID
    public: bool
    occupants: int


async def rooms_of(service: RoomService) -> list[RoomSummary]:
    """All rooms, by address: those in the database, and those in memory only.

    Raises:
        StorageError: they can't be read.
    """
    rows = await service.host.database.fetch(_ROOMS, {"its_service": service.jid})
    public = {row.room: bool(row.public) for row in rows}
    occupants = {}
    for local, live in service.live.items():
        if live.room is not None:
            public[local] = live.room.config.public
            occupants[local] = len(live.room.occupants)
    return [
        RoomSummary(JID.build(local, service.jid), public[local], occupants.get(local, 0))
        for local in sorted(public)
    ]


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
    rows = await database.fetch(_UNUSED, {"its_service": service.jid, "before": round(before * 1e6)})
    return [row.room for row in rows if not _in_use(service, row.room)]


def _in_use(service: RoomService, local: str) -> bool:
    live = service.live.get(local)
    return live is not None and live.room is not None and bool(live.room.occupants)
