"""The documentation's examples do what the pages say."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from burble import modules
from burble.commands import Caller
from tests.conftest import Connect, Serve

DOCS = Path(__file__).parent.parent / "docs"


def example(page: str, beginning: str) -> str:
    """The Python example of a page that begins so."""
    for code in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL):
        if code.startswith(beginning):
            return code
    raise LookupError(f"{page} has no example that begins with {beginning!r}")


@pytest.fixture
def greeter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module of docs/modules.md, as if a package with its entry point were installed."""
    home = ModuleType("greeter")
    monkeypatch.setitem(sys.modules, "greeter", home)
    exec(compile(example("modules.md", '"""Answer a message'), "greeter.py", "exec"), vars(home))
    entry = EntryPoint("greeter", "greeter:Greeter", "burble.modules")
    monkeypatch.setattr(modules, "_entry_points", lambda: {"greeter": entry})


async def test_the_greeter_of_the_modules_page(greeter: None, serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"load": ["greeter"], "greeter": {"greeting": "Ahoy"}})
    await server.hosts["localhost"].register("greeter", "secret")
    juliet = await connect("juliet/balcony", to=server)
    juliet.write("<message to='greeter@localhost' type='chat'><body>hi</body></message>")
    greeting = await juliet.next()
    assert greeting.get("from") == "greeter@localhost"
    assert greeting.findtext("{jabber:client}body") == "Ahoy, juliet!"
    answer = await juliet.ask("get", "<count xmlns='urn:example:greetings'/>", "localhost")
    assert answer.findtext("{urn:example:greetings}count") == "1"
    result = await server.commands.call(
        "greetings_number", {"host": "localhost"}, Caller("test", frozenset({"admin"}))
    )
    assert result == 1


def test_what_proves_compliance_is_there() -> None:
    """docs/compliance.md: every line that is done names tests, and there they are."""
    page = (DOCS / "compliance.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", page):
        assert (DOCS / target).exists(), target
    for line in page.splitlines():
        if line.startswith("|") and "| done" in line:
            assert "../tests/" in line, line
