"""Looking for words in an archive (XEP-0431)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, table

from burble.jid import JID
from burble.modules.archive.search import expression, words_of
from burble.server import Server
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve
from tests.modules.archives import Answer, field, query, refused, search

FULLTEXT = "{urn:xmpp:fulltext:0}fulltext"
_COUNT = select(func.count().label("messages")).select_from(table("archive_search"))


def say(client: ScriptedClient, body: str, to: str = "romeo@localhost") -> None:
    client.write(f"<message to='{to}' type='chat'><body>{body}</body></message>")


async def find(client: ScriptedClient, words: str, rsm: str = "", more: str = "") -> Answer:
    return await search(client, field(FULLTEXT, words) + more, rsm)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("moon", ["The inconstant MOON", "moon and sun"]),
        ("sun moon", ["moon and sun"]),
        ("moo", []),
        ("moo*", ["The inconstant MOON", "mooring", "moon and sun"]),
        ("uber", ["Über den Wolken"]),
        ("WOLKEN über", ["Über den Wolken"]),
        ("月亮", ["月亮很圆"]),
        ("圆", ["月亮很圆"]),
        ("a_b", ["a_b@example.org"]),
        ("example.org", ["a_b@example.org"]),
        ("it's", ["it's"]),
        ('moon" OR "sun', []),
        ("moon' | 'sun", ["moon and sun"]),
        ("NOT moon", []),
        ("...", []),
        ("nothing", []),
    ],
)
async def test_words_are_found(connect: Connect, words: str, found: list[str]) -> None:
    juliet = await connect("juliet")
    for body in ("The inconstant MOON", "mooring", "moon and sun", "Über den Wolken", "月亮很圆"):
        say(juliet, body)
    say(juliet, "a_b@example.org")
    say(juliet, "it's")
    answer = await find(juliet, words)
    assert answer.bodies == found
    assert answer.complete


async def test_what_is_said_after_a_search_is_found_too(connect: Connect) -> None:
    """And by the other side, whose archive was not indexed before."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    say(juliet, "moon one")
    assert (await find(juliet, "moon")).bodies == ["moon one"]
    say(juliet, "moon two")
    say(romeo, "moon three", "nurse@localhost")
    assert (await find(juliet, "moon")).bodies == ["moon one", "moon two"]
    assert (await find(romeo, "moon")).bodies == ["moon one", "moon two", "moon three"]
    assert (await find(juliet, "moon")).bodies == ["moon one", "moon two"]


async def test_a_search_has_pages_and_other_filters(connect: Connect) -> None:
    juliet = await connect("juliet")
    for number in range(7):
        say(juliet, f"moon {number}", f"{('romeo', 'nurse')[number % 2]}@localhost")
        say(juliet, "sun")
    last = await find(juliet, "moon", "<max>3</max><before/>")
    assert last.bodies == ["moon 4", "moon 5", "moon 6"]
    assert (last.complete, last.page("count"), last.index) == (False, "7", "4")
    rest = await find(juliet, "moon", f"<max>9</max><before>{last.page('first')}</before>")
    assert (len(rest.results), rest.complete) == (4, True)
    nurse = await find(juliet, "moon", more=field("with", "nurse@localhost"))
    assert nurse.bodies == ["moon 1", "moon 3", "moon 5"]
    assert (await find(juliet, "moon", "<max>0</max>")).page("count") == "7"


async def test_a_large_archive_is_indexed_in_pieces(connect: Connect) -> None:
    juliet = await connect("juliet")
    for number in range(450):
        say(juliet, f"word{number}")
    assert (await find(juliet, "word449")).bodies == ["word449"]
    assert (await find(juliet, "word0")).bodies == ["word0"]


async def test_what_is_gone_is_gone_from_the_index(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    say(juliet, "moon")
    say(juliet, "sun", "nurse@localhost")
    await find(juliet, "moon")
    await find(romeo, "moon")

    async def indexed() -> int:
        row = await server.database.fetch_one(_COUNT)
        assert row is not None
        return int(row.messages)

    assert await indexed() == 2
    await server.hosts["localhost"].unregister("juliet")
    assert await indexed() == 2  # the others have them still
    await server.hosts["localhost"].unregister("nurse")
    assert await indexed() == 1
    assert (await find(romeo, "moon")).bodies == ["moon"]


async def test_where_it_is_switched_off_the_field_is_unknown(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"archive": {"search": False}})
    juliet = await connect("juliet", to=server)
    assert await refused(juliet, query(field(FULLTEXT, "moon"))) == "feature-not-implemented"
    form = await juliet.ask("get", "<query xmlns='urn:xmpp:mam:2'/>")
    assert all(each.get("var") != FULLTEXT for each in form.iter("{jabber:x:data}field"))
    assert not await announced(juliet)


async def announced(client: ScriptedClient) -> bool:
    """Whether the account says that its archive can be searched."""
    info = await client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", client.bare)
    features = info.iter("{http://jabber.org/protocol/disco#info}feature")
    return "urn:xmpp:fulltext:0" in {each.get("var") for each in features}


async def test_it_is_announced(connect: Connect) -> None:
    assert await announced(await connect("juliet"))


async def test_the_longest_text(connect: Connect) -> None:
    juliet = await connect("juliet")
    say(juliet, "moon " * 30 + "x" * 3000)
    assert len((await find(juliet, "moon " * 200)).results) == 1
    assert len((await find(juliet, "x" * 1000)).results) == 1
    assert await refused(juliet, query(field(FULLTEXT, "x" * 1001))) == "policy-violation"


def test_words_have_small_letters_and_no_accents() -> None:
    said = "Ça va, Grüße aus_Köln 2026-11!"
    assert words_of(said) == ["ca", "va", "grusse", "aus", "koln", "2026", "11"]
    assert words_of("wor* d*") == ["wor", "d"]
    assert words_of("wor* d*", wild=True) == ["wor*", "d*"]
    assert expression("sqlite", JID.parse("juliet@localhost"), "!?") == ""
