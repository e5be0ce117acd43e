"""What is done in rooms: a stanza is handled, a room made from outside, an account forgotten."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc import affiliations, leaving, private, rules
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.live import Job, LiveRoom
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import CLIENT, MUC
from burble.stanza import Iq, Message, Presence, Stanza

if TYPE_CHECKING:
    from burble.modules.muc.service import RoomService


class StanzaJob(Job):
    """A stanza for a room."""

    __slots__ = ("_service", "_stanza")

    def __init__(self, service: RoomService, stanza: Message | Presence | Iq) -> None:
        self._service = service
        self._stanza = stanza
        super().__init__(self._handle, _may_store(stanza))

    def _handle(self, room: Room) -> list[Stanza]:
        stanza, now = self._stanza, time.time()
        self._service.rates.check(room, stanza, now)
        if isinstance(stanza, Iq):
            assert stanza.from_ is not None
            if not room.locked or room.affiliation(stanza.from_) >= Affiliation.OWNER:
                answer = self._service.answer_for(room, stanza)
                if answer is not None:
                    return answer
        return rules.receive(room, stanza, now)

    async def make(self, live: LiveRoom) -> Room | None:
        """Entering makes a room (§10.1); everything else needs one.

        Raises:
            StanzaError: not-allowed for who may not make one, item-not-found; for requests to occupants
                what those get who are not in the room.
        """
        stanza = self._stanza
        creator = stanza.from_
        assert creator is not None
        if not (isinstance(stanza, Presence) and stanza.type == ""):
            if isinstance(stanza, Presence) or stanza.type in ("error", "result"):
                return None
            if isinstance(stanza, Iq) and stanza.to is not None and stanza.to.resource:
                raise private.not_inside(stanza)
            return await super().make(live)
        room = self._service.new_room(live.local)
        if stanza.child("x", MUC) is None:
            return room  # a stranger's, who will be told to be one; nothing comes of the room
        await self._service.may_make(creator.bare)
        room.locked = True
        room.grant(creator.bare, Affiliation.OWNER)
        live.creator = creator.bare
        return room


class ErrorsJob(Job):
    """Errors that came back for what a room sent: all that wait for the room at a time.

    Args:
        error: the first of them.
    """

    __slots__ = ("_errors",)

    def __init__(self, error: Message | Presence) -> None:
        self._errors = [error]
        super().__init__(self._handle, stores=False)

    def absorbs(self, job: Job) -> bool:
        """Take over the errors of another such job."""
        if isinstance(job, ErrorsJob):
            self._errors += job._errors
            return True
        return False

    def _handle(self, room: Room) -> list[Stanza]:
        return rules.failed(room, self._errors, time.time())

    async def make(self, live: LiveRoom) -> None:
        """Where there is no room nobody is lost."""


class MakeJob(Job):
    """To make a room from outside.

    Args:
        service: where.
        config: its configuration.
        owner: the bare JID that counts as its creator; None for no one.
        standings: the affiliations that it has from the beginning.

    Attributes:
        room: the room, once it is made.
    """

    __slots__ = ("_config", "_owner", "_service", "_standings", "room")

    room: Room

    def __init__(
        self,
        service: RoomService,
        config: RoomConfig,
        owner: JID | None,
        standings: Mapping[JID, Affiliation],
    ) -> None:
        self._service = service
        self._config = config
        self._owner = owner
        self._standings = standings
        super().__init__(self._handle)

    def _handle(self, room: Room) -> list[Stanza]:
        if room is not getattr(self, "room", None):
            raise StanzaError("conflict", "there is a room of that name already")
        return []

    async def make(self, live: LiveRoom) -> Room:
        """The room, with its affiliations."""
        self.room = self._service.new_room(live.local)
        self.room.config = self._config
        for jid, affiliation in self._standings.items():
            self.room.grant(jid, affiliation)
        if self._owner is not None:
            self.room.grant(self._owner, Affiliation.OWNER)
            live.creator = self._owner
        return self.room


class ForgetJob(Job):
    """To take away what a room keeps of an account."""

    __slots__ = ("_account",)

    def __init__(self, account: JID) -> None:
        self._account = account
        super().__init__(self._handle)

    def _handle(self, room: Room) -> list[Stanza]:
        account = self._account
        out: list[Stanza] = []
        if account in room.standings:
            change = affiliations.Change(account, Affiliation.NONE)
            out = affiliations.apply(room, room.jid, [change])
        if account in room.nicks:
            room.register(account, "")
        if account in room.hats:
            room.wear(account, ())
        return out

    async def make(self, live: LiveRoom) -> None:
        """Where there is no room nothing is kept."""


class GhostJob(Job):
    """To take out a client that is gone."""

    __slots__ = ("_session",)

    def __init__(self, session: JID) -> None:
        self._session = session
        super().__init__(self._handle, stores=False)

    def _handle(self, room: Room) -> list[Stanza]:
        return leaving.lost(room, [self._session])

    async def make(self, live: LiveRoom) -> None:
        """Where there is no room nobody is in it."""


def _may_store(stanza: Stanza) -> bool:
    """Whether a stanza may change what is stored, other than the history."""
    if stanza.to is None or stanza.to.resource or isinstance(stanza, Presence):
        return False
    if isinstance(stanza, Iq):
        return stanza.type == "set"
    return stanza.type != "groupchat" or stanza.child("subject", CLIENT) is not None
