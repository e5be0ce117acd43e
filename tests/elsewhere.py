"""Other servers, played without streams: what is sent to their users, and what these send."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from burble.errors import StanzaError
from burble.server import Server
from burble.stanza import Stanza, parse_stanza
from tests.client import CLIENT

_TIMEOUT = 5.0


class Elsewhere:
    """All the servers that are not this one.

    It takes the place of the S2S manager, behind the router as that is, so that domains elsewhere are not
    among those served here.

    Attributes:
        unreachable: the domains that can't be reached, each with the condition that tells so.
        refused: what was for them, in order.
    """

    def __init__(self, server: Server) -> None:
        self.unreachable: dict[str, str] = {}
        self.refused: list[ET.Element] = []
        self._router = server.router
        self._arrived: asyncio.Queue[ET.Element] = asyncio.Queue()
        server.router._remote = self._take

    def _take(self, stanza: Stanza) -> None:
        assert stanza.to is not None
        told = _parsed(stanza)
        condition = self.unreachable.get(stanza.to.domain)
        if condition is not None:
            self.refused.append(told)
            raise StanzaError(condition, "it can't be reached")
        self._arrived.put_nowait(told)

    async def says(self, *stanzas: str) -> None:
        """Have somebody elsewhere send stanzas, and wait until they have been handled.

        Args:
            stanzas: with ``from`` and ``to``.
        """
        for text in stanzas:
            waiting = self._router.route(parse_stanza(text.encode()))
            if waiting is not None:
                await waiting

    async def next(self) -> ET.Element:
        """The next stanza for somebody elsewhere.

        Raises:
            TimeoutError: there was none in time.
        """
        async with asyncio.timeout(_TIMEOUT):
            return await self._arrived.get()

    async def ask(self, kind: str, payload: str, to: str, by: str) -> ET.Element:
        """Have somebody elsewhere send a request, and return its answer."""
        await self.says(f"<iq type='{kind}' id='ask' from='{by}' to='{to}'>{payload}</iq>")
        answer = await self.next()
        assert answer.tag == f"{CLIENT}iq", ET.tostring(answer)
        assert (answer.get("from"), answer.get("to"), answer.get("id")) == (to, by, "ask")
        return answer

    def heard(self) -> list[ET.Element]:
        """All that was sent to somebody elsewhere and not read yet."""
        return [self._arrived.get_nowait() for _ in range(self._arrived.qsize())]


def _parsed(stanza: Stanza) -> ET.Element:
    # With ElementTree, as a client of the tests does, so that a mistake in what is sent shows.
    stream: Iterable[ET.Element] = ET.fromstring(b"<x xmlns='jabber:client'>" + stanza.to_bytes() + b"</x>")
    (element,) = stream
    return element
