"""XEP-0199: answer pings."""

from __future__ import annotations

from burble.module import Module, iq
from burble.namespaces import PING
from burble.stanza import Iq


class Ping(Module):
    """Answers pings to the server and, on its owner's behalf, to an account (XEP-0199 §4.1, §4.2)."""

    features = (PING,)

    @iq(PING, "ping", type="get")
    @iq(PING, "ping", to="account", type="get")
    def pong(self, request: Iq) -> None:
        """Answer with an empty result."""
