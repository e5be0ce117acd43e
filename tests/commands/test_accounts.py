"""Commands about accounts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import update

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from burble.storage.schema import accounts
from tests.client import SASL, condition
from tests.conftest import Connect, Serve

CALLER = Caller("test", frozenset({ADMIN}))
DAY = 86_400


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def test_a_changed_password_counts_from_the_next_login_on(server: Server, connect: Connect) -> None:
    old = await connect("juliet/balcony")
    await call(server, "change_password", "juliet", "localhost", "other")
    assert not await call(server, "check_password", "juliet", "localhost", "secret")
    assert await call(server, "check_password", "juliet", "localhost", "other")
    assert (await old.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
    new = await connect()
    await new.open()
    assert (await new.authenticate("juliet", "secret")).tag == f"{SASL}failure"
    with pytest.raises(CommandFailed, match="there is no account nobody@localhost"):
        await call(server, "change_password", "nobody", "localhost", "other")


async def test_accounts_are_told_from_others(server: Server) -> None:
    assert await call(server, "check_account", "Juliet", "localhost")
    assert not await call(server, "check_account", "nobody", "localhost")
    assert not await call(server, "check_password", "nobody", "localhost", "")
    with pytest.raises(CommandFailed, match="not served here"):
        await call(server, "check_account", "juliet", "elsewhere.example")


async def long_ago(server: Server, user: str, days: int) -> None:
    """Have an account made, and used last, some days ago."""
    at = int(time.time()) - days * DAY
    await server.database.execute(update(accounts).where(accounts.c.user == user).values(created=at))


async def test_accounts_that_nobody_uses_are_removed(server: Server, connect: Connect) -> None:
    for user, days in (("juliet", 100), ("romeo", 100), ("nurse", 100)):
        await long_ago(server, user, days)
    # romeo was there 20 days ago, nurse 50; juliet has never been before, but is now.
    for user, days in (("romeo", 20), ("nurse", 50)):
        await call(server, "set_last", user, "localhost", str(int(time.time()) - days * DAY), "")
    await connect("juliet/balcony")
    assert await call(server, "delete_old_users_vhost", "localhost", "60") == "Deleted 0 users"
    assert await call(server, "delete_old_users", "30") == "Deleted 1 users: nurse@localhost"
    assert await call(server, "registered_users", "localhost") == ["juliet", "romeo"]


async def test_a_new_account_is_not_old_before_it_was_used(server: Server) -> None:
    await long_ago(server, "nurse", 31)
    assert await call(server, "delete_old_users", "30") == "Deleted 1 users: nurse@localhost"
    assert await call(server, "delete_old_users", "1") == "Deleted 0 users"


async def test_somebody_who_has_just_left_is_not_away(server: Server, connect: Connect) -> None:
    await long_ago(server, "juliet", 400)
    juliet = await connect("juliet/balcony")
    await call(server, "kick_user", "juliet", "localhost")
    assert condition((await juliet.closed())[-1]) == "policy-violation"
    assert await call(server, "delete_old_users_vhost", "localhost", "30") == "Deleted 0 users"


async def test_hosts_are_listed(serve: Serve) -> None:
    server = await serve(hosts=["localhost", "example.org"])
    assert await call(server, "registered_vhosts") == ["localhost", "example.org"]
    await call(server, "convert_to_scram", "example.org")
    with pytest.raises(CommandFailed, match="not served"):
        await call(server, "convert_to_scram", "elsewhere.example")
