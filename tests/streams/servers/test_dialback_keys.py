"""Server Dialback (XEP-0220), seen by who is asked about keys, its own and others."""

from __future__ import annotations

import asyncio

import pytest

from tests.streams.servers.conftest import Burble, Certificates
from tests.streams.servers.peer import DIALBACK, HOST, PEER, Connection, Listener, stanza_condition


@pytest.fixture
async def ours(burble: Burble, peer: Listener, certificates: Certificates) -> tuple[Connection, str]:
    """A stream by which Burble can be asked about keys, and a key that it has sent."""
    served = await burble(hosts=["other.test"])
    juliet = await served.log_in()
    juliet.write(f"<message to='romeo@{PEER}'/>")
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header()
    asked = await connection.next()
    assert (asked.get("from"), asked.get("to")) == (HOST, PEER)
    stream = await served.dial()
    await stream.encrypted(certificates.none)
    return stream, asked.text or ""


async def test_a_key_of_ours(ours: tuple[Connection, str]) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{PEER}' to='{HOST}' id='id-of-the-stream'>{key}</db:verify>")
    answer = await stream.next()
    assert answer.tag == f"{DIALBACK}verify"
    assert answer.attrib == {"from": HOST, "to": PEER, "id": "id-of-the-stream", "type": "valid"}


@pytest.mark.parametrize(
    ("sender", "recipient", "id"),
    [
        (PEER, HOST, "replayed-on-another-stream"),
        ("thief.test", HOST, "id-of-the-stream"),
        (PEER, "other.test", "id-of-the-stream"),
    ],
)
async def test_a_key_holds_for_one_stream_of_one_pair(
    ours: tuple[Connection, str], sender: str, recipient: str, id: str
) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{sender}' to='{recipient}' id='{id}'>{key}</db:verify>")
    assert (await stream.next()).get("type") == "invalid"


@pytest.mark.parametrize("forged", ["", "0" * 64, "\N{SNOWMAN}"])
async def test_a_forged_key(ours: tuple[Connection, str], forged: str) -> None:
    stream, _ = ours
    stream.write(f"<db:verify from='{PEER}' to='{HOST}' id='id-of-the-stream'>{forged}</db:verify>")
    assert (await stream.next()).get("type") == "invalid"


async def test_a_question_for_somebody_else(ours: tuple[Connection, str]) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{PEER}' to='elsewhere.test' id='x'>{key}</db:verify>")
    answer = await stream.next()
    assert (answer.get("from"), answer.get("to"), answer.get("id")) == ("elsewhere.test", PEER, "x")
    assert stanza_condition(answer) == "item-not-found"


async def test_questions_need_no_proof_of_who_asks(burble: Burble) -> None:
    """§2.1.2: a stream that is there for questions need not even be encrypted."""
    stream = await (await burble()).dial()
    await stream.open()
    async with asyncio.timeout(5):
        assert await stream.settled() == []
