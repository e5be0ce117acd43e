"""Commands that put contacts into rosters and take them out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from burble.commands import ADMIN, Caller, CommandFailed, WrongArguments
from burble.commands.rosteritems import RosterPair
from burble.server import Server
from burble.storage.schema import roster_items
from tests.client import ScriptedClient
from tests.conftest import Connect

CALLER = Caller("test", frozenset({ADMIN}))
ROSTER = "{jabber:iq:roster}"


async def call(server: Server, name: str, *texts: str, version: int | None = None) -> Any:
    return await server.commands.call(name, list(texts), CALLER, version=version)


async def item_pushed(client: ScriptedClient) -> dict[str, Any]:
    push = await client.next()
    assert push.tag == "{jabber:client}iq", push
    item = push.find(f".//{ROSTER}item")
    assert item is not None
    groups = [group.text for group in item.iter(f"{ROSTER}group")]
    return {**item.attrib, "groups": groups}


async def test_a_contact_that_is_added_is_pushed(server: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    await call(server, "add_rosteritem", "juliet", "localhost", "romeo", "localhost", "Romeo", "A,B", "both")
    assert await item_pushed(juliet) == {
        "jid": "romeo@localhost",
        "name": "Romeo",
        "subscription": "both",
        "groups": ["A", "B"],
    }


async def test_in_version_0_groups_are_one_text(server: Server) -> None:
    arguments = ["juliet", "localhost", "romeo", "localhost", "Romeo", "A;B, C", "both"]
    await call(server, "add_rosteritem", *arguments, version=0)
    (contact,) = await call(server, "get_roster", "juliet", "localhost")
    assert contact.groups == ["A", "B, C"]


async def test_presence_is_seen_once_both_have_the_other(server: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    for client in (juliet, romeo):
        client.write("<presence/>")
        assert (await client.next()).tag == "{jabber:client}presence"  # its own
    await call(server, "add_rosteritem", "juliet", "localhost", "romeo", "localhost", "", "", "both")
    assert (await romeo.next()).get("from") == "juliet@localhost/balcony"
    await call(server, "add_rosteritem", "romeo", "localhost", "juliet", "localhost", "", "", "both")
    assert (await juliet.next()).get("from") == "romeo@localhost/orchard"
    assert (await romeo.next()).get("from") == "juliet@localhost/balcony"


async def test_a_contact_that_is_deleted_is_pushed(server: Server, connect: Connect) -> None:
    await call(server, "add_rosteritem", "juliet", "localhost", "romeo", "localhost", "", "", "both")
    juliet = await connect("juliet/balcony")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    await call(server, "delete_rosteritem", "juliet", "localhost", "romeo", "localhost")
    assert (await item_pushed(juliet))["subscription"] == "remove"
    assert await call(server, "get_roster_count", "juliet", "localhost") == 0
    with pytest.raises(CommandFailed, match="romeo@localhost is not in the roster of juliet@localhost"):
        await call(server, "delete_rosteritem", "juliet", "localhost", "romeo", "localhost")


async def test_a_contact_may_be_a_domain(server: Server) -> None:
    await call(server, "add_rosteritem", "juliet", "localhost", "", "icq.example.org", "", "", "to")
    assert [each.jid for each in await call(server, "get_roster", "juliet", "localhost")] == [
        "icq.example.org"
    ]


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (["nobody", "localhost", "romeo", "localhost", "", "", "both"], CommandFailed, "no account nobody"),
        (["juliet", "elsewhere.example", "romeo", "localhost", "", "", "to"], CommandFailed, "not served"),
        (["juliet", "localhost", "juliet", "localhost", "", "", "to"], CommandFailed, "contact of its own"),
        (["juliet", "localhost", "a@b", "localhost", "", "", "to"], WrongArguments, "^user: "),
        (["juliet", "localhost", "romeo", "localhost", "", "", "all"], WrongArguments, "^subs: "),
        (["juliet", "localhost", "romeo", "localhost", "n" * 1024, "", "to"], CommandFailed, "1023 bytes"),
        (["juliet", "localhost", "romeo", "localhost", "", "g" * 1024, "to"], CommandFailed, "1023 bytes"),
        (
            ["juliet", "localhost", "romeo", "localhost", "", ",".join(map(str, range(101))), "to"],
            CommandFailed,
            "at most 100 groups",
        ),
    ],
)
async def test_what_cannot_be_added(
    server: Server, arguments: list[str], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        await call(server, "add_rosteritem", *arguments)


@pytest.fixture
async def contacts(server: Server) -> Server:
    """A server with contacts of all kinds: juliet has four, romeo one."""
    for user, host, subs in (
        ("romeo", "localhost", "both"),
        ("nurse", "localhost", "from"),
        ("tybalt", "capulet.example", "none"),
        ("paris", "capulet.example", "to"),
    ):
        await call(server, "add_rosteritem", "juliet", "localhost", user, host, "", "", subs)
    await call(server, "add_rosteritem", "romeo", "localhost", "juliet", "localhost", "", "", "both")
    return server


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("any any any any", "juliet nurse, juliet paris, juliet romeo, juliet tybalt, romeo juliet"),
        ("both any any any", "juliet romeo, romeo juliet"),
        ("from:to any any any", "juliet nurse, juliet paris"),
        ("any out any any", "juliet tybalt"),
        ("any none juliet@localhost any", "juliet nurse, juliet paris, juliet romeo"),
        ("any any r*@localhost any", "romeo juliet"),
        ("any any any *@capulet.example:*o@*", "juliet paris, juliet romeo, juliet tybalt"),
        ("any in any any", ""),
        ("any any *@elsewhere.example any", ""),
    ],
)
async def test_contacts_are_listed_by_what_they_are(
    contacts: Server, connect: Connect, arguments: str, found: str
) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<presence to='tybalt@capulet.example' type='subscribe'/>")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    listed = await call(contacts, "process_rosteritems", "list", *arguments.split())
    names = [f"{local_part(pair.user)} {local_part(pair.contact)}" for pair in listed]
    assert names == [each for each in found.split(", ") if each]


def local_part(jid: str) -> str:
    return jid.partition("@")[0]


async def test_what_was_listed_can_be_deleted(contacts: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    gone = await call(contacts, "process_rosteritems", "delete", "any", "any", "any", "*@capulet.example")
    assert gone == [
        RosterPair("juliet@localhost", "paris@capulet.example"),
        RosterPair("juliet@localhost", "tybalt@capulet.example"),
    ]
    assert [(await item_pushed(juliet))["subscription"] for _ in gone] == ["remove", "remove"]
    left = await call(contacts, "process_rosteritems", "list", "any", "any", "any", "any")
    assert [pair.contact for pair in left] == ["nurse@localhost", "romeo@localhost", "juliet@localhost"]


@pytest.mark.parametrize(
    "arguments", ["list some any any any", "list any some any any", "drop any any any any"]
)
async def test_process_rosteritems_refuses_what_it_does_not_know(server: Server, arguments: str) -> None:
    with pytest.raises(CommandFailed, match="expected"):
        await call(server, "process_rosteritems", *arguments.split())


async def test_more_contacts_than_are_read_at_a_time(server: Server) -> None:
    rows = [
        {"host": "localhost", "user": f"u{user:03}", "jid": f"c{contact}@example.org", "subscription": "to"}
        for user in range(50)
        for contact in range(90)
    ]
    await server.database.execute(insert(roster_items), rows)
    listed = await call(server, "process_rosteritems", "list", "any", "any", "any", "any")
    assert len(set(listed)) == len(listed) == 4500
