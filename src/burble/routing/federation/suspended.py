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
    pair: tuple[str, str]
    flow: Flow
    stream: ServerStream | None  # None where it has broken
    until: float = 0.0  # how long it may be resumed then
    withdrawn: bool = False  # it may not


class Suspended:
    """The counters of streams that may be resumed, those that have not broken included."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def register(self, stream: ServerStream) -> str:
        """Make an id under which a stream can be resumed."""
        id = secrets.token_urlsafe(18)
        self._entries[id] = _Entry((stream.local, stream.remote), stream.flow, stream)
        if len(self._entries) > _MOST:
            broken = (old for old, entry in self._entries.items() if entry.stream is None)
            del self._entries[next(broken, next(iter(self._entries)))]
        return id

    def lost(self, stream: ServerStream, seconds: float) -> bool:
        """A stream is over; whether its flow may be resumed, or has been."""
        entry = self._entries.get(stream.flow.id)
        if entry is None:
            return False
        if entry.stream is not stream:
            return True
        if stream.finished:
            del self._entries[stream.flow.id]
            return False
        entry.stream, entry.until = None, asyncio.get_running_loop().time() + seconds
        return True

    def take(self, stream: ServerStream, id: str) -> Flow | None:
        """The flow of that id, for a new stream of the same domains; the old one is closed."""
        entry = self._find(stream, id)
        if entry is None or entry.withdrawn:
            return None
        old = entry.stream
        if old is None and entry.until < asyncio.get_running_loop().time():
            return None
        entry.stream = stream
        if old is not None:
            old.close(StreamError("conflict", "resumed on another connection"))
        return entry.flow

    def taken(self, stream: ServerStream, id: str) -> int | None:
        """How many stanzas were taken on a flow of the same domains, which can't be resumed."""
        entry = self._find(stream, id)
        return entry.flow.handled if entry is not None else None

    def withdraw(self, flow: Flow) -> None:
        """A flow can't be resumed any more: what was not confirmed goes another way."""
        entry = self._entries.get(flow.id)
        if entry is not None:
            entry.withdrawn = True

    def clear(self) -> None:
        """Forget them all."""
        self._entries.clear()

    def _find(self, stream: ServerStream, id: str) -> _Entry | None:
        entry = self._entries.get(id)
        return entry if entry is not None and entry.pair == (stream.local, stream.remote) else None
