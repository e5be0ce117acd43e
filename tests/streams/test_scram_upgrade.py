"""XEP-0480: keys of a better hash for an account that has none, with the client's help."""

from __future__ import annotations

import base64
import hashlib
import xml.etree.ElementTree as ET

import pytest
from sqlalchemy import delete

from burble.server import Server
from burble.storage.schema import credentials
from tests.streams.inline import SASL2, InlineClient, failure

UPGRADE = "{urn:xmpp:sasl:upgrade:0}"
TASK = "{urn:xmpp:scram-upgrade:0}"
WANTED = "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>"


@pytest.fixture
async def old(server: Server) -> Server:
    """A server whose juliet came from one that knew SHA-1 only."""
    await server.database.execute(
        delete(credentials).where(credentials.c.user == "juliet", credentials.c.mechanism != "SHA-1")
    )
    return server


async def begun(server: Server) -> InlineClient:
    client = InlineClient(server)
    offer = await client.begin()
    assert [element.text for element in offer.findall(f"{UPGRADE}upgrade")] == [
        "UPGR-SCRAM-SHA-256",
        "UPGR-SCRAM-SHA-512",
    ]
    return client


async def salt(client: InlineClient) -> tuple[bytes, int]:
    """Take up the task; returns the salt and the count of iterations."""
    client.write("<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-256'/>")
    answer = await client.next()
    element = answer.find(f"{TASK}salt")
    assert element is not None, ET.tostring(answer)
    return base64.b64decode(element.text or ""), int(element.get("iterations") or 0)


def send_hash(client: InlineClient, salted: bytes) -> None:
    text = base64.b64encode(salted).decode()
    client.write(
        f"<task-data xmlns='urn:xmpp:sasl:2'><hash xmlns='urn:xmpp:scram-upgrade:0'>{text}</hash></task-data>"
    )


async def test_the_client_helps_to_better_keys(old: Server) -> None:
    """§3: after SHA-1 comes the task, after it the success; then SHA-256 can be used."""
    client = await begun(old)
    answer = await client.scram("SCRAM-SHA-1", WANTED)
    assert answer.tag == f"{SASL2}continue"
    assert answer.findtext(f"{SASL2}tasks/{SASL2}task") == "UPGR-SCRAM-SHA-256"
    random, iterations = await salt(client)
    assert iterations >= 4096
    send_hash(client, hashlib.pbkdf2_hmac("sha256", b"secret", random, iterations))
    answer = await client.next()
    assert answer.tag == f"{SASL2}success"
    assert answer.find(f"{SASL2}additional-data") is None
    await client.next_features()
    await client.bind()
    await client.sync()

    again = await begun(old)
    assert (await again.scram("SCRAM-SHA-256", WANTED)).tag == f"{SASL2}success"


async def test_who_has_the_keys_or_does_not_offer_help_just_logs_in(server: Server, old: Server) -> None:
    client = await begun(old)
    assert (await client.scram("SCRAM-SHA-1")).tag == f"{SASL2}success"
    romeo = await begun(server)
    romeo.ask_in("PLAIN", b"\0romeo\0secret", WANTED)
    assert (await romeo.next()).tag == f"{SASL2}success"


@pytest.mark.parametrize("salted", [b"", b"short", bytes(33)])
async def test_what_is_no_salted_password_fails_and_changes_nothing(old: Server, salted: bytes) -> None:
    client = await begun(old)
    await client.scram("SCRAM-SHA-1", WANTED)
    await salt(client)
    send_hash(client, salted)
    assert failure(await client.next()) == "malformed-request"
    assert not old.hosts["localhost"].sessions.of("juliet")
    assert await old.hosts["localhost"].authenticator.scram_keys("juliet", "SHA-256") is None


@pytest.mark.parametrize(
    "step",
    [
        "<next xmlns='urn:xmpp:sasl:2' task='TOTP'/>",
        "<task-data xmlns='urn:xmpp:sasl:2'/>",
        "<response xmlns='urn:xmpp:sasl:2'/>",
    ],
)
async def test_another_step_than_the_task_fails(old: Server, step: str) -> None:
    """XEP-0388 §2.6.3: without the task there is no success."""
    client = await begun(old)
    await client.scram("SCRAM-SHA-1", WANTED)
    client.write(step)
    assert failure(await client.next()) == "malformed-request"
