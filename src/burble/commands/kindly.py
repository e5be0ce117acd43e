"""Commands that stop the server after telling everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from burble.commands.base import Administered
from burble.commands.progress import report
from burble.errors import StreamError
from burble.jid import JID
from burble.module import CommandFailed, command
from burble.modules.muc import Muc
from burble.stanza import Message

# How often a person who waits sees how long it still takes, seconds.
_STEP: Final = 1.0

Seconds = Annotated[int, Field(ge=0, le=86_400)]


class KindlyCommands:
    """The commands that stop the server after telling everybody.

    Args:
        server: which.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["server", "async"], result="res::rescode")
    async def stop_kindly(self, delay: Seconds, announcement: str) -> None:
        """Tell everybody who is connected, and all rooms, that the server stops; wait; stop it.

        Nobody can log in meanwhile.

        Args:
            delay: for how long to wait, seconds.
            announcement: what to tell them.

        Example:
            stop_kindly 60 "The server will stop in one minute."
        """
        if await self._announce_and_wait("stop", delay, announcement):
            self._server.stop_soon()

    @command(tags=["server", "async"], result="res::rescode")
    async def restart_kindly(self, delay: Seconds, announcement: str) -> None:
        """Tell everybody who is connected, and all rooms, that the server restarts; wait; restart it.

        Nobody can log in meanwhile.

        Args:
            delay: for how long to wait, seconds.
            announcement: what to tell them.

        Example:
            restart_kindly 60 "The server will be away for a moment."
        """
        if not await self._announce_and_wait("restart", delay, announcement):
            raise CommandFailed("the server stops, because somebody stopped it meanwhile")
        try:
            self._server.restart_soon()
        except CommandFailed:
            self._server.close_for("")
            raise

    @command(tags=["server"], result="res::rescode")
    async def evacuate_kindly(self, delay: Seconds, announcement: str) -> None:
        """Tell everybody who is connected, and all rooms, that their sessions end; wait; end them.

        The server goes on, but nobody can log in from the announcement on, until it restarts.

        Args:
            delay: for how long to wait, seconds.
            announcement: what to tell them.

        Example:
            evacuate_kindly 60 "The server will be moved in one minute."
        """
        if await self._announce_and_wait("stop", delay, announcement):
            for host in self._server.hosts.values():
                for session in list(host.sessions):
                    session.close(StreamError("system-shutdown", announcement))

    async def _announce_and_wait(self, what: str, delay: int, text: str) -> bool:
        """Whether nobody has stopped the server meanwhile."""
        self._server.close_for(text or f"the server will {what}")
        await self._announce(f"Server {what} in {delay} seconds!", text)
        return not await self._wait(delay)

    async def _announce(self, subject: str, text: str) -> None:
        for host in list(self._server.hosts.values()):
            told = [
                _message(host.jid, session.jid, "headline", {"subject": subject, "body": text})
                for session in host.sessions
            ]
            rooms = host.modules.get("muc")
            if isinstance(rooms, Muc):
                told += _to_rooms(rooms, f"{subject}\n{text}")
            for message in told:
                waiting = host.router.route(message)
                if waiting is not None:
                    await waiting

    async def _wait(self, delay: int) -> bool:
        """Wait so many seconds; whether somebody has stopped the server meanwhile."""
        end = time.monotonic() + delay
        while (left := end - time.monotonic()) > 0:
            report(round(delay - left), delay, "seconds until the end")
            if await self._server.stops_within(min(left, _STEP)):
                return True
        return False


def _to_rooms(rooms: Muc, text: str) -> Iterator[Message]:
    for room in rooms.rooms.values():
        for session in room.present:
            yield _message(room.jid, session, "groupchat", {"body": text})


def _message(sender: JID, to: JID, type_: str, texts: dict[str, str]) -> Message:
    message = Message(to, sender, {"type": type_})
    for name, text in texts.items():
        message.add(name, text=text)
    return message
