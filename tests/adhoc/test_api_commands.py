"""Every command of the registry as an ad-hoc command."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from burble.commands import HIDDEN, CommandFailed
from burble.jid import JID
from burble.module import command
from burble.server import Server
from tests.adhoc.calls import DATA, call, complete, done, fields, info, listed, notes, refusal, send, text
from tests.client import ScriptedClient
from tests.conftest import Connect, Serve


@dataclass
class Row:
    """A row of a result."""

    jid: str
    number: int
    names: list[str]


class Oddities:
    """Commands with arguments and results of every kind."""

    def __init__(self) -> None:
        self.called: dict[str, Any] = {}

    @command(tags=["test"])
    def odd_take(
        self,
        user: str,
        host: str,
        text: str,
        number: Annotated[int, Field(ge=1)],
        flag: bool,
        kind: Literal["one", "two"],
        jid: JID,
        jids: list[JID],
        words: list[str],
        kinds: list[Literal["a", "b"]],
        rows: list[dict[str, int]],
        secret: Annotated[str, HIDDEN],
        body: str,
        share: float = 0.5,
        maybe: int | None = None,
        more: tuple[str, ...] = ("x", "y"),
    ) -> None:
        """Take arguments.

        And more of that.

        Args:
            user: a name.
            number: how many.
        """
        self.called = {key: value for key, value in locals().items() if key != "self"}

    @command(tags=["test"], safe=True)
    def odd_rows(self, many: int) -> list[Row]:
        """Give rows."""
        return [Row(f"user{number}@localhost", number, ["a", "b"]) for number in range(many)]

    @command(tags=["test"], safe=True)
    def odd_row(self) -> Row:
        """Give one row."""
        return Row("juliet@localhost", 1, ["a", "b"])

    @command(tags=["test"], safe=True, result="found::[name::string]")
    def odd_words(self) -> list[str]:
        """Give words."""
        return ["one", "two"]

    @command(tags=["test"], safe=True)
    def odd_text(self) -> str:
        """Give a text."""
        return "one\ntwo"

    @command(tags=["test"], safe=True, result="res::rescode")
    def odd_truth(self) -> bool:
        """Give a truth."""
        return False

    @command(tags=["test"])
    def odd_change(self) -> None:
        """Change something."""
        self.called = {"changed": True}

    @command(tags=["test"], safe=True)
    def odd_failure(self) -> None:
        """Fail."""
        raise CommandFailed("it can't be done")


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server that bard administers."""
    return await with_users(await serve(admins=["bard@localhost"]))


async def with_users(server: Server) -> Server:
    for user in ("bard", "juliet", "romeo"):
        await server.hosts["localhost"].register(user, "secret")
    return server


@pytest.fixture
def odd(server: Server) -> Oddities:
    oddities = Oddities()
    server.commands.add(oddities)
    return oddities


@pytest.fixture
async def bard(connect: Connect) -> ScriptedClient:
    return await connect("bard/globe")


def node(name: str) -> str:
    return f"api-commands/{name}"


def form(command: ET.Element) -> dict[str, tuple[str, list[str], bool]]:
    """Of each field the type, the options, and whether a value is needed."""
    return {
        field.get("var", ""): (
            field.get("type", ""),
            [option.findtext(f"{DATA}value") or "" for option in field.findall(f"{DATA}option")],
            field.find(f"{DATA}required") is not None,
        )
        for field in command.iter(f"{DATA}field")
    }


# ---- who may


async def test_administrators_see_every_command(server: Server, bard: ScriptedClient) -> None:
    shown = {each for each in await listed(bard) if each.startswith("api-commands/")}
    assert shown == {node(command.name) for command in server.commands}


async def test_others_see_none_and_are_told_the_rule(connect: Connect) -> None:
    juliet = await connect("juliet")
    assert not any(each.startswith("api-commands/") for each in await listed(juliet))
    answer = await send(juliet, node("register"))
    assert refusal(answer) == ("forbidden", "")
    assert "register is not allowed" in text(answer)
    assert "api.permissions.admins" in text(answer)
    assert refusal(await info(juliet, node("register"))) == ("forbidden", "")


async def test_a_rule_allows_some_of_them(serve: Serve, connect: Connect) -> None:
    """That of the settings, as for the other faces: but only where it names this one."""
    what = ["connected_users*"]
    server = await serve(
        api={
            "permissions": {
                "seen": {"interfaces": ["adhoc"], "who": ["romeo@localhost"], "what": what},
                "rest": {"who": ["accounts"], "what": ["*"]},
                "elsewhere": {
                    "interfaces": ["adhoc"],
                    "who": ["accounts"],
                    "what": ["*"],
                    "addresses": ["192.0.2.1"],
                },
            }
        }
    )
    romeo, juliet = await connect("romeo", to=server), await connect("juliet", to=server)
    assert set(await listed(romeo)) == {
        node(command.name) for command in server.commands if command.name.startswith("connected_users")
    }
    shown = await done(romeo, node("connected_users_number"))
    assert fields(shown) == {"num_sessions": ["2"]}
    assert "api.permissions.seen" in text(await send(romeo, node("status")))
    assert await listed(juliet) == {}


async def test_administrators_added_while_it_runs_are_of_their_host_only(
    server: Server, connect: Connect
) -> None:
    server.hosts["localhost"].added_admins = frozenset({"juliet@localhost"})
    assert not any(each.startswith("api-commands/") for each in await listed(await connect("juliet")))


async def test_names_are_exact(bard: ScriptedClient) -> None:
    for name in ("connected-users", "nonsense", ""):
        assert refusal(await send(bard, node(name))) == ("item-not-found", "")


# ---- arguments


GIVEN: dict[str, Any] = {
    "user": "Juliet",
    "host": "localhost",
    "text": "a text",
    "number": "7",
    "flag": "true",
    "kind": "two",
    "jid": "romeo@localhost/orchard",
    "jids": ["romeo@localhost", "nurse@localhost"],
    "words": ["two words", "one"],
    "kinds": ["b"],
    "rows": '[{"a": 1}]',
    "secret": "s3cr3t",
    "body": ["line one", "line two"],
    "share": "",
    "maybe": "",
    "more": "",
}


async def test_the_form_is_made_from_the_signature(odd: Oddities, bard: ScriptedClient) -> None:
    begun = await call(bard, node("odd_take"))
    shown = begun.find(f"{DATA}x")
    assert shown is not None
    assert shown.findtext(f"{DATA}title") == "odd_take"
    instructions = [each.text for each in shown.findall(f"{DATA}instructions")]
    assert instructions == ["Take arguments.", "And more of that."]
    assert form(begun) == {
        "user": ("text-single", [], True),
        "host": ("text-single", [], True),
        "text": ("text-single", [], False),
        "number": ("text-single", [], True),
        "flag": ("boolean", [], True),
        "kind": ("list-single", ["one", "two"], True),
        "jid": ("jid-single", [], True),
        "jids": ("jid-multi", [], False),
        "words": ("text-multi", [], False),
        "kinds": ("list-multi", ["a", "b"], False),
        "rows": ("text-multi", [], False),
        "secret": ("text-private", [], True),
        "body": ("text-multi", [], False),
        "share": ("text-single", [], False),
        "maybe": ("text-single", [], False),
        "more": ("text-multi", [], False),
    }
    defaults = {var: values for var, values in fields(begun).items() if values}
    assert defaults == {"host": ["localhost"], "share": ["0.5"], "more": ["x", "y"]}
    helped = {field.get("var"): field.findtext(f"{DATA}desc") for field in begun.iter(f"{DATA}field")}
    assert (helped["user"], helped["number"], helped["flag"]) == (
        "a name.",
        "how many.",
        "expected true or false",
    )


async def test_what_is_filled_in_becomes_arguments(odd: Oddities, bard: ScriptedClient) -> None:
    command = await done(bard, node("odd_take"), GIVEN)
    assert notes(command) == [("info", "It is done.")]
    assert odd.called == {
        "user": "juliet",
        "host": "localhost",
        "text": "a text",
        "number": 7,
        "flag": True,
        "kind": "two",
        "jid": "romeo@localhost/orchard",
        "jids": ["romeo@localhost", "nurse@localhost"],
        "words": ["two words", "one"],
        "kinds": ["b"],
        "rows": [{"a": 1}],
        "secret": "s3cr3t",
        "body": "line one\nline two",
        "share": 0.5,
        "maybe": None,
        "more": ("x", "y"),
    }


async def test_nothing_is_a_text_and_a_list_too(odd: Oddities, bard: ScriptedClient) -> None:
    await done(bard, node("odd_take"), {**GIVEN, "text": "", "words": [], "maybe": "3", "share": "1"})
    called = odd.called
    assert (called["text"], called["words"], called["maybe"], called["share"]) == ("", [], 3, 1.0)


@pytest.mark.parametrize(
    ("var", "value", "said"),
    [
        ("user", "", "'user': a value is required"),
        ("user", "a@b", "user: expected the name of an account"),
        ("host", "no host", "host: expected"),
        ("number", "seven", "'number'"),
        ("number", "0", "number: expected"),
        ("flag", "perhaps", "'flag'"),
        ("kind", "three", "'kind'"),
        ("jid", "@", "'jid'"),
        ("jids", ["romeo@localhost", "@"], "'jids'"),
        ("rows", "[{", "'rows': this is not JSON"),
        ("rows", '[{"a": "b"}]', "rows: expected"),
        ("text", None, "text: this argument is needed"),
    ],
)
async def test_wrong_and_missing_arguments_can_be_sent_again(
    odd: Oddities, bard: ScriptedClient, var: str, value: Any, said: str
) -> None:
    values = {**GIVEN, var: value}
    if value is None:
        del values[var]
    answer = await complete(bard, node("odd_take"), values)
    assert refusal(answer) == ("bad-request", "bad-payload")
    assert said in text(answer)
    assert odd.called == {}


async def test_secrets_stay_out_of_the_log(
    odd: Oddities, bard: ScriptedClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "burble.commands"):
        await done(bard, node("odd_take"), GIVEN)
    assert "bard@localhost by adhoc calls odd_take" in caplog.text
    assert "s3cr3t" not in caplog.text


# ---- without arguments


async def test_what_only_tells_something_is_done_at_once(odd: Oddities, bard: ScriptedClient) -> None:
    assert fields(await done(bard, node("odd_words"))) == {"found": ["one", "two"]}


async def test_what_changes_something_is_asked_for_first(odd: Oddities, bard: ScriptedClient) -> None:
    begun = await call(bard, node("odd_change"))
    assert begun.get("status") == "executing"
    assert odd.called == {}
    await call(bard, node("odd_change"), "complete", begun.get("sessionid"), {})
    assert odd.called == {"changed": True}


# ---- results


async def test_rows_are_a_table(odd: Oddities, bard: ScriptedClient) -> None:
    command = await done(bard, node("odd_rows"), {"many": "2"})
    reported = command.find(f"{DATA}x/{DATA}reported")
    assert reported is not None
    assert [field.get("var") for field in reported] == ["jid", "number", "names"]
    items = [
        {field.get("var"): [value.text for value in field] for field in item}
        for item in command.iter(f"{DATA}item")
    ]
    assert items[1] == {"jid": ["user1@localhost"], "number": ["1"], "names": ["a", "b"]}


async def test_a_long_table_is_cut(odd: Oddities, bard: ScriptedClient) -> None:
    command = await done(bard, node("odd_rows"), {"many": "1001"})
    assert len(list(command.iter(f"{DATA}item"))) == 1000
    assert notes(command) == [("warn", "These are 1000 of 1001; burblectl shows all.")]
    command = await done(bard, node("odd_rows"), {"many": "0"})
    assert fields(command) == {"result": []}


async def test_other_results(odd: Oddities, bard: ScriptedClient) -> None:
    row = {"jid": ["juliet@localhost"], "number": ["1"], "names": ["a", "b"]}
    assert fields(await done(bard, node("odd_row"))) == row
    assert fields(await done(bard, node("odd_text"))) == {"result": ["one", "two"]}
    assert fields(await done(bard, node("odd_truth"))) == {"res": ["0"]}


async def test_a_failure_is_told_in_a_note(odd: Oddities, bard: ScriptedClient) -> None:
    """XEP-0050 §3.6."""
    assert notes(await done(bard, node("odd_failure"))) == [("error", "it can't be done")]


async def test_a_command_of_a_module(server: Server, bard: ScriptedClient, connect: Connect) -> None:
    juliet = await connect("juliet")
    values = {"host": "localhost", "subject": "News", "body": ["There are", "rooms"]}
    await done(bard, node("announce_send_online"), values)
    assert (await juliet.next()).findtext("{jabber:client}body") == "There are\nrooms"
    wrong = await done(bard, node("announce_send_online"), {**values, "host": "elsewhere.lit"})
    assert notes(wrong)[0][0] == "error"


async def test_a_command_that_is_gone_meanwhile(server: Server, bard: ScriptedClient) -> None:
    off = server.commands.add(Oddities())
    begun = await call(bard, node("odd_change"))
    off()
    answer = await send(bard, node("odd_change"), "complete", begun.get("sessionid"))
    assert refusal(answer) == ("item-not-found", "")
