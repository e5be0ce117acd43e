"""Every command of the table, called with the form that is made of its signature."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from burble.faces.adhoc.api import PREFIX
from burble.faces.rest import rename_old
from burble.server import Server
from tests.adhoc.calls import call, form, notes, send
from tests.client import ScriptedClient
from tests.commands.stage import furnish
from tests.commands.table import CALLS, Call
from tests.conftest import Connect, Serve
from tests.faces.web import settings


@pytest.fixture
async def server(serve: Serve) -> Server:
    server = await serve(**settings())
    for user in ("admin", "juliet", "romeo", "nurse"):
        await server.hosts["localhost"].register(user, "secret")
    return server


def filled_in(value: Any) -> str | list[str]:
    """An argument as somebody fills it into a form."""
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return [str(each) for each in value]
    return value if isinstance(value, str) else json.dumps(value)


async def problem(server: Server, admin: ScriptedClient, each: Call) -> str:
    """What is wrong with the answer to a call; "" where nothing is."""
    node = PREFIX + each.name
    step = await call(admin, node)
    if step.get("status") == "executing":
        arguments = rename_old(server.commands.find(each.name), each.arguments)
        values = {name: filled_in(value) for name, value in arguments.items()}
        answer = await send(admin, node, "complete", step.get("sessionid"), form(values))
        if answer.get("type") != "result":
            return ET.tostring(answer, encoding="unicode")
        step = answer[0]
    failures = [text for type, text in notes(step) if type == "error"]
    return " ".join(failures) if step.get("status") == "completed" else ET.tostring(step, encoding="unicode")


async def test_every_command_that_can_be_called_again(server: Server, connect: Connect) -> None:
    await furnish(server, await connect("juliet/balcony"))
    admin = await connect("admin")
    newest = {each.name: server.commands.find(each.name).version for each in CALLS}
    calls = [each for each in CALLS if not each.once and each.version == newest[each.name]]
    problems = {}
    for each in sorted(calls, key=lambda each: not server.commands.find(each.name).safe):
        if found := await problem(server, admin, each):
            problems[str(each)] = found
    assert problems == {}
