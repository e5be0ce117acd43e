"""What a test is about, and the table that is made of what came out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar, cast

import pytest

#: Who starts a conversation, and with whom. Without Burble: what the others do is what to expect of it.
PAIRS = (
    ("burble", "prosody"),
    ("prosody", "burble"),
    ("burble", "ejabberd"),
    ("ejabberd", "burble"),
    ("burble", "neighbour"),
    ("prosody", "ejabberd"),
    ("ejabberd", "prosody"),
)

#: What a server that is asked for a service does differently: service, server, why.
_DEVIATIONS = {
    ("unsubscription: end of presence", "prosody"): (
        "Prosody does not send who unsubscribes the end of the contact's presence (RFC 6121 §3.3.3)"
    ),
}
_LOST = "What is under way is lost without a word: neither knows what the other has taken"


#: Servers that are Burble with settings of their own.
_ALIASES = {"recluse": "burble"}
_PROOFS = ("dialback", "certificate")
_COLUMNS = {
    "Burble, Prosody": ("burble", "prosody"),
    "Burble, ejabberd": ("burble", "ejabberd"),
    "Burble, Burble": ("burble", "neighbour"),
    "Prosody, ejabberd": ("prosody", "ejabberd"),
}


def deviation(name: str, here: str, there: str) -> str | None:
    """Why a service can't be had between two servers, where that is not Burble's doing."""
    if name.startswith("10,000") and not {here, there} & {"burble", "neighbour"}:
        return _LOST
    return _DEVIATIONS.get((name, there))


Test = TypeVar("Test", bound=Callable[..., object])


def service(name: str, pairs: Sequence[tuple[str, str]] = PAIRS) -> Callable[[Test], Test]:
    """Name the row of the table that a test belongs to.

    Args:
        name: the row.
        pairs: for which pairs of servers the test is run.
    """
    return pytest.mark.service(name, pairs=pairs)


class Outcomes:
    """A plugin of pytest that remembers how the tests of services ended."""

    def __init__(self) -> None:
        self._passed: dict[tuple[str, str, str, str], bool] = {}
        self._services: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take the outcome of a test (pytest calls this)."""
        report = yield
        marker = item.get_closest_marker("service")
        if marker is None or (report.when != "call" and report.passed):
            return report
        name = marker.args[0]
        if name not in self._services:
            self._services.append(name)
        ends = cast(tuple[str, str, str], item.callspec.params["ends"])
        here, there, proof = (_ALIASES.get(each, each) for each in ends)
        key = (name, here, there, proof)
        if not report.skipped or hasattr(report, "wasxfail"):
            self._passed[key] = report.passed and self._passed.get(key, True)
        return report

    def table(self) -> str:
        """The rows of Markdown: a service each, a column for two servers and a proof."""
        head = [f"{pair}: {proof}" for pair in _COLUMNS for proof in _PROOFS]
        rows = [["", *head], ["---"] * (len(head) + 1)]
        notes: dict[str, int] = {}
        for name in self._services:
            cells = [self._cell(name, *pair, proof, notes) for pair in _COLUMNS.values() for proof in _PROOFS]
            rows.append([name, *cells])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines += ["", *(f"{number}. {reason}." for reason, number in notes.items())]
        return "\n".join(lines).strip() + "\n"

    def _cell(self, name: str, first: str, second: str, proof: str, notes: dict[str, int]) -> str:
        marks = {}
        for arrow, here, there in (("→", first, second), ("←", second, first)):
            passed = self._passed.get((name, here, there, proof))
            if passed is None:
                continue
            marks[arrow] = "yes" if passed else "no"
            if (reason := deviation(name, here, there)) and not passed:
                marks[arrow] += f" ({notes.setdefault(reason, len(notes) + 1)})"
        if len(set(marks.values())) == 1:
            return next(iter(marks.values()))
        return ", ".join(f"{arrow} {mark}" for arrow, mark in marks.items())
