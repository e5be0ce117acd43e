"""RFC 3921 §3: the session request of old clients, which means nothing any more but must be answered."""

from __future__ import annotations

from burble.module import Module, iq, on
from burble.namespaces import SESSION
from burble.routing.events import StreamFeatures
from burble.stanza import Iq
from burble.xml import Element


class LegacySession(Module):
    """Lets clients that were written for RFC 3921 log in, and tells newer ones not to ask."""

    @on(StreamFeatures, priority=10)
    def announce(self, event: StreamFeatures) -> None:
        """Offer it together with the resource, as optional."""
        if event.stream.login is not None:
            event.features.append(Element("session", SESSION, None, Element("optional", SESSION)))

    @iq(SESSION, "session", type="set")
    @iq(SESSION, "session", to="account", type="set")
    def begin(self, request: Iq) -> None:
        """Answer with an empty result: the session began when the resource was bound."""
