"""How often somebody may ask those who run a room for something (XEP-0045 §13.1)."""

from __future__ import annotations

from typing import Final

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.room import Room

__all__ = ["may_ask"]

# Seconds between two requests of one account, which also is how long a request counts.
_INTERVAL: Final = 60
# How many requests of all accounts may count at a time.
_MOST: Final = 60


def may_ask(room: Room, what: str, account: JID, now: float) -> None:
    """Check that an account may ask now, and note that it does.

    Whoever answers gets each request, wherever they are, and kept for when they are away: it must be no way
    to flood them.

    Args:
        room: the room.
        what: what is asked for, such as ``voice``.
        account: who asks, a bare JID.
        now: the time, seconds since the epoch.

    Raises:
        StanzaError: policy-violation, where it or others have asked too much just now.
    """
    asked = room.asked
    while asked:
        first = next(iter(asked))
        if now - asked[first] < _INTERVAL:
            break
        del asked[first]
    if (what, account) in asked or len(asked) >= _MOST:
        raise StanzaError("policy-violation", f"ask again in {_INTERVAL} seconds", "wait")
    asked[what, account] = now
