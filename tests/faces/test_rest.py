"""REST: what is called, what comes back, and what is said where it is refused."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from burble.server import Server
from tests.conftest import Connect
from tests.faces.web import client


@pytest.fixture
async def server(web: Server) -> Server:
    """The server that clients connect to is the one that listens for HTTP."""
    return web


async def test_a_command_is_called_with_an_object(web: Server, admin: httpx.AsyncClient) -> None:
    arguments = {"user": "Nurse", "host": "localhost", "password": "secret"}
    answer = await admin.post("/api/register", json=arguments)
    assert (answer.status_code, answer.json()) == (200, "User nurse@localhost successfully registered")
    assert await web.hosts["localhost"].authenticator.check_password("nurse", "secret")
    users = await admin.post("/api/registered_users", json={"host": "localhost"})
    assert users.json() == ["admin", "juliet", "nurse", "romeo"]
    assert users.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", [["localhost"], [{"host": "localhost"}], {"server": "localhost"}])
async def test_arguments_in_the_forms_that_ejabberd_takes(admin: httpx.AsyncClient, body: Any) -> None:
    answer = await admin.post("/api/registered_users", json=body)
    assert answer.json() == ["admin", "juliet", "romeo"]


@pytest.mark.parametrize("body", [b"", b"\n", b"{}", b"[]"])
async def test_a_command_without_arguments_needs_no_body(
    admin: httpx.AsyncClient, connect: Connect, body: bytes
) -> None:
    await connect("juliet/balcony")
    answer = await admin.post("/api/connected_users_number", content=body)
    assert answer.json() == {"num_sessions": 1}


async def test_what_changes_nothing_may_be_asked_with_get(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/registered_users", params={"host": "localhost"})
    assert answer.json() == ["admin", "juliet", "romeo"]


async def test_what_changes_something_may_not(admin: httpx.AsyncClient, web: Server) -> None:
    answer = await admin.get("/api/unregister", params={"user": "romeo", "host": "localhost"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await web.hosts["localhost"].authenticator.exists("romeo")


@pytest.mark.parametrize(
    ("command", "body", "status", "said"),
    [
        ("registered_users", {}, 400, "host: this argument is needed"),
        ("registered_users", {"host": 5}, 400, "host: expected text; got 5"),
        ("registered_users", {"host": None}, 400, "host: expected text"),
        ("registered_users", {"host": "localhost", "x": 1}, 400, "x: there is no such argument"),
        ("registered_users", {"host": "not a host"}, 400, "host: expected a domain name"),
        ("registered_users", {"host": "elsewhere.example"}, 400, "elsewhere.example is not served here"),
        ("registered_users", ["localhost", "more"], 400, "got 2 arguments"),
        ("registered_users", [{"host": "localhost"}, {"host": "b"}], 400, "given twice"),
        ("register", {"user": "juliet", "host": "localhost", "password": "x"}, 409, "already registered"),
        ("unregister", {"user": "nobody", "host": "localhost"}, 404, "there is no account nobody"),
        ("unregister", {"user": "a@b", "host": "localhost"}, 400, "user: expected the name of an account"),
        ("regster", {}, 404, "did you mean register"),
        ("get_presence", {"user": "nobody", "host": "localhost"}, 404, "item-not-found"),
    ],
)
async def test_a_mistake_is_told(
    admin: httpx.AsyncClient, command: str, body: Any, status: int, said: str
) -> None:
    answer = await admin.post(f"/api/{command}", json=body)
    error = answer.json()
    assert (answer.status_code, error["status"]) == (status, "error")
    assert said in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"hello",
        b'"localhost"',
        b"7",
        b"\xff\xfe",
        b'{"host": NaN}',
        b'{"host": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
)
async def test_a_body_that_is_no_json_object(admin: httpx.AsyncClient, body: bytes) -> None:
    answer = await admin.post("/api/registered_users", content=body)
    assert (answer.status_code, answer.json()["kind"]) == (400, "bad-request")


async def test_a_long_value_is_not_sent_back_whole(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/registered_users", json={"host": "x" * 500_000})
    assert answer.status_code == 400
    assert len(answer.text) < 500


async def test_a_password_is_in_no_answer(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/register", json={"user": "x", "host": "localhost", "password": 471147})
    assert answer.status_code == 400
    assert "471147" not in answer.text


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_100_mb_is_refused_and_the_server_goes_on(web: Server, declared: bool) -> None:
    size = 100 * 1024 * 1024

    async def body() -> Any:
        for _ in range(size // 65536):
            yield b"x" * 65536

    headers = {"Content-Length": str(size)} if declared else {}
    async with client(web) as caller:
        answer = await caller.post("/api/registered_users", content=body(), headers=headers)
        assert answer.status_code == 413
        assert "at most 1048576 bytes" in answer.json()["message"]
        assert (await caller.get("/api/status")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api", 404),
        ("POST", "/api/", 404),
        ("GET", "/api/../../etc/passwd", 404),
        ("DELETE", "/api/status", 405),
        ("DELETE", "/api/docs", 405),
        ("GET", "/xmlrpc", 405),
    ],
)
async def test_any_other_request_is_answered_as_json(
    admin: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await admin.request(method, path)
    assert answer.status_code == status
    assert "POST /api/COMMAND" in answer.json()["message"]


async def test_the_description_holds_every_command(admin: httpx.AsyncClient, web: Server) -> None:
    description = (await admin.get("/api/openapi.json")).json()
    assert description["openapi"].startswith("3.")
    assert {path.split("/")[2] for path in description["paths"]} == {command.name for command in web.commands}
    register = description["paths"]["/api/register"]
    schema = register["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["user", "host", "password"]
    assert schema["properties"]["password"]["format"] == "password"
    assert "get" not in register
    assert "$defs" not in str(description)
    users = description["paths"]["/api/registered_users"]["get"]
    assert [parameter["name"] for parameter in users["parameters"]] == ["host"]
    answer = users["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"type": "array", "items": {"type": "string"}}


async def test_the_page_to_try_commands_loads_nothing_from_elsewhere(admin: httpx.AsyncClient) -> None:
    page = await admin.get("/api/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=|url\(|https?:", page.text)
    assert "/api/openapi.json" in page.text


async def test_stop_is_answered_before_the_server_goes(web: Server, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/stop")).json() == 0
    await web.wait_stopped()
    with pytest.raises(httpx.ConnectError):
        await admin.get("/api/docs")
