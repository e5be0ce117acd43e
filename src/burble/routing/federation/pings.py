"""Pings between servers (XEP-0199 §4.4): they tell what has arrived where stanzas are not counted."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from burble.jid import JID
from burble.namespaces import PING
from burble.stanza import Iq
from burble.streams.servers.base import ServerStream
from burble.xml import Element

__all__ = ["Pings"]


class Pings:
    """Pings that have not been answered."""

    def __init__(self) -> None:
        self._prefix = f"burble-{secrets.token_hex(8)}-"
        self._count = 0
        self._asked: dict[str, tuple[ServerStream, Callable[[], None]]] = {}

    def ask(self, stream: ServerStream, answered: Callable[[], None]) -> None:
        """Ping the peer of a stream: stanzas arrive in order, so that its answer tells of all before."""
        self._count += 1
        id = f"{self._prefix}{self._count}"
        self._asked[id] = (stream, answered)
        ping = Iq(JID.parse(stream.remote), JID.parse(stream.local), {"id": id, "type": "get"})
        ping.append(Element("ping", PING))
        stream.send_bytes(ping.to_peer())

    def answered(self, iq: Iq) -> bool:
        """Whether a request's answer is that of one of these; an error is as good as a result."""
        id = iq.attrs.get("id", "")
        if not id.startswith(self._prefix) or iq.type not in ("result", "error"):
            return False
        stream, answered = self._asked.get(id, (None, None))
        if stream is None or answered is None or iq.from_ != stream.remote:
            return False
        del self._asked[id]
        answered()
        return True

    def forget(self, stream: ServerStream) -> None:
        """A stream is over."""
        self._asked = {id: each for id, each in self._asked.items() if each[0] is not stream}
