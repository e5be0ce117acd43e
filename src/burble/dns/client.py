"""Asks name servers (RFC 1035 §7), and makes records of what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, Literal, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns.rdata import Rdata
from dns.rdtypes.IN.SRV import SRV

from burble.dns.errors import DnsFailure
from burble.dns.lines import NameServer, UdpLines, ask_by_tcp
from burble.dns.services import Service, ServiceRecord
from burble.racing import AllFailed, first_success

__all__ = ["Answer", "Client"]

T = TypeVar("T")

# How long a name server may take before the next one, or the same one again, is asked; the first answer
# counts.
_PATIENCE: Final = 1.0
_ROUNDS: Final = 2
# How long an answer by UDP may be: that gets through everywhere in one piece.
_UDP_BYTES: Final = 1232
# Nobody needs more records, and reading thousands would keep everything else waiting.
_RECORDS: Final = 200
# Questions by TCP at the same time.
_BY_TCP: Final = 32
_TRUNCATED: Final = 0x02  # in the header's third byte
_GOOD: Final = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a name server answered.

    Attributes:
        records: all there are; none if the name does not exist or has no such records.
        ttl: how long that holds, seconds; None where the name server did not say (RFC 2308 §5).
    """

    records: tuple[T, ...]
    ttl: int | None


class Client:
    """Asks name servers; remembers nothing but which of them works.

    Args:
        timeout: how long a question may take, seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lines = UdpLines()
        self._tcp = asyncio.Semaphore(_BY_TCP)
        self._preferred: NameServer | None = None

    async def services(
        self, servers: Sequence[NameServer], name: str, *, direct_tls: bool
    ) -> Answer[ServiceRecord]:
        """Ask for SRV records (RFC 2782); what they tell is marked as for direct TLS or not.

        A target of ``.`` comes out as the host ``""``.

        Raises:
            DnsFailure: no name server gave a usable answer in time.
        """

        def record(data: Rdata) -> ServiceRecord:
            assert isinstance(data, SRV)
            host = data.target.to_text(omit_final_dot=True).lower()
            return ServiceRecord(data.priority, data.weight, Service(host.strip("."), data.port, direct_tls))

        return await self._ask(servers, name, "SRV", record)

    async def addresses(
        self, servers: Sequence[NameServer], name: str, kind: Literal["A", "AAAA"]
    ) -> Answer[str]:
        """Ask for IPv4 or IPv6 addresses.

        Raises:
            DnsFailure: no name server gave a usable answer in time.
        """
        return await self._ask(servers, name, kind, lambda data: data.to_text())

    async def _ask(
        self, servers: Sequence[NameServer], name: str, kind: str, record: Callable[[Rdata], T]
    ) -> Answer[T]:
        try:
            query = dns.message.make_query(name + ".", kind, use_edns=0, payload=_UDP_BYTES)
            question = query.to_wire()
        except dns.exception.DNSException as error:
            raise DnsFailure(f"can't ask the DNS for {name}: {error}") from error
        order = sorted(servers, key=lambda server: server != self._preferred) * _ROUNDS
        try:
            async with asyncio.timeout(self._timeout):
                message = await first_success(
                    [partial(self._try, server, question) for server in order], _PATIENCE
                )
        except TimeoutError:
            text = f"no name server has told {kind} of {name} in {self._timeout:g} s"
            raise DnsFailure(text) from None
        except AllFailed as error:
            reasons = dict.fromkeys(str(each) or type(each).__name__ for each in error.failures)
            raise DnsFailure(f"no name server tells {kind} of {name}: {'; '.join(reasons)}") from error
        return _answer(message, record)

    async def _try(self, server: NameServer, question: bytes) -> dns.message.QueryMessage:
        """Ask one name server. Raises OSError or ValueError unless it gives a usable answer."""
        wire = await self._lines.ask(server, question)
        if wire[2] & _TRUNCATED:
            async with self._tcp:
                wire = await ask_by_tcp(server, question)
        message = _parsed(server, wire)
        self._preferred = server
        return message


def _parsed(server: NameServer, wire: bytes) -> dns.message.QueryMessage:
    records = sum(int.from_bytes(wire[start : start + 2], "big") for start in (6, 8, 10))
    if records > _RECORDS:
        raise ValueError(f"{server} answers with {records} records")
    try:
        message = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"the answer of {server} is damaged: {error}") from error
    if message.flags & dns.flags.TC:
        raise ValueError(f"{server} cuts its answer short")
    if message.rcode() not in _GOOD or not isinstance(message, dns.message.QueryMessage):
        raise ValueError(f"{server} says {dns.rcode.to_text(message.rcode())}")
    return message


def _answer(message: dns.message.QueryMessage, record: Callable[[Rdata], T]) -> Answer[T]:
    try:
        chain = message.resolve_chaining()
    except dns.exception.DNSException as error:
        raise DnsFailure(f"the DNS leads in circles: {error}") from error
    if chain.answer is None:
        told = any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
        return Answer((), chain.minimum_ttl if told else None)
    return Answer(tuple(record(data) for data in chain.answer), chain.minimum_ttl)
