"""The client's side of the socket of commands: finds the server, asks, waits.

Only the standard library is imported here, because `burblectl` is a program that has to start at once.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from burble import paths
from burble.faces.options import FAILED, NOT_RUNNING, Ended, Options
from burble.faces.unix import reachable

__all__ = ["Connection", "NotRunning", "data_dir"]

OnProgress = Callable[[int, int | None, str], None]


class NotRunning(Ended):
    """Nobody listens on the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            NOT_RUNNING, f"the server is not running: nobody listens on {path}; is --config the right file?"
        )


def data_dir(options: Options) -> Path:
    """The data directory of the server that is meant, without the time it takes to check all settings.

    Raises:
        Ended: the settings file can't be read.
    """
    if options.data_dir is not None:
        return options.data_dir
    file = options.config or paths.find_settings_file()
    if file is None:
        return paths.default_data_dir()
    import tomllib

    try:
        with file.open("rb") as text:
            named = tomllib.load(text).get("data_dir")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Ended(FAILED, f"the settings file {file} can't be read: {reason}") from None
    if named is None:
        return paths.default_data_dir()
    if not isinstance(named, str):
        raise Ended(FAILED, f"{file}: data_dir: expected a path in quotes")
    return file.absolute().parent / Path(named).expanduser()


class Connection:
    """A connection to the server, for as long as the context lasts.

    Args:
        directory: its data directory.

    Raises:
        NotRunning: there is no server.
        Ended: the socket can't be opened.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / paths.SOCKET_NAME
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with reachable(path) as name:
                self._socket.connect(name)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            self._socket.close()
            raise NotRunning(path) from None
        except OSError as error:
            self._socket.close()
            raise Ended(FAILED, f"{path} can't be opened: {error.strerror or error}") from None
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def send(self, request: dict[str, Any]) -> None:
        """Send a request.

        Raises:
            OSError: the server is gone.
        """
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def line(self) -> dict[str, Any] | None:
        """The next that the server sends; None when it has closed the connection, or has stopped."""
        try:
            line = self._file.readline()
            told: dict[str, Any] | None = json.loads(line) if line else None
        except (OSError, ValueError):
            return None
        return told

    def ask(self, request: dict[str, Any], on_progress: OnProgress | None = None) -> dict[str, Any]:
        """Send a request, and wait for the answer and until the server closes the connection.

        Args:
            request: it.
            on_progress: is told how far the command has come: done, of how many, what.

        Raises:
            Ended: there was no answer.
        """
        answer: dict[str, Any] = {}
        try:
            self.send({**request, "progress": on_progress is not None})
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may have said why
        while (line := self.line()) is not None:
            if "progress" not in line:
                answer = line
            elif on_progress is not None:
                told = line["progress"]
                on_progress(told["done"], told["total"], told["text"])
        if not answer:
            raise Ended(FAILED, "the server ended without an answer; its log may tell more")
        return answer
