"""A client comes back to its session (XEP-0198 §5)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from burble.errors import StreamError
from burble.modules.stream_management.managed import WRAP, ManagedSession
from burble.namespaces import STREAM_MANAGEMENT
from burble.routing.events import SessionResumed
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

_log = logging.getLogger("burble.c2s")

# Stanzas sent again before the next wait for the client.
_PAGE: Final = 100


class Resumption:
    """A session that may be resumed: send `element`, then `proceed`.

    Args:
        managed: the session.
        stream: its new stream.
        h: how many stanzas the client has received.

    Attributes:
        element: the ``<resumed/>``, to be sent as it is or inside SASL2's ``<success/>``.
    """

    def __init__(self, managed: ManagedSession, stream: C2SStream, h: int) -> None:
        self._managed = managed
        self._stream = stream
        self._h = h
        self.session = managed.session
        self.element = Element(
            "resumed", STREAM_MANAGEMENT, {"h": str(managed.handled & WRAP), "previd": managed.id}
        )

    async def proceed(self) -> None:
        """Carry the session on with its new stream, and send what the client has not received.

        Raises:
            StreamError: the session is over, or another stream has got it since.
        """
        managed, stream, session = self._managed, self._stream, self.session
        if not managed.may_go_on_with(stream):
            raise StreamError("conflict", "the session is not to be had any more")
        session.attach(stream)
        managed.connect(stream)
        stream.carry(session)
        managed.acknowledged(self._h)
        _log.info("%s resumed from %s", session.jid, stream.carrier.address)
        done = 0
        while entries := managed.queue[done : done + _PAGE]:
            stanzas = await managed.read(entries)
            if managed.stream is not stream:
                return
            for _, data in stanzas:
                stream.send_bytes(data)
            done += len(stanzas)
            if done < len(managed.queue):
                await stream.drain()
            if managed.stream is not stream:
                return
        managed.flow()
        await session.host.emit(SessionResumed(session))
