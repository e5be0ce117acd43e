"""Commands about modules: new code takes effect while sessions, and what was made from the old code, stay."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from burble import modules
from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve

CALLER = Caller("test", frozenset({ADMIN}))

SOURCE = '''
"""Answer what is asked."""

from dataclasses import dataclass
from functools import cached_property

from burble import Element, Iq, Module, iq
from pydantic import Field


@dataclass(frozen=True, slots=True)
class Word:
    text: str

    def shown(self) -> str:
        return self.text


def decorate(text: str) -> str:
    return "<" + text + ">"


class Base(Module):
    def greeting(self) -> str:
        return "hello"


class Answering(Base):
    """Answers."""

    name = "answering"

    class Settings(Module.Settings):
        mark: str = Field("!", description="What stands at the end.")

    async def start(self) -> None:
        self.asked = 0

    def greeting(self) -> str:
        return super().greeting()

    @property
    def number(self) -> int:
        return self.asked

    @iq("urn:example:ask", "ask")
    def answer(self, request: Iq) -> Element:
        self.asked += 1
        word = Word(decorate(self.greeting()) + self.settings.mark)
        return Element("said", "urn:example:ask", {"asked": str(self.number)}, word.shown())
'''
ASK = "<ask xmlns='urn:example:ask'/>"


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def ask(client: ScriptedClient) -> tuple[str | None, str | None]:
    said = (await client.ask("get", ASK, "localhost")).find("{urn:example:ask}said")
    assert said is not None
    return said.text, said.get("asked")


class Plugin:
    """The file of a module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._times = count(int(time.time()) + 10)
        path.write_text(SOURCE)
        os.utime(path, (1, 1))

    def change(self, *replacements: tuple[str, str]) -> None:
        """Replace texts in the source as it was first."""
        text = SOURCE
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        self.path.write_text(text)
        now = next(self._times)
        os.utime(self.path, (now, now))


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """An installed package with a module."""
    made = Plugin(tmp_path / "answering_plugin.py")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("answering", "answering_plugin:Answering", "burble.modules")
    monkeypatch.setattr(modules, "_entry_points", lambda: {"answering": entry})
    yield made
    sys.modules.pop("answering_plugin", None)


@pytest.fixture
async def server(plugin: Plugin, serve: Serve) -> Server:
    """A server that has loaded it."""
    made = await serve(modules={"load": ["answering"]})
    await made.hosts["localhost"].register("juliet", "secret")
    return made


@pytest.fixture
async def juliet(server: Server, connect: Connect) -> AsyncIterator[ScriptedClient]:
    """A client that was there before the change, and still is after it."""
    client = await connect("juliet/balcony")
    assert await ask(client) == ("<hello>!", "1")
    yield client
    assert (await client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"


@pytest.mark.parametrize(
    ("replacements", "said"),
    [
        ([('return "hello"', 'return "good day"')], "<good day>!"),
        ([('"<" + text + ">"', 'f"[{text}]"')], "[hello]!"),
        ([("return super().greeting()", 'return super().greeting() + ", all"')], "<hello, all>!"),
        ([("return self.text", "return self.text.upper()")], "<HELLO>!"),
        ([("return self.asked", "return self.asked * 10")], "<hello>!"),
        (
            [
                (
                    "    async def start",
                    "    def more(self) -> str:\n        return super().greeting()\n\n    async def start",
                ),
                ("return super().greeting()\n\n    @property", "return self.more() * 2\n\n    @property"),
            ],
            "<hellohello>!",
        ),
        (
            [("class Base", "END = '.'\n\n\nclass Base"), ('return "hello"', 'return "hello" + END')],
            "<hello.>!",
        ),
    ],
    ids=["method", "function", "super", "dataclass", "property", "new-method", "constant"],
)
async def test_new_code_runs_in_what_is_there(
    server: Server, juliet: ScriptedClient, plugin: Plugin, replacements: list[tuple[str, str]], said: str
) -> None:
    module = server.hosts["localhost"].modules["answering"]
    assert await call(server, "update_list") == []
    plugin.change(*replacements)
    assert await call(server, "update_list") == ["answering_plugin"]
    assert await call(server, "update", "all") == "Updated: answering_plugin"
    assert await call(server, "update_list") == []
    text, asked = await ask(juliet)
    assert (text, asked) == (said, "20" if "* 10" in str(replacements) else "2")
    assert server.hosts["localhost"].modules["answering"] is module
    assert await call(server, "update", "answering") == "Nothing has changed"


async def test_a_module_that_answers_other_things_is_loaded_again(
    server: Server, juliet: ScriptedClient, plugin: Plugin
) -> None:
    plugin.change(('@iq("urn:example:ask", "ask")', '@iq("urn:example:beg", "beg")'))
    await call(server, "update", "answering_plugin")
    assert (await juliet.ask("get", ASK, "localhost")).get("type") == "error"
    begged = await juliet.ask("get", "<beg xmlns='urn:example:beg'/>", "localhost")
    assert begged.findtext("{urn:example:ask}said") == "<hello>!"


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        (("class Answering", "class class"), "SyntaxError"),
        (("class Base", "1 / 0\nclass Base"), "ZeroDivisionError"),
        (("    text: str\n", "    text: str\n    more: str = ''\n"), "the class Word has another shape"),
        (('Field("!"', 'Field("?"'), r"the class Answering\.Settings has another shape"),
        (("class Answering(Base)", "class Answering(Module)"), "the class Answering has another shape"),
    ],
)
async def test_what_cannot_be_taken_leaves_everything_as_it_was(
    server: Server, juliet: ScriptedClient, plugin: Plugin, replacement: tuple[str, str], said: str
) -> None:
    plugin.change(('return "hello"', 'return "good day"'), replacement)
    with pytest.raises(CommandFailed, match=f"answering_plugin stays as it is: .*{said}"):
        await call(server, "update", "all")
    assert await ask(juliet) == ("<hello>!", "2")
    assert await call(server, "update_list") == ["answering_plugin"]


async def test_a_restarted_module_begins_anew(server: Server, juliet: ScriptedClient, plugin: Plugin) -> None:
    assert await call(server, "restart_module", "localhost", "answering") == 2
    assert await ask(juliet) == ("<hello>!", "1")
    plugin.change(('return "hello"', 'return "good day"'))
    assert await call(server, "restart_module", "localhost", "answering") == 0
    assert await ask(juliet) == ("<good day>!", "1")
    assert await call(server, "restart_module", "localhost", "nothing") == 1
    with pytest.raises(CommandFailed, match="no module nothing is in use"):
        await call(server, "update", "nothing")


async def test_modules_that_need_a_restarted_one_are_restarted_with_it(
    server: Server, juliet: ScriptedClient
) -> None:
    loaded = dict(server.hosts["localhost"].modules)
    assert await call(server, "restart_module", "localhost", "roster") == 2
    now = server.hosts["localhost"].modules
    assert now.keys() == loaded.keys()
    assert now["presence"] is not loaded["presence"]
    assert now["ping"] is loaded["ping"]
    await call(server, "add_rosteritem", "juliet", "localhost", "romeo", "localhost", "", "", "both")
    juliet.write("<presence/>")
    assert (await juliet.next()).tag == "{jabber:client}presence"


async def test_modules_are_listed(server: Server) -> None:
    available = {each.name: each.summary for each in await call(server, "modules_available")}
    assert set(modules.DEFAULT) < available.keys()
    assert available["answering"] == "Answers."
    assert [each.name for each in await call(server, "modules_installed")] == ["answering"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name", "can't be loaded: No module named"),
        ("Answering = 7", "is not a subclass of burble.Module"),
        (
            "from burble import Module, command\nclass Answering(Module):\n"
            "    @command(tags=[])\n    def do(self) -> None: ...",
            "needs an argument 'host'",
        ),
    ],
)
async def test_a_module_is_checked(plugin: Plugin, serve: Serve, source: str, said: str) -> None:
    plain = await serve()
    await call(plain, "module_check", "answering")
    sys.modules.pop("answering_plugin", None)
    plugin.path.write_text(source)
    with pytest.raises(CommandFailed, match=said):
        await call(plain, "module_check", "answering")
