"""`burblectl` called as `ejabberdctl`: what scripts for ejabberd send and read.

The expected texts are those that ejabberd 23.01 prints; where it prints a sentence of its own making, ours
stands for it.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from burble.commands import Command, CommandFailed, UnknownCommand, WrongArguments
from burble.faces.ejabberd import Printed, print_error, print_result
from burble.server import Server
from tests.faces.programs import Ended, ejabberdctl


async def ctl(server: Server, *arguments: str) -> Ended:
    """Give a command to a server of this process."""
    directory = server.settings.data_dir
    return await ejabberdctl(directory, "--data-dir", str(directory), *arguments)


# ---- results


@dataclass
class Session:
    jid: str
    priority: int
    groups: list[str]


def printed(result: str, value: object, version: int | None = None) -> Printed:
    def example() -> object: ...

    return print_result(Command("example", example, result=result), value, version)


@pytest.mark.parametrize(
    ("result", "value", "expected"),
    [
        ("res::rescode", None, Printed()),
        ("res::rescode", True, Printed()),
        ("res::rescode", False, Printed("Error: false\n", 1)),
        ("res::restuple", "It is done", Printed("It is done\n")),
        ("res::restuple", None, Printed()),
        ("num::integer", 0, Printed("0\n")),
        ("level::atom", "warning", Printed("warning\n")),
        ("level::atom", "Warning!", Printed("'Warning!'\n")),
        ("text::string", "a b\nc", Printed("a b\nc\n")),
        ("text::string", "", Printed()),
        ("users::[username::string]", ["juliet", "romeo"], Printed("juliet\nromeo\n")),
        ("users::[username::string]", [], Printed()),
        ("last::(time::string, status::string)", ("now", ""), Printed("now\t\n")),
        (
            "all::[session::(jid::string, priority::integer, groups::[group::string])]",
            [Session("juliet@example.org/a", -1, ["x", "y"]), Session("romeo@example.org/b", 0, [])],
            Printed("juliet@example.org/a\t-1\tx,y\nromeo@example.org/b\t0\t\n"),
        ),
    ],
)
def test_results(result: str, value: object, expected: Printed) -> None:
    assert printed(result, value) == expected


def test_lists_within_lists_in_the_first_version() -> None:
    notation = "all::[each::(name::string, groups::[group::string])]"
    assert printed(notation, [("juliet", ["x", "y"])], 0).text == "juliet\tx;y\n"


def test_a_result_that_ejabberd_does_not_have() -> None:
    assert printed("", None) == Printed()
    assert printed("", ["a", "b"]) == Printed("a\nb\n")


# ---- errors


def test_errors() -> None:
    def command(user: str, host: str = "") -> None: ...

    one = Command("kick", command)
    assert print_error(CommandFailed("no"), one, 1) == Printed("Error: no\n", 1)
    unknown = print_error(UnknownCommand("kik", ["kick"]), None, 0)
    assert unknown == Printed("Error: unknown command 'kik'. Did you mean 'kick'?\n", 1)
    missing = print_error(WrongArguments("..."), one, 0)
    assert missing.status == 2
    assert missing.text.endswith("Error: the command 'kick' requires 1 more argument.\n")
    assert "  Command Name: kick\n\n  Arguments: user::binary\n             host::binary\n" in missing.text
    too_many = print_error(WrongArguments("..."), one, 4)
    assert too_many.text.endswith("Error: the command 'kick' requires 2 less argument.\n")
    assert print_error(WrongArguments("user: no"), one, 1) == Printed("Error: user: no\n", 2)


# ---- the program


async def test_what_an_administrators_script_does(server: Server) -> None:
    assert await ctl(server, "register", "tybalt", "localhost", "x") == Ended(
        0, "User tybalt@localhost successfully registered\n", ""
    )
    again = await ctl(server, "register", "tybalt", "localhost", "x")
    assert again == Ended(1, "Error: conflict: tybalt@localhost is already registered\n", "")
    assert await ctl(server, "registered-users", "localhost") == Ended(
        0, "juliet\nnurse\nromeo\ntybalt\n", ""
    )
    assert await ctl(server, "connected_users") == Ended(0, "", "")
    assert await ctl(server, "connected-users-number") == Ended(0, "0\n", "")


async def test_status(server: Server) -> None:
    ended = await ctl(server, "status")
    assert ended.status == 0
    first, second = ended.out.splitlines()
    assert first == "The node ejabberd@localhost is started with status: started"
    assert second.startswith("ejabberd ")
    assert second.endswith(" is running in that node")


@pytest.mark.parametrize(
    "options",
    [
        ["--node", "ejabberd@localhost"],
        ["-n", "ejabberd"],
        ["--node", f"ejabberd@{socket.gethostname()}"],
        ["--node", f"ejabberd@{socket.gethostname().partition('.')[0]}.example.org"],
        ["--no-timeout"],
        ["--version", "0"],
        ["--config", "/etc/ejabberd/ejabberd.yml", "--ctl-config", "/etc/ejabberd/ejabberdctl.cfg"],
        ["-d", "/etc/ejabberd", "-s", "/var/lib/ejabberd", "-l", "/var/log/ejabberd", "-t"],
    ],
)
async def test_options_that_scripts_pass(server: Server, options: list[str]) -> None:
    assert await ctl(server, *options, "connected_users_number") == Ended(0, "0\n", "")


async def test_another_node(server: Server) -> None:
    ended = await ctl(server, "--node", "ejabberd@elsewhere.example", "status")
    assert ended == Ended(3, "Failed RPC connection to the node ejabberd@elsewhere.example: nodedown\n\n", "")


async def test_no_server(tmp_path: Path) -> None:
    ended = await ejabberdctl(tmp_path, "--data-dir", str(tmp_path), "status")
    assert ended.status == 3
    assert ended.out.startswith(
        "Failed RPC connection to the node ejabberd@localhost: nodedown\n\nCommands to start"
    )
    assert await ejabberdctl(tmp_path, "--data-dir", str(tmp_path), "ping") == Ended(1, "pang\n", "")


async def test_help(server: Server) -> None:
    tags = await ctl(server, "help", "tags")
    assert tags.out.startswith("Available tags and list of commands:\n\n")
    assert "\n\n  accounts\n     " in tags.out
    tag = await ctl(server, "help", "--tags", "accounts")
    assert tag.out.startswith("Available commands with tag accounts:\n\n")
    assert "  register user host password\n             Register an account.\n" in tag.out
    pattern = await ctl(server, "help", "connected_users*")
    assert "  connected_users\n" in pattern.out
    assert "  connected_users_number\n" in pattern.out
    one = await ctl(server, "help", "register")
    assert one.out.startswith("  Command Name: register\n\n  Arguments: user::binary")
    assert "  Result: res::restuple\n" in one.out
    assert (await ctl(server, "help", "regis")).out == "No tag or command matches 'regis'\n"
    usage = await ctl(server)
    assert usage.status == 2
    assert usage.out.startswith("Usage: ejabberdctl ")
