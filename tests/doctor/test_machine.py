"""The machine and its files: clock, disk, data directory, database, limits, ports."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from pathlib import Path

import pytest
from sqlalchemy import text

from burble.commands.checks import Subject, examine
from burble.commands.checks.data import check_data_directory, check_database, judge_disk
from burble.commands.checks.federation import check_federation
from burble.commands.checks.finding import Finding
from burble.commands.checks.ports import check_ports, check_registration
from burble.commands.checks.system import check_clock, check_files, check_versions, judge_clock
from burble.config import Address
from burble.storage import Database
from burble.streams.servers.outgoing import StreamRefused
from burble.testing import serving, settings

MIB = 1 << 20


def stopped(path: Path, **changes: object) -> Subject:
    return Subject.stopped(settings(path, **changes), {})


def test_clocks() -> None:
    assert judge_clock(True, -5.0).level == "ok"
    assert judge_clock(None, 0.0).level == "ok"
    assert judge_clock(False, 0.0).level == "warning"
    assert judge_clock(True, 3600.0).text.startswith("it was set back: there are files from 60 minutes")


def test_a_clock_that_was_set_back_shows_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "burble.db").touch()
    assert [each.level for each in check_clock(stopped(tmp_path))] != ["error"]
    os.utime(tmp_path / "burble.db", (2**32, 2**32))
    assert [each.level for each in check_clock(stopped(tmp_path))] == ["error"]


@pytest.mark.parametrize(
    ("free", "names", "level"),
    [(50_000, 100, "ok"), (500, 100, "warning"), (50, 100, "error"), (50_000, 0, "error")],
)
def test_disks(free: int, names: int, level: str) -> None:
    assert judge_disk(Path("/"), free * MIB, 100_000 * MIB, names, 1_000).level == level


def test_a_disk_that_does_not_count_its_files() -> None:
    assert judge_disk(Path("/"), 50_000 * MIB, 100_000 * MIB, 0, 0).level == "ok"


def test_a_data_directory_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "secret").touch(0o600)
    assert [each.level for each in check_data_directory(stopped(tmp_path))] == ["ok"]
    tmp_path.chmod(0o750)
    (tmp_path / "secret").chmod(0o644)
    directory, secret = check_data_directory(stopped(tmp_path))
    assert (directory.level, directory.advice) == ("warning", f"chmod 700 {tmp_path}")
    assert (secret.level, secret.advice) == ("warning", f"chmod 600 {tmp_path / 'secret'}")


def test_a_data_directory_that_is_not_there(tmp_path: Path) -> None:
    (finding,) = check_data_directory(stopped(tmp_path / "none"))
    assert finding.level == "ok"
    assert not (tmp_path / "none").exists()


async def database(path: Path, url: str | None = None) -> Finding:
    (finding,) = [each async for each in check_database(stopped(path, database={"url": url}))]
    return finding


async def test_databases_of_a_server_that_does_not_run(tmp_path: Path) -> None:
    assert (await database(tmp_path)).text.startswith("it is empty")
    opened = Database.open(f"sqlite:///{tmp_path / 'burble.db'}")
    await opened.start()
    assert "the tables of this version" in (await database(tmp_path)).text
    for revision, level in (("0001", "ok"), ("9999", "error")):
        statement = text(f"UPDATE alembic_version SET version_num = '{revision}'")
        await opened.write(lambda connection, statement=statement: connection.execute(statement) and None)
        assert (await database(tmp_path)).level == level
    await opened.stop()
    (tmp_path / "burble.db").write_bytes(b"no database" * 1000)
    assert "cannot open the database" in (await database(tmp_path)).text


async def test_a_database_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql://burble:s3cr3t@127.0.0.1:{nobody.getsockname()[1]}/burble"
        finding = await database(tmp_path, url)
    assert finding.level == "error"
    assert "s3cr3t" not in finding.text


def test_ports_of_a_server_that_does_not_run(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        findings = list(check_ports(stopped(tmp_path, listen={"c2s": [address], "s2s": []})))
    assert [each.text for each in findings if each.level == "error"] == [
        f"the server can't listen on {address} (c2s): another program listens there"
    ]
    assert all(each.level == "ok" for each in check_ports(stopped(tmp_path, listen={"s2s": []})))


def serves(path: Path, *hosts: str, **addresses: str) -> Subject:
    listening = {kind: [Address.parse(text)] for kind, text in addresses.items()}
    return Subject(settings(path, hosts=list(hosts), federation={"enabled": True}), {}, listening)


@pytest.mark.parametrize(
    ("host", "addresses", "problem"),
    [
        ("localhost", {"c2s": "127.0.0.1:0"}, None),
        ("castle.example.org", {"c2s": "127.0.0.1:0"}, "can't be reached from other machines"),
        ("castle.example.org", {"c2s": "127.0.0.1:0", "c2s_tls": "0.0.0.0:0"}, None),
        ("castle.example.org", {"c2s": "[::]:0", "s2s": "[::1]:0"}, "can't be reached from other machines"),
        ("localhost", {"c2s": "127.0.0.1:0", "http": "0.0.0.0:0"}, "without encryption"),
        ("localhost", {"s2s": "127.0.0.1:0"}, "no client can connect"),
    ],
)
def test_who_reaches_the_ports(
    tmp_path: Path, host: str, addresses: dict[str, str], problem: str | None
) -> None:
    problems = [each.text for each in check_ports(serves(tmp_path, host, **addresses)) if each.level != "ok"]
    assert len(problems) == (problem is not None)
    assert problem is None or problem in problems[0]


def test_doors_that_are_open_to_everybody(tmp_path: Path) -> None:
    """The settings for tests let everybody register, without encryption; on loopback that is nobody."""
    assert list(check_registration(serves(tmp_path, "localhost", c2s="127.0.0.1:0"))) == []
    found = check_registration(serves(tmp_path, "localhost", c2s="0.0.0.0:0"))
    assert [each.subject for each in found] == ["registration", "encryption"]


async def test_a_server_that_runs(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        findings = await examine(Subject.running(server), ["localhost"])
    levels = {each.subject: each.level for each in findings if each.level != "ok"}
    assert levels.keys() <= {"clock", "disk", "open files"}  # what depends on this machine
    told = {each.subject: each.text for each in findings}
    assert told["database"].startswith("it answers, in ")
    assert "self-signed" in told["certificate localhost"]


async def test_open_files(tmp_path: Path) -> None:
    assert list(check_files(stopped(tmp_path))) == []
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(tmp_path) as server:
        subject = Subject.running(server)
        opened = len(os.listdir("/proc/self/fd"))
        try:
            for limit, level in ((opened + 5, "error"), (2048, "warning")):
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
                assert [each.level for each in check_files(subject)] == [level]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_versions(tmp_path: Path) -> None:
    (finding,) = check_versions(stopped(tmp_path))
    assert finding.text.startswith("Burble ")
    assert ", OpenSSL " in finding.text


async def test_other_servers(tmp_path: Path) -> None:
    """One that can't be reached has troubles of its own; where nobody can be, they are ours."""
    federation = {"enabled": True, "queue_stanzas": 10}
    async with serving(tmp_path, federation=federation) as server:
        subject = Subject.running(server)
        now = asyncio.get_running_loop().time()
        refused = StreamRefused("remote-server-timeout", "nobody answers")
        for number, level in ((0, "ok"), (1, "ok"), (2, "ok"), (3, "warning")):
            if number:
                pair = ("localhost", f"s{number}.example")
                server.federation.known.failed(pair, refused, now, 10, 10)
            (finding,) = check_federation(subject)
            assert finding.level == level
        assert "none of 3 other servers could be reached: s1.example, s2.example" in finding.text
    assert [each.text for each in check_federation(stopped(tmp_path))] == [
        "it is turned off: nothing goes to other servers"
    ]
