"""Commands about rooms as such: making, listing, configuring and destroying them."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated

from pydantic import AfterValidator, Field

from burble.commands.arguments import HostName
from burble.commands.base import Administered, module_on, served
from burble.commands.files import FilePath, place
from burble.commands.progress import report
from burble.commands.roomoptions import (
    AFFILIATIONS,
    RoomOption,
    RoomOptions,
    affiliations_of,
    changed,
    options_of,
)
from burble.commands.roomservices import RoomName, chat_service, chat_services
from burble.config.fields import expected
from burble.errors import StanzaError
from burble.jid import JID, JIDError
from burble.module import CommandFailed, command
from burble.modules.archive import Archive
from burble.modules.muc.overview import RoomSummary, empty_rooms, number_of_rooms, rooms_of, unused_rooms
from burble.modules.muc.owner import reconfigured
from burble.modules.muc.room import Room
from burble.stanza import Stanza


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise expected(f"a regular expression ({error})") from None
    return text


Regex = Annotated[str, AfterValidator(_regex)]
Days = Annotated[int, Field(ge=0, le=100_000)]

_SUMMARIES = "rooms::[room::(jid::string, public::string, participants::integer)]"


class RoomCommands:
    """The commands about rooms.

    Args:
        server: whose rooms.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    # ---- making them

    @command(tags=["muc_room"], result="res::rescode")
    async def create_room(self, room: RoomName, service: HostName, host: HostName) -> None:
        """Make a persistent room, as new rooms are by the settings; nobody is its owner.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            host: the host whose service it is.

        Example:
            create_room garden conference.localhost localhost
        """
        await self.create_room_with_opts(room, service, host, [])

    @command(tags=["muc_room", "muc_sub"], result="res::rescode")
    async def create_room_with_opts(
        self, room: RoomName, service: HostName, host: HostName, options: RoomOptions
    ) -> None:
        """Make a persistent room with options.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            host: the host whose service it is.
            options: each with ``name`` and ``value``, or as ``name:value``; `get_room_options` shows those
                there are. ``affiliations`` takes ``owner:juliet@localhost,member:romeo@localhost``.

        Example:
            create_room_with_opts garden conference.localhost localhost members_only:true,title:Garden
        """
        served(self._server, host)
        muc = chat_service(self._server, service)
        if muc.host.name != host:
            raise CommandFailed(f"{service} belongs to {muc.host.name}, not to {host}")
        given = [option for option in options if option.name != AFFILIATIONS]
        texts = [option.value for option in options if option.name == AFFILIATIONS]
        config = changed(muc.settings.room_defaults, given)
        await muc.create(room, config, standings=affiliations_of(",".join(texts)))

    @command(tags=["muc"], result="res::rescode")
    async def create_rooms_file(self, file: FilePath) -> None:
        """Make the rooms that a file names, as new rooms are by the settings; those that are there stay.

        Args:
            file: a text file on the server's machine, with the address of a room on each line.

        Example:
            create_rooms_file /tmp/rooms.txt
        """
        rooms = await self._listed(file)
        for number, jid in enumerate(rooms):
            report(number, len(rooms), "rooms")
            muc = chat_service(self._server, jid.domain)
            try:
                await muc.create(jid.local, muc.settings.room_defaults)
            except StanzaError as error:
                if error.condition != "conflict":
                    raise

    # ---- what there is

    @command(tags=["muc"], safe=True, result="rooms::[room::string]")
    async def muc_online_rooms(self, service: HostName) -> list[str]:
        """List the rooms of a chat service, whether somebody is in them or not.

        Args:
            service: the domain of the chat service; ``global`` for all of them.

        Returns:
            Their addresses, in order.

        Example:
            muc_online_rooms conference.localhost
        """
        return [room.jid for room in await self._rooms(service)]

    @command(tags=["muc"], safe=True, result=_SUMMARIES)
    async def muc_online_rooms_by_regex(self, service: HostName, regex: Regex) -> list[dict[str, str | int]]:
        """List the rooms of a chat service whose addresses match a regular expression.

        Args:
            service: the domain of the chat service; ``global`` for all of them.
            regex: the expression, which may match any part of an address.

        Returns:
            Each with whether it is public, and how many are in it.

        Example:
            muc_online_rooms_by_regex conference.localhost "^garden"
        """
        fits = re.compile(regex).search
        return [
            {
                "jid": room.jid,
                "public": "true" if room.public else "false",
                "participants": room.occupants,
            }
            for room in await self._rooms(service)
            if fits(room.jid)
        ]

    @command(tags=["muc"], safe=True, result="count::integer")
    async def muc_online_rooms_count(self, service: HostName) -> int:
        """Count the rooms of a chat service.

        Args:
            service: the domain of the chat service; ``global`` for all of them.

        Returns:
            How many there are.

        Example:
            muc_online_rooms_count conference.localhost
        """
        services = chat_services(self._server, service)
        return sum([await number_of_rooms(muc.service) for muc in services])

    @command(tags=["muc"], safe=True, result="rooms::[room::string]")
    async def rooms_unused_list(self, service: HostName, days: Days) -> list[str]:
        """List the persistent rooms that nobody is in, and in which the last word is some days old.

        It goes by the history that newcomers are sent: a room without any is not listed.

        Args:
            service: the domain of the chat service; ``global`` for all of them.
            days: how many days.

        Returns:
            Their addresses, in order.

        Example:
            rooms_unused_list conference.localhost 31
        """
        before = time.time() - days * 86_400
        return [
            JID.build(local, muc.service.jid)
            for muc in chat_services(self._server, service)
            for local in await unused_rooms(muc.service, before)
        ]

    @command(tags=["muc"], safe=True, result="rooms::[room::string]")
    async def rooms_empty_list(self, service: HostName) -> list[str]:
        """List the persistent rooms that nobody is in, and whose archive is empty.

        Rooms of which nothing is archived are not listed.

        Args:
            service: the domain of the chat service; ``global`` for all of them.

        Returns:
            Their addresses, in order.

        Example:
            rooms_empty_list conference.localhost
        """
        found = []
        for muc in chat_services(self._server, service):
            module_on(muc.host, Archive)
            found += [f"{local}@{muc.service.jid}" for local in await empty_rooms(muc.service)]
        return found

    # ---- options

    @command(tags=["muc_room"], safe=True, result="options::[option::(name::string, value::string)]")
    async def get_room_options(self, room: RoomName, service: HostName) -> list[RoomOption]:
        """Tell how a room is configured.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            The options by name; the password of a protected room is among them.

        Example:
            get_room_options lobby conference.localhost
        """
        return await chat_service(self._server, service).read(room, lambda room: options_of(room.config))

    @command(tags=["muc_room"], result="res::rescode")
    async def change_room_option(self, room: RoomName, service: HostName, option: str, value: str) -> None:
        """Change how a room is configured; its occupants are told.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            option: the option, as `get_room_options` shows it.
            value: its value.

        Example:
            change_room_option lobby conference.localhost members_only true
        """

        def change(room: Room) -> list[Stanza]:
            try:
                config = changed(room.config, [RoomOption(option, value)])
            except CommandFailed as error:
                raise StanzaError("not-acceptable", str(error)) from None
            return reconfigured(room, config)

        await chat_service(self._server, service).do(room, change)

    # ---- destroying them

    @command(tags=["muc_room"], result="res::rescode")
    async def destroy_room(self, room: RoomName, service: HostName) -> None:
        """Destroy a room; its occupants are told.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Example:
            destroy_room lobby conference.localhost
        """
        await chat_service(self._server, service).destroy(room)

    @command(tags=["muc"], result="res::rescode")
    async def destroy_rooms_file(self, file: FilePath) -> None:
        """Destroy the rooms that a file names.

        Args:
            file: a text file on the server's machine, with the address of a room on each line.

        Example:
            destroy_rooms_file /tmp/rooms.txt
        """
        await self._destroy(await self._listed(file))

    @command(tags=["muc"], result="rooms::[room::string]")
    async def rooms_unused_destroy(self, service: HostName, days: Days) -> list[str]:
        """Destroy the rooms that `rooms_unused_list` lists.

        Args:
            service: the domain of the chat service; ``global`` for all of them.
            days: how many days nobody has spoken in them.

        Returns:
            Their addresses, in order.

        Example:
            rooms_unused_destroy conference.localhost 31
        """
        unused = await self.rooms_unused_list(service, days)
        await self._destroy([JID.parse(room) for room in unused])
        return unused

    @command(tags=["muc"], version=2, result="res::restuple")
    async def rooms_empty_destroy(self, service: HostName) -> str:
        """Destroy the rooms that `rooms_empty_list` lists.

        Args:
            service: the domain of the chat service; ``global`` for all of them.

        Returns:
            A sentence that tells how many there were.

        Example:
            rooms_empty_destroy conference.localhost
        """
        return f"Destroyed rooms: {len(await self.rooms_empty_destroy_v0(service))}"

    @command(tags=["muc"], name="rooms_empty_destroy", result="rooms::[room::string]")
    async def rooms_empty_destroy_v0(self, service: HostName) -> list[str]:
        """Destroy the rooms that `rooms_empty_list` lists.

        Args:
            service: the domain of the chat service; ``global`` for all of them.

        Returns:
            Their addresses, in order.

        Example:
            rooms_empty_destroy conference.localhost
        """
        empty = await self.rooms_empty_list(service)
        await self._destroy([JID.parse(room) for room in empty])
        return empty

    # ---- what they have in common

    async def _rooms(self, service: str) -> list[RoomSummary]:
        services = chat_services(self._server, service)
        return [room for muc in services for room in await rooms_of(muc.service)]

    async def _destroy(self, rooms: list[JID]) -> None:
        for number, jid in enumerate(rooms):
            report(number, len(rooms), "rooms")
            try:
                await chat_service(self._server, jid.domain).destroy(jid.local)
            except StanzaError as error:
                if error.condition != "item-not-found":  # somebody else was quicker
                    raise

    async def _listed(self, file: str) -> list[JID]:
        """The rooms that a file names, each of a service that is here."""
        path = place(self._server, file)
        try:
            text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(
                f"{path} can't be read: {getattr(error, 'strerror', None) or error}"
            ) from None
        rooms = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                jid = JID.parse(line.strip())
            except JIDError as error:
                raise CommandFailed(f"{path}:{number}: {error}") from None
            if not jid.local or jid.resource:
                raise CommandFailed(f"{path}:{number}: expected the address of a room")
            chat_service(self._server, jid.domain)
            rooms.append(jid)
        return rooms
