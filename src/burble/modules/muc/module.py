"""The module `muc`: a chat service for a virtual host, with a domain of its own (XEP-0045)."""

from __future__ import annotations

from collections.abc import Mapping

from burble.module import Module, ModuleSettings, on
from burble.modules.muc.room import Room
from burble.modules.muc.service import RoomService
from burble.modules.muc.settings import MucSettings
from burble.namespaces import DISCO_ITEMS
from burble.routing.events import ItemsRequested


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
        self.service.close()
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
            self.service.configure(settings)

    def _serve(self) -> None:
        service = RoomService(self.host, self.settings)
        self.host.router.register(service.jid, service.receive)
        self.service = service

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms in memory, by localpart: those with occupants, and some that had some not long ago."""
        return {local: live.room for local, live in self.service.live.items() if live.room is not None}

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
