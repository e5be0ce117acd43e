"""A scripted component: sends and expects XML, as XEP-0114 writes it."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from typing import Self

from burble.server import Server
from tests.client import STREAMS, ScriptedClient

COMPONENT = "{jabber:component:accept}"
SECRET = "wherefore"


def port_for_components(server: Server) -> int:
    """The port of the server's first listener for components."""
    return int(server.listening["components"][0].rpartition(":")[2])


class ScriptedComponent(ScriptedClient):
    """One connection of a component."""

    async def open_stream(self, ns: str = "jabber:component:accept", to: str | None = "") -> str:
        """Send a header as §3 has it; returns the id of the server's header."""
        self.restart()
        target = "" if to is None else f" to='{to or self.domain}'"
        self.write(f"<stream:stream xmlns='{ns}' xmlns:stream='{STREAMS[1:-1]}'{target}>")
        while self.header is None:
            self._feed(await self.reader.read(65536))
        return self.header.get("id", "")

    def shake(self, id_: str, secret: str = SECRET) -> None:
        """Send the handshake."""
        self.write(f"<handshake>{hashlib.sha1((id_ + secret).encode()).hexdigest()}</handshake>")

    async def attach(self, secret: str = SECRET) -> Self:
        """Open the stream and do the handshake."""
        self.shake(await self.open_stream(), secret)
        answer = await self.next()
        assert answer.tag == f"{COMPONENT}handshake", ET.tostring(answer)
        assert not answer.text
        return self

    async def sync(self) -> None:
        """Wait until the server has handled all that this component sent."""
        id_ = f"q{next(self._ids)}"
        self.write(f"<iq type='get' id='{id_}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        await self.find(lambda e: e.get("id") == id_)

    def restart(self) -> None:
        """Expect a new stream."""
        super().restart()
        self.header = None


def condition_of(stanza: ET.Element) -> str:
    """The condition of an error stanza in a component's stream."""
    error = stanza.find(f"{COMPONENT}error")
    assert error is not None, ET.tostring(stanza)
    return next(child.tag.rpartition("}")[2] for child in error if not child.tag.endswith("}text"))
