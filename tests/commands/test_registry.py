"""The registry: what a signature says is what a caller may send, and what it is told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from burble.commands import (
    ADMIN,
    HIDDEN,
    Caller,
    CommandFailed,
    NotAllowed,
    Registry,
    UnknownCommand,
    UserName,
    WrongArguments,
    command,
)
from burble.errors import StanzaError
from burble.jid import JID

CALLER = Caller("test", frozenset({ADMIN}))


@dataclass
class Point:
    x: int
    y: int = 0


ORIGIN = Point(0)


class Examples:
    @command(tags=["a", "b"])
    def every_kind(
        self,
        text: str,
        number: int,
        factor: float,
        flag: bool,
        jid: JID,
        names: list[str],
        color: Literal["red", "green"],
        limit: int | None = None,
        point: Point = ORIGIN,
    ) -> list[object]:
        """Take one argument
        of each kind.

        More about it.

        Args:
            text: some text
                on two lines.
            number: a number.

        Returns:
            All of them.

        Example:
            every_kind a 1 0.5 true romeo@example.org x,y red
        """
        return [text, number, factor, flag, jid, names, color, limit, point]

    @command(tags=["a"])
    async def account(self, user: str, host: str, secret: Annotated[str, HIDDEN] = "") -> str:
        """Take an account."""
        return f"{user}@{host}"

    @command(tags=["a"])
    def fails(self, how: str) -> None:
        """Fail."""
        raise {"said": CommandFailed("no more rooms"), "stanza": StanzaError("conflict", "taken")}[how]

    @command(tags=["a"], name="other_name", access="gardener")
    def own(self) -> int:
        """Count."""
        return 7


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.add(Examples())
    return registry


GOOD = ["hello", "5", "0.5", "true", "Romeo@Example.ORG/Orchard", "x, y", "red"]


async def test_text_becomes_what_the_signature_says(registry: Registry) -> None:
    result = await registry.call("every_kind", [*GOOD, "9", '{"x": "3"}'], CALLER)
    assert result == [
        "hello",
        5,
        0.5,
        True,
        "romeo@example.org/Orchard",
        ["x", "y"],
        "red",
        9,
        Point(3),
    ]
    assert isinstance(result[4], JID)


async def test_what_is_left_out_has_its_default(registry: Registry) -> None:
    assert (await registry.call("every_kind", GOOD, CALLER))[-2:] == [None, ORIGIN]


async def test_arguments_by_name_keep_their_json_types(registry: Registry) -> None:
    names = ["text", "number", "factor", "flag", "jid", "names", "color"]
    values: list[Any] = ["a", 1, 2, False, "example.org", ["z"], "green"]
    result = await registry.call("every_kind", dict(zip(names, values, strict=True)), CALLER)
    assert result[:7] == values


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        (1, "five", "number: expected a whole number; got 'five'"),
        (2, "much", "factor: expected a number; got 'much'"),
        (3, "perhaps", "flag: expected true or false; got 'perhaps'"),
        (4, "@example.org", "jid: "),
        (6, "blue", 'color: expected "red" or "green"; got \'blue\''),
        (8, "{", "point: this is not JSON"),
    ],
)
async def test_a_wrong_argument_is_told_by_name(registry: Registry, place: int, text: str, said: str) -> None:
    texts = [*GOOD, "1", "{}"]
    texts[place] = text
    with pytest.raises(WrongArguments) as caught:
        await registry.call("every_kind", texts, CALLER)
    assert str(caught.value).startswith(said)
    assert "usage: every_kind TEXT NUMBER FACTOR FLAG JID NAMES COLOR [LIMIT] [POINT]" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            [],
            "user: this argument is needed\nhost: this argument is needed\nusage: account USER HOST [SECRET]",
        ),
        (["a", "b", "c", "d"], "got 4 arguments, expected 3"),
        ({"user": "a", "host": "b", "hots": "c"}, "hots: there is no such argument"),
        ({"user": "a", "host": 5}, "host: expected text; got 5"),
        (["a@b", "localhost"], 'user: expected the name of an account such as "juliet", without its domain'),
        (["", "localhost"], "user: expected the name of an account"),
        (["a", "x y"], 'host: expected a domain name such as "example.org"'),
    ],
)
async def test_wrong_calls(registry: Registry, arguments: Any, said: str) -> None:
    with pytest.raises(WrongArguments) as caught:
        await registry.call("account", arguments, CALLER)
    assert str(caught.value).startswith(said)


async def test_accounts_and_hosts_are_prepared(registry: Registry) -> None:
    """RFC 7622 §3: two spellings of one address are one account."""
    assert await registry.call("account", ["JULIET", "Example.ORG"], CALLER) == "juliet@example.org"


async def test_a_hyphen_stands_for_an_underscore(registry: Registry) -> None:
    assert registry.find("every-kind").name == "every_kind"


async def test_an_unknown_command_brings_the_nearest(registry: Registry) -> None:
    with pytest.raises(UnknownCommand, match="did you mean account") as caught:
        await registry.call("acount", [], CALLER)
    assert caught.value.nearest == ["account"]


async def test_who_lacks_the_role_is_refused_before_arguments_are_looked_at(registry: Registry) -> None:
    with pytest.raises(NotAllowed, match="gardener"):
        await registry.call("other_name", ["too", "many"], CALLER)
    assert await registry.call("other_name", [], Caller("test", frozenset({"gardener"}))) == 7


@pytest.mark.parametrize(
    ("how", "said"),
    [("said", "no more rooms"), ("stanza", "conflict: taken"), ("unforeseen", "it is in its log")],
)
async def test_a_failure_is_told_in_words(registry: Registry, how: str, said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        await registry.call("fails", [how], CALLER)


async def test_hidden_values_stay_out_of_log_and_errors(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await registry.call("account", ["juliet", "localhost", "hunter2"], CALLER)
    assert "account(user='juliet', host='localhost', secret=[hidden])" in caplog.text
    with pytest.raises(WrongArguments) as caught:
        await registry.call("account", {"user": "a", "host": "b", "secret": 4711}, CALLER)
    assert "4711" not in str(caught.value)
    assert "hunter2" not in caplog.text


def test_the_docstring_describes_the_command(registry: Registry) -> None:
    described = registry.find("every_kind")
    assert described.doc.summary == "Take one argument of each kind."
    assert described.doc.description == "More about it."
    assert described.arguments[0].help == "some text on two lines."
    assert described.doc.returns == "All of them."
    assert described.doc.examples == ("every_kind a 1 0.5 true romeo@example.org x,y red",)
    assert described.tags == ("a", "b")
    assert [each.name for each in registry] == ["account", "every_kind", "fails", "other_name"]


class ModuleWithCommand:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    @command(tags=["x"])
    def ask(self, host: str) -> str:
        """Ask."""
        return self.answer


async def test_a_modules_command_reaches_the_host_that_is_named(registry: Registry) -> None:
    registry.add(ModuleWithCommand("one"), "one.example")
    off = registry.add(ModuleWithCommand("two"), "two.example")
    assert await registry.call("ask", ["two.example"], CALLER) == "two"
    assert await registry.call("ask", ["one.example"], CALLER) == "one"
    off()
    with pytest.raises(CommandFailed, match=r"ask works on one.example only"):
        await registry.call("ask", ["two.example"], CALLER)


def test_a_command_that_is_unloaded_is_gone(registry: Registry) -> None:
    registry.add(ModuleWithCommand("one"), "one.example")()
    with pytest.raises(UnknownCommand):
        registry.find("ask")


class Untyped:
    @command(tags=[])
    def vague(self, what) -> None:
        """Lack a type."""


class Hostless:
    @command(tags=[])
    def lost(self, user: UserName) -> None:
        """Lack a host."""


class AnotherModuleWithCommand(ModuleWithCommand):
    @command(tags=["x"])
    def ask(self, host: str) -> str:
        """Ask something else."""
        return "other"


def test_two_modules_cannot_share_a_name(registry: Registry) -> None:
    registry.add(ModuleWithCommand("one"), "one.example")
    with pytest.raises(ValueError, match="there is a command ask already"):
        registry.add(AnotherModuleWithCommand(""), "two.example")


def test_signatures_that_are_no_commands_are_refused(registry: Registry) -> None:
    with pytest.raises(TypeError, match="vague: the argument what needs a type"):
        registry.add(Untyped())
    with pytest.raises(TypeError, match="lost of a module needs an argument 'host'"):
        registry.add(Hostless(), "one.example")
    with pytest.raises(ValueError, match="there is a command every_kind already"):
        registry.add(Examples())


class Postal:
    @command(tags=["x"], safe=True, result="letters::[letter::string]")
    def letters(self, from_: str, kinds: list[str], limit: int = 0) -> list[str]:
        """Tell.

        Args:
            from_: who wrote them.
        """
        return [from_, *kinds, str(limit)]


async def test_an_argument_may_have_the_name_of_a_python_keyword() -> None:
    registry = Registry()
    registry.add(Postal())
    found = registry.find("letters")
    assert (found.usage, found.arguments[0].help) == ("letters FROM KINDS [LIMIT]", "who wrote them.")
    assert await registry.call("letters", {"from": "a", "kinds": ["b"]}, CALLER) == ["a", "b", "0"]
    with pytest.raises(WrongArguments, match="from_: there is no such argument"):
        await registry.call("letters", {"from_": "a", "kinds": []}, CALLER)


def test_texts_by_name_are_read_as_those_in_order_are(registry: Registry) -> None:
    registry.add(Postal())
    found = registry.find("letters")
    read = found.read_named({"from": ["a"], "kinds": ["b", "c"], "other": ["d"]})
    assert read == {"from": "a", "kinds": ["b", "c"], "other": ["d"]}
    assert found.read_named({"kinds": ["b,c"]}) == {"kinds": ["b", "c"]}
    with pytest.raises(WrongArguments, match="from: this argument is given 2 times"):
        found.read_named({"from": ["a", "b"]})


async def test_a_judge_decides_in_place_of_the_roles(registry: Registry) -> None:
    refusal = NotAllowed("not today", "calendar", "wait until tomorrow")
    judged = Caller("test", frozenset({ADMIN}), lambda command: refusal)
    with pytest.raises(NotAllowed, match="not today") as caught:
        await registry.call("account", ["a", "b"], judged)
    assert (caught.value.rule, caught.value.remedy) == ("calendar", "wait until tomorrow")
    assert await registry.call("account", ["a", "b"], Caller("test", judge=lambda command: None)) == "a@b"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [({}, "missing"), ({"user": "a", "host": "b", "x": 1}, "unknown"), ({"user": 1, "host": "b"}, "value")],
)
async def test_wrong_arguments_say_for_programs_what_is_wrong(
    registry: Registry, arguments: Any, problem: str
) -> None:
    with pytest.raises(WrongArguments) as caught:
        await registry.call("account", arguments, CALLER)
    assert caught.value.problem == problem
