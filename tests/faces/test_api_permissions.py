"""Who may call commands over HTTP: nobody but administrators on this machine, unless the settings say so."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from burble.faces.doorkeeper import client_address
from burble.server import Server
from burble.storage.schema import api_tokens
from tests.faces.conftest import ServeWeb
from tests.faces.web import bearer, client

UNREGISTER = {"user": "romeo", "host": "localhost"}


async def issue(admin: httpx.AsyncClient, jid: str, scopes: list[str], ttl: int = 60) -> str:
    answer = await admin.post("/api/oauth_issue_token", json={"jid": jid, "ttl": ttl, "scopes": scopes})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["scopes"], answer.json()["expires_in"]) == (scopes, f"{ttl} seconds")
    return str(answer.json()["token"])


# ---- without settings


@pytest.mark.parametrize("command", ["unregister", "status", "no_such_command"])
async def test_who_says_nothing_gets_401_and_changes_nothing(web: Server, command: str) -> None:
    async with client(web, auth=None) as caller:
        answer = await caller.post(f"/api/{command}", json=UNREGISTER)
        description = await caller.get("/api/openapi.json")
    assert answer.status_code == description.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.json()["code"] == 10
    assert "did you mean" not in answer.text
    assert await web.hosts["localhost"].authenticator.exists("romeo")


@pytest.mark.parametrize(
    "auth",
    [
        ("admin@localhost", "wrong"),
        ("nobody@localhost", "secret"),
        ("admin", "secret"),
        ("admin@localhost/x", "secret"),
        ("admin@elsewhere.example", "secret"),
        ("@", "secret"),
        ("", ""),
    ],
)
async def test_a_wrong_account_or_password(web: Server, auth: tuple[str, str]) -> None:
    async with client(web, auth=auth) as caller:
        answer = await caller.post("/api/unregister", json=UNREGISTER)
    assert answer.status_code == 401
    assert await web.hosts["localhost"].authenticator.exists("romeo")


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic /w==", "Basic YQ==", "Digest x", "Bearer"])
async def test_a_header_that_proves_nothing(web: Server, header: str) -> None:
    async with client(web, auth=None) as caller:
        answer = await caller.post("/api/unregister", json=UNREGISTER, headers={"Authorization": header})
    assert answer.status_code == 401


async def test_a_disabled_administrator_is_none(web: Server, admin: httpx.AsyncClient) -> None:
    await web.hosts["localhost"].authenticator.set_disabled("admin", True)
    assert (await admin.get("/api/status")).status_code == 401


async def test_who_is_no_administrator_is_told_the_rule_and_what_it_would_take(web: Server) -> None:
    async with client(web, auth=("juliet@localhost", "secret")) as caller:
        answer = await caller.post("/api/unregister", json=UNREGISTER)
    error = answer.json()
    assert (answer.status_code, error["code"], error["kind"]) == (403, 32, "not-allowed")
    assert error["rule"] == "api.permissions.admins"
    assert "who to take in juliet@localhost" in error["remedy"]
    assert await web.hosts["localhost"].authenticator.exists("romeo")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
async def test_the_page_of_another_site_may_not_call(admin: httpx.AsyncClient, origin: str) -> None:
    answer = await admin.post("/api/unregister", json=UNREGISTER, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["rule"]) == (403, "same origin")
    own = {"Origin": str(admin.base_url).rstrip("/")}
    assert (await admin.post("/api/status", headers=own)).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_a_call_that_was_passed_on_does_not_count_as_from_here(
    admin: httpx.AsyncClient, header: str
) -> None:
    answer = await admin.get("/api/status", headers={header: "127.0.0.1"})
    assert answer.status_code == 403
    assert "addresses to take in" in answer.json()["remedy"]


async def test_guessing_is_stopped(serve_web: ServeWeb) -> None:
    server = await serve_web(failed_logins=3)
    async with client(server, auth=("admin@localhost", "guess")) as guesser:
        statuses = [(await guesser.get("/api/status")).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        answer = await guesser.get("/api/status", auth=("admin@localhost", "secret"))
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 61


# ---- rules


async def test_rules_of_the_settings(serve_web: ServeWeb) -> None:
    server = await serve_web(
        permissions={
            "monitoring": {"who": ["anyone"], "what": ["connected_users_number", "status"]},
            "helpers": {"who": ["juliet@localhost"], "what": ["[tag:accounts]", "get_*", "!unregister"]},
            "xml": {"interfaces": ["xmlrpc"], "who": ["accounts"]},
            "afar": {"addresses": ["10.0.0.0/8"], "who": ["accounts"]},
        }
    )
    async with client(server, auth=None) as anybody:
        assert (await anybody.get("/api/connected_users_number")).json() == {"num_sessions": 0}
        assert (await anybody.post("/api/registered_users", json=["localhost"])).status_code == 401
        paths = (await anybody.get("/api/openapi.json")).json()["paths"]
        assert set(paths) == {"/api/connected_users_number", "/api/status"}
    async with client(server, auth=("juliet@localhost", "secret")) as juliet:
        assert (await juliet.post("/api/registered_users", json=["localhost"])).status_code == 200
        assert (await juliet.get("/api/get_presence", params=UNREGISTER)).status_code == 200
        refused = await juliet.post("/api/unregister", json=UNREGISTER)
        assert (refused.status_code, refused.json()["rule"]) == (403, "api.permissions.helpers")
        assert (await juliet.post("/api/stop")).status_code == 403
    async with client(server) as admin:
        assert (await admin.post("/api/stop")).status_code == 403, "the built-in rule is replaced"


async def test_without_any_rule_nothing_is_allowed(serve_web: ServeWeb) -> None:
    server = await serve_web(permissions={})
    async with client(server) as admin:
        answer = await admin.get("/api/status")
    assert (answer.status_code, answer.json()["rule"]) == (403, "api.permissions")


# ---- tokens


async def test_a_token_does_what_its_scopes_say(web: Server, admin: httpx.AsyncClient) -> None:
    token = await issue(admin, "admin@localhost", ["connected_users", "[tag:accounts]", "!unregister"])
    async with client(web, auth=None, headers=bearer(token)) as program:
        assert (await program.get("/api/connected_users")).json() == []
        assert (await program.post("/api/registered_users", json=["localhost"])).status_code == 200
        for command in ("unregister", "stop"):
            answer = await program.post(f"/api/{command}", json=UNREGISTER)
            assert (answer.status_code, answer.json()["rule"]) == (403, "scopes of the token")
            assert f"a token with the scope {command}" in answer.json()["remedy"]


async def test_a_token_gives_no_account_more_than_it_has(web: Server, admin: httpx.AsyncClient) -> None:
    token = await issue(admin, "juliet@localhost", ["*"])
    async with client(web, auth=None, headers=bearer(token)) as program:
        assert (await program.get("/api/status")).status_code == 403


async def test_only_the_hash_of_a_token_is_stored_and_shown(web: Server, admin: httpx.AsyncClient) -> None:
    token = await issue(admin, "admin@localhost", ["status"])
    (row,) = await web.database.fetch(api_tokens.select())
    assert token not in str(row)
    (listed,) = (await admin.get("/api/oauth_list_tokens")).json()
    assert (listed["user"], listed["scope"]) == ("admin@localhost", "status")
    assert listed["token"] in row.hash


@pytest.mark.parametrize("by_id", [True, False])
async def test_a_revoked_token_is_good_no_longer(web: Server, admin: httpx.AsyncClient, by_id: bool) -> None:
    token, other = [await issue(admin, "admin@localhost", ["*"]) for _ in range(2)]
    listed = [each["token"] for each in (await admin.get("/api/oauth_list_tokens")).json()]
    async with client(web, auth=None) as program:
        name = token
        if by_id:
            await admin.post("/api/oauth_revoke_token", json=[other])
            (name,) = (each["token"] for each in (await admin.get("/api/oauth_list_tokens")).json())
            assert name in listed
        assert (await admin.post("/api/oauth_revoke_token", json=[name])).status_code == 200
        assert (await program.get("/api/status", headers=bearer(token))).status_code == 401
    assert (await admin.post("/api/oauth_revoke_token", json=[name])).status_code == 400


async def test_an_expired_token_is_not_good(web: Server, admin: httpx.AsyncClient) -> None:
    token = await issue(admin, "admin@localhost", ["*"])
    await web.database.execute(api_tokens.update().values(expires=1))
    assert (await admin.get("/api/oauth_list_tokens")).json() == []
    async with client(web, auth=None, headers=bearer(token)) as program:
        assert (await program.get("/api/status")).status_code == 401
    await issue(admin, "admin@localhost", ["*"])
    assert len(await web.database.fetch(api_tokens.select())) == 1, "the old one is cleared away"


async def test_tokens_go_with_their_account(web: Server, admin: httpx.AsyncClient) -> None:
    token = await issue(admin, "romeo@localhost", ["*"])
    assert (await admin.post("/api/unregister", json=UNREGISTER)).status_code == 200
    await web.hosts["localhost"].register("romeo", "secret")
    async with client(web, auth=None, headers=bearer(token)) as program:
        assert (await program.get("/api/status")).status_code == 401


@pytest.mark.parametrize(
    "arguments",
    [
        {"jid": "nobody@localhost", "ttl": 60, "scopes": ["*"]},
        {"jid": "localhost", "ttl": 60, "scopes": ["*"]},
        {"jid": "admin@localhost", "ttl": 0, "scopes": ["*"]},
        {"jid": "admin@localhost", "ttl": 10**30, "scopes": ["*"]},
        {"jid": "admin@localhost", "ttl": 60, "scopes": []},
        {"jid": "admin@localhost", "ttl": 60, "scopes": [""]},
        {"jid": "admin@localhost", "ttl": 60, "scopes": 5},
    ],
)
async def test_tokens_that_cannot_be(admin: httpx.AsyncClient, arguments: Any) -> None:
    assert (await admin.post("/api/oauth_issue_token", json=arguments)).status_code == 400
    assert (await admin.get("/api/oauth_list_tokens")).json() == []


async def test_scopes_with_semicolons_as_older_programs_write_them(admin: httpx.AsyncClient) -> None:
    arguments = {"jid": "admin@localhost", "ttl": 60, "scopes": "status; get_roster"}
    answer = await admin.post("/api/oauth_issue_token", json=arguments)
    assert answer.json()["scopes"] == ["status", "get_roster"]


# ---- addresses

PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("192.0.2.7", {}, "192.0.2.7"),
        ("::ffff:192.0.2.7", {}, "192.0.2.7"),
        ("192.0.2.7", {"x-forwarded-for": "127.0.0.1"}, None),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, "192.0.2.7"),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.9, 192.0.2.7, 10.0.0.5"}, "192.0.2.7"),
        ("127.0.0.1", {"x-forwarded-for": "somewhere"}, None),
        ("127.0.0.1", {"x-forwarded-for": "10.0.0.5"}, None),
        ("127.0.0.1", {}, None),
        (None, {}, None),
    ],
)
def test_whose_address_counts(peer: str | None, headers: dict[str, str], address: str | None) -> None:
    found = client_address(peer, headers, PROXIES)
    assert (None if found is None else str(found)) == address
