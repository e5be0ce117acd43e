"""The DNS as others see it, told to an administrator: with a real name server on loopback."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from burble.commands.checks.finding import Finding
from burble.commands.checks.names import check_names
from burble.commands.checks.subject import Subject
from burble.config import Address
from burble.testing import settings
from tests.dns.nameserver import Fault, NameServer

CASTLE = "castle.example.org"
ROOMS = f"conference.{CASTLE}"
HERE = ["A 127.0.0.1"]
ELSEWHERE = ["A 192.0.2.7"]  # RFC 5737: nobody's
LISTENING = {
    "c2s": [Address("127.0.0.1", 5222)],
    "c2s_tls": [Address("127.0.0.1", 5223)],
    "s2s": [Address("127.0.0.1", 5269)],
}


def client(port: int = 5222, target: str = "xmpp.castle.example.org.", priority: int = 5) -> str:
    return f"SRV {priority} 0 {port} {target}"


async def found(
    path: Path,
    zone: Mapping[str, Sequence[str]],
    faults: Mapping[str, Fault] | None = None,
    *,
    hosts: Sequence[str] = (CASTLE,),
    services: Sequence[str] = (),
    enabled: bool = False,
) -> list[Finding]:
    """What is found of hosts in a zone; only what clients see unless federation is enabled."""
    async with NameServer(zone) as names:
        names.faults.update(faults or {})
        federation = {"nameservers": [names.address], "enabled": enabled}
        subject = Subject(
            settings(path, hosts=list(hosts), federation=federation), {}, LISTENING, {CASTLE: services}
        )
        return await check_names(subject, list(hosts))


def short(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in findings]


async def test_all_is_well(tmp_path: Path) -> None:
    zone = {
        f"_xmpp-client._tcp.{CASTLE}": [client()],
        f"_xmpps-client._tcp.{CASTLE}": [client(5223, priority=1)],
        f"_xmpp-server._tcp.{CASTLE}": [client(5269)],
        "xmpp.castle.example.org": HERE,
    }
    assert short(await found(tmp_path, zone, enabled=True)) == [
        (
            "ok",
            "clients find it at xmpp.castle.example.org:5223 (direct TLS), xmpp.castle.example.org:5222",
        ),
        ("ok", "other servers find it at xmpp.castle.example.org:5269"),
    ]


async def test_without_records_the_address_counts(tmp_path: Path) -> None:
    assert short(await found(tmp_path, {CASTLE: HERE})) == [
        ("ok", "clients find it by its address, at port 5222")
    ]


PROBLEMS: list[tuple[str, dict[str, list[str]], str, str, str]] = [
    (
        "nothing",
        {},
        "error",
        "neither SRV records nor an address",
        "_xmpp-client._tcp.castle.example.org. 3600",
    ),
    (
        "target without an address",
        {f"_xmpp-client._tcp.{CASTLE}": [client()]},
        "error",
        "names xmpp.castle.example.org, which has no address",
        "A or AAAA record for xmpp.castle.example.org",
    ),
    (
        "another machine",
        {f"_xmpp-client._tcp.{CASTLE}": [client()], "xmpp.castle.example.org": ELSEWHERE},
        "warning",
        r"led to xmpp.castle.example.org:5222 \(192.0.2.7\), not to this machine",
        "right where a router",
    ),
    ("another address", {CASTLE: ELSEWHERE}, "warning", "192.0.2.7.*not to this machine", "router"),
    (
        "port",
        {f"_xmpp-client._tcp.{CASTLE}": [client(5333)], "xmpp.castle.example.org": HERE},
        "error",
        "xmpp.castle.example.org:5333, where nothing listens",
        "add port 5333 to c2s in",
    ),
    (
        "port with direct TLS",
        {f"_xmpps-client._tcp.{CASTLE}": [client(5222)], "xmpp.castle.example.org": HERE},
        "error",
        r"5222 \(direct TLS\), where nothing listens",
        "add port 5222 to c2s_tls",
    ),
    (
        "refusal",
        {f"_xmpp-client._tcp.{CASTLE}": [client(0, ".")]},
        "warning",
        "tells clients that they are not served",
        "remove the SRV record",
    ),
]


@pytest.mark.parametrize(
    ("zone", "level", "text", "advice"), [each[1:] for each in PROBLEMS], ids=[each[0] for each in PROBLEMS]
)
async def test_problems(
    tmp_path: Path, zone: dict[str, list[str]], level: str, text: str, advice: str
) -> None:
    (finding,) = await found(tmp_path, zone)
    assert (finding.level, finding.subject) == (level, f"dns {CASTLE}")
    assert re.search(text, finding.text), finding.text
    assert advice in finding.advice


async def test_a_name_server_that_fails_is_no_fault_of_the_host(tmp_path: Path) -> None:
    fault = {f"_xmpp-client._tcp.{CASTLE}": Fault.SERVFAIL}
    (finding,) = await found(tmp_path, {}, fault)
    assert (finding.level, finding.text.partition(":")[0]) == ("warning", "it could not be looked at")


async def test_name_servers_that_never_answer_are_not_asked_a_thousand_times(tmp_path: Path) -> None:
    hosts = [f"castle{number}.example.org" for number in range(1000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{silent.getsockname()[1]}"
        federation = {"nameservers": [nobody], "enabled": False}
        subject = Subject(settings(tmp_path, hosts=hosts, federation=federation), {}, LISTENING)
        findings = await check_names(subject, hosts, timeout=0.05)
    assert 16 <= len(findings) < 50
    assert {each.level for each in findings} == {"warning"}


async def test_other_servers_look_for_services_too(tmp_path: Path) -> None:
    zone = {CASTLE: HERE}
    findings = await found(tmp_path, zone, services=[ROOMS], enabled=True)
    assert [(each.level, each.subject) for each in findings] == [
        ("ok", f"dns {CASTLE}"),
        ("ok", f"dns {CASTLE}"),
        ("warning", f"dns {ROOMS}"),
    ]
    assert f"_xmpp-server._tcp.{ROOMS}. 3600 IN SRV 5 0 5269" in findings[2].advice


async def test_names_that_the_world_does_not_know_are_left_alone(tmp_path: Path) -> None:
    hosts = ["localhost", "castle.test", "castle", "127.0.0.1", "[::1]"]
    subject = Subject(settings(tmp_path, hosts=hosts), {}, LISTENING)
    assert {each.level for each in await check_names(subject, hosts)} == {"ok"}


async def test_name_servers_of_ones_own_may_know_any_name_but_that_of_this_machine(tmp_path: Path) -> None:
    (local,) = await found(tmp_path, {}, hosts=["localhost"])
    assert local.level == "ok"
    (ours,) = await found(tmp_path, {}, hosts=["castle.test"])
    assert ours.level == "error"
