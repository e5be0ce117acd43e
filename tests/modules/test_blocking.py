"""Blocking (XEP-0191): the list, and what it keeps away."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.jid import JID
from burble.modules.blocking import blocks
from burble.server import Server
from burble.testing import port_of, serving
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect
from tests.modules.blocklists import BLOCKING, block, change, is_refusal, items, listed, rest, say, unblock
from tests.presences import appear

# ---- the list


async def test_the_server_says_that_it_can_block(connect: Connect) -> None:
    """§3.1."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert 'var="urn:xmpp:blocking"' in ET.tostring(info, encoding="unicode")


async def test_a_list_is_empty_filled_and_emptied(connect: Connect) -> None:
    """§3.2 to §3.5; addresses are prepared, and each is there once."""
    juliet = await connect("juliet")
    assert await listed(juliet) == []
    await block(juliet, "ROMEO@localhost", "iago@shakespeare.lit")
    await block(juliet, "romeo@localhost")
    assert await listed(juliet) == ["iago@shakespeare.lit", "romeo@localhost"]
    await unblock(juliet, "romeo@localhost", "nobody@localhost")
    assert await listed(juliet) == ["iago@shakespeare.lit"]
    await unblock(juliet)
    assert await listed(juliet) == []


async def test_those_who_asked_for_the_list_hear_of_changes(connect: Connect) -> None:
    """§3.3 to §3.5: the other resources too, but only those that requested it."""
    chamber, balcony, garden = [await connect(f"juliet/{r}") for r in ("chamber", "balcony", "garden")]
    await listed(chamber)
    await listed(balcony)
    for verb, jids in (
        ("block", ["iago@shakespeare.lit", "romeo@localhost"]),
        ("unblock", ["romeo@localhost"]),
        ("unblock", []),
    ):
        await change(chamber, verb, *jids)
        for client in (chamber, balcony):
            push = await client.next()
            assert (push.tag, push.get("type"), push[0].tag) == (f"{CLIENT}iq", "set", BLOCKING + verb)
            assert items(push) == jids
            client.write(f"<iq type='result' id='{push.get('id')}'/>")
            await client.nothing()
        await garden.nothing()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<block xmlns='urn:xmpp:blocking'/>", "bad-request"),
        ("<block xmlns='urn:xmpp:blocking'><item/></block>", "bad-request"),
        ("<block xmlns='urn:xmpp:blocking'><item jid=''/></block>", "bad-request"),
        ("<block xmlns='urn:xmpp:blocking'><item jid='a@@b'/></block>", "jid-malformed"),
        ("<unblock xmlns='urn:xmpp:blocking'><item/></unblock>", "bad-request"),
    ],
)
async def test_a_wrong_request_changes_nothing(connect: Connect, payload: str, expected: str) -> None:
    """§3.3: a block names at least one address."""
    juliet = await connect("juliet")
    await block(juliet, "romeo@localhost")
    assert condition(await juliet.ask("set", payload)) == expected
    assert await listed(juliet) == ["romeo@localhost"]


async def test_a_list_grows_only_so_long(server: Server, connect: Connect) -> None:
    """The limit blocklist_entries: a request that goes beyond it is refused whole."""
    host = server.hosts["localhost"]
    limits = host.settings.limits.model_copy(update={"blocklist_entries": 2})
    host.configure(replace(host.settings, limits=limits))
    juliet = await connect("juliet")
    await block(juliet, "one@localhost")
    assert (
        condition(await change(juliet, "block", "two@localhost", "three@localhost")) == "resource-constraint"
    )
    assert await listed(juliet) == ["one@localhost"]
    await block(juliet, "one@localhost", "two@localhost")
    assert await listed(juliet) == ["one@localhost", "two@localhost"]


async def test_a_list_is_its_owner_s(connect: Connect) -> None:
    """Nobody else may see or change it."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await block(juliet, "nurse@localhost")
    for kind, name in (("get", "blocklist"), ("set", "unblock")):
        answer = await romeo.ask(kind, f"<{name} xmlns='urn:xmpp:blocking'/>", "juliet@localhost")
        assert condition(answer) == "service-unavailable"
    assert await listed(juliet) == ["nurse@localhost"]


# ---- matching


@pytest.mark.parametrize(
    ("entry", "matches", "others"),
    [
        ("a@b/c", ["a@b/c"], ["a@b", "a@b/d", "b", "b/c", "x@b/c"]),
        ("a@b", ["a@b", "a@b/c"], ["x@b", "b", "b/a", "a@c"]),
        ("b/c", ["b/c"], ["b", "b/d", "a@b/c", "a@b"]),
        ("b", ["b", "b/c", "a@b", "a@b/c"], ["a@c", "sub.b", "b@c"]),
    ],
)
def test_what_an_entry_matches(entry: str, matches: list[str], others: list[str]) -> None:
    """§5."""
    blocked = frozenset({entry})
    assert all(blocks(blocked, JID.parse(jid)) for jid in matches)
    assert not any(blocks(blocked, JID.parse(jid)) for jid in others)


@given(st.lists(st.sampled_from(["a@b/c", "a@b", "b/c", "b", "x@y", "y"])), st.sampled_from(["a@b/c", "b/c"]))
def test_a_list_matches_as_its_entries_do(entries: list[str], jid: str) -> None:
    """§5: the order of the rules does not matter where all of them deny."""
    peer = JID.parse(jid)
    assert blocks(frozenset(entries), peer) == any(blocks(frozenset({entry}), peer) for entry in entries)


# ---- what comes from a blocked address


@pytest.mark.parametrize("entry", ["romeo@localhost", "romeo@localhost/orchard", "localhost"])
@pytest.mark.parametrize("kind", ["chat", "normal", "groupchat", "headline", "error"])
async def test_a_message_from_a_blocked_address(connect: Connect, entry: str, kind: str) -> None:
    """§3.3: chat and normal are refused with service-unavailable; none arrives."""
    juliet = await appear(await connect("juliet/balcony"))
    romeo = await connect("romeo/orchard")
    await block(juliet, entry)
    for to in ("juliet@localhost", "juliet@localhost/balcony"):
        say(romeo, to, kind)
        if kind in ("chat", "normal"):
            assert condition(await romeo.next()) == "service-unavailable"
        await romeo.nothing()
    await juliet.nothing()


async def test_other_resources_of_a_blocked_full_jid_get_through(connect: Connect) -> None:
    """§5."""
    juliet = await appear(await connect("juliet"))
    orchard, street = await connect("romeo/orchard"), await connect("romeo/street")
    await block(juliet, "romeo@localhost/orchard")
    say(orchard, "juliet@localhost")
    assert condition(await orchard.next()) == "service-unavailable"
    say(street, "juliet@localhost")
    assert (await juliet.next()).get("from") == street.jid


async def test_a_block_holds_while_the_account_is_away(server: Server, connect: Connect) -> None:
    """§3.3: across sessions; nothing is kept for later either."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await block(juliet, "romeo@localhost")
    await juliet.close()
    say(romeo, "juliet@localhost")
    assert condition(await romeo.next()) == "service-unavailable"
    assert server.hosts["localhost"].modules["offline"].kept("juliet") == 0
    juliet = await appear(await connect("juliet"))
    say(romeo, "juliet@localhost")
    assert condition(await romeo.next()) == "service-unavailable"
    await juliet.nothing()
    await unblock(juliet, "romeo@localhost")
    say(romeo, "juliet@localhost")
    assert (await juliet.next()).get("from") == romeo.jid


async def test_a_block_holds_after_a_restart(tmp_path: Path, database_url: str) -> None:
    """§3.3: also before the account has connected again."""
    settings = {"database": {"url": database_url}}
    async with serving(tmp_path, **settings) as server:
        for user in ("romeo", "juliet"):
            await server.hosts["localhost"].register(user, "secret")
        juliet = await (await ScriptedClient(port_of(server)).connect()).login("juliet")
        await block(juliet, "romeo@localhost")
        await juliet.close()
    async with serving(tmp_path, **settings) as server:
        romeo = await (await ScriptedClient(port_of(server)).connect()).login("romeo")
        say(romeo, "juliet@localhost")
        assert condition(await romeo.next()) == "service-unavailable"
        juliet = await (await ScriptedClient(port_of(server)).connect()).login("juliet")
        assert await listed(juliet) == ["romeo@localhost"]
        await juliet.close()
        await romeo.close()


@pytest.mark.parametrize("to", ["juliet@localhost", "juliet@localhost/balcony"])
async def test_a_request_from_a_blocked_address(connect: Connect, to: str) -> None:
    """§3.3: get and set are refused with service-unavailable, answers are dropped."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo")
    await block(juliet, "romeo@localhost")
    for kind in ("get", "set"):
        answer = await romeo.ask(kind, "<query xmlns='jabber:iq:version'/>", to)
        assert condition(answer) == "service-unavailable"
    romeo.write(f"<iq type='result' to='{to}' id='r'/><iq type='error' to='{to}' id='e'/>")
    await romeo.nothing()
    await juliet.nothing()


@pytest.mark.parametrize(
    "kind", ["", "unavailable", "subscribe", "subscribed", "unsubscribe", "probe", "error"]
)
async def test_presence_from_a_blocked_address_vanishes(connect: Connect, kind: str) -> None:
    """§3.3: no answer, no error."""
    juliet = await appear(await connect("juliet/balcony"))
    romeo = await connect("romeo")
    await block(juliet, "romeo@localhost")
    type_ = f" type='{kind}'" if kind else ""
    romeo.write(f"<presence to='juliet@localhost'{type_}/>")
    await romeo.sync()
    assert not [e for e in await rest(romeo) if e.tag == f"{CLIENT}presence"]
    await juliet.nothing()


# ---- what goes to a blocked address


@pytest.mark.parametrize(
    "stanza",
    [
        "<message type='chat' to='{}' id='m'><body>x</body></message>",
        "<iq type='get' to='{}' id='m'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<presence to='{}' id='m'/>",
        "<presence to='{}' id='m' type='subscribe'/>",
    ],
)
async def test_nothing_goes_to_a_blocked_address(connect: Connect, stanza: str) -> None:
    """§3.3: not-acceptable with <blocked/>."""
    juliet, romeo = await connect("juliet"), await appear(await connect("romeo/orchard"))
    await block(juliet, "romeo@localhost")
    for to in ("romeo@localhost", "romeo@localhost/orchard"):
        juliet.write(stanza.format(to))
        answer = await juliet.next()
        assert is_refusal(answer)
        assert (answer.get("from"), answer.get("id")) == (to, "m")
    await romeo.nothing()


async def test_others_are_still_there(connect: Connect) -> None:
    """A list keeps away whom it names and nobody else."""
    juliet, nurse = await appear(await connect("juliet")), await appear(await connect("nurse"))
    await block(juliet, "romeo@localhost")
    say(juliet, "nurse@localhost")
    say(nurse, "juliet@localhost")
    assert (await nurse.next()).get("from") == juliet.jid
    assert (await juliet.next()).get("from") == nurse.jid


async def test_nobody_blocks_itself_or_the_server(connect: Connect) -> None:
    """§4, note 1: resources of one account reach each other; the server's own services stay in reach."""
    juliet, other = await connect("juliet/balcony"), await appear(await connect("juliet/chamber"))
    await block(juliet, "localhost", "juliet@localhost")
    say(juliet, "juliet@localhost")
    assert (await other.next()).get("from") == juliet.jid
    await juliet.sync()
    assert await listed(juliet) == ["juliet@localhost", "localhost"]


# ---- accounts and faults


async def test_a_new_account_blocks_nobody(server: Server, connect: Connect) -> None:
    """The list goes with the account."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    await block(juliet, "romeo@localhost")
    await server.hosts["localhost"].unregister("juliet")
    await juliet.closed()
    await server.hosts["localhost"].register("juliet", "secret")
    juliet = await appear(await connect("juliet"))
    assert await listed(juliet) == []
    say(romeo, "juliet@localhost")
    assert (await juliet.next()).get("from") == romeo.jid


async def test_lists_fall_out_of_memory_and_still_hold(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many addresses stay in memory; an edit of a list that is not there loses nothing."""
    monkeypatch.setattr("burble.modules.blocking.lists._KEPT", 2)
    romeo = await connect("romeo")
    for user in ("juliet", "nurse"):
        client = await connect(user)
        await block(client, "romeo@localhost", "iago@shakespeare.lit")
        await client.close()
    for user in ("juliet", "nurse", "juliet"):
        say(romeo, f"{user}@localhost")
        assert condition(await romeo.next()) == "service-unavailable"
    juliet = await connect("juliet")
    await unblock(juliet, "iago@shakespeare.lit")
    assert await listed(juliet) == ["romeo@localhost"]
