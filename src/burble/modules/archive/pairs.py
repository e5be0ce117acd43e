"""Whom a message went between, as a number to look for."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from burble.jid import JID

__all__ = ["pair"]


@lru_cache(4096)
def pair(one: JID, other: JID) -> int:
    """The number of two addresses, the same whichever comes first: what `archive_stanzas.pair` holds.

    Two pairs could have one number, though nobody will live to see it. Nothing depends on it but what a
    query for a correspondent finds, and only in archives that have it anyway.
    """
    text = f"{one}\n{other}" if one < other else f"{other}\n{one}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
