"""What the service itself answers: what it is, its rooms, unused names (XEP-0045 §6.2, §6.3; XEP-0307)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, false, func, select

from burble.discovery import Identity, Info
from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.modules.disco import Disco
from burble.modules.muc.discovery import FEATURES
from burble.namespaces import DISCO_INFO, DISCO_ITEMS, MUC_UNIQUE, PING, RSM
from burble.rsm import Page, PageRequest, read_page_request
from burble.stanza import Iq
from burble.storage import Row
from burble.storage.schema import rooms
from burble.xml import Element

if TYPE_CHECKING:
    from burble.modules.muc.service import RoomService

#: The localpart of a room and its name.
Entry = tuple[str, str]

_r = rooms.c
_PUBLIC: Final = (_r.service == bindparam("its_service"), _r.public != false())
_AFTER: Final = (
    select(_r.room, _r.name)
    .where(*_PUBLIC, _r.room > bindparam("edge"))
    .order_by(_r.room)
    .limit(bindparam("most"))
)
_FROM: Final = (
    select(_r.room, _r.name)
    .where(*_PUBLIC)
    .order_by(_r.room)
    .offset(bindparam("start"))
    .limit(bindparam("most"))
)
_BEFORE: Final = (
    select(_r.room, _r.name)
    .where(*_PUBLIC, _r.room < bindparam("edge"))
    .order_by(_r.room.desc())
    .limit(bindparam("most"))
)
_LAST: Final = select(_r.room, _r.name).where(*_PUBLIC).order_by(_r.room.desc()).limit(bindparam("most"))
_COUNT: Final = select(func.count()).where(*_PUBLIC)
_COUNT_BEFORE: Final = select(func.count()).where(*_PUBLIC, _r.room < bindparam("edge"))


async def answer(service: RoomService, iq: Iq) -> Element | None:
    """The payload of the answer to a request to the service itself.

    Raises:
        StanzaError: it can't be answered.
        StorageError: the rooms can't be read.
    """
    payload = iq.payload
    assert payload is not None
    match (iq.type, payload.ns, payload.name):
        case ("get", ns, "query") if ns == DISCO_INFO:
            _refuse_node(payload)
            name = service.settings.name
            features = [*FEATURES, MUC_UNIQUE, RSM]
            disco = service.host.modules.get(Disco.name)
            forms = disco.contact_forms() if isinstance(disco, Disco) else []
            return Info([Identity("conference", "text", name=name)], features, forms).to_element()
        case ("get", ns, "query") if ns == DISCO_ITEMS:
            _refuse_node(payload)
            return await _rooms(service, payload)
        case ("get", ns, "unique") if ns == MUC_UNIQUE:
            return Element("unique", MUC_UNIQUE, None, secrets.token_hex(10))
        case ("get", ns, "ping") if ns == PING:
            return None
    raise StanzaError("service-unavailable", "the chat service does not answer this")


def _refuse_node(payload: Element) -> None:
    if payload.get("node"):
        raise StanzaError("item-not-found", "the chat service has no such node")


async def _rooms(service: RoomService, payload: Element) -> Element:
    """The list of public rooms, or a page of it (§6.3)."""
    asked = read_page_request(payload)
    listing = Listing(service)
    page = await listing.page(asked or PageRequest(), service.settings.max_rooms_discoitems)
    query = Element("query", DISCO_ITEMS)
    for local, name in page.items:
        query.add("item", attrs={"jid": JID.build(local, service.jid), "name": name or local})
    if asked is not None or len(page.items) < (page.count or 0):
        query.append(page.to_element())
    return query


class Listing:
    """The public rooms in the order of their localparts: those in the database, and those in memory only.

    Only the page that is asked for is read from the database, however many rooms there are.
    """

    def __init__(self, service: RoomService) -> None:
        self._database = service.host.database
        self._service = service.jid
        self._key = {"its_service": service.jid}
        self._passing: list[Entry] = sorted(
            (local, live.room.config.name)
            for local, live in service.live.items()
            if live.room is not None and not live.stored and not live.room.locked and live.room.config.public
        )

    async def page(self, asked: PageRequest, most: int) -> Page[Entry]:
        """The page that is asked for, of `most` rooms at most.

        Raises:
            StanzaError: item-not-found, where it begins at what is no room of this service.
        """
        limit = asked.limit(most)
        if asked.index is not None:
            found = await self._from(asked.index, limit)
        elif asked.before is not None:
            found = await self._until(self._local(asked.before), limit)
            if asked.after:
                edge = self._local(asked.after)
                found = [entry for entry in found if entry[0] > edge]
        else:
            found = await self._after(self._local(asked.after or ""), limit)
        count = await self._number() + len(self._passing)
        if not found:
            return Page(found, count=count)
        first, last = found[0][0], found[-1][0]
        before = await self._number(first) + sum(local < first for local, _ in self._passing)
        return Page(found, self._uid(first), self._uid(last), before, count)

    async def _after(self, edge: str, limit: int) -> list[Entry]:
        rows = await self._database.fetch(_AFTER, self._key | {"edge": edge, "most": limit})
        return sorted([*_entries(rows), *(entry for entry in self._passing if entry[0] > edge)])[:limit]

    async def _from(self, index: int, limit: int) -> list[Entry]:
        # Of those before the page at most all the passing ones are not in the database.
        start, most = max(0, index - len(self._passing)), limit + len(self._passing)
        rows = await self._database.fetch(_FROM, self._key | {"start": start, "most": most})
        return sorted([*_entries(rows), *self._passing])[index - start :][:limit]

    async def _until(self, edge: str, limit: int) -> list[Entry]:
        key = self._key | {"most": limit}
        if edge:
            rows = await self._database.fetch(_BEFORE, key | {"edge": edge})
        else:
            rows = await self._database.fetch(_LAST, key)
        passing = [entry for entry in self._passing if not edge or entry[0] < edge]
        found = sorted([*_entries(rows), *passing])
        return found[max(0, len(found) - limit) :]

    async def _number(self, edge: str = "") -> int:
        """How many stored rooms are public; with an edge, only those before it."""
        if edge:
            row = await self._database.fetch_one(_COUNT_BEFORE, self._key | {"edge": edge})
        else:
            row = await self._database.fetch_one(_COUNT, self._key)
        return 0 if row is None else int(row[0])

    def _uid(self, local: str) -> JID:
        return JID.build(local, self._service)

    def _local(self, uid: str) -> str:
        if not uid:
            return ""
        try:
            jid = JID.parse(uid)
        except JIDError:
            jid = None
        if jid is None or jid.domain != self._service:
            raise StanzaError("item-not-found", "the room to page from is not one of this service")
        return jid.local


def _entries(rows: Sequence[Row]) -> list[Entry]:
    return [(row.room, row.name) for row in rows]
