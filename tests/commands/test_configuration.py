"""Commands about settings, certificates and what is remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from burble.commands import ADMIN, Caller, CommandFailed
from burble.config import load
from burble.server import Server
from burble.storage.schema import accounts
from tests.conftest import Serve

CALLER = Caller("test", frozenset({ADMIN}))


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def test_settings_that_were_dumped_are_read_as_the_same(serve: Serve, tmp_path: Path) -> None:
    server = await serve(
        hosts=["localhost", "example.org"],
        limits={"roster_items": 77},
        host={"example.org": {"limits": {"roster_items": 5}}},
        modules={
            "disable": ["time"],
            "muc": {"name": 'Rooms "and" more\u007f', "room_defaults": {"history": 3}},
        },
        api={"permissions": {"a rule": {"who": ["accounts"], "what": ["get_*"]}}},
    )
    file = tmp_path / "dumped.toml"
    await call(server, "dump_config", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    read = load(file)
    assert read.model_dump(mode="json", exclude={"host"}) == server.settings.model_dump(
        mode="json", exclude={"host"}
    )
    for host in server.settings.hosts:
        assert read.for_host(host) == server.settings.for_host(host)
    with pytest.raises(CommandFailed, match="can't be written"):
        await call(server, "dump_config", str(tmp_path / "nowhere" / "file"))


async def test_certificates_are_listed_by_host(server: Server) -> None:
    (only,) = await call(server, "list_certificates")
    assert (only.domain, only.used) == ("localhost", "true")
    assert only.file == str(server.settings.data_dir / "self-signed.crt")


async def test_what_is_remembered_can_be_forgotten(server: Server) -> None:
    assert await call(server, "check_account", "nurse", "localhost")
    await server.database.execute(delete(accounts).where(accounts.c.user == "nurse"))
    assert await call(server, "check_account", "nurse", "localhost")
    await call(server, "clear_cache")
    assert not await call(server, "check_account", "nurse", "localhost")


async def test_reload_config_needs_a_settings_file(server: Server) -> None:
    with pytest.raises(CommandFailed, match="not started from a settings file"):
        await call(server, "reload_config")
