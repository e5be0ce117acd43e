"""Print what there is to know of commands: by tag, in lists, one in full."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from burble.faces.options import WRONG_ARGUMENTS, Ended
from burble.faces.printing import table

__all__ = ["EJABBERDCTL", "show_help", "show_overview"]

Described = dict[str, Any]

EJABBERDCTL: Final = """\
Commands to start an ejabberd node:
  start            Start in server mode
  foreground       Start in server mode (attached)
  live             Start in interactive mode

Commands to interact with a running ejabberd node:
  debug            Attach an interactive Python console to a running node
  ping             Send ping to the node, returns pong or pang
  started|stopped  Wait for the node to fully start|stop
"""
"""What ejabberdctl adds where the server does not run."""


def show_help(
    words: Sequence[str],
    ask: Callable[[dict[str, str]], list[Described]],
    local: list[Described],
    *,
    as_json: bool = False,
) -> int:
    """Carry out ``burblectl help``.

    Args:
        words: what stands behind it: nothing, ``--tags``, ``--tags TAG``, a tag, a command or a pattern.
        ask: calls the command ``help`` of the server.
        local: the commands that `burblectl` carries out itself.
        as_json: print JSON.

    Returns:
        The exit status.

    Raises:
        Ended: there is no such command, or too many words.
    """
    match list(words):
        case []:
            show, found = show_overview, _merged(ask({}), local)
        case ["--tags" | "tags"]:
            show, found = _show_tags, _merged(ask({}), local)
        case ["--tags" | "tags", tag]:
            ours = [each for each in local if tag in each["tags"]]
            show, found = _show_list, ours or ask({"tag": tag})
        case [pattern]:
            ours = [each for each in local if fnmatchcase(each["name"], pattern.replace("-", "_"))]
            show, found = _show_found, ours if ours and "*" not in pattern else _found(ask, pattern, ours)
        case _:
            raise Ended(WRONG_ARGUMENTS, "usage: help [--tags [TAG] | PATTERN]")
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show(found)
    return 0


def show_overview(commands: list[Described]) -> None:
    """List commands, each once, below the first of its tags."""
    for tag, tagged in _by_tag(commands, first_only=True).items():
        print(f"{tag}:")
        _show_list(tagged, indent="  ")
        if not sys.stdout.isatty():
            print()


def _found(
    ask: Callable[[dict[str, str]], list[Described]], pattern: str, ours: list[Described]
) -> list[Described]:
    try:
        return _merged(ask({"pattern": pattern}), ours)
    except Ended:
        if ours:
            return ours
        raise


def _merged(commands: list[Described], local: list[Described]) -> list[Described]:
    # What both carry out is explained as `burblectl` does it.
    merged = {command["name"]: command for command in (*commands, *local)}
    return [merged[name] for name in sorted(merged)]


def _by_tag(commands: list[Described], *, first_only: bool = False) -> dict[str, list[Described]]:
    found: dict[str, list[Described]] = {}
    for command in commands:
        for tag in command["tags"][: 1 if first_only else None]:
            found.setdefault(tag, []).append(command)
    return dict(sorted(found.items()))


def _show_tags(commands: list[Described]) -> None:
    records = [
        {"tag": tag, "commands": " ".join(each["name"] for each in tagged)}
        for tag, tagged in _by_tag(commands).items()
    ]
    if sys.stdout.isatty():
        table(records)
    else:
        for record in records:
            print(f"{record['tag']}\t{record['commands']}")


def _show_found(commands: list[Described]) -> None:
    if len(commands) == 1:
        _explain(commands[0])
    else:
        _show_list(commands)


def _show_list(commands: list[Described], indent: str = "") -> None:
    if sys.stdout.isatty():
        table(
            [{"command": each["usage"], "what it does": each["summary"]} for each in commands], header=False
        )
    else:
        for each in commands:
            print(f"{indent}{each['usage']}\t{each['summary']}")


def _explain(command: Described) -> None:
    print(f"burblectl {command['usage']}\n\n{command['summary']}")
    if command["description"]:
        print(f"\n{command['description']}")
    if command["arguments"]:
        print("\nArguments:")
    for argument in command["arguments"]:
        needed = "" if argument["required"] else " (may be left out)"
        what = argument["text"] or "expected:"
        print(f"  {argument['name'].upper()}: {what} [{argument['expected']}]{needed}")
    if command["returns"]:
        print(f"\nPrints: {command['returns']}")
    if command["examples"]:
        print("\nExamples:")
    for example in command["examples"]:
        print(f"  burblectl {example}")
    print(f"\nTags: {', '.join(command['tags'])}")
