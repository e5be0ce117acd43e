"""Print the results of commands: tables for a person at a terminal, plain lines for a script."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["show"]


def show(command: str, result: Any) -> None:
    """Print a result to the standard output.

    Args:
        command: what was called.
        result: as it came out of JSON.
    """
    if command == "help":
        _help(result)
    elif result is None:
        return
    elif sys.stdout.isatty() and _records(result):
        _table(result if isinstance(result, list) else [result])
    else:
        for line in lines(result):
            print(line)


def lines(result: Any) -> list[str]:
    """A result as plain lines.

    One for each item of a list, the fields of an item parted by tabs; of a single record one for each field,
    with its name.
    """
    if isinstance(result, list):
        return [
            "\t".join(map(text, each.values())) if isinstance(each, dict) else text(each) for each in result
        ]
    if isinstance(result, dict):
        return [f"{key}\t{text(value)}" for key, value in result.items()]
    return [text(result)]


def text(value: Any) -> str:
    """A single value as text."""
    if isinstance(value, list):
        return ",".join(map(text, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _records(result: Any) -> bool:
    return isinstance(result, dict) or (isinstance(result, list) and any(isinstance(e, dict) for e in result))


def _table(records: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if len(records) == 1:
        table = Table(box=box.SIMPLE, show_header=False)
        for key, value in records[0].items():
            table.add_row(f"[bold]{key}[/]", _escaped(value))
    else:
        table = Table(*records[0], box=box.SIMPLE)
        for record in records:
            table.add_row(*map(_escaped, record.values()))
    Console().print(table)


def _escaped(value: Any) -> str:
    from rich.markup import escape

    return escape(text(value))


# ---- help


def _help(commands: list[dict[str, Any]]) -> None:
    if len(commands) == 1:
        _explain(commands[0])
    elif sys.stdout.isatty():
        _table([{"command": each["usage"], "what it does": each["summary"]} for each in commands])
    else:
        for each in commands:
            print(f"{each['usage']}\t{each['summary']}")


def _explain(command: dict[str, Any]) -> None:
    print(f"burblectl {command['usage']}\n\n{command['summary']}")
    if command["description"]:
        print(f"\n{command['description']}")
    if command["arguments"]:
        print("\nArguments:")
    for argument in command["arguments"]:
        needed = "" if argument["required"] else " (may be left out)"
        what = argument["text"] or "expected:"
        print(f"  {argument['name'].upper()}: {what} {_expected(argument)}{needed}")
    if command["returns"]:
        print(f"\nPrints: {command['returns']}")
    if command["examples"]:
        print("\nExamples:")
    for example in command["examples"]:
        print(f"  burblectl {example}")


def _expected(argument: dict[str, Any]) -> str:
    return f"[{argument['expected']}]"
