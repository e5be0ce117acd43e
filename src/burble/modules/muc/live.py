"""A room in memory: it does one thing after the other, also where it waits for the database."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from burble.errors import StanzaError
from burble.modules.muc.absent import tell_absent
from burble.modules.muc.logs import Line, Watch
from burble.modules.muc.room import Room, Spoken
from burble.modules.muc.store import Change
from burble.modules.muc.undo import Before
from burble.stanza import Stanza

if TYPE_CHECKING:
    from burble.modules.muc.service import RoomService

#: How many messages of the history are stored before old ones are deleted.
_TRIM_AFTER: Final = 500

#: What is done in a room: returns what is to be sent.
Action = Callable[[Room], list[Stanza]]
Done = asyncio.Future[None]


class Job:
    """Something to be done in a room.

    Args:
        action: what; raises `StanzaError` while nothing has changed.
        stores: whether it may change more of what is stored than the history.
    """

    __slots__ = ("action", "stores")

    def __init__(self, action: Action, stores: bool = True) -> None:
        self.action = action
        self.stores = stores

    def absorbs(self, job: Job) -> bool:
        """Take over what another job is to do, where both are better done at once; whether it has."""
        return False

    async def make(self, live: LiveRoom) -> Room | None:
        """The room to be made where there is none; None where nothing is to be done then.

        Raises:
            StanzaError: there must be one.
        """
        raise StanzaError("item-not-found", "there is no such room")


class Result(NamedTuple):
    """What came of a job.

    Attributes:
        room: where.
        out: what is to be sent.
        done: what the one who handed it over waits for.
        lines: what is to be logged.
    """

    room: Room
    out: list[Stanza]
    done: Done
    lines: list[Line]


class LiveRoom:
    """The place of a room in memory, from when it is asked for until it is put to sleep.

    Jobs are done in the order they came. What could not be stored never happened: the room is put back as it
    was, nothing is sent, and whoever handed over the job is told.

    Args:
        service: the service.
        local: the localpart of the room's address.

    Attributes:
        room: the room; None while it is read, and where there is none.
        creator: the bare JID that made it; empty where that account is gone.
        stored: whether the database has it.
        said: how much was stored since old messages were deleted: there may be some if it is not 0.
    """

    def __init__(self, service: RoomService, local: str) -> None:
        self.service = service
        self.local = local
        self.room: Room | None = None
        self.creator = ""
        self.stored = False
        self.said = 0
        self._busy = True
        self._jobs: deque[tuple[Job, Done]] = deque()
        service.host.spawn(self._read())

    @property
    def idle(self) -> bool:
        """Whether nothing is being done and nobody is in the room."""
        return not self._busy and not (self.room is not None and self.room.occupants)

    def take(self, job: Job) -> Awaitable[None] | None:
        """Do something in the room, in its turn.

        Returns:
            None when it is done, or what to await for that.

        Raises:
            StanzaError, StorageError: it can't be done; so may the awaitable.
        """
        if self._jobs and self._jobs[-1][0].absorbs(job):
            return self._jobs[-1][1]
        done: Done = asyncio.get_running_loop().create_future()
        self._jobs.append((job, done))
        if not self._busy:
            self._busy = True
            self._go_on()
        if done.done():
            return done.result()
        return done

    def _go_on(self) -> None:
        """Do what waits, until there is nothing or the database has to be waited for."""
        service = self.service
        archivable = service.archive.enabled
        while self._jobs:
            job, done = self._jobs.popleft()
            room = self.room
            if room is None:
                service.host.spawn(self._make(job, done))
                return
            room.archivable = archivable
            before = None
            try:
                watch = Watch(room) if service.logs is not None and room.config.logging else None
                before = Before(room) if job.stores else None
                out = job.action(room)
                result = Result(room, out, done, [] if watch is None else watch.lines(room, out))
            except Exception as error:
                if before is not None and not isinstance(error, StanzaError):
                    before.restore()  # a mistake of ours: it may have come in the midst of a change
                _fail(done, error)
            else:
                if self._must_store(room):
                    service.host.spawn(self._store(result, before))
                    return
                self._tell(result)
            self._forget_if_over(room)
        self._busy = False
        service.rests(self)

    def _tell(self, result: Result) -> None:
        """Send what came of a job, log and archive it."""
        service = self.service
        service.archive.take(result.room)
        sending = service.send(result.out)
        tell_absent(service.host, result.room, result.out)
        if result.lines and service.logs is not None:
            service.logs.write(result.room, result.lines, time.time())
        if sending is None:
            _succeed(result.done)
        else:
            service.host.spawn(_after(sending, result.done))

    def _forget_if_over(self, room: Room) -> None:
        if room.destroyed or not (self.stored or room.occupants):
            self.room = None
            self.creator = ""

    # ---- the database

    async def _read(self) -> None:
        service = self.service
        try:
            found = await service.store.load(self.local, service.settings.limits)
        except Exception as error:
            while self._jobs:
                _fail(self._jobs.popleft()[1], error)
        else:
            if found is not None:
                self.room, self.creator = found
                self.room.new_id = service.archive.new_id
                self.stored = True
        self._go_on()

    async def _make(self, job: Job, done: Done) -> None:
        try:
            self.room = await job.make(self)
        except Exception as error:
            _fail(done, error)
        else:
            if self.room is None:
                _succeed(done)
            else:
                self._jobs.appendleft((job, done))
        self._go_on()

    def _must_store(self, room: Room) -> bool:
        """Whether something has to be stored before it counts; messages of the history need not be."""
        kept = _kept(room)
        if not (kept and self.stored):
            if not kept and not self.stored:
                room.unsaved.clear()
                return False
            return True
        if any(part != "history" for part, _ in room.unsaved):
            return True
        for _, spoken in room.unsaved:
            if room.history and isinstance(spoken, Spoken):
                self.service.store.remember(room, spoken)
                self.said += 1
        room.unsaved.clear()
        if self.said >= _TRIM_AFTER:
            self.trim(room)
        return False

    def trim(self, room: Room) -> None:
        """Have what is too old for the history deleted."""
        self.said = 0
        self.service.host.spawn(self.service.store.trim(room))

    async def _store(self, result: Result, before: Before | None) -> None:
        room = result.room
        changes, room.unsaved = room.unsaved, []
        try:
            await self._write(room, changes)
        except Exception as error:
            if before is not None:
                before.restore()
            elif self.stored:
                room.unsaved = changes  # done already, and to be stored with what comes next
            else:
                room.destroyed = True
            _fail(result.done, error)
        else:
            self._tell(result)
        self._forget_if_over(room)
        self._go_on()

    async def _write(self, room: Room, changes: list[Change]) -> None:
        store = self.service.store
        if not _kept(room):
            # First: a room of this name must not find in its archive what was said in another.
            await self.service.archive.erase(self.local)
            await store.drop(self.local)
            self.stored = False
        elif self.stored:
            await store.save(room, self.creator, changes)
            self.said += len(changes)
        else:
            await store.put(room, self.creator)
            self.stored = True


def _kept(room: Room) -> bool:
    return room.config.persistent and not room.locked and not room.destroyed


def _fail(done: Done, error: Exception) -> None:
    if not done.done():  # whoever waited may be gone
        done.set_exception(error)


def _succeed(done: Done) -> None:
    if not done.done():
        done.set_result(None)


async def _after(sending: Awaitable[None], done: Done) -> None:
    await sending
    _succeed(done)
