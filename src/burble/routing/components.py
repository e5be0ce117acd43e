"""External components: domains that programs of their own serve (XEP-0114)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from burble.config import ComponentSettings
from burble.errors import StanzaError, StreamError
from burble.jid import JID
from burble.routing.events import ComponentConnected, ComponentGone
from burble.routing.hosts import Host
from burble.routing.router import DomainTaken, Router
from burble.stanza import Stanza
from burble.streams.component import ComponentStream, PeerStream
from burble.streams.parser import ParserLimits

__all__ = ["ComponentManager", "ExternalComponent"]

_log = logging.getLogger("burble.component")


class ExternalComponent:
    """One component, connected or not (`burble.streams.component.Component`).

    Args:
        domain: its domain.
        settings: what holds for it.
        router: carries its stanzas.
        changed: called when its first connection has come, and when its last is gone.

    Attributes:
        streams: its connections, the oldest first.
    """

    def __init__(
        self,
        domain: str,
        settings: ComponentSettings,
        router: Router,
        changed: Callable[[ExternalComponent], None],
    ) -> None:
        self.jid = JID.parse(domain)
        self.streams: list[PeerStream] = []
        self._router = router
        self._changed = changed
        self.configure(settings)

    def configure(self, settings: ComponentSettings) -> None:
        """Take settings; connections there are stay, unless they were made with another secret."""
        self.settings = settings
        self.limits = ParserLimits(stanza_bytes=settings.stanza_bytes)

    @property
    def secret(self) -> str:
        """What the component has to know."""
        return self.settings.secret

    # ---- its streams

    def make_room(self, stream: ComponentStream) -> None:
        """Let one more connection in, in place of the oldest where the settings say so.

        Raises:
            StreamError: conflict.
        """
        while len(self.streams) >= self.settings.connections:
            if self.settings.conflict == "refuse":
                raise StreamError("conflict", f"{self.jid} is connected already")
            self.streams[0].close(StreamError("conflict", "replaced by a newer connection"))

    def attach(self, stream: PeerStream) -> None:
        """Send stanzas through a stream, too."""
        self.streams.append(stream)
        if len(self.streams) == 1:
            self._changed(self)

    def detach(self, stream: PeerStream) -> None:
        """A stream is over."""
        self.streams.remove(stream)
        if not self.streams:
            self._changed(self)

    def close(self, error: StreamError) -> None:
        """End its connections."""
        for stream in list(self.streams):
            stream.close(error)

    # ---- stanzas

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Take a stanza from the component."""
        return self._router.route(stanza)

    def route(self, stanza: Stanza) -> None:
        """Take a stanza for the component; for `Router.register`.

        Raises:
            StanzaError: service-unavailable, to be tried again: it is not connected.
        """
        streams = self.streams
        if len(streams) == 1:
            streams[0].send_stanza(stanza)
        elif streams:
            self._stream_for(stanza).send_stanza(stanza)
        else:
            raise StanzaError("service-unavailable", f"{self.jid} is not connected now", "wait")

    def _stream_for(self, stanza: Stanza) -> PeerStream:
        """The stream for all that one account sends: when one comes or goes, only its accounts move.

        Each account weighs the streams for itself (rendezvous hashing), by their ids.
        """
        assert stanza.from_ is not None
        sender = stanza.from_.bare
        # The hash of a tuple does not mix enough: of three streams, one would be idle now and then.
        return max(self.streams, key=lambda stream: hash(sender + stream.id))


class ComponentManager:
    """All components of the server (`burble.streams.component.Components`).

    Args:
        router: where their domains are registered.
        hosts: the virtual hosts as they are when it is called; told of components that come and go.

    Attributes:
        components: them, by domain.
        paused: why none can connect for now; None where they can.
    """

    def __init__(self, router: Router, hosts: Callable[[], Iterable[Host]]) -> None:
        self.components: dict[str, ExternalComponent] = {}
        self.paused: StreamError | None = None
        self._router = router
        self._hosts = hosts

    def component(self, domain: str) -> ExternalComponent | None:
        """The component that owns a domain.

        Raises:
            StreamError: none can connect now.
        """
        if self.paused is not None:
            raise self.paused
        return self.components.get(domain)

    def drop(self, wanted: Mapping[str, ComponentSettings]) -> None:
        """Serve the components no longer that are not wanted any more."""
        gone = StreamError("host-gone", "this component is not in the settings any more")
        for domain in self.components.keys() - wanted.keys():
            component = self.components.pop(domain)
            self._router.unregister(domain)
            component.close(gone)

    def take(self, wanted: Mapping[str, ComponentSettings]) -> list[str]:
        """Serve the components that are wanted, as they are to be now.

        Returns:
            What could not be done, one sentence each.
        """
        problems = []
        for domain, settings in wanted.items():
            component = self.components.get(domain)
            if component is None:
                component = ExternalComponent(domain, settings, self._router, self._changed)
                try:
                    self._router.register(component.jid, component.route)
                except DomainTaken as error:
                    problems.append(f"the component {domain} can't be served: {error}")
                    continue
                self.components[domain] = component
            elif component.settings != settings:
                old = component.secret
                component.configure(settings)
                if old != component.secret:
                    component.close(StreamError("reset", "the secret has changed: connect again"))
        for problem in problems:
            _log.error("%s", problem)
        return problems

    def _changed(self, component: ExternalComponent) -> None:
        if component.streams:
            self._router.components.add(component.jid)
        else:
            self._router.components.discard(component.jid)
        for host in self._hosts():
            if component.streams:
                host.emit_soon(ComponentConnected(component.jid))
            else:
                host.emit_soon(ComponentGone(component.jid))
