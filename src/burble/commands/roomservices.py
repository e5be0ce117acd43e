"""What the commands about rooms have in common: chat services, and the names of rooms."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

from burble.commands.base import Administered
from burble.config.fields import expected
from burble.jid import JID, JIDError
from burble.module import CommandFailed
from burble.modules.muc import Muc

__all__ = ["ALL", "RoomName", "chat_service", "chat_services"]

ALL: Final = "global"
"""Stands for all chat services, where a command takes several."""


def _room(text: str) -> str:
    try:
        local = JID.build(text, "conference.localhost").local
    except JIDError:
        local = ""
    if not local:
        raise expected('the name of a room such as "balcony", without its domain')
    return local


RoomName = Annotated[str, AfterValidator(_room)]
"""A room's localpart, prepared."""


def chat_service(server: Administered, name: str) -> Muc:
    """The chat service of a domain; that of a host by the host's name, too, as ejabberd 2 had it.

    Raises:
        CommandFailed: there is none.
    """
    services = _services(server)
    host = server.hosts.get(name)
    own = host.modules.get(Muc.name) if host is not None else None
    found = services.get(name) or (own if isinstance(own, Muc) else None)
    if found is None:
        raise CommandFailed(f"there is no chat service {name}; there are {', '.join(services) or 'none'}")
    return found


def chat_services(server: Administered, name: str) -> list[Muc]:
    """The chat service of a domain, or all of them by `ALL`.

    Raises:
        CommandFailed: there is none.
    """
    return list(_services(server).values()) if name == ALL else [chat_service(server, name)]


def _services(server: Administered) -> dict[str, Muc]:
    modules = (host.modules.get(Muc.name) for host in server.hosts.values())
    return {module.service.jid: module for module in modules if isinstance(module, Muc)}
