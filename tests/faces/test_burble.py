"""The program `burble`: it starts, stops and reloads as an administrator expects, or says what is wrong."""

from __future__ import annotations

import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from burble import __version__
from tests.client import ScriptedClient, condition
from tests.faces.programs import SETTINGS, Running, burble, burblectl


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a settings file."""
    (tmp_path / "burble.toml").write_text(SETTINGS)
    return tmp_path


async def juliet(server: Running) -> ScriptedClient:
    """A session of juliet."""
    registered = await burblectl(server.directory, "register", "juliet", "localhost", "secret")
    assert registered.status == 0, registered.err
    return await (await ScriptedClient(server.port).connect()).login("juliet")


async def test_version(home: Path) -> None:
    assert (await burble(home, "--version")).out == f"burble {__version__}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_streams_and_ends_cleanly(home: Path, number: signal.Signals) -> None:
    async with Running(home) as server:
        client = await juliet(server)
        server.process.send_signal(number)
        assert condition((await client.closed())[-1]) == "system-shutdown"
        await client.close()
        assert await server.ended() == 0
    assert server.log.rstrip().endswith("burble.server  stopped")
    assert not (home / "data" / "burble.sock").exists()


async def test_a_second_signal_does_not_wait(home: Path) -> None:
    async with Running(home) as server:
        # A client that never closes its side keeps a clean stop waiting.
        client = await juliet(server)
        server.process.send_signal(signal.SIGTERM)
        await server.logged("stopping on SIGTERM")
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 1
        assert "without a clean stop" in server.log
        await client.close()


async def test_hangup_reloads(home: Path) -> None:
    async with Running(home) as server:
        client = await juliet(server)
        (home / "burble.toml").write_text(SETTINGS.replace('"localhost"', '"localhost", "garden.example"'))
        server.process.send_signal(signal.SIGHUP)
        await server.logged("settings reloaded; serving localhost, garden.example on")
        (home / "burble.toml").write_text("hosts = 5")
        server.process.send_signal(signal.SIGHUP)
        await server.logged(r"ERROR .* the settings stay as they were: .*burble.toml:1: hosts: expected")
        await client.sync()
        await client.close()


async def test_reload_opens_the_log_anew(home: Path) -> None:
    log, moved = home / "burble.log", home / "burble.log.1"
    async with Running(home):
        (home / "burble.toml").write_text(SETTINGS + '[log]\nfile = "burble.log"\n')
        assert (await burblectl(home, "reload")).status == 0
        log.rename(moved)
        assert (await burblectl(home, "reload")).status == 0
        assert (await burblectl(home, "connected_users")).status == 0
    assert "burblectl calls connected_users()" in log.read_text()
    assert "burblectl calls connected_users()" not in moved.read_text()


async def test_reload_keeps_sessions_and_refuses_a_wrong_file(home: Path) -> None:
    async with Running(home) as server:
        client = await juliet(server)
        (home / "burble.toml").write_text(SETTINGS.replace('"localhost"', '"localhost", "garden.example"'))
        assert (await burblectl(home, "reload")).status == 0
        assert "hosts\tlocalhost,garden.example" in (await burblectl(home, "status")).out
        (home / "burble.toml").write_text(SETTINGS.replace("hosts", "hots"))
        refused = await burblectl(home, "reload")
        assert refused.status == 1
        assert 'burble.toml:1: hots: unknown key; did you mean "hosts"?' in refused.err
        assert "hosts\tlocalhost,garden.example" in (await burblectl(home, "status")).out
        (home / "burble.toml").write_text(SETTINGS.replace('"data"', '"other"'))
        reloaded = await burblectl(home, "--data-dir", "data", "reload")
        assert reloaded.out == "data_dir takes effect with the next start\n"
        await client.sync()
        await client.close()


async def test_what_was_acknowledged_is_there_after_kill_9(home: Path) -> None:
    async with Running(home) as server:
        await (await juliet(server)).close()
        server.process.kill()
        await server.ended()
    async with Running(home) as server:  # the socket that was left behind is in nobody's way
        client = await (await ScriptedClient(server.port).connect()).login("juliet")
        await client.close()


async def test_one_data_directory_one_server(home: Path) -> None:
    async with Running(home):
        second = await burble(home, "serve")
    assert second.status == 1
    assert f"the data directory {home / 'data'} is in use by another server" in second.err


async def test_a_port_in_use(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (home / "burble.toml").write_text(SETTINGS.replace(":0", f":{port}"))
        ended = await burble(home, "serve")
    assert ended.status == 1
    assert f"can't listen on 127.0.0.1:{port}: another program listens there" in ended.err
    assert "Traceback" not in ended.err


async def test_wrong_settings(home: Path) -> None:
    (home / "burble.toml").write_text(SETTINGS + '[modules]\nload = ["pign"]\n')
    for command in ("serve", "check-config"):
        ended = await burble(home, command)
        assert ended.status == 1
        assert 'burble.toml:17: modules.load[0]: unknown module "pign"; did you mean "ping"?' in (
            ended.out + ended.err
        )


async def test_a_certificate_that_cannot_be_used(home: Path) -> None:
    (home / "burble.toml").write_text(
        SETTINGS.replace("[tls]", '[tls]\ncertificate = "no.pem"\nkey = "no.pem"')
    )
    ended = await burble(home, "serve")
    assert ended.status == 1
    assert f"cannot read {home / 'no.pem'}: No such file" in ended.err
    assert "Traceback" not in ended.err


async def test_a_database_of_a_newer_burble(home: Path) -> None:
    async with Running(home):
        pass
    with sqlite3.connect(home / "data" / "burble.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    ended = await burble(home, "serve")
    assert ended.status == 1
    assert "A newer Burble has migrated it" in ended.err
    assert "Traceback" not in ended.err


async def test_a_data_directory_that_cannot_be_made(home: Path) -> None:
    (home / "data").write_text("a file")
    ended = await burble(home, "serve")
    assert ended.status == 1
    assert f"the data directory {home / 'data'} can't be used: file exists" in ended.err


async def test_check_config(home: Path) -> None:
    ended = await burble(home, "check-config")
    assert (ended.status, ended.out) == (0, "burble.toml: all is well\n")
    assert not (home / "data").exists()


async def test_the_data_directory_can_be_named(home: Path) -> None:
    async with Running(home, "--data-dir", "elsewhere"):
        assert (await burblectl(home, "status")).status == 3
        assert (await burblectl(home, "--data-dir", "elsewhere", "status")).status == 0
        assert (home / "elsewhere").stat().st_mode & 0o777 == 0o700
    assert not (home / "data").exists()
