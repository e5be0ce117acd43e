"""What the system says about names, in files that may change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from burble.dns.lines import NameServer
from burble.dns.system import Hosts, SystemNameServers


def write(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def test_name_servers_are_those_of_resolv_conf(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1 # mine\n nameserver 2001:db8::1\n"
        "nameserver not-an-address\nnameserver\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n"
    )
    servers = SystemNameServers(path)
    assert [str(each) for each in servers.get()] == ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"]


def test_a_change_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    servers = SystemNameServers(path)
    assert servers.get() == [NameServer("127.0.0.1")]
    write(path, "nameserver 192.0.2.1\n")
    assert servers.get() == [NameServer("192.0.2.1")]
    write(path, "nameserver 192.0.2.2\n")
    assert servers.get() == [NameServer("192.0.2.2")]
    path.unlink()
    assert servers.get() == [NameServer("127.0.0.1")]


def test_hosts_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(
        b"127.0.0.1 localhost\n192.0.2.1\tOne.Test one. #two\n2001:db8::1 one.test\n192.0.2.1 one.test\n"
        b"oops one.test\n192.0.2.7\n\n\xff\xff one.test\n"
    )
    hosts = Hosts(path)
    assert hosts.get("one.test") == ["192.0.2.1", "2001:db8::1"]
    assert hosts.get("one") == ["192.0.2.1"]
    assert hosts.get("two") == []
    assert hosts.get("localhost") == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", NameServer("192.0.2.1", 53)),
        ("192.0.2.1:5353", NameServer("192.0.2.1", 5353)),
        ("[192.0.2.1]:5353", NameServer("192.0.2.1", 5353)),
        ("2001:db8::1", NameServer("2001:db8::1", 53)),
        ("[2001:db8::1]", NameServer("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", NameServer("2001:db8::1", 5353)),
    ],
)
def test_a_name_server_may_be_written_with_a_port(text: str, server: NameServer) -> None:
    assert NameServer.parse(text) == server
