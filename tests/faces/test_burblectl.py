"""The program `burblectl`, against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import socket
import stat
import sys
from pathlib import Path

import pytest

from burble import __version__
from burble.commands import command
from burble.commands.progress import report
from burble.server import Server
from burble.testing import serving
from tests.conftest import Serve
from tests.faces.programs import Ended, burblectl, run


async def ctl(server: Server, *arguments: str) -> Ended:
    """Give a command to a server of this process."""
    directory = server.settings.data_dir
    return await burblectl(directory, "--data-dir", str(directory), *arguments)


async def test_a_command_that_is_done(server: Server) -> None:
    ended = await ctl(server, "register", "mercutio", "localhost", "-secret")
    assert ended == Ended(0, "User mercutio@localhost successfully registered\n", "")
    ended = await ctl(server, "registered-users", "localhost")
    assert ended == Ended(0, "juliet\nmercutio\nnurse\nromeo\n", "")


async def test_a_result_as_json(server: Server) -> None:
    ended = await ctl(server, "--json", "status")
    assert json.loads(ended.out)["hosts"] == ["localhost"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["register", "juliet", "localhost", "x"], 1, "burblectl: juliet@localhost is already registered\n"),
        (
            ["register", "juliet"],
            2,
            "password: this argument is needed\nusage: register USER HOST PASS",
        ),
        (["conected_users"], 2, "there is no command 'conected_users'; did you mean connected_users"),
    ],
)
async def test_a_command_that_is_not_done(
    server: Server, arguments: list[str], status: int, said: str
) -> None:
    ended = await ctl(server, *arguments)
    assert (ended.status, ended.out) == (status, "")
    assert said in ended.err


async def test_no_server(tmp_path: Path) -> None:
    (tmp_path / "burble.toml").write_text('data_dir = "data"\n')
    ended = await burblectl(tmp_path, "status")
    assert ended.status == 3
    assert ended.err.startswith(f"burblectl: the server is not running: nobody listens on {tmp_path}/data/")


async def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    ended = await burblectl(tmp_path, "--config", "no.toml", "status")
    assert ended == Ended(
        1, "", "burblectl: the settings file no.toml can't be read: No such file or directory\n"
    )


async def test_stop(server: Server) -> None:
    assert await ctl(server, "stop") == Ended(0, "", "")
    assert server.hosts == {}


async def test_only_the_servers_user_may_connect(server: Server) -> None:
    mode = (server.settings.data_dir / "burble.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_data_directory_with_a_long_name(tmp_path: Path) -> None:
    """A socket's path has at most 107 bytes, a directory's 4,095."""
    directory = tmp_path / ("d" * 120) / ("e" * 120)
    async with serving(directory) as server:
        ended = await ctl(server, "connected_users_number")
        assert ended == Ended(0, "0\n", "")


# ---- options


async def test_accounts_call_with_their_own_permissions(serve: Serve) -> None:
    server = await serve(
        admins=["juliet@localhost"],
        api={
            "permissions": {
                "admins": {},
                "helpers": {"interfaces": ["burblectl"], "who": ["nurse@localhost"], "what": ["connected_*"]},
                "afar": {"interfaces": ["rest"], "who": ["romeo@localhost"]},
            }
        },
    )
    for user in ("juliet", "romeo", "nurse"):
        await server.hosts["localhost"].register(user, "secret")

    async def call(user: str, password: str, *command: str) -> Ended:
        return await ctl(server, "--auth", user, "localhost", password, *command)

    users = Ended(0, "juliet\nnurse\nromeo\n", "")
    assert await call("juliet", "secret", "registered_users", "localhost") == users
    assert await call("nurse", "secret", "connected_users_number") == Ended(0, "0\n", "")
    refused = await call("nurse", "secret", "unregister", "romeo", "localhost")
    assert (refused.status, refused.out) == (1, "")
    assert re.search("unregister is not allowed: .*\n.* api.permissions.* would have to have", refused.err)
    for user, password in (("juliet", "wrong"), ("mercutio", "secret"), ("juliet", "")):
        refused = await call(user, password, "unregister", "romeo", "localhost")
        assert (refused.status, refused.out) == (1, "")
        assert "the account or its password is wrong" in refused.err
    assert (await call("romeo", "secret", "connected_users_number")).status == 1
    assert await server.hosts["localhost"].authenticator.exists("romeo")


@pytest.mark.parametrize("node", ["burble@localhost", "ejabberd@localhost", "burble", socket.gethostname()])
async def test_our_own_node(server: Server, node: str) -> None:
    node = node if node.startswith(("burble", "ejabberd")) else f"burble@{node}"
    assert await ctl(server, "--node", node, "connected_users_number") == Ended(0, "0\n", "")


async def test_another_node(server: Server) -> None:
    ended = await ctl(server, "--node", "burble@elsewhere.example", "stop")
    assert ended == Ended(
        3, "", "burblectl: there is no node burble@elsewhere.example here; leave --node out\n"
    )
    assert "localhost" in server.hosts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--colour", "status"], "there is no option --colour; burblectl --help lists them"),
        (["--config"], "--config: expected one value"),
        (["--auth", "juliet", "localhost"], "--auth: expected USER HOST PASSWORD"),
        (["--json=yes", "status"], "--json: expected no value"),
        (["started", "now"], "usage: started"),
        (["link_ejabberdctl"], "usage: link_ejabberdctl DIRECTORY"),
    ],
)
async def test_wrong_options(tmp_path: Path, arguments: list[str], said: str) -> None:
    assert await burblectl(tmp_path, *arguments) == Ended(2, "", f"burblectl: {said}\n")


async def test_options_in_other_forms(server: Server) -> None:
    directory = server.settings.data_dir
    ended = await burblectl(directory, f"--data-dir={directory}", "--", "connected_users_number")
    assert ended == Ended(0, "0\n", "")
    assert (await burblectl(directory, "--version")).out == f"burblectl {__version__}\n"
    assert (await burblectl(directory, "--help")).out.startswith("Usage: burblectl [OPTION...] COMMAND")


# ---- help


async def test_help_by_tag(server: Server) -> None:
    listed = (await ctl(server, "help")).out
    accounts = listed.partition("\naccounts:\n")[2].partition("\n\n")[0]
    assert "  register USER HOST PASSWORD\tRegister an account.\n" in accounts
    assert "connected_users" not in accounts
    ours = listed.partition("\nburblectl:\n")[2].partition("\n\n")[0]
    assert "  start\tStart the server in the background; returns when it runs.\n" in ours
    tags = dict(line.split("\t") for line in (await ctl(server, "help", "--tags")).out.splitlines())
    assert "register" in tags["accounts"].split()
    assert "start" in tags["burblectl"].split()
    tagged = (await ctl(server, "help", "--tags", "accounts")).out.splitlines()
    assert "register USER HOST PASSWORD\tRegister an account." in tagged
    assert not any(line.startswith("connected_users") for line in tagged)
    unknown = await ctl(server, "help", "--tags", "acounts")
    assert unknown.status == 1
    assert "no command has the tag 'acounts'; the tags are " in unknown.err


async def test_help_by_name(server: Server) -> None:
    found = (await ctl(server, "help", "*connected_users*")).out.splitlines()
    assert "connected_users\tList all connected users, each with its resource." in found
    assert all("connected_users" in line for line in found)
    explained = (await ctl(server, "help", "register")).out
    assert explained.startswith("burblectl register USER HOST PASSWORD\n\nRegister an account.\n")
    assert "USER: the account's name, without its domain." in explained
    assert "burblectl register juliet localhost s3cr3t" in explained
    assert "in the background" in (await ctl(server, "help", "start")).out
    assert "register" in (await ctl(server, "help", "accounts")).out  # a tag will do
    unknown = await ctl(server, "help", "regster")
    assert unknown.status == 2
    assert "did you mean register" in unknown.err
    assert (await ctl(server, "help", "a", "b")).status == 2


async def test_nothing_but_the_name(server: Server, tmp_path: Path) -> None:
    told = await ctl(server)
    assert told.status == 2
    assert told.out.startswith("Usage: burblectl ")
    assert "\naccounts:\n  " in told.out
    without = await burblectl(tmp_path, "--data-dir", str(tmp_path))
    assert without.status == 3
    assert "burblectl:\n  completion SHELL" in without.out


# ---- at a terminal


async def at_terminal(server: Server, *arguments: str) -> str:
    """What a person at a terminal sees."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "burble.faces.cli",
        "--data-dir",
        str(server.settings.data_dir),
        *arguments,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.run_in_executor(None, os.read, ours, 65536):
            shown += data
    except OSError:
        pass  # that is how a terminal ends on Linux
    os.close(ours)
    assert await process.wait() == 0
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", shown.decode())


async def test_a_person_gets_a_table(server: Server) -> None:
    shown = await at_terminal(server, "status")
    assert re.search(r"hosts +localhost", shown)
    assert "\t" not in shown
    listed = await at_terminal(server, "help")
    assert re.search(r"register USER HOST PASSWORD +Register an account\.", listed)


class Forged:
    """Commands that tell what somebody else wrote."""

    @command(tags=["test"])
    def statuses(self) -> list[dict[str, str]]:
        """Tell statuses."""
        return [
            {"user": "juliet", "status": "\x1b[2Jaway\nromeo\thome"},
            {"user": "nurse", "status": "\x9bm"},
        ]

    @command(tags=["test"])
    def note(self) -> str:
        """Tell a note."""
        return "two\nlines\x1b[2J"


async def test_what_others_wrote_forges_no_lines_and_moves_no_cursor(server: Server) -> None:
    server.commands.add(Forged())
    plain = await ctl(server, "statuses")
    assert plain.out == "juliet\t\\x1b[2Jaway\\nromeo\\thome\nnurse\t\\x9bm\n"
    assert "\\x1b[2Jaway\\nromeo\\thome" in await at_terminal(server, "statuses")
    assert (await at_terminal(server, "note")).splitlines() == ["two", "lines\\x1b[2J"]
    assert (await ctl(server, "note")).out == "two\nlines\x1b[2J\n"


class Work:
    """A command that takes long."""

    @command(tags=["test"])
    async def work(self) -> str:
        """Work."""
        report(1, 3, "rows [of localhost]")
        await asyncio.sleep(0)
        report(3, 3, "rows [of localhost]")
        return "worked"


async def test_a_person_sees_how_far_it_has_come(server: Server) -> None:
    server.commands.add(Work())
    shown = await at_terminal(server, "work")
    assert "rows [of localhost]" in shown
    assert "3/3" in shown
    assert "worked" in shown
    assert await ctl(server, "work") == Ended(0, "worked\n", "")  # nothing of it in a pipe


# ---- the program


async def test_a_link_for_scripts_of_ejabberd(server: Server, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("burblectl")
    link = tmp_path / "ejabberdctl"
    made = await run(program, "link_ejabberdctl", str(tmp_path), directory=tmp_path)
    assert made == Ended(0, f"{link} -> {program}\n", "")
    status = await run(link, "--data-dir", str(server.settings.data_dir), "status", directory=tmp_path)
    assert "is running in that node" in status.out
    again = await run(program, "link_ejabberdctl", str(tmp_path), directory=tmp_path)
    assert again.status == 1
    assert f"there is {link} already, perhaps of ejabberd" in again.err
    nowhere = await run(program, "link_ejabberdctl", str(tmp_path / "no"), directory=tmp_path)
    assert nowhere == Ended(1, "", f"burblectl: {tmp_path}/no is no directory\n")


async def test_a_terminal_that_does_not_know_all_characters(server: Server) -> None:
    await server.hosts["localhost"].register("жук", "secret")
    directory = server.settings.data_dir
    program = Path(sys.executable).with_name("burblectl")
    environment = {"BURBLE_DATA_DIR": str(directory), "PYTHONIOENCODING": "latin-1"}
    ended = await run(program, "registered_users", "localhost", directory=directory, environment=environment)
    assert ended == Ended(0, "juliet\nnurse\nromeo\n\\u0436\\u0443\\u043a\n", "")


async def test_it_imports_little(tmp_path: Path) -> None:
    """Scripts call it many times: it may not take longer than it must."""
    heavy = "{'asyncio', 'dataclasses', 'inspect', 'pydantic', 'rich', 'sqlalchemy', 'subprocess', 'typer'}"
    source = f"import sys, burble.faces.cli; print(sorted({heavy} & set(sys.modules)))"
    assert await run(sys.executable, "-c", source, directory=tmp_path) == Ended(0, "[]\n", "")
