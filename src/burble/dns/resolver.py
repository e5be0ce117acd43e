"""Finds out where the servers of a domain are (RFC 6120 §3.2, XEP-0368)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from burble.dns.cache import Cache
from burble.dns.client import Answer, Client
from burble.dns.errors import DomainUnreachable
from burble.dns.lines import NameServer
from burble.dns.message import Kind
from burble.dns.names import dns_name, literal_address
from burble.dns.services import Service, ServiceRecord, in_order
from burble.dns.system import Hosts, SystemNameServers

__all__ = ["Resolver"]

_PORT: Final = 5269
# How much longer to wait for the addresses of one family when there are those of the other, seconds
# (RFC 8305 §3).
_OTHER_FAMILY: Final = 0.05

_Family = Literal[Kind.A, Kind.AAAA]


class Resolver:
    """Asks the DNS where to connect to; keeps the answers as long as they hold.

    It belongs to the event loop in which it was made.

    Args:
        nameservers: addresses of name servers, ``host`` or ``host:port``; none for those of the system.
        timeout: how long a question may take, seconds.
        hosts: the file of hosts, whose addresses come before those of the DNS.

    Raises:
        ValueError: one of the name servers is no address.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        timeout: float = 5.0,
        *,
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        self._given = [NameServer.parse(text) for text in nameservers]
        self._system = SystemNameServers()
        self._hosts = Hosts(hosts)
        self._client = Client(timeout)
        self._chance = random.SystemRandom()
        self._services: Cache[tuple[str, bool], ServiceRecord] = Cache(self._ask_services)
        self._addresses: Cache[tuple[str, _Family], str] = Cache(self._ask_addresses)

    async def services(self, domain: str) -> list[Service]:
        """Return where the servers of a domain listen for other servers, in the order to try them.

        The order is another one each time, as the weights of the records want it (RFC 2782).

        Args:
            domain: the domain part of a JID.

        Raises:
            DomainUnreachable: the domain says that it does not federate, or is none that the DNS could have.
            DnsFailure: the name servers do not answer, or not so that it is of use.
        """
        if (address := literal_address(domain)) is not None:
            return [Service(address, _PORT)]
        name = dns_name(domain)
        asked = [self._services.get((name, direct_tls)) for direct_tls in (False, True)]
        await asyncio.wait(asked)
        failures = [error for each in asked if (error := each.exception()) is not None]
        records = [record for each in asked if each.exception() is None for record in each.result()]
        usable = [record for record in records if record.service.host and record.service.port]
        if usable:
            return in_order(usable, self._chance)
        if failures:
            raise failures[0]
        if any(not record.service.direct_tls for record in records):
            raise DomainUnreachable(f"{domain} does not talk to other servers, says its SRV record")
        return [Service(name, _PORT)]

    async def addresses(self, host: str) -> list[str]:
        """Return the IPv6 and IPv4 addresses of a host.

        Raises:
            DomainUnreachable: there is no such host, or it has no address.
            DnsFailure: the name servers do not answer, or not so that it is of use.
        """
        if (address := literal_address(host)) is not None:
            return [address]
        name = dns_name(host)
        if found := self._hosts.get(name):
            return found
        families: tuple[_Family, ...] = (Kind.AAAA, Kind.A)
        asked = [self._addresses.get((name, family)) for family in families]
        done, others = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        if others:
            some = any(each.exception() is None and each.result() for each in done)
            await asyncio.wait(others, timeout=_OTHER_FAMILY if some else None)
        told = [each for each in asked if each.done()]
        if addresses := [address for each in told if each.exception() is None for address in each.result()]:
            return addresses
        for each in told:
            if (error := each.exception()) is not None:
                raise error
        raise DomainUnreachable(f"the DNS knows no address of {host}")

    def close(self) -> None:
        """Ask no more."""
        self._services.close()
        self._addresses.close()

    @property
    def _servers(self) -> list[NameServer]:
        return self._given or self._system.get()

    async def _ask_services(self, key: tuple[str, bool]) -> Answer[ServiceRecord]:
        domain, direct_tls = key
        service = "_xmpps-server" if direct_tls else "_xmpp-server"
        return await self._client.services(self._servers, f"{service}._tcp.{domain}", direct_tls=direct_tls)

    async def _ask_addresses(self, key: tuple[str, _Family]) -> Answer[str]:
        name, family = key
        return await self._client.addresses(self._servers, name, family)
