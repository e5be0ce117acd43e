"""The interactive console inside a running server, for `burblectl debug`.

It is spoken on the control socket once a request ``{"debug": true}`` has opened it; whoever may do that may
do everything else as well. From then on lines mean:

    {"source": TEXT}        run this
    {"complete": TEXT}      how may this name go on?
    {"interrupt": true}     give up what is awaited

and the server's:

    {"output": TEXT}        something was printed
    {"done": true}          what was to be run has ended; ``false`` where it raised
    {"names": [TEXT, ...]}  how the name may go on
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import json
import linecache
import rlcompleter
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from types import CodeType
from typing import Any, Final

from burble.faces.calls import Answer

__all__ = ["Console"]

# How long code may take to give up what it awaits, seconds.
_PATIENCE: Final = 1.0
# How many ways to go on are shown.
_MOST: Final = 500

Tell = Callable[[Answer], None]

# The console whose code runs in this context: it gets what is printed there, and only that.
_current: ContextVar[Console | None] = ContextVar("console", default=None)


class Console:
    """One console: its names, and what it runs.

    Args:
        names: what the code sees at first.
        tell: is given what is to be sent to the client.
    """

    _numbers: Final = count(1)

    def __init__(self, names: dict[str, Any], tell: Tell) -> None:
        self._names = {"__name__": "__console__", "__builtins__": __builtins__, **names}
        self._tell = tell
        self._file = f"<console {next(self._numbers)}>"
        self._running: asyncio.Task[None] | None = None

    async def converse(self, reader: asyncio.StreamReader) -> None:
        """Run what comes, until the client closes the connection."""
        with _printing():
            try:
                while line := await reader.readline():
                    await self._obey(json.loads(line))
            except (ValueError, RecursionError):
                self._print("that was no request\n")
            finally:
                await self._interrupt()

    async def _obey(self, request: dict[str, Any]) -> None:
        match request:
            case {"source": str(source)}:
                await self._interrupt()
                self._running = asyncio.get_running_loop().create_task(self._run(source))
            case {"complete": str(text)}:
                self._tell({"names": self._completions(text)})
            case {"interrupt": True}:
                await self._interrupt()

    async def _interrupt(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running], timeout=_PATIENCE)

    # ---- running

    async def _run(self, source: str) -> None:
        _current.set(self)  # for this task and those it begins
        try:
            await self._evaluate(source)
            done = True
        except asyncio.CancelledError:
            self._print("interrupted\n")
            done = False
        except BaseException as error:  # also SystemExit: the server does not end by it
            self._print(self._trace(error))
            done = False
        self._tell({"done": done})

    async def _evaluate(self, source: str) -> None:
        # A traceback shows the lines of what was typed.
        linecache.cache[self._file] = (len(source), None, source.splitlines(keepends=True), self._file)
        tree = ast.parse(source, self._file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        await self._do(_compiled(tree, self._file, "exec"))
        if isinstance(last, ast.Expr):
            value = await self._do(_compiled(ast.Expression(last.value), self._file, "eval"))
            if value is not None:
                self._names["_"] = value
                self._print(f"{value!r}\n")

    async def _do(self, code: CodeType) -> Any:
        value = eval(code, self._names)
        if code.co_flags & inspect.CO_COROUTINE:
            return await value
        return value

    def _trace(self, error: BaseException) -> str:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != self._file:
            trace = trace.tb_next  # what is above it is ours
        return "".join(traceback.format_exception(type(error), error, trace))

    def _print(self, text: str) -> None:
        self._tell({"output": text})

    def _completions(self, text: str) -> list[str]:
        completer = rlcompleter.Completer(self._names)
        try:
            found = [completer.complete(text, number) for number in range(_MOST)]
        except Exception:  # a property of the object may raise anything
            return []
        return [name for name in found if name is not None]


def _compiled(tree: ast.Module | ast.Expression, file: str, mode: str) -> CodeType:
    code: CodeType = compile(tree, file, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


class _Output(io.TextIOBase):
    """Sends what code of a console prints to its client, and all else where it went before.

    Args:
        before: the standard output as it was.

    Attributes:
        consoles: how many are open.
    """

    def __init__(self, before: Any) -> None:
        self.before = before
        self.consoles = 0

    def write(self, text: str) -> int:
        """Print text."""
        console = _current.get()
        if console is None:
            return int(self.before.write(text))
        console._print(text)
        return len(text)

    def flush(self) -> None:
        """Have printed what was written."""
        self.before.flush()

    def fileno(self) -> int:
        """The descriptor of the standard output as it was."""
        return int(self.before.fileno())


@contextmanager
def _printing() -> Iterator[None]:
    """Let consoles, told apart by their context, hear what their code prints, while one is open."""
    if not isinstance(sys.stdout, _Output):
        sys.stdout = _Output(sys.stdout)
    output = sys.stdout
    output.consoles += 1
    try:
        yield
    finally:
        output.consoles -= 1
        if not output.consoles and sys.stdout is output:
            sys.stdout = output.before
