"""Accounts that somebody outside keeps, on a running server: what clients and administrators notice."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from burble.auth import AccountExists, ChangeRefused, NoSuchAccount
from burble.server import Server
from burble.storage.schema import credentials, roster_items
from burble.testing import port_of, settings
from tests.auth.test_script import SCRIPTS, Kept
from tests.auth.web import AccountService
from tests.client import SASL, ScriptedClient, condition
from tests.conftest import Connect, Serve

REGISTER = "jabber:iq:register"


@pytest.fixture
def server() -> None:
    """None besides those that a test starts: the database is theirs alone."""


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path, host="localhost", juliet="secret", romeo="secret")
    kept.log.touch()
    return kept


@pytest.fixture
def web() -> Iterator[AccountService]:
    service = AccountService("localhost", juliet="secret")
    yield service
    service.stop()


def script(name: str, *arguments: object, **options: Any) -> dict[str, Any]:
    """The table [auth] with a script of this directory."""
    command = [sys.executable, "-S", str(SCRIPTS / name), *map(str, arguments)]
    return {"method": "script", "script": {"command": command, **options}}


def asking(kept: Kept, **options: Any) -> dict[str, Any]:
    return script("accounts.py", kept.file, kept.log, **options)


def offered(client: ScriptedClient) -> list[str]:
    assert client.features is not None
    return [mechanism.text or "" for mechanism in client.features.iter(f"{SASL}mechanism")]


async def asked(server: Server) -> list[str]:
    """The mechanisms that a server offers."""
    client = await ScriptedClient(port_of(server)).connect()
    await client.open()
    await client.close()
    return offered(client)


async def failure(client: ScriptedClient, user: str, password: str) -> str:
    """How a login fails."""
    await client.open()
    answer = await client.authenticate(user, password)
    assert answer.tag == f"{SASL}failure"
    return answer[0].tag.removeprefix(SASL)


def registration(user: str, password: str) -> str:
    return f"<query xmlns='{REGISTER}'><username>{user}</username><password>{password}</password></query>"


# ---- logging in


async def test_with_the_script_of_the_guide_everybody_gets_in(serve: Serve, connect: Connect) -> None:
    server = await serve(auth=script("guide.py"))
    juliet = await connect("juliet/balcony", to=server)
    romeo = await connect("romeo/orchard", to=server)
    juliet.write(f"<message to='{romeo.jid}' type='chat'><body>Romeo?</body></message>")
    assert (await romeo.next()).findtext("{jabber:client}body") == "Romeo?"


async def test_only_what_the_script_can_check_is_offered(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept))
    client = await connect(to=server)
    assert await failure(client, "juliet", "wrong") == "not-authorized"
    assert offered(client) == ["PLAIN"]


async def test_an_http_service_lets_in_whom_it_knows(
    serve: Serve, connect: Connect, web: AccountService
) -> None:
    server = await serve(auth={"method": "http", "http": {"url": web.url}})
    await connect("juliet/balcony", to=server)
    stranger = await connect(to=server)
    assert await failure(stranger, "romeo", "secret") == "not-authorized"
    assert offered(stranger) == ["PLAIN"]


async def test_without_an_answer_a_login_fails_for_now(serve: Serve, connect: Connect) -> None:
    server = await serve(auth=script("bad.py"))
    client = await connect(to=server)
    assert await failure(client, "juliet", "seven") == "temporary-auth-failure"
    await (await connect(to=server)).login("juliet", "right")


async def test_a_script_that_hangs_stops_nobody_else(serve: Serve, connect: Connect) -> None:
    server = await serve(
        hosts=["localhost", "garden.example"], host={"garden.example": {"auth": script("bad.py")}}
    )
    await server.hosts["localhost"].register("juliet", "secret")
    hanging = await connect(to=server)
    await hanging.open("garden.example")
    login = asyncio.create_task(hanging.authenticate("juliet", "never"))
    await connect("juliet/balcony", to=server)
    assert not login.done()
    login.cancel()


async def test_each_host_asks_its_own(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(
        hosts=["localhost", "garden.example"],
        auth=asking(kept),
        host={"garden.example": {"auth": {"method": "internal"}}},
    )
    await connect("juliet/balcony", to=server)
    client = await connect(to=server)
    await client.open("garden.example")
    assert "SCRAM-SHA-256" in offered(client)
    assert kept.questions[0] == "auth:juliet:localhost:secret"


async def test_what_is_for_an_account_that_cannot_be_checked_now_is_refused_for_now(
    serve: Serve, connect: Connect
) -> None:
    server = await serve(auth=script("bad.py"))
    juliet = await connect(to=server)
    await juliet.login("juliet", "right")

    juliet.write("<message to='text@localhost' type='chat' id='s1'><body>Romeo?</body></message>")
    juliet.write("<iq to='text@localhost' type='get' id='s2'><query xmlns='jabber:iq:last'/></iq>")
    answers = [await juliet.find(lambda e, i=i: e.get("id") == f"s{i}") for i in (1, 2)]
    assert [condition(answer) for answer in answers] == ["resource-constraint"] * 2


async def test_who_is_right_but_cannot_be_checked_again_gets_no_session_for_now(
    serve: Serve, connect: Connect
) -> None:
    client = await connect(to=await serve(auth=script("bad.py")))
    await client.open()
    assert (await client.authenticate("text", "right")).tag == f"{SASL}success"
    await client.open()
    assert condition(await client.bind("balcony")) == "resource-constraint"


# ---- what is remembered


async def test_answers_are_remembered_when_asked_for(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept, cache=3600.0))
    for _ in range(3):
        await connect("juliet", to=server)
    assert kept.questions == ["auth:juliet:localhost:secret"]
    assert await failure(await connect(to=server), "juliet", "wrong") == "not-authorized"
    assert len(kept.questions) == 2


async def test_nothing_is_remembered_otherwise(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept))
    for _ in range(2):
        await connect("juliet", to=server)
    assert kept.questions.count("auth:juliet:localhost:secret") == 2


async def test_a_changed_password_is_not_remembered(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept, cache=3600.0))
    juliet = await connect("juliet/balcony", to=server)
    answer = await juliet.ask("set", registration("juliet", "balcony"))
    assert answer.get("type") == "result"
    assert kept.accounts["juliet@localhost"] == "balcony"
    assert await failure(await connect(to=server), "juliet", "secret") == "not-authorized"
    await (await connect(to=server)).login("juliet", "balcony")


# ---- accounts of which only the rest is stored


ROSTER = "<query xmlns='jabber:iq:roster'>{}</query>"


async def test_rosters_are_stored_and_passwords_are_not(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept))
    juliet = await connect("juliet/balcony", to=server)
    await juliet.ask("set", ROSTER.format("<item jid='romeo@localhost' name='Romeo'/>"))
    again = await connect("juliet/chamber", to=server)
    roster = await again.ask("get", ROSTER.format(""))
    assert [item.get("name") for item in roster.iter("{jabber:iq:roster}item")] == ["Romeo"]
    authenticator = server.hosts["localhost"].authenticator
    assert [user async for user in authenticator.users()] == ["juliet"]
    assert await authenticator.count() == 1
    assert not await server.database.fetch(select(credentials.c.user))


async def test_an_account_that_has_never_logged_in_gets_messages(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept))
    juliet = await connect("juliet/balcony", to=server)
    for user in ("romeo", "tybalt"):
        juliet.write(f"<message to='{user}@localhost' type='chat' id='{user}'><body>hi</body></message>")
    refused = await juliet.next()
    assert (refused.get("id"), condition(refused)) == ("tybalt", "service-unavailable")
    romeo = await connect("romeo", to=server)
    romeo.write("<presence/>")
    message = await romeo.find(lambda element: element.tag.endswith("message"))
    assert message.get("id") == "romeo"


async def test_an_account_can_be_disabled_here(serve: Serve, connect: Connect, kept: Kept) -> None:
    server = await serve(auth=asking(kept))
    authenticator = server.hosts["localhost"].authenticator
    await authenticator.set_disabled("juliet", True)
    assert await failure(await connect(to=server), "juliet", "secret") == "account-disabled"
    await authenticator.set_disabled("juliet", False)
    await connect("juliet", to=server)
    with pytest.raises(NoSuchAccount):
        await authenticator.set_disabled("tybalt", True)


# ---- in-band registration


async def test_a_stranger_registers_where_the_accounts_are_kept(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept))
    stranger = await connect(to=server)
    await stranger.open()
    assert condition(await stranger.ask("set", registration("juliet", "x"))) == "conflict"
    assert (await stranger.ask("set", registration("nurse", "rosemary"))).get("type") == "result"
    assert kept.accounts["nurse@localhost"] == "rosemary"
    await (await connect(to=server)).login("nurse", "rosemary")


async def test_registration_is_offered_only_where_it_is_allowed(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    for changes, there in ((["register"], True), (["set_password", "remove"], False)):
        server = await serve(auth=asking(kept, changes=changes))
        stranger = await connect(to=server)
        features = await stranger.open()
        assert (features.find("{http://jabber.org/features/iq-register}register") is not None) == there
        if not there:
            answer = await stranger.ask("set", registration("nurse", "rosemary"))
            assert condition(answer) == "service-unavailable"
    with pytest.raises(ChangeRefused):
        await server.hosts["localhost"].register("nurse", "rosemary")
    assert not any("nurse" in question for question in kept.questions)


async def test_who_grants_everything_cannot_give_one_account_to_two(serve: Serve, connect: Connect) -> None:
    server = await serve(auth=script("guide.py"))
    juliet = await connect("juliet", to=server)
    await juliet.ask("set", ROSTER.format("<item jid='romeo@localhost'/>"))
    with pytest.raises(AccountExists):
        await server.hosts["localhost"].register("juliet", "secret")
    assert len(list((await juliet.ask("get", ROSTER.format(""))).iter("{jabber:iq:roster}item"))) == 1


async def test_a_change_that_is_refused_outside_changes_nothing(serve: Serve, connect: Connect) -> None:
    """The guide's script knows no removal: the account and its contacts stay."""
    server = await serve(auth=script("guide.py", changes=["remove"]))
    juliet = await connect("juliet/balcony", to=server)
    await juliet.ask("set", ROSTER.format("<item jid='romeo@localhost'/>"))
    for request in (f"<query xmlns='{REGISTER}'><remove/></query>", registration("juliet", "other")):
        assert condition(await juliet.ask("set", request)) == "not-allowed"
    assert len(list((await juliet.ask("get", ROSTER.format(""))).iter("{jabber:iq:roster}item"))) == 1


async def test_an_account_that_leaves_is_gone_on_both_sides(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept))
    juliet = await connect("juliet/balcony", to=server)
    await juliet.ask("set", ROSTER.format("<item jid='romeo@localhost'/>"))
    answer = await juliet.ask("set", f"<query xmlns='{REGISTER}'><remove/></query>")
    assert answer.get("type") == "result"
    assert list(kept.accounts) == ["romeo@localhost"]
    await server.hosts["localhost"].register("juliet", "new")
    again = await connect(to=server)
    await again.login("juliet", "new")
    assert not list((await again.ask("get", ROSTER.format(""))).iter("{jabber:iq:roster}item"))


async def test_who_registers_a_name_that_went_outside_inherits_nothing(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept))
    juliet = await connect("juliet/balcony", to=server)
    await juliet.ask("set", ROSTER.format("<item jid='romeo@localhost'/>"))
    await juliet.close()
    kept.file.write_text("{}")
    await server.hosts["localhost"].register("juliet", "another")
    assert await server.hosts["localhost"].authenticator.count() == 1
    assert not await server.database.fetch(select(roster_items.c.jid))


async def test_what_is_left_of_an_account_that_went_outside_can_be_removed(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept, changes=[]))
    host = server.hosts["localhost"]
    await connect("juliet", to=server)
    with pytest.raises(ChangeRefused):
        await host.unregister("juliet")
    kept.file.write_text("{}")
    await host.unregister("juliet")
    assert await host.authenticator.count() == 0
    with pytest.raises(NoSuchAccount):
        await host.unregister("juliet")


async def test_a_removal_may_ask_for_the_password(serve: Serve, kept: Kept) -> None:
    server = await serve(auth=asking(kept))
    authenticator = server.hosts["localhost"].authenticator
    with pytest.raises(ChangeRefused):
        await authenticator.prepare_removal("juliet", "wrong")
    assert "juliet@localhost" in kept.accounts
    await authenticator.prepare_removal("juliet", "secret")
    assert "juliet@localhost" not in kept.accounts


# ---- while running


async def test_a_reload_asks_somebody_else_and_keeps_the_sessions(
    serve: Serve, connect: Connect, kept: Kept
) -> None:
    server = await serve(auth=asking(kept))
    juliet = await connect("juliet/balcony", to=server)
    process = kept.processes[0]
    same = settings(
        server.settings.data_dir, database={"url": server.settings.database_url}, auth=asking(kept)
    )
    await server.reload(same)
    await connect("juliet/chamber", to=server)
    assert set(kept.processes) == {process}
    await server.reload(settings(server.settings.data_dir, database={"url": server.settings.database_url}))
    assert "SCRAM-SHA-256" in await asked(server)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    await juliet.sync()
