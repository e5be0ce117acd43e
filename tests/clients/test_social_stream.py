"""Emanagement, Social Stream's program for administrators: each of its functions, through `ejabberdctl`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from burble.server import Server
from tests.client import CLIENT, STREAMS, ScriptedClient
from tests.clients.conftest import require
from tests.conftest import Connect, Serve

pytestmark = pytest.mark.clients

HOME = Path(__file__).parent / "social_stream"
SETTINGS = "ejabberd_server_user=ejabberd\nusers_require_sudo=\nverbose=false\n"
_PATIENCE = 40.0

Script = Callable[..., Awaitable[list[str]]]


@pytest.fixture
async def served(serve: Serve) -> Server:
    """A server with accounts on two hosts, as Social Stream names them."""
    require("ruby")
    server = await serve(hosts=["localhost", "example.org"])
    for user in ("demo", "pamela-hall", "terry-alvarez"):
        await server.hosts["localhost"].register(user, "secret")
    await server.hosts["example.org"].register("lois-johnson", "secret")
    return server


@pytest.fixture
def emanagement(served: Server, tmp_path: Path) -> Script:
    """Calls the program; returns the lines it printed, without the empty one behind them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ejabberdctl").symlink_to(Path(sys.executable).with_name("burblectl"))
    (tmp_path / "ssconfig.cfg").write_text(SETTINGS)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "RUBYOPT": f"-r{HOME / 'redirect.rb'}",
        "SOCIAL_STREAM": str(tmp_path),
        "BURBLE_DATA_DIR": str(served.settings.data_dir),
    }

    async def call(*arguments: str) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            HOME / "emanagement", *arguments, env=environment, stdout=-1, stderr=-1
        )
        async with asyncio.timeout(_PATIENCE):
            out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        return out.decode().removesuffix("\n").splitlines()

    return call


DEMO, PAMELA, TERRY = "demo@localhost", "pamela-hall@localhost", "terry-alvarez@localhost"


async def linked(emanagement: Script) -> None:
    """Demo and Pamela have each other in their rosters."""
    done = await emanagement(
        "setBidireccionalBuddys", DEMO, PAMELA, "Demo", "Pamela", "SocialStream", "SocialStream"
    )
    assert done == ["Done"]


# ---- rosters


async def test_a_buddy_is_added_and_removed(emanagement: Script) -> None:
    added = await emanagement("addBuddyToRoster", DEMO, TERRY, "Terry", "SocialStream", "from")
    assert added == ["Done"]
    assert await emanagement("getRoster", DEMO) == [f"{TERRY}\tTerry\tfrom\tnone\tSocialStream"]
    assert await emanagement("removeBuddyFromRoster", DEMO, TERRY) == ["Done"]
    assert await emanagement("getRoster", DEMO) == [f"Roster not found for user {DEMO}"]


async def test_buddies_are_linked_and_unlinked(emanagement: Script) -> None:
    await linked(emanagement)
    assert await emanagement("getRoster", DEMO) == [f"{PAMELA}\tPamela\tboth\tnone\tSocialStream"]
    assert await emanagement("getRoster", PAMELA) == [f"{DEMO}\tDemo\tboth\tnone\tSocialStream"]
    assert await emanagement("checkBidirecctionalBuddys", DEMO, PAMELA) == ["true"]
    assert await emanagement("unsetBidireccionalBuddys", DEMO, PAMELA, "Pamela", "Former") == ["Done"]
    assert await emanagement("getRoster", DEMO) == [f"{PAMELA}\tPamela\tto\tnone\tFormer"]
    assert await emanagement("checkBidirecctionalBuddys", DEMO, PAMELA) == ["false"]
    again = await emanagement("unsetBidireccionalBuddys", DEMO, PAMELA, "Pamela", "Former")
    assert again == [f"{DEMO} and {PAMELA} aren't bidireccional buddys"]


async def test_who_is_no_buddy_is_not_removed(emanagement: Script) -> None:
    await linked(emanagement)
    refused = await emanagement("removeBuddyFromRoster", DEMO, TERRY)
    assert refused == [f"User {TERRY} not found in {DEMO} roster."]


async def test_users_with_rosters_are_found(emanagement: Script) -> None:
    assert await emanagement("checkUserJid", DEMO) == ["false"]
    await linked(emanagement)
    await emanagement("addBuddyToRoster", "lois-johnson@example.org", DEMO, "Demo", "Friends", "to")
    assert await emanagement("checkUserJid", DEMO) == ["true"]
    assert await emanagement("checkUserJid", TERRY) == ["false"]
    found = await emanagement("getAllUserJidsWithRosterByDomain", "localhost")
    assert sorted(found) == [DEMO, PAMELA]
    found = await emanagement("getAllUserJidsWithRosterByDomain", "all")
    assert sorted(found) == [DEMO, "lois-johnson@example.org", PAMELA]


async def test_rosters_are_printed(emanagement: Script) -> None:
    await linked(emanagement)
    line = "-" * 37
    expected = [
        *["", line, f"{DEMO} Roster", line, f"{PAMELA}\tPamela\tboth\tnone\tSocialStream", line, ""],
        *["", line, f"{PAMELA} Roster", line, f"{DEMO}\tDemo\tboth\tnone\tSocialStream", line, ""],
        "Done",
    ]
    assert await emanagement("printAllRostersByDomain", "localhost") == expected
    assert await emanagement("printAllRosters") == expected
    assert await emanagement("printAllBidirecctionalBuddysByDomain", "localhost") == [
        "This may take a while...",
        f"[{DEMO},{PAMELA}]",
        "Done",
    ]


async def test_rosters_are_removed(emanagement: Script) -> None:
    await linked(emanagement)
    lois = "lois-johnson@example.org"
    await emanagement("addBuddyToRoster", lois, DEMO, "Demo", "Friends", "to")
    assert await emanagement("removeRoster", TERRY) == [f"Roster not found for userJid {TERRY}"]
    assert await emanagement("removeRoster", DEMO) == ["Done"]
    assert sorted(await emanagement("getAllUserJidsWithRosterByDomain", "all")) == [lois, PAMELA]
    assert await emanagement("removeAllRostersByDomain", "localhost") == ["Done"]
    assert await emanagement("getAllUserJidsWithRosterByDomain", "all") == [lois]
    assert await emanagement("removeAllRosters") == ["Done"]
    assert await emanagement("getAllUserJidsWithRosterByDomain", "all") == []


# ---- stanzas


async def online(connect: Connect, served: Server, *names: str) -> list[ScriptedClient]:
    """Clients that are available."""
    clients = []
    for name in names:
        client = await connect(name, to=served)
        client.write("<presence/>")
        await client.find(lambda each: each.tag == f"{CLIENT}presence")
        clients.append(client)
    return clients


async def test_presence_is_sent(emanagement: Script, served: Server, connect: Connect) -> None:
    await linked(emanagement)
    (pamela,) = await online(connect, served, "pamela-hall/phone")
    await online(connect, served, "demo/web")
    assert await seen(pamela) == (None, None)
    assert await emanagement("getUserResource", DEMO) == ["web"]
    assert await emanagement("sendPresence", DEMO, "away") == ["Done"]
    assert await seen(pamela) == (None, "away")
    assert await emanagement("setPresence", DEMO) == ["Done"]
    assert await seen(pamela) == (None, None)
    assert await emanagement("unsetPresence", DEMO) == ["Done"]
    assert await seen(pamela) == ("unavailable", None)


async def seen(client: ScriptedClient) -> tuple[str | None, str | None]:
    """The type and the show value of the next presence of Demo that a contact sees."""
    presence = await client.find(lambda each: each.get("from") == f"{DEMO}/web")
    return presence.get("type"), presence.findtext(f"{CLIENT}show")


async def test_messages_are_sent(emanagement: Script, served: Server, connect: Connect) -> None:
    demo, pamela = await online(connect, served, "demo/web", "pamela-hall/phone")
    text = "Hello World; it costs 5 & more"
    assert await emanagement("sendMessageToUser", "SocialStream", DEMO, text) == ["Done"]
    message = await demo.next()
    assert message.get("from") == "socialstream"
    assert message.findtext(f"{CLIENT}body") == text
    for name, arguments in {
        "broadcast": f"[{DEMO},{PAMELA},{TERRY}]",
        "broadcastToConnectedUsers": f"[{DEMO},{PAMELA},{TERRY}]",
    }.items():
        assert await emanagement(name, "admin@localhost", arguments, "To all") == ["Done"]
        for client in (demo, pamela):
            message = await client.next()
            assert message.get("from") == "admin@localhost"
            assert message.findtext(f"{CLIENT}body") == "To all"
    assert await emanagement("broadcastToConnectedUsers", "admin@localhost", "all", "Really") == ["Done"]
    for client in (demo, pamela):
        assert (await client.next()).findtext(f"{CLIENT}body") == "Really"


async def test_connected_users_are_listed_and_kicked(
    emanagement: Script, served: Server, connect: Connect
) -> None:
    assert await emanagement("isEjabberdNodeStarted") == ["true"]
    assert await emanagement("getConnectedJids") == []
    demo, _ = await online(connect, served, "demo/web", "pamela-hall/phone")
    assert await emanagement("getConnectedJids") == [DEMO, PAMELA]
    assert await emanagement("getConnectedJidsByDomain", "localhost") == [DEMO, PAMELA]
    assert await emanagement("getConnectedJidsByDomain", "example.org") == []
    assert await emanagement("kickUserJid", DEMO) == ["Done"]
    assert f"{STREAMS}error" in [each.tag for each in await demo.closed()]
    assert await emanagement("getConnectedJids") == [PAMELA]
    assert await emanagement("getUserResource", DEMO) == [f"{DEMO} no have any active session"]


async def test_a_server_that_is_not_there_is_not_started(emanagement: Script, served: Server) -> None:
    await served.stop()
    assert await emanagement("isEjabberdNodeStarted") == ["false"]


# ---- rooms


async def test_rooms_are_made_listed_and_destroyed(emanagement: Script) -> None:
    assert await emanagement("createRoom", "lobby", "localhost") == ["Done"]
    assert await emanagement("createPersistentRoom", "library", "localhost") == ["Done"]
    assert await emanagement("createPersistentRoom", "garden", "example.org") == ["Done"]
    here = ["library@conference.localhost", "lobby@conference.localhost"]
    everywhere = ["garden@conference.example.org", *here]
    assert sorted(await emanagement("printAllRoomsByDomain", "localhost")) == here
    assert sorted(await emanagement("printAllRooms")) == everywhere
    assert await emanagement("destroyRoom", "lobby", "localhost") == ["Done"]
    assert await emanagement("printAllRoomsByDomain", "localhost") == [here[0]]
    assert await emanagement("destroyAllRoomsByDomain", "localhost") == ["Done"]
    assert await emanagement("printAllRoomsByDomain", "all") == [everywhere[0]]


async def test_the_affiliations_of_a_room_are_told_and_set(emanagement: Script) -> None:
    await emanagement("createPersistentRoom", "library", "localhost")
    set_ = await emanagement("setJidAffiliationOfRoom", "library", "localhost", DEMO, "admin")
    assert set_ == ["Done"]
    await emanagement("setJidAffiliationOfRoom", "library", "localhost", PAMELA, "outcast")
    told = await emanagement("getAffiliationsOfRoom", "library", "localhost")
    assert sorted(zip(told[::2], told[1::2], strict=True)) == [(DEMO, "admin"), (PAMELA, "outcast")]
    await emanagement("setJidAffiliationOfRoom", "library", "localhost", PAMELA, "none")
    assert await emanagement("getAffiliationsOfRoom", "library", "localhost") == [DEMO, "admin"]


async def test_the_occupants_of_a_room_are_told(
    emanagement: Script, served: Server, connect: Connect
) -> None:
    demo, pamela = await online(connect, served, "demo/web", "pamela-hall/phone")
    await emanagement("createRoom", "library", "localhost")
    for client, nick in ((demo, "Demo"), (pamela, "Pamela")):
        client.write(
            f"<presence to='library@conference.localhost/{nick}'>"
            "<x xmlns='http://jabber.org/protocol/muc'/></presence>"
        )
        await client.find(lambda each: each.tag == f"{CLIENT}message")
    assert sorted(await emanagement("getAllJidsOfRoom", "library", "localhost")) == [DEMO, PAMELA]


# ---- bad input


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["getRoster", "nobody@localhost"], "Roster not found for user nobody@localhost"),
        (["getRoster", "demo"], "Syntax error"),
        (["checkUserJid", "nobody@localhost"], "false"),
        (["getRoster"], "Error: Params required for command getRoster: 1"),
        (["noSuchThing"], "Error: Command not recognized"),
        (["addBuddyToRoster", "nobody@localhost", TERRY, "Terry", "Friends", "both"], "Done"),
        (["addBuddyToRoster", DEMO, TERRY, "Terry", "Friends", "all"], "Done"),
    ],
)
async def test_bad_input_breaks_nothing(
    served: Server, emanagement: Script, arguments: list[str], said: str
) -> None:
    assert (await emanagement(*arguments))[0] == said
    assert await emanagement("getAllUserJidsWithRosterByDomain", "all") == []
