"""One session with stream management: its counters, and what is not acknowledged (XEP-0198 §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import time
from typing import TYPE_CHECKING, Any, Final

from burble.errors import StreamError
from burble.modules.stream_management.answers import Answers
from burble.namespaces import CLIENT, STREAM_MANAGEMENT
from burble.routing.events import SessionHibernated
from burble.routing.session import Session, Shelf
from burble.stanza import Message
from burble.xml import Element

if TYPE_CHECKING:
    from burble.modules.stream_management.module import StreamManagement
    from burble.streams.c2s import C2SStream

#: Counters on the wire are of 32 bits (§4).
WRAP: Final = 0xFFFFFFFF
_REQUEST: Final = f"<r xmlns='{STREAM_MANAGEMENT}'/>".encode()
_MESSAGE: Final = ord("m")


class Stored:
    """Stands in the queue for a stanza that is stored elsewhere; takes no part in the queue's bytes."""

    __slots__ = ("number", "shelf")

    def __init__(self, shelf: Shelf, number: int) -> None:
        self.shelf = shelf
        self.number = number

    def __len__(self) -> int:
        return 0


#: When a stanza was sent, seconds since the epoch, and what.
Entry = tuple[float, bytes | Stored]


class ManagedSession:
    """What stream management keeps for a session (`burble.routing.session.Management`).

    Args:
        module: that of the session's host.
        session: the session.
        id: names it where it is resumed.
        timeout: how long it waits for its client, seconds; 0 where it may not be resumed.

    Attributes:
        acked: how many stanzas the client has acknowledged.
        queue: those it has not, oldest first. The number of a stanza is its place behind `acked`.
        stream: what the client is connected by.
        claimed_by: the newest stream that has asked for the session, while it waits.
        last_active: when the client last said something about stanzas, seconds since the epoch.
        expires: until when the session waits for its client, where it does.
        states: what modules keep for the session, as it is stored over a restart.
        work: what the stream before still waited for when it was lost.
        stored_from: number of the first stanza with a row of its own (`burble.modules...storing`), or 0.
        stored_to: that of the last one.
    """

    __slots__ = (
        "_answers",
        "_asked",
        "_asked_at",
        "_due",
        "_mark",
        "_most_bytes",
        "_offset",
        "_out",
        "_shelved",
        "_size",
        "_storing",
        "_timer",
        "acked",
        "claimed_by",
        "expires",
        "id",
        "last_active",
        "module",
        "queue",
        "session",
        "states",
        "stored_from",
        "stored_to",
        "stream",
        "timeout",
        "work",
    )

    def __init__(self, module: StreamManagement, session: Session, id: str, timeout: int) -> None:
        self.module = module
        self.session = session
        self.id = id
        self.timeout = timeout
        self.acked = 0
        self.queue: list[Entry] = []
        self.stream: C2SStream | None = None
        self.claimed_by: C2SStream | None = None
        self.work: asyncio.Task[None] | None = None
        self.stored_from = self.stored_to = 0
        self.last_active = 0.0
        self.expires = 0.0
        self.states: dict[str, Any] | None = None
        self._out: C2SStream | None = None  # what stanzas are written to: not while others are sent again
        self._offset = 0
        self._size = 0
        self._shelved = 0  # how many of the queue are `Stored`
        self._asked = 0  # number of the newest stanza when the client was asked last
        self._asked_at = 0.0  # since when it has not answered; 0 where it has
        self._due = 0  # length of the queue at which something is to be done
        # As the settings were when that was worked out last: they are looked at for each stanza.
        self._storing = True
        self._most_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._answers = Answers(self, module.host.database.batch)
        module.host.router.outstanding[session.jid] = self._answers.outstanding
        # The archive writes whose it is into a message (XEP-0359): then it need not be stored here.
        self._mark = f" by='{session.jid.bare}'".encode()

    # ---- to the client

    def send(self, stanza: Element) -> None:
        """Keep a stanza until it is acknowledged, and send it where the client is connected."""
        data = stanza.to_bytes(CLIENT)
        queue = self.queue
        queue.append((time(), data))
        self._size += len(data)
        if self._storing and data[1] == _MESSAGE and self._mark not in data and isinstance(stanza, Message):
            self.module.keeper.keep(self, stanza, data)
        out = self._out
        if out is not None:
            out.send_bytes(data)
            if self._timer is None:
                self._wake_later()
        if len(queue) >= self._due or self._size > self._most_bytes:
            self._check()

    def send_stored(self, stanza: Element, shelf: Shelf, number: int) -> None:
        """Send a stanza that is stored already; it is read again where it has to be sent again."""
        self.queue.append((time(), Stored(shelf, number)))
        self._shelved += 1
        out = self._out
        if out is not None:
            out.send_bytes(stanza.to_bytes(CLIENT))
            if self._timer is None:
                self._wake_later()
        if len(self.queue) >= self._due:
            self._check()

    @property
    def sent(self) -> int:
        """How many stanzas were sent, those that wait for a connection included."""
        return self.acked + len(self.queue)

    def unacknowledged(self) -> Iterator[bytes]:
        """The stanzas that were not acknowledged; not those that are stored as messages for later."""
        return (data for _, data in list(self.queue) if isinstance(data, bytes))

    def _check(self) -> None:
        settings = self.module.settings
        waiting = len(self.queue) - self._shelved
        if waiting > settings.queue_stanzas or self._size > settings.queue_bytes:
            text = "too many stanzas are not acknowledged"
            self.session.close(StreamError("policy-violation", text))
        elif self._out is not None:
            self.ask()
        else:
            self._plan()

    def _plan(self) -> None:
        """Work out with how many stanzas in the queue something is to be done next."""
        settings = self.module.settings
        self._storing, self._most_bytes = settings.store, settings.queue_bytes
        self._due = settings.queue_stanzas + 1 + self._shelved
        if self._out is not None:
            self._due = min(self._due, max(0, self._asked - self.acked) + settings.ask_every)

    def ask(self) -> None:
        """Ask the client what it has received (§4)."""
        if self._out is not None:
            self._out.send_bytes(_REQUEST)
            self._asked = self.sent
            self._plan()
            if not self._asked_at:
                self._asked_at = asyncio.get_running_loop().time()

    def _wake_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.module.settings.ask_after, self._wake)

    def _wake(self) -> None:
        """Some time has passed since something was sent."""
        self._timer = None
        stream, patience = self._out, self.module.settings.ack_timeout
        if stream is None or not self.queue:
            return
        if self._asked_at and 0 < patience < asyncio.get_running_loop().time() - self._asked_at:
            stream.close(StreamError("connection-timeout", "you do not say what you have received"))
            return
        if self.sent > self._asked:
            self.ask()
        self._wake_later()

    # ---- from the client

    def acknowledged(self, h: int) -> None:
        """The client has received that many stanzas.

        Raises:
            StreamError: undefined-condition, where it has not been sent as many (§6).
        """
        self.last_active = time()
        self._asked_at = 0.0
        queue = self.queue
        count = (h - self.acked) & WRAP
        if not count or (count > len(queue) and not self.may_have(h)):
            return
        shelved: Stored | None = None
        for _, data in queue[:count]:
            self._size -= len(data)
            if isinstance(data, Stored):
                self._shelved -= 1
                shelved = data
        del queue[:count]
        self.acked += count
        self._plan()
        if shelved is not None:
            shelved.shelf.acknowledged(shelved.number)
        if 0 < self.stored_from <= self.acked:
            self.module.keeper.forget(self)

    def may_have(self, h: int) -> bool:
        """Whether the client can have received that many stanzas; not where it has told of more before.

        Raises:
            StreamError: it has not been sent as many.
        """
        count = (h - self.acked) & WRAP
        if count <= len(self.queue):
            return True
        if count > WRAP // 2:
            return False
        sent = self.sent & WRAP
        raise StreamError(
            "undefined-condition",
            f"You acknowledged {h} stanzas, but I only sent you {sent} so far.",
            ("handled-count-too-high", STREAM_MANAGEMENT, {"h": str(h), "send-count": str(sent)}),
        )

    @property
    def handled(self) -> int:
        """How many stanzas of the client have been handled."""
        return self._offset + (self.stream.handled if self.stream is not None else 0)

    def asked(self) -> None:
        """The client asks how many of its stanzas have been handled."""
        self.last_active = time()
        self._answers.asked()

    def acknowledge(self, handled: int) -> None:
        """Tell the client that so many have been handled."""
        if self.stream is not None:
            self.stream.send_bytes(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % (handled & WRAP))

    # ---- losing and finding the connection

    def may_go_on_with(self, stream: C2SStream) -> bool:
        """Whether a stream that has asked for the session still gets it: it is there, and not taken."""
        return self.session.alive and self.claimed_by is stream

    def connect(self, stream: C2SStream) -> None:
        """Count on a stream; stanzas are written to it from `flow` on."""
        self._stop_timer()
        self.claimed_by = None
        self.stream = stream
        self._offset -= stream.handled
        self.last_active = time()

    def flow(self) -> None:
        """Write stanzas to the stream from now on."""
        self._out = self.stream
        self._asked = self.acked
        self._asked_at = 0.0
        self._plan()
        if self.queue:
            self.ask()
            self._wake_later()

    def disconnect(self, stream: C2SStream) -> None:
        """Keep what is sent until there is another stream, or the time for that is over."""
        self._stop_timer()
        self._offset += stream.handled
        self.work = stream.work
        self.stream = self._out = None
        self._plan()

    def wait(self, seconds: float) -> None:
        """End the session unless its client has resumed it by then."""
        self._stop_timer()
        self.expires = time() + seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self.session.close)

    def waits(self, stream: C2SStream) -> bool:
        """The stream is gone; whether the session stays until its client comes back (§5, §7)."""
        self.disconnect(stream)
        if stream.finished or not self.timeout:
            return False
        self.wait(self.timeout)
        self.module.host.emit_soon(SessionHibernated(self.session, self.last_active))
        return True

    def note_states(self) -> None:
        """Ask the modules what they keep for the session (`Host.keep_state`)."""
        states = {key: save(self.session) for key, (save, _) in self.session.host.session_states.items()}
        self.states = {key: state for key, state in states.items() if state is not None}

    def rest(self) -> None:
        """Do nothing more by itself: the session is about to be stored."""
        self._stop_timer()

    def ended(self, priority: int) -> None:
        """The session is over: what was not acknowledged goes elsewhere (§4)."""
        self._stop_timer()
        self.module.host.router.outstanding.pop(self.session.jid, None)
        if self.stream is not None:
            self.disconnect(self.stream)
        self.module.ended(self, priority)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- what is in the queue

    async def read(self, entries: Sequence[Entry]) -> list[tuple[float, bytes]]:
        """Entries of the queue with their stanzas; those that are not stored any more are taken out of it."""
        wanted: dict[Shelf, list[int]] = {}
        for _, data in entries:
            if isinstance(data, Stored):
                wanted.setdefault(data.shelf, []).append(data.number)
        found = {shelf: await shelf.fetch(numbers) for shelf, numbers in wanted.items()}
        read: list[tuple[float, bytes]] = []
        gone: list[Entry] = []
        for entry in entries:
            at, data = entry
            if isinstance(data, bytes):
                read.append((at, data))
            elif (stanza := found[data.shelf].get(data.number)) is not None:
                read.append((at, stanza))
            else:
                gone.append(entry)
        for entry in gone:
            self.queue.remove(entry)
            self._shelved -= 1
        return read

    def unshelve(self) -> None:
        """What was stored elsewhere is stored with the session."""
        shelved = [data for _, data in self.queue if isinstance(data, Stored)]
        if shelved:
            shelved[-1].shelf.acknowledged(shelved[-1].number)

    def restore(self, entries: list[Entry], acked: int, handled: int) -> None:
        """Go on from what was stored at a stop."""
        self.queue = entries
        self._size = sum(len(data) for _, data in entries)
        self.acked = acked
        self._offset = handled
        self._plan()
