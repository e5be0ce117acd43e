"""The command lines of `burblectl`, and of `ejabberdctl` where it is called by that name.

The options stand before the command; all behind it are arguments, also what looks like an option.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = [
    "FAILED",
    "NOT_RUNNING",
    "OPTIONS",
    "RUNNING_ALREADY",
    "WRONG_ARGUMENTS",
    "Ended",
    "Options",
    "is_our_node",
    "read_options",
]

# The exit status by what went wrong, as ejabberdctl has them.
FAILED: Final = 1
WRONG_ARGUMENTS: Final = 2
NOT_RUNNING: Final = 3
RUNNING_ALREADY: Final = 4

OPTIONS: Final = (
    ("-c, --config FILE", "the server's settings file ($BURBLE_CONFIG)"),
    (
        "    --data-dir DIR",
        "the server's data directory ($BURBLE_DATA_DIR), where it was started with it too",
    ),
    ("    --auth USER HOST PASSWORD", "call as that account, with its permissions"),
    ("    --node NAME", "the node to talk to: only this machine's is there"),
    ("    --json", "print the result as JSON"),
    ("    --version", "print the version of this program"),
    ("-h, --help", "print this"),
)
"""The options of `burblectl`, each with what it does."""

_NODES: Final = ("burble", "ejabberd")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

# How many values each option has.
_BURBLECTL: Final = {
    "--config": 1,
    "--data-dir": 1,
    "--node": 1,
    "--auth": 3,
    "--json": 0,
    "--version": 0,
    "--help": 0,
    "--no-timeout": 0,
}
_SHORT: Final = {"-c": "--config", "-n": "--node", "-h": "--help", "-t": "--no-timeout"}
# ejabberdctl takes the first ones, the node it runs on two more.
_EJABBERDCTL: Final = {
    "--node": 1,
    "--spool": 1,
    "--logs": 1,
    "--config": 1,
    "--ctl-config": 1,
    "--config-dir": 1,
    "--no-timeout": 0,
    "--auth": 3,
    "--version": 1,
    "--data-dir": 1,
}
_EJABBERDCTL_SHORT: Final = {
    "-n": "--node",
    "-s": "--spool",
    "-l": "--logs",
    "-f": "--config",
    "-c": "--ctl-config",
    "-d": "--config-dir",
    "-t": "--no-timeout",
}


class Ended(Exception):
    """The program ends with a sentence and an exit status.

    Args:
        status: the exit status.
        text: the sentence; "" where all is said.
    """

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status


class Options:
    """What the command line says.

    Args:
        program: the name the program was called by.

    Attributes:
        program: the name the program was called by.
        config: the settings file; None for the usual places.
        data_dir: the data directory in place of that in the settings.
        node: the name of the node, "" where none was given.
        auth: user, host and password.
        json: print JSON.
        version: of ejabberd's API.
        wants: ``help`` or ``version`` where that is all that is asked for.
        command: the command, "" where there is none.
        arguments: its arguments.
    """

    # No dataclass: to import what makes one takes longer than all else that a command needs.
    def __init__(self, program: str = "burblectl") -> None:
        self.program = program
        self.config = _path("BURBLE_CONFIG")
        self.data_dir = _path("BURBLE_DATA_DIR")
        self.node = ""
        self.auth: list[str] | None = None
        self.json = False
        self.version: int | None = None
        self.wants = ""
        self.command = ""
        self.arguments: list[str] = []

    @property
    def ejabberd(self) -> bool:
        """Whether the program was called as ejabberdctl."""
        return self.program == "ejabberdctl"


def read_options(words: Sequence[str], program: str = "burblectl") -> Options:
    """Read a command line.

    Args:
        words: the command line, without the program.
        program: ``burblectl`` or ``ejabberdctl``.

    Raises:
        Ended: it can't be understood.
    """
    options = Options(program)
    kinds = _EJABBERDCTL if options.ejabberd else _BURBLECTL
    short = _EJABBERDCTL_SHORT if options.ejabberd else _SHORT
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word, equals, value = rest.pop(0).partition("=")
        if word == "--":
            break
        name = short.get(word, word)
        if name not in kinds:
            raise Ended(WRONG_ARGUMENTS, f"there is no option {word}; {program} --help lists them")
        values = [value] if equals and kinds[name] == 1 else rest[: kinds[name]]
        if len(values) < kinds[name] or (equals and kinds[name] != 1):
            raise Ended(WRONG_ARGUMENTS, f"{word}: expected {_VALUES[kinds[name]]}")
        if not equals:
            del rest[: kinds[name]]
        _take(options, name, values)
    if rest:
        options.command, *options.arguments = rest
    return options


_VALUES: Final = {0: "no value", 1: "one value", 3: "USER HOST PASSWORD"}


def _take(options: Options, name: str, values: list[str]) -> None:
    match name:
        case "--config":
            # Scripts for ejabberd name its settings file, which is none of ours.
            if not (options.ejabberd and values[0].endswith((".yml", ".yaml", ".cfg"))):
                options.config = Path(values[0])
        case "--data-dir":
            options.data_dir = Path(values[0])
        case "--node":
            options.node = values[0]
        case "--auth":
            options.auth = values
        case "--json":
            options.json = True
        case "--version" if values:
            if not values[0].isdecimal():
                raise Ended(FAILED, f"Invalid API version number: {values[0]!r}")
            options.version = int(values[0])
        case "--version" | "--help":
            options.wants = name.removeprefix("--")


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def is_our_node(name: str) -> bool:
    """Whether a name is that of the node on this machine, as ejabberd's scripts may write it.

    Args:
        name: such as ``ejabberd@localhost``, ``burble@xmpp1`` or ``ejabberd``.
    """
    who, _, where = name.lower().partition("@")
    host = socket.gethostname().lower()
    names = {"", host, host.partition(".")[0], *_LOOPBACK}
    return who in _NODES and (where in names or where.partition(".")[0] == host.partition(".")[0])
