"""The commands about components."""

from __future__ import annotations

from datetime import datetime

import pytest

from burble.commands import Caller, CommandFailed
from burble.config import Address
from burble.server import Server
from tests.client import condition
from tests.components.component import SECRET, port_for_components
from tests.components.conftest import DOMAIN, Attach
from tests.conftest import Serve

ADMIN = Caller("test", frozenset({"admin"}))


async def test_list_components_tells_who_is_connected(server: Server, attach: Attach) -> None:
    first, second = await attach("crowd.localhost"), await attach("crowd.localhost")

    found = await server.commands.call("list_components", {}, ADMIN)

    there = [each for each in found if each.connected]
    assert [each.domain for each in there] == ["crowd.localhost"] * 2
    assert [each.address for each in there] == [
        "{}:{}".format(*each.writer.get_extra_info("sockname")) for each in (first, second)
    ]
    assert all(isinstance(each.since, datetime) for each in there)
    assert {each.domain for each in found} == set(server.settings.components)
    assert next(each for each in found if each.domain == DOMAIN).address == ""


async def test_list_components_tells_of_other_servers(server: Server, serve: Serve) -> None:
    address = Address("127.0.0.1", port_for_components(server))
    far = await serve(
        hosts=["crowd.localhost"], component_of={"crowd.localhost": {"server": address, "secret": SECRET}}
    )
    await far.uplinks.uplinks["crowd.localhost"].ready.wait()

    [found] = await far.commands.call("list_components", {}, ADMIN)

    assert (found.domain, found.server, found.connected) == ("crowd.localhost", str(address), True)
    assert found.address == str(address)


async def test_close_component_lets_it_connect_anew(server: Server, attach: Attach) -> None:
    component = await attach()

    count = await server.commands.call("close_component", {"domain": DOMAIN}, ADMIN)

    [error] = await component.closed()
    assert (count, condition(error)) == (1, "reset")
    await attach()
    with pytest.raises(CommandFailed, match="no component"):
        await server.commands.call("close_component", {"domain": "localhost"}, ADMIN)
