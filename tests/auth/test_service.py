"""A host's accounts as an HTTP service knows them."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from burble.auth import AuthenticatorUnavailable
from burble.auth.service import HttpService
from tests.auth.web import WRONG, AccountService

HOST = "example.org"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

Ask = Callable[..., HttpService]


@pytest.fixture
def web() -> Iterator[AccountService]:
    service = AccountService(HOST, juliet="pencil")
    yield service
    service.stop()


@pytest.fixture
async def ask(web: AccountService) -> AsyncIterator[Ask]:
    """Makes what asks the service."""
    made: list[HttpService] = []

    def make(url: str = "", verb: str = "POST", timeout: float = 20.0, **options: object) -> HttpService:
        made.append(HttpService(url or web.url, HOST, verb=verb, timeout=timeout, **options))
        return made[-1]

    yield make
    for service in made:
        await service.close()


async def test_json_is_posted(ask: Ask, web: AccountService) -> None:
    service = ask()
    assert await service.check_password("juliet", "pencil")
    assert not await service.check_password("juliet", "Pencil")
    assert await service.exists("juliet")
    assert not await service.exists("romeo")
    assert web.requests == [
        ("POST", "check_password", JSON, {"user": "juliet", "server": HOST, "pass": "pencil"}),
        ("POST", "check_password", JSON, {"user": "juliet", "server": HOST, "pass": "Pencil"}),
        ("POST", "user_exists", JSON, {"user": "juliet", "server": HOST}),
        ("POST", "user_exists", JSON, {"user": "romeo", "server": HOST}),
    ]


async def test_get_asks_in_the_url_and_posts_changes_as_forms(ask: Ask, web: AccountService) -> None:
    service = ask(verb="GET")
    password = "&pass=пароль #1+?"
    assert await service.register("romeo", password)
    assert web.passwords["romeo@example.org"] == password
    assert await service.check_password("romeo", password)
    assert not await service.check_password("romeo", "пароль")
    assert [request[:3] for request in web.requests] == [
        ("POST", "register", FORM),
        ("GET", "check_password", ""),
        ("GET", "check_password", ""),
    ]


@pytest.mark.parametrize("verb", ["POST", "GET"])
async def test_accounts_are_made_changed_and_removed(ask: Ask, web: AccountService, verb: str) -> None:
    service = ask(verb=verb)
    assert await service.register("romeo", "rope")
    assert not await service.register("romeo", "ladder")
    assert await service.set_password("romeo", "ladder")
    assert not await service.set_password("nurse", "ladder")
    assert web.passwords["romeo@example.org"] == "ladder"
    assert not await service.remove("romeo", "rope")
    assert await service.remove("romeo", "ladder")
    assert await service.remove("juliet")
    assert not await service.remove("juliet")
    assert web.passwords == {}


async def test_the_service_is_told_who_asks(ask: Ask, web: AccountService) -> None:
    await ask(authorization="Bearer 6f1ed002").exists("juliet")
    assert web.headers["Authorization"] == "Bearer 6f1ed002"


async def test_connections_are_used_again_and_no_more_than_allowed(ask: Ask, web: AccountService) -> None:
    service = ask(connections=2)
    for _ in range(5):
        await service.exists("juliet")
    assert web.connections == 1
    assert all(await asyncio.gather(*(service.exists("juliet") for _ in range(20))))
    assert web.connections == 2


@pytest.mark.parametrize("verb", ["POST", "GET"])
@pytest.mark.parametrize("wrong", sorted(WRONG.keys() - {"hang", "drip"}))
async def test_a_wrong_answer_is_none_and_does_no_further_harm(ask: Ask, verb: str, wrong: str) -> None:
    service = ask(verb=verb)
    for question in (service.check_password, service.register, service.set_password, service.remove):
        with pytest.raises(AuthenticatorUnavailable):
            await question("juliet", wrong)
    assert await service.check_password("juliet", "pencil")
    assert not await service.check_password("juliet", "Pencil")


@pytest.mark.parametrize("wrong", ["hang", "drip"])
async def test_no_answer_in_time_is_none_and_does_no_further_harm(ask: Ask, wrong: str) -> None:
    service = ask(timeout=0.5, connections=1)
    started = time.monotonic()
    with pytest.raises(AuthenticatorUnavailable):
        await service.check_password("juliet", wrong)
    assert time.monotonic() - started < 2
    assert await service.check_password("juliet", "pencil")


async def test_a_service_that_is_not_there_is_no_answer(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(AuthenticatorUnavailable):
        await ask(url).exists("juliet")
    assert f"{HOST}: {url}/user_exists: " in caplog.text


async def test_an_operation_that_the_service_lacks_is_no_answer_to_a_question(
    ask: Ask, web: AccountService
) -> None:
    """A wrong URL must not look like an account that does not exist."""
    with pytest.raises(AuthenticatorUnavailable):
        await ask(f"{web.url}elsewhere").exists("juliet")


@pytest.mark.parametrize("verb", ["POST", "GET"])
async def test_no_password_reaches_the_log(ask: Ask, verb: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service = ask(verb=verb, authorization="Bearer 6f1ed002")
    assert await service.check_password("juliet", "pencil")
    with pytest.raises(AuthenticatorUnavailable):
        await service.check_password("juliet", "garbage")
    assert "check_password" in caplog.text
    for secret in ("pencil", "pass=", "6f1ed002"):
        assert secret not in caplog.text
