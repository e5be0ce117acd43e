"""Accounts exported from one server and imported by another (XEP-0227)."""

from __future__ import annotations

import stat
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import select

from burble.commands import CommandFailed
from burble.namespaces import CLIENT as CLIENT_NS
from burble.server import Server
from burble.storage.schema import account_tables, accounts, metadata
from burble.xml import parse_element
from tests.client import CLIENT, SASL, ScriptedClient
from tests.commands.calling import call
from tests.conftest import Connect, Serve

_XML = (b"<message", b"<presence", b"<vCard", b"<exodus")
KEPT = {
    "accounts",
    "archive_entries",
    "blocklist",
    "credentials",
    "last_activity",
    "offline_messages",
    "privacy_lists",
    "private_xml",
    "roster_items",
    "subscription_requests",
    "vcards",
}

# What an account loses when it moves to another server, and why.
LEFT = {
    "announcements_seen": "numbers of the messages of this server",
    "api_tokens": "for this server only",
    "archive_preferences": "a matter of taste, made anew",
    "bans": "why and since when; that it is banned is kept",
    "fast_tokens": "for this server only",
    "hibernated_sessions": "of this server's connections",
    "push_services": "a client enables them anew when it connects",
    "roster_versions": "made anew",
    "unacknowledged_stanzas": "of this server's connections",
}


async def furnish(client: ScriptedClient, *more: str) -> None:
    """Give an account something of everything."""
    for payload in (
        "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost' name=\"R'm&amp;o\">"
        "<group>Friends</group><group>Ex&lt;</group></item></query>",
        "<query xmlns='jabber:iq:roster'><item jid='tybalt@example.com'/></query>",
        "<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><nick>J</nick></exodus></query>",
        "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>",
        "<block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.com'/></block>",
        *more,
    ):
        answer = await client.ask("set", payload)
        assert answer.get("type") == "result", answer


LISTS = """<query xmlns='jabber:iq:privacy'><list name='work'>
<item type='group' value='Friends' action='deny' order='3'><message/></item><item action='allow' order='9'/>
</list></query>"""


def comparable(row: Iterable[object]) -> tuple[object, ...]:
    """A row with its XML in canonical form: attributes may change places on the way."""
    return tuple(
        ET.canonicalize(parse_element(each, CLIENT_NS).to_string())
        if isinstance(each, bytes) and each.startswith(_XML)
        else each
        for each in row
    )


async def rows(server: Server) -> dict[str, list[tuple[object, ...]]]:
    database = server.database
    await database.batch.flush()
    found = {}
    for table in metadata.sorted_tables:
        columns = [column for column in table.columns if column.name != "id"]
        found[table.name] = sorted(map(comparable, await database.fetch(select(*columns))), key=repr)
    return {name: values for name, values in found.items() if values}


@pytest.fixture
async def exported(server: Server, connect: Connect, tmp_path: Path) -> Path:
    """The directory with the export of the server, in which juliet has something of everything."""
    romeo = await connect("romeo/orchard")
    romeo.write("<presence to='nurse@localhost' type='subscribe'><status>hi</status></presence>")
    await romeo.sync()
    juliet = await connect("juliet/balcony")
    await furnish(juliet, LISTS)
    romeo.write("<message to='nurse@localhost' type='chat'><body>where is she?</body></message>")
    await romeo.sync()
    for client in (juliet, romeo):
        client.write("</stream:stream>")
        await client.closed()
    said = await call(server, "export_piefxis", str(tmp_path / "out"))
    assert said.startswith("3 accounts exported to ")
    return tmp_path / "out"


def main_file(directory: Path) -> Path:
    return min(directory.iterdir(), key=lambda path: len(path.name))


async def test_everything_arrives(server: Server, exported: Path, serve: Serve, connect: Connect) -> None:
    other = await serve(database={"url": f"sqlite:///{exported.parent / 'other.db'}"})
    said = await call(other, "import_piefxis", str(main_file(exported)))
    assert said.startswith("3 accounts imported, with ")
    before, after = await rows(server), await rows(other)
    for there in (before, after):
        for name in LEFT:
            there.pop(name, None)
    assert set(before) >= KEPT
    assert after == before

    romeo = await connect("romeo/orchard", to=other)
    romeo.write("<presence/>")
    nurse = await connect("nurse/kitchen", to=other)
    nurse.write("<presence/>")
    message = await nurse.find(lambda each: each.tag == f"{CLIENT}message")
    assert message.findtext(f"{CLIENT}body") == "where is she?"
    request = await nurse.find(lambda each: each.get("type") == "subscribe")
    assert request.get("from") == "romeo@localhost"


async def test_what_is_here_already_stays(server: Server, exported: Path) -> None:
    before = await rows(server)
    said = await call(server, "import_piefxis", str(main_file(exported)))
    assert said == "0 accounts imported, with 0 rows; 3 are here already and stay as they are"
    assert await rows(server) == before


async def test_a_dry_run_only_counts(exported: Path, serve: Serve) -> None:
    other = await serve(database={"url": f"sqlite:///{exported.parent / 'other.db'}"})
    said = await call(other, "import_piefxis", str(main_file(exported)), "true")
    assert said.startswith("3 accounts would be imported, with ")
    assert await rows(other) == {}
    assert await call(other, "import_piefxis", str(main_file(exported))) == said.replace("would be ", "")


async def test_modules_hear_of_accounts_that_came(exported: Path, serve: Serve, connect: Connect) -> None:
    other = await serve(database={"url": f"sqlite:///{exported.parent / 'other.db'}"})
    host = other.hosts["localhost"]
    # It is known of all three that they do not exist.
    client = await connect(to=other)
    await client.open()
    assert (await client.authenticate("juliet", "secret")).tag == f"{SASL}failure"
    assert not await host.authenticator.exists("nurse")
    await call(other, "import_piefxis", str(main_file(exported)))
    assert await host.authenticator.exists("nurse")
    assert host.modules["offline"].kept("nurse") == 1
    juliet = await connect("juliet/balcony", to=other)
    answer = await juliet.ask("get", "<query xmlns='jabber:iq:roster'/>")
    assert len(answer.findall(".//{jabber:iq:roster}item")) == 2
    juliet.write("<message to='tybalt@example.com' type='chat' id='m'><body>no</body></message>")
    assert (await juliet.next()).find(".//{urn:xmpp:blocking:errors}blocked") is not None


async def test_a_banned_account_is_still_banned(server: Server, tmp_path: Path, serve: Serve) -> None:
    await server.hosts["localhost"].authenticator.set_disabled("romeo", True)
    await call(server, "export_piefxis_host", str(tmp_path / "out"), "localhost")
    other = await serve(database={"url": f"sqlite:///{tmp_path / 'other.db'}"})
    await call(other, "import_piefxis", str(main_file(tmp_path / "out")))
    assert await other.hosts["localhost"].authenticator.is_disabled("romeo")
    assert not await other.hosts["localhost"].authenticator.is_disabled("juliet")


def test_only_the_owner_may_read_an_export(exported: Path) -> None:
    names = sorted(path.name for path in exported.glob("*"))
    assert len(names) == 2
    assert names[0] == names[1].replace("_localhost", "")
    assert {stat.S_IMODE(path.stat().st_mode) for path in exported.glob("*")} == {0o600}


async def test_an_export_that_cannot_be_written(server: Server) -> None:
    with pytest.raises(CommandFailed, match="/proc/nowhere can't be written"):
        await call(server, "export_piefxis", "/proc/nowhere")
    with pytest.raises(CommandFailed, match=r"other\.example is not served here"):
        await call(server, "export_piefxis_host", "out", "other.example")


def test_whoever_adds_a_table_thinks_of_moving_it() -> None:
    assert {table.name for table in account_tables()} == KEPT | set(LEFT)
    assert accounts.name in KEPT
