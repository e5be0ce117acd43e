"""What docs/social-stream.md shows works as it is written there."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from burble.faces.emanagement import main
from burble.server import Server
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Serve
from tests.modules.told import Program, Web

PAGE = (Path(__file__).parent.parent / "docs" / "social-stream.md").read_text()
#: The script of ejabberd's guide, which lets everybody in.
EVERYBODY = Path(__file__).parent / "auth" / "scripts" / "guide.py"
HOST = "social.example.org"


def blocks(kind: str) -> list[str]:
    """The examples of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def settings(number: int = 0) -> dict[str, Any]:
    """The settings of the page, but that the programs are others."""
    shown = tomllib.loads(blocks("toml")[number])
    if "auth" in shown:
        assert shown["auth"]["script"]["command"] == ["/opt/social_stream/authentication_script"]
        shown["auth"]["script"]["command"] = [sys.executable, str(EVERYBODY)]
    return shown


async def served(serve: Serve, **hooks: Any) -> Server:
    """A server with the settings of the page."""
    changes = settings()
    changes["modules"]["presence_hooks"] = hooks
    return await serve(**changes)


async def log_in(server: Server, user: str) -> ScriptedClient:
    """A client of a user whom only the script knows."""
    port = int(server.addresses[0].rpartition(":")[2])
    client = await ScriptedClient(port, HOST).connect()
    return await client.login(user, "any", "web")


def typed(console: str) -> Iterator[tuple[list[str], str]]:
    """The commands of a console, each with what it prints."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        line, _, printed = part.partition("\n")
        yield shlex.split(line), printed


async def test_the_functions_of_emanagement_print_what_the_page_shows(serve: Serve) -> None:
    server = await served(serve)
    demo = await log_in(server, "demo")
    demo.write("<presence/>")
    at = ["--data-dir", str(server.settings.data_dir)]

    def emanagement(arguments: list[str]) -> tuple[object, str]:
        with redirect_stdout(out := StringIO()), pytest.raises(SystemExit) as ended:
            main([*at, *arguments])
        return ended.value.code, out.getvalue()

    called = 0
    for (program, *arguments), printed in typed(blocks("console")[0]):
        assert program == "emanagement"
        assert await asyncio.to_thread(emanagement, arguments) == (0, printed), arguments
        called += 1
    assert called == 10
    message = await demo.find(lambda each: each.tag == f"{CLIENT}message")
    assert message.findtext(f"{CLIENT}body") == "Hello World"
    await demo.close()


async def test_a_program_is_told_as_the_table_says(serve: Serve, tmp_path: Path) -> None:
    rows = [row for row in re.findall(r"^\| `(\w+)( JID)?( STATUS)?` \|", PAGE, re.MULTILINE) if row]
    jid, told = f"demo@{HOST}", await Program(tmp_path / "told").listen()
    server = await served(serve, program=[str(told.path)])
    demo = await log_in(server, "demo")
    demo.write("<presence><show>away</show></presence><presence type='unavailable'/>")
    await demo.sync()
    await demo.close()
    assert await told.some(len(rows)) == [
        " ".join([name, *([jid] if of else []), *(["away"] if status else [])]) for name, of, status in rows
    ]
    await server.stop()
    told.close()


async def test_a_web_service_is_posted_what_the_page_shows(serve: Serve) -> None:
    web = await Web().listen()
    hooks = settings(1)["modules"]["presence_hooks"]
    assert hooks.pop("url") == "https://www.example.org/xmpp"
    server = await served(serve, **hooks, url=web.url)
    demo = await log_in(server, "demo")
    demo.write("<presence><show>away</show><status>at lunch</status></presence>")
    await demo.next()
    for name in ("resetConnection", "setConnection"):
        assert (await web.next())[1] == f"/xmpp/{name}"
    verb, path, body = await web.next()
    assert (verb, path) == ("POST", "/xmpp/setPresence")
    assert repr(body).replace("'", '"') == blocks("json")[0].strip()
    assert web.headers["Authorization"] == hooks["authorization"]
    await demo.close()
    await server.stop()
    await web.close()
