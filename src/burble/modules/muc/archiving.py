"""The archives of rooms: what was said, for those who may enter (XEP-0313 §6.1.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Self

from sqlalchemy import Connection, bindparam, select, update

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.archive.erasing import Eraser
from burble.modules.archive.pairs import pair
from burble.modules.archive.query import Query, form, read_query
from burble.modules.archive.reading import Chosen, fin, in_order, metadata, read, result
from burble.modules.archive.search import SearchIndex, unindex
from burble.modules.archive.store import ArchiveStore
from burble.modules.archive.stored import parse
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Retracted, Room, Spoken
from burble.namespaces import MAM, MUC_USER, OCCUPANT_ID, STANZA_ID
from burble.routing.hosts import Host
from burble.stanza import Iq, Message
from burble.storage import Row, StorageError
from burble.storage.schema import archive_entries, archive_stanzas
from burble.xml import Element, escape_attribute

__all__ = ["Asker", "RoomArchive"]

_log = logging.getLogger("burble.muc")

_e, _s = archive_entries.c, archive_stanzas.c
_FIND: Final = select(_s.stanza, _s.sender).where(
    _s.id == bindparam("its_id"),
    _e.stanza == _s.id,
    _e.host == bindparam("its_host"),
    _e.user == bindparam("its_user"),
)
_REPLACE: Final = (
    update(archive_stanzas).where(_s.id == bindparam("its_id")).values(stanza=bindparam("its_stanza"))
)


class Asker(NamedTuple):
    """Who asks a room's archive.

    Attributes:
        sees_addresses: whether it may know who said something.
    """

    sees_addresses: bool

    @classmethod
    def of(cls, room: Room, iq: Iq) -> Self:
        """Whoever sent a request to a room.

        Raises:
            StanzaError: forbidden, where it may not enter (§6.1.2); item-not-found, where nobody may yet;
                service-unavailable, where the room has no archive.
        """
        sender = iq.from_
        assert sender is not None
        affiliation, occupant = room.affiliation(sender), room.present.get(sender)
        if room.locked and affiliation < Affiliation.OWNER:
            raise StanzaError("item-not-found", "the room is not open yet")
        if affiliation is Affiliation.OUTCAST:
            raise StanzaError("forbidden", "you are banned from this room", "auth")
        needs_more = room.config.members_only or room.config.password
        if needs_more and occupant is None and affiliation < Affiliation.MEMBER:
            raise StanzaError("forbidden", "the archive is for those who may enter the room", "auth")
        if not room.archived:
            raise StanzaError("service-unavailable", "what is said in this room is not archived")
        role = room.first_role(affiliation) if occupant is None else occupant.role
        return cls(room.sees_addresses(role))


class RoomArchive:
    """The archives of the rooms of a service. There are none where the host's module `archive` is not loaded.

    Args:
        host: the host of the service.
        service: the address of the service.
    """

    def __init__(self, host: Host, service: JID) -> None:
        self._host = host
        self._service = service
        self.store = ArchiveStore(host.database, service)
        self._eraser = Eraser(host.database)
        self._index = SearchIndex(self.store)

    @property
    def enabled(self) -> bool:
        """Whether rooms can have an archive."""
        return "archive" in self._host.modules

    def new_id(self) -> str:
        """An id for a message, which it has in the archive, too."""
        return str(self._host.database.ids.next())

    # ---- keeping

    def take(self, room: Room) -> None:
        """Archive what was said in a room, and bury what was taken back, since this was last called."""
        if not room.unarchived and not room.retracted:
            return
        said, room.unarchived = room.unarchived, []
        retracted, room.retracted = room.retracted, []
        if not room.archived:
            return
        for spoken, sender in said:
            try:
                self._keep(room, spoken, sender)
            except StorageError as error:
                _log.warning("what was said in %s is missing from its archive: %s", room.jid, error)
        for each in retracted:
            if each.id.isdecimal():
                self._host.spawn(self._bury(room.jid.local, each))

    def _keep(self, room: Room, spoken: Spoken, sender: JID | None) -> None:
        said = spoken.message
        assert said.from_ is not None
        parties = pair(room.jid, said.from_)
        self.store.keep_said(room.jid.local, int(spoken.id), parties, sender, said.to_bytes())

    async def _bury(self, room: str, retracted: Retracted) -> None:
        """Put a tombstone in the place of a message (XEP-0424 §4, XEP-0425 §5)."""
        database = self._host.database
        await database.batch.flush()
        await database.write(partial(self._replace, room, retracted))

    def _replace(self, room: str, retracted: Retracted, connection: Connection) -> None:
        id = int(retracted.id)
        if id >= 2**63:
            return
        key = {"its_id": id, "its_host": self._service, "its_user": room}
        row = connection.execute(_FIND, key).first()
        if row is None or (retracted.by is not None and _account(row.sender) != retracted.by):
            return
        said = parse(row.stanza)
        kept = [child for child in said.elements() if child.ns in (OCCUPANT_ID, STANZA_ID)]
        stone = Message(None, said.from_, said.attrs, retracted.tombstone, *kept)
        connection.execute(_REPLACE, {"its_id": id, "its_stanza": stone.to_bytes()})
        unindex(connection, [id])

    async def erase(self, room: str) -> None:
        """Erase the archive of a room that is gone.

        Raises:
            StorageError: it can't be done now.
        """
        await self._eraser.erase(self._service, room)
        await self._index.forget(room)

    # ---- asking

    def answers(self, iq: Iq) -> bool:
        """Whether a request is one to the archive of a room."""
        payload = iq.payload
        return (
            payload is not None
            and payload.ns == MAM
            and payload.name in ("query", "metadata")
            and iq.type in ("get", "set")
            and iq.to is not None
            and not iq.to.resource
        )

    async def answer(self, iq: Iq, asker: Asker) -> Element:
        """Send messages, and return what is to be answered.

        Args:
            iq: a request that it `answers`.
            asker: who asks.

        Raises:
            StanzaError: what `read_query` and `read` raise.
            StorageError: it can't be read.
        """
        payload, room, client = iq.payload, iq.to, iq.from_
        assert payload is not None
        assert room is not None
        assert client is not None
        settings = self._host.modules["archive"].settings
        if payload.name == "metadata":
            if iq.type == "set":
                raise StanzaError("not-allowed", "this can't be asked with a set")
            await self._host.database.batch.flush()
            return metadata(await self.store.ends(room.local))
        if iq.type == "get":
            answer = Element("query", MAM)
            answer.append(form(search=settings.search).to_element())
            return answer
        query = read_query(payload, search=settings.search)
        await self._host.database.batch.flush()
        parties, chosen, matching = await self._narrowed(room, query, asker)
        found = await read(
            self.store, room.local, query, settings.page, pair=parties, chosen=chosen, matching=matching
        )
        remote = client.domain not in self._host.router.domains
        for row in in_order(found.page.items, query):
            message = result(room, client, query, row, _told(row, asker))
            if remote:  # for its stream the bytes are of no use
                message = parse(message.to_bytes())
            waiting = self._host.router.route(message)
            if waiting is not None:
                await waiting
        return fin(found)

    async def _narrowed(
        self, room: JID, query: Query, asker: Asker
    ) -> tuple[int | None, Chosen | None, str | None]:
        """What of the filters tells how to look: for whom, and for which words."""
        peer, matching = query.filters.peer, None
        if query.filters.text is not None:
            await self._index.update(room.local)
            matching = self._index.expression(room, query.filters.text)
        if peer is None or peer == room:
            return None, None, matching
        if peer.bare == room:
            return pair(room, peer), None, matching
        if not asker.sees_addresses:
            return None, None, ""  # §4.1.1: nothing that would tell who said it
        return None, _said_by(peer), matching


def _account(sender: str | None) -> JID | None:
    return None if sender is None else JID.parse(sender).bare


def _said_by(peer: JID) -> Callable[[Row], bool]:
    def chosen(row: Row) -> bool:
        return row.sender is not None and (peer in (row.sender, _account(row.sender)))

    return chosen


def _told(row: Row, asker: Asker) -> bytes:
    """A message as it was said, with the real address of the sender for those who may know it (§6.1.2)."""
    stanza: bytes = row.stanza
    if row.sender is None or not asker.sees_addresses:
        return stanza
    end = stanza.rindex(b"</")
    item = f"<x xmlns='{MUC_USER}'><item jid='{escape_attribute(row.sender)}'/></x>"
    return stanza[:end] + item.encode() + stanza[end:]
