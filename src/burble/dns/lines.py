"""Carries single questions to a name server and their answers back, by UDP or TCP (RFC 1035 §4.2)."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import struct
from dataclasses import dataclass
from typing import Final

from burble.dns.message import fits

__all__ = ["NameServer", "UdpLines", "ask_by_tcp"]

_LARGEST: Final = 0xFFFF
# So many questions share a socket. Each socket has a port of its own, which a forger has to guess.
_QUESTIONS_EACH: Final = 100


@dataclass(frozen=True, slots=True)
class NameServer:
    """The address of a name server."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> NameServer:
        """Return the server at ``host``, ``host:port`` or ``[host]:port``, where the host is an IP address.

        Raises:
            ValueError: it is none.
        """
        bracketed, bracket, rest = text.removeprefix("[").partition("]")
        if bracket:
            host, port = bracketed, rest.removeprefix(":")
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        else:
            host, port = text, ""
        try:
            return cls(str(ipaddress.ip_address(host)), int(port or 53))
        except ValueError:
            raise ValueError(
                f"{text!r} is no address of a name server: write 192.0.2.1 or [2001:db8::1]:53"
            ) from None

    @property
    def family(self) -> socket.AddressFamily:
        """The address family of its sockets."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


async def ask_by_tcp(server: NameServer, question: bytes) -> bytes:
    """Ask over a connection of its own, for answers that are too long for UDP.

    Raises:
        OSError: there is no connection, it ended early, or what came is no answer to the question.
    """
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError(f"{server} ended the connection early") from error
    finally:
        writer.close()
    if not fits(question, answer):
        raise ConnectionError(f"{server} answered another question")
    return answer


class UdpLines:
    """Sockets for questions by UDP: as few as will do, and none while there is nothing to ask."""

    def __init__(self) -> None:
        self._lines: dict[NameServer, _Line] = {}

    async def ask(self, server: NameServer, question: bytes) -> bytes:
        """Send a question under a number that nobody can guess, and wait until there is an answer to it.

        Whatever else comes is ignored, since anybody may have sent it.

        Raises:
            OSError: the system can't send it, or knows that nobody listens there.
        """
        line = self._lines.get(server)
        if line is None or line.full:
            line = self._lines[server] = _Line(server)
        try:
            return await line.ask(question)
        finally:
            if not line.waiting:
                line.close()
                if self._lines.get(server) is line:
                    del self._lines[server]


class _Line:
    """One socket; `waiting` holds the questions by their numbers, each with who waits for the answer."""

    __slots__ = ("_asked", "_loop", "_socket", "waiting")

    def __init__(self, server: NameServer) -> None:
        self.waiting: dict[bytes, tuple[bytes, asyncio.Future[bytes]]] = {}
        self._asked = 0
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(server.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            # From then on the system passes on only what comes from there, and what it hears about it.
            self._socket.connect((server.host, server.port))
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    @property
    def full(self) -> bool:
        """Whether it shall not be used for other questions."""
        return self._asked >= _QUESTIONS_EACH

    async def ask(self, question: bytes) -> bytes:
        while (number := secrets.token_bytes(2)) in self.waiting:
            pass
        question = number + question[2:]
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self.waiting[number] = (question, answer)
        self._asked += 1
        try:
            self._socket.send(question)
            return await answer
        finally:
            del self.waiting[number]

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        try:
            message = self._socket.recv(_LARGEST)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            for _, answer in self.waiting.values():
                if not answer.done():
                    answer.set_exception(error)
            return
        waiting = self.waiting.get(message[:2])
        if waiting is not None:
            question, answer = waiting
            if not answer.done() and fits(question, message):
                answer.set_result(message)
