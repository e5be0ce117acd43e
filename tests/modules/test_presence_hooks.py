"""The module `presence_hooks`: a program is told who connects, disconnects and changes status."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from burble.config import ConfigError
from burble.modules.presence_hooks.notices import Notice
from burble.modules.presence_hooks.outbox import Limits, Outbox
from burble.modules.presence_hooks.program import Program as Told
from burble.server import Server
from burble.testing import settings
from tests.client import CLIENT, ScriptedClient
from tests.conftest import Connect, Serve
from tests.modules.told import Program

Make = Callable[..., Awaitable[Program]]


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes the program that is told; once only."""
    made: list[Program] = []

    async def make(body: str = 'tell "$*"') -> Program:
        made.append(Program(tmp_path / "program", body))
        return await made[0].listen()

    yield make
    for each in made:
        each.close()


async def hooked(serve: Serve, program: Program, **options: Any) -> Server:
    """A server that tells a program."""
    told = {"program": [str(program.path)], "reset": False, "pause": 0.01, **options}
    return await serve(modules={"load": ["presence_hooks"], "presence_hooks": told})


async def show(client: ScriptedClient, presence: str) -> None:
    """Send a presence; once it has come back, all is done that it brings about."""
    client.write(presence)
    await client.find(lambda each: each.tag == f"{CLIENT}presence")


async def test_a_program_is_told_as_mod_sspresence_told_it(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program()
    server = await hooked(serve, told, reset=True)
    assert await told.next() == "resetConnection"
    juliet = await connect("juliet/balcony", to=server)
    assert await told.next() == "setConnection juliet@localhost"
    await show(juliet, "<presence/>")
    assert await told.next() == "setPresence juliet@localhost chat"
    for show_ in ("away", "xa", "dnd", "chat"):
        await show(juliet, f"<presence><show>{show_}</show></presence>")
        assert await told.next() == f"setPresence juliet@localhost {show_}"
    await show(juliet, "<presence type='unavailable'/>")
    assert await told.next() == "unsetPresence juliet@localhost"
    await juliet.close()
    assert await told.next() == "unsetConnection juliet@localhost"


async def test_the_environment_has_the_status_as_it_was_written(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program('tell "$#|$BURBLE_EVENT|$BURBLE_HOST|$BURBLE_JID|$BURBLE_SHOW|$BURBLE_STATUS"')
    server = await hooked(serve, told)
    await server.hosts["localhost"].register("a$(id);b", "secret")
    stranger = await connect("a$(id);b/home", to=server)
    assert await told.next() == "2|setConnection|localhost|a$(id);b@localhost||"
    await show(stranger, '<presence><status>`id` &amp; "$HOME" \'; -- *</status></presence>')
    assert await told.next() == (
        '3|setPresence|localhost|a$(id);b@localhost|available|`id` & "$HOME" \'; -- *'
    )
    await show(stranger, f"<presence><show>bored</show><status>{'x' * 200_000}</status></presence>")
    assert await told.next() == f"3|setPresence|localhost|a$(id);b@localhost|available|{'x' * 1000}"


async def test_only_changes_and_only_broadcast_ones_are_told(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program()
    server = await hooked(serve, told)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence><show>away</show></presence>")
    await show(juliet, "<presence><show>away</show><c xmlns='http://jabber.org/protocol/caps'/></presence>")
    juliet.write("<presence to='romeo@localhost'><show>dnd</show></presence>")
    juliet.write("<presence><show>dnd</show><priority>high</priority></presence>")
    juliet.write("<presence type='subscribe' to='nurse@localhost'/>")
    await juliet.sync()
    await juliet.close()
    assert await told.some(3) == [
        "setConnection juliet@localhost",
        "setPresence juliet@localhost away",
        "unsetConnection juliet@localhost",
    ]


async def test_an_account_is_gone_when_its_last_client_is(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program()
    server = await hooked(serve, told)
    balcony = await connect("juliet/balcony", to=server)
    chamber = await connect("juliet/chamber", to=server)
    await show(balcony, "<presence/>")
    await show(chamber, "<presence><show>away</show></presence>")
    await show(chamber, "<presence type='unavailable'/>")
    await chamber.close()
    await show(balcony, "<presence type='unavailable'/>")
    await balcony.close()
    assert await told.some(6) == [
        "setConnection juliet@localhost",
        "setConnection juliet@localhost",
        "setPresence juliet@localhost chat",
        "setPresence juliet@localhost away",
        "unsetPresence juliet@localhost",
        "unsetConnection juliet@localhost",
    ]


async def test_a_program_that_hangs_stops_neither_streams_nor_other_accounts(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program('case "$*" in set*juliet*) read _ < "$GO";; esac; tell "$*"')
    server = await hooked(serve, told, timeout=60)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    romeo = await connect("romeo/orchard", to=server)
    await show(romeo, "<presence/>")
    assert await told.some(2) == ["setConnection romeo@localhost", "setPresence romeo@localhost chat"]
    await juliet.close()
    for line in (
        "setConnection juliet@localhost",
        "setPresence juliet@localhost chat",
        "unsetConnection juliet@localhost",
    ):
        told.go()
        assert await told.next() == line


async def test_no_more_programs_run_at_once_than_may(serve: Serve, connect: Connect, program: Make) -> None:
    told = await program('tell "begins $*"; read _ < "$GO"; tell "ends $*"')
    server = await hooked(serve, told, timeout=60, at_once=1)
    await connect("juliet/balcony", to=server)
    await connect("romeo/orchard", to=server)
    assert await told.next() == "begins setConnection juliet@localhost"
    told.go()
    assert await told.some(2) == [
        "ends setConnection juliet@localhost",
        "begins setConnection romeo@localhost",
    ]
    told.go()
    assert await told.next() == "ends setConnection romeo@localhost"


async def test_what_fails_is_tried_again_in_its_place(
    serve: Serve, connect: Connect, program: Make, caplog: pytest.LogCaptureFixture
) -> None:
    told = await program(
        'count=$(wc -l < "$0.tries" 2>/dev/null || echo 0); echo >> "$0.tries"\ntell "$*"; [ "$count" -ge 2 ]'
    )
    caplog.set_level("INFO", "burble.presence_hooks")
    server = await hooked(serve, told)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    assert await told.some(4) == [
        *["setConnection juliet@localhost"] * 3,
        "setPresence juliet@localhost chat",
    ]
    await server.stop()
    said = [each.getMessage() for each in caplog.records if each.name == "burble.presence_hooks"]
    assert said == [f"{told.path} ended with status 1", f"{told.path} works again"]


async def test_what_fails_again_and_again_is_given_up(serve: Serve, connect: Connect, program: Make) -> None:
    told = await program('tell "$*"; case "$*" in setC*) kill -9 $$;; esac')
    server = await hooked(serve, told, retries=2)
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    assert await told.some(4) == [
        *["setConnection juliet@localhost"] * 3,
        "setPresence juliet@localhost chat",
    ]


async def test_a_program_that_hangs_is_ended_with_all_it_started(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program('case "$*" in setC*) sleep 100 & tell "$!"; wait;; esac; tell "$*"')
    server = await hooked(serve, told, timeout=0.3, retries=0)
    juliet = await connect("juliet/balcony", to=server)
    child = int(await told.next())
    await show(juliet, "<presence/>")
    assert await told.next() == "setPresence juliet@localhost chat"
    assert not _runs(child)


async def test_a_program_that_is_not_there_is_named_once(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"program": ["/nowhere/program"], "retries": 3, "pause": 0}
    server = await serve(modules={"load": ["presence_hooks"], "presence_hooks": options})
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence/>")
    await server.stop()
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert warnings == ["/nowhere/program can't be started: no such file or directory"]


async def test_accounts_left_out_for_want_of_room_are_told_as_they_are_in_the_end(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program('read _ < "$GO"; tell "$*"')
    server = await hooked(serve, told, timeout=60, waiting=1)
    nurse = await connect("nurse/kitchen", to=server)  # takes all the room there is
    juliet = await connect("juliet/balcony", to=server)
    for show_ in ("away", "dnd", "xa"):
        await show(juliet, f"<presence><show>{show_}</show></presence>")
    romeo = await connect("romeo/orchard", to=server)
    await romeo.close()
    await nurse.sync()
    lines = []
    for _ in range(4):
        told.go()
        lines.append(await told.next())
    assert lines == [
        "setConnection nurse@localhost",
        "setConnection juliet@localhost",
        "setPresence juliet@localhost xa",
        "unsetConnection romeo@localhost",
    ]


async def test_who_is_connected_already_is_told_when_the_module_is_loaded(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program()
    server = await serve()
    juliet = await connect("juliet/balcony", to=server)
    await show(juliet, "<presence><show>away</show></presence>")
    options = {"load": ["presence_hooks"], "presence_hooks": {"program": [str(told.path)]}}
    common = {"database": server.settings.database.model_dump()}
    home = server.settings.data_dir
    assert await server.reload(settings(home, **common, modules=options)) == []
    assert await told.some(3) == [
        "resetConnection",
        "setConnection juliet@localhost",
        "setPresence juliet@localhost away",
    ]
    await server.reload(settings(home, **common))
    await show(juliet, "<presence/>")
    await server.reload(settings(home, **common, modules=options))
    assert await told.some(3) == [
        "resetConnection",
        "setConnection juliet@localhost",
        "setPresence juliet@localhost chat",
    ]


async def test_a_server_that_stops_tells_who_was_connected(
    serve: Serve, connect: Connect, program: Make
) -> None:
    told = await program()
    server = await hooked(serve, told)
    await connect("juliet/balcony", to=server)
    assert await told.next() == "setConnection juliet@localhost"
    await server.stop()
    assert await told.next() == "unsetConnection juliet@localhost"


async def test_a_server_that_stops_does_not_wait_for_a_program_that_hangs(program: Make) -> None:
    told = await program('tell "$$"; read _ < "$GO"')
    limits = Limits(waiting=10, at_once=1, timeout=60, retries=9, pause=60, farewell=0.1)
    outbox = Outbox(Told([str(told.path)]), limits, lambda jid: ())
    outbox.begin(None)
    outbox.put(Notice("setConnection", "localhost", "juliet@localhost"))
    pid = int(await told.next())
    async with asyncio.timeout(5):
        await outbox.close()
    assert not _runs(pid)


class Patient:
    """Somebody who takes time to hear of a reset."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.ready = asyncio.Event()

    async def tell(self, notice: Notice) -> None:
        self.told.append(notice.name)
        if notice.name == "resetConnection":
            await self.ready.wait()

    async def close(self) -> None:
        """There is nothing to let go of."""


async def test_nothing_is_told_before_the_reset_is_done() -> None:
    target = Patient()
    limits = Limits(waiting=10, at_once=4, timeout=60, retries=0, pause=0)
    outbox = Outbox(target, limits, lambda jid: ())
    outbox.begin(Notice("resetConnection", "localhost"))
    outbox.put(Notice("setConnection", "localhost", "juliet@localhost"))
    for _ in range(10):
        await asyncio.sleep(0)  # all that can be done is done
    assert target.told == ["resetConnection"]
    target.ready.set()
    await outbox.close()
    assert target.told == ["resetConnection", "setConnection"]


async def test_a_server_that_stops_tries_nothing_again(program: Make) -> None:
    told = await program('tell "$*"; false')
    limits = Limits(waiting=10, at_once=1, timeout=60, retries=9, pause=60, farewell=60)
    outbox = Outbox(Told([str(told.path)]), limits, lambda jid: ())
    outbox.begin(None)
    outbox.put(Notice("setConnection", "localhost", "juliet@localhost"))
    outbox.put(Notice("unsetConnection", "localhost", "juliet@localhost"))
    assert await told.next() == "setConnection juliet@localhost"
    async with asyncio.timeout(5):
        await outbox.close()
    assert await told.next() == "unsetConnection juliet@localhost"


async def test_the_log_tells_where_nobody_is_told(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    await serve(modules={"load": ["presence_hooks"]})
    assert "neither a program nor a url" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("program", "/opt/told --now"),
        ("url", "ftp://localhost/"),
        ("url", "http://user:secret@localhost/"),
        ("style", "xml"),
        ("timeout", 0),
        ("retries", -1),
        ("at_once", 0),
        ("waiting", 0),
        ("progam", []),
    ],
)
async def test_a_wrong_option_is_named(serve: Serve, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"modules\.presence_hooks\.{key}"):
        await serve(modules={"load": ["presence_hooks"], "presence_hooks": {key: value}})


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return os.path.exists(f"/proc/{pid}")
