"""Every field and rule of queries to an archive (XEP-0313 §4, §5)."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from burble.timestamps import format_stamp, parse_stamp
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve
from tests.modules.archives import MAM, Answer, field, query, refused, search

FORM = "{jabber:x:data}"
PEERS = ("romeo@localhost", "nurse@localhost")


@pytest.fixture
async def juliet(connect: Connect) -> ScriptedClient:
    """Has said one to nine, the odd ones to Romeo, the even ones to her nurse."""
    client = await connect("juliet/balcony")
    for number in range(1, 10):
        resource = "/orchard" if number == 5 else ""
        client.write(
            f"<message to='{PEERS[number % 2 == 0]}{resource}' type='chat'><body>{number}</body></message>"
        )
    await client.sync()
    return client


def numbers(answer: Answer) -> str:
    return "".join(body or "-" for body in answer.bodies)


async def test_all_of_it_comes_in_order(juliet: ScriptedClient) -> None:
    answer = await search(juliet)
    assert numbers(answer) == "123456789"
    assert answer.complete
    assert answer.ids == sorted(set(answer.ids), key=int)
    assert (answer.page("count"), answer.index) == ("9", "0")
    assert (answer.page("first"), answer.page("last")) == (answer.ids[0], answer.ids[-1])


async def test_with_somebody(juliet: ScriptedClient) -> None:
    """§4.1.1: a bare JID stands for its resources, a full one for itself."""
    assert numbers(await search(juliet, field("with", "romeo@localhost"))) == "13579"
    assert numbers(await search(juliet, field("with", "ROMEO@localhost"))) == "13579"
    assert numbers(await search(juliet, field("with", "nurse@localhost"))) == "2468"
    assert numbers(await search(juliet, field("with", "romeo@localhost/orchard"))) == "5"
    assert numbers(await search(juliet, field("with", "romeo@localhost/x"))) == ""
    assert numbers(await search(juliet, field("with", "x@example.org"))) == ""
    assert numbers(await search(juliet, field("with", "juliet@localhost"))) == ""
    juliet.write("<message to='juliet@localhost'><body>note</body></message>")
    await juliet.sync()
    assert (await search(juliet, field("with", "juliet@localhost"))).bodies == ["note"]
    assert numbers(await search(juliet, field("with", "romeo@localhost"), "<max>2</max><before/>")) == "79"


async def test_of_a_time(juliet: ScriptedClient) -> None:
    """§4.1.2: from the time on, up to the time, both included, in any zone."""
    stamps = [result.stamp for result in (await search(juliet)).results]
    assert stamps == sorted(stamps)
    assert numbers(await search(juliet, field("start", stamps[2]))) == "3456789"
    assert numbers(await search(juliet, field("end", stamps[2]))) == "123"
    zone = (parse_stamp(stamps[3]) + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00")
    assert numbers(await search(juliet, field("start", zone) + field("end", stamps[5]))) == "456"
    later = format_stamp(parse_stamp(stamps[2]) + timedelta(microseconds=1))
    assert numbers(await search(juliet, field("start", later))) == "456789"
    for start, end in (("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("", "")):
        assert numbers(await search(juliet, field("start", start) + field("end", end))) == "123456789"
    assert numbers(await search(juliet, field("start", "9999-01-01T00:00:00Z"))) == ""


async def test_between_messages_and_single_ones(juliet: ScriptedClient) -> None:
    """§4.1.3."""
    ids = (await search(juliet)).ids
    assert numbers(await search(juliet, field("after-id", ids[5]))) == "789"
    assert numbers(await search(juliet, field("before-id", ids[2]))) == "12"
    assert numbers(await search(juliet, field("after-id", ids[1]) + field("before-id", ids[5]))) == "345"
    assert numbers(await search(juliet, field("ids", ids[7], ids[2], ids[7]))) == "38"
    only = field("ids", *ids[:4]) + field("with", "romeo@localhost")
    assert numbers(await search(juliet, only)) == "13"
    assert numbers(await search(juliet, field("ids"))) == ""


async def test_pages(juliet: ScriptedClient) -> None:
    """XEP-0059 §2.2 to §2.7, XEP-0313 §4.3."""
    ids = (await search(juliet)).ids
    first = await search(juliet, rsm="<max>4</max>")
    assert (numbers(first), first.complete, first.index, first.page("count")) == ("1234", False, "0", "9")
    second = await search(juliet, rsm=f"<max>4</max><after>{first.page('last')}</after>")
    assert (numbers(second), second.complete) == ("5678", False)
    third = await search(juliet, rsm=f"<max>4</max><after>{second.page('last')}</after>")
    assert (numbers(third), third.complete) == ("9", True)
    none = await search(juliet, rsm=f"<max>4</max><after>{ids[-1]}</after>")
    assert (numbers(none), none.complete, none.page("first")) == ("", True, None)
    last = await search(juliet, rsm="<max>4</max><before/>")
    assert (numbers(last), last.complete, last.index, last.page("count")) == ("6789", False, "5", "9")
    before = await search(juliet, rsm=f"<max>5</max><before>{last.page('first')}</before>")
    assert (numbers(before), before.complete) == ("12345", True)
    at = await search(juliet, rsm="<max>2</max><index>3</index>")
    assert (numbers(at), at.complete, at.index) == ("45", False, "3")
    end = await search(juliet, rsm="<max>2</max><index>8</index>")
    assert (numbers(end), end.complete, end.page("count")) == ("9", True, "9")
    count = await search(juliet, rsm="<max>0</max>")
    assert (numbers(count), count.page("count"), count.complete) == ("", "9", False)
    count = await search(juliet, field("with", "romeo@localhost"), "<max>0</max>")
    assert count.page("count") == "5"


async def test_pages_of_what_only_the_messages_tell(juliet: ScriptedClient) -> None:
    full = field("with", "romeo@localhost/orchard")
    for number in range(10, 15):
        juliet.write(f"<message to='romeo@localhost/orchard' type='chat'><body>{number}</body></message>")
    first = await search(juliet, full, "<max>2</max>")
    assert (first.bodies, first.complete) == (["5", "10"], False)
    second = await search(juliet, full, f"<max>2</max><after>{first.page('last')}</after>")
    assert (second.bodies, second.complete) == (["11", "12"], False)
    last = await search(juliet, full, "<max>2</max><before/>")
    assert (last.bodies, last.complete) == (["13", "14"], False)
    assert (await search(juliet, full, "<max>9</max><before/>")).complete
    assert (await search(juliet, full, "<max>1</max><index>1</index>")).bodies == ["10"]


async def test_a_page_is_flipped(juliet: ScriptedClient) -> None:
    """§4.3.4: the same messages, in the other order."""
    answer = await search(juliet, rsm="<max>3</max><before/>", more="<flip-page/>")
    assert numbers(answer) == "987"
    assert (answer.page("first"), answer.page("last")) == (answer.ids[2], answer.ids[0])


async def test_no_page_is_longer_than_the_server_allows(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"archive": {"page": 3}})
    juliet = await connect("juliet", to=server)
    juliet.write("<message to='romeo@localhost'><body>x</body></message>" * 5)
    for rsm in ("", "<max>1000000</max>"):
        answer = await search(juliet, rsm=rsm)
        assert (len(answer.results), answer.complete) == (3, False)
        assert answer.page("count") == "5"


@pytest.mark.parametrize(
    ("fields", "rsm", "expected"),
    [
        (field("after-id", "7"), "", "item-not-found"),
        (field("before-id", "no-number"), "", "item-not-found"),
        (field("ids", "9999999999999999999"), "", "item-not-found"),
        (field("ids", "9223372036854775807"), "", "item-not-found"),
        ("", "<after>7</after>", "item-not-found"),
        ("", "<before>x</before>", "item-not-found"),
        ("", "<index>9</index>", "item-not-found"),
        (field("ids", *map(str, range(501))), "", "policy-violation"),
        (field("start", "yesterday"), "", "bad-request"),
        (field("end", "2026-13-01T00:00:00Z"), "", "bad-request"),
        (field("start", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), "", "bad-request"),
        (field("with", "@"), "", "jid-malformed"),
        (field("include-groupchat", "maybe"), "", "bad-request"),
        (field("{urn:example}color", "red"), "", "feature-not-implemented"),
        ("", "<max>many</max>", "bad-request"),
        ("", "<max>-1</max>", "bad-request"),
        ("", "<index>1</index><after>7</after>", "bad-request"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    juliet: ScriptedClient, fields: str, rsm: str, expected: str
) -> None:
    assert await refused(juliet, query(fields, rsm)) == expected
    await juliet.nothing()


async def test_other_forms_and_nodes_are_refused(juliet: ScriptedClient) -> None:
    mam = "<query xmlns='urn:xmpp:mam:2'>{}</query>"
    wrong = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:x</value></field></x>"
    assert await refused(juliet, mam.format(wrong)) == "bad-request"
    assert await refused(juliet, mam.format("<x xmlns='jabber:x:data' type='cancel'/>")) == "bad-request"
    assert await refused(juliet, "<query xmlns='urn:xmpp:mam:2' node='n'/>") == "feature-not-implemented"


async def test_an_id_of_another_archive_is_not_found(juliet: ScriptedClient, connect: Connect) -> None:
    ids = (await search(juliet, field("with", "nurse@localhost"))).ids
    romeo = await connect("romeo")
    romeo.write("<message to='nurse@localhost'><body>Hi</body></message>")
    asked = [(field("after-id", ids[0]), ""), (field("ids", ids[0]), ""), ("", f"<after>{ids[0]}</after>")]
    for fields, rsm in asked:
        assert await refused(romeo, query(fields, rsm)) == "item-not-found"


async def test_the_form_has_all_fields_and_none_is_required(juliet: ScriptedClient) -> None:
    """§4.1.5."""
    answer = await juliet.ask("get", "<query xmlns='urn:xmpp:mam:2'/>")
    form = answer.find(f"{MAM}query/{FORM}x")
    assert form is not None
    assert form.get("type") == "form"
    fields = {each.get("var"): each for each in form.findall(f"{FORM}field")}
    assert {var: each.get("type") for var, each in fields.items()} == {
        "FORM_TYPE": "hidden",
        "with": "jid-single",
        "start": "text-single",
        "end": "text-single",
        "before-id": "text-single",
        "after-id": "text-single",
        "ids": "list-multi",
        "include-groupchat": "boolean",
        "{urn:xmpp:fulltext:0}fulltext": "text-single",
    }
    assert fields["ids"].find("{http://jabber.org/protocol/xdata-validate}validate/*") is not None
    assert form.find(f".//{FORM}required") is None


async def test_whether_rooms_are_included_makes_no_difference(juliet: ScriptedClient) -> None:
    for value in ("true", "0"):
        assert numbers(await search(juliet, field("include-groupchat", value))) == "123456789"


async def test_the_ends_of_an_archive(juliet: ScriptedClient) -> None:
    """§5."""
    results = (await search(juliet)).results
    answer = await juliet.ask("get", "<metadata xmlns='urn:xmpp:mam:2'/>")
    metadata = answer.find(f"{MAM}metadata")
    assert metadata is not None
    assert [(each.tag, each.attrib) for each in metadata] == [
        (f"{MAM}{name}", {"id": result.id, "timestamp": result.stamp})
        for name, result in (("start", results[0]), ("end", results[-1]))
    ]


async def test_an_empty_archive(connect: Connect) -> None:
    romeo = await connect("romeo")
    answer = await search(romeo)
    assert (answer.results, answer.complete, answer.page("first")) == ([], True, None)
    metadata = (await romeo.ask("get", "<metadata xmlns='urn:xmpp:mam:2'/>")).find(f"{MAM}metadata")
    assert metadata is not None
    assert len(metadata) == 0


@pytest.mark.parametrize("seed", range(3))
async def test_any_query_gives_what_a_list_would(connect: Connect, seed: int) -> None:
    """Filters and pages in any combination."""
    chance = random.Random(seed)
    juliet = await connect("juliet")
    peers = [chance.choice(["romeo", "nurse", "juliet"]) for _ in range(25)]
    for number, peer in enumerate(peers):
        juliet.write(f"<message to='{peer}@localhost' type='chat'><body>{number}</body></message>")
    ids = (await search(juliet)).ids
    assert len(ids) == 25
    for _ in range(60):
        places = [*range(25)]
        fields = rsm = ""
        if chance.random() < 0.5:
            peer = chance.choice(peers)
            fields += field("with", f"{peer}@localhost")
            places = [place for place in places if peers[place] == peer]
        if chance.random() < 0.3:
            after = chance.randrange(25)
            fields += field("after-id", ids[after])
            places = [place for place in places if place > after]
        if chance.random() < 0.3:
            before = chance.randrange(25)
            fields += field("before-id", ids[before])
            places = [place for place in places if place < before]
        most = chance.randrange(1, 12)
        backwards = chance.random() < 0.5
        if chance.random() < 0.5:
            here = chance.randrange(25)
            name = "before" if backwards else "after"
            rsm = f"<{name}>{ids[here]}</{name}>"
            places = [place for place in places if (place < here if backwards else place > here)]
        elif backwards:
            rsm = "<before/>"
        expected = places[-most:] if backwards else places[:most]
        answer = await search(juliet, fields, f"<max>{most}</max>{rsm}")
        assert answer.bodies == [str(place) for place in expected], (fields, rsm, most)
        assert answer.complete is (len(places) <= most)
        if (count := answer.page("count")) is not None:
            assert count == str(len(places))
        if answer.index is not None:
            assert answer.index == str(places.index(expected[0]))
