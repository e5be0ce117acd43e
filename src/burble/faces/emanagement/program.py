"""The program `emanagement` of Social Stream.

    emanagement [OPTION...] FUNCTION [ARGUMENT...]
    burblectl [OPTION...] emanagement FUNCTION [ARGUMENT...]

It prints what the guide of Social Stream shows. The options are those of `burblectl`, the exit status too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from burble.faces.client import Connection, data_dir
from burble.faces.emanagement.functions import FUNCTIONS, Ask, Emanagement, Output
from burble.faces.options import FAILED, WRONG_ARGUMENTS, Ended, Options, read_options

__all__ = ["emanagement", "main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script `emanagement`.

    Args:
        arguments: those of the command line; by default those of this process.
    """
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments)
        options.arguments = ["help"] if options.wants else [options.command or "help", *options.arguments]
        status = emanagement(options)
        sys.stdout.flush()
    except Ended as ended:
        print(f"emanagement: {ended}", file=sys.stderr)
        status = ended.status
    except BrokenPipeError:
        # Whoever read our output (head, grep -q) has seen enough; Python must not complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def emanagement(options: Options) -> int:
    """Carry out a function and print what it returns.

    Args:
        options: where the server is, and as arguments the function's name and its arguments.

    Returns:
        The exit status.

    Raises:
        Ended: it could not be done.
    """
    name, *given = options.arguments or ["help"]
    if name not in FUNCTIONS:
        _print(["Error: Command not recognized", "Use 'help' to get information about command syntax"])
        return WRONG_ARGUMENTS
    parameters, function = FUNCTIONS[name]
    needed = len(parameters.split())
    if len(given) != needed:
        _print(
            [
                f"Error: Params required for command {name}: {needed}",
                f"Syntax for command {name}",
                f"{name} {parameters}".rstrip(),
                "Use 'help' to get information about command syntax",
            ]
        )
        return WRONG_ARGUMENTS
    _print(function(Emanagement(_asking(options)), *given))
    return 0


def _asking(options: Options) -> Ask:
    def ask(command: str, *arguments: str) -> Any:
        request: dict[str, Any] = {"command": command, "arguments": list(arguments)}
        if options.auth is not None:
            request["auth"] = options.auth
        with Connection(data_dir(options)) as connection:
            answer = connection.ask(request)
        if "error" in answer:
            error = answer["error"]
            wrong = error["kind"] == "wrong-arguments"
            text = error["text"].partition("\nusage: ")[0]  # the command's, which nobody has called by hand
            raise Ended(WRONG_ARGUMENTS if wrong else FAILED, text)
        return answer["result"]

    return ask


def _print(output: Output) -> None:
    if isinstance(output, bool):
        print("true" if output else "false")
    elif isinstance(output, str):
        print(output)
    else:
        for line in output:
            print(line)
