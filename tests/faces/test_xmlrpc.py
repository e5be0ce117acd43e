"""XML-RPC, called with the standard library's client as the programs of ejabberd's administrators are."""

from __future__ import annotations

import asyncio
from typing import Any
from xmlrpc.client import Fault, ProtocolError, ServerProxy

import httpx
import pytest

from burble.server import Server
from tests.conftest import Connect
from tests.faces.conftest import ServeWeb
from tests.faces.web import LISTEN, base, client

LOGIN = {"user": "admin", "server": "localhost", "password": "secret"}


@pytest.fixture
async def server(web: Server) -> Server:
    """The server that clients connect to is the one that listens for HTTP."""
    return web


async def call(server: Server, name: str, *params: Any, path: str = "/xmlrpc", number: int = 1) -> Any:
    """Call by XML-RPC, in a thread since the client knows no event loop."""
    url = base(server, number) + path

    def run() -> Any:
        with ServerProxy(url) as proxy:
            return getattr(proxy, name)(*params)

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("path", ["/xmlrpc", "/RPC2"])
async def test_a_login_struct_then_a_struct_of_arguments(server: Server, path: str) -> None:
    arguments = {"user": "nurse", "host": "localhost", "password": "secret"}
    answer = await call(server, "register", LOGIN, arguments, path=path)
    assert answer == {"res": 0, "text": "User nurse@localhost successfully registered"}
    assert await server.hosts["localhost"].authenticator.check_password("nurse", "secret")


async def test_results_are_shaped_as_ejabberd_shapes_them(server: Server, connect: Connect) -> None:
    await connect("juliet/balcony")
    users = await call(server, "registered_users", LOGIN, {"host": "localhost"})
    assert users == {"users": [{"username": "admin"}, {"username": "juliet"}, {"username": "romeo"}]}
    assert await call(server, "connected_users_number", LOGIN) == {"num_sessions": 1}
    presence = await call(server, "get_presence", LOGIN, {"user": "juliet", "host": "localhost"})
    parts = [{"jid": "juliet@localhost"}, {"show": "unavailable"}, {"status": ""}]
    assert presence == {"presence": parts}


async def test_an_http_login_and_the_old_name_of_an_argument(server: Server) -> None:
    url = base(server).replace("http://", "http://admin%40localhost:secret@")

    def run() -> Any:
        with ServerProxy(f"{url}/xmlrpc") as proxy:
            return proxy.registered_users({"server": "localhost"})

    assert len((await asyncio.to_thread(run))["users"]) == 3


async def test_a_token_in_the_struct(server: Server) -> None:
    issue = {"jid": "admin@localhost", "ttl": 60, "scopes": [{"scope": "connected_*"}]}
    issued = await call(server, "oauth_issue_token", LOGIN, issue)
    token = issued["result"][0]["token"]
    login = {"user": "admin", "server": "localhost", "token": token}
    assert await call(server, "connected_users_number", login, {}) == {"num_sessions": 0}
    with pytest.raises(Fault, match="the token is only for"):
        await call(server, "registered_users", login, {"host": "localhost"})
    with pytest.raises(Fault, match="Invalid oauth token"):
        await call(server, "connected_users_number", login | {"user": "juliet"}, {})


@pytest.mark.parametrize("name", ["registered_users", "link_contacts", "no_such_command"])
async def test_without_a_login_the_answer_is_401(server: Server, name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        await call(server, name, {"host": "localhost"})
    assert caught.value.errcode == 401


async def test_a_wrong_password_is_a_fault(server: Server) -> None:
    with pytest.raises(Fault, match="Invalid authentication data") as caught:
        await call(server, "stop", LOGIN | {"password": "guess"}, {})
    assert caught.value.faultCode == -118


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("no_such_command", [{}], -112),
        ("registered_users", [{}], -116),
        ("registered_users", [], -116),
        ("registered_users", [{"host": "localhost", "more": 1}], -120),
        ("registered_users", ["localhost", "more"], -120),
        ("registered_users", [{"host": 5}], -122),
        ("registered_users", [{"host": "not a host"}], -122),
        ("registered_users", [{"host": "elsewhere.example"}], -118),
        ("register", [{"user": "juliet", "host": "localhost", "password": "x"}], -118),
    ],
)
async def test_mistakes_have_the_codes_of_ejabberd(
    server: Server, name: str, params: list[Any], code: int
) -> None:
    with pytest.raises(Fault) as caught:
        await call(server, name, LOGIN, *params)
    assert caught.value.faultCode == code
    assert caught.value.faultString.startswith(f"Error {code}\n")


LAUGHS = "<!DOCTYPE m [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
OUTSIDE = "<!DOCTYPE m [<!ENTITY i SYSTEM 'file:///etc/passwd'>"
CALL = "<methodCall><methodName>{}</methodName><params>{}</params></methodCall>"


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS + "]>" + CALL.format("&i;", ""),
        OUTSIDE + "]>" + CALL.format("&i;", ""),
        "<!DOCTYPE m>" + CALL.format("status", ""),
        CALL.format("status", "<param><value><int>many</int></value></param>"),
        CALL.format("status", f"<param><value><int>{'9' * 5000}</int></value></param>"),
        CALL.format("status", "<param><value><dateTime.iso8601>now</dateTime.iso8601></value></param>"),
        CALL.format("status", "<param><struct><member><name>a</name></member></struct></param>"),
        CALL.format("", ""),
        "<methodResponse><params/></methodResponse>",
        "<methodCall>",
        "hello",
        "",
        "\x00",
    ],
)
async def test_what_is_no_call_is_a_fault_and_the_server_goes_on(server: Server, body: str) -> None:
    async with client(server) as caller:
        answer = await caller.post("/xmlrpc", content=body.encode())
    assert answer.status_code == 200
    assert "<int>-32700</int>" in answer.text
    assert "root:" not in answer.text
    assert await call(server, "connected_users_number", LOGIN) == {"num_sessions": 0}


async def test_deep_nesting_is_answered(server: Server) -> None:
    value = "<value><array><data>" * 20_000 + "</data></array></value>" * 20_000
    async with client(server) as caller:
        answer = await caller.post(
            "/xmlrpc", content=CALL.format("status", f"<param>{value}</param>").encode()
        )
    assert "<fault>" in answer.text
    assert await call(server, "connected_users_number", LOGIN) == {"num_sessions": 0}


async def test_a_body_that_is_too_long_is_refused(server: Server) -> None:
    async with client(server) as caller:
        answer = await caller.post("/xmlrpc", content=b"<methodCall>" + b" " * 2_000_000)
    assert answer.status_code == 413
    assert "<fault>" in answer.text


async def test_a_listener_of_its_own_answers_at_any_path(serve_web: ServeWeb) -> None:
    server = await serve_web({"listen": LISTEN | {"http": [], "xmlrpc": ["127.0.0.1:0"]}})
    assert await call(server, "connected_users_number", LOGIN, path="/") == {"num_sessions": 0}
    async with httpx.AsyncClient(base_url=base(server), trust_env=False) as caller:
        assert (await caller.get("/api/docs")).status_code == 405
