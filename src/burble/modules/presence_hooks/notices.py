"""What is told: the names and the fields that Social Stream's `rest_api_client_script` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from burble.jid import JID
from burble.stanza import Presence

Name = Literal["setConnection", "unsetConnection", "setPresence", "unsetPresence", "resetConnection"]

#: Characters of a status text that are passed on: a program's environment has room for so many of any kind.
_STATUS_LENGTH: Final = 1000
_SHOWS: Final = frozenset({"away", "chat", "dnd", "xa"})


class NotTold(Exception):
    """Somebody could not be told now; the text says why."""


class Refused(NotTold):
    """Nor will they be if the same is said again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to an account.

    Attributes:
        name: ``setConnection``: a client connected; ``unsetConnection``: the last one is gone;
            ``setPresence``: the status changed; ``unsetPresence``: no connected client is available any more;
            ``resetConnection``: nobody is connected, because the module was only just loaded.
        host: the virtual host.
        jid: the account's bare JID; "" for ``resetConnection``.
        show: ``available``, ``away``, ``chat``, ``dnd`` or ``xa``; "" but for ``setPresence``.
        status: what the user says about it.
    """

    name: Name
    host: str
    jid: str = ""
    show: str = ""
    status: str = ""

    @property
    def social_status(self) -> str:
        """What Social Stream calls the status: the show value, ``chat`` where the client sent none."""
        return "chat" if self.show == "available" else self.show


def presence_notice(host: str, jid: JID, presence: Presence) -> Notice:
    """Tell an available presence."""
    show = presence.show.strip()
    status = presence.status[:_STATUS_LENGTH]
    return Notice("setPresence", host, jid.bare, show if show in _SHOWS else "available", status)
