"""What accounts want to have archived (XEP-0441)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.conftest import Connect, Serve
from tests.modules.archives import MAM, SID, refused, search
from tests.presences import appear

Said = tuple[str | None, list[str | None], list[str | None]]


Jids = tuple[str, ...]


def prefs(default: str, always: Jids = (), never: Jids = ()) -> str:
    lists = "".join(
        f"<{name}>{''.join(f'<jid>{jid}</jid>' for jid in jids)}</{name}>"
        for name, jids in (("always", always), ("never", never))
    )
    return f"<prefs xmlns='urn:xmpp:mam:2' default='{default}'>{lists}</prefs>"


def read(answer: ET.Element) -> Said:
    found = answer.find(f"{MAM}prefs")
    assert found is not None, ET.tostring(answer)
    always, never = (
        [jid.text for jid in found.iterfind(f"{MAM}{name}/{MAM}jid")] for name in ("always", "never")
    )
    return found.get("default"), always, never


async def test_preferences_are_told_and_changed(connect: Connect) -> None:
    juliet = await connect("juliet")
    get = "<prefs xmlns='urn:xmpp:mam:2'/>"
    assert read(await juliet.ask("get", get)) == ("always", [], [])
    chosen = ("roster", ["b@example.org", "romeo@localhost"], ["nurse@localhost/x"])
    changed = prefs("roster", ("ROMEO@localhost", "b@example.org"), ("nurse@localhost/x",))
    assert read(await juliet.ask("set", changed)) == chosen
    assert read(await juliet.ask("get", get)) == chosen
    again = await connect("juliet")
    assert read(await again.ask("get", get)) == chosen
    assert read(await juliet.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>")) == (
        "never",
        [],
        [],
    )


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<prefs xmlns='urn:xmpp:mam:2'/>", "bad-request"),
        (prefs("sometimes"), "bad-request"),
        (prefs("always", ("@",)), "jid-malformed"),
        (prefs("always", (), ("",)), "jid-malformed"),
        (prefs("always", tuple(f"a{number}@b" for number in range(1001))), "resource-constraint"),
    ],
)
async def test_what_are_no_preferences_is_refused(connect: Connect, payload: str, expected: str) -> None:
    juliet = await connect("juliet")
    assert await refused(juliet, payload) == expected
    assert read(await juliet.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>")) == ("always", [], [])


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (prefs("always", (), ("romeo@localhost",)), False),
        (prefs("always", (), ("romeo@localhost/orchard",)), False),
        (prefs("always", (), ("romeo@localhost/other",)), True),
        (prefs("never", ("romeo@localhost",)), True),
        (prefs("never", ("romeo@localhost/orchard",)), True),
        (prefs("never", ("nurse@localhost",)), False),
        (prefs("roster"), False),
        (prefs("roster", ("romeo@localhost",)), True),
        (prefs("always", ("romeo@localhost",), ("romeo@localhost",)), False),
    ],
)
async def test_they_hold_for_what_comes_and_what_goes(connect: Connect, chosen: str, kept: bool) -> None:
    romeo, juliet = await appear(await connect("romeo/orchard")), await appear(await connect("juliet/b"))
    await juliet.ask("set", chosen)
    romeo.write("<message to='juliet@localhost/b' type='chat'><body>in</body></message>")
    message = await juliet.next()
    assert (message.find(f"{SID}stanza-id") is not None) is kept
    juliet.write(f"<message to='{romeo.jid}' type='chat'><body>out</body></message>")
    assert (await romeo.next()).find(f"{SID}stanza-id") is not None
    assert (await search(juliet)).bodies == (["in", "out"] if kept else [])
    assert (await search(romeo)).bodies == ["in", "out"]  # Romeo has said nothing


async def test_contacts_are_archived_where_the_roster_counts(connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await juliet.ask("set", prefs("roster"))
    await juliet.ask("set", "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost'/></query>")
    await juliet.close()
    romeo.write("<message to='juliet@localhost' type='chat'><body>one</body></message>")
    nurse = await connect("nurse")
    nurse.write("<message to='juliet@localhost' type='chat'><body>two</body></message>")
    await romeo.sync()
    await nurse.sync()
    juliet = await connect("juliet")
    assert (await search(juliet)).bodies == ["one"]


async def test_a_message_that_is_not_archived_is_kept_offline_all_the_same(connect: Connect) -> None:
    romeo, juliet = await connect("romeo"), await connect("juliet")
    await juliet.ask("set", prefs("never"))
    await juliet.close()
    romeo.write("<message to='juliet@localhost' type='chat'><body>one</body></message>")
    await romeo.nothing()
    juliet = await appear(await connect("juliet"))
    assert (await juliet.next()).find(f"{SID}stanza-id") is None
    assert (await search(juliet)).results == []


async def test_preferences_outlive_the_server(serve: Serve, connect: Connect) -> None:
    juliet = await connect("juliet")
    await juliet.ask("set", prefs("never", ("romeo@localhost",)))
    other = await serve()
    juliet = await connect("juliet", to=other)
    assert read(await juliet.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>")) == (
        "never",
        ["romeo@localhost"],
        [],
    )
    for user in ("romeo", "nurse"):
        client = await connect(user, to=other)
        client.write(f"<message to='juliet@localhost'><body>{user}</body></message>")
        await client.sync()
    assert (await search(juliet)).bodies == ["romeo"]


async def test_the_host_decides_for_those_who_say_nothing(serve: Serve, connect: Connect) -> None:
    server = await serve(modules={"archive": {"default": "never"}})
    romeo, juliet = await connect("romeo", to=server), await connect("juliet", to=server)
    assert read(await juliet.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>")) == ("never", [], [])
    await juliet.ask("set", prefs("always"))
    romeo.write("<message to='juliet@localhost'><body>Hi</body></message>")
    await romeo.sync()
    assert (await search(romeo)).results == []
    assert (await search(juliet)).bodies == ["Hi"]


async def test_a_new_account_has_none_of_an_earlier_one(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet")
    await juliet.ask("set", prefs("never"))
    await server.hosts["localhost"].unregister("juliet")
    await server.hosts["localhost"].register("juliet", "secret")
    juliet = await connect("juliet")
    assert read(await juliet.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>")) == ("always", [], [])
