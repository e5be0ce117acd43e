"""Streams that broke and may be resumed by the server that had opened them (XEP-0198 §5)."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from burble.errors import StreamError
from burble.streams.servers.base import ServerStream
from burble.streams.servers.flow import Flow

__all__ = ["Suspended"]

# How many are kept; of more, the oldest are forgotten.
_MOST: Final = 1_000


@dataclass(slots=True)
class _Entry:
    stream: ServerStream
    flow: Flow
    until: float | None = None  # None while the stream lives


class Suspended:
    """The counters of streams that may be resumed, those that have not broken included."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def register(self, stream: ServerStream) -> str:
        """Make an id under which a stream can be resumed."""
        id = secrets.token_urlsafe(18)
        self._entries[id] = _Entry(stream, stream.flow)
        if len(self._entries) > _MOST:
            self._entries.popitem(last=False)
        return id

    def lost(self, stream: ServerStream, seconds: float) -> bool:
        """A stream is over; whether it may be resumed."""
        entry = self._entries.get(stream.flow.id)
        if entry is None or entry.stream is not stream:
            return False
        if stream.finished:
            del self._entries[stream.flow.id]
            return False
        entry.until = asyncio.get_running_loop().time() + seconds
        return True

    def take(self, stream: ServerStream, id: str) -> Flow | None:
        """The flow of that id, for a new stream of the same domains; the old one is closed."""
        entry = self._entries.get(id)
        if entry is None or (entry.stream.local, entry.stream.remote) != (stream.local, stream.remote):
            return None
        old = entry.stream
        if entry.until is None:
            entry.stream = stream  # so that it is not taken for lost
            old.close(StreamError("conflict", "resumed on another connection"))
        elif entry.until < asyncio.get_running_loop().time():
            del self._entries[id]
            return None
        entry.stream, entry.until = stream, None
        return entry.flow

    def clear(self) -> None:
        """Forget them all."""
        self._entries.clear()
