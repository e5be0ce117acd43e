"""External authentication by a script, as ejabberd's developers' guide has it (§4.0.1).

The script reads questions from its standard input and answers on its standard output. A question is two
bytes with its length and then text, such as ``auth:juliet:example.org:s3cr3t``; an answer is ``00 02 00 01``
for yes, ``00 02 00 00`` for no. It answers one question at a time.
"""

import asyncio
import contextlib
import logging
import os
import signal
import struct
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final, cast

from burble.auth.base import AuthenticatorUnavailable
from burble.auth.external import Outside

_log = logging.getLogger("burble.auth")

_ANSWERS: Final = {b"\0\2\0\0": False, b"\0\2\0\1": True}

_LONGEST: Final = 32_767
"""Bytes of a question. The guide's script reads the length as a signed number."""

_QUESTIONS: Final = frozenset({"auth", "isuser"})
"""The operations that change nothing and so may be asked twice."""

_PATIENCE: Final = 3
"""Processes in a row that may fail before they have answered anything: more than one, so that a question that
the script does not survive, as a clumsy one may not a strange password, keeps nobody else out."""

_SHORTEST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0

_FAREWELL: Final = 1.0
"""How long a script has to end once its input is closed, seconds."""


class ScriptFailed(Exception):
    """A process of the script is of no use any more; the text says why."""


class ScriptTimeout(ScriptFailed):
    """It did not answer in time."""


class ScriptPool(Outside):
    """Asks a number of processes of one script, each started when it is needed first.

    A process that ends, is late or answers something else than yes or no is killed, and another takes its
    place. Where several in a row have failed before they had answered anything, the next is not started at
    once: the pause grows up to half a minute.

    Args:
        command: the program and its arguments.
        host: the virtual host, told to the script with each question.
        processes: how many may run.
        timeout: how long to wait for a free one, and again for its answer, seconds.
    """

    def __init__(self, command: Sequence[str], host: str, *, processes: int, timeout: float) -> None:
        self._command = command
        self._host = host
        self._timeout = timeout
        self._free = asyncio.Semaphore(processes)
        self._idle: list[_Script] = []
        self._stillborn = 0
        self._pause = 0.0
        self._not_before = 0.0

    async def check_password(self, user: str, password: str) -> bool:
        return await self._ask("auth", user, password)

    async def exists(self, user: str) -> bool:
        return await self._ask("isuser", user)

    async def register(self, user: str, password: str) -> bool:
        return await self._ask("tryregister", user, password)

    async def set_password(self, user: str, password: str) -> bool:
        return await self._ask("setpass", user, password)

    async def remove(self, user: str, password: str | None = None) -> bool:
        if password is None:
            return await self._ask("removeuser", user)
        return await self._ask("removeuser3", user, password)

    async def close(self) -> None:
        """Close the input of all processes, which ends them; kill those that go on."""
        idle, self._idle = self._idle, []
        for script in idle:
            script.dismiss()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                for script in idle:
                    await script.ended.wait()
        for script in idle:
            script.kill()

    async def _ask(self, operation: str, user: str, *password: str) -> bool:
        question = ":".join((operation, user, self._host, *password)).encode()
        if len(question) > _LONGEST:
            return False  # nobody can have told a script such a password
        async with self._turn():
            try:
                return await self._ask_one(question)
            except ScriptTimeout as error:
                raise _unavailable() from error
            except ScriptFailed as error:
                if operation not in _QUESTIONS:
                    raise _unavailable() from error
            try:
                return await self._ask_one(question)
            except ScriptFailed as error:
                raise _unavailable() from error

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        except TimeoutError as error:
            _log.warning("%s: all processes of %s are busy", self._host, self._command[0])
            raise _unavailable() from error
        try:
            yield
        finally:
            self._free.release()

    async def _ask_one(self, question: bytes) -> bool:
        script = await self._take()
        try:
            answer = await script.ask(question, self._timeout)
        except ScriptFailed as error:
            _log.warning("%s: %s %s", self._host, self._command[0], error)
            if not script.proven:
                self._note_stillborn()
            raise
        except BaseException:
            script.kill()  # its answer would be taken for that to the next question
            raise
        self._stillborn = 0
        self._pause = 0.0
        self._idle.append(script)
        return answer

    async def _take(self) -> "_Script":
        while self._idle:
            script = self._idle.pop()
            if script.failure is None:
                return script
            _log.warning("%s: %s %s", self._host, self._command[0], script.failure)
        if time.monotonic() < self._not_before:
            raise ScriptFailed("failed a moment ago")
        try:
            return await _Script.start(self._command)
        except OSError as error:
            self._note_stillborn()
            reason = (error.strerror or str(error)).lower()
            _log.error("%s: %s can't be started: %s", self._host, self._command[0], reason)
            raise ScriptFailed("can't be started") from error

    def _note_stillborn(self) -> None:
        now = time.monotonic()
        self._stillborn += 1
        if self._stillborn >= _PATIENCE and now >= self._not_before:
            self._pause = min(max(_SHORTEST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
            self._not_before = now + self._pause


class _Script(asyncio.SubprocessProtocol):
    """One process of a script.

    Attributes:
        failure: why it is of no use any more, or None.
        proven: it has answered something.
        ended: set when the process is over.
    """

    def __init__(self) -> None:
        self.failure: ScriptFailed | None = None
        self.proven = False
        self.ended = asyncio.Event()
        self._answer: asyncio.Future[bool] | None = None
        self._read = b""

    @classmethod
    async def start(cls, command: Sequence[str]) -> "_Script":
        """Start a process. Raises OSError."""
        # In a session of its own, so that Ctrl-C is for the server alone, and what it starts is killed with
        # it. What it writes to the standard error goes where the server's own goes.
        _, script = await asyncio.get_running_loop().subprocess_exec(
            cls, *command, stderr=None, start_new_session=True
        )
        return script

    async def ask(self, question: bytes, timeout: float) -> bool:
        """Ask one question.

        Raises:
            ScriptFailed: there is no answer; the process has been killed.
        """
        if self.failure is not None:
            raise self.failure
        self._answer = asyncio.get_running_loop().create_future()
        pipe = self._transport.get_pipe_transport(0)
        cast(asyncio.WriteTransport, pipe).write(struct.pack(">H", len(question)) + question)
        try:
            async with asyncio.timeout(timeout):
                answer = await self._answer
        except TimeoutError:
            self._fail(ScriptTimeout(f"did not answer within {timeout:g} s"))
            raise ScriptTimeout(str(self.failure)) from None
        finally:
            self._answer = None
        self.proven = True
        return answer

    def dismiss(self) -> None:
        """Tell it that there are no more questions."""
        self.failure = self.failure or ScriptFailed("was dismissed")
        self._close_pipe(0)

    def kill(self) -> None:
        """End the process and those it has started, if it still runs."""
        self.failure = self.failure or ScriptFailed("was killed")
        if self._transport.get_returncode() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), signal.SIGKILL)
        # The transport itself is closed when the process is over: it would collect its status, for which the
        # event loop waits elsewhere.
        for fd in (0, 1):
            self._close_pipe(fd)

    # ---- what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._read += data
        if self._answer is None or self._answer.done():
            self._fail(ScriptFailed("wrote something without being asked"))
        elif self._read in _ANSWERS:
            self._answer.set_result(_ANSWERS[self._read])
            self._read = b""
        elif not any(answer.startswith(self._read) for answer in _ANSWERS):
            self._fail(ScriptFailed(f"answered {self._read[:16]!r}, which is neither yes nor no"))

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        self._fail(ScriptFailed("ended, or closed its standard input or output"))

    def process_exited(self) -> None:
        self.ended.set()
        self._transport.close()
        self._fail(ScriptFailed(f"ended with status {self._transport.get_returncode()}"))

    def _close_pipe(self, fd: int) -> None:
        pipe = self._transport.get_pipe_transport(fd)
        if pipe is not None:
            pipe.close()

    def _fail(self, failure: ScriptFailed) -> None:
        if self.failure is not None:
            return
        self.failure = failure
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        self.kill()


def _unavailable() -> AuthenticatorUnavailable:
    return AuthenticatorUnavailable("the accounts are kept by a script, which does not answer now")
