"""The module `presence_hooks`: a web service is told who connects, disconnects and changes status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect, Serve
from tests.modules.told import Answer, Web, babble, hang, hang_up, status

JULIET = "juliet@localhost"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A web service."""
    web = await Web().listen()
    yield web
    await web.close()


async def hooked(serve: Serve, web: Web, **options: Any) -> Server:
    """A server that tells the web service."""
    told = {"url": web.url, "reset": False, "pause": 0.01, **options}
    return await serve(modules={"load": ["presence_hooks"], "presence_hooks": told})


async def show(client: ScriptedClient, presence: str) -> None:
    """Send a presence; once it has come back, all is done that it brings about."""
    client.write(presence)
    await client.find(lambda each: each.tag == f"{CLIENT}presence")


async def test_a_web_service_is_posted_json(serve: Serve, connect: Connect, web: Web) -> None:
    server = await hooked(serve, web, reset=True, authorization="Bearer 6f1ed002")
    assert await web.next() == (
        *("POST", "/xmpp/resetConnection"),
        {"event": "resetConnection", "host": "localhost"},
    )
    assert web.headers["Authorization"] == "Bearer 6f1ed002"
    juliet = await connect("juliet/balcony", to=server)
    common = {"host": "localhost", "jid": JULIET}
    assert await web.next() == ("POST", "/xmpp/setConnection", {"event": "setConnection", **common})
    await show(juliet, "<presence><show>dnd</show><status>in the garden ☾</status></presence>")
    assert await web.next() == (
        *("POST", "/xmpp/setPresence"),
        {"event": "setPresence", **common, "show": "dnd", "status": "in the garden ☾"},
    )
    await juliet.close()
    assert await web.next() == ("POST", "/xmpp/unsetConnection", {"event": "unsetConnection", **common})


async def test_social_stream_is_asked_as_its_own_script_asks_it(
    serve: Serve, connect: Connect, web: Web
) -> None:
    server = await hooked(serve, web, reset=True, style="social-stream", password="pass&word")
    password = {"password": "pass&word"}
    assert await web.next() == ("GET", "/xmpp/resetConnection", password)
    juliet = await connect("juliet/balcony", to=server)
    named = {**password, "name": "juliet"}
    assert await web.next() == ("GET", "/xmpp/setConnection", named)
    await show(juliet, "<presence/>")
    assert await web.next() == ("GET", "/xmpp/setPresence", {**named, "status": "chat"})
    await show(juliet, "<presence><show>away</show></presence>")
    assert await web.next() == ("GET", "/xmpp/setPresence", {**named, "status": "away"})
    await juliet.close()
    assert await web.next() == ("GET", "/xmpp/unsetConnection", named)


@pytest.mark.parametrize("answer", [status(500), status(429), hang, hang_up, babble])
async def test_what_a_web_service_does_not_take_now_is_told_again(
    serve: Serve, connect: Connect, web: Web, answer: Answer
) -> None:
    web.answers += [answer, answer]
    server = await hooked(serve, web, timeout=0.2)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    paths = [(await web.next())[1] for _ in range(4)]
    assert paths == [*["/xmpp/setConnection"] * 3, "/xmpp/setPresence"]


@pytest.mark.parametrize("code", [302, 401, 404, 422])
async def test_what_a_web_service_refuses_is_not_told_again(
    serve: Serve, connect: Connect, web: Web, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    web.answers.append(status(code))
    server = await hooked(serve, web)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    assert [(await web.next())[1] for _ in range(2)] == ["/xmpp/setConnection", "/xmpp/setPresence"]
    assert f"refused setConnection with status {code}" in caplog.text


async def test_a_web_service_that_comes_back_is_told(serve: Serve, connect: Connect, web: Web) -> None:
    port = web.port
    server = await hooked(serve, web, retries=50, pause=0.02)
    await web.close()
    await connect("juliet/balcony", to=server)
    web = await Web().listen(port)
    try:
        assert (await web.next())[1] == "/xmpp/setConnection"
    finally:
        await web.close()


async def test_the_password_is_in_no_log(
    serve: Serve, connect: Connect, web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in ("burble", "httpcore", "httpx"):
        caplog.set_level("DEBUG", logger)
    web.answers += [status(500), hang_up, status(404)]
    server = await hooked(serve, web, style="social-stream", password="pa55word", timeout=0.2)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    await juliet.close()
    for _ in range(5):
        await web.next()
    await server.stop()
    assert "answered with status 500" in caplog.text
    assert "pa55word" not in caplog.text


async def test_an_account_is_told_in_order_by_a_slow_web_service(
    serve: Serve, connect: Connect, web: Web
) -> None:
    server = await hooked(serve, web)
    juliet = await connect("juliet/balcony", to=server)
    shows = ["away", "dnd", "xa", "chat"] * 5
    for show_ in shows:
        await show(juliet, f"<presence><show>{show_}</show></presence>")
    assert (await web.next())[1] == "/xmpp/setConnection"
    assert [(await web.next())[2]["show"] for _ in shows] == shows
