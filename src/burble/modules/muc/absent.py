"""Telling of what members miss who have registered with a room, and are not in it (XEP-0045 §7.10)."""

from __future__ import annotations

from collections.abc import Sequence

from burble.modules.muc.room import Room
from burble.routing.events import RoomMessage
from burble.routing.hosts import Host
from burble.stanza import Message, Stanza

__all__ = ["tell_absent"]


def tell_absent(host: Host, room: Room, out: Sequence[Stanza]) -> None:
    """Emit `RoomMessage` where members miss something.

    Args:
        host: the room's.
        room: the room.
        out: what it has just sent.
    """
    if not (room.nicks and out and host.hooks.wanted(RoomMessage)):
        return
    message = out[0]
    if not isinstance(message, Message) or message.type != "groupchat" or message.body is None:
        return
    there = {occupant.account for occupant in room.occupants.values()}
    absent = [jid for jid in room.nicks if jid not in there]
    if absent:
        host.hooks.emit(RoomMessage(message, absent))
