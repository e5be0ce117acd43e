"""What a client is told of messages to other servers: acknowledged is only what the other server has."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator

import pytest
from bench.ports import free_ports

from burble.server import Server
from burble.testing import port_of
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Serve
from tests.servers.burbles import settings_of

SM = "{urn:xmpp:sm:3}"
MESSAGE = "<message to='romeo@b.test' type='chat' id='{0}'><body>{0}</body></message>"


@pytest.fixture
async def ports() -> dict[str, int]:
    return dict(zip(("a.test", "b.test"), free_ports(2), strict=True))


@pytest.fixture
async def here(serve: Serve, ports: dict[str, int]) -> Server:
    server = await serve(**settings_of("a.test", ports, retry_after=0.01))
    await server.hosts["a.test"].register("juliet", "secret")
    return server


@pytest.fixture
async def juliet(here: Server) -> AsyncIterator[ScriptedClient]:
    client = await (await ScriptedClient(port_of(here), "a.test").connect()).login("juliet")
    client.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    assert (await client.next()).tag == f"{SM}enabled"
    yield client
    await client.close()


async def there(serve: Serve, ports: dict[str, int]) -> Server:
    server = await serve(**settings_of("b.test", ports))
    await server.hosts["b.test"].register("romeo", "secret")
    return server


async def answers(client: ScriptedClient, until: int) -> list[ET.Element]:
    """All that comes until so many stanzas are acknowledged."""
    seen = [await client.next()]
    while seen[-1].get("h") != str(until):
        seen.append(await client.next())
    return seen


async def test_a_message_is_acknowledged_when_the_other_server_has_it(
    serve: Serve, ports: dict[str, int], juliet: ScriptedClient
) -> None:
    """XEP-0198 §4: a server acknowledges what it takes responsibility for; memory loses."""
    await there(serve, ports)
    for number in range(1, 4):
        juliet.write(MESSAGE.format(number))
    juliet.write("<r xmlns='urn:xmpp:sm:3'/>")
    assert {each.tag for each in await answers(juliet, 3)} == {f"{SM}a"}


async def test_a_message_to_a_silent_server_is_not_acknowledged(
    here: Server, ports: dict[str, int], juliet: ScriptedClient
) -> None:
    """And what came before it is: the client learns it at once."""
    connected = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read(-1)
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", ports["b.test"]):
        juliet.write("<presence/>")
        juliet.write(MESSAGE.format(1))
        await asyncio.wait_for(connected.wait(), 5)
        juliet.write("<r xmlns='urn:xmpp:sm:3'/>")
        answer = await juliet.find(lambda each: each.tag == f"{SM}a")
        assert answer.get("h") == "1"
    await here.stop()


async def test_a_message_that_comes_back_is_acknowledged(juliet: ScriptedClient) -> None:
    """Nothing listens there: the error is all that will ever come of it."""
    juliet.write(MESSAGE.format(1))
    juliet.write("<r xmlns='urn:xmpp:sm:3'/>")
    seen = await answers(juliet, 1)
    (error,) = [each for each in seen if each.tag == f"{CLIENT}message"]
    assert condition(error) == "remote-server-timeout"
