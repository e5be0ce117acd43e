"""Commands that put many contacts into many rosters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burble.commands import ADMIN, Caller, CommandFailed
from burble.server import Server
from tests.conftest import Connect, Serve

CALLER = Caller("test", frozenset({ADMIN}))
FILE = """[{"romeo", "localhost", "Friends", "Ro\\"meo"},
 {<<"nurse">>, <<"localhost">>, <<"">>, <<"">>},
 {"juliet", "localhost", "Capulets", "Juliet"}].
"""


async def call(server: Server, name: str, *texts: str) -> Any:
    return await server.commands.call(name, list(texts), CALLER)


async def roster(server: Server, user: str) -> list[tuple[Any, ...]]:
    contacts = await call(server, "get_roster", user, "localhost")
    return [(each.jid, each.nick, each.subscription, each.groups) for each in contacts]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "roster.txt"
    path.write_text(FILE)
    return path


async def test_the_contacts_of_a_file_are_pushed(server: Server, connect: Connect, file: Path) -> None:
    juliet = await connect("juliet/balcony")
    await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    await call(server, "push_roster", str(file), "juliet", "localhost")
    pushed = [(await juliet.next()).find(".//{jabber:iq:roster}item") for _ in range(2)]
    assert [item.get("jid") for item in pushed if item is not None] == ["romeo@localhost", "nurse@localhost"]
    assert await roster(server, "juliet") == [
        ("nurse@localhost", "", "both", []),
        ("romeo@localhost", 'Ro"meo', "both", ["Friends"]),
    ]
    assert await roster(server, "romeo") == []


async def test_all_of_a_file_get_each_other(server: Server, connect: Connect, file: Path) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    for client in (juliet, romeo):
        client.write("<presence/>")
        await client.next()
    await call(server, "push_roster_all", str(file))
    assert [each[0] for each in await roster(server, "nurse")] == ["juliet@localhost", "romeo@localhost"]
    assert {(await juliet.next()).get("from"), (await romeo.next()).get("from")} == {
        "juliet@localhost/balcony",
        "romeo@localhost/orchard",
    }


async def test_all_accounts_get_each_other(server: Server) -> None:
    await call(server, "push_alltoall", "localhost", "Everybody")
    assert await roster(server, "romeo") == [
        ("juliet@localhost", "juliet", "both", ["Everybody"]),
        ("nurse@localhost", "nurse", "both", ["Everybody"]),
    ]


async def test_not_more_than_a_roster_holds(serve: Serve) -> None:
    server = await serve(limits={"roster_items": 1})
    for user in ("a", "b", "c"):
        await server.hosts["localhost"].register(user, "secret")
    with pytest.raises(CommandFailed, match="localhost has 3 accounts, and a roster at most 1 contacts"):
        await call(server, "push_alltoall", "localhost", "")
    assert await roster(server, "a") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "expected a list"),
        ('[{"romeo", "localhost", "Friends"}].', "expected a list"),
        ('[{"romeo", "local host", "Friends", "R"}].', "domainpart"),
        ('[{"nobody", "localhost", "Friends", "R"}].', "there is no account nobody@localhost"),
        ('[{"romeo", "elsewhere.example", "Friends", "R"}].', "elsewhere.example is not served here"),
    ],
)
async def test_a_file_with_a_mistake_changes_nothing(
    server: Server, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "roster.txt"
    path.write_text(FILE[:-3] + "," + text[1:] if text.startswith("[") else text)
    with pytest.raises(CommandFailed, match=said):
        await call(server, "push_roster_all", str(path))
    assert await roster(server, "juliet") == []
