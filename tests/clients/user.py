"""What every client can do, whatever program it is: the words in which the tests are written."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PASSWORD = "Wherefore art thou?"
PATIENCE = 10.0


@dataclass(frozen=True)
class Received:
    """A message as a client shows it.

    Attributes:
        sender: bare JID.
        delayed: whether it carried the time of an earlier day or moment (XEP-0203).
    """

    sender: str
    body: str
    delayed: bool


class Reachable(Protocol):
    """Where clients connect.

    Attributes:
        port: where they start TLS in the stream.
        tls_port: where they start with TLS (XEP-0368).
        certificate: what they trust.
    """

    @property
    def port(self) -> int: ...
    @property
    def tls_port(self) -> int: ...
    @property
    def certificate(self) -> Path: ...


class User(abc.ABC):
    """A person with a client.

    Every method waits until the client shows that the thing has happened, or raises `TimeoutError`.

    Args:
        name: the local part of the address.
        server: where the account is.
        direct_tls: connect to the port that starts with TLS.
        domain: of the address.
    """

    def __init__(
        self, name: str, server: Reachable, *, direct_tls: bool = False, domain: str = "localhost"
    ) -> None:
        self.name = name
        self.jid = f"{name}@{domain}"
        self.server = server
        self.direct_tls = direct_tls
        self.port = server.tls_port if direct_tls else server.port

    @abc.abstractmethod
    async def register(self) -> None:
        """Make the account in band (XEP-0077); the user is not available yet."""

    @abc.abstractmethod
    async def log_in(self) -> None:
        """Log in, fetch the roster, become available."""

    @abc.abstractmethod
    async def log_out(self) -> None:
        """Become unavailable and leave."""

    @abc.abstractmethod
    async def close(self) -> None:
        """End the program, whatever its state."""

    @abc.abstractmethod
    async def add(self, contact: str, name: str) -> None:
        """Put a contact into the roster; the push has come back."""

    @abc.abstractmethod
    async def roster(self) -> dict[str, str]:
        """The contacts, as the server tells them now, and their subscriptions."""

    @abc.abstractmethod
    async def befriend(self, contact: str) -> None:
        """Ask for a contact's presence; the ``ask`` or more is in the roster."""

    @abc.abstractmethod
    async def accept(self, contact: str) -> None:
        """Wait for a contact's request and approve it."""

    @abc.abstractmethod
    async def sees(self, contact: str, *, online: bool) -> None:
        """Wait until the client shows a contact as online, or offline."""

    @abc.abstractmethod
    async def send(self, contact: str, body: str) -> None:
        """Send a chat message; the server has answered what was sent after it, and so has handled it."""

    @abc.abstractmethod
    async def receive(self, sender: str) -> Received:
        """The next message of a sender."""


class Happenings:
    """What a client has told and nobody has asked for yet."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._more = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()
        self._ended = False

    def add(self, **happened: Any) -> None:
        """Something has happened."""
        self._waiting.append(happened)
        self._wake()

    def end(self) -> None:
        """Nothing more will happen."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        notice = asyncio.ensure_future(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def take(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait for a happening for which `wanted` holds, and take it out.

        Raises:
            TimeoutError: it did not come in time.
            ConnectionError: it will not come any more.
        """
        try:
            async with asyncio.timeout(PATIENCE), self._more:
                while True:
                    for number, happened in enumerate(self._waiting):
                        if wanted(happened):
                            return self._waiting.pop(number)
                    if self._ended:
                        raise ConnectionError(f"{what} did not happen before the end; only {self._waiting}")
                    await self._more.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} did not happen; instead {self._waiting}") from None

    async def _notify(self) -> None:
        async with self._more:
            self._more.notify_all()


def bare(jid: object) -> str:
    """A JID without its resource."""
    return str(jid).partition("/")[0]
