"""Delayed delivery (XEP-0203): when a stanza that was kept for later was first sent."""

from __future__ import annotations

from datetime import datetime

from burble.jid import JID
from burble.namespaces import DELAY
from burble.timestamps import format_stamp
from burble.xml import Element

__all__ = ["delay"]


def delay(moment: datetime, by: JID, reason: str = "") -> Element:
    """The ``<delay/>`` that whoever kept a stanza adds to it before delivering it (§2).

    Args:
        moment: when the stanza was sent, with a time zone; the stamp is in UTC.
        by: who kept it: the server, an account, a room.
        reason: why, for people.

    Raises:
        ValueError: the moment has no time zone.
    """
    element = Element("delay", DELAY, {"from": by, "stamp": format_stamp(moment)})
    if reason:
        element.append(reason)
    return element
