"""The socket for commands: whatever is written to it, it answers and lives on."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from burble.commands import command
from burble.commands.progress import report
from burble.faces.unix import MAX_LINE
from burble.server import Server
from burble.testing import serving
from tests.conftest import Connect


async def talk(server: Server, data: bytes, *, end: bool = True) -> list[dict[str, Any]]:
    """Write bytes to the socket, and return the answers."""
    path = server.settings.data_dir / "burble.sock"
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2 * MAX_LINE)
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        answers = await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
    return [json.loads(line) for line in answers.splitlines()]


def request(command: str, arguments: Any) -> bytes:
    return json.dumps({"command": command, "arguments": arguments}).encode() + b"\n"


async def test_several_requests_on_one_connection_are_answered_in_order(server: Server) -> None:
    answers = await talk(
        server,
        request("connected_users_number", {})
        + request("register", {"user": "juliet", "host": "localhost", "password": "x"})
        + request("registered_users", {"host": "localhost"}),
    )
    assert answers == [
        {"result": 0},
        {"error": {"kind": "failed", "text": "juliet@localhost is already registered"}},
        {"result": ["juliet", "nurse", "romeo"]},
    ]


async def test_a_last_line_needs_no_end(server: Server) -> None:
    assert await talk(server, request("connected_users", []).rstrip()) == [{"result": []}]


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'"status"\n',
        b'{"command": "status"}\n',
        b'{"command": 5, "arguments": []}\n',
        b'{"command": "register", "arguments": ["a", 5]}\n',
        b"[" * 100_000 + b"\n",
    ],
)
async def test_garbage_is_answered_and_the_connection_goes_on(server: Server, garbage: bytes) -> None:
    answers = await talk(server, garbage + request("connected_users_number", {}))
    assert [answer.get("error", {}).get("kind") for answer in answers] == ["bad-request", None]


@pytest.mark.parametrize("style", ["", "ejabberd"])
@pytest.mark.parametrize("arguments", [[], ["\ud800"]])
@pytest.mark.parametrize("command", ["\ud800", "registered_users", "connected_users_number"])
async def test_half_a_character_is_answered(
    server: Server, command: str, arguments: list[str], style: str
) -> None:
    asking = json.dumps({"command": command, "arguments": arguments, "style": style}).encode() + b"\n"
    answers = await talk(server, asking + request("connected_users_number", {}))
    assert answers[1] == {"result": 0}


async def test_a_request_that_never_ends_is_cut_off(server: Server) -> None:
    (answer,) = await talk(server, b"x" * (2 * MAX_LINE), end=False)
    assert answer["error"] == {"kind": "bad-request", "text": f"a request has at most {MAX_LINE} bytes"}


async def test_who_leaves_early_harms_nobody(server: Server) -> None:
    path = str(server.settings.data_dir / "burble.sock")
    for data in (b"", b'{"comm', request("status", {}) * 100):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(data)
        writer.transport.abort()
    assert await talk(server, request("connected_users_number", {})) == [{"result": 0}]


async def test_who_has_asked_for_a_stop_sees_when_it_is_over(server: Server, connect: Connect) -> None:
    client = await connect("juliet/balcony")
    reader, writer = await asyncio.open_unix_connection(str(server.settings.data_dir / "burble.sock"))
    writer.write(request("stop", []))
    writer.write_eof()
    assert json.loads(await reader.readline()) == {"result": None}
    end = asyncio.create_task(reader.read())
    await client.closed()
    assert not end.done()  # the server waits for juliet to close her side
    await client.close()
    assert await end == b""
    assert server.hosts == {}
    writer.close()


async def test_an_idle_connection_does_not_keep_the_server_from_stopping(server: Server) -> None:
    path = str(server.settings.data_dir / "burble.sock")
    reader, writer = await asyncio.open_unix_connection(path)
    await asyncio.wait_for(server.stop(), 5)
    assert await reader.read() == b""
    writer.close()


class Work:
    """A command that takes long."""

    @command(tags=["test"])
    async def work(self) -> int:
        """Work."""
        report(0, None, "rows")
        await asyncio.to_thread(report, 2, 2, "rows")
        return 2


async def test_who_asks_is_told_of_progress_before_the_answer(server: Server) -> None:
    server.commands.add(Work())
    asking = {"command": "work", "arguments": [], "progress": True}
    assert await talk(server, json.dumps(asking).encode()) == [
        {"progress": {"done": 0, "total": None, "text": "rows"}},
        {"progress": {"done": 2, "total": 2, "text": "rows"}},
        {"result": 2},
    ]
    assert await talk(server, request("work", [])) == [{"result": 2}]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_another_user_is_not_heard_even_where_the_file_lets_in() -> None:
    with tempfile.TemporaryDirectory(prefix="burble-") as directory:
        async with serving(Path(directory)) as server:
            os.chmod(directory, 0o755)
            path = str(server.settings.data_dir / "burble.sock")
            os.chmod(path, 0o666)
            child = os.fork()
            if child == 0:
                heard = b"?"
                try:
                    os.setuid(65534)
                    with socket.socket(socket.AF_UNIX) as connection:
                        connection.connect(path)
                        connection.sendall(request("register", ["eve", "localhost", "x"]))
                        heard = connection.recv(1000)
                except (BrokenPipeError, ConnectionResetError):
                    heard = b""
                finally:
                    os._exit(0 if heard == b"" else 1)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            assert not await server.hosts["localhost"].authenticator.exists("eve")
