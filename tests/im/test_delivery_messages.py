"""Who gets a message: each cell of the table of RFC 6121 §8.5.4.

The cells read as there: D delivered to that resource, M to the most available ones, A to all that are not
negative, O stored, E refused, S ignored or refused.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.presences import appear, disappear

TYPES = ["normal", "chat", "groupchat", "headline", "error"]
JULIET = "juliet@localhost"


async def send(sender: ScriptedClient, to: str, kind: str) -> ET.Element | None:
    """Send a message; the error that comes back, if any."""
    sender.write(f"<message to='{to}' type='{kind}' id='m'><body>art thou there?</body></message>")
    return await answer(sender)


async def answer(sender: ScriptedClient) -> ET.Element | None:
    await sender.sync()
    try:
        return await sender.next(timeout=0.01)
    except TimeoutError:
        return None


def is_refused(error: ET.Element | None) -> bool:
    return error is not None and error.get("type") == "error" and condition(error) == "service-unavailable"


async def took(client: ScriptedClient, kind: str) -> bool:
    """Whether the client got the message, and nothing else."""
    await client.sync()
    try:
        message = await client.next(timeout=0.01)
    except TimeoutError:
        return False
    await client.nothing()
    assert message.tag == f"{CLIENT}message"
    assert message.get("type", "normal") == kind
    assert message.findtext(f"{CLIENT}body") == "art thou there?"
    return True


def kept(server: Server) -> int:
    return server.hosts["localhost"].modules["offline"].kept("juliet")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("to", ["nobody@localhost", "nobody@localhost/balcony"])
async def test_to_an_account_that_does_not_exist(
    server: Server, connect: Connect, to: str, kind: str
) -> None:
    """§8.5.1: normal and chat S, headline S; groupchat E; error is ignored."""
    romeo = await connect("romeo")
    error = await send(romeo, to, kind)
    assert is_refused(error) if kind in ("normal", "chat", "groupchat") else error is None
    assert server.hosts["localhost"].modules["offline"].kept("nobody") == 0


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("presence", ["offline", "connected", "gone", "negative"])
async def test_to_a_bare_jid_that_nobody_takes_messages_for(
    server: Server, connect: Connect, presence: str, kind: str
) -> None:
    """§8.5.2.2.1, §8.5.2.1.1: normal and chat O, groupchat E, headline and error ignored.

    A resource that is connected but has sent no presence, or is unavailable again, or has a negative
    priority, takes no message for the bare JID.
    """
    romeo = await connect("romeo")
    juliet = None if presence == "offline" else await connect("juliet/balcony")
    if juliet is not None and presence != "connected":
        await appear(juliet, -1 if presence == "negative" else None)
        if presence == "gone":
            await disappear(juliet)
    error = await send(romeo, JULIET, kind)
    assert is_refused(error) if kind == "groupchat" else error is None
    assert kept(server) == (1 if kind in ("normal", "chat") else 0)
    if juliet is not None:
        await juliet.nothing()


@pytest.mark.parametrize("kind", TYPES)
async def test_to_a_bare_jid_with_one_available_resource(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.2.1.1: normal, chat and headline D, groupchat E, error ignored. Priority 0 is not negative."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/balcony"), 0)
    error = await send(romeo, JULIET, kind)
    assert is_refused(error) if kind == "groupchat" else error is None
    assert await took(juliet, kind) is (kind in ("normal", "chat", "headline"))
    assert kept(server) == 0


@pytest.mark.parametrize("kind", TYPES)
async def test_to_a_bare_jid_with_several_resources(server: Server, connect: Connect, kind: str) -> None:
    """§8.5.2.1.1: normal and chat M, headline A, groupchat E, error ignored."""
    romeo = await connect("romeo")
    priorities = {"balcony": 5, "chamber": 5, "garden": 1, "tomb": -1}
    clients = {}
    for resource, priority in priorities.items():
        clients[resource] = await appear(await connect(f"juliet/{resource}"), priority)
    clients["orchard"] = await connect("juliet/orchard")  # connected, not available
    for client in clients.values():
        await client.sync()
        while await answer(client) is not None:  # the presence of the others
            pass
    error = await send(romeo, JULIET, kind)
    assert is_refused(error) if kind == "groupchat" else error is None
    got = {resource for resource, client in clients.items() if await took(client, kind)}
    expected: set[str] = set()
    if kind in ("normal", "chat"):
        expected = {"balcony", "chamber"}
    elif kind == "headline":
        expected = {"balcony", "chamber", "garden"}
    assert got == expected
    assert kept(server) == 0


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("priority", [None, -1, 1])
async def test_to_a_resource_that_is_there(
    server: Server, connect: Connect, priority: int | None, kind: str
) -> None:
    """§8.5.3.1: delivered to that resource, of whatever type, whatever its priority, available or not."""
    romeo = await connect("romeo")
    juliet = await connect("juliet/balcony")
    if priority is not None:
        await appear(juliet, priority)
    other = await appear(await connect("juliet/chamber"), 5)
    await answer(juliet)
    await answer(other)
    assert await send(romeo, f"{JULIET}/balcony", kind) is None
    assert await took(juliet, kind)
    assert not await took(other, kind)
    assert kept(server) == 0


@pytest.mark.parametrize("kind", TYPES)
async def test_to_a_resource_that_is_not_there_while_nobody_is(
    server: Server, connect: Connect, kind: str
) -> None:
    """§8.5.3.2.1: chat O; normal and groupchat S, here an error; headline S and error are ignored."""
    romeo = await connect("romeo")
    error = await send(romeo, f"{JULIET}/balcony", kind)
    assert is_refused(error) if kind in ("normal", "groupchat") else error is None
    assert kept(server) == (1 if kind == "chat" else 0)


@pytest.mark.parametrize("kind", TYPES)
async def test_to_a_resource_that_is_not_there_while_another_is_negative(
    server: Server, connect: Connect, kind: str
) -> None:
    """§8.5.3.2.1: chat O; normal, groupchat and headline S."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/chamber"), -1)
    error = await send(romeo, f"{JULIET}/balcony", kind)
    assert is_refused(error) if kind in ("normal", "groupchat") else error is None
    assert kept(server) == (1 if kind == "chat" else 0)
    await juliet.nothing()


@pytest.mark.parametrize("kind", TYPES)
async def test_to_a_resource_that_is_not_there_while_others_are(
    server: Server, connect: Connect, kind: str
) -> None:
    """§8.5.3.2.1: chat M; normal, groupchat and headline S, error ignored."""
    romeo = await connect("romeo")
    chamber = await appear(await connect("juliet/chamber"), 3)
    garden = await appear(await connect("juliet/garden"), 1)
    await answer(chamber)
    await answer(garden)
    error = await send(romeo, f"{JULIET}/balcony", kind)
    assert is_refused(error) if kind in ("normal", "groupchat") else error is None
    assert await took(chamber, kind) is (kind == "chat")
    assert not await took(garden, kind)
    assert kept(server) == 0


async def test_a_message_of_unknown_type_counts_as_normal(server: Server, connect: Connect) -> None:
    """§5.2.2, and with it all of §8.5."""
    romeo = await connect("romeo")
    assert await send(romeo, JULIET, "telegram") is None
    assert kept(server) == 1
    assert is_refused(await send(romeo, f"{JULIET}/balcony", "telegram"))


async def test_a_message_without_addressee_is_for_the_sender(server: Server, connect: Connect) -> None:
    """§8.1 (RFC 6120 §10.3.1): as if to the bare JID of the account itself."""
    romeo = await appear(await connect("romeo/orchard"))
    romeo.write("<message type='chat' id='m'><body>ay me!</body></message>")
    message = await romeo.next()
    assert message.findtext(f"{CLIENT}body") == "ay me!"
    assert message.get("from") == romeo.jid


async def test_a_message_to_the_server_is_refused(server: Server, connect: Connect) -> None:
    """§8.3: nobody reads it, and the sender learns that."""
    romeo = await connect("romeo")
    assert is_refused(await send(romeo, "localhost", "chat"))
    assert await send(romeo, "localhost", "error") is None


async def test_a_message_is_kept_once_the_stream_is_closed(server: Server, connect: Connect) -> None:
    """A client that has closed its stream takes no messages, even while its connection still stands."""
    romeo = await connect("romeo")
    juliet = await appear(await connect("juliet/balcony"))
    juliet.write("</stream:stream>")
    await juliet.closed()
    assert await send(romeo, JULIET, "chat") is None
    assert kept(server) == 1


async def test_the_last_words_of_a_client_are_delivered(server: Server, connect: Connect) -> None:
    """RFC 6120 §4.4: what came before the end of the stream counts, though an earlier request still waits
    for the database when the connection ends."""
    romeo, juliet = await connect("romeo"), await appear(await connect("juliet/balcony"))
    romeo.write(
        "<iq type='set' id='i'><query xmlns='jabber:iq:roster'><item jid='juliet@localhost'/></query></iq>"
        f"<message to='{JULIET}' type='chat'><body>thus with a kiss</body></message></stream:stream>"
    )
    romeo.writer.write_eof()
    assert (await juliet.next()).findtext(f"{CLIENT}body") == "thus with a kiss"
    (answer,) = await romeo.closed()
    assert answer.get("type") == "result"
