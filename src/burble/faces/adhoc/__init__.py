"""Commands of the registry as ad-hoc commands (XEP-0050), and those of service administration (XEP-0133)."""

from __future__ import annotations

from functools import partial

from burble.commands import Registry
from burble.commands.base import Administered
from burble.faces.adhoc.administration import Administration
from burble.faces.adhoc.api import ApiCommands
from burble.modules.adhoc import CommandsRequested
from burble.routing.hosts import Host

__all__ = ["AdhocFace"]


class AdhocFace:
    """Offers commands to those who may call them, on each host that loads the module `adhoc`.

    Args:
        server: whose commands.
        registry: they.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self._administration = Administration(server, registry)
        self._api = ApiCommands(server, registry)

    def attach(self, host: Host) -> None:
        """Offer them on a host, as long as it is there."""
        host.hooks.on(CommandsRequested, partial(self._offer, host))

    def _offer(self, host: Host, event: CommandsRequested) -> None:
        self._administration.offer(host, event)
        self._api.offer(host, event)
