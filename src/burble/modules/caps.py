"""XEP-0115: let a client know by a hash what the server can do, so that it need not ask again."""

from __future__ import annotations

from typing import Final

from burble.module import Module, on
from burble.modules.disco import Disco
from burble.namespaces import CAPS
from burble.routing.events import ModulesChanged, NodeInfoRequested, StreamFeatures
from burble.xml import Element

#: The URI that stands for this software (§4).
NODE: Final = "urn:burble"


class Caps(Module):
    """Puts the hash of the server's disco#info into the stream features, and answers for its node."""

    features = (CAPS,)
    requires = ("disco",)

    async def start(self) -> None:
        """The hash is made when it is first needed: other modules are still to be loaded."""
        self._element: Element | None = None

    @on(ModulesChanged)
    def forget(self, event: ModulesChanged) -> None:
        """Another set of modules has another hash."""
        self._element = None

    def element(self) -> Element:
        """The ``<c/>`` of the server (§4), made once for each set of modules."""
        if self._element is None:
            ver = self.require(Disco).describe().server.verification_string()
            self._element = Element("c", CAPS, {"hash": "sha-1", "node": NODE, "ver": ver})
        return self._element

    @on(StreamFeatures)
    def announce(self, event: StreamFeatures) -> None:
        """Add the server's capabilities once the client has logged in and may ask for them (§6.3)."""
        if event.stream.login is not None:
            event.features.append(self.element())

    @on(NodeInfoRequested)
    def explain(self, event: NodeInfoRequested) -> None:
        """Tell what the hash stands for (§6.2)."""
        if event.request.to == self.host.jid and event.node == f"{NODE}#{self.element().get('ver')}":
            event.info = self.require(Disco).describe().server
            event.stop()
