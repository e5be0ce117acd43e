"""Where a domain's servers are: the records of a domain put in the order in which to try them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Service", "ServiceRecord", "in_order"]

# Nobody has more servers to try; a message may hold thousands of records.
_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Service:
    """Where to connect.

    Attributes:
        host: a host name in A-labels, or an IP address.
        port: the TCP port.
        direct_tls: TLS from the first byte (XEP-0368), not by STARTTLS.
    """

    host: str
    port: int
    direct_tls: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A SRV record (RFC 2782), and whether it is for direct TLS."""

    priority: int
    weight: int
    service: Service


def in_order(records: Iterable[ServiceRecord], chance: random.Random) -> list[Service]:
    """Return the services in the order to try them (RFC 2782; XEP-0368 §3 sorts both kinds together).

    Lower priorities come first. Among equals the one with the greater weight is likelier to come sooner.
    """
    groups: dict[int, list[ServiceRecord]] = {}
    for record in sorted(records, key=lambda record: record.priority)[:_MOST]:
        groups.setdefault(record.priority, []).append(record)
    services: list[Service] = []
    for group in groups.values():
        chance.shuffle(group)
        # Weightless ones stand first, so that they have a small chance too.
        group.sort(key=lambda record: record.weight)
        while group:
            mark = chance.randint(0, sum(record.weight for record in group))
            for index, record in enumerate(group):
                mark -= record.weight
                if mark <= 0:
                    services.append(group.pop(index).service)
                    break
    return services
