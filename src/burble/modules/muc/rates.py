"""How fast an occupant may speak and change its presence, where the service sets a least time between."""

from __future__ import annotations

from collections import OrderedDict

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.room import Room
from burble.stanza import Message, Presence, Stanza


class Rates:
    """When each client last did something, as long as that counts.

    Args:
        messages: the least time between two messages of a client in a room, seconds; 0 for none.
        presences: that between two of its presences.
    """

    def __init__(self, messages: float, presences: float) -> None:
        self._intervals = {"message": messages, "presence": presences}
        self._any = bool(messages or presences)
        self._longest = max(messages, presences)
        # In the order of the times, so that those which count no more are the first.
        self._last: OrderedDict[tuple[str, JID, JID], float] = OrderedDict()

    def check(self, room: Room, stanza: Stanza, now: float) -> None:
        """Note that a client does something.

        Args:
            room: where.
            stanza: what; only messages and presence changes of its occupants count.
            now: the time, seconds since the epoch.

        Raises:
            StanzaError: policy-violation, where it is too soon; that does not count as done.
        """
        if not self._any or stanza.from_ not in room.present:
            return
        if not (stanza.type == "" if isinstance(stanza, Presence) else isinstance(stanza, Message)):
            return
        interval = self._intervals[stanza.kind]
        if not interval or stanza.type == "error" or stanza.from_ is None:
            return
        last = self._last
        while last and next(iter(last.values())) <= now - self._longest:
            last.popitem(last=False)
        key = (stanza.kind, room.jid, stanza.from_)
        if now - last.get(key, 0) < interval:
            raise StanzaError("policy-violation", f"wait {interval:g} seconds between two of these", "wait")
        last[key] = now
        last.move_to_end(key)
