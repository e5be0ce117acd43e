"""XEP-0198 §4: what a client has not acknowledged when its session is over goes elsewhere, or back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from burble.server import Server
from burble.timestamps import parse_stamp
from tests.client import CLIENT, STREAMS, ScriptedClient, condition
from tests.conftest import Connect
from tests.management.words import (
    DELAY,
    acknowledge,
    available,
    bodies,
    configure,
    drop,
    enable,
    everything,
    expire,
    write,
)


async def lost(server: Server, connect: Connect, *texts: str) -> ScriptedClient:
    """Juliet's only client vanishes, and romeo, who is returned, writes to it."""
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    await enable(juliet)
    await available(juliet)
    await drop(server, juliet)
    write(romeo, "juliet@localhost/balcony", *texts)
    await romeo.sync()
    return romeo


def limit(server: Server, **limits: int) -> None:
    """Change limits of the host."""
    host = server.hosts["localhost"]
    changed = host.settings.limits.model_copy(update=limits)
    host.configure(replace(host.settings, limits=changed))


async def test_messages_are_kept_for_later(server: Server, connect: Connect) -> None:
    """In order, with the time they were sent first, and before those that come after."""
    romeo = await lost(server, connect, "1", "2")
    expire(server, "juliet")
    write(romeo, "juliet@localhost", "3")
    await romeo.sync()
    juliet = await available(await connect("juliet/chamber"))
    messages = [e for e in await everything(juliet) if e.tag == f"{CLIENT}message"]
    assert [e.findtext(f"{CLIENT}body") for e in messages] == ["1", "2", "3"]
    for message in messages:
        stamps = [e for e in message.findall(DELAY) if e.get("from") == "localhost"]
        assert stamps
        age = datetime.now(UTC) - parse_stamp(stamps[0].get("stamp") or "")
        assert timedelta(seconds=-1) < age < timedelta(seconds=30)


async def test_what_was_acknowledged_is_not_sent_again(server: Server, connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    await enable(juliet)
    write(romeo, juliet.jid, *"123")
    await romeo.sync()
    acknowledge(juliet, 2)
    await juliet.sync()
    juliet.write("</stream:stream>")
    await juliet.stream_end()
    juliet = await available(await connect("juliet/balcony"))
    assert await bodies(juliet) == ["3"]


async def test_the_same_client_comes_back_without_resuming(server: Server, connect: Connect) -> None:
    """The new session takes the resource of the one that waits, and gets what that had."""
    await lost(server, connect, "1", "2")
    juliet = await connect("juliet/balcony")
    await juliet.nothing()
    assert await bodies(await available(juliet)) == ["1", "2"]


@pytest.mark.parametrize("policy", ["refuse", "rename"])
async def test_who_waits_holds_no_resource(server: Server, connect: Connect, policy: str) -> None:
    host = server.hosts["localhost"]
    auth = host.settings.auth.model_copy(update={"resource_conflict": policy})
    host.configure(replace(host.settings, auth=auth))
    await lost(server, connect)
    assert (await connect("juliet/balcony")).jid == "juliet@localhost/balcony"


async def test_who_waits_keeps_nobody_out(server: Server, connect: Connect) -> None:
    """Where an account has as many sessions as it may, the oldest that waits goes."""
    limit(server, resources_per_account=2)
    await lost(server, connect, "1")
    await connect("juliet/chamber")
    juliet = await connect("juliet/garden")
    assert juliet.jid == "juliet@localhost/garden"
    assert await bodies(await available(juliet)) == ["1"]


async def test_another_client_gets_them(server: Server, connect: Connect) -> None:
    """Only what it has not had: a message to the account went to all clients of the highest priority."""
    romeo, balcony = await connect("romeo"), await connect("juliet/balcony")
    await enable(balcony)
    await available(balcony)
    write(romeo, "juliet@localhost", "before")
    await romeo.sync()
    chamber = await available(await connect("juliet/chamber"))
    await drop(server, balcony)
    write(romeo, balcony.jid, "to one")
    write(romeo, "juliet@localhost", "to both")
    await romeo.sync()
    assert await bodies(chamber) == ["to both"]
    expire(server, "juliet")
    assert await bodies(chamber) == ["before", "to one"]


async def test_a_client_with_copies_has_had_them(server: Server, connect: Connect) -> None:
    """XEP-0280: of what came to the lost one while it was there, and nothing older."""
    romeo, balcony = await connect("romeo"), await connect("juliet/balcony")
    await enable(balcony)
    await available(balcony)
    write(romeo, balcony.jid, "before")
    await romeo.sync()
    chamber = await available(await connect("juliet/chamber"))
    await chamber.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    await drop(server, balcony)
    write(romeo, balcony.jid, "copied")
    await romeo.sync()
    assert len([e for e in await everything(chamber) if e.tag == f"{CLIENT}message"]) == 1
    expire(server, "juliet")
    assert await bodies(chamber) == ["before"]


async def test_requests_get_an_error(server: Server, connect: Connect) -> None:
    """The sender has waited for an answer; nobody waits for presence, or for an answer to an answer."""
    romeo = await lost(server, connect)
    to = "to='juliet@localhost/balcony'"
    romeo.write(f"<iq type='get' id='1' {to}><ping xmlns='urn:xmpp:ping'/></iq>")
    romeo.write(f"<iq type='set' id='2' {to}><x xmlns='urn:example:x'/></iq>")
    romeo.write(f"<iq type='result' id='3' {to}/>")
    romeo.write(f"<presence id='4' {to}/>")
    romeo.write(f"<message id='5' type='error' {to}/>")
    romeo.write(f"<message id='6' type='headline' {to}><body>news</body></message>")
    romeo.write(f"<message id='7' type='groupchat' {to}><body>room</body></message>")
    await romeo.nothing()
    expire(server, "juliet")
    answers = await everything(romeo)
    # Her presence was directed to nobody, so that its end is not either.
    assert [(e.get("id"), condition(e)) for e in answers] == [
        ("1", "service-unavailable"),
        ("2", "service-unavailable"),
        ("7", "service-unavailable"),
    ]


async def test_what_cannot_be_kept_is_refused(server: Server, connect: Connect) -> None:
    """Never dropped in silence: where no more can be kept the sender is told."""
    limit(server, offline_messages=1)
    await server.hosts["localhost"].modules["archive"].unload()
    romeo = await lost(server, connect, "1", "2")
    expire(server, "juliet")
    assert [(e.get("id"), condition(e)) for e in await everything(romeo)] == [("2", "service-unavailable")]


async def test_an_account_that_is_removed(server: Server, connect: Connect) -> None:
    """Its senders hear of it; a new account of the name gets nothing."""
    romeo = await lost(server, connect, "1", "2")
    host = server.hosts["localhost"]
    await host.unregister("juliet")
    assert [(e.get("id"), condition(e)) for e in await everything(romeo)] == [
        ("1", "service-unavailable"),
        ("2", "service-unavailable"),
    ]
    await host.register("juliet", "secret")
    juliet = await connect("juliet")
    assert await bodies(await available(juliet)) == []


async def test_a_message_is_archived_once(server: Server, connect: Connect) -> None:
    """XEP-0313: routing it again neither stores it again nor gives it another id."""
    romeo = await lost(server, connect, "1")
    expire(server, "juliet")
    juliet = await available(await connect("juliet/chamber"))
    (message,) = [e for e in await everything(juliet) if e.tag == f"{CLIENT}message"]
    ids = {
        e.get("id") for e in message.findall("{urn:xmpp:sid:0}stanza-id") if e.get("by") == "juliet@localhost"
    }
    juliet.write("<iq type='set' id='mam'><query xmlns='urn:xmpp:mam:2'/></iq>")
    answers = await everything(juliet)
    results = [e for e in answers if e.tag == f"{CLIENT}message"]
    assert {e[0].get("id") for e in results} == ids
    assert len(results) == 1
    await romeo.nothing()


async def test_a_connected_client_that_acknowledges_nothing(server: Server, connect: Connect) -> None:
    """It is asked; where it has too much it is closed, and what it was sent is kept."""
    await configure(server, queue_stanzas=10)
    romeo, juliet = await connect("romeo"), await connect("juliet/balcony")
    await enable(juliet)
    write(romeo, juliet.jid, *"1234567890")
    await romeo.sync()
    assert juliet.jid == server.hosts["localhost"].sessions.of("juliet")[0].jid
    write(romeo, juliet.jid, "11")
    error = await juliet.find(lambda e: e.tag == f"{STREAMS}error")
    assert condition(error) == "policy-violation"
    juliet = await available(await connect("juliet/balcony"))
    assert await bodies(juliet) == [*"123456789", "0", "11"]


@pytest.mark.parametrize("options", [{"queue_stanzas": 10}, {"queue_bytes": 10_000}])
async def test_a_session_that_waits_keeps_so_much(
    server: Server, connect: Connect, options: dict[str, int]
) -> None:
    """Then it ends, and everything is kept elsewhere."""
    await configure(server, **options)
    romeo = await lost(server, connect)
    texts = [str(number) for number in range(12)]
    write(romeo, "juliet@localhost/balcony", *texts, extra=f"<x xmlns='urn:x'>{'x' * 1000}</x>")
    await romeo.sync()
    assert not server.hosts["localhost"].sessions.of("juliet")
    juliet = await available(await connect("juliet/chamber"))
    assert await bodies(juliet) == texts


async def test_without_the_module_every_session_ends(server: Server, connect: Connect) -> None:
    """Unloaded while the server runs: nothing is lost, and nobody is left with half of it."""
    await lost(server, connect, "1")
    nurse = await connect("nurse")
    await enable(nurse)
    await server.hosts["localhost"].modules["stream_management"].unload()
    assert condition(await nurse.find(lambda e: e.tag == f"{STREAMS}error")) == "reset"
    assert not server.hosts["localhost"].sessions.of("juliet")
    juliet = await available(await connect("juliet/balcony"))
    assert await bodies(juliet) == ["1"]
