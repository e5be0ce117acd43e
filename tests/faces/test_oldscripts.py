"""Scripts for ejabberd 2 and its mod_admin_extra, through the link `ejabberdctl`."""

from __future__ import annotations

from burble.server import Server
from tests.faces.programs import Ended, ejabberdctl

DONE = Ended(0, "", "")


async def ctl(server: Server, line: str) -> Ended:
    """Give a command, in words, to a server of this process."""
    directory = server.settings.data_dir
    return await ejabberdctl(directory, "--data-dir", str(directory), *line.split())


async def test_affiliations_are_set_and_told_as_they_were_and_as_they_are(server: Server) -> None:
    assert await ctl(server, "create_room hall conference.localhost localhost") == DONE
    room = "hall conference.localhost"
    assert await ctl(server, f"set_room_affiliation {room} juliet@localhost admin") == DONE
    assert await ctl(server, f"set_room_affiliation {room} romeo localhost member") == DONE
    old = "juliet\tlocalhost\tadmin\t\nromeo\tlocalhost\tmember\t\n"
    assert await ctl(server, f"get_room_affiliations {room}") == Ended(0, old, "")
    new = "juliet@localhost\tadmin\t\nromeo@localhost\tmember\t\n"
    assert await ctl(server, f"--version 3 get-room-affiliations {room}") == Ended(0, new, "")
    short = await ctl(server, f"set_room_affiliation {room} juliet@localhost")
    assert (short.status, short.out.splitlines()[-1]) == (
        2,
        "Error: the command 'set_room_affiliation' requires 2 more argument.",
    )


async def test_a_room_is_destroyed_with_and_without_its_host(server: Server) -> None:
    for name in ("hall", "tomb"):
        await ctl(server, f"create_room {name} conference.localhost localhost")
    assert await ctl(server, "destroy_room hall conference.localhost localhost") == DONE
    tomb = Ended(0, "tomb@conference.localhost\n", "")
    assert await ctl(server, "muc_online_rooms localhost") == tomb
    assert await ctl(server, "muc-online-rooms conference.localhost") == tomb
    assert await ctl(server, "muc_online_rooms global") == tomb
    assert await ctl(server, "destroy_room tomb conference.localhost") == DONE
    assert await ctl(server, "muc_online_rooms global") == DONE


async def test_what_is_found_in_rosters_is_told_twice(server: Server) -> None:
    assert await ctl(server, "add-rosteritem juliet localhost romeo localhost Romeo Friends both") == DONE
    assert await ctl(server, "add_rosteritem romeo localhost nurse localhost Nurse Friends to") == DONE
    found = await ctl(server, "process_rosteritems list any any juliet@localhost any")
    assert found.out == (
        "There are 2 roster items in total.\n"
        "Matches: juliet@localhost romeo@localhost\n"
        "juliet@localhost\tromeo@localhost\n"
    )
    nothing = await ctl(server, "process_rosteritems list from any any any")
    assert nothing == Ended(0, "There are 2 roster items in total.\n", "")
