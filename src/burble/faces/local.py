"""The commands that `burblectl` carries out itself, because the server does not run yet, or not any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from burble.faces.client import Connection, NotRunning, data_dir
from burble.faces.options import FAILED, WRONG_ARGUMENTS, Ended, Options

__all__ = ["HIDDEN", "LOCAL", "Local"]

# However many arguments.
_ANY: Final = ("...",)


class Local:
    """A command of `burblectl` itself.

    Args:
        name: its name.
        summary: what it does, in a sentence.
        function: carries it out; returns the exit status.
        arguments: those it takes, in capitals, in brackets what may be left out; or `_ANY`.
        description: more about it.
        example: a call.
    """

    def __init__(
        self,
        name: str,
        summary: str,
        function: Callable[[Options], int],
        arguments: tuple[str, ...] = (),
        description: str = "",
        example: str = "",
    ) -> None:
        self.name = name
        self.summary = summary
        self.function = function
        self.arguments = arguments
        self.description = description
        self.example = example

    @property
    def help(self) -> dict[str, Any]:
        """What there is to know of it, as the server describes its commands."""
        return {
            "name": self.name,
            "usage": " ".join([self.name, *self.arguments]),
            "summary": self.summary,
            "tags": ["burblectl"],
            "description": self.description,
            "arguments": [],
            "returns": "",
            "examples": [self.example or self.name],
        }

    def run(self, options: Options) -> int:
        """Carry it out.

        Raises:
            Ended: the arguments are wrong, or it failed.
        """
        needed = sum(not each.startswith("[") for each in self.arguments)
        if self.arguments != _ANY and not needed <= len(options.arguments) <= len(self.arguments):
            raise Ended(WRONG_ARGUMENTS, f"usage: {' '.join([self.name, *self.arguments])}")
        return self.function(options)


def _ping(options: Options) -> int:
    try:
        with Connection(data_dir(options)):
            print("pong")
            return 0
    except NotRunning:
        print("pang")
        return FAILED


def _link_ejabberdctl(options: Options) -> int:
    place = Path(options.arguments[0])
    link = place / "ejabberdctl" if place.is_dir() else place
    program = Path(sys.argv[0]).absolute()
    if not os.access(program, os.X_OK):
        raise Ended(FAILED, f"{program} is no program that a link could lead to")
    if link.name != "ejabberdctl":
        raise Ended(FAILED, f"{place} is no directory")
    try:
        link.symlink_to(program)
    except FileExistsError:
        raise Ended(
            FAILED, f"there is {link} already, perhaps of ejabberd; choose another directory"
        ) from None
    except OSError as error:
        raise Ended(FAILED, f"{link} can't be made: {error.strerror}") from None
    print(f"{link} -> {program}")
    return 0


def _start(options: Options) -> int:
    from burble.faces.starting import start

    return start(options)


def _live(options: Options) -> int:
    from burble.faces.starting import live

    live(options)


def _started(options: Options) -> int:
    from burble.faces.starting import wait_started

    return wait_started(options)


def _stopped(options: Options) -> int:
    from burble.faces.starting import wait_stopped

    return wait_stopped(options)


def _debug(options: Options) -> int:
    from burble.faces.debugging import debug

    return debug(options)


def _emanagement(options: Options) -> int:
    from burble.faces.emanagement import emanagement

    return emanagement(options)


def _doctor(options: Options) -> int:
    from burble.faces.doctor import doctor

    return doctor(options)


def _completion(options: Options) -> int:
    from burble.faces.shells import script

    print(script(options.arguments[0]), end="")
    return 0


def _complete(options: Options) -> int:
    from burble.faces.shells import candidates

    print(*candidates(options.arguments, list(LOCAL)), sep="\n")
    return 0


_ALL: Final = (
    Local(
        "start",
        "Start the server in the background; returns when it runs.",
        _start,
        description="Where the settings name no log file, the log is burble.log in the data directory. "
        "root starts it as the user that the data directory belongs to. The exit status is 4 where the "
        "server runs already, 1 where it can't start, and the standard error says why.",
    ),
    Local("live", "Run the server in the foreground, until Ctrl-C.", _live),
    Local("foreground", "The same as live.", _live),
    Local(
        "debug",
        "Open a Python console inside the running server.",
        _debug,
        description="It is for root and the server's user. There are server, hosts, JID, asyncio and "
        "call(COMMAND, ARGUMENT, ...), and await works. While code runs that does not await, the server "
        "does nothing else. Where the standard input is no terminal it is run as a whole, and the exit "
        "status is 1 where it raised.",
    ),
    Local("started", "Wait until the server runs, at most a minute.", _started),
    Local("stopped", "Wait until the server has stopped, at most a minute.", _stopped),
    Local("ping", "Tell whether the server answers: prints pong or pang.", _ping),
    Local(
        "doctor",
        "Look whether all is well, with the server or without it, and say what to do.",
        _doctor,
        ("[HOST]",),
        "It looks at the clock, the disk, the database, ports, certificates and DNS, and changes nothing. "
        "With HOST it looks at the names and the certificate of that host alone. The exit status is 1 where "
        "there is an error. check is another name for it.",
        "doctor example.org",
    ),
    Local(
        "completion",
        "Print what lets a shell complete commands, options and hosts: bash, zsh or fish.",
        _completion,
        ("SHELL",),
        "For bash: source <(burblectl completion bash), in ~/.bashrc to have it always; or write it to "
        "/etc/bash_completion.d/burblectl. For zsh: write it to a file _burblectl in a directory of fpath. "
        "For fish: write it to ~/.config/fish/completions/burblectl.fish.",
        "completion bash",
    ),
    Local(
        "emanagement",
        "Call a function of Social Stream's emanagement.",
        _emanagement,
        _ANY,
        "Its first argument is the function, the others are the function's; emanagement help lists them all. "
        "The program emanagement does the same.",
        "emanagement getRoster juliet@localhost",
    ),
    Local(
        "link_ejabberdctl",
        "Make a link named ejabberdctl, for scripts that are made for ejabberd.",
        _link_ejabberdctl,
        ("DIRECTORY",),
        "Called by that name, burblectl takes the options of ejabberdctl and prints as that does. A file "
        "that is there already is left alone. Scripts find the link when its directory comes first in PATH.",
        "link_ejabberdctl /usr/local/sbin",
    ),
)

HIDDEN: Final = {
    "__complete": Local("__complete", "", _complete, _ANY),
    "check": Local("check", "", _doctor, ("[HOST]",)),
}
"""Those that help does not tell of, by name: for programs of our own, and other names."""

LOCAL: Final = {local.name: local for local in _ALL}
"""Them all, by name."""
