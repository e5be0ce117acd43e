"""The module of docs/adhoc.md does what the page says."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from burble import modules
from tests.adhoc.calls import actions, call, done, fields, form, listed, notes, refusal, send
from tests.conftest import Connect, Serve
from tests.test_docs import example


@pytest.fixture
def greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module, as if a package with its entry point were installed."""
    home = ModuleType("greeting")
    monkeypatch.setitem(sys.modules, "greeting", home)
    exec(compile(example("adhoc.md", '"""Change how'), "greeting.py", "exec"), vars(home))
    entry = EntryPoint("greeting", "greeting:Greeting", "burble.modules")
    monkeypatch.setattr(modules, "_entry_points", lambda: {"greeting": entry})


async def test_a_command_of_two_steps(greeting: None, serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"load": ["greeting"]}, admins=["juliet@localhost"])
    juliet, romeo = await connect("juliet", to=server), await connect("romeo", to=server)
    node = "urn:example:greeting"
    assert (await listed(juliet))[node] == "Change the greeting"
    assert refusal(await send(romeo, node)) == ("forbidden", "")
    session = (await call(juliet, node)).get("sessionid")
    second = await call(juliet, node, "next", session, {"language": "it"})
    assert fields(second) == {"greeting": ["Salve"]}
    assert notes(second) == [("info", "juliet, mind your language!")]
    assert actions(second) == ("complete", ["prev", "complete"])
    await call(juliet, node, "prev", session)
    await call(juliet, node, "next", session, {"language": "en"})
    last = await send(juliet, node, "complete", session, form({"greeting": "Ahoy"}))
    assert notes(last[0]) == [("info", "The greeting is 'Ahoy' now.")]
    assert server.hosts["localhost"].modules["greeting"].greetings == {"en": "Ahoy", "it": "Salve"}


async def test_the_commands_that_the_page_names(serve: Serve, connect: Connect) -> None:
    server = await serve(admins=["juliet@localhost"])
    juliet = await connect("juliet", to=server)
    arguments = {"host": "localhost", "name": "blacklist"}
    await done(juliet, "api-commands/set_access_list", {**arguments, "jids": ["spam.example"]})
    shown = await done(juliet, "api-commands/get_access_list", arguments)
    assert fields(shown) == {"result": ["spam.example"]}
    shown = await done(juliet, "api-commands/users_by_activity", {"host": "localhost", "activity": "idle"})
    assert fields(shown) == {"result": []}
