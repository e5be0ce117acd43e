"""XEP-0160: keep messages for an account while it is away, and deliver them when it comes back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select

from burble.delay import delay
from burble.errors import StanzaError
from burble.module import Module, on
from burble.namespaces import CHAT_STATES, CLIENT, EXPIRE, HINTS, MSG_OFFLINE
from burble.routing.events import (
    AccountRegistered,
    AccountRemoved,
    AccountsImported,
    BecomingAvailable,
    MessageKept,
    MessageUndelivered,
)
from burble.routing.session import Session
from burble.stanza import Message, has_stanza_id
from burble.storage import StorageError
from burble.storage.schema import offline_messages

__all__ = ["Offline", "annotated", "has_content"]

_log = logging.getLogger("burble.offline")

#: Key of `Session.data`, of sessions that were bound with XEP-0386: whether the client has read its archive.
READS_ARCHIVE: Final = "offline.reads_archive"

# Messages delivered before the next wait for the client and the next deletion.
_PAGE: Final = 100

_t = offline_messages.c
_MINE: Final = (_t.host == bindparam("host"), _t.user == bindparam("user"))
_STORE: Final = insert(offline_messages)
_READ: Final = (
    select(_t.id, _t.stanza, _t.stored_at)
    .where(*_MINE, _t.id > bindparam("after"), _t.expires.is_(None) | (_t.expires > bindparam("now")))
    .order_by(_t.id)
    .limit(_PAGE)
)
_COUNT: Final = (
    select(_t.user, func.count().label("messages")).where(_t.host == bindparam("host")).group_by(_t.user)
)
_PICK: Final = select(_t.id, _t.stanza, _t.stored_at).where(
    *_MINE, _t.id >= bindparam("first"), _t.id <= bindparam("last")
)
_DELETE: Final = delete(offline_messages).where(
    _t.host == bindparam("of_host"), _t.user == bindparam("of_user"), _t.id <= bindparam("until")
)
_DELETE_ALL: Final = delete(offline_messages).where(
    _t.host == bindparam("of_host"), _t.user == bindparam("of_user")
)


class Offline(Module):
    """Stores messages that nobody is there to take; the limit is ``offline_messages`` of ``[limits]``.

    A message is stored with the next batch of the database, a few milliseconds later. Where that fails its
    sender gets ``resource-constraint``.
    """

    features = (MSG_OFFLINE,)

    async def start(self) -> None:
        """Count what is stored."""
        rows = await self.host.database.fetch(_COUNT, {"host": self.host.name})
        # How many messages are kept for whom, those still waiting for their batch included.
        self._kept: dict[str, int] = {row.user: row.messages for row in rows}
        self._deliveries: dict[str, _Delivery] = {}
        # Up to which message clients have acknowledged what was kept for them, by user.
        self._acknowledged: dict[str, int] = {}
        self._deleting: asyncio.Task[None] | None = None
        self._note = (-1, b"")

    async def stop(self) -> None:
        """Finish deleting what was acknowledged."""
        if self._deleting is not None:
            await self._deleting

    def kept(self, user: str) -> int:
        """How many messages are kept for an account."""
        return self._kept.get(user, 0)

    def removed(self, user: str, messages: int) -> None:
        """Note that so many messages of an account are not stored any more, because somebody deleted them."""
        self._fewer(user, messages)

    # ---- storing

    @on(MessageUndelivered)
    def keep(self, event: MessageUndelivered) -> Awaitable[None] | None:
        """Store a message that is worth it (XEP-0160 §3).

        The row is handed over at once and only then may the sender have to wait, so that the account can't
        become available in between and miss it.

        What finds no room here, because the account has too many already (§2), is refused unless somebody
        else keeps it, such as the archive.

        Raises:
            StanzaError: resource-constraint where the database is behind.
        """
        message = event.message
        if not has_content(message):
            event.stop()  # a refusal would tell strangers that nobody is there, each time they type
            return None
        user, kept = event.user, self._kept.get(event.user, 0)
        if message.child("no-store", HINTS) is not None or self.host.sessions.is_anonymous(user):
            return None  # XEP-0334 §4.2, XEP-0175: refused, unless somebody else takes it
        if kept >= self.host.settings.limits.offline_messages:
            return None
        batch = self.host.database.batch
        row = {
            "host": self.host.name,
            "user": user,
            "stanza": message.to_bytes(),
            "stored_at": int(time.time()),
            "expires": _expiry(message),
        }
        try:
            batch.add(_STORE, row, partial(self._failed, user, message))
        except StorageError:
            raise StanzaError("resource-constraint", "the server is behind with storing messages") from None
        self._kept[user] = kept + 1
        if self._deliveries and user in self._deliveries:
            self._deliveries[user].arrived = True
        event.stop()
        self.host.hooks.emit(MessageKept(user, message))
        return batch.room() if batch.full else None

    def _failed(self, user: str, message: Message, error: Exception) -> None:
        self._fewer(user, 1)
        waiting = self.host.router.bounce(message, error)
        if waiting is not None:
            self.host.spawn(_awaited(waiting))

    def _fewer(self, user: str, messages: int) -> None:
        left = self._kept.get(user, 0) - messages
        if left > 0:
            self._kept[user] = left
        else:
            self._kept.pop(user, None)

    # ---- delivering

    # Last of all handlers: whatever arrives while another one waits is still delivered in its turn.
    @on(BecomingAvailable, priority=-1000)
    async def deliver(self, event: BecomingAvailable) -> None:
        """Send what was kept."""
        session = event.session
        user = session.user
        while (other := self._deliveries.get(user)) is not None:
            await other.done.wait()
        delivery = self._deliveries[user] = _Delivery()
        try:
            await self._deliver(session, delivery)
        except StorageError as error:
            _log.error("what was kept for %s can't be delivered now: %s", session.jid, error)
        finally:
            del self._deliveries[user]
            delivery.done.set()

    async def _deliver(self, session: Session, delivery: _Delivery) -> None:
        """Send page by page; a page is deleted once it has been written, the rest outlives the connection.

        With stream management (XEP-0198) a message is deleted once the client has acknowledged it. A client
        that has read its archive is not sent what it finds there (XEP-0386 §3.2).
        """
        database, user, host = self.host.database, session.user, self.host.name
        shelf = _Shelf(self, user)
        own = session.jid.bare
        last = 0
        while session.alive:
            delivery.arrived = False
            await database.batch.flush()
            key = {"host": host, "user": user, "after": last, "now": int(time.time())}
            rows = await database.fetch(_READ, key)
            if not rows and not delivery.arrived:
                return
            if not rows:
                continue
            kept = False
            for row in rows:
                if session.data.get(READS_ARCHIVE) and has_stanza_id(row.stanza, own):
                    continue
                kept = session.send_stored(self.delayed(row.stanza, row.stored_at), shelf, row.id)
            await session.drain()
            last = rows[-1].id
            if not kept:
                if not session.alive:
                    return
                await self._delete(user, last)

    def acknowledged(self, user: str, number: int) -> None:
        """A client has all messages kept for its account up to the one with that number: delete them."""
        self._acknowledged[user] = max(number, self._acknowledged.get(user, 0))
        if self._deleting is None:
            self._deleting = self.host.spawn(self._delete_acknowledged())

    async def _delete_acknowledged(self) -> None:
        try:
            while self._acknowledged:
                user, until = self._acknowledged.popitem()
                await self._delete(user, until)
        except StorageError as error:
            _log.error("messages that were delivered can't be deleted now: %s", error)
        finally:
            self._deleting = None

    async def _delete(self, user: str, until: int) -> None:
        row = {"of_host": self.host.name, "of_user": user, "until": until}
        self._fewer(user, await self.host.database.execute(_DELETE, row))

    async def fetch(self, user: str, first: int, last: int) -> dict[int, bytes]:
        """Those of the messages kept for an account whose numbers are in a range, as they are delivered."""
        row = {"host": self.host.name, "user": user, "first": first, "last": last}
        found = await self.host.database.fetch(_PICK, row)
        return {row.id: self.delayed(row.stanza, row.stored_at).to_bytes() for row in found}

    def delayed(self, stored: bytes, at: int) -> Message:
        """The message as it was stored, with the time of that (XEP-0203)."""
        noted, note = self._note
        if noted != at:  # what was stored in one second gets the same
            note = delay(datetime.fromtimestamp(at, UTC), self.host.jid).to_bytes()
            self._note = at, note
        return annotated(stored, note)

    # ---- accounts

    @on(AccountRemoved)
    async def leave(self, event: AccountRemoved) -> None:
        """See that what waits for its batch is there to be deleted with the rest."""
        await self.host.database.batch.flush()

    @on(AccountsImported)
    def imported(self, event: AccountsImported) -> None:
        """Count what was written for accounts that are new."""
        for user, messages in event.rows.get(offline_messages.name, {}).items():
            self._kept[user] = self._kept.get(user, 0) + messages

    @on(AccountRegistered)
    async def forget(self, event: AccountRegistered) -> None:
        """Make sure that a new account gets nothing that was meant for an earlier one of its name."""
        user = event.jid.local
        if self._kept.pop(user, 0):
            database = self.host.database
            await database.batch.flush()
            await database.execute(_DELETE_ALL, {"of_host": self.host.name, "of_user": user})


def annotated(stored: bytes, note: bytes) -> Message:
    """A message as it was stored, with something added at its end: only its bytes, not parsed."""
    end = stored.rindex(b"</")
    message = Message()
    message.raw = stored[:end] + note + stored[end:]
    message.spliced(b"")
    return message


class _Shelf:
    """What is kept for one account, for stream management (`burble.routing.session.Shelf`)."""

    __slots__ = ("_offline", "_user")

    def __init__(self, offline: Offline, user: str) -> None:
        self._offline = offline
        self._user = user

    async def fetch(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """Those of the messages that are still kept."""
        return await self._offline.fetch(self._user, min(numbers), max(numbers))

    def acknowledged(self, number: int) -> None:
        """The client has all up to this one."""
        self._offline.acknowledged(self._user, number)


class _Delivery:
    """What is kept for an account is being delivered."""

    __slots__ = ("arrived", "done")

    def __init__(self) -> None:
        #: Something was stored since the last look.
        self.arrived = False
        self.done = asyncio.Event()


def has_content(message: Message) -> bool:
    """Whether a message says more than that somebody is typing (XEP-0160 §3, XEP-0085).

    The hint ``store`` makes content of anything; ``no-permanent-store`` is about archives (XEP-0334 §4).
    """
    for child in message.elements():
        if child.ns == HINTS:
            if child.name == "store":
                return True
        elif child.ns != CHAT_STATES and not (child.ns == CLIENT and child.name == "thread"):
            return True
    return False


def _expiry(message: Message) -> int | None:
    """When a message is worth nothing any more, as its sender says (XEP-0023); seconds since 1970."""
    limit = message.child("x", EXPIRE)
    seconds = "" if limit is None else limit.get("seconds") or ""
    return int(time.time()) + int(seconds) if seconds.isdecimal() and len(seconds) < 12 else None


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting
