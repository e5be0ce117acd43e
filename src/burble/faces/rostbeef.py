"""The XML-RPC calls of mod_rostbeef, an old module for ejabberd, which web sites link contacts with.

The commands are Burble's own; what is here is how mod_rostbeef spells their arguments, types their results
and reports their errors: a call that returns an integer returns the XEP-0086 code of the error, the others
answer with a fault of that code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from burble.commands.rosters import Contact, ContactWithPresence

__all__ = ["INTEGERS", "is_rostbeef", "shaped"]

INTEGERS: Final = frozenset({"link_contacts", "unlink_contacts", "send_stanza"})
"""The calls that return 0, or the code of an error."""


def is_rostbeef(name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a call is one of mod_rostbeef's.

    ejabberd has some by the same names, with ``host`` where mod_rostbeef has ``server``.
    """
    return name in INTEGERS or (name in _SHAPES and "host" not in arguments)


def shaped(name: str, result: Any) -> Any:
    """A command's result as mod_rostbeef types it."""
    return 0 if name in INTEGERS else _SHAPES[name](result)


def _roster(contacts: list[Contact]) -> list[dict[str, str]]:
    return [row for contact in contacts for row in _rows(contact)]


def _roster_with_presence(contacts: list[ContactWithPresence]) -> list[dict[str, str]]:
    return [
        row | {"resource": contact.resource, "show": contact.show, "status": contact.status}
        for contact in contacts
        for row in _rows(contact)
    ]


def _rows(contact: Contact) -> list[dict[str, str]]:
    """A contact, once for each of its groups, since there is room for only one."""
    row = {
        "jid": contact.jid,
        "nick": contact.nick,
        "subscription": contact.subscription,
        # A request of each side is none but theirs: the one that the user can answer is shown.
        "pending": "in" if contact.pending == "both" else contact.pending,
    }
    return [row | {"group": group} for group in contact.groups or [""]]


_SHAPES: Final[dict[str, Callable[[Any], Any]]] = {
    "get_roster": _roster,
    "get_roster_with_presence": _roster_with_presence,
    "get_presence": asdict,
    "get_resources": list,
}
