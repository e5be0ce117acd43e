"""docs/components.md: its examples do what it says."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from burble import modules
from burble.config import load
from tests.components.component import port_for_components
from tests.conftest import Connect, Serve

PAGE = (Path(__file__).parents[2] / "docs" / "components.md").read_text()
SETTINGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", SETTINGS, ids=range(len(SETTINGS)))
def test_the_settings_are_right(text: str, tmp_path: Path) -> None:
    file = tmp_path / "burble.toml"
    file.write_text(text)

    load(file, module_settings=modules.settings_models())


async def test_the_parrot_says_everything_again(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = ModuleType("parrot")
    monkeypatch.setitem(sys.modules, "parrot", home)
    exec(compile(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], "parrot.py", "exec"), vars(home))
    secret = {"secret": "a long text that nobody guesses"}
    server = await serve(listen={"components": ["127.0.0.1:0"]}, components={"parrot.example.org": secret})
    await server.hosts["localhost"].register("viola", "secret")
    viola = await connect("viola/shore", to=server)
    parrot = home.Parrot(port_for_components(server))
    ready = asyncio.Event()
    parrot.add_event_handler("session_start", lambda _: ready.set())
    parrot.connect()
    async with asyncio.timeout(5):
        await ready.wait()

    viola.write("<message to='polly@parrot.example.org' type='chat'><body>What country</body></message>")

    answer = await viola.next()
    assert answer.get("from") == "polly@parrot.example.org"
    assert answer.findtext("{jabber:client}body") == "What country!"
    await parrot.disconnect()
