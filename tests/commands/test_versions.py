"""A command in several versions of the API: which one is called, and how each interface chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from burble.commands import ADMIN, Caller, Registry, command
from burble.server import Server
from tests.faces.web import base, client

CALLER = Caller("test", frozenset({ADMIN}))


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a thing is kept: its name, and its size."""

    name: str
    size: int


class Things:
    """Commands that were others in version 0 and in version 2."""

    @command(tags=["things"], safe=True, version=2, result="things::[thing::(name::string, size::integer)]")
    @command(tags=["things"], safe=True, result="things::[thing::(name::string)]")
    def list_things(self) -> list[Kept]:
        """List things."""
        return [Kept("ring", 3)]

    @command(tags=["things"], name="keep", result="res::rescode")
    def keep_one(self, thing: str) -> str:
        """Keep a thing."""
        return f"one {thing}"

    @command(tags=["things"], version=2, result="res::restuple")
    def keep(self, things: list[str]) -> str:
        """Keep things."""
        return f"many {' '.join(things)}"

    @command(tags=["things"], version=2)
    def drop(self) -> str:
        """Drop all."""
        return "dropped"


@pytest.fixture
def registry() -> Registry:
    """The commands of `Things`."""
    made = Registry()
    made.add(Things())
    return made


@pytest.mark.parametrize(
    ("version", "arguments", "result"),
    [
        (None, {"things": ["ring", "key"]}, "many ring key"),
        (3, {"things": ["ring"]}, "many ring"),
        (2, {"things": ["ring"]}, "many ring"),
        (1, {"thing": "ring"}, "one ring"),
        (0, {"thing": "ring"}, "one ring"),
    ],
)
async def test_the_version_that_was_in_force_is_called(
    registry: Registry, version: int | None, arguments: dict[str, Any], result: str
) -> None:
    assert await registry.call("keep", arguments, CALLER, version=version) == result


async def test_a_command_that_came_later_is_what_it_was_first(registry: Registry) -> None:
    assert await registry.call("drop", {}, CALLER, version=0) == "dropped"


def test_each_command_is_listed_once_in_its_newest_version(registry: Registry) -> None:
    assert [(each.name, each.version) for each in registry] == [("drop", 2), ("keep", 2), ("list_things", 2)]
    assert [each.version for each in registry.versions("keep")] == [0, 2]
    assert registry.versions("sell") == []


def test_all_versions_go_with_their_owner() -> None:
    registry = Registry()
    registry.add(Things())()
    assert list(registry) == []


class Twice:
    """Has the same version of a command two times."""

    @command(tags=["things"], name="keep", version=2)
    def one(self) -> None:
        """Keep one."""

    @command(tags=["things"], name="keep", version=2)
    def other(self) -> None:
        """Keep another."""


def test_a_version_can_be_there_once_only(registry: Registry) -> None:
    with pytest.raises(ValueError, match="two commands keep in version 2"):
        Registry().add(Twice())
    with pytest.raises(ValueError, match="there is a command keep already"):
        registry.add(Twice())


@pytest.fixture
def things(web: Server) -> Server:
    """A server with these commands."""
    web.commands.add(Things())
    return web


async def test_rest_takes_the_newest_unless_the_path_names_another(
    things: Server, admin: httpx.AsyncClient
) -> None:
    assert (await admin.get("/api/list_things")).json() == [{"name": "ring", "size": 3}]
    assert (await admin.get("/api/list_things/v2")).json() == [{"name": "ring", "size": 3}]
    assert (await admin.get("/api/list_things/v1")).json() == [{"name": "ring"}]
    assert (await admin.post("/api/keep/v0", json=["ring"])).json() == 0
    assert (await admin.post("/api/keep/v0", json={"things": ["ring"]})).status_code == 400
    assert (await admin.post("/api/keep/vx", json={"things": ["ring"]})).status_code == 404


async def test_xmlrpc_is_version_0(things: Server) -> None:
    text = (
        "<methodCall><methodName>list_things</methodName><params><param><value><struct/></value></param>"
        "</params></methodCall>"
    )
    async with client(things) as caller:
        answer = await caller.post(f"{base(things)}/xmlrpc", content=text)
    assert "<name>name</name>" in answer.text
    assert "size" not in answer.text


async def test_the_description_holds_each_version_under_its_path(
    things: Server, admin: httpx.AsyncClient
) -> None:
    paths = (await admin.get("/api/openapi.json")).json()["paths"]
    assert list(
        paths["/api/keep/v0"]["post"]["requestBody"]["content"]["application/json"]["schema"]["required"]
    ) == ["thing"]
    assert "/api/keep/v2" not in paths
    newest = paths["/api/keep"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert newest["required"] == ["things"]
    operations = [each["operationId"] for path in paths.values() for each in path.values()]
    assert len(operations) == len(set(operations))
