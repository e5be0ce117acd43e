"""Privacy lists (XEP-0016): asking for them, changing them, and their block list (XEP-0191 §5)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.jid import JID
from burble.modules.privacy.rules import Rule, Rules, allows, blocked_by, with_blocked
from burble.modules.roster import Roster, RosterItem
from burble.routing.events import StanzaReceived, StanzaSent
from burble.server import Server
from burble.stanza import Presence
from tests.client import CLIENT, condition
from tests.commands.calling import CALLER
from tests.conftest import Connect
from tests.modules.blocklists import block, items, listed, unblock
from tests.modules.privacylists import PRIVACY, ask, choose, is_push, names, query, rule, shown, store

ROMEO = "jid romeo@localhost"


# ---- lists


async def test_the_server_says_that_it_has_them(connect: Connect) -> None:
    """§3."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert 'var="jabber:iq:privacy"' in ET.tostring(info, encoding="unicode")


async def test_a_list_is_stored_as_it_came(connect: Connect) -> None:
    """§2.1, §2.3, §2.6, §2.7: in its order; addresses are prepared; storing it again replaces it."""
    juliet = await connect("juliet")
    assert await names(juliet) == []
    kinds = ("message", "iq", "presence-in", "presence-out")
    rules = [rule("allow", 7, "subscription both"), rule("deny", 3, "jid ROMEO@localhost", *kinds)]
    await store(juliet, "work", *rules, rule("allow", 9))
    expected = [
        "3 deny jid romeo@localhost message iq presence-in presence-out",
        "7 allow subscription both",
        "9 allow",
    ]
    assert await shown(juliet, "work") == expected
    await store(juliet, "home", rule("deny", 0, ROMEO))
    await store(juliet, "work", rule("deny", 4294967295, "jid b.example"))
    assert await shown(juliet, "work") == ["4294967295 deny jid b.example"]
    assert await names(juliet) == ["list home", "list work"]
    assert await names(await connect("juliet/other")) == ["list home", "list work"]


async def test_lists_are_chosen_and_declined(connect: Connect) -> None:
    """§2.4, §2.5: the active list is the session's own."""
    juliet, other = await connect("juliet"), await connect("juliet/other")
    for name in ("home", "work"):
        await store(juliet, name, rule("deny", 1, ROMEO))
    await choose(juliet, "active", "work")
    await choose(other, "active", "home")
    await choose(juliet, "default", "home")
    lists = ["list home", "list work"]
    assert await names(juliet) == ["active work", "default home", *lists]
    assert (await names(other))[0] == "active home"
    assert (await names(await connect("juliet/third"))) == ["default home", *lists]
    await choose(juliet, "active")
    assert await names(juliet) == ["default home", *lists]


async def test_all_connected_resources_hear_which_list_has_changed(connect: Connect) -> None:
    """§2.2, §2.6, §2.8."""
    juliet, other, romeo = await connect("juliet"), await connect("juliet/other"), await connect("romeo")
    for content in (f"<list name='home'>{rule('deny', 1, ROMEO)}</list>", "<list name='home'/>"):
        juliet.write(f"<iq type='set' id='s'>{query(content)}</iq>")
        for client in (juliet, other):
            push = await client.find(is_push)
            assert (push.get("type"), push.get("to")) == ("set", client.jid)
            (part,) = push[0]
            assert (part.tag, part.get("name"), len(part)) == (f"{PRIVACY}list", "home", 0)
            client.write(f"<iq type='result' id='{push.get('id')}'/>")
    await other.nothing()
    await romeo.nothing()


WRONG = {
    "no part": ("", "bad-request"),
    "two parts": ("<active/><default/>", "bad-request"),
    "two lists": ("<list name='a'/><list name='b'/>", "bad-request"),
    "another part": ("<passive/>", "bad-request"),
    "a list without a name": (f"<list>{rule('deny', 1)}</list>", "bad-request"),
    "an order twice": (f"<list name='a'>{rule('deny', 1)}{rule('allow', 1)}</list>", "bad-request"),
    "a negative order": (f"<list name='a'>{rule('deny', -1)}</list>", "bad-request"),
    "too high an order": (f"<list name='a'>{rule('deny', 4294967296)}</list>", "bad-request"),
    "no order": ("<list name='a'><item action='deny'/></list>", "bad-request"),
    "no action": ("<list name='a'><item order='1'/></list>", "bad-request"),
    "another action": (f"<list name='a'>{rule('report', 1)}</list>", "bad-request"),
    "another type": (f"<list name='a'>{rule('deny', 1, 'moon full')}</list>", "bad-request"),
    "no value": (f"<list name='a'>{rule('deny', 1, 'jid ')}</list>", "bad-request"),
    "no subscription": (f"<list name='a'>{rule('deny', 1, 'subscription all')}</list>", "bad-request"),
    "no kind": (f"<list name='a'>{rule('deny', 1, ROMEO, 'mail')}</list>", "bad-request"),
    "no address": (f"<list name='a'>{rule('deny', 1, 'jid a@@b')}</list>", "jid-malformed"),
    "an unknown group": (f"<list name='a'>{rule('deny', 1, 'group Foes')}</list>", "item-not-found"),
    "an unknown list": ("<list name='b'/>", "item-not-found"),
    "an unknown active list": ("<active name='b'/>", "item-not-found"),
    "an unknown default list": ("<default name='b'/>", "item-not-found"),
    "too many items": (
        f"<list name='a'>{''.join(rule('deny', n) for n in range(4))}</list>",
        "resource-constraint",
    ),
    "too many lists": (f"<list name='c'>{rule('deny', 1)}</list>", "resource-constraint"),
    "too long a name": (f"<list name='{'n' * 20}'>{rule('deny', 1)}</list>", "resource-constraint"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_request_changes_nothing(server: Server, connect: Connect, what: str) -> None:
    """§2.1 to §2.8."""
    privacy = server.hosts["localhost"].modules["privacy"]
    await privacy.configure(privacy.Settings(lists=2, items=3, name_bytes=10))
    juliet = await connect("juliet")
    await store(juliet, "a", rule("deny", 1, ROMEO))
    await store(juliet, "z", rule("allow", 1))
    content, expected = WRONG[what]
    assert condition(await ask(juliet, content)) == expected
    assert await names(juliet) == ["list a", "list z"]
    assert await shown(juliet, "a") == ["1 deny jid romeo@localhost"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<list name='none'/>", "item-not-found"),
        ("<list name='a'/><list name='a'/>", "bad-request"),
        ("<list/>", "bad-request"),
        ("<active/>", "bad-request"),
    ],
)
async def test_wrong_questions(connect: Connect, content: str, expected: str) -> None:
    """§2.3."""
    juliet = await connect("juliet")
    await store(juliet, "a", rule("deny", 1))
    assert condition(await juliet.ask("get", query(content))) == expected


async def test_what_others_use_stays(connect: Connect) -> None:
    """§2.5, §2.8: conflict; the session's own lists may go."""
    juliet, other = await connect("juliet"), await connect("juliet/other")
    for name in ("active", "default", "spare"):
        await store(juliet, name, rule("deny", 1, ROMEO))
    await choose(juliet, "default", "default")
    for content in ("<default/>", "<default name='spare'/>", "<list name='default'/>"):
        assert condition(await ask(juliet, content)) == "conflict"
    await choose(other, "active", "active")
    assert condition(await ask(juliet, "<list name='active'/>")) == "conflict"
    await choose(juliet, "default", "spare")
    await choose(juliet, "active", "default")
    for name in ("default", "spare"):
        assert (await ask(juliet, f"<list name='{name}'/>")).get("type") == "result"
    assert await names(juliet) == ["list active"]


async def test_lists_are_their_owner_s(connect: Connect) -> None:
    romeo = await connect("romeo")
    for kind, content in (("get", ""), ("set", "<default/>")):
        answer = await romeo.ask(kind, query(content), "juliet@localhost")
        assert condition(answer) == "service-unavailable"


# ---- the block list


async def test_the_block_list_is_the_default_list(connect: Connect) -> None:
    """XEP-0191 §5: where no other was made."""
    juliet = await connect("juliet")
    await block(juliet, "romeo@localhost", "b.example")
    assert await names(juliet) == ["default blocked", "list blocked"]
    assert await shown(juliet, "blocked") == ["1 deny jid b.example", "2 deny jid romeo@localhost"]
    await unblock(juliet)
    assert await names(juliet) == []


async def test_the_default_list_follows_the_block_list(connect: Connect) -> None:
    """XEP-0191 §5: blocked addresses come first; other rules stay."""
    juliet, other = await connect("juliet"), await connect("juliet/other")
    rules = [
        rule("allow", 1, "jid nurse@localhost"),
        rule("deny", 2, "jid a.example"),
        rule("deny", 5, "", "iq"),
    ]
    await store(juliet, "mine", *rules)
    await choose(juliet, "default", "mine")
    assert await listed(juliet) == ["a.example"]
    await block(juliet, "romeo@localhost", "b.example")
    await juliet.find(lambda e: e.tag == f"{CLIENT}iq")
    assert await shown(other, "mine") == [
        "1 deny jid b.example",
        "2 deny jid romeo@localhost",
        "3 allow jid nurse@localhost",
        "4 deny jid a.example",
        "5 deny   iq",
    ]
    await unblock(other)
    assert await shown(other, "mine") == ["3 allow jid nurse@localhost", "5 deny   iq"]


async def test_the_block_list_follows_the_default_list(connect: Connect) -> None:
    """XEP-0191 §5; who asked for the block list hears of it (§3.3, §3.4)."""
    juliet = await connect("juliet")
    assert await listed(juliet) == []
    await store(juliet, "mine", rule("deny", 1, ROMEO), rule("deny", 2, "jid b.example", "message"))
    assert await listed(juliet) == []
    await choose(juliet, "default", "mine")
    push = await juliet.next()
    assert (push[0].tag, items(push)) == ("{urn:xmpp:blocking}block", ["romeo@localhost"])
    assert await listed(juliet) == ["romeo@localhost"]
    juliet.write(f"<iq type='set' id='s'>{query('<default/>')}</iq>")
    push = await juliet.find(lambda e: e.tag == f"{CLIENT}iq" and e.get("type") == "set")
    assert (push[0].tag, items(push)) == ("{urn:xmpp:blocking}unblock", ["romeo@localhost"])
    await juliet.next()
    assert await listed(juliet) == []


async def test_a_block_list_outlives_the_first_list_that_is_stored(connect: Connect) -> None:
    juliet = await connect("juliet")
    await block(juliet, "romeo@localhost")
    await store(juliet, "mine", rule("allow", 1))
    assert await names(juliet) == ["default blocked", "list blocked", "list mine"]
    await choose(juliet, "default", "mine")
    assert await listed(juliet) == []
    assert await shown(juliet, "blocked") == ["1 deny jid romeo@localhost"]
    await choose(juliet, "default", "blocked")
    assert await listed(juliet) == ["romeo@localhost"]
    await unblock(juliet)
    assert await names(juliet) == ["list mine"]


async def test_an_account_without_lists_costs_nothing(server: Server, connect: Connect) -> None:
    """No event is made of its stanzas for privacy lists alone."""
    host = server.hosts["localhost"]
    await host.modules["archive"].unload()  # which hears of every message
    juliet = await connect("juliet")

    def watched() -> set[bool]:
        return {
            host.hooks.audiences[kind].wants("juliet", Presence()) for kind in (StanzaSent, StanzaReceived)
        }

    await store(juliet, "mine", rule("deny", 1, ROMEO))
    assert watched() == {True}
    assert (await ask(juliet, "<list name='mine'/>")).get("type") == "result"
    assert watched() == {False}


async def test_a_new_account_has_no_lists(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await store(juliet, "mine", rule("deny", 1, ROMEO))
    await choose(juliet, "default", "mine")
    await server.hosts["localhost"].unregister("juliet")
    await server.hosts["localhost"].register("juliet", "secret")
    again = await connect("juliet")
    assert (await names(again), await listed(again)) == ([], [])


# ---- the command


async def test_an_administrator_changes_lists(server: Server, connect: Connect) -> None:
    """privacy_set, as ejabberd has it."""
    juliet = await connect("juliet")
    for content in (f"<list name='a'>{rule('deny', 1, ROMEO)}</list>", "<default name='a'/>"):
        await server.commands.call("privacy_set", ["juliet", "localhost", query(content)], CALLER)
    assert (await juliet.find(is_push))[0][0].get("name") == "a"
    assert await names(juliet) == ["default a", "list a"]


# ---- rules

NURSE = Roster(JID.parse("juliet@localhost"))
NURSE.items[JID.parse("nurse@localhost")] = RosterItem(
    JID.parse("nurse@localhost"), groups=("Servants",), subscription="both"
)
NURSE.items[JID.parse("paris@localhost")] = RosterItem(JID.parse("paris@localhost"), subscription="from")


@pytest.mark.parametrize(
    ("type_", "value", "matches", "others"),
    [
        ("jid", "a@b/c", ["a@b/c"], ["a@b", "a@b/d", "b/c"]),
        ("jid", "a@b", ["a@b", "a@b/c"], ["x@b", "b"]),
        ("jid", "b", ["b", "b/c", "a@b", "a@b/c"], ["a@c", "sub.b"]),
        ("jid", "b/c", ["b/c"], ["b", "b/d", "a@b"]),
        ("group", "Servants", ["nurse@localhost", "nurse@localhost/x"], ["paris@localhost", "a@b"]),
        ("subscription", "both", ["nurse@localhost/x"], ["paris@localhost", "a@b"]),
        ("subscription", "from", ["paris@localhost"], ["nurse@localhost", "a@b"]),
        ("subscription", "none", ["a@b"], ["paris@localhost", "nurse@localhost"]),
        ("", "", ["a@b", "nurse@localhost"], []),
    ],
)
def test_what_a_rule_matches(type_: str, value: str, matches: list[str], others: list[str]) -> None:
    """§2.1."""
    one = Rule(1, False, type_, value)
    assert all(one.matches(JID.parse(jid), NURSE) for jid in matches)
    assert not any(one.matches(JID.parse(jid), NURSE) for jid in others)


def test_the_first_rule_that_matches_counts() -> None:
    """§2.2: in the order of the numbers; without a rule all passes."""
    peer = JID.parse("nurse@localhost")
    rules = Rules.sorted([Rule(2, False), Rule(1, True, "group", "Servants", frozenset({"message"}))])
    assert allows(rules, "message", peer, NURSE)
    assert not allows(rules, "iq", peer, NURSE)
    assert allows(Rules(), "iq", peer, NURSE)


_RULES = st.builds(
    Rule,
    st.integers(0, 30),
    st.booleans(),
    st.just("jid"),
    st.sampled_from(["a@b", "b", "c@d", "x.y"]),
    st.sampled_from([frozenset(), frozenset({"iq"})]),
)


@given(
    st.lists(_RULES, unique_by=lambda r: r.order).map(Rules.sorted),
    st.frozensets(st.sampled_from(["a@b", "b", "new@a", "new@b"])),
)
def test_a_list_is_made_to_block_just_so_much(rules: Rules, blocked: frozenset[str]) -> None:
    """XEP-0191 §5: whatever the list was, and other rules keep their order."""
    after = with_blocked(rules, blocked)
    assert blocked_by(after) == blocked
    orders = [each.order for each in after]
    assert orders == sorted(set(orders))
    assert min(orders, default=0) >= 0
    said = [(r.allow, r.value, r.kinds) for r in rules if not r.blocks]
    assert [(r.allow, r.value, r.kinds) for r in after if not r.blocks] == said
    assert Rules.from_json(after.to_json()) == after
