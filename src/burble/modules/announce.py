"""Announcements to all, the message of the day, the welcome to new accounts (XEP-0133 §4.23 to §4.28).

An announcement to those who are online is a headline, which nobody keeps; what everybody is to read sooner or
later is a normal message, which is kept for those who are offline.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, select

from burble.jid import JID
from burble.module import CommandFailed, Module, command, on
from burble.routing.events import AccountRegistered, BecomingAvailable
from burble.routing.session import Session
from burble.stanza import Message
from burble.storage import upsert
from burble.storage.schema import announcements, announcements_seen

__all__ = ["Announce", "Announcement"]

_MOTD: Final = "motd"
_WELCOME: Final = "welcome"

_READ = select(announcements).where(announcements.c.host == bindparam("host"))
_STORE = upsert(announcements)
_DELETE = delete(announcements).where(
    announcements.c.host == bindparam("of_host"), announcements.c.kind == bindparam("of_kind")
)
_SEEN = select(announcements_seen.c.number).where(
    announcements_seen.c.host == bindparam("host"), announcements_seen.c.user == bindparam("user")
)
_NOTE_SEEN = upsert(announcements_seen)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced.

    Attributes:
        subject: may be empty.
        body: the text.
    """

    subject: str
    body: str

    def to(self, to: JID, host: JID, type: str) -> Message:
        """The message to somebody."""
        message = Message(to, host, {"type": type})
        if self.subject:
            message.add("subject", text=self.subject)
        message.add("body", text=self.body)
        return message


class Announce(Module):
    """Announces, and remembers who was shown the message of the day."""

    async def start(self) -> None:
        """Read what there is to say."""
        rows = await self.host.database.fetch(_READ, {"host": self.host.name})
        self._standing = {row.kind: (row.number, Announcement(row.subject, row.body)) for row in rows}

    # ---- commands

    @command(tags=["announce"], result="res::rescode")
    async def announce_send_all(self, host: str, subject: str, body: str) -> None:
        """Send an announcement to all accounts of a host; it is kept for those who are offline.

        Args:
            host: a domain served here.
            subject: may be empty.
            body: the text.

        Example:
            announce_send_all localhost Maintenance "The server is down from noon to one."
        """
        said = _said(subject, body)
        async for user in self.host.authenticator.users():
            await self._route(said.to(JID.build(user, self.host.name), self.host.jid, "normal"))

    @command(tags=["announce"], result="res::rescode")
    async def announce_send_online(self, host: str, subject: str, body: str) -> None:
        """Send an announcement to every session of a host.

        Args:
            host: a domain served here.
            subject: may be empty.
            body: the text.

        Example:
            announce_send_online localhost Maintenance "The server is down in five minutes."
        """
        await self._tell_online(_said(subject, body))

    @command(tags=["announce"], safe=True, result="motd::(subject::string, body::string)")
    def announce_motd_get(self, host: str) -> Announcement:
        """Tell the message of the day.

        Args:
            host: a domain served here.

        Returns:
            Its subject and its text, empty where there is none.

        Example:
            announce_motd_get localhost
        """
        return self._get(_MOTD)

    @command(tags=["announce"], result="res::rescode")
    async def announce_motd_set_online(self, host: str, subject: str, body: str) -> None:
        """Set the message of the day: whoever is online gets it now, the others when they log in next.

        Args:
            host: a domain served here.
            subject: may be empty.
            body: the text.

        Example:
            announce_motd_set_online localhost News "There are rooms now."
        """
        said = _said(subject, body)
        number = await self._set(_MOTD, said, time.time_ns() // 1000)
        await self._tell_online(said)
        for user, account in self.host.sessions.accounts.items():
            if not any(session.anonymous for session in account.sessions.values()):
                self._note_seen(user, number)

    @command(tags=["announce"], result="res::rescode")
    async def announce_motd_update(self, host: str, subject: str, body: str) -> None:
        """Change the message of the day without sending it: only those see it who have not seen it before.

        Args:
            host: a domain served here.
            subject: may be empty.
            body: the text.

        Example:
            announce_motd_update localhost News "There are rooms now, and hats."
        """
        number, _ = self._standing.get(_MOTD, (time.time_ns() // 1000, None))
        await self._set(_MOTD, _said(subject, body), number)

    @command(tags=["announce"], result="res::rescode")
    async def announce_motd_delete(self, host: str) -> None:
        """Delete the message of the day.

        Args:
            host: a domain served here.

        Example:
            announce_motd_delete localhost
        """
        await self._delete(_MOTD)

    @command(tags=["announce"], safe=True, result="welcome::(subject::string, body::string)")
    def announce_welcome_get(self, host: str) -> Announcement:
        """Tell the welcome that new accounts get.

        Args:
            host: a domain served here.

        Returns:
            Its subject and its text, empty where there is none.

        Example:
            announce_welcome_get localhost
        """
        return self._get(_WELCOME)

    @command(tags=["announce"], result="res::rescode")
    async def announce_welcome_set(self, host: str, subject: str, body: str) -> None:
        """Set the welcome that every new account gets when it first logs in.

        Args:
            host: a domain served here.
            subject: may be empty.
            body: the text.

        Example:
            announce_welcome_set localhost Welcome "Good to have you here."
        """
        await self._set(_WELCOME, _said(subject, body), time.time_ns() // 1000)

    @command(tags=["announce"], result="res::rescode")
    async def announce_welcome_delete(self, host: str) -> None:
        """Welcome new accounts no longer.

        Args:
            host: a domain served here.

        Example:
            announce_welcome_delete localhost
        """
        await self._delete(_WELCOME)

    # ---- what stands

    def _get(self, kind: str) -> Announcement:
        return self._standing[kind][1] if kind in self._standing else Announcement("", "")

    async def _set(self, kind: str, said: Announcement, number: int) -> int:
        row = {
            "host": self.host.name,
            "kind": kind,
            "number": number,
            "subject": said.subject,
            "body": said.body,
        }
        await self.host.database.execute(_STORE, row)
        self._standing[kind] = number, said
        return number

    async def _delete(self, kind: str) -> None:
        await self.host.database.execute(_DELETE, {"of_host": self.host.name, "of_kind": kind})
        self._standing.pop(kind, None)

    # ---- showing it

    @on(AccountRegistered, priority=-100)  # when all else has forgotten an earlier account of the name
    async def welcome(self, event: AccountRegistered) -> None:
        """Welcome a new account; the message is kept until it first logs in."""
        if _WELCOME in self._standing:
            await self._route(self._get(_WELCOME).to(event.jid, self.host.jid, "normal"))

    @on(BecomingAvailable)
    def show_motd(self, event: BecomingAvailable) -> Awaitable[None] | None:
        """Show the message of the day to who has not seen it."""
        return self._show_motd(event.session) if _MOTD in self._standing else None

    async def _show_motd(self, session: Session) -> None:
        number, said = self._standing[_MOTD]
        if not session.anonymous:
            database = self.host.database
            await database.batch.flush()
            seen = await database.fetch_one(_SEEN, {"host": self.host.name, "user": session.user})
            if seen is not None and seen.number == number:
                return
            self._note_seen(session.user, number)
        await self._route(said.to(session.jid, self.host.jid, "headline"))

    def _note_seen(self, user: str, number: int) -> None:
        row = {"host": self.host.name, "user": user, "number": number}
        self.host.database.batch.add(_NOTE_SEEN, row)

    async def _tell_online(self, said: Announcement) -> None:
        for session in list(self.host.sessions):
            await self._route(said.to(session.jid, self.host.jid, "headline"))

    async def _route(self, message: Message) -> None:
        waiting: Any = self.host.router.route(message)
        if waiting is not None:
            await waiting


def _said(subject: str, body: str) -> Announcement:
    if not body.strip():
        raise CommandFailed("there is nothing to say: the body is empty")
    return Announcement(subject, body)
