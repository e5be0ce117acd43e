"""Commands that send something in somebody's name."""

from __future__ import annotations

from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed, WrongArguments
from burble.server import Server
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))
C = "{jabber:client}"


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("send_message", "headline", "admin@localhost", "juliet@localhost", "Noon", "Restart"),
            ("headline", "Noon", "Restart"),
        ),
        (("send_message", "", "localhost", "juliet@localhost/balcony", "", "Hi"), (None, None, "Hi")),
        (("send_message", "chat", "r@x.example", "juliet@localhost", "", "<&>"), ("chat", None, "<&>")),
        (("send_message_chat", "romeo@localhost", "juliet@localhost", "Hi"), ("chat", None, "Hi")),
        (
            ("send_message_headline", "romeo@localhost", "juliet@localhost", "S", "Hi"),
            ("headline", "S", "Hi"),
        ),
    ],
)
async def test_a_message_arrives(
    server: Server, connect: Connect, arguments: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    await juliet.next()
    await call(server, *arguments)
    message = await juliet.next()
    told = message.get("type"), message.findtext(f"{C}subject"), message.findtext(f"{C}body")
    assert told == expected
    sender = arguments[2] if arguments[0] == "send_message" else arguments[1]
    assert message.get("from") == sender


async def test_a_message_for_somebody_who_is_away_is_kept(server: Server, connect: Connect) -> None:
    await call(server, "send_message", "chat", "romeo@localhost", "juliet@localhost", "", "Wait")
    juliet = await connect("juliet/balcony")
    juliet.write("<presence/>")
    assert (await juliet.next()).findtext(f"{C}body") == "Wait"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("send_message", "shout", "a@localhost", "juliet@localhost", "", "Hi"), "^type: "),
        (("send_message", "chat", "a@@localhost", "juliet@localhost", "", "Hi"), r"^from: domainpart"),
        (("send_message_chat", "a@localhost", "", "Hi"), r"^to: domainpart"),
    ],
)
async def test_what_is_no_message(server: Server, arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(WrongArguments, match=text):
        await call(server, *arguments)


async def test_a_presence_in_a_session_is_broadcast(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    stanza = "<presence from='romeo@localhost'><show>away</show></presence>"
    await call(server, "send_stanza_c2s", "juliet", "localhost", "balcony", stanza)
    own = await juliet.next()
    assert (own.get("from"), own.findtext(f"{C}show")) == ("juliet@localhost/balcony", "away")


async def test_a_presence_to_the_account_itself_is_broadcast(server: Server, connect: Connect) -> None:
    await connect("juliet/balcony")
    to = "from='juliet@localhost' to='juliet@localhost'"
    for stanza, show in {
        f"<presence type='available' {to}/>": "available",
        f"<presence {to}><show>dnd</show></presence>": "dnd",
        f"<presence type='unavailable' {to}/>": "unavailable",
    }.items():
        await call(server, "send_stanza_c2s", "juliet", "localhost", "balcony", stanza)
        assert (await call(server, "get_presence", "juliet", "localhost")).show == show


async def test_a_request_in_a_session_is_answered_to_its_client(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    ping = "<iq type='get' id='p1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    await call(server, "send_stanza_c2s", "juliet", "localhost", "balcony", ping)
    answer = await juliet.next()
    assert (answer.get("id"), answer.get("type")) == ("p1", "result")


@pytest.mark.parametrize(
    ("resource", "stanza", "text"),
    [
        ("tomb", "<presence/>", "juliet@localhost/tomb is not connected"),
        ("balcony", "<presence", "bad-request"),
        ("balcony", "<stream/>", "a stanza is a message"),
        ("balcony", "<iq type='get'/>", "an IQ needs an id"),
        ("balcony", "<presence type='maybe' to='romeo@localhost'/>", "no presence of type maybe"),
        ("balcony", f"<message>{'<a>' * 200}{'</a>' * 200}</message>", "nested at most"),
        ("", "<presence/>", "expected a resource"),
    ],
)
async def test_what_no_client_could_send(
    server: Server, connect: Connect, resource: str, stanza: str, text: str
) -> None:
    juliet = await connect("juliet/balcony")
    with pytest.raises(CommandFailed, match=text):
        await call(server, "send_stanza_c2s", "juliet", "localhost", resource, stanza)
    assert (await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")).get("type") == "result"
