"""The program `burblectl`: gives commands to the running server.

It has to start at once, since scripts call it many times: what it does not always need is imported late.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from burble import __version__, paths
from burble.faces.unix import reachable

__all__ = ["main"]

#: The exit status by the kind of the error; as ejabberdctl has them.
FAILED: Final = 1
WRONG_ARGUMENTS: Final = 2
NOT_RUNNING: Final = 3
_STATUS: Final = {"unknown-command": WRONG_ARGUMENTS, "wrong-arguments": WRONG_ARGUMENTS}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class _Refused(Exception):
    """burblectl ends with a sentence and an exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _version(wanted: bool) -> None:
    if wanted:
        print(f"burblectl {__version__}")
        raise typer.Exit


@app.command(context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]})
def call(
    command: Annotated[str, typer.Argument(help="A command; `help` lists them.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its arguments.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            envvar="BURBLE_CONFIG",
            help="The server's settings file. By default "
            f"{' or '.join(str(path) for path in paths.SETTINGS_FILES)}, whichever is there first.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            metavar="DIR",
            envvar="BURBLE_DATA_DIR",
            help="The server's data directory, where it was started with this option too.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None:
    """Give a command to the running server.

    Exit status: 0 done, 1 failed, 2 wrong arguments or no such command, 3 the server is not running.
    """
    try:
        directory = data_dir or _data_dir(config or paths.find_settings_file())
        result = _ask(directory / paths.SOCKET_NAME, command, arguments or [])
    except _Refused as refused:
        print(f"burblectl: {refused}", file=sys.stderr)
        raise typer.Exit(refused.status) from None
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        from burble.faces.printing import show

        show(command, result)


def main() -> None:
    """The console script `burblectl`."""
    try:
        app(prog_name="burblectl")
    except BrokenPipeError:
        # Whoever read our output (head, grep -q) has seen enough; Python must not complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def _data_dir(file: Path | None) -> Path:
    """The data directory that a settings file names, without the time it takes to check all the rest."""
    if file is None:
        return paths.default_data_dir()
    try:
        with file.open("rb") as text:
            named = tomllib.load(text).get("data_dir")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _Refused(FAILED, f"the settings file {file} can't be read: {reason}") from None
    return file.absolute().parent / Path(named).expanduser() if named else paths.default_data_dir()


def _ask(path: Path, command: str, arguments: list[str]) -> Any:
    request = json.dumps({"command": command, "arguments": arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with reachable(path) as name:
                connection.connect(name)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise _Refused(
                NOT_RUNNING,
                f"the server is not running: nobody listens on {path}; is --config the right file?",
            ) from None
        except OSError as error:
            raise _Refused(FAILED, f"{path} can't be opened: {error.strerror or error}") from None
        try:
            connection.sendall(request)
            # To the end of what the server sends: on `stop` that is when it has stopped.
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            answer = b""
    if not answer:
        raise _Refused(FAILED, "the server ended without an answer; its log may tell more")
    fields = json.loads(answer)
    if "error" in fields:
        kind, text = fields["error"]["kind"], fields["error"]["text"]
        raise _Refused(_STATUS.get(kind, FAILED), text)
    return fields["result"]


if __name__ == "__main__":
    main()
