"""How streams to and from other servers end: when nobody uses them, and when the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final

from burble.errors import StreamError
from burble.streams.base import REST_EVERY
from burble.streams.servers.base import ServerStream
from burble.streams.servers.incoming import IncomingStream

__all__ = ["FAREWELL", "close_all", "close_unused", "confirmed"]

#: How long the server's stop waits for other servers, each time, seconds.
FAREWELL: Final = 2.0


def close_unused(streams: Iterable[ServerStream], idle_timeout: float) -> None:
    """Say goodbye on the streams on which nothing has gone for a while, and close them the next time."""
    now = asyncio.get_running_loop().time()
    for each in streams:
        idle = min(each.rested * REST_EVERY, now - each.used)
        if idle < idle_timeout or each.flow.waiting:
            continue
        if each.said_goodbye:
            each.finished = True  # there is nothing to go on with
            each.close()
        else:
            each.say_goodbye()


async def confirmed(streams: Collection[ServerStream]) -> None:
    """Ask other servers what they have taken, and wait a little until that is all."""
    for stream in streams:
        stream.ask()
    await _until(lambda: not any(stream.flow.waiting for stream in streams))


async def close_all(streams: Iterable[ServerStream], incoming: Collection[IncomingStream]) -> None:
    """Close streams, since the server goes; what other servers have sent is confirmed.

    Args:
        streams: these.
        incoming: those of them that others have opened, and that are not closed yet.
    """
    error = StreamError("system-shutdown", "the server is going down")
    for stream in streams:
        if stream.flow.managed or not isinstance(stream, IncomingStream):
            stream.answer_now()
            stream.close(error)
        else:
            stream.say_goodbye()
    # Who does not count what it sends takes it for delivered: it is read to its end (RFC 6120 §4.4).
    await _until(lambda: not incoming)
    for stream in [*incoming]:
        stream.close(error)


async def _until(done: Callable[[], bool]) -> None:
    """Wait for something that other servers do, but not for long."""
    deadline = asyncio.get_running_loop().time() + FAREWELL
    while not done() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
