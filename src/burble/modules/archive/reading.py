"""Answering queries: which messages, in which order, and what is said about the page (XEP-0313 §4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.archive.query import Filters, Query
from burble.modules.archive.store import FIRST, LAST, ArchiveStore, Range
from burble.modules.archive.stored import parse
from burble.namespaces import CLIENT, DELAY, FORWARD, MAM
from burble.rsm import Page
from burble.stanza import Message
from burble.storage import Row
from burble.storage.ids import first_id, time_of
from burble.timestamps import format_stamp
from burble.xml import Element, escape_attribute

__all__ = ["Chosen", "Found", "addressed_to", "fin", "in_order", "metadata", "read", "result"]

#: Up to how many messages are counted for a page; more would take longer than to read it.
_COUNTED: Final = 2000
#: Up to how many are counted where only their number is asked for (XEP-0059 §2.7).
_COUNTED_ALONE: Final = 100_000
#: Messages that are looked through at a time for those that only their content tells.
_LOOKED_THROUGH: Final = 500

_ID: Final = re.compile("[0-9]{1,19}")
# Characters that may stand in XML in another way.
_ESCAPED: Final = re.compile("[&<>'\"\\x00-\\x1f]")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Which of the messages found are meant: what no index tells.
Chosen = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A page.

    Attributes:
        page: the rows, as in `burble.modules.archive.store.Stored`.
        complete: whether nothing more is to be had in this direction.
    """

    page: Page[Row]
    complete: bool


async def read(
    store: ArchiveStore,
    user: str,
    query: Query,
    limit: int,
    *,
    pair: int | None = None,
    matching: str | None = None,
    chosen: Chosen | None = None,
) -> Found:
    """Find what a query asks for.

    Args:
        store: where the archive is.
        user: whose it is.
        query: the query.
        limit: the most messages on a page.
        pair: the number of those whom the messages went between, where the query names somebody.
        matching: what to look for in the index of words, where the query has a text.
        chosen: leaves out some of what else fits.

    Raises:
        StanzaError: item-not-found, where a message that is named is not in the archive, or the index asked
            for is beyond the end.
        StorageError: it can't be read.
    """
    if matching == "":  # no word at all: nothing has it
        return Found(Page([], count=0), True)
    wanted = await _range(store, user, query.filters)
    wanted = replace(wanted, pair=pair, matching=matching)
    request = query.page
    whole = wanted
    if request.after or request.before:
        after, before = await _named(store, user, [request.after or None, request.before or None])
        wanted = replace(
            wanted,
            after=wanted.after if after is None else max(wanted.after, after),
            before=wanted.before if before is None else min(wanted.before, before),
        )
    most = request.limit(limit)
    if not most:
        count = await store.count(user, whole, _COUNTED_ALONE) if chosen is None else None
        return Found(Page([], count=count), count == 0)
    if chosen is not None:
        rows = await _look_through(store, user, wanted, most + 1, request.backwards, chosen)
        rows = rows if request.index is None else rows[request.index :]
    else:
        rows = await store.page(user, wanted, most + 1, skip=request.index or 0, newest=request.backwards)
    complete = len(rows) <= most
    if not complete:
        rows = rows[1:] if request.backwards else rows[:most]
    if not rows:
        if request.index:
            raise StanzaError("item-not-found", "there are not so many messages")
        return Found(Page([]), complete)
    index = request.index
    count = None
    if not (request.after or request.before):
        if complete:
            count = len(rows) + (index or 0)
        elif chosen is None:
            count = await store.count(user, whole, _COUNTED + 1)
            count = None if count > _COUNTED else count
        if index is None:
            index = 0 if not request.backwards else None if count is None else count - len(rows)
    return Found(Page(rows, str(rows[0].id), str(rows[-1].id), index, count), complete)


async def _range(store: ArchiveStore, user: str, filters: Filters) -> Range:
    ids = filters.ids
    named = await _named(store, user, [filters.after, filters.before, *(ids or ())])
    after, before = named[:2]
    lowest = FIRST if filters.start is None else max(first_id(filters.start) - 1, FIRST)
    highest = LAST if filters.end is None else min(first_id(filters.end + 1), LAST)
    return Range(
        after=lowest if after is None else max(lowest, after),
        before=highest if before is None else min(highest, before),
        ids=None if ids is None else tuple(id for id in named[2:] if id is not None),
    )


async def _named(store: ArchiveStore, user: str, ids: Sequence[str | None]) -> list[int | None]:
    """The numbers of messages that a client names.

    Raises:
        StanzaError: item-not-found, where one is not in the archive (§4.1.3, §4.3.2).
    """
    numbers = [None if id is None else int(id) if _ID.fullmatch(id) else LAST for id in ids]
    asked = {number for number in numbers if number is not None}
    if asked and (any(number >= LAST for number in asked) or asked - await store.present(user, [*asked])):
        raise StanzaError("item-not-found", "there is no such message in this archive")
    return numbers


async def _look_through(
    store: ArchiveStore, user: str, wanted: Range, most: int, newest: bool, chosen: Chosen
) -> list[Row]:
    """The first or newest messages that are meant, looking at all that could be."""
    found: list[Row] = []
    while True:
        rows = await store.page(user, wanted, _LOOKED_THROUGH, newest=newest)
        fits = [row for row in rows if chosen(row)]
        found = fits + found if newest else found + fits
        if len(found) >= most:
            return found[-most:] if newest else found[:most]
        if len(rows) < _LOOKED_THROUGH:
            return found
        wanted = replace(wanted, before=rows[0].id) if newest else replace(wanted, after=rows[-1].id)
        await asyncio.sleep(0)  # others have something to do, too


def addressed_to(peer: JID) -> Chosen:
    """Choose messages from or to one address in full (§4.1.1)."""
    plain = not _ESCAPED.search(peer)
    text = peer.encode()

    def chosen(row: Row) -> bool:
        if plain and text not in row.stanza:
            return False  # no need to parse it
        message = parse(row.stanza)
        return peer in (message.from_, message.to)

    return chosen


def moment(id: int) -> str:
    """When a message was archived, as XMPP writes times."""
    return format_stamp(_EPOCH + timedelta(microseconds=time_of(id)))


def result(archive: JID, to: JID, query: Query, row: Row, stanza: bytes) -> Message:
    """A message as the client is sent it (§4.2).

    Args:
        archive: the address of the archive.
        to: the client.
        query: what it asked.
        row: the message.
        stanza: the message's XML.
    """
    query_id = "" if query.id is None else f" queryid='{escape_attribute(query.id)}'"
    message = Message(to, archive)
    # Nothing of it is parsed: the archived stanza only has to say which namespace it is of.
    message.raw = (
        f"<message from='{escape_attribute(archive)}' to='{escape_attribute(to)}'>"
        f"<result xmlns='{MAM}'{query_id} id='{row.id}'><forwarded xmlns='{FORWARD}'>"
        f"<delay xmlns='{DELAY}' stamp='{moment(row.id)}'/><message xmlns='{CLIENT}'"
    ).encode() + stanza[len(Message.opening) :]
    message.raw += b"</forwarded></result></message>"
    message.spliced(b"")
    return message


def fin(found: Found) -> Element:
    """What closes an answer (§4.3)."""
    element = Element("fin", MAM, {"complete": "true"} if found.complete else {})
    element.append(found.page.to_element())
    return element


def metadata(ends: tuple[int, int] | None) -> Element:
    """The oldest and the newest message of an archive (§5)."""
    element = Element("metadata", MAM)
    if ends is not None:
        for name, id in zip(("start", "end"), ends, strict=True):
            element.add(name, attrs={"id": str(id), "timestamp": moment(id)})
    return element


def in_order(rows: Sequence[Row], query: Query) -> Iterable[Row]:
    """The rows of a page in the order in which they are sent (§4.3.4)."""
    return reversed(rows) if query.flip else rows
