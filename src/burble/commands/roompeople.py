"""Commands about who is in a room, who may what there, and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from burble.commands.arguments import BareJID, ContactName, HostName
from burble.commands.base import Administered
from burble.commands.roomservices import ALL, RoomName, chat_service, chat_services
from burble.jid import JID, JIDError
from burble.module import CommandFailed, command
from burble.modules.muc import affiliations
from burble.modules.muc.ranks import Affiliation
from burble.modules.muc.room import Room
from burble.namespaces import CONFERENCE
from burble.stanza import Message, Stanza
from burble.timestamps import format_stamp
from burble.xml import Element

AffiliationName = Literal["outcast", "none", "member", "admin", "owner"]

_OCCUPANTS = "occupants::[occupant::(jid::string, nick::string, role::string)]"


@dataclass(frozen=True, slots=True)
class RoomOccupant:
    """An occupant of a room: the full JID of a client, its nick and its role."""

    jid: str
    nick: str
    role: str


@dataclass(frozen=True, slots=True)
class RoomAffiliation:
    """An affiliation with a room; one of a domain has no username."""

    jid: str
    username: str
    domain: str
    affiliation: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """A message that a room remembers: when it was sent, and its XML."""

    timestamp: str
    message: str


class RoomPeopleCommands:
    """The commands about people in rooms.

    Args:
        server: whose rooms.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    # ---- who is there, and what was said

    @command(tags=["muc_room"], safe=True, result=_OCCUPANTS)
    async def get_room_occupants(self, room: RoomName, service: HostName) -> list[RoomOccupant]:
        """List who is in a room.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            Each client that is in it, with the nick and the role it has there, by nick.

        Example:
            get_room_occupants lobby conference.localhost
        """

        def occupants(room: Room) -> list[RoomOccupant]:
            return [
                RoomOccupant(jid, occupant.nick, str(occupant.role))
                for _, occupant in sorted(room.occupants.items())
                for jid in sorted(occupant.sessions)
            ]

        return await chat_service(self._server, service).read(room, occupants)

    @command(tags=["muc_room"], safe=True, result="occupants::integer")
    async def get_room_occupants_number(self, room: RoomName, service: HostName) -> int:
        """Count who is in a room.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            How many nicks there are.

        Example:
            get_room_occupants_number lobby conference.localhost
        """
        return await chat_service(self._server, service).read(room, lambda room: len(room.occupants))

    @command(tags=["muc_room"], safe=True, result="history::[entry::(timestamp::string, message::string)]")
    async def get_room_history(self, room: RoomName, service: HostName) -> list[RoomMessage]:
        """Tell what was said in a room lately: what newcomers are sent.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            The messages, the oldest first.

        Example:
            get_room_history lobby conference.localhost
        """

        def history(room: Room) -> list[RoomMessage]:
            return [
                RoomMessage(format_stamp(datetime.fromtimestamp(spoken.at, UTC)), spoken.message.to_string())
                for spoken in room.history
            ]

        return await chat_service(self._server, service).read(room, history)

    @command(tags=["muc"], safe=True, result="rooms::[room::string]")
    def get_user_rooms(self, user: str, host: str) -> list[str]:
        """List the rooms that an account is in.

        Args:
            user: the account's name, without its domain.
            host: its domain.

        Returns:
            Their addresses, in order.

        Example:
            get_user_rooms juliet localhost
        """
        account = JID.build(user, host)
        return sorted(
            room.jid
            for muc in chat_services(self._server, ALL)
            for room in muc.rooms.values()
            if any(occupant.account == account for occupant in room.occupants.values())
        )

    # ---- affiliations

    @command(tags=["muc_room"], safe=True, result="affiliation::atom")
    async def get_room_affiliation(self, room: RoomName, service: HostName, jid: BareJID) -> str:
        """Tell the affiliation of an account or a domain with a room.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            jid: the account, or the domain.

        Returns:
            ``owner``, ``admin``, ``member``, ``none`` or ``outcast``.

        Example:
            get_room_affiliation lobby conference.localhost juliet@localhost
        """
        muc = chat_service(self._server, service)
        return await muc.read(room, lambda room: str(room.affiliation(jid)))

    @command(
        tags=["muc_room"],
        safe=True,
        version=3,
        result="affiliations::[affiliation::(jid::string, affiliation::atom, reason::string)]",
    )
    async def get_room_affiliations(self, room: RoomName, service: HostName) -> list[RoomAffiliation]:
        """List the affiliations with a room.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            They, by address.

        Example:
            get_room_affiliations lobby conference.localhost
        """

        def listed(room: Room) -> list[RoomAffiliation]:
            return [
                RoomAffiliation(jid, jid.local, jid.domain, str(standing.affiliation), standing.reason)
                for jid, standing in sorted(room.standings.items())
            ]

        return await chat_service(self._server, service).read(room, listed)

    @command(
        tags=["muc_room"],
        name="get_room_affiliations",
        safe=True,
        result="affiliations::[affiliation::"
        "(username::string, domain::string, affiliation::atom, reason::string)]",
    )
    async def get_room_affiliations_v0(self, name: RoomName, service: HostName) -> list[RoomAffiliation]:
        """List the affiliations with a room.

        Args:
            name: the room's name, without its domain.
            service: the domain of the chat service.

        Returns:
            They, by address.

        Example:
            get_room_affiliations lobby conference.localhost
        """
        return await self.get_room_affiliations(name, service)

    @command(tags=["muc_room"], version=3, result="res::rescode")
    async def set_room_affiliation(
        self,
        room: RoomName,
        service: HostName,
        user: ContactName,
        host: HostName,
        affiliation: AffiliationName,
    ) -> None:
        """Give an account or a domain an affiliation with a room; its occupants are told.

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            user: the account's name, without its domain; "" for all of the domain.
            host: its domain.
            affiliation: ``owner``, ``admin``, ``member``, ``none`` or ``outcast``.

        Example:
            set_room_affiliation lobby conference.localhost juliet localhost member
        """
        await self._set_affiliation(room, service, JID.build(user, host), affiliation)

    @command(tags=["muc_room"], name="set_room_affiliation", result="res::rescode")
    async def set_room_affiliation_v0(
        self, name: RoomName, service: HostName, jid: BareJID, affiliation: AffiliationName
    ) -> None:
        """Give an account or a domain an affiliation with a room; its occupants are told.

        Args:
            name: the room's name, without its domain.
            service: the domain of the chat service.
            jid: the account, or the domain.
            affiliation: ``owner``, ``admin``, ``member``, ``none`` or ``outcast``.

        Example:
            set_room_affiliation lobby conference.localhost juliet@localhost member
        """
        await self._set_affiliation(name, service, jid, affiliation)

    async def _set_affiliation(self, room: str, service: str, jid: JID, affiliation: str) -> None:
        change = affiliations.Change(jid, Affiliation.parse(affiliation))

        def apply(room: Room) -> list[Stanza]:
            affiliations.check_number(room, [change])
            return affiliations.apply(room, room.jid, [change])

        await chat_service(self._server, service).do(room, apply)

    # ---- invitations

    @command(tags=["muc_room"], version=1, result="res::rescode")
    async def send_direct_invitation(
        self,
        room: RoomName,
        service: HostName,
        password: str,
        reason: str,
        users: Annotated[list[JID], Field(min_length=1)],
    ) -> None:
        """Invite people to a room (XEP-0249).

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            password: the password to enter it; "" or ``none`` for none.
            reason: why; "" or ``none`` for no reason.
            users: who is invited.

        Example:
            send_direct_invitation lobby conference.localhost none "Come in" juliet@localhost,romeo@localhost
        """
        muc = chat_service(self._server, service)
        jid = await muc.read(room, lambda room: room.jid)
        attrs = {"jid": str(jid)}
        attrs |= {"password": password} if password not in ("", "none") else {}
        attrs |= {"reason": reason} if reason not in ("", "none") else {}
        invitation = Element("x", CONFERENCE, attrs)
        for user in users:
            waiting = muc.host.router.route(Message(user, jid, None, invitation))
            if waiting is not None:
                await waiting

    @command(tags=["muc_room"], name="send_direct_invitation", result="res::rescode")
    async def send_direct_invitation_v0(
        self,
        room: RoomName,
        service: HostName,
        password: str,
        reason: str,
        users: Annotated[str, Field(min_length=1)],
    ) -> None:
        """Invite people to a room (XEP-0249).

        Args:
            room: the room's name, without its domain.
            service: the domain of the chat service.
            password: the password to enter it; "" or ``none`` for none.
            reason: why; "" or ``none`` for no reason.
            users: who is invited, with colons between them.

        Example:
            send_direct_invitation lobby conference.localhost none "Come in" juliet@localhost:romeo@localhost
        """
        await self.send_direct_invitation(room, service, password, reason, _addresses(users.split(":")))


def _addresses(texts: Sequence[str]) -> list[JID]:
    try:
        return [JID.parse(text) for text in texts]
    except JIDError as error:
        raise CommandFailed(f"users: {error}") from None
