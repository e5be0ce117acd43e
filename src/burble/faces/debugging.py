"""The client's side of the console inside a running server: `burblectl debug`."""

from __future__ import annotations

import ast
import codeop
import sys
from collections.abc import Iterator
from typing import Any, Final

from burble import __version__
from burble.faces.client import Connection, data_dir
from burble.faces.options import FAILED, WRONG_ARGUMENTS, Ended, Options

__all__ = ["debug"]

_WELCOME: Final = """\
There are server, hosts, JID, asyncio and
call(COMMAND, ARGUMENT, ...); await works. While code runs that does not await, the server does nothing else.
Ctrl-D leaves."""
_LEAVING: Final = ("exit", "exit()", "quit", "quit()")


def debug(options: Options) -> int:
    """Talk to the console: with a person at a terminal line by line, else all of the standard input at once.

    Returns:
        The exit status.

    Raises:
        Ended: there is no server, or it is gone.
    """
    if options.auth is not None:
        raise Ended(WRONG_ARGUMENTS, "debug is for root and the server's user, not for accounts")
    with Connection(data_dir(options)) as connection:
        connection.send({"debug": True})
        dialogue = _Dialogue(connection)
        if not sys.stdin.isatty():
            return 0 if dialogue.run(sys.stdin.read()) else FAILED
        dialogue.complete_names()
        print(f"Python {sys.version.split()[0]} inside Burble {__version__}. {_WELCOME}")
        for source in _typed():
            dialogue.run(source)
        return 0


def _typed() -> Iterator[str]:
    """What a person types, a statement at a time."""
    compiler = codeop.CommandCompiler()
    compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else ">>> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print("\nKeyboardInterrupt")
            lines = []
            continue
        if not lines and line.strip() in _LEAVING:
            return
        lines.append(line)
        source = "\n".join(lines)
        try:
            if compiler(source, symbol="single") is None:
                continue
        except (SyntaxError, ValueError, OverflowError):
            pass  # the server says the same, in its words
        lines = []
        if source.strip():
            yield source


class _Dialogue:
    """Sends what is to be run, and shows what comes back.

    Args:
        connection: where the console is open.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: list[str] = []

    def run(self, source: str) -> bool:
        """Run this; whether it ended without raising."""
        self._connection.send({"source": source})
        while True:
            try:
                return bool(self._await("done"))
            except KeyboardInterrupt:
                self._connection.send({"interrupt": True})

    def complete_names(self) -> None:
        """Let the key Tab complete names, where there is readline."""
        try:
            import readline
        except ImportError:
            return
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")

    def _complete(self, text: str, number: int) -> str | None:
        if number == 0:
            self._connection.send({"complete": text})
            self._names = self._await("names")
        return self._names[number] if number < len(self._names) else None

    def _await(self, key: str) -> Any:
        """What is told by a name; what is printed meanwhile is shown."""
        while (line := self._connection.line()) is not None:
            if key in line:
                return line[key]
            print(line.get("output", ""), end="", flush=True)
        raise Ended(FAILED, "the server is gone")
