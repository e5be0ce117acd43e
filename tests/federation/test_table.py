"""The table in docs/federation.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests.federation import (
    test_chat,
    test_information,
    test_policy,
    test_presence,
    test_restarts,
    test_rooms,
    test_slixmpp,
    test_tls,
)

_PAGE = Path(__file__).parents[2] / "docs" / "federation.md"
_MODULES = (
    test_chat,
    test_information,
    test_policy,
    test_presence,
    test_restarts,
    test_rooms,
    test_slixmpp,
    test_tls,
)


def _rows() -> dict[str, list[str]]:
    """The cells of the table, by service."""
    text = _PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- What follows")[2].partition("<!-- The end")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    return {name: cells for name, *cells in rows[2:]}


def test_there_is_a_row_for_each_service() -> None:
    services = {
        mark.args[0]
        for module in _MODULES
        for function in vars(module).values()
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "service"
    }

    assert set(_rows()) == services


def test_what_does_not_work_is_explained() -> None:
    """A "no" without the number of a note would be a fault of Burble's."""
    unexplained = [name for name, cells in _rows().items() if re.search(r"\bno\b(?! \(\d)", "|".join(cells))]

    assert not unexplained
