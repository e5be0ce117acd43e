"""`burblectl doctor`, run as an administrator runs it: with a server, without one, with a broken one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burble.tls import self_signed
from tests.faces.programs import SETTINGS, Running, burblectl


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a settings file, and nothing in it that a machine could be blamed for."""
    (tmp_path / "burble.toml").write_text(SETTINGS)
    return tmp_path


async def test_a_server_that_runs(home: Path) -> None:
    async with Running(home) as running:
        ended = await burblectl(home, "doctor")
        assert (ended.status, ended.err) == (0, ""), ended.out
        assert f"ok      ports: 127.0.0.1:{running.port} for clients, on this machine alone\n" in ended.out
        found = json.loads((await burblectl(home, "--json", "check", "localhost")).out)
        assert {"level", "subject", "text", "advice"} == found[0].keys()
        assert (await burblectl(home, "doctor", "elsewhere.example")).status == 1


async def test_a_server_that_does_not_run(home: Path) -> None:
    ended = await burblectl(home, "doctor")
    assert ended.status == 1
    lines = ended.out.splitlines()
    assert lines[:2] == [
        "ERROR   server: it does not run",
        "        -> start it: burblectl start, or the service",
    ]
    assert "ok      database: it is empty: the first start makes its tables" in lines
    assert "ok      certificate localhost: the first start makes a self-signed one" in lines
    assert [line for line in lines if line.startswith("ERROR")] == lines[:1]
    assert not (home / "data").exists()


async def test_what_is_wrong_sets_the_exit_status(home: Path) -> None:
    other = self_signed(home / "other", ["other.example"])
    tls = f'certificate = "{other.certificate}"\nkey = "{other.key}"\nrequire = false'
    (home / "burble.toml").write_text(SETTINGS.replace("require = false", tls))
    async with Running(home):
        ended = await burblectl(home, "doctor")
    assert ended.status == 1
    assert "ERROR   certificate localhost: is for other.example, not localhost\n        -> " in ended.out
    assert "1 error" in ended.out


async def test_settings_that_cannot_be_read(home: Path) -> None:
    (home / "burble.toml").write_text("hosts = 5\n")
    ended = await burblectl(home, "doctor")
    assert ended.status == 1
    assert "could not start" in ended.err
    assert "burble.toml:1: hosts: expected a list" in ended.err


async def test_it_is_explained_with_a_server_and_without(home: Path) -> None:
    assert "doctor [HOST]" in (await burblectl(home)).out
    async with Running(home):
        assert (await burblectl(home, "help", "doctor")).out.startswith("burblectl doctor [HOST]\n")
        overview = (await burblectl(home, "help")).out
    assert [line.strip() for line in overview.splitlines() if line.strip().startswith("doctor")] == [
        "doctor [HOST]\tLook whether all is well, with the server or without it, and say what to do."
    ]


async def test_more_than_a_host_is_too_much(home: Path) -> None:
    ended = await burblectl(home, "doctor", "localhost", "example.org")
    assert (ended.status, ended.err) == (2, "burblectl: usage: doctor [HOST]\n")
