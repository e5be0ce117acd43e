"""Burble: an XMPP server for people who live in Python.

What authors of modules need is here by short names; what embeds a server is `Server` and `Settings`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from burble.config import Settings
    from burble.errors import StanzaError, StreamError
    from burble.jid import JID
    from burble.module import CommandFailed, Module, command, iq, nonza, on
    from burble.routing.events import (
        AccountRegistered,
        AccountRemoved,
        BecomingAvailable,
        MessageUndelivered,
        PresenceReceived,
        PresenceSent,
        RequestBeforeLogin,
        SessionClosed,
        SessionOpened,
        StanzaReceived,
        StanzaSent,
        StreamFeatures,
        UserAvailable,
        UserUnavailable,
    )
    from burble.server import Server
    from burble.stanza import Iq, Message, Presence, Stanza
    from burble.xml import Element

_HOMES = {
    "burble.config": ("Settings",),
    "burble.errors": ("StanzaError", "StreamError"),
    "burble.jid": ("JID",),
    "burble.module": ("CommandFailed", "Module", "command", "iq", "nonza", "on"),
    "burble.routing.events": (
        "AccountRegistered",
        "AccountRemoved",
        "BecomingAvailable",
        "MessageUndelivered",
        "PresenceReceived",
        "PresenceSent",
        "RequestBeforeLogin",
        "SessionClosed",
        "SessionOpened",
        "StanzaReceived",
        "StanzaSent",
        "StreamFeatures",
        "UserAvailable",
        "UserUnavailable",
    ),
    "burble.server": ("Server",),
    "burble.stanza": ("Iq", "Message", "Presence", "Stanza"),
    "burble.xml": ("Element",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "JID",
    "AccountRegistered",
    "AccountRemoved",
    "BecomingAvailable",
    "CommandFailed",
    "Element",
    "Iq",
    "Message",
    "MessageUndelivered",
    "Module",
    "Presence",
    "PresenceReceived",
    "PresenceSent",
    "RequestBeforeLogin",
    "Server",
    "SessionClosed",
    "SessionOpened",
    "Settings",
    "Stanza",
    "StanzaError",
    "StanzaReceived",
    "StanzaSent",
    "StreamError",
    "StreamFeatures",
    "UserAvailable",
    "UserUnavailable",
    "__version__",
    "command",
    "iq",
    "nonza",
    "on",
]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: `burblectl` and `burble --version` should not wait for a whole server.
    if name not in _HOME:
        raise AttributeError(f"module 'burble' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
