"""The face of commands that `burblectl` talks to: a Unix socket in the data directory.

A request is a JSON object on a line, ``{"command": NAME, "arguments": ARGUMENTS}``, where the arguments are
an object by name, or a list of texts in order. The answer is an object on a line too: ``{"result": RESULT}``
or ``{"error": {"kind": KIND, "text": TEXT}}``, where the kind is ``unknown-command``, ``wrong-arguments``,
``not-allowed``, ``failed`` or ``bad-request``. A connection may carry several requests, one after another.
Whoever may open the socket, the server's user and root, may call everything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

from burble.commands import ADMIN, Caller, CommandFailed, Registry
from burble.faces.unix import MAX_LINE, reachable
from burble.paths import SOCKET_NAME

__all__ = ["ControlError", "ControlSocket"]

_log = logging.getLogger("burble.control")

_CALLER: Final = Caller("burblectl", frozenset({ADMIN}))
# How long commands under way may take when the server stops, and a peer to read our last words, seconds.
_PATIENCE: Final = 5.0


class ControlError(Exception):
    """The socket can't be made; the text says why."""


class BadRequest(CommandFailed):
    """What came is no request."""

    kind = "bad-request"


class ControlSocket:
    """Carries out what comes through the socket.

    Args:
        directory: the data directory, which nobody else uses.
        registry: the commands.
    """

    def __init__(self, directory: Path, registry: Registry) -> None:
        self.path = directory / SOCKET_NAME
        self._registry = registry
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Make the socket, in place of one that a server left behind, and listen.

        Raises:
            ControlError: it can't be made.
        """
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # No one else holds the data directory, so nobody listens on what is there.
            self.path.unlink(missing_ok=True)
            with reachable(self.path) as name:
                made.bind(name)
            self.path.chmod(0o600)  # before anybody can connect, because nobody listens yet
            made.setblocking(False)
            self._server = await asyncio.start_unix_server(self._connected, sock=made, limit=MAX_LINE)
        except OSError as error:
            made.close()
            raise ControlError(
                f"the socket for burblectl, {self.path}, can't be made: {error.strerror or error}"
            ) from error

    def stop(self) -> None:
        """Take no more connections; those there are stay open until `close`, to show that it is not over."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)

    async def finish(self) -> None:
        """Wait until the commands under way are done."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=_PATIENCE)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    # ---- connections

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(task, reader, writer)
            if self._stopping:
                await asyncio.Event().wait()  # until `close` cancels
        except ConnectionError:
            pass  # burblectl was interrupted; what it asked for is done all the same
        except asyncio.CancelledError:
            pass  # by `close`; asyncio would report it as an error of this callback
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                line = await reader.readuntil()
            except asyncio.IncompleteReadError as error:
                line = error.partial
            except asyncio.LimitOverrunError:
                writer.write(_error(BadRequest(f"a request has at most {MAX_LINE} bytes")))
                await _see_off(reader, writer)
                return
            if not line.strip():
                return
            self._busy.add(task)
            try:
                writer.write(await self._answer(line))
                await writer.drain()
            finally:
                self._busy.discard(task)

    async def _answer(self, line: bytes) -> bytes:
        try:
            name, arguments = _request(line)
            result = await self._registry.call(name, arguments, _CALLER)
            return to_json({"result": result}) + b"\n"
        except CommandFailed as error:
            return _error(error)


def _request(line: bytes) -> tuple[str, dict[str, Any] | list[str]]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"a request is a JSON object on one line: {error}") from None
    match request:
        case {"command": str(name), "arguments": dict(arguments)}:
            return name, arguments
        case {"command": str(name), "arguments": list(texts)} if all(isinstance(each, str) for each in texts):
            return name, texts
    raise BadRequest('a request is like {"command": "status", "arguments": {}}')


async def _see_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End what we send, and read on for a while: closing with something unread would lose our last words."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while await reader.read(MAX_LINE):
                pass


def _error(error: CommandFailed) -> bytes:
    return to_json({"error": {"kind": error.kind, "text": str(error)}}) + b"\n"
