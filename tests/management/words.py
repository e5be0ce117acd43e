"""The words in which stream management is tested (XEP-0198)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from burble.modules.stream_management import StreamManagement
from burble.modules.stream_management.managed import ManagedSession
from burble.modules.stream_management.settings import ManagementSettings
from burble.server import Server
from burble.testing import port_of
from tests.client import CLIENT, SASL, STANZAS, ScriptedClient

NS = "urn:xmpp:sm:3"
SM = f"{{{NS}}}"
QUIET = {"ask_every": 1000, "ask_after": 3600}
DELAY = "{urn:xmpp:delay}delay"


async def enable(client: ScriptedClient, attributes: str = "resume='true'") -> str:
    """Enable stream management; returns the id for resuming."""
    client.write(f"<enable xmlns='{NS}' {attributes}/>")
    answer = await client.next()
    assert answer.tag == f"{SM}enabled", ET.tostring(answer)
    return answer.get("id") or ""


async def available(client: ScriptedClient) -> ScriptedClient:
    """Send the first presence, and read what the server sends for it."""
    client.write("<presence/>")
    await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid)
    return client


async def login(server: Server, user: str) -> ScriptedClient:
    """A client that has logged in, and has not bound a resource."""
    client = await ScriptedClient(port_of(server)).connect()
    await client.open()
    assert (await client.authenticate(user, "secret")).tag == f"{SASL}success"
    await client.open()
    return client


async def resume(server: Server, user: str, id: str, h: int) -> tuple[ScriptedClient, ET.Element]:
    """Connect again and ask for a session; returns the client and the answer."""
    client = await login(server, user)
    client.write(f"<resume xmlns='{NS}' previd='{id}' h='{h}'/>")
    return client, await client.next()


async def drop(server: Server, client: ScriptedClient) -> None:
    """Cut a client's connection, and wait until the server knows."""
    user, resource = client.jid.partition("@")[0], client.jid.partition("/")[2]
    client.writer.transport.abort()
    probe = await login(server, user)
    while any(s.connected for s in server.hosts["localhost"].sessions.of(user) if s.jid.resource == resource):
        probe.write(f"<r xmlns='{NS}'/>")
        await probe.next()
    await probe.close()


def expire(server: Server, user: str) -> None:
    """Let the time be over for the sessions of a user that wait."""
    for session in server.hosts["localhost"].sessions.of(user):
        if not session.connected:
            session.close()


def managed(server: Server, user: str) -> ManagedSession:
    """What stream management keeps for the only session of a user."""
    (session,) = server.hosts["localhost"].sessions.of(user)
    assert isinstance(session.management, ManagedSession)
    return session.management


def module(server: Server) -> StreamManagement:
    """The module."""
    found = server.hosts["localhost"].modules["stream_management"]
    assert isinstance(found, StreamManagement)
    return found


async def configure(server: Server, **options: object) -> None:
    """Change options of stream management."""
    await module(server).configure(ManagementSettings.model_validate({**QUIET, **options}))


async def ask(client: ScriptedClient) -> int:
    """How many stanzas the server says it has handled."""
    client.write(f"<r xmlns='{NS}'/>")
    return int((await client.find(lambda e: e.tag == f"{SM}a")).get("h") or "")


def acknowledge(client: ScriptedClient, h: int) -> None:
    """Say how many stanzas the client has."""
    client.write(f"<a xmlns='{NS}' h='{h}'/>")


def write(client: ScriptedClient, to: str, *bodies: str, kind: str = "chat", extra: str = "") -> None:
    """Send messages."""
    for body in bodies:
        client.write(f"<message to='{to}' type='{kind}' id='{body}'><body>{body}</body>{extra}</message>")


async def bodies(client: ScriptedClient) -> list[str]:
    """The bodies of all messages that have come to a client, up to now."""
    return [
        element.findtext(f"{CLIENT}body") or ""
        for element in await everything(client)
        if element.tag == f"{CLIENT}message"
    ]


async def everything(client: ScriptedClient) -> list[ET.Element]:
    """All that has come to a client and was not read."""
    await client.sync()
    return [await client.next() for _ in range(len(client._arrived))]


def failure(answer: ET.Element) -> str:
    """The condition of a <failed/>."""
    assert answer.tag == f"{SM}failed", ET.tostring(answer)
    return answer[0].tag.removeprefix(STANZAS)
