"""The program `emanagement`, which prints what the guide of Social Stream shows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from burble.faces.emanagement import main
from burble.faces.emanagement.functions import FUNCTIONS
from burble.server import Server
from tests.client import CLIENT, STREAMS, ScriptedClient
from tests.conftest import Connect, Serve
from tests.faces.programs import Ended, burblectl, run

DEMO, PAMELA, TERRY, LOIS = (
    f"{name}@localhost" for name in ("demo", "pamela-hall", "terry-alvarez", "lois-johnson")
)
ELSEWHERE = "jacqueline-moore@example.org"
LINE = "-" * 37
DONE = Ended(0, "Done\n", "")

Call = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def served(serve: Serve) -> Server:
    """A server with the users of the guide."""
    server = await serve(hosts=["localhost", "example.org"])
    for jid in (DEMO, PAMELA, TERRY, LOIS, ELSEWHERE):
        user, _, host = jid.partition("@")
        await server.hosts[host].register(user, "secret")
    return server


@pytest.fixture
def call(served: Server) -> Call:
    """Calls a function as the console script does, in a thread: a process each would take a minute."""
    at = ("--data-dir", str(served.settings.data_dir))

    def emanagement(arguments: tuple[str, ...]) -> Ended:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([*at, *arguments])
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out.getvalue(), err.getvalue())

    async def call(*arguments: str) -> Ended:
        return await asyncio.to_thread(emanagement, arguments)

    return call


def printed(*lines: str) -> Ended:
    """How a function ends that prints these lines."""
    return Ended(0, "".join(f"{line}\n" for line in lines), "")


async def link(call: Call, a: str, nick_a: str, b: str, nick_b: str) -> None:
    """Put two users into each other's rosters."""
    assert await call("setBidireccionalBuddys", a, b, nick_a, nick_b, "SocialStream", "SocialStream") == DONE


# ---- rosters


async def test_the_roster_of_the_guide(call: Call) -> None:
    await link(call, DEMO, "Demo", PAMELA, "Pamela")
    await link(call, DEMO, "Demo", TERRY, "Terry")
    await link(call, DEMO, "Demo", LOIS, "Lois")
    assert await call("getRoster", DEMO) == printed(
        "lois-johnson@localhost Lois both none SocialStream",
        "pamela-hall@localhost Pamela both none SocialStream",
        "terry-alvarez@localhost Terry both none SocialStream",
    )


async def test_all_rosters_of_a_domain_as_the_guide_prints_them(call: Call) -> None:
    await link(call, DEMO, "Demo", PAMELA, "Pamela")
    await call("addBuddyToRoster", ELSEWHERE, DEMO, "Demo", "Friends", "from")
    here = [
        *("", LINE, "demo Roster", LINE, f"{PAMELA} Pamela both none SocialStream", LINE, ""),
        *("", LINE, "pamela-hall Roster", LINE, f"{DEMO} Demo both none SocialStream", LINE, ""),
        "Done",
    ]
    assert await call("printAllRostersByDomain", "localhost") == printed(*here)
    everywhere = await call("printAllRosters")
    for jid in (DEMO, PAMELA, ELSEWHERE):
        assert f"\n{LINE}\n{jid} Roster\n{LINE}\n" in everywhere.out


async def test_a_contact_in_several_groups_has_several_lines(call: Call) -> None:
    assert await call("addBuddyToRoster", DEMO, TERRY, "Terry A.", "Friends;Work", "from") == DONE
    assert await call("getRoster", DEMO) == printed(
        f"{TERRY} Terry A. from none Friends", f"{TERRY} Terry A. from none Work"
    )


async def test_whether_users_are_linked(call: Call) -> None:
    assert await call("checkBidirecctionalBuddys", DEMO, PAMELA) == printed("false")
    await link(call, DEMO, "Demo", PAMELA, "Pamela")
    assert await call("checkBidirecctionalBuddys", DEMO, PAMELA.upper()) == printed("true")
    assert await call("printAllBidirecctionalBuddysByDomain", "localhost") == printed(
        "This may take a while...", f"[{DEMO},{PAMELA}]", "Done"
    )
    assert await call("unsetBidireccionalBuddys", DEMO, PAMELA, "Pamela", "Former") == DONE
    assert await call("checkBidirecctionalBuddys", DEMO, PAMELA) == printed("false")
    assert await call("getRoster", DEMO) == printed(f"{PAMELA} Pamela to none Former")
    assert await call("unsetBidireccionalBuddys", DEMO, PAMELA, "Pamela", "Former") == printed(
        f"{DEMO} and {PAMELA} aren't bidireccional buddys"
    )


async def test_contacts_and_rosters_are_removed(call: Call) -> None:
    await link(call, DEMO, "Demo", PAMELA, "Pamela")
    await call("addBuddyToRoster", ELSEWHERE, DEMO, "Demo", "Friends", "from")
    assert await call("removeBuddyFromRoster", DEMO, TERRY) == printed(
        f"User {TERRY} not found in {DEMO} roster."
    )
    assert await call("checkUserJid", DEMO) == printed("true")
    assert await call("removeBuddyFromRoster", DEMO, PAMELA) == DONE
    assert await call("checkUserJid", DEMO) == printed("false")
    assert await call("removeRoster", DEMO) == printed(f"Roster not found for userJid {DEMO}")
    assert await call("getAllUserJidsWithRosterByDomain", "localhost") == printed(PAMELA)
    assert await call("removeRoster", PAMELA) == DONE
    assert await call("getAllUserJidsWithRosterByDomain", "all") == printed(ELSEWHERE)
    await link(call, DEMO, "Demo", PAMELA, "Pamela")
    assert await call("removeAllRostersByDomain", "localhost") == DONE
    assert await call("getAllUserJidsWithRosterByDomain", "all") == printed(ELSEWHERE)
    assert await call("removeAllRosters") == DONE
    assert await call("getAllUserJidsWithRosterByDomain", "all") == printed()


async def test_a_name_is_no_pattern(call: Call, served: Server) -> None:
    for user in ("d*", "demo*", "d?mo"):
        await served.hosts["localhost"].register(user, "secret")
    for jid in (DEMO, "d*@localhost"):
        await call("addBuddyToRoster", jid, PAMELA, "Pamela", "Friends", "to")
    assert await call("removeRoster", "d*@localhost") == DONE
    assert await call("getAllUserJidsWithRosterByDomain", "localhost") == printed(DEMO)


# ---- sessions, and what is sent


async def test_stanzas_are_sent(call: Call, served: Server, connect: Connect) -> None:
    demo = await connect("demo/web", to=served)
    assert await call("getUserResource", DEMO) == printed("web")
    assert await call("setPresence", DEMO) == DONE
    assert await shown(demo) == (None, None)
    assert await call("sendPresence", DEMO, "away") == DONE
    assert await shown(demo) == (None, "away")
    assert await call("sendMessageToUser", "SocialStream", DEMO, "Hello World <&>'") == DONE
    message = await demo.next()
    assert message.get("from") == "socialstream"
    assert message.findtext(f"{CLIENT}body") == "Hello World <&>'"
    assert await call("unsetPresence", DEMO) == DONE
    assert await shown(demo) == ("unavailable", None)


async def shown(client: ScriptedClient) -> tuple[str | None, str | None]:
    """The type and the show value of a client's own presence, which comes back to it."""
    presence = await client.next()
    return presence.get("type"), presence.findtext(f"{CLIENT}show")


async def test_messages_to_many(call: Call, served: Server, connect: Connect) -> None:
    admin = "admin@localhost"
    clients = {jid: await connect(jid.replace("@localhost", "/web"), to=served) for jid in (DEMO, PAMELA)}
    for client in clients.values():
        client.write("<presence/>")
        await client.next()

    async def heard(*jids: str) -> None:
        for jid, client in clients.items():
            if jid in jids:
                assert (await client.next()).findtext(f"{CLIENT}body") == "Hi"
            await client.nothing()

    assert await call("broadcast", admin, f"[{DEMO}, {PAMELA}]", "Hi") == DONE
    await heard(DEMO, PAMELA)
    assert await call("broadcastToConnectedUsers", admin, f"[{DEMO},{TERRY}]", "Hi") == DONE
    await heard(DEMO)
    assert await call("broadcastToConnectedUsers", admin, "all", "Hi") == DONE
    await heard(DEMO, PAMELA)


async def test_who_is_connected(call: Call, served: Server, connect: Connect) -> None:
    assert await call("getConnectedJids") == printed()
    demo = await connect("demo/web", to=served)
    await connect("demo/phone", to=served)
    await connect("pamela-hall/web", to=served)
    assert await call("getConnectedJids") == printed(DEMO, DEMO, PAMELA)
    assert await call("getConnectedJidsByDomain", "localhost") == printed(DEMO, DEMO, PAMELA)
    assert await call("getConnectedJidsByDomain", "example.org") == printed()
    assert await call("kickUserJid", DEMO) == DONE
    assert f"{STREAMS}error" in [each.tag for each in await demo.closed()]
    assert await call("getConnectedJids") == printed(PAMELA)


async def test_whether_the_server_runs(call: Call, served: Server) -> None:
    assert await call("isEjabberdNodeStarted") == printed("true")
    await served.stop()
    assert await call("isEjabberdNodeStarted") == printed("false")
    ended = await call("getRoster", DEMO)
    assert ended.status == 3
    assert ended.err.startswith("emanagement: the server is not running")


# ---- rooms


async def test_rooms(call: Call, served: Server, connect: Connect) -> None:
    hall, garden = "hall@conference.localhost", "garden@conference.example.org"
    assert await call("createRoom", "hall", "localhost") == DONE
    assert await call("createPersistentRoom", "garden", "example.org") == DONE
    assert await call("printAllRooms") == printed(hall, garden)
    assert await call("printAllRoomsByDomain", "example.org") == printed(garden)
    assert await call("setJidAffiliationOfRoom", "hall", "localhost", DEMO, "Owner") == DONE
    assert await call("getAffiliationsOfRoom", "hall", "localhost") == printed(DEMO, "owner")
    demo = await connect("demo/web", to=served)
    demo.write(f"<presence to='{hall}/Demo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await demo.find(lambda each: each.tag == f"{CLIENT}message")
    assert await call("getAllJidsOfRoom", "hall", "localhost") == printed(DEMO)
    assert await call("destroyRoom", "hall", "localhost") == DONE
    assert await call("destroyAllRoomsByDomain", "localhost") == DONE
    assert await call("printAllRooms") == printed(garden)
    assert await call("destroyAllRooms") == DONE
    assert await call("printAllRooms") == printed()


# ---- how it is called


async def test_it_is_a_program(served: Server) -> None:
    directory = served.settings.data_dir
    program = Path(sys.executable).with_name("emanagement")
    ended = await run(program, "--data-dir", str(directory), "checkUserJid", DEMO, directory=directory)
    assert ended == printed("false")


async def test_burblectl_calls_it_too(served: Server) -> None:
    directory = served.settings.data_dir
    at = ("--data-dir", str(directory), "emanagement")
    added = await burblectl(directory, *at, "addBuddyToRoster", DEMO, TERRY, "Terry", "Friends", "both")
    assert added == DONE
    assert await burblectl(directory, *at, "getRoster", DEMO) == printed(f"{TERRY} Terry both none Friends")
    assert (await burblectl(directory, *at)).out.startswith("-" * 24 + "\nCommand list\n")


async def test_an_account_calls_with_its_permissions(call: Call) -> None:
    refused = await call("--auth", "demo", "localhost", "wrong", "getRoster", DEMO)
    assert refused.status == 1
    assert refused.err.startswith("emanagement: ")


async def test_help(call: Call) -> None:
    for arguments in (["help"], [], ["--help"]):
        ended = await call(*arguments)
        assert ended.status == 0
        listed = ended.out.splitlines()
        assert listed[3] == "addBuddyToRoster userJid buddyJid buddyNick buddyGroup subscription_type"
        assert [line.split()[0] for line in listed[3:-1]] == list(FUNCTIONS)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["getRooster", DEMO], 2, "Error: Command not recognized"),
        (["getRoster"], 2, "Syntax for command getRoster\ngetRoster userJid\n"),
        (["removeAllRosters", "all"], 2, "Error: Params required for command removeAllRosters: 0"),
        (["getRoster", "nobody@localhost"], 0, "Roster not found for user nobody@localhost\n"),
        (["checkUserJid", "nobody@localhost"], 0, "false\n"),
        (["getUserResource", DEMO], 0, f"{DEMO} no have any active session\n"),
        (["setPresence", DEMO], 1, f"emanagement: {DEMO} no have any active session\n"),
        (["kickUserJid", DEMO], 1, f"emanagement: {DEMO} no have any active session\n"),
        (["getRoster", "demo"], 2, "emanagement: demo: expected an address such as demo@localhost\n"),
        (["getRoster", "demo@nowhere.example"], 1, "nowhere.example is not served here"),
        (["getRoster", "de mo@localhost"], 2, "got 'de mo'\n"),
        (["addBuddyToRoster", DEMO, TERRY, "Terry", "Friends", "all"], 2, "emanagement: subs: expected"),
        (["addBuddyToRoster", "nobody@localhost", TERRY, "T", "F", "both"], 1, "there is no account nobody@"),
        (["addBuddyToRoster", DEMO, "a@b@c", "T", "F", "both"], 2, "emanagement: "),
        (["sendPresence", DEMO, "away"], 1, "no have any active session"),
        (["sendMessageToUser", "a@@b", DEMO, "Hi"], 2, "emanagement: from"),
        (["broadcast", "admin@localhost", DEMO, "Hi"], 2, "expected a list such as"),
        (["createRoom", "hall", "nowhere.example"], 1, "emanagement: "),
        (["destroyRoom", "hall", "localhost"], 1, "emanagement: "),
        (["setJidAffiliationOfRoom", "hall", "localhost", DEMO, "king"], 2, "emanagement: affiliation: "),
    ],
)
async def test_bad_input(call: Call, arguments: list[str], status: int, said: str) -> None:
    ended = await call(*arguments)
    assert ended.status == status, ended
    assert said in ended.out + ended.err
    assert "Traceback" not in ended.err
