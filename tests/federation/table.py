"""What a test is about, and the table that is made of what came out."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar, cast

import pytest

from tests.federation.peers import PROGRAMS, Proof

#: Who starts a conversation, and with whom. Without Burble: what the others do is what to expect of it.
PAIRS = (
    ("burble", "prosody"),
    ("prosody", "burble"),
    ("burble", "ejabberd"),
    ("ejabberd", "burble"),
    ("burble", "other-burble"),
    ("prosody", "ejabberd"),
    ("ejabberd", "prosody"),
)

#: What a server that is asked for a service does differently: service, server, why.
_DEVIATIONS = {
    ("unsubscription: end of presence", "prosody"): (
        "Prosody does not send who unsubscribes the end of the contact's presence (RFC 6121 §3.3.3)"
    ),
}
_FOR_CLIENTS_TOO = "ejabberd wants a certificate that is for clients as well, unless dialback is allowed"
_LOST_BY_EJABBERD = "Now and then ejabberd loses some of what it takes while it can't connect"


#: How the names of services begin that go on while a server is stopped and started.
RESTARTS = "10,000 messages"
LONG = os.environ.get("BURBLE_TEST_LONG") == "1"
PROOFS: tuple[Proof, ...] = ("dialback", "certificate")
_COLUMNS = {
    "Burble, Prosody": ("burble", "prosody"),
    "Burble, ejabberd": ("burble", "ejabberd"),
    "Burble, Burble": ("burble", "other-burble"),
    "Prosody, ejabberd": ("prosody", "ejabberd"),
}


def _program(kind: str) -> str:
    """The program that a server of a kind is."""
    return kind.rpartition("-")[2]


def deviation(name: str, here: str, there: str, proof: str) -> str | None:
    """Why a service can't be had between two servers, where that is not Burble's doing."""
    if name == "certificate for servers only" and (there, proof) == ("ejabberd", "certificate"):
        return _FOR_CLIENTS_TOO
    if name == f"{RESTARTS} while the receiver's server restarts" and here == "ejabberd":
        return _LOST_BY_EJABBERD
    return _DEVIATIONS.get((name, there))


def is_brief(name: str, here: str, there: str, proof: Proof) -> bool:
    """Whether a test is run each time; with BURBLE_TEST_LONG=1 all are, as for the table.

    What a service is like does not depend on how domains are proved, and much of the time goes into starting
    servers.
    """
    programs = {_program(here), _program(there)}
    if "burble" not in programs:
        return False
    if name == "chat":
        return True
    if name.startswith(RESTARTS):
        return programs == {"burble"} and proof == "certificate"
    if {here, there} - set(PROGRAMS) - {"other-burble"}:  # servers of which each is for one or two tests
        return programs == {"burble", "prosody"} and proof == "certificate"
    return proof == ("dialback" if "ejabberd" in programs else "certificate")


Test = TypeVar("Test", bound=Callable[..., object])


def service(
    name: str, pairs: Sequence[tuple[str, str]] = PAIRS, proofs: Sequence[Proof] = PROOFS
) -> Callable[[Test], Test]:
    """Name the row of the table that a test belongs to.

    Args:
        name: the row.
        pairs: for which pairs of servers the test is run.
        proofs: for which proofs of their domains.
    """
    return pytest.mark.service(name, pairs=pairs, proofs=proofs)


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
        here, there, proof = cast(tuple[str, str, str], item.callspec.params["ends"])
        here, there = _program(here), _program(there)
        if here == there:
            there = f"other-{there}"
        key = (name, here, there, proof)
        if not report.skipped or hasattr(report, "wasxfail"):
            self._passed[key] = report.passed and self._passed.get(key, True)
        return report

    def table(self) -> str:
        """The rows of Markdown: a service each, a column for two servers and a proof."""
        head = [f"{pair}: {proof}" for pair in _COLUMNS for proof in PROOFS]
        rows = [["", *head], ["---"] * (len(head) + 1)]
        notes: dict[str, int] = {}
        for name in self._services:
            cells = [self._cell(name, *pair, proof, notes) for pair in _COLUMNS.values() for proof in PROOFS]
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
            if reason := deviation(name, here, there, proof):
                marks[arrow] += f" ({notes.setdefault(reason, len(notes) + 1)})"
        if len(set(marks.values())) == 1 and (len(marks) == 2 or _program(first) == _program(second)):
            return marks["→"]
        return ", ".join(f"{arrow} {mark}" for arrow, mark in marks.items())
