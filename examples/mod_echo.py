"""`mod_echo` of the ejabberd developers' guide (§8.2): a service that sends back what it is sent."""

from __future__ import annotations

from collections.abc import Awaitable

from burble import JID, Module, Stanza
from burble.module import ModuleSettings


class Echo(Module):
    """A service with a domain of its own."""

    name = "echo"

    class Settings(ModuleSettings):
        """Where it is."""

        #: The service's domain; "" is ``echo.`` before the host's.
        host: str = ""

    async def start(self) -> None:
        """Serve the domain."""
        self.jid = JID.parse(self.settings.host or f"echo.{self.host.name}")
        self.host.router.register(self.jid.domain, self.receive)

    async def stop(self) -> None:
        """Serve it no longer."""
        self.host.router.unregister(self.jid.domain)

    async def configure(self, settings: ModuleSettings) -> None:
        """Move where the options say so."""
        await self.stop()
        await super().configure(settings)
        await self.start()

    def receive(self, stanza: Stanza) -> Awaitable[None] | None:
        """Send a stanza back; but no error, which two services would pass on to each other for ever."""
        if stanza.type == "error":
            return None
        return self.host.router.route(stanza.readdressed(stanza.from_, stanza.to))
