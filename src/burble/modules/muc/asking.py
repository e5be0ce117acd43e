"""How often a room hands on what somebody asks of others (XEP-0045 §14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.muc.room import Room

__all__ = ["as_many_as_may", "may_ask"]

#: Voice and membership are asked for by accounts, of those who run the room; accounts are asked to come by an
#: invitation, or because they are members now (clients of admins do both, one after the other).
Matter = Literal["voice", "membership", "invitation", "welcome"]

# Seconds between two requests for one account, which also is how long a request counts.
_INTERVAL: Final = 60
# How many requests in one matter may count at a time.
_MOST: Final = 60


def may_ask(room: Room, matter: Matter, accounts: Iterable[JID], now: float) -> None:
    """Check that something may be asked now, and note that it is.

    What is asked reaches people wherever they are, and is kept for when they are away: a room must be no way
    to flood them.

    Args:
        room: the room.
        matter: what is asked.
        accounts: by whom, or who is asked to come; bare JIDs.
        now: the time, seconds since the epoch.

    Raises:
        StanzaError: policy-violation, where too much was asked just now for that.
    """
    accounts = dict.fromkeys(accounts)
    if len(_free(room, matter, accounts, now)) < len(accounts):
        raise StanzaError("policy-violation", f"ask again in {_INTERVAL} seconds", "wait")
    _note(room, matter, accounts, now)


def as_many_as_may(room: Room, matter: Matter, accounts: Iterable[JID], now: float) -> set[JID]:
    """Those for whom something may be asked now, which is noted; see `may_ask`."""
    free = _free(room, matter, dict.fromkeys(accounts), now)
    _note(room, matter, free, now)
    return set(free)


def _free(room: Room, matter: Matter, accounts: Iterable[JID], now: float) -> list[JID]:
    asked = room.asked
    while asked:
        first = next(iter(asked))
        if now - asked[first] < _INTERVAL:
            break
        del asked[first]
    left = _MOST - sum(what == matter for what, _ in asked)
    return [account for account in accounts if (matter, account) not in asked][:left]


def _note(room: Room, matter: Matter, accounts: Iterable[JID], now: float) -> None:
    for account in accounts:
        room.asked[matter, account] = now
