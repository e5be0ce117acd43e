"""A program and a web service that are told something, and what each was told."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_TIMEOUT = 5.0


class Program:
    """A shell script that writes what it was told into a pipe, which the test reads.

    Args:
        directory: where the script and its pipes are put.
        body: what it does besides; ``$TOLD`` is the pipe, ``$GO`` another to wait on.
    """

    def __init__(self, directory: Path, body: str = 'tell "$*"') -> None:
        directory.mkdir(exist_ok=True)
        self.path = directory / "program"
        self._pipes = told, go = directory / "told", directory / "go"
        for pipe in self._pipes:
            os.mkfifo(pipe)
        self.path.write_text(
            f"#!/bin/sh\nTOLD='{told}' GO='{go}'\ntell() {{ printf '%s\\n' \"$1\" > \"$TOLD\"; }}\n{body}\n"
        )
        self.path.chmod(0o755)
        # For reading and writing, so that it never ends, and a writer never waits for us.
        self._pipe = os.fdopen(os.open(told, os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0)
        self._leave = os.open(go, os.O_RDWR | os.O_NONBLOCK)

    async def listen(self) -> Self:
        """Begin to read."""
        self._lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._lines), self._pipe
        )
        return self

    async def next(self) -> str:
        """The next line the program wrote."""
        async with asyncio.timeout(_TIMEOUT):
            return (await self._lines.readline()).decode().rstrip("\n")

    async def some(self, number: int) -> list[str]:
        """The next lines it wrote."""
        return [await self.next() for _ in range(number)]

    def go(self) -> None:
        """Let one that waits with ``read _ < $GO`` go on."""
        os.write(self._leave, b"\n")

    def close(self) -> None:
        """Read no more; who still tells something is not kept waiting by a pipe without a reader."""
        for pipe in self._pipes:
            pipe.unlink()
        self._transport.close()
        os.close(self._leave)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def status(code: int) -> Answer:
    """Answer with a status."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} So be it\r\nContent-Length: 2\r\n\r\nOk".encode())

    return answer


async def hang(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


async def babble(writer: asyncio.StreamWriter) -> None:
    """Answer something that is not HTTP."""
    writer.write(b"<html>\r\n\r\n")
    writer.close()


class Web:
    """A web service on a free port of loopback.

    Attributes:
        answers: what to do with the next requests; any more get 200.
        headers: those of the last request.
    """

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.headers: dict[str, str] = {}
        self._requests: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, port: int = 0) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        return self

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/xmpp/"

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """The next request: verb, path, and the fields of its body or query."""
        async with asyncio.timeout(_TIMEOUT):
            return await self._requests.get()

    async def close(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while not writer.is_closing():
                await self._request(reader)
                answer = self.answers.popleft() if self.answers else status(200)
                await answer(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        verb, target, _ = start.split()
        self.headers = dict(line.split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(target)
        fields = json.loads(body) if body else dict(parse_qsl(url.query))
        self._requests.put_nowait((verb, url.path, fields))
