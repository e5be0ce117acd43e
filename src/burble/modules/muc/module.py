"""The module `muc`: a chat service for a virtual host, with a domain of its own (XEP-0045)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from burble.jid import JID
from burble.module import Module, ModuleSettings, on
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.live import Action
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.modules.muc.service import RoomService
from burble.modules.muc.settings import MucSettings
from burble.namespaces import DISCO_ITEMS
from burble.routing.events import AccountRemoved, HostStopping, ItemsRequested, SessionClosed

T = TypeVar("T")


class Muc(Module):
    """Chat rooms (XEP-0045).

    Attributes:
        service: the chat service.
    """

    name = "muc"
    Settings = MucSettings

    service: RoomService

    async def start(self) -> None:
        """Serve the domain."""
        self._serve()

    async def stop(self) -> None:
        """Take everybody out of the rooms, and serve the domain no longer."""
        await self.service.close()
        self.host.router.unregister(self.service.jid)

    async def configure(self, settings: ModuleSettings) -> None:
        """Take other options; where the service moves to another domain, its rooms there are emptied."""
        assert isinstance(settings, MucSettings)
        moved = settings.service != self.settings.service
        await super().configure(settings)
        if moved:
            await self.stop()
            self._serve()
        else:
            await self.service.configure(settings)

    def _serve(self) -> None:
        service = RoomService(self.host, self.settings)
        self.host.router.register(service.jid, service.receive)
        self.service = service

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms in memory, by localpart: those with occupants, and some that had some not long ago."""
        return {local: live.room for local, live in self.service.live.items() if live.room is not None}

    async def create(
        self,
        local: str,
        config: RoomConfig,
        owner: JID | None = None,
        standings: Mapping[JID, Affiliation] = MappingProxyType({}),
    ) -> Room:
        """Make a persistent room without entering it.

        Args:
            local: the localpart of its address.
            config: its configuration, but that it is persistent anyway.
            owner: the bare JID of who counts as its creator and is its owner; None for no one.
            standings: the affiliations of others, by bare JID.

        Raises:
            JIDError: that is no localpart.
            StanzaError: conflict, where the room is there already.
            StorageError: it can't be stored.
        """
        return await self.service.create(JID.build(local, self.service.jid), config, owner, standings)

    async def destroy(self, local: str, reason: str = "", venue: JID | None = None) -> None:
        """End a room for good (§10.9).

        Args:
            local: the localpart of its address.
            reason: what its occupants are told.
            venue: a room they may go to instead.

        Raises:
            JIDError: that is no localpart.
            StanzaError: item-not-found, where there is no such room.
            StorageError: it can't be deleted now.
        """
        await self.service.destroy(JID.build(local, self.service.jid), reason, venue)

    async def do(self, local: str, action: Action) -> None:
        """Do something in a room, in its turn.

        Args:
            local: the localpart of its address.
            action: takes the room and returns what is to be sent; raises `StanzaError` while nothing has
                changed.

        Raises:
            StanzaError: item-not-found, where there is no such room; what `action` raises.
            StorageError: it can't be stored; all is as before.
        """
        await self.service.do(local, action)

    async def read(self, local: str, reading: Callable[[Room], T]) -> T:
        """Read something of a room, in its turn.

        Args:
            local: the localpart of its address.
            reading: takes the room, which it must not change, and returns what is wanted of it.

        Raises:
            StanzaError: item-not-found, where there is no such room.
            StorageError: it can't be read.
        """
        return await self.service.read(local, reading)

    # ---- what happens on the host

    @on(HostStopping)
    def say_goodbye(self, event: HostStopping) -> None:
        """Tell all occupants that the service goes down, while they can still be told (§11.2)."""
        self.service.empty()

    @on(SessionClosed)
    def forget_session(self, event: SessionClosed) -> None:
        """Take a client out of its rooms, where no presence told them that it is gone."""
        self.service.lost(event.session.jid)

    @on(AccountRemoved)
    async def forget_account(self, event: AccountRemoved) -> None:
        """Leave nothing of an account in any room: a later one of its name has no claim to it."""
        await self.service.forget(event.jid)

    # ---- discovery

    @on(ItemsRequested)
    def list_service(self, event: ItemsRequested) -> None:
        """Have the service among the items of the host, with its name (§6.1)."""
        if event.request.to != self.host.jid or event.node:
            return
        for item in event.items or ():
            if item.ns == DISCO_ITEMS and item.get("jid") == self.service.jid:
                item.attrs["name"] = self.settings.name
                return
        event.add(self.service.jid, self.settings.name)
