"""The modules in examples/, loaded as an administrator loads them, and what the page about them shows."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from burble import modules
from burble.config import ConfigError
from burble.testing import settings
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.test_docs import example

EXAMPLES = Path(__file__).parent.parent / "examples"
CPUTIME = "{ejabberd:cputime}"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is installed: its modules can be imported, and its metadata says which they are."""
    project = tomllib.loads((EXAMPLES / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "site" / f"burble_examples-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["burble.modules"]
    lines = [f"{name} = {value}" for name, value in points.items()]
    metadata.joinpath("entry_points.txt").write_text("\n".join(["[burble.modules]", *lines]))
    monkeypatch.syspath_prepend(metadata.parent)
    monkeypatch.syspath_prepend(EXAMPLES)
    forget: Callable[[], None] = modules._entry_points.cache_clear
    forget()
    yield
    forget()


async def client(serve: Serve, connect: Connect, **options: Any) -> ScriptedClient:
    """Juliet, at a server with both modules."""
    server = await serve(modules={"load": ["cputime", "echo"], **options})
    return await connect("juliet/balcony", to=server)


async def test_the_server_tells_its_processor_time(serve: Serve, connect: Connect) -> None:
    juliet = await client(serve, connect)
    answer = await juliet.ask("get", "<query xmlns='ejabberd:cputime'/>", "localhost")
    told = answer.findtext(f"{CPUTIME}query/{CPUTIME}cputime")
    assert told is not None
    assert float(told) > 0
    assert len(told.partition(".")[2]) == 3


async def test_the_processor_time_can_not_be_set(serve: Serve, connect: Connect) -> None:
    juliet = await client(serve, connect)
    answer = await juliet.ask("set", "<query xmlns='ejabberd:cputime'/>", "localhost")
    assert condition(answer) == "not-allowed"


async def test_the_echo_sends_back_stanzas_of_every_kind(serve: Serve, connect: Connect) -> None:
    juliet = await client(serve, connect)
    juliet.write("<presence/>")
    await juliet.next()
    for sent in (
        "<message to='romeo@echo.localhost/orchard' type='chat' id='m'><body>Ay me!</body></message>",
        "<presence to='romeo@echo.localhost/orchard' id='p'><status>here</status></presence>",
        "<iq to='romeo@echo.localhost/orchard' type='get' id='i'><query xmlns='jabber:iq:version'/></iq>",
    ):
        juliet.write(sent)
        back = await juliet.next()
        assert back.get("from") == "romeo@echo.localhost/orchard"
        assert back.get("to") == "juliet@localhost/balcony"
        assert f"id='{back.get('id')}'" in sent
        assert f"<{back[0].tag.partition('}')[2]}" in sent  # an archive may have added something behind it


async def test_the_echo_sends_back_no_errors(serve: Serve, connect: Connect) -> None:
    juliet = await client(serve, connect)
    juliet.write("<message to='echo.localhost' type='error'><body>no</body></message>")
    await juliet.nothing()


async def test_the_echo_moves_to_another_domain_and_goes(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"load": ["echo"], "echo": {"host": "canyon.example"}})
    juliet = await connect("juliet/balcony", to=server)

    async def echoes(domain: str) -> bool:
        juliet.write(f"<message to='{domain}'><body>hello</body></message>")
        answer = await juliet.find(lambda each: each.tag == f"{CLIENT}message")
        return answer.get("type") != "error"

    assert await echoes("canyon.example")
    assert not await echoes("echo.localhost")

    home = server.settings.data_dir
    common = {"database": server.settings.database.model_dump()}
    await server.reload(
        settings(home, **common, modules={"load": ["echo"], "echo": {"host": "gorge.example"}})
    )
    assert await echoes("gorge.example")
    assert not await echoes("canyon.example")

    await server.reload(settings(home, **common))
    assert not await echoes("gorge.example")


async def test_a_wrong_option_of_an_example_is_named(serve: Serve) -> None:
    with pytest.raises(ConfigError, match=r"modules\.echo\.hots"):
        await serve(modules={"load": ["echo"], "echo": {"hots": "echo.localhost"}})


def test_the_stanza_of_the_guide_is_built_written_and_read() -> None:
    names: dict[str, Any] = {}
    exec(example("from-ejabberd-modules.md", "# The stanza of section 5"), names)
    assert names["written"] == (
        "<message to='test@conference.example.org' type='groupchat'><body>test</body></message>"
    )
    assert names["read"].child_text("body") == "test"
    assert names["safe"] == "5 &lt; 6 &amp; 7"
    assert [each.name for each in names["elements"]] == ["body"]
    assert (names["body"], names["kind"], names["status"]) == ("test", "groupchat", None)


def test_every_name_of_the_guide_is_on_the_page() -> None:
    page = (EXAMPLES.parent / "docs" / "from-ejabberd-modules.md").read_text()
    for name in (
        *("XMLElement", "Attrs", "ElementOrCDATA", "CDATA", "element_to_string", "crypt", "remove_cdata"),
        *("get_path_s", "get_cdata", "get_tag_cdata", "get_attr", "get_attr_s", "get_tag_attr"),
        *("get_tag_attr_s", "get_subtag", "parse_element", "add_iq_handler", "remove_iq_handler"),
        *("no_queue", "one_queue", "parallel", "ejabberd_local", "ejabberd_sm", "get_opt"),
        *("get_module_proc", "register_local_route", "unregister_route", "ejabberd_router:route"),
    ):
        assert name in page, name
