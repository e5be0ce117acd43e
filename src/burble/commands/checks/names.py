"""Looks at the DNS as others do: do clients and other servers find this machine?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from burble.commands.checks.finding import Finding, error, ok, warning
from burble.commands.checks.subject import Subject
from burble.dns import DnsError, DnsFailure, Resolver, Service
from burble.dns.client import Client
from burble.dns.lines import NameServer
from burble.dns.names import dns_name
from burble.dns.system import SystemNameServers

__all__ = ["check_names"]

# Domains asked about at the same time.
_AT_ONCE: Final = 16
_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Audience:
    """Who looks for a domain: with which records, on which listeners, where without records."""

    whom: str
    service: str
    kind: str
    port: int


_CLIENTS: Final = _Audience("clients", "client", "c2s", 5222)
_SERVERS: Final = _Audience("other servers", "server", "s2s", 5269)


async def check_names(subject: Subject, hosts: Iterable[str], timeout: float = _TIMEOUT) -> list[Finding]:
    """Ask the DNS about hosts and their services.

    Args:
        subject: whose settings say which name servers to ask.
        hosts: the hosts to look at.
        timeout: how long a question may take, seconds.
    """
    findings: list[Finding] = []
    lookups = _Lookups(subject, timeout)
    try:
        asked: list[tuple[str, str, _Audience]] = []
        for host in hosts:
            if not subject.is_public(host):
                text = "a name for this machine or network, which the DNS of the world does not have"
                findings.append(ok(f"dns {host}", text))
                continue
            asked.append((host, host, _CLIENTS))
            if subject.settings.federation.enabled and (subject.ports("s2s") or subject.ports("s2s_tls")):
                asked += [(host, domain, _SERVERS) for domain in (host, *subject.services.get(host, ()))]
        limit = asyncio.Semaphore(_AT_ONCE)

        async def look(host: str, domain: str, audience: _Audience) -> list[Finding]:
            async with limit:
                if lookups.failed > _AT_ONCE and not lookups.told:
                    return []  # nobody answers: hundreds of questions more would take minutes
                return await lookups.look(host, domain, audience)

        for told in await asyncio.gather(*(look(*each) for each in asked)):
            findings += told
    finally:
        lookups.close()
    return findings


class _Lookups:
    def __init__(self, subject: Subject, timeout: float) -> None:
        given = [str(address) for address in subject.settings.federation.nameservers]
        self._subject = subject
        self._servers = [NameServer.parse(text) for text in given] or SystemNameServers().get()
        self._client = Client(timeout)
        # Domains that the name servers told of, and those of which they did not.
        self.told = 0
        self.failed = 0
        self._resolver = Resolver(given, timeout)

    def close(self) -> None:
        self._resolver.close()

    async def look(self, host: str, domain: str, audience: _Audience) -> list[Finding]:
        """What others find who look for a domain."""
        name = f"dns {domain}"
        try:
            records = await self._records(dns_name(domain), audience)
            self.told += 1
            if not records:
                return await self._without_records(domain, audience, is_service=domain != host)
        except DnsFailure as failure:
            self.failed += 1
            advice = "see that the name servers of this machine, in /etc/resolv.conf, answer"
            return [warning(name, f"it could not be looked at: {failure}", advice)]
        except DnsError as failure:
            return [error(name, str(failure), "choose a name that a domain can have")]
        offered = [record for record in records if record.host]
        if not offered:
            advice = f"remove the SRV record with the target ., unless {audience.whom} shall stay away"
            return [warning(name, f"it tells {audience.whom} that they are not served", advice)]
        found: list[Finding] = []
        for record in offered:
            found += await self._service(name, record, audience)
        if all(each.level == "ok" for each in found):
            return [ok(name, f"{audience.whom} find it at {', '.join(map(_shown, offered))}")]
        return [each for each in found if each.level != "ok"]

    async def _records(self, name: str, audience: _Audience) -> list[Service]:
        answers = await asyncio.gather(
            *(
                self._client.services(
                    self._servers, f"_{kind}-{audience.service}._tcp.{name}", direct_tls=kind == "xmpps"
                )
                for kind in ("xmpp", "xmpps")
            )
        )
        records = [record for answer in answers for record in answer.records]
        return [record.service for record in sorted(records, key=lambda record: record.priority)]

    async def _without_records(self, domain: str, audience: _Audience, is_service: bool) -> list[Finding]:
        """Others look at the address of the domain then, and at the usual port (RFC 6120 §3.2.2)."""
        name = f"dns {domain}"
        target = f"the name of this machine, a record such as: {_record(domain, audience)}"
        try:
            await self._resolver.addresses(domain)
        except DnsFailure:
            raise
        except DnsError:
            text = f"{audience.whom} don't find it: the DNS has neither SRV records nor an address for it"
            # Without the domain of the rooms everything works but rooms, and only for people elsewhere.
            found = warning if is_service else error
            return [found(name, text, f"publish {target}")]
        found_ = await self._service(name, Service(domain, audience.port), audience)
        if all(each.level == "ok" for each in found_):
            return [ok(name, f"{audience.whom} find it by its address, at port {audience.port}")]
        return found_

    async def _service(self, name: str, service: Service, audience: _Audience) -> list[Finding]:
        """Whether a record leads to this server."""
        try:
            addresses = await self._resolver.addresses(service.host)
        except DnsFailure:
            raise
        except DnsError:
            text = f"a SRV record for {audience.whom} names {service.host}, which has no address"
            return [
                error(name, text, f"publish an A or AAAA record for {service.host}, or correct the SRV one")
            ]
        if not any(map(_is_ours, addresses)):
            text = (
                f"{audience.whom} are led to {_shown(service)} ({', '.join(addresses)}), not to this machine"
            )
            advice = "right where a router or a proxy passes connections on to here; else correct the record"
            return [warning(name, text, advice)]
        kind = f"{audience.kind}_tls" if service.direct_tls else audience.kind
        if service.port not in self._subject.ports(kind):
            text = f"{audience.whom} are led to {_shown(service)}, where nothing listens for them"
            advice = f"add port {service.port} to {kind} in [listen], or correct the record"
            return [error(name, text, advice)]
        return [ok(name, f"{audience.whom} are led to {_shown(service)}")]


def _shown(service: Service) -> str:
    return f"{service}{' (direct TLS)' if service.direct_tls else ''}"


def _record(domain: str, audience: _Audience) -> str:
    return f"_xmpp-{audience.service}._tcp.{dns_name(domain)}. 3600 IN SRV 5 0 {audience.port} HOST."


def _is_ours(address: str) -> bool:
    """Whether this machine has an address: only then can anything be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True
