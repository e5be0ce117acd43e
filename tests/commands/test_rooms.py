"""Commands about rooms, and what those who are in them see of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.jid import JID
from burble.modules.muc import Muc
from burble.modules.muc.config import RoomConfig
from burble.server import Server
from burble.storage.schema import room_history
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve

CALLER = Caller("test", frozenset({ADMIN}))
C = "{jabber:client}"
USER = "{http://jabber.org/protocol/muc#user}"
SERVICE = "conference.localhost"


async def call(server: Server, name: str, *texts: str, version: int | None = None) -> Any:
    return await server.commands.call(name, list(texts), CALLER, version=version)


async def enter(client: ScriptedClient, room: str, nick: str) -> None:
    client.write(
        f"<presence to='{room}@{SERVICE}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    while (await client.next()).tag != f"{C}message":  # the subject ends it
        pass


def codes(stanza: Any) -> set[str]:
    return {status.get("code") for status in stanza.iter(f"{USER}status")}


@pytest.fixture
async def lobby(server: Server) -> Server:
    """A server with the room lobby, of which juliet is the owner."""
    muc = server.hosts["localhost"].modules["muc"]
    assert isinstance(muc, Muc)
    await muc.create("lobby", RoomConfig(name="Lobby"), JID.parse("juliet@localhost"))
    return server


async def test_a_room_is_made_and_everybody_can_enter_it(server: Server, connect: Connect) -> None:
    await call(server, "create_room", "garden", SERVICE, "localhost")
    assert await call(server, "get_room_affiliations", "garden", SERVICE) == []
    romeo = await connect("romeo/orchard")
    await enter(romeo, "garden", "Romeo")
    assert await call(server, "get_room_occupants_number", "garden", SERVICE) == 1
    (occupant,) = await call(server, "get_room_occupants", "garden", SERVICE)
    assert (occupant.jid, occupant.nick, occupant.role) == ("romeo@localhost/orchard", "Romeo", "participant")
    with pytest.raises(CommandFailed, match="there is a room of that name already"):
        await call(server, "create_room", "garden", SERVICE, "localhost")


async def test_a_room_is_made_with_options(server: Server) -> None:
    options = [
        {"name": "title", "value": "The Garden"},
        {"name": "members_only", "value": "true"},
        {"name": "max_users", "value": "30"},
        {"name": "anonymous", "value": "false"},
        {"name": "presence_broadcast", "value": "moderator,participant"},
        {"name": "affiliations", "value": "owner:juliet@localhost,member:romeo@localhost"},
    ]
    arguments = {"room": "garden", "service": SERVICE, "host": "localhost", "options": options}
    await server.commands.call("create_room_with_opts", arguments, CALLER)
    found = {each.name: each.value for each in await call(server, "get_room_options", "garden", SERVICE)}
    assert {each["name"]: found.get(each["name"]) for each in options[:-1]} == {
        each["name"]: each["value"] for each in options[:-1]
    }
    assert (found["persistent"], found["password_protected"]) == ("true", "false")
    standings = await call(server, "get_room_affiliations", "garden", SERVICE)
    assert [(each.jid, each.affiliation) for each in standings] == [
        ("juliet@localhost", "owner"),
        ("romeo@localhost", "member"),
    ]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("colour:red", "there is no option 'colour' of rooms; there are "),
        ("public:perhaps", "public: expected true or false; got 'perhaps'"),
        ("max_users:many", "max_users: expected a whole number; got 'many'"),
        ("max_users:-1", "max_users: expected a whole number"),
        ("allowpm:somebody", "allowpm: Input should be 'anyone'"),
        ("title:" + "x" * 201, "title: String should have at most 200 characters"),
        ("contacts:a@@b", "contacts: "),
        ("password_protected:true", "password_protected: the room needs a password"),
        ("affiliations:king:juliet@localhost", "there is no affiliation 'king'"),
        ("affiliations:owner:a@@b", "affiliations: "),
        ("nothing", "options: expected"),
    ],
)
async def test_options_that_are_none(server: Server, option: str, said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        await call(server, "create_room_with_opts", "garden", SERVICE, "localhost", option)
    assert await call(server, "muc_online_rooms", SERVICE) == []


async def test_occupants_hear_of_changed_options(lobby: Server, connect: Connect) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await enter(juliet, "lobby", "Juliet")
    await enter(romeo, "lobby", "Romeo")
    await juliet.next()  # Romeo comes
    await call(lobby, "change_room_option", "lobby", SERVICE, "anonymous", "false")
    assert codes(await romeo.next()) == {"172"}
    assert codes(await juliet.next()) == {"172"}
    await call(lobby, "change_room_option", "lobby", SERVICE, "members_only", "true")
    gone = await romeo.next()
    assert (gone.get("type"), "322" in codes(gone)) == ("unavailable", True)
    with pytest.raises(CommandFailed, match="there is no option 'x' of rooms"):
        await call(lobby, "change_room_option", "lobby", SERVICE, "x", "1")


async def test_occupants_hear_of_affiliations(lobby: Server, connect: Connect) -> None:
    romeo = await connect("romeo/orchard")
    await enter(romeo, "lobby", "Romeo")
    await call(lobby, "set_room_affiliation", "lobby", SERVICE, "romeo", "localhost", "admin")
    item = (await romeo.next()).find(f".//{USER}item")
    assert item is not None
    assert (item.get("affiliation"), item.get("role")) == ("admin", "moderator")
    assert await call(lobby, "get_room_affiliation", "lobby", SERVICE, "romeo@localhost") == "admin"
    arguments = {"name": "lobby", "service": SERVICE, "jid": "romeo@localhost", "affiliation": "outcast"}
    await lobby.commands.call("set_room_affiliation", arguments, CALLER, version=0)
    assert "301" in codes(await romeo.next())


async def test_affiliations_survive_the_server(lobby: Server) -> None:
    await call(lobby, "set_room_affiliation", "lobby", SERVICE, "", "example.org", "member")
    lobby.hosts["localhost"].modules["muc"].service.live.clear()  # asleep
    assert await call(lobby, "get_room_affiliation", "lobby", SERVICE, "anybody@example.org") == "member"


async def test_occupants_of_a_room_that_is_destroyed_are_told(lobby: Server, connect: Connect) -> None:
    romeo = await connect("romeo/orchard")
    await enter(romeo, "lobby", "Romeo")
    await call(lobby, "destroy_room", "lobby", SERVICE)
    gone = await romeo.next()
    assert gone.get("type") == "unavailable"
    assert gone.find(f".//{USER}destroy") is not None
    with pytest.raises(CommandFailed, match="there is no such room"):
        await call(lobby, "destroy_room", "lobby", SERVICE)


async def test_rooms_are_listed_stored_or_not(lobby: Server, connect: Connect) -> None:
    juliet = await connect("juliet/balcony")
    await enter(juliet, "lobby", "Juliet")
    juliet.write(f"<presence to='passing@{SERVICE}/J'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await juliet.next()
    assert await call(lobby, "muc_online_rooms", SERVICE) == [f"lobby@{SERVICE}", f"passing@{SERVICE}"]
    assert await call(lobby, "muc_online_rooms", "global") == [f"lobby@{SERVICE}", f"passing@{SERVICE}"]
    assert await call(lobby, "muc_online_rooms_count", SERVICE) == 2
    assert await call(lobby, "muc_online_rooms_by_regex", SERVICE, "^l.*y@") == [
        {"jid": f"lobby@{SERVICE}", "public": "true", "participants": 1}
    ]
    assert await call(lobby, "get_user_rooms", "juliet", "localhost") == [
        f"lobby@{SERVICE}",
        f"passing@{SERVICE}",
    ]
    assert await call(lobby, "get_user_rooms", "romeo", "localhost") == []
    with pytest.raises(CommandFailed, match="regex: expected a regular expression"):
        await call(lobby, "muc_online_rooms_by_regex", SERVICE, "(")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("muc_online_rooms", "capulet.example"),
            f"there is no chat service capulet.example; there are {SERVICE}",
        ),
        (("create_room", "a", SERVICE, "elsewhere.example"), "elsewhere.example is not served here"),
        (("create_room", "a@b", SERVICE, "localhost"), "room: expected the name of a room"),
        (("get_room_options", "nowhere", SERVICE), "there is no such room"),
        (("get_room_occupants", "", SERVICE), "room: expected the name of a room"),
        (("set_room_affiliation", "lobby", SERVICE, "romeo", "localhost", "king"), "affiliation: expected"),
        (("rooms_unused_list", SERVICE, "-1"), "days: expected"),
    ],
)
async def test_what_is_no_room(lobby: Server, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        await call(lobby, *arguments)


async def test_what_was_said_is_told(lobby: Server, connect: Connect) -> None:
    romeo = await connect("romeo/orchard")
    await enter(romeo, "lobby", "Romeo")
    romeo.write(f"<message to='lobby@{SERVICE}' type='groupchat'><body>It is my lady</body></message>")
    await romeo.next()
    (said,) = await call(lobby, "get_room_history", "lobby", SERVICE)
    assert "It is my lady" in said.message
    assert f"from='lobby@{SERVICE}/Romeo'" in said.message.replace('"', "'")
    assert said.timestamp.startswith("20")
    assert said.timestamp.endswith("Z")


async def test_rooms_in_which_nobody_speaks_any_more_are_found_and_destroyed(
    lobby: Server, connect: Connect
) -> None:
    muc = lobby.hosts["localhost"].modules["muc"]
    for name, days in (("old", 40), ("new", 2), ("busy", 40)):
        await call(lobby, "create_room", name, SERVICE, "localhost")
        row = {
            "service": SERVICE,
            "room": name,
            "at": round((time.time() - days * 86400) * 1e6),
            "id": "1",
            "stanza": b"<message type='groupchat'><body>Hi</body></message>",
        }
        await lobby.database.execute(room_history.insert(), row)
    muc.service.live.clear()
    romeo = await connect("romeo/orchard")
    await enter(romeo, "busy", "Romeo")
    assert await call(lobby, "rooms_unused_list", SERVICE, "31") == [f"old@{SERVICE}"]
    assert await call(lobby, "rooms_unused_destroy", "global", "31") == [f"old@{SERVICE}"]
    left = await call(lobby, "muc_online_rooms", SERVICE)
    assert left == [f"busy@{SERVICE}", f"lobby@{SERVICE}", f"new@{SERVICE}"]


async def test_rooms_in_which_nothing_was_ever_said_are_found_and_destroyed(
    lobby: Server, connect: Connect
) -> None:
    for name in ("empty", "spoken", "entered", "secret"):
        await call(lobby, "create_room", name, SERVICE, "localhost")
    await call(lobby, "change_room_option", "secret", SERVICE, "mam", "false")
    romeo = await connect("romeo/orchard")
    await enter(romeo, "spoken", "Romeo")
    romeo.write(f"<message to='spoken@{SERVICE}' type='groupchat'><body>Hi</body></message>")
    await romeo.next()
    romeo.write(f"<presence to='spoken@{SERVICE}/Romeo' type='unavailable'/>")
    await romeo.next()
    await enter(romeo, "entered", "Romeo")
    assert await call(lobby, "rooms_empty_list", SERVICE) == [f"empty@{SERVICE}", f"lobby@{SERVICE}"]
    assert await call(lobby, "rooms_empty_destroy", "global") == "Destroyed rooms: 2"
    assert await call(lobby, "muc_online_rooms_count", SERVICE) == 3


async def test_without_an_archive_no_room_is_empty(serve: Serve) -> None:
    server = await serve(modules={"disable": ["archive"]})
    await call(server, "create_room", "garden", SERVICE, "localhost")
    for name in ("rooms_empty_list", "rooms_empty_destroy"):
        with pytest.raises(CommandFailed, match="the module archive is not loaded on localhost"):
            await call(server, name, SERVICE)
    assert await call(server, "muc_online_rooms_count", SERVICE) == 1


async def test_invited_people_are_told_where_to(lobby: Server, connect: Connect) -> None:
    romeo = await connect("romeo/orchard")
    romeo.write("<presence/>")
    await romeo.next()
    await call(
        lobby, "send_direct_invitation", "lobby", SERVICE, "sesame", "Come", "romeo@localhost,nurse@localhost"
    )
    message = await romeo.next()
    invitation = message.find("{jabber:x:conference}x")
    assert invitation is not None
    assert dict(invitation.attrib) == {"jid": f"lobby@{SERVICE}", "password": "sesame", "reason": "Come"}
    arguments = ("lobby", SERVICE, "none", "none", "romeo@localhost:nurse@localhost")
    await call(lobby, "send_direct_invitation", *arguments, version=0)
    invitation = (await romeo.next()).find("{jabber:x:conference}x")
    assert invitation is not None
    assert dict(invitation.attrib) == {"jid": f"lobby@{SERVICE}"}


async def test_rooms_are_made_and_destroyed_by_a_file(lobby: Server, tmp_path: Path) -> None:
    file = tmp_path / "rooms.txt"
    file.write_text(f"garden@{SERVICE}\n\nlobby@{SERVICE}\ntomb@{SERVICE}\n")
    await call(lobby, "create_rooms_file", str(file))
    assert await call(lobby, "muc_online_rooms_count", SERVICE) == 3
    file.write_text(f"garden@{SERVICE}\nnowhere@{SERVICE}\ntomb@{SERVICE}\n")
    await call(lobby, "destroy_rooms_file", str(file))
    assert await call(lobby, "muc_online_rooms", SERVICE) == [f"lobby@{SERVICE}"]


@pytest.mark.parametrize("line", ["lobby", "a@@b", "room@elsewhere.example", f"room@{SERVICE}/nick"])
async def test_a_file_with_a_mistake_changes_nothing(lobby: Server, tmp_path: Path, line: str) -> None:
    file = tmp_path / "rooms.txt"
    file.write_text(f"lobby@{SERVICE}\n{line}\n")
    with pytest.raises(CommandFailed):
        await call(lobby, "destroy_rooms_file", str(file))
    with pytest.raises(CommandFailed, match="can't be read: No such file"):
        await call(lobby, "destroy_rooms_file", str(file) + ".other")
    assert await call(lobby, "muc_online_rooms", SERVICE) == [f"lobby@{SERVICE}"]


async def test_ten_thousand_rooms_are_listed_by_one_query(server: Server) -> None:
    from burble.storage.schema import rooms

    row = {"service": SERVICE, "creator": "", "name": "", "public": True, "config": "{}", "secret": b"x"}
    await server.database.execute(rooms.insert(), [row | {"room": f"r{n:05}"} for n in range(10_000)])
    async with asyncio.timeout(2):
        assert len(await call(server, "muc_online_rooms", SERVICE)) == 10_000
