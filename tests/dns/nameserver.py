"""A small name server on loopback, real over UDP and TCP, that does wrong where a test says so.

    zone = {
        "_xmpp-server._tcp.a.test": ["SRV 5 0 5269 xmpp.a.test."],
        "xmpp.a.test": ["A 127.0.0.1", "AAAA ::1"],
        "alias.a.test": ["CNAME xmpp.a.test."],
    }
    async with NameServer(zone) as names:
        Resolver([names.address])

Names are as in the zone or below a wildcard (``*.a.test``); it answers as a resolver would that knows
nothing but the zone: aliases are followed, everything else does not exist. Records come in any order.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from typing import Self, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Sequence[str]]

# Who asks without EDNS can take this many bytes by UDP (RFC 1035 §4.2.1).
_SMALL = 512
_LARGEST = 0xFFFF


class Fault(Enum):
    """What may go wrong with the answer to a name."""

    SILENT = auto()  # there is none
    SILENT_BY_TCP = auto()
    SERVFAIL = auto()
    REFUSED = auto()
    TRUNCATED = auto()  # by UDP it is cut off: ask by TCP
    ENDLESSLY_TRUNCATED = auto()  # by TCP as well
    GARBAGE = auto()  # it is no DNS message
    CUT_SHORT = auto()  # it ends in the middle of a record
    OTHER_ID = auto()  # it is for a question with another number
    OTHER_NAME = auto()  # it is for another question
    ANSWERS_FOR_OTHERS = auto()  # the question is right, but its records are another name's


class NameServer:
    """Answers while its context lasts.

    Args:
        zone: for each name its records, type and data as in a zone file, target names with a final dot.
        host: the address to listen on.
        port: the port for UDP and TCP; 0 for any that is free.
        ttl: how long a record may be kept, seconds.
        negative_ttl: how long may be kept that there is none.

    Attributes:
        zone: may be changed at any time.
        faults: what is wrong with the answers to a name.
        asked: how often each name and type has been asked for, such as ``("a.test", "SRV")``.
        delay: how long answers take, seconds.
        address: ``host:port``.
    """

    def __init__(
        self, zone: Zone, *, host: str = "127.0.0.1", port: int = 0, ttl: int = 60, negative_ttl: int = 60
    ) -> None:
        self.zone: dict[str, Sequence[str]] = {name.lower(): records for name, records in zone.items()}
        self.faults: dict[str, Fault] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.ttl = ttl
        self.negative_ttl = negative_ttl
        self.delay = 0.0
        self._host = host
        self.port = port
        self._heard: dict[tuple[str, str], asyncio.Event] = {}

    @property
    def address(self) -> str:
        """Where it listens, ``host:port``."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for attempts_left in reversed(range(10)):
            tcp = await asyncio.start_server(self._serve_tcp, self._host, self.port)
            port = tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Udp(self), local_addr=(self._host, port)
                )
            except OSError:  # somebody else has it
                tcp.close()
                if self.port or not attempts_left:
                    raise
                continue
            self._tcp = tcp
            self.port = port
            break
        self._writers: set[asyncio.StreamWriter] = set()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._udp.close()
        self._tcp.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0)

    async def heard(self, name: str, type: str) -> None:
        """Wait until a name and type is asked for, from now on."""
        await self._heard.setdefault((name, type), asyncio.Event()).wait()

    def answer(self, wire: bytes, *, by_tcp: bool = False) -> bytes | None:
        """Return the answer to a question, both as they go over the wire; None for silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        type = dns.rdatatype.to_text(question.rdtype)
        self.asked[name, type] += 1
        if (event := self._heard.get((name, type))) is not None:
            event.set()
        fault = self.faults.get(name)
        if fault is Fault.SILENT or (fault is Fault.SILENT_BY_TCP and by_tcp):
            return None
        if fault is Fault.GARBAGE:
            return wire[:2] + b"\xff" * 40
        response = dns.message.make_response(query, recursion_available=True)
        self._fill(response, name, question.rdtype)
        cut = fault is Fault.ENDLESSLY_TRUNCATED or (
            fault in (Fault.TRUNCATED, Fault.SILENT_BY_TCP) and not by_tcp
        )
        if cut:
            response.flags |= dns.flags.TC
            response.answer.clear()
        elif fault is Fault.SERVFAIL or fault is Fault.REFUSED:
            response.set_rcode(dns.rcode.from_text(fault.name))
            response.answer.clear()
        elif fault is Fault.OTHER_ID:
            response.id ^= 1
        elif fault is Fault.OTHER_NAME:
            response.question = [dns.rrset.from_text("other.test.", 0, "IN", type)]
        elif fault is Fault.ANSWERS_FOR_OTHERS:
            for rrset in response.answer:
                rrset.name = dns.name.from_text("other.test.")
        largest = _LARGEST if by_tcp else max(query.payload, _SMALL)
        answer = response.to_wire(max_size=largest, prefer_truncation=True)
        return answer[:-20] if fault is Fault.CUT_SHORT else answer

    def _fill(self, response: dns.message.Message, name: str, type: dns.rdatatype.RdataType) -> None:
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            records = self._records(name)
            if records is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            alias = [data for kind, data in _parsed(records) if kind == "CNAME"]
            kind = "CNAME" if alias else dns.rdatatype.to_text(type)
            if found := [data for each, data in _parsed(records) if each == kind]:
                response.answer.append(dns.rrset.from_text_list(name + ".", self.ttl, "IN", kind, found))
            if not alias or type == dns.rdatatype.CNAME:
                break
            name = alias[0].rstrip(".").lower()
        if not response.answer or response.rcode() == dns.rcode.NXDOMAIN:
            ttl = self.negative_ttl
            soa = f"ns.test. admin.test. 1 3600 600 86400 {ttl}"
            response.authority.append(dns.rrset.from_text("test.", ttl, "IN", "SOA", soa))

    def _records(self, name: str) -> Sequence[str] | None:
        """The records of a name, None where the name does not exist."""
        if (records := self.zone.get(name)) is not None:
            return records
        parent = name
        while parent := parent.partition(".")[2]:
            if (records := self.zone.get("*." + parent)) is not None:
                return records
        # What has names below it exists (RFC 8020).
        return [] if any(each.endswith("." + name) for each in self.zone) else None

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answer = self.answer(await reader.readexactly(length), by_tcp=True)
                if answer is not None:
                    await asyncio.sleep(self.delay)
                    writer.write(struct.pack("!H", len(answer)) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


class SilentServer(NameServer):
    """Hears questions for names below ``void`` and of a type, or of all types, and says nothing."""

    def __init__(self, zone: Zone, type: str = "") -> None:
        super().__init__(zone)
        self._type = dns.rdatatype.from_text(type).to_bytes(2, "big") + b"\0\1" if type else b""

    def answer(self, wire: bytes, *, by_tcp: bool = False) -> bytes | None:
        """Return the answer to a question of another kind."""
        if b"\4void" in wire and self._type in wire:
            return None
        return super().answer(wire, by_tcp=by_tcp)


@contextmanager
def empty_server() -> Iterator[str]:
    """Say of every name that it does not exist, from a thread, and so as fast as a real one.

    Returns the address; the answers have neither EDNS nor a SOA record.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                wire, peer = sock.recvfrom(_LARGEST)
                if not wire:
                    return
                end = wire.index(b"\0", 12) + 5
                sock.sendto(wire[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + wire[12:end], peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data)
        if answer is None:
            return
        if self._server.delay:
            asyncio.get_running_loop().call_later(self._server.delay, self._send, answer, addr)
        else:
            self._send(answer, addr)

    def _send(self, answer: bytes, addr: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(answer, addr)


def _parsed(records: Sequence[str]) -> Iterator[tuple[str, str]]:
    for record in records:
        kind, _, data = record.partition(" ")
        yield kind.upper(), data
