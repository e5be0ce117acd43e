"""Every command through several interfaces: REST, XML-RPC, and the socket of `burblectl`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from burble.server import Server
from tests.commands.stage import by_rest, by_socket, by_xmlrpc, furnish, scalars
from tests.commands.table import CALLS, Call
from tests.conftest import Connect

TESTS = Path(__file__).parent.parent
ONCE = [each for each in CALLS if each.once]


@pytest.fixture
async def server(web: Server) -> Server:
    """The server that clients connect to."""
    await web.hosts["localhost"].register("nurse", "secret")
    return web


@pytest.fixture
async def stage(server: Server, connect: Connect) -> Server:
    """A server on which the commands have something to do."""
    await furnish(server, await connect("juliet/balcony"))
    return server


def example_of(server: Server, name: str) -> list[str]:
    """A command's first example, as words, with its files where they are."""
    directory = server.settings.data_dir
    text = server.commands.find(name).doc.examples[0].replace("/tmp/", f"{directory}/")
    return shlex.split(text)[1:]


async def test_what_can_be_called_again_by_rest_and_xmlrpc(stage: Server) -> None:
    problems: dict[str, Any] = {}
    calls = [each for each in CALLS if not each.once]
    for each in sorted(calls, key=lambda each: not stage.commands.find(each.name, each.version).safe):
        answer = await by_rest(stage, each.name, each.arguments, each.version)
        if answer != each.result:
            problems[f"{each} by REST"] = answer
        if each.version == 0:
            told = scalars(await by_xmlrpc(stage, each.name, each.arguments))
            # Of a sentence XML-RPC tells that it is true, too.
            if not each.varies and scalars(answer) not in (told, told[1:]):
                problems[f"{each} by XML-RPC"] = told
    assert problems == {}


@pytest.mark.parametrize("each", ONCE, ids=str)
async def test_what_can_be_called_once_by_rest(stage: Server, each: Call) -> None:
    assert await by_rest(stage, each.name, each.arguments, each.version) == each.result


@pytest.mark.parametrize("each", [each for each in ONCE if each.version == 0], ids=str)
async def test_what_can_be_called_once_by_xmlrpc(stage: Server, each: Call) -> None:
    told = scalars(await by_xmlrpc(stage, each.name, each.arguments))
    if each.name != "register":
        assert scalars(each.result) in (told, told[1:])


async def test_examples_work_through_the_socket(stage: Server) -> None:
    for name in dict.fromkeys(each.name for each in CALLS if not each.once):
        await by_socket(stage, name, example_of(stage, name))


@pytest.mark.parametrize("name", sorted({each.name for each in ONCE}))
async def test_examples_of_what_can_be_called_once(stage: Server, name: str) -> None:
    if name == "register":
        await stage.hosts["localhost"].unregister("juliet")
    await by_socket(stage, name, example_of(stage, name))


async def test_every_command_is_in_the_table_or_has_a_test_of_its_own(server: Server) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")}
    named = {word for text in texts.values() for word in re.findall(r"[\"'`/ ]([a-z][a-z0-9_]+)\b", text)}
    in_table = {each.name for each in CALLS}
    assert [each.name for each in server.commands if each.name not in in_table | named] == []
    tabled = {(each.name, each.version) for each in CALLS}
    missing = [
        (name, command.version)
        for name in in_table
        for command in server.commands.versions(name)
        if (name, command.version) not in tabled
    ]
    assert missing == [], "each version of a command needs its line in the table"


def test_scalars_of_a_result() -> None:
    result: Any = {"a": [{"b": 1}, {"c": ["x", "y"]}], "d": ""}
    assert scalars(result) == ["1", "x", "y", ""]
