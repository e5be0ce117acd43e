"""Print the results of commands: tables for a person at a terminal, plain lines for a script."""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["lines", "show", "table"]


# What others wrote, such as a status, may hold what moves the cursor or forges lines.
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_IN_TEXT: Final = {code: text for code, text in _CONTROLS.items() if code not in (0x09, 0x0A)}
_IN_FIELDS: Final = _CONTROLS | {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def show(result: Any) -> None:
    """Print a result, as it came out of JSON, to the standard output."""
    if result is None:
        return
    if sys.stdout.isatty() and _records(result):
        table(result if isinstance(result, list) else [result])
    else:
        for line in lines(result):
            print(line.translate(_IN_TEXT) if sys.stdout.isatty() else line)


def lines(result: Any) -> list[str]:
    """A result as plain lines.

    One for each item of a list, the fields of an item parted by tabs; of a single record one for each field,
    with its name. Control characters in them are escaped. A result that is one text is as it is.
    """
    if isinstance(result, list):
        return [
            "\t".join(map(field, each.values())) if isinstance(each, dict) else field(each) for each in result
        ]
    if isinstance(result, dict):
        return [f"{key}\t{field(value)}" for key, value in result.items()]
    return [text(result)]


def field(value: Any) -> str:
    """A single value as text without control characters."""
    return text(value).translate(_IN_FIELDS)


def text(value: Any) -> str:
    """A single value as text."""
    if isinstance(value, list):
        return ",".join(map(text, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _records(result: Any) -> bool:
    return isinstance(result, dict) or (isinstance(result, list) and any(isinstance(e, dict) for e in result))


def table(records: list[dict[str, Any]], *, header: bool = True) -> None:
    """Print records as a table, a single one as its fields one below the other.

    Args:
        records: all with the same fields.
        header: whether to name the fields of several.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if len(records) == 1 and header:
        made = Table(box=box.SIMPLE, show_header=False)
        for key, value in records[0].items():
            made.add_row(f"[bold]{key}[/]", _escaped(value))
    else:
        made = Table(*records[0], box=box.SIMPLE, show_header=header)
        for record in records:
            made.add_row(*map(_escaped, record.values()))
    Console().print(made)


def _escaped(value: Any) -> str:
    from rich.markup import escape

    return escape(field(value))
