"""XEP-0092: which software serves a host."""

from __future__ import annotations

import platform

from burble import __version__
from tests.client import condition
from tests.conftest import Connect, Serve

VERSION = "{jabber:iq:version}"
QUERY = "<query xmlns='jabber:iq:version'/>"


async def test_the_server_tells_its_name_and_version_but_not_its_system(connect: Connect) -> None:
    """§2; §4: the operating system is told only where somebody has allowed it."""
    juliet = await connect("juliet")
    answer = await juliet.ask("get", QUERY, "localhost")
    query = answer.find(f"{VERSION}query")
    assert query is not None
    assert {child.tag: child.text for child in query} == {
        f"{VERSION}name": "Burble",
        f"{VERSION}version": __version__,
    }


async def test_the_system_is_told_where_the_settings_say_so(serve: Serve, connect: Connect) -> None:
    """§4."""
    server = await serve(modules={"version": {"os": True}})
    juliet = await connect("juliet", to=server)
    answer = await juliet.ask("get", QUERY, "localhost")
    assert answer.findtext(f".//{VERSION}os") == platform.system()


async def test_the_version_can_t_be_set(connect: Connect) -> None:
    juliet = await connect("juliet")
    assert condition(await juliet.ask("set", QUERY, "localhost")) == "not-allowed"
