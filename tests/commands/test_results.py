"""Results in the shapes that programs written for ejabberd read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from burble.commands.results import as_rest, as_xmlrpc, read_result


@dataclass
class Presence:
    status: str
    jid: str
    priority: int
    groups: list[str]


PRESENCE = Presence("at the ball", "juliet@localhost/balcony", 5, ["Friends", "Family"])
TUPLE = "presence::(jid::string, priority::integer, groups::[group::string])"


@pytest.mark.parametrize(
    ("described", "value", "rest", "xmlrpc"),
    [
        ("res::rescode", None, 0, {"res": 0}),
        (
            "sent::(from::string, to::string)",
            {"to": "b", "from_": "a"},
            {"from": "a", "to": "b"},
            {"sent": [{"from": "a"}, {"to": "b"}]},
        ),
        ("res::rescode", False, 1, {"res": 1}),
        ("res::restuple", "done", "done", {"res": 0, "text": "done"}),
        ("res::restuple", None, "", {"res": 0, "text": ""}),
        ("num_sessions::integer", 7, {"num_sessions": 7}, {"num_sessions": 7}),
        ("value::string", 7, {"value": "7"}, {"value": "7"}),
        ("users::[username::string]", ["a"], ["a"], {"users": [{"username": "a"}]}),
        (
            TUPLE,
            PRESENCE,
            {"jid": "juliet@localhost/balcony", "priority": 5, "groups": ["Friends", "Family"]},
            {
                "presence": [
                    {"jid": "juliet@localhost/balcony"},
                    {"priority": 5},
                    {"groups": [{"group": "Friends"}, {"group": "Family"}]},
                ]
            },
        ),
        (
            "pairs::[pair::(user::string, contact::string)]",
            [("a", "b")],
            [{"user": "a", "contact": "b"}],
            {"pairs": [{"pair": [{"user": "a"}, {"contact": "b"}]}]},
        ),
    ],
)
def test_the_shapes_of_ejabberd(described: str, value: Any, rest: Any, xmlrpc: Any) -> None:
    assert as_rest(read_result(described), value) == rest
    assert as_xmlrpc(read_result(described), value) == xmlrpc


def test_without_a_description_results_are_plain() -> None:
    assert as_rest(None, None) == as_xmlrpc(None, None) == 0
    assert as_rest(None, PRESENCE)["jid"] == as_xmlrpc(None, PRESENCE)["jid"] == "juliet@localhost/balcony"
    assert as_rest(None, [{"name": None}]) == [{"name": None}]
    assert as_xmlrpc(None, [{"name": None}]) == [{"name": ""}]


@pytest.mark.parametrize(
    "text", ["", "x", "x::", "x::float", "x::[y::string", "x::(y::string", "x::string y", "x::string!"]
)
def test_a_description_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_result(text)
