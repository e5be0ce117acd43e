"""Asks name servers (RFC 1035 §7), and makes records of what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, Literal, TypeVar

from burble.dns.errors import DnsFailure
from burble.dns.lines import NameServer, UdpLines, ask_by_tcp
from burble.dns.message import BadMessage, Kind, Message, Srv, question, read, truncated
from burble.dns.services import Service, ServiceRecord
from burble.racing import AllFailed, first_success

__all__ = ["Answer", "Client"]

T = TypeVar("T")

# How long a name server may take, at most, before the next one, or the same one again, is asked; the first
# answer counts.
_PATIENCE: Final = 1.0
_ROUNDS: Final = 2
# Questions by TCP at the same time.
_BY_TCP: Final = 32
# How many questions are sent without an answer before others have to wait, and for how long at most: what a
# thousand people ask at once must overrun neither the name server nor our own time to listen to it.
_AT_ONCE: Final = 200
_AT_ONCE_FOR: Final = 0.1
_ALIASES: Final = 16


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a name server answered.

    Attributes:
        records: all there are; none if the name does not exist or has no such records.
        ttl: how long that holds, seconds; None where the name server did not say.
    """

    records: tuple[T, ...]
    ttl: int | None


class Client:
    """Asks name servers; remembers nothing but which of them works.

    Args:
        timeout: how long a name server may take, with all that is tried in that time, seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._patience = min(_PATIENCE, timeout / 4)
        self._lines = UdpLines()
        self._tcp = asyncio.Semaphore(_BY_TCP)
        self._sending = asyncio.Semaphore(_AT_ONCE)
        self._preferred: NameServer | None = None

    async def services(
        self, servers: Sequence[NameServer], name: str, *, direct_tls: bool
    ) -> Answer[ServiceRecord]:
        """Ask for SRV records (RFC 2782); what they tell is marked as for direct TLS or not.

        A target of ``.`` comes out as the host ``""``.

        Raises:
            DnsFailure: no name server gave a usable answer in time.
        """
        answer = await self._ask(servers, name, Kind.SRV)
        records = [
            ServiceRecord(data.priority, data.weight, Service(data.target, data.port, direct_tls))
            for data in answer.records
            if isinstance(data, Srv)
        ]
        return Answer(tuple(records), answer.ttl)

    async def addresses(
        self, servers: Sequence[NameServer], name: str, kind: Literal[Kind.A, Kind.AAAA]
    ) -> Answer[str]:
        """Ask for IPv4 or IPv6 addresses.

        Raises:
            DnsFailure: no name server gave a usable answer in time.
        """
        answer = await self._ask(servers, name, kind)
        return Answer(tuple(data for data in answer.records if isinstance(data, str)), answer.ttl)

    async def _ask(self, servers: Sequence[NameServer], name: str, kind: Kind) -> Answer[str | Srv]:
        order = sorted(servers, key=lambda server: server != self._preferred) * _ROUNDS
        asked = question(name, kind)
        turn = await _Turn.begin(self._sending)
        try:
            async with asyncio.timeout(self._timeout):
                message = await first_success(
                    [partial(self._try, server, asked) for server in order], self._patience
                )
        except TimeoutError:
            text = f"no name server has told {kind.name} of {name} in {self._timeout:g} s"
            raise DnsFailure(text) from None
        except AllFailed as error:
            reasons = dict.fromkeys(str(each) or type(each).__name__ for each in error.failures)
            raise DnsFailure(f"no name server tells {kind.name} of {name}: {'; '.join(reasons)}") from error
        finally:
            turn.end()
        return _answer(message, name, kind)

    async def _try(self, server: NameServer, asked: bytes) -> Message:
        """Ask one name server. Raises OSError or `BadMessage` unless it gives a usable answer."""
        answer = await self._lines.ask(server, asked)
        if truncated(answer):
            async with self._tcp:
                answer = await ask_by_tcp(server, asked)
        try:
            message = read(answer)
        except BadMessage as error:
            raise BadMessage(f"{server}: {error}") from error
        self._preferred = server
        return message


class _Turn:
    """A place among those that may send. It is given up with the answer, or soon without one."""

    __slots__ = ("_places", "_timer")

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(
            _AT_ONCE_FOR, self.end
        )

    @classmethod
    async def begin(cls, places: asyncio.Semaphore) -> _Turn:
        await places.acquire()
        return cls(places)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._places.release()


def _answer(message: Message, name: str, kind: Kind) -> Answer[str | Srv]:
    """Pick out what was asked for, and follow aliases to it."""
    aliases = {each.name: each for each in message.records if each.kind is Kind.CNAME}
    ttls: list[int] = []
    asked = name
    for _ in range(_ALIASES):
        if (alias := aliases.get(name)) is None:
            break
        name = str(alias.data)
        ttls.append(alias.ttl)
    else:
        raise DnsFailure(f"the aliases of {asked} lead in circles")
    found = [each for each in message.records if each.kind is kind and each.name == name]
    if found:
        ttls += [each.ttl for each in found]
    elif message.nothing_for is not None:
        ttls.append(message.nothing_for)
    else:
        ttls.clear()
    return Answer(tuple(each.data for each in found), min(ttls, default=None))
