"""Somebody with an account on one of the servers: sends and expects XML, as a specification writes it."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import Self

from tests.client import CLIENT, Closed, ScriptedClient
from tests.federation.peers import Peer

PASSWORD = "Wherefore art thou?"
_TIMEOUT = 10.0
_SUBSCRIPTION = frozenset({"subscribe", "subscribed", "unsubscribe", "unsubscribed"})
_numbers = itertools.count(1)


class Person(ScriptedClient):
    """A client of an account of its own.

    Args:
        name: the beginning of the account's name; a number makes it the only one of its name.
        peer: the server.
    """

    def __init__(self, name: str, peer: Peer) -> None:
        super().__init__(peer.port, peer.domain)
        self.peer = peer
        self.name = f"{name}{next(_numbers)}"
        self.address = f"{self.name}@{peer.domain}"

    async def register(self) -> None:
        """Make the account in band (XEP-0077)."""
        await self.connect()
        await self.open()
        answer = await self.ask(
            "set",
            f"<query xmlns='jabber:iq:register'><username>{self.name}</username>"
            f"<password>{PASSWORD}</password></query>",
        )
        assert answer.get("type") == "result", ET.tostring(answer)
        await self.close()

    async def log_in(self) -> Self:
        """Log in, fetch the roster, become available."""
        self.port = self.peer.port
        await self.connect()
        await self.login(self.name, PASSWORD, "mobile")
        await self.ask("get", "<query xmlns='jabber:iq:roster'/>")
        self.write("<presence/>")
        await self.gets("presence", self.jid)
        return self

    async def log_out(self) -> None:
        """Become unavailable, and leave; the server has done all that follows from that."""
        self.write("<presence type='unavailable'/></stream:stream>")
        try:
            while True:
                await self.next()
        except Closed:
            await self.close()

    async def gets(
        self, kind: str, sender: str, timeout: float = _TIMEOUT, **attributes: str | None
    ) -> ET.Element:
        """Wait for a stanza of that kind and sender, with just these attributes (a type of None is none).

        All else stays to be read, in order.
        """
        wanted = {"type": None, **attributes}
        # Prosody ends a subscription in the name of the resource that ended it, unlike RFC 6121 §3.
        by_bare_jid = wanted["type"] in _SUBSCRIPTION

        def fits(element: ET.Element) -> bool:
            from_ = element.get("from", "")
            return (
                element.tag == CLIENT + kind
                and (from_.partition("/")[0] if by_bare_jid else from_) == sender
                and all(element.get(name) == value for name, value in wanted.items())
            )

        try:
            return await self.find(fits, timeout)
        except TimeoutError:
            rest = [ET.tostring(element).decode() for element in self._arrived]
            raise TimeoutError(f"no {kind} of {sender} with {wanted}; instead {rest}") from None

    async def sees(self, contact: str, show: str) -> None:
        """Wait for a presence that shows just that."""

        def fits(element: ET.Element) -> bool:
            return (
                element.tag == f"{CLIENT}presence"
                and element.get("from") == contact
                and element.findtext(f"{CLIENT}show") == show
            )

        await self.find(fits, _TIMEOUT)

    async def says(self, to: str, body: str, type: str = "chat") -> None:
        """Send a message."""
        self.write(f"<message to='{to}' type='{type}'><body>{body}</body></message>")

    async def hears(self, sender: str, body: str, type: str = "chat") -> ET.Element:
        """Wait for a message that says just that."""
        message = await self.gets("message", sender, type=type)
        assert message.findtext(f"{CLIENT}body") == body, ET.tostring(message)
        return message

    async def subscription(self, contact: str) -> str:
        """What the roster, as the server tells it now, says of a contact; empty where it says nothing."""
        answer = await self.ask("get", "<query xmlns='jabber:iq:roster'/>")
        for item in answer.iter("{jabber:iq:roster}item"):
            if item.get("jid") == contact:
                return item.get("subscription", "") + ("+ask" if item.get("ask") else "")
        return ""

    async def is_pushed(self, contact: str, subscription: str) -> None:
        """Wait until the roster says that of a contact; the server pushes each change (RFC 6121 §2.1.6)."""

        def fits(element: ET.Element) -> bool:
            item = element.find("{jabber:iq:roster}query/{jabber:iq:roster}item")
            if element.get("type") != "set" or item is None or item.get("jid") != contact:
                return False
            return item.get("subscription") == subscription

        push = await self.find(fits, _TIMEOUT)
        self.write(f"<iq type='result' id='{push.get('id')}'/>")
