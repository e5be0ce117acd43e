"""The commands behind service administration, called over REST: shaped as ejabberd shapes them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from burble.server import Server
from tests.conftest import Serve
from tests.faces.web import client, settings

HOST = {"host": "localhost"}
NEWS = {"subject": "News", "body": "There are rooms now."}
JULIET = {"user": "juliet", **HOST}


@pytest.fixture
async def web(serve: Serve) -> Server:
    server = await serve(**settings())
    for user in ("admin", "juliet"):
        await server.hosts["localhost"].register(user, "secret")
    return server


async def post(caller: httpx.AsyncClient, name: str, arguments: dict[str, Any]) -> Any:
    """Call a command that must work."""
    answer = await caller.post(f"/api/{name}", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_announcements(web: Server) -> None:
    async with client(web) as caller:
        for name in ("announce_send_all", "announce_send_online", "announce_motd_set_online"):
            assert await post(caller, name, {**HOST, **NEWS}) == 0
        assert await post(caller, "announce_motd_get", HOST) == NEWS
        assert await post(caller, "announce_motd_update", {**HOST, **NEWS, "subject": ""}) == 0
        assert await post(caller, "announce_motd_get", HOST) == {**NEWS, "subject": ""}
        assert await post(caller, "announce_motd_delete", HOST) == 0
        assert await post(caller, "announce_motd_get", HOST) == {"subject": "", "body": ""}
        assert await post(caller, "announce_welcome_set", {**HOST, **NEWS}) == 0
        assert await post(caller, "announce_welcome_get", HOST) == NEWS
        assert await post(caller, "announce_welcome_delete", HOST) == 0


async def test_bans(web: Server) -> None:
    async with client(web) as caller:
        assert await post(caller, "ban_account", {**JULIET, "reason": "Spam"}) == 0
        assert await post(caller, "count_banned", HOST) == {"banned": 1}
        assert await post(caller, "list_banned", HOST) == ["juliet@localhost"]
        details = await post(caller, "get_ban_details", JULIET)
        assert [each["name"] for each in details] == ["reason", "bandate", "lastdate", "lastreason"]
        assert details[0]["value"] == "Spam"
        assert await post(caller, "unban_account", JULIET) == 0
        assert await post(caller, "get_ban_details", JULIET) == []
        answer = await caller.post("/api/unban_account", json=JULIET)
        assert (answer.status_code, answer.json()["message"]) == (400, "juliet@localhost is not banned")


async def test_a_banned_account_calls_nothing(web: Server) -> None:
    async with client(web) as caller:
        assert await post(caller, "ban_account", {**HOST, "user": "admin", "reason": ""}) == 0
        assert (await caller.post("/api/count_banned", json=HOST)).status_code == 401


async def test_lists_and_users(web: Server) -> None:
    async with client(web) as caller:
        arguments = {**HOST, "name": "blacklist", "jids": ["spam.example", "Mallory@Example.net"]}
        assert await post(caller, "set_access_list", arguments) == 0
        found = await post(caller, "get_access_list", {**HOST, "name": "blacklist"})
        assert found == ["mallory@example.net", "spam.example"]
        assert await post(caller, "users_by_activity", {**HOST, "activity": "online"}) == []
        stats = await post(caller, "user_stats", JULIET)
        assert stats == {"addresses": [], "contacts": 0, "resources": [], "last_login": ""}
        for wrong in ({"name": "guests"}, {"jids": ["@"]}):
            answer = await caller.post("/api/set_access_list", json={**arguments, **wrong})
            assert answer.status_code == 400
