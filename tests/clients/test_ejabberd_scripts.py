"""A shell script as administrators of ejabberd have them in cron, and curl as their web sites call it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from tests.client import CLIENT
from tests.clients.conftest import require
from tests.conftest import Connect, Serve
from tests.faces.web import base, settings

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).parent / "ejabberd" / "nightly.sh"
_PATIENCE = 40.0


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server that takes commands over HTTP; admin, juliet and romeo have accounts."""
    server = await serve(**settings())
    for user in ("admin", "juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


async def run(*command: str | Path, **environment: str) -> tuple[int | None, str, str]:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(_PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    """Where a script finds `ejabberdctl`, and that the server."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ejabberdctl").symlink_to(Path(sys.executable).with_name("burblectl"))
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "BURBLE_DATA_DIR": str(server.settings.data_dir),
    }


async def test_a_nightly_script(
    server: Server, environment: dict[str, str], connect: Connect, tmp_path: Path
) -> None:
    juliet = await connect("juliet/balcony", to=server)
    juliet.write("<message to='romeo@localhost' type='chat'><body>Wherefore art thou?</body></message>")
    await juliet.sync()
    status, out, err = await run(SCRIPT, tmp_path, "30", **environment)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    for line in (
        "localhost: 3 registered, 1 online",
        "all: 3 registered, 1 sessions",
        "session: juliet@localhost/balcony from 127.0.0.1",
        "admin: there",
        "nobody: missing",
    ):
        assert line in lines
    assert lines[-1].startswith("register: Error: conflict: ")
    assert [size > 0 for size in sizes(tmp_path, "ejabberd-*.backup")] == [True]
    romeo = await connect("romeo/orchard", to=server)
    romeo.write("<presence/>")
    kept = await romeo.find(lambda each: each.tag == f"{CLIENT}message")
    assert kept.findtext(f"{CLIENT}body") == "Wherefore art thou?"


def sizes(directory: Path, pattern: str) -> list[int]:
    """The sizes of some files."""
    return [file.stat().st_size for file in directory.glob(pattern)]


async def test_a_nightly_script_says_that_the_server_is_down(
    server: Server, environment: dict[str, str], tmp_path: Path
) -> None:
    await server.stop()
    assert await run(SCRIPT, tmp_path, "30", **environment) == (1, "", "ejabberd is down\n")


async def curl(server: Server, path: str, *options: str) -> tuple[int, Any]:
    """Call with curl; returns the status and the JSON of the answer."""
    require("curl")
    status, out, err = await run(
        *("curl", "--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"),
        *options,
        base(server) + path,
    )
    assert (status, err) == (0, "")
    body, _, code = out.rpartition("\n")
    return int(code), json.loads(body)


async def test_curl(server: Server) -> None:
    admin = ("--user", "admin@localhost:secret")
    accounts = await curl(server, "/api/registered_users", *admin, "--data", '{"host": "localhost"}')
    assert accounts == (200, ["admin", "juliet", "romeo"])
    account = '{"user": "nurse", "host": "localhost", "password": "angelica"}'
    registered = await curl(
        server, "/api/register", *admin, "--header", "Content-Type: application/json", "--data", account
    )
    assert registered == (200, "User nurse@localhost successfully registered")
    again = await curl(server, "/api/register", *admin, "--data", account)
    assert (again[0], again[1]["status"]) == (409, "error")
    refused, said = await curl(server, "/api/registered_users", "--data", '{"host": "localhost"}')
    assert (refused, said["kind"]) == (401, "not-authorized")


async def test_curl_with_a_token(server: Server, environment: dict[str, str]) -> None:
    asked = ("oauth_issue_token", "admin@localhost", "3600", "registered_users;connected_users_number")
    status, out, _ = await run("ejabberdctl", *asked, **environment)
    assert status == 0
    token = ("--header", f"Authorization: Bearer {out.split()[0]}")
    assert await curl(server, "/api/connected_users_number", *token, "--data", "{}") == (
        200,
        {"num_sessions": 0},
    )
    status, said = await curl(server, "/api/stop", *token, "--data", "{}")
    assert (status, said["status"]) == (403, "error")
