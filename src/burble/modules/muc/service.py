"""The chat service: takes every stanza for its domain to the room it is for, and sends what comes of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import directory, leaving, owner
from burble.modules.muc.archiving import Asker, RoomArchive
from burble.modules.muc.avatars import vcard
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.discovery import room_info, room_items
from burble.modules.muc.jobs import ErrorsJob, ForgetJob, GhostJob, MakeJob, StanzaJob
from burble.modules.muc.live import Action, Job, LiveRoom
from burble.modules.muc.logs import RoomLogs, directory_name
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.rates import Rates
from burble.modules.muc.room import Room
from burble.modules.muc.settings import MucSettings
from burble.modules.muc.store import RoomStore
from burble.namespaces import DISCO_INFO, DISCO_ITEMS, VCARD
from burble.routing.hosts import Host
from burble.routing.session import check_iq
from burble.stanza import Iq, Message, Presence, Stanza

T = TypeVar("T")


class RoomService:
    """A chat service of a virtual host.

    Args:
        host: the host.
        settings: the service's.

    Attributes:
        jid: its address.
        store: where persistent rooms are kept.
        live: the rooms in memory, by localpart.
        logs: the logs on disk; None where there are none.
        rates: how fast occupants may speak and show themselves.
        archive: what was said in persistent rooms.
    """

    def __init__(self, host: Host, settings: MucSettings) -> None:
        self.host = host
        self.settings = settings
        self.jid = JID.parse(settings.service or f"conference.{host.name}")
        self.store = RoomStore(host.database, self.jid)
        self.live: dict[str, LiveRoom] = {}
        self.logs = _logs(settings)
        self.rates = Rates(settings.message_interval, settings.presence_interval)
        self.archive = RoomArchive(host, self.jid)
        # Those without occupants, with the time since when; the longest unused first.
        self._resting: OrderedDict[str, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    # ---- stanzas

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza for the service, a room or an occupant; for `Router.register`.

        Raises:
            StanzaError, StorageError: it can't be handled; so may the awaitable.
        """
        to = stanza.to
        assert to is not None
        if isinstance(stanza, Iq):
            check_iq(stanza)
        if not to.local:
            return self._asked(stanza)
        assert isinstance(stanza, Message | Presence | Iq)
        if isinstance(stanza, Iq) and self.archive.answers(stanza):
            return self._answer_from_archive(stanza)
        if stanza.type == "error" and not isinstance(stanza, Iq):
            return self.enter(to.local).take(ErrorsJob(stanza))
        return self.enter(to.local).take(StanzaJob(self, stanza))

    async def _answer_from_archive(self, iq: Iq) -> None:
        assert iq.to is not None
        asker = await self.read(iq.to.local, lambda room: Asker.of(room, iq))
        answer = iq.reply(await self.archive.answer(iq, asker))
        waiting = self.host.router.route(answer)
        if waiting is not None:
            await waiting

    async def _answer(self, iq: Iq) -> None:
        answer = iq.reply(await directory.answer(self, iq))
        waiting = self.host.router.route(answer)
        if waiting is not None:
            await waiting

    def _asked(self, stanza: Stanza) -> Awaitable[None] | None:
        """A stanza for the service itself."""
        if stanza.type in ("error", "result"):
            return None
        if isinstance(stanza, Iq):
            return self._answer(stanza)
        if isinstance(stanza, Message):
            return self.host.local.read(stanza)
        return None

    def answer_for(self, room: Room, iq: Iq) -> list[Stanza] | None:
        """Answer a request to a room about what it is; None where it is about something else.

        Raises:
            StanzaError: it can't be answered.
        """
        payload = iq.payload
        if payload is None or (iq.to is not None and iq.to.resource) or iq.type not in ("get", "set"):
            return None
        match (iq.type, payload.ns, payload.name):
            case ("get", ns, "query") if ns == DISCO_INFO:
                return room_info(room, iq, self._logs_of(room))
            case ("get", ns, "query") if ns == DISCO_ITEMS:
                return room_items(room, iq)
            case (_, ns, "vCard") if ns == VCARD:
                return vcard(room, iq, self.settings.vcard_bytes)
        return None

    def _logs_of(self, room: Room) -> str:
        """Where a room's logs can be read; "" where they can't."""
        url = self.settings.log_url
        if self.logs is None or not url or not room.config.logging:
            return ""
        return f"{url.rstrip('/')}/{quote(directory_name(room.jid.local))}/"

    def enter(self, local: str) -> LiveRoom:
        """The place of a room in memory, where it is read if need be."""
        found = self.live.get(local)
        if found is None:
            found = self.live[local] = LiveRoom(self, local)
        return found

    def send(self, stanzas: list[Stanza]) -> Awaitable[None] | None:
        """Send what a room says.

        Returns:
            None when all is on its way, or what to await for that. Nobody else waits: the next job of the
            room may begin before.
        """
        route = self.host.router.route
        waiting: list[Awaitable[None]] = []
        for stanza in stanzas:
            more = route(stanza)
            if more is not None:
                waiting.append(more)
        batch = self.host.database.batch
        if batch.full:
            waiting.append(batch.room())
        if not waiting:
            return None
        # As tasks: they begin in order now, and go on when the one who waits for them is gone.
        tasks = [self.host.spawn(_awaited(one)) for one in waiting]
        return _all(tasks)

    # ---- rooms

    async def may_make(self, creator: JID) -> None:
        """Check that somebody may make a room (§10.1.1).

        Raises:
            StanzaError: not-allowed.
        """
        settings, host = self.settings, self.host
        if host.is_admin(creator):
            return
        local = creator.domain == host.name
        if (
            settings.create == "admins"
            or (settings.create == "local" and not local)
            or (local and host.sessions.is_anonymous(creator.local))
        ):
            raise StanzaError("not-allowed", "you may not make rooms here")
        if settings.max_rooms:
            stored = await self.store.created(creator)
            others = sum(not live.stored and live.creator == creator for live in self.live.values())
            if stored + others >= settings.max_rooms:
                raise StanzaError("not-allowed", f"you have made {settings.max_rooms} rooms already")

    def new_room(self, local: str) -> Room:
        """A new room with the configuration that new rooms have."""
        config, limits = self.settings.room_defaults, self.settings.limits
        room = Room(JID.build(local, self.jid), config, secrets.token_bytes(16), limits)
        room.new_id = self.archive.new_id
        return room

    def rests(self, live: LiveRoom) -> None:
        """A room has nothing to do: forget it where it is none, put it to sleep where it is long idle."""
        local = live.local
        if live.room is None:
            self.live.pop(local, None)
            self._resting.pop(local, None)
        elif live.room.occupants:
            self._resting.pop(local, None)
        else:
            self._resting[local] = time.monotonic()
            self._resting.move_to_end(local)
            while len(self._resting) > self.settings.idle_rooms:
                self._sleep()
            if self._timer is None and self._resting:
                self._timer = asyncio.get_running_loop().call_later(self.settings.idle, self._look)

    def _look(self) -> None:
        self._timer = None
        long_ago = time.monotonic() - self.settings.idle
        while self._resting:
            since = next(iter(self._resting.values()))
            if since > long_ago:
                later = since - long_ago
                self._timer = asyncio.get_running_loop().call_later(later, self._look)
                return
            self._sleep()

    def _sleep(self) -> None:
        """Forget the room that has been without occupants for longest; the database has it."""
        local, _ = self._resting.popitem(last=False)
        live = self.live[local]
        if not live.idle:
            return  # it is being used; `rests` will look at it again
        del self.live[local]
        if live.said and live.room is not None:
            live.trim(live.room)

    # ---- for the module

    async def create(
        self, jid: JID, config: RoomConfig, owner: JID | None, standings: Mapping[JID, Affiliation]
    ) -> Room:
        """See `Muc.create`."""
        job = MakeJob(self, config.model_copy(update={"persistent": True}), owner, standings)
        await _done(self.enter(jid.local).take(job))
        return job.room

    async def destroy(self, jid: JID, reason: str, venue: JID | None) -> None:
        """See `Muc.destroy`."""
        job = Job(lambda room: owner.destroyed(room, reason, venue))
        await _done(self.enter(jid.local).take(job))

    async def do(self, local: str, action: Action) -> None:
        """See `Muc.do`."""
        await _done(self.enter(local).take(Job(action)))

    async def read(self, local: str, reading: Callable[[Room], T]) -> T:
        """See `Muc.read`."""
        found: list[T] = []

        def look(room: Room) -> list[Stanza]:
            found.append(reading(room))
            return []

        await _done(self.enter(local).take(Job(look, stores=False)))
        return found[0]

    def lost(self, session: JID) -> None:
        """Take a client out of all rooms."""
        for live in list(self.live.values()):
            if live.room is not None and session in live.room.present:
                _unheeded(live.take(GhostJob(session)))

    async def forget(self, account: JID) -> None:
        """Take away all that rooms keep of an account.

        Raises:
            StorageError: it can't be done now.
        """
        await self.store.forget(account)
        for live in list(self.live.values()):
            if live.creator == account:
                live.creator = ""
            await _done(live.take(ForgetJob(account)))

    # ---- other settings, the end

    async def configure(self, settings: MucSettings) -> None:
        """Take other settings; the service stays where it is."""
        old, self.settings = self.settings, settings
        self.rates = Rates(settings.message_interval, settings.presence_interval)
        if (old.log_dir, old.log_format) != (settings.log_dir, settings.log_format):
            if self.logs is not None:
                await self.logs.close()
            self.logs = _logs(settings)
        for live in self.live.values():
            if live.room is not None:
                live.room.limits = settings.limits

    def empty(self) -> None:
        """Take all occupants out of all rooms, because the service ends (§11.2)."""
        for live in list(self.live.values()):
            if live.room is not None:
                job = Job(lambda room: leaving.emptied(room, leaving.SHUTDOWN), stores=False)
                _unheeded(live.take(job))

    async def close(self) -> None:
        """End the service."""
        self.empty()
        if self._timer is not None:
            self._timer.cancel()
        if self.logs is not None:
            await self.logs.close()


def _logs(settings: MucSettings) -> RoomLogs | None:
    return None if settings.log_dir is None else RoomLogs(settings.log_dir, settings.log_format)


def _unheeded(waiting: Awaitable[None] | None) -> None:
    """Let a job be done that nobody waits for: where its room is gone before its turn, that is no news."""
    if isinstance(waiting, asyncio.Future):
        waiting.add_done_callback(asyncio.Future.exception)


async def _done(waiting: Awaitable[None] | None) -> None:
    if waiting is not None:
        await waiting


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
