"""What belongs into the archive of an account (XEP-0313 §5.1.1, XEP-0334)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from burble.namespaces import CHAT_MARKERS, CLIENT, CONFERENCE, HINTS, MUC_USER, RECEIPTS, RETRACT
from burble.stanza import Message

__all__ = ["Worth", "says_something", "worth"]

# What says something that another device of the account must know of, also without a body. Chat states are
# not here: who was typing when is of no use to anybody later.
_SAYS: Final = frozenset(
    {
        RECEIPTS,
        CHAT_MARKERS,
        CONFERENCE,
        MUC_USER,  # an invitation that a room hands on
        RETRACT,
        "urn:xmpp:message-correct:0",  # 0308
        "urn:xmpp:reactions:0",  # 0444
        "urn:xmpp:fasten:0",  # 0422
        "urn:xmpp:eme:0",  # 0380
        "jabber:x:encrypted",  # 0027
        "urn:xmpp:openpgp:0",  # 0373
        "eu.siacs.conversations.axolotl",  # 0384, as deployed
        "urn:xmpp:omemo:1",  # 0384
        "urn:xmpp:omemo:2",  # 0384
        "jabber:x:oob",  # 0066
        "urn:xmpp:sfs:0",  # 0447
        "urn:xmpp:reference:0",  # 0372
        "urn:xmpp:jingle-message:0",  # 0353
        "urn:xmpp:call-invites:0",  # 0482
    }
)


class Worth(IntEnum):
    """What a message is to an archive."""

    NOTHING = 0
    MESSAGE = 1
    #: A message that takes another back (XEP-0424).
    RETRACTION = 2


# Members of an enumeration take long to look up.
_NOTHING, _MESSAGE, _RETRACTION = Worth.NOTHING, Worth.MESSAGE, Worth.RETRACTION


def worth(message: Message) -> Worth:
    """Whether the archives of accounts keep a message.

    Not what a room says, which has an archive of its own; not errors; headlines only with the hint ``store``.
    """
    kind = message.attrs.get("type")
    if kind == "groupchat" or kind == "error":
        return _NOTHING
    return _found(message, kind != "headline")


def says_something(message: Message) -> bool:
    """Whether the archive of a room keeps a message that an occupant says to all."""
    return _found(message, True) is not _NOTHING


def _found(message: Message, wanted: bool) -> Worth:
    """What a message is worth.

    Args:
        message: the message.
        wanted: whether it is kept without asking to be.
    """
    found = _NOTHING
    for child in message.children:
        if isinstance(child, str):
            continue
        ns = child.ns
        if ns == CLIENT:
            if not found and (child.name == "body" or child.name == "subject"):
                found = _MESSAGE
        elif ns == HINTS:
            name = child.name
            if name == "no-store" or name == "no-permanent-store":
                return _NOTHING
            if name == "store":
                wanted = True
                found = found or _MESSAGE
        elif ns in _SAYS:
            if ns == RETRACT and child.name == "retract":
                found = _RETRACTION
            elif not found:
                found = _MESSAGE
    return found if wanted else _NOTHING
