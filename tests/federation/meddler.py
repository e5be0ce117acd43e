"""A wire between two servers that somebody meddles with: it goes dead, stands still or is cut."""

from __future__ import annotations

import asyncio
from typing import Self

_CHUNK = 65536


class Meddler:
    """Passes what comes to its own port on to another port of loopback, both ways, unless told otherwise.

    Args:
        to: that port; may be set later, and changed.

    Attributes:
        port: its own.
        refuses: whoever connects is thrown out at once.
        deaf: whoever connects is left alone and never hears anything.
        made: how many connections there have been.
        cut_after: when so many more bytes have passed, in both directions together, all connections are cut
            in their midst; None for never.
    """

    def __init__(self, to: int = 0) -> None:
        self.to = to
        self.port = 0
        self.refuses = False
        self.deaf = False
        self.made = 0
        self.cut_after: int | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._tasks)

    def cut(self) -> None:
        """Reset all connections: what was under way is lost."""
        for writer in self._open:
            writer.transport.abort()

    def stall(self) -> None:
        """Pass on nothing more, and leave the connections open."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on what comes, and what has waited."""
        self._flows.set()

    async def connected(self, count: int) -> None:
        """Wait until there have been so many connections."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.made >= count)

    async def quiet(self) -> None:
        """Wait until there are no connections."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self.made += 1
        await self._tell()
        try:
            if self.deaf:
                while await reader.read(_CHUNK):
                    pass
            elif not self.refuses:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(writer)
            self._tasks.discard(task)
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._open.add(back)
        both = [asyncio.ensure_future(each) for each in (self._pass(reader, back), self._pass(there, writer))]
        try:
            await asyncio.gather(*both)
        finally:
            for each in both:
                each.cancel()
            back.transport.abort()
            self._open.discard(back)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flows.wait()
            if self.cut_after is not None and self.cut_after < len(data):
                writer.write(data[: self.cut_after])
                await asyncio.sleep(0)  # so much is passed on
                self.cut_after = None
                self.cut()
                return
            if self.cut_after is not None:
                self.cut_after -= len(data)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
