"""Accounts from the files of Prosody."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burble.auth.scram import derive_keys
from burble.commands import CommandFailed
from burble.migration.lua import LuaError, read_items, read_return
from burble.server import Server
from tests.client import CLIENT
from tests.commands.calling import call
from tests.conftest import Connect

SALT = "2e774adb-f7f3-447b-a138-da601a04a5bd"
KEYS = derive_keys("queen mab", "SHA-1", SALT.encode(), 4096)

# As Prosody 0.12 writes them.
ACCOUNT = f"""\
return {{
	["iteration_count"] = 4096;
	["server_key"] = "{KEYS.server_key.hex()}";
	["stored_key"] = "{KEYS.stored_key.hex()}";
	["salt"] = "{SALT}";
}};
"""
ROSTER = """\
return {
	[false] = {
		["version"] = 3;
		["pending"] = {
			["paris@localhost"] = true;
			["nurse@localhost"] = {
				["name"] = "presence";
				["attr"] = {
					["type"] = "subscribe";
				};
			};
		};
	};
	["romeo@localhost"] = {
		["subscription"] = "both";
		["groups"] = {
			["Friends"] = true;
		};
		["name"] = "R\\195\\169o";
	};
};
"""
VCARD = """\
return {
	{
		"Mercutio";
		["name"] = "FN";
		["attr"] = {};
	};
	["name"] = "vCard";
	["attr"] = {
		["xmlns"] = "vcard-temp";
	};
};
"""
PRIVATE = """\
return {
	["storage:storage:bookmarks"] = {
		{
			["name"] = "url";
			["attr"] = {
				["name"] = "x";
			};
		};
		["name"] = "storage";
		["attr"] = {
			["xmlns"] = "storage:bookmarks";
		};
	};
};
"""
MESSAGE = """\
item({
	{
		"Pea\\"ce,\\n p\\195\\169ace";
		["name"] = "body";
		["attr"] = {};
	};
	["key"] = "KEY";
	["when"] = 1577836800;
	["with"] = "romeo@localhost";
	["name"] = "message";
	["attr"] = {
		["type"] = "chat";
		["stamp"] = "2020-01-01T00:00:00Z";
		["from"] = "romeo@localhost/orchard";
		["to"] = "mercutio@localhost";
	};
});
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory of Prosody."""
    host = tmp_path / "prosody" / "localhost"
    files = {
        "accounts/mercutio.dat": ACCOUNT,
        "accounts/ben%2dvolio.dat": 'return { ["password"] = "part fools"; };',
        "roster/mercutio.dat": ROSTER,
        "vcard/mercutio.dat": VCARD,
        "private/mercutio.dat": PRIVATE,
        "blocklist/mercutio.dat": 'return { ["tybalt@localhost"] = true; };',
        "offline/mercutio.list": MESSAGE,
        "archive/mercutio.list": MESSAGE * 2,
        "pep/mercutio.dat": "return { };",
        "lastlog2/mercutio.dat": "return { };",
    }
    for name, text in files.items():
        path = host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "prosody" / "certs").mkdir()
    return tmp_path / "prosody"


async def test_accounts_arrive(server: Server, connect: Connect, data: Path) -> None:
    said = await call(server, "import_prosody", str(data), "true")
    assert said == "2 accounts would be imported, with 10 rows; ignored: 1 files in pep"
    assert await call(server, "import_prosody", str(data)) == said.replace("would be ", "")
    assert await call(server, "registered_users", "localhost") == [
        *("ben-volio", "juliet", "mercutio", "nurse", "romeo")
    ]
    other = await connect()
    await other.login("ben-volio", "part fools")
    client = await connect()
    await client.login("mercutio", "queen mab", "square")
    (item,) = (await client.ask("get", "<query xmlns='jabber:iq:roster'/>")).findall(
        ".//{jabber:iq:roster}item"
    )
    assert (item.get("jid"), item.get("name"), item.get("subscription")) == (
        *("romeo@localhost", "Réo", "both"),
    )
    assert item.findtext("{jabber:iq:roster}group") == "Friends"
    answer = await client.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert answer.findtext(".//{vcard-temp}FN") == "Mercutio"
    answer = await client.ask(
        "get", "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
    )
    (url,) = answer.findall(".//{storage:bookmarks}url")
    assert url.get("name") == "x"
    answer = await client.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert [each.get("jid") for each in answer.iter("{urn:xmpp:blocking}item")] == ["tybalt@localhost"]
    await client.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    archived = [await client.find(lambda each: each.tag == f"{CLIENT}message") for _ in range(2)]
    assert [each.findtext(f".//{CLIENT}body") for each in archived] == ['Pea"ce,\n péace'] * 2
    client.write("<presence/>")
    message = await client.find(lambda each: each.find(f"{CLIENT}body") is not None)
    assert message.findtext(f"{CLIENT}body") == 'Pea"ce,\n péace'
    assert "stamp" not in message.attrib
    (delay,) = message.findall("{urn:xmpp:delay}delay")
    assert delay.get("stamp") == "2020-01-01T00:00:00Z"
    requests = {
        (await client.find(lambda each: each.get("type") == "subscribe")).get("from") for _ in range(2)
    }
    assert requests == {"paris@localhost", "nurse@localhost"}


async def test_directories_that_are_no_good(server: Server, data: Path) -> None:
    with pytest.raises(CommandFailed, match="has no directory of a host with accounts, as Prosody has"):
        await call(server, "import_prosody", str(data / "localhost"))
    with pytest.raises(CommandFailed, match="nowhere can't be read: no such file or directory"):
        await call(server, "import_prosody", "/nowhere")
    path = data / "localhost" / "roster" / "mercutio.dat"
    path.write_text("return os.execute('rm -rf /');")
    with pytest.raises(CommandFailed, match=r"mercutio\.dat: not as Prosody writes: line 1: expected a"):
        await call(server, "import_prosody", str(data))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("return 1", 1),
        ("return -3;", -3),
        ("return 1.5e3;", 1500.0),
        ("return 0xff;", 255),
        ("-- a comment\nreturn true;", True),
        ("return nil;", None),
        (r'return "a\"b\\c\n\065\x42\z  ";', 'a"b\\c\nAB'),
        ("return {};", {}),
        ("return { 1, 2; 3 };", {1: 1, 2: 2, 3: 3}),
        ('return { a = { ["b"] = "c" }, "d" };', {"a": {"b": "c"}, 1: "d"}),
        ("return { [false] = 1; [0] = 2; [true] = 3; 4 };", {"<false>": 1, 0: 2, "<true>": 3, 1: 4}),
    ],
)
def test_lua(text: str, value: object) -> None:
    assert read_return(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "return",
        "return f();",
        'return "a',
        "return {",
        "return { [{}] = 1 };",
        "return 1; 2",
        "x",
        "return " + "{" * 999,
    ],
)
def test_what_is_no_data_in_lua(text: str) -> None:
    with pytest.raises(LuaError):
        read_return(text.encode())


@given(st.binary())
def test_lua_garbage(data: bytes) -> None:
    for read in (read_return, lambda data: [*read_items(data)]):
        try:
            read(data)
        except LuaError:
            pass
