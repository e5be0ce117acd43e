"""The roster: RFC 6121 §2."""

from __future__ import annotations

import pytest

from burble.config import Settings
from burble.server import Server
from tests.client import condition
from tests.conftest import Connect, Serve
from tests.im.scripts import ROSTER, appear, get, hears, items, pushed, query, read_away


async def test_empty_roster(connect: Connect) -> None:
    """§2.1.4: a roster with nothing in it is an empty query."""
    juliet = await connect("juliet/balcony")
    answer = await juliet.ask("get", query())
    assert answer.get("type") == "result"
    assert answer.find(f"{ROSTER}query") is not None
    assert items(answer) == []


async def test_added_contact_is_pushed_and_stays(connect: Connect) -> None:
    """§2.3: an item with name and groups reaches every resource that asked for the roster, and no other."""
    balcony, chamber, street = [await connect(f"juliet/{r}") for r in ("balcony", "chamber", "street")]
    await get(balcony)
    await get(chamber)
    answer = await balcony.ask(
        "set",
        query("<item jid='Nurse@localhost' name='Nurse'><group>Servants</group><group>House</group></item>"),
    )
    assert answer.get("type") == "result"
    expected = {
        "jid": "nurse@localhost",
        "name": "Nurse",
        "subscription": "none",
        "groups": ["Servants", "House"],
    }
    assert await pushed(balcony) == expected
    assert await pushed(chamber) == expected
    await street.nothing()
    assert await get(street) == [expected]


async def test_changed_contact(connect: Connect) -> None:
    """§2.4: the groups and the name that are given replace the old ones."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost' name='Nurse'><group>Servants</group></item>"))
    await juliet.ask("set", query("<item jid='nurse@localhost'><group>Friends</group></item>"))
    assert await get(juliet) == [{"jid": "nurse@localhost", "subscription": "none", "groups": ["Friends"]}]


async def test_removed_contact(connect: Connect) -> None:
    """§2.5: a contact that is removed is pushed as such and gone."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost'/>"))
    assert len(await get(juliet)) == 1
    answer = await juliet.ask("set", query("<item jid='nurse@localhost' subscription='remove'/>"))
    assert answer.get("type") == "result"
    assert await pushed(juliet) == {"jid": "nurse@localhost", "subscription": "remove"}
    assert await get(juliet) == []


async def test_what_only_the_server_may_say_is_ignored(connect: Connect) -> None:
    """§2.1.2.1, §2.1.2.2, §2.1.2.5: ask, approved and subscription of a set have no effect."""
    juliet = await connect("juliet/balcony")
    await juliet.ask(
        "set", query("<item jid='nurse@localhost' subscription='both' ask='subscribe' approved='true'/>")
    )
    assert await get(juliet) == [{"jid": "nurse@localhost", "subscription": "none"}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<item jid='nurse@localhost'/><item jid='romeo@localhost'/>", "bad-request"),
        ("", "bad-request"),
        ("<item/>", "bad-request"),
        ("<item jid='@'/>", "jid-malformed"),
        ("<item jid='nurse@localhost'><group>A</group><group>A</group></item>", "bad-request"),
        ("<item jid='nurse@localhost'><group/></item>", "not-acceptable"),
        (f"<item jid='nurse@localhost'><group>{'g' * 1024}</group></item>", "not-acceptable"),
        (f"<item jid='nurse@localhost' name='{'n' * 1024}'/>", "not-acceptable"),
        ("<item jid='nurse@localhost' subscription='remove'/>", "item-not-found"),
        ("<item jid='juliet@localhost'/>", "not-allowed"),
    ],
)
async def test_what_a_roster_set_may_not_say(connect: Connect, content: str, expected: str) -> None:
    """§2.3.3, §2.5.3: each mistake has its error, and changes nothing."""
    juliet = await connect("juliet/balcony")
    assert condition(await juliet.ask("set", query(content))) == expected
    assert await get(juliet) == []


@pytest.mark.parametrize("kind", ["get", "set"])
async def test_roster_of_somebody_else(connect: Connect, kind: str) -> None:
    """§2.3.3: only its owner sees or changes a roster."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    answer = await romeo.ask(kind, query("<item jid='nurse@localhost'/>"), "juliet@localhost")
    assert condition(answer) == "forbidden"
    assert await get(juliet) == []


async def test_roster_has_room_for_so_many(serve: Serve, connect: Connect) -> None:
    """A contact beyond the limit is refused; one that is there already may still be changed."""
    small = await serve(limits={"roster_items": 2})
    juliet = await connect("juliet/balcony", to=small)
    for user in ("nurse", "romeo"):
        assert (await juliet.ask("set", query(f"<item jid='{user}@localhost'/>"))).get("type") == "result"
    assert (
        condition(await juliet.ask("set", query("<item jid='tybalt@localhost'/>"))) == "resource-constraint"
    )
    juliet.write("<presence to='tybalt@localhost' type='subscribe' id='s1'/>")
    assert condition(await juliet.next()) == "resource-constraint"
    assert (await juliet.ask("set", query("<item jid='romeo@localhost' name='R'/>"))).get("type") == "result"
    assert len(await get(juliet)) == 2


async def test_roster_outlives_the_server(server: Server, serve: Serve, connect: Connect) -> None:
    """What was acknowledged is there after a restart: contacts and their groups."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost' name='&lt;N&gt;'><group>Ä</group></item>"))
    before = await get(juliet)
    await juliet.close()
    await server.stop()
    juliet = await connect("juliet/balcony", to=await serve())
    assert before == [{"jid": "nurse@localhost", "name": "<N>", "subscription": "none", "groups": ["Ä"]}]
    assert await get(juliet) == before


# ---- versions


async def test_versioning_is_offered_after_login(connect: Connect) -> None:
    """§2.6.1, §3.4.1: both features are there once the client has logged in, and not before."""
    client = await connect()
    names = {"{urn:xmpp:features:rosterver}ver", "{urn:xmpp:features:pre-approval}sub"}
    assert names.isdisjoint(child.tag for child in await client.open())
    juliet = await connect("juliet/balcony")
    assert juliet.features is not None
    assert names <= {child.tag for child in juliet.features}


async def test_roster_that_the_client_has_already(connect: Connect) -> None:
    """§2.6.2, §2.6.3: with the version it has, a client gets an empty result; pushes tell it the next one."""
    juliet = await connect("juliet/balcony")
    first = await juliet.ask("get", query(ver=""))
    version = first.find(f"{ROSTER}query").get("ver")
    assert version
    same = await juliet.ask("get", query(ver=version))
    assert list(same) == []
    await juliet.ask("set", query("<item jid='nurse@localhost'/>"))
    push = await juliet.next()
    newer = push.find(f"{ROSTER}query").get("ver")
    assert newer not in (None, version)
    changed = await juliet.ask("get", query(ver=version))
    assert changed.find(f"{ROSTER}query").get("ver") == newer
    assert len(items(changed)) == 1
    chamber = await connect("juliet/chamber")
    assert list(await chamber.ask("get", query(ver=newer))) == []


async def test_versions_of_an_account_made_anew(server: Server, connect: Connect) -> None:
    """§2.6.2: what a client remembers of a removed account is not taken for the roster of its successor."""
    host = server.hosts["localhost"]
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost'/>"))
    version = (await juliet.ask("get", query(ver=""))).find(f"{ROSTER}query").get("ver")
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    juliet = await connect("juliet/balcony")
    answer = await juliet.ask("get", query(ver=version))
    assert answer.find(f"{ROSTER}query") is not None
    assert items(answer) == []
    await juliet.ask("set", query("<item jid='romeo@localhost'/>"))
    assert (await juliet.ask("get", query(ver=""))).find(f"{ROSTER}query").get("ver") != version


async def test_anonymous_accounts_keep_no_roster(server: Server, serve: Serve, connect: Connect) -> None:
    """XEP-0175: nothing is stored for who comes without an account."""
    open_ = await serve(auth={"mechanisms": ["ANONYMOUS"]})
    client = await connect(to=open_)
    await client.open()
    client.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
    await client.next()
    await client.open()
    await client.bind()
    assert await get(client) == []
    assert condition(await client.ask("set", query("<item jid='nurse@localhost'/>"))) == "not-allowed"
    client.write("<presence to='nurse@localhost' type='subscribe'/>")
    assert condition(await client.next()) == "not-allowed"


async def test_database_that_is_gone(server: Server, connect: Connect) -> None:
    """What can't be stored is refused, not pushed and not kept; a request is not routed either."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await get(juliet)
    await romeo.ask("get", query())
    await server.database.stop()
    answer = await juliet.ask("set", query("<item jid='nurse@localhost'/>"))
    assert condition(answer) == "resource-constraint"
    juliet.write("<presence to='romeo@localhost' type='subscribe'/>")
    assert condition(await juliet.next()) == "resource-constraint"
    assert await get(juliet) == []
    await romeo.nothing()
    await server.database.start()
    assert (await juliet.ask("set", query("<item jid='nurse@localhost'/>"))).get("type") == "result"
    assert (await pushed(juliet))["jid"] == "nurse@localhost"


async def test_a_roster_stays_one_when_the_module_is_loaded_anew(server: Server, connect: Connect) -> None:
    """Who was connected all the time follows what others change in the roster: here, a subscription."""
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await appear(juliet)
    await appear(romeo)
    same = server.settings.model_dump(exclude={"modules"}, exclude_unset=True)
    without = {"modules": {"disable": ["roster"]}}
    for changes in (without, {}):
        assert await server.reload(Settings.model_validate(same | changes)) == []
    romeo.write("<presence to='juliet@localhost' type='subscribe'/>")
    await romeo.sync()
    juliet.write("<presence to='romeo@localhost' type='subscribed'/>")
    await juliet.sync()
    await read_away(romeo)
    juliet.write("<presence><show>away</show></presence>")
    assert await hears(romeo) == (juliet.jid, "", "romeo@localhost")
