"""DNS messages (RFC 1035 §4): writes questions, and reads of answers what is to the point.

It reads so little and so carefully because anybody can have put records into the DNS: there is nothing in an
answer that could make it read for long.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

__all__ = ["BadMessage", "Kind", "Message", "Record", "Srv", "fits", "question", "read", "truncated"]

_HEADER: Final = 12
_ANSWER: Final = 0x80  # QR and TC, in the header's third byte
_TRUNCATED: Final = 0x02
_RECURSION_DESIRED: Final = 0x0100
_INTERNET: Final = 1
_SOA: Final = 6
_OPT: Final = 41
# How long an answer by UDP may be (RFC 6891 §6.2.3): that gets through everywhere in one piece.
_UDP_BYTES: Final = 1232
_NAME_BYTES: Final = 255
_POINTER: Final = 0xC0
_JUMPS: Final = 128  # as many as a name can have labels
# Nobody needs more records, and reading thousands would keep everything else waiting.
_RECORDS: Final = 200

_RESPONSES: Final = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


class Kind(IntEnum):
    """The record types that matter here."""

    A = 1
    CNAME = 5
    AAAA = 28
    SRV = 33


class BadMessage(ValueError):
    """A message can't be read, or it says that the name server failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Srv:
    """The data of a SRV record (RFC 2782); the target ``.`` is ``""``."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Record:
    """A resource record: whose it is, how long it holds (seconds), and an address, an alias or a `Srv`."""

    name: str
    kind: Kind
    ttl: int
    data: str | Srv


@dataclass(frozen=True, slots=True)
class Message:
    """An answer.

    Attributes:
        records: those of the kinds that matter, as they come.
        nothing_for: how long it holds that there are no others, seconds (RFC 2308 §5); None if untold.
    """

    records: list[Record]
    nothing_for: int | None


def question(name: str, kind: Kind) -> bytes:
    """Return a message that asks for records of a kind.

    Its first two bytes are left for a number.

    Args:
        name: in lower case and A-labels, without a final dot; labels of 63 bytes at most, 253 in all.
        kind: of the records.
    """
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    header = struct.pack("!HHHHHH", 0, _RECURSION_DESIRED, 1, 0, 0, 1)
    edns = struct.pack("!BHHIH", 0, _OPT, _UDP_BYTES, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", kind, _INTERNET) + edns


def fits(question: bytes, answer: bytes) -> bool:
    """Whether a message answers a question: it has the same number and repeats the question, in any case."""
    end = question.index(b"\0", _HEADER) + 5
    return (
        answer[:2] == question[:2]
        and len(answer) >= end
        and bool(answer[2] & _ANSWER)
        and answer[4:6] == b"\0\1"
        and answer[_HEADER:end].lower() == question[_HEADER:end]
    )


def truncated(answer: bytes) -> bool:
    """Whether there would have been more to say (RFC 2181 §9)."""
    return bool(answer[2] & _TRUNCATED)


def read(answer: bytes) -> Message:
    """Read a message that `fits` a question.

    Raises:
        BadMessage: it is damaged, cut short or too long, or says that the name server failed.
    """
    try:
        return _read(answer)
    except (struct.error, IndexError) as error:
        raise BadMessage("the answer is damaged") from error


def _read(answer: bytes) -> Message:
    _, flags, _, answers, authorities, _ = struct.unpack_from("!HHHHHH", answer)
    response = flags & 0xF
    if response and _RESPONSES.get(response) != "NXDOMAIN":
        raise BadMessage(f"the answer is {_RESPONSES.get(response, f'error {response}')}")
    if truncated(answer):
        raise BadMessage("the answer is cut short even by TCP")
    if answers > _RECORDS:
        raise BadMessage(f"the answer has {answers} records")
    _, at = _name(answer, _HEADER)
    at += 4
    records: list[Record] = []
    nothing_for: int | None = None
    for number in range(answers + min(authorities, _RECORDS)):
        name, at = _name(answer, at)
        kind, class_, ttl, length = struct.unpack_from("!HHIH", answer, at)
        at += 10
        end = at + length
        if end > len(answer):
            raise BadMessage("the answer is damaged")
        ttl = 0 if ttl >> 31 else ttl  # RFC 2181 §8
        if class_ == _INTERNET and number < answers:
            if (data := _data(answer, at, end, kind)) is not None:
                records.append(Record(name, Kind(kind), ttl, data))
        elif class_ == _INTERNET and kind == _SOA and length >= 4:
            nothing_for = min(ttl, int.from_bytes(answer[end - 4 : end], "big"))
        at = end
    return Message(records, nothing_for)


def _data(answer: bytes, at: int, end: int, kind: int) -> str | Srv | None:
    """Read the data of a record; None where its kind does not matter."""
    if kind == Kind.SRV:
        priority, weight, port = struct.unpack_from("!HHH", answer, at)
        target, after = _name(answer, at + 6)
        data: str | Srv = Srv(priority, weight, port, target)
    elif kind == Kind.CNAME:
        data, after = _name(answer, at)
    elif kind in (Kind.A, Kind.AAAA):
        after = at + (4 if kind == Kind.A else 16)
        data = str(ipaddress.ip_address(answer[at:after])) if after == end else ""
    else:
        return None
    if after != end:
        raise BadMessage("the answer is damaged")
    return data


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Read a name (RFC 1035 §4.1.4). Returns it in lower case without a final dot, and where it ends."""
    labels: list[bytes] = []
    size = 0
    after: int | None = None
    earliest = at
    jumps = 0
    while length := message[at]:
        if length >= _POINTER:
            target = (length ^ _POINTER) << 8 | message[at + 1]
            if after is None:
                after = at + 2
            jumps += 1
            if target >= earliest or jumps > _JUMPS:  # always further back
                raise BadMessage("the answer is damaged")
            at = earliest = target
            continue
        label = message[at + 1 : at + 1 + length]
        size += length + 1
        at += length + 1
        if length >= 64 or size >= _NAME_BYTES or len(label) < length:
            raise BadMessage("the answer is damaged")
        labels.append(label)
    name = b".".join(label.replace(b".", b"\\.") for label in labels).lower().decode("latin-1")
    return name, at + 1 if after is None else after
