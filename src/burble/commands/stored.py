"""Commands about what is stored for accounts beside their contacts: private XML, last logouts, messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from burble.commands.base import Administered, account_host, module_on
from burble.errors import StanzaError
from burble.module import command
from burble.modules.last import LastActivity, Logout
from burble.modules.offline import Offline
from burble.modules.private import PrivateXml
from burble.timestamps import format_stamp
from burble.xml import Element, parse_element


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When an account was connected last.

    Attributes:
        timestamp: the time, as XEP-0082 writes it; now, where it is connected or never was.
        status: what it said then; ``ONLINE`` where it is connected, ``NOT FOUND`` where it never was.
    """

    timestamp: str
    status: str


class StoredCommands:
    """The commands about what is stored for accounts.

    Args:
        server: whose accounts'.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["private"], safe=True, result="res::string")
    async def private_get(self, user: str, host: str, element: str, ns: str) -> str:
        """Tell what an account keeps in its private XML (XEP-0049).

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            element: the name of the element.
            ns: its namespace.

        Returns:
            The element; an empty one where nothing is kept.

        Example:
            private_get juliet localhost storage storage:bookmarks
        """
        module = module_on(await account_host(self._server, user, host), PrivateXml)
        try:
            empty = parse_element(Element(element, ns).to_bytes())
        except ValueError as error:
            raise StanzaError("bad-request", f"that is the name of no element: {error}") from None
        if (empty.name, empty.ns) != (element, ns):
            raise StanzaError("bad-request", "that is the name of no element")
        return (await module.find(user, ns, element) or empty).to_string()

    @command(tags=["private"], result="res::rescode")
    async def private_set(self, user: str, host: str, element: str) -> None:
        """Keep an element in the private XML of an account (XEP-0049).

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            element: the element, with a namespace, as XML.

        Example:
            private_set juliet localhost "<storage xmlns='storage:bookmarks'/>"
        """
        module = module_on(await account_host(self._server, user, host), PrivateXml)
        try:
            made = parse_element(element)
        except ValueError as error:
            raise StanzaError("bad-request", f"the element is {error}") from None
        if not made.ns:
            raise StanzaError("not-acceptable", "the element needs a namespace of its own")
        await module.store(user, [made])

    @command(tags=["last"], safe=True, result="last_activity::(timestamp::string, status::string)")
    async def get_last(self, user: str, host: str) -> LastSeen:
        """Tell when an account was connected last.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            The time, and what the account said then; the status is ``ONLINE`` where it is connected, and
            ``NOT FOUND`` where it never was.

        Example:
            get_last juliet localhost
        """
        there = await account_host(self._server, user, host)
        if there.sessions.of(user):
            return LastSeen(_stamp(time.time()), "ONLINE")
        last = await module_on(there, LastActivity).of(user)
        return (
            LastSeen(_stamp(time.time()), "NOT FOUND")
            if last is None
            else LastSeen(_stamp(last.seconds), last.status)
        )

    @command(tags=["last"], result="res::rescode")
    async def set_last(
        self,
        user: str,
        host: str,
        timestamp: Annotated[int, Field(ge=0, le=253_402_300_799)],
        status: str,
    ) -> None:
        """Note when an account was connected last.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            timestamp: the time, seconds since 1970.
            status: what it said then.

        Example:
            set_last juliet localhost 1500045311 "Gone to bed"
        """
        there = await account_host(self._server, user, host)
        await module_on(there, LastActivity).store(user, Logout(timestamp, status))

    @command(tags=["offline"], safe=True, result="value::integer")
    async def get_offline_count(self, user: str, host: str) -> int:
        """Count the messages that are kept for an account until it connects.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.

        Returns:
            How many there are.

        Example:
            get_offline_count juliet localhost
        """
        return module_on(await account_host(self._server, user, host), Offline).kept(user)


def _stamp(seconds: float) -> str:
    return format_stamp(datetime.fromtimestamp(seconds, UTC))
