"""Every name of ejabberd's commands is accounted for, and what is there is what ejabberd has."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from burble.commands import Command
from burble.commands.results import read_result

DOCS = Path(__file__).parent.parent.parent / "docs"
GENERATOR: dict[str, Any] = runpy.run_path(str(DOCS / "generate_commands.py"))
ROWS: list[dict[str, str]] = GENERATOR["table"]("commands.tsv")
COMMANDS: dict[str, list[Command]] = GENERATOR["commands"]()
UNDONE: dict[str, tuple[str, str]] = GENERATOR["undone"]()

_NAME = re.compile(r"(\w+)::")

#: Where a command takes or tells something else than ejabberd's, and why.
DIFFERENT = {
    "status": "a record says more than ejabberd's sentence, which a link named ejabberdctl prints",
    "help": "what is told is printed by the program",
    "print_sql_schema": "what ejabberdctl prints itself is the result",
}


def arguments(text: str) -> list[str]:
    """The names of arguments, those of lists' items and tuples' fields left out."""
    while (inner := re.sub(r"\[[^][]*\]|\([^()]*\)", "", text)) != text:
        text = inner
    return _NAME.findall(text)


def in_version(name: str, version: int) -> Command:
    """A command as it was in a version of the API."""
    versions = COMMANDS[name]
    return next((each for each in reversed(versions) if each.version <= version), versions[0])


def test_each_of_ejabberds_commands_is_done_or_has_a_reason_why_not() -> None:
    names = {row["name"] for row in ROWS}
    assert len(names) == 240
    assert names - COMMANDS.keys() == UNDONE.keys() - COMMANDS.keys()
    assert {state for state, _ in UNDONE.values()} == {"not yet", "not applicable"}


DONE = [row for row in ROWS if row["name"] in COMMANDS and row["name"] not in DIFFERENT]


@pytest.mark.parametrize("row", DONE, ids=lambda row: f"{row['name']}-v{row['version']}")
def test_arguments_and_results_are_ejabberds(row: dict[str, str]) -> None:
    command = in_version(row["name"], int(row["version"]))
    required = [argument.name for argument in command.arguments if argument.required]
    names = arguments(row["arguments"])
    assert [argument.name for argument in command.arguments][: len(names)] == names
    assert set(required) <= set(names)
    assert command.described == read_result(row["result"])


def test_the_page_is_up_to_date() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert page == GENERATOR["commands_page"](), "docs/commands.md is old: run `make docs`"
