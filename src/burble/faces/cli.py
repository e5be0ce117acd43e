"""The program `burblectl`: gives commands to the running server.

It has to start at once, since scripts call it many times: so it reads its few options itself (Typer imports
pydantic and takes five times as long), and imports late what it does not always need. Called through a link
with the name ``ejabberdctl`` it takes the options of that program and prints as that does.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from burble import __version__
from burble.faces.client import Connection, NotRunning, OnProgress, data_dir
from burble.faces.local import HIDDEN, LOCAL
from burble.faces.options import (
    FAILED,
    NOT_RUNNING,
    OPTIONS,
    WRONG_ARGUMENTS,
    Ended,
    Options,
    is_our_node,
    read_options,
)

__all__ = ["main"]

_STATUS: Final = {"unknown-command": WRONG_ARGUMENTS, "wrong-arguments": WRONG_ARGUMENTS}
_USAGE: Final = "Usage: burblectl [OPTION...] COMMAND [ARGUMENT...]"


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script `burblectl`.

    Args:
        arguments: those of the command line; by default those of this process.
    """
    program = "ejabberdctl" if Path(sys.argv[0]).name == "ejabberdctl" else "burblectl"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may not know all characters there are
    try:
        status = _run(read_options(sys.argv[1:] if arguments is None else arguments, program))
        sys.stdout.flush()
    except Ended as ended:
        status = ended.status
        if str(ended) and program == "ejabberdctl":
            print(ended)
        elif str(ended):
            print(f"burblectl: {ended}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read our output (head, grep -q) has seen enough; Python must not complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _run(options: Options) -> int:
    if options.wants == "version":
        print(f"burblectl {__version__}")
        return 0
    if options.wants == "help":
        print(_usage())
        return 0
    if options.node and not is_our_node(options.node):
        if options.ejabberd:
            raise Ended(NOT_RUNNING, f"Failed RPC connection to the node {options.node}: nodedown\n")
        raise Ended(NOT_RUNNING, f"there is no node {options.node} here; leave --node out")
    name = options.command.replace("-", "_")
    local = LOCAL.get(name) or HIDDEN.get(name)
    if local is not None:
        return local.run(options)
    if options.ejabberd:
        return _as_ejabberdctl(options)
    if not options.command:
        return _without_command(options)
    if options.command == "help":
        return _help(options)
    result = _ask(options, options.command, options.arguments)
    _await_restart(options)
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        from burble.faces.printing import show

        show(result)
    return 0


def _ask(options: Options, command: str, arguments: list[str] | dict[str, str]) -> Any:
    request: dict[str, Any] = {"command": command, "arguments": arguments}
    if options.auth is not None:
        request["auth"] = options.auth
    with Connection(data_dir(options)) as connection, _progress_bar() as on_progress:
        answer = connection.ask(request, on_progress)
    if "error" in answer:
        error = answer["error"]
        remedy = f"\n{error['remedy']}" if "remedy" in error else ""
        raise Ended(_STATUS.get(error["kind"], FAILED), f"{error['text']}{remedy}")
    return answer["result"]


def _await_restart(options: Options) -> None:
    if options.command.replace("-", "_") in ("restart", "restart_kindly"):
        from burble.faces.starting import wait_started

        wait_started(options)


@contextmanager
def _progress_bar() -> Iterator[OnProgress | None]:
    """Shows progress to a person at a terminal, and nobody else."""
    if not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield None
        return
    from burble.faces.bar import ProgressBar

    with ProgressBar() as bar:
        yield bar.show


def _usage() -> str:
    options = "\n".join(f"  {option:32}{text}" for option, text in OPTIONS)
    return f"{_USAGE}\n\n{options}\n\nburblectl help lists the commands, burblectl help COMMAND explains one."


def _without_command(options: Options) -> int:
    print(f"{_usage()}\n")
    try:
        _help(options)
    except NotRunning as error:
        from burble.faces.helping import show_overview

        show_overview([LOCAL[name].help for name in sorted(LOCAL)])
        raise error
    return WRONG_ARGUMENTS


def _help(options: Options) -> int:
    from burble.faces.helping import show_help

    return show_help(
        options.arguments,
        lambda arguments: _ask(options, "help", arguments),
        [local.help for local in LOCAL.values()],
        as_json=options.json,
    )


def _as_ejabberdctl(options: Options) -> int:
    request: dict[str, Any] = {
        "command": options.command or "help",
        "arguments": options.arguments,
        "style": "ejabberd",
        "version": options.version,
        "auth": options.auth,
    }
    try:
        with Connection(data_dir(options)) as connection:
            answer = connection.ask(request)
    except NotRunning:
        from burble.faces.helping import EJABBERDCTL

        print(f"Failed RPC connection to the node {options.node or 'ejabberd@localhost'}: nodedown\n")
        print(EJABBERDCTL)
        return NOT_RUNNING
    if answer.get("status") == 0:
        _await_restart(options)
    sys.stdout.write(answer["text"] if "text" in answer else f"Error: {answer['error']['text']}\n")
    if not options.command:
        return WRONG_ARGUMENTS
    return int(answer.get("status", FAILED))


if __name__ == "__main__":
    main()
