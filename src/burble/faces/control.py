"""The face of commands that `burblectl` talks to: a Unix socket in the data directory.

A request is a JSON object on a line, ``{"command": NAME, "arguments": ARGUMENTS}``, where the arguments are
an object by name, or a list of texts in order. Beside them it may have:

    "auth": [USER, HOST, PASSWORD]      the account that calls, with its permissions
    "progress": true                    to be told how far the command has come
    "style": "ejabberd"                 for an answer as ejabberdctl prints it
    "version": N                        of ejabberd's API: the command as it was then

The answer is an object on a line too: ``{"result": RESULT}`` or ``{"error": {"kind": KIND, "text": TEXT}}``,
where the kind is ``unknown-command``, ``wrong-arguments``, ``not-allowed``, ``failed`` or ``bad-request``; in
ejabberd's style ``{"text": TEXT, "status": STATUS}``. Before it there may be lines with
``{"progress": {"done": N, "total": N or null, "text": TEXT}}``, a few a second.

``{"complete": [WORD, ...]}`` asks how the last word of a command line may go on, and ``{"debug": true}``
opens a console; see `burble.faces.console`.

A connection may carry several requests, one after another. Whoever may open the socket, the server's user and
root, may call everything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

from burble.commands import Registry
from burble.commands.base import Administered
from burble.commands.results import plain
from burble.faces.calls import CALLER, Answer, BadRequest, Calls, error
from burble.faces.console import Console
from burble.faces.unix import MAX_LINE, reachable
from burble.jid import JID
from burble.paths import SOCKET_NAME

__all__ = ["ControlError", "ControlSocket"]

_log = logging.getLogger("burble.control")

# How long commands under way may take when the server stops, and a peer to read our last words, seconds.
_PATIENCE: Final = 5.0


class ControlError(Exception):
    """The socket can't be made; the text says why."""


class ControlSocket:
    """Carries out what comes through the socket.

    Args:
        server: whose commands these are; nobody else uses its data directory.
        registry: the commands.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self.path = server.settings.data_dir / SOCKET_NAME
        self._administered = server
        self._registry = registry
        self._calls = Calls(server, registry)
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
            if not _may_connect(writer.get_extra_info("socket")):
                _log.warning("somebody else than the server's user opened %s", self.path)
                return
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
            except asyncio.IncompleteReadError as incomplete:
                line = incomplete.partial
            except asyncio.LimitOverrunError:
                writer.write(_line(error(BadRequest(f"a request has at most {MAX_LINE} bytes"))))
                await _see_off(reader, writer)
                return
            if not line.strip():
                return
            if _opens_console(line):
                await self._open_console(reader, writer)
                return
            self._busy.add(task)
            try:
                writer.write(_line(await self._calls.answer(line, _teller(writer))))
                await writer.drain()
            finally:
                self._busy.discard(task)

    async def _open_console(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def call(name: str, *arguments: str) -> Any:
            """Call a command, with its arguments written as text."""
            return await self._registry.call(name, arguments, CALLER)

        server = self._administered
        names = {"server": server, "hosts": server.hosts, "call": call, "asyncio": asyncio, "JID": JID}
        _log.warning("a console was opened")
        await Console(names, _teller(writer)).converse(reader)
        _log.warning("a console was closed")


def _opens_console(line: bytes) -> bool:
    try:
        return bool(json.loads(line) == {"debug": True})
    except (ValueError, RecursionError):
        return False


def _teller(writer: asyncio.StreamWriter) -> Callable[[Answer], None]:
    """Writes at once what is told, from whichever thread."""
    loop = asyncio.get_running_loop()
    thread = threading.get_ident()

    def tell(answer: Answer) -> None:
        if threading.get_ident() == thread:
            write(_line(answer))
        else:
            loop.call_soon_threadsafe(write, _line(answer))

    def write(line: bytes) -> None:
        if not writer.is_closing():
            writer.write(line)

    return tell


async def _see_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End what we send, and read on for a while: closing with something unread would lose our last words."""
    writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while await reader.read(MAX_LINE):
                pass


def _line(answer: Answer) -> bytes:
    try:
        return to_json(answer) + b"\n"
    except PydanticSerializationError:  # half of a character that UTF-16 takes two for: no UTF-8 has it
        return json.dumps(plain(answer)).encode() + b"\n"


def _may_connect(connection: socket.socket) -> bool:
    """Whether the other side is of this process's user, or of root, where the system tells.

    The mode of the socket says so already; but a file's mode is changed easily.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in (0, os.geteuid())
