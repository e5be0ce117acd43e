"""The program `burblectl`: gives commands to the running server.

It has to start at once, since scripts call it many times: so it reads its few options with argparse (Typer
imports pydantic and takes five times as long), and imports late what it does not always need.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from burble import __version__, paths
from burble.faces.unix import reachable

__all__ = ["main"]

# The exit status by the kind of the error; as ejabberdctl has them.
_FAILED: Final = 1
_WRONG_ARGUMENTS: Final = 2
_NOT_RUNNING: Final = 3
_STATUS: Final = {"unknown-command": _WRONG_ARGUMENTS, "wrong-arguments": _WRONG_ARGUMENTS}


class _Refused(Exception):
    """burblectl ends with a sentence and an exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script `burblectl`.

    Args:
        arguments: those of the command line; by default those of this process.
    """
    options = _parser().parse_args(arguments)
    try:
        directory = options.data_dir or _data_dir(options.config or paths.find_settings_file())
        result = _ask(directory / paths.SOCKET_NAME, options.command, options.arguments)
        if options.json:
            print(json.dumps(result, ensure_ascii=False))
        else:
            from burble.faces.printing import show

            show(options.command, result)
        sys.stdout.flush()
    except _Refused as refused:
        print(f"burblectl: {refused}", file=sys.stderr)
        sys.exit(refused.status)
    except BrokenPipeError:
        # Whoever read our output (head, grep -q) has seen enough; Python must not complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="burblectl",
        description="Give a command to the running Burble server. `burblectl help` lists the commands, "
        "`burblectl help COMMAND` explains one.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong arguments or no such command, "
        "3 the server is not running.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        "-c",
        metavar="FILE",
        type=Path,
        default=os.environ.get("BURBLE_CONFIG"),
        help="the server's settings file ($BURBLE_CONFIG); by default "
        f"{' or '.join(str(path) for path in paths.SETTINGS_FILES)}, whichever is there first",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        default=os.environ.get("BURBLE_DATA_DIR"),
        help="the server's data directory ($BURBLE_DATA_DIR), where it was started with this option too",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--version", action="version", version=f"burblectl {__version__}")
    parser.add_argument("command", metavar="COMMAND", help="a command; - is as good as _")
    parser.add_argument(
        "arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="its arguments, in order"
    )
    return parser


def _data_dir(file: Path | None) -> Path:
    """The data directory that a settings file names, without the time it takes to check all the rest."""
    if file is None:
        return paths.default_data_dir()
    try:
        with file.open("rb") as text:
            named = tomllib.load(text).get("data_dir")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _Refused(_FAILED, f"the settings file {file} can't be read: {reason}") from None
    if named is None:
        return paths.default_data_dir()
    if not isinstance(named, str):
        raise _Refused(_FAILED, f"{file}: data_dir: expected a path in quotes")
    return file.absolute().parent / Path(named).expanduser()


def _ask(path: Path, command: str, arguments: list[str]) -> Any:
    request = json.dumps({"command": command, "arguments": arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with reachable(path) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise _Refused(
                _NOT_RUNNING,
                f"the server is not running: nobody listens on {path}; is --config the right file?",
            ) from None
        except OSError as error:
            raise _Refused(_FAILED, f"{path} can't be opened: {error.strerror or error}") from None
        try:
            connection.sendall(request)
            # To the end of what the server sends: on `stop` that is when it has stopped.
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            answer = b""
    if not answer:
        raise _Refused(_FAILED, "the server ended without an answer; its log may tell more")
    fields = json.loads(answer)
    if "error" in fields:
        kind, text = fields["error"]["kind"], fields["error"]["text"]
        raise _Refused(_STATUS.get(kind, _FAILED), text)
    return fields["result"]


if __name__ == "__main__":
    main()
