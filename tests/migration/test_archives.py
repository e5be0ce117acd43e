"""Archives that come with accounts (XEP-0227 §4.10)."""

from __future__ import annotations

import asyncio
import os
import xml.etree.ElementTree as ET
from pathlib import Path

from sqlalchemy import func, select

from burble.server import Server
from burble.storage.schema import archive_stanzas
from tests.client import ScriptedClient
from tests.commands.calling import call
from tests.conftest import Connect, Serve

PIE = "xmlns='urn:xmpp:pie:0'"
MAM = "urn:xmpp:mam:2"


def result(id: str, stamp: str, text: str, user: str = "mercutio") -> str:
    return (
        f"<result xmlns='{MAM}' id='{id}'><forwarded xmlns='urn:xmpp:forward:0'>"
        f"<delay xmlns='urn:xmpp:delay' stamp='{stamp}'/><message xmlns='jabber:client' "
        f"from='romeo@localhost/orchard' to='{user}@localhost' type='chat'><body>{text}</body></message>"
        "</forwarded></result>"
    )


def account(user: str, *results: str) -> str:
    archive = f"<archive xmlns='urn:xmpp:pie:0#mam'>{''.join(results)}</archive>"
    return f"<user name='{user}' password='secret'>{archive}</user>"


async def take(server: Server, path: Path, *accounts: str) -> str:
    text = f"<server-data {PIE}><host jid='localhost'>{''.join(accounts)}</host></server-data>"
    await asyncio.to_thread(path.write_text, text)
    said: str = await call(server, "import_piefxis", str(path))
    return said


async def archive(client: ScriptedClient) -> list[tuple[str, str | None, str | None]]:
    """What is in the archive: the id, the time and the text of each message."""
    answer = await client.ask("set", f"<query xmlns='{MAM}'/>")
    assert answer.get("type") == "result", ET.tostring(answer)
    client.write("<iq type='get' id='end' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    found = []
    while (element := await client.next()).get("id") != "end":
        for each in element.iter(f"{{{MAM}}}result"):
            delay = each.find(".//{urn:xmpp:delay}delay")
            assert delay is not None
            text = each.findtext(".//{jabber:client}body")
            found.append((each.get("id") or "", delay.get("stamp"), text))
    return found


async def test_messages_come_in_their_order_with_their_times(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    # As Prosody writes them: ids of its own, times to the second.
    said = await take(
        server,
        tmp_path / "main.xml",
        account(
            "mercutio",
            result("x1", "2020-01-01T00:00:00Z", "one"),
            result("x2", "2020-01-01T00:00:00Z", "two"),
            result("1577836801000000", "2020-01-01T00:00:01Z", "three"),
            result("x4", "never", "four"),
            "<result xmlns='urn:xmpp:mam:2'/>",
        ),
    )
    assert said == "1 accounts imported, with 3 rows; ignored: 2 archived messages that are none"
    found = await archive(await connect("mercutio/square"))
    assert [text for _, _, text in found] == ["one", "two", "three"]
    assert [stamp and stamp[:19] for _, stamp, _ in found] == [
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:00",
        "2020-01-01T00:00:01",
    ]
    assert len({id for id, _, _ in found}) == 3


async def test_no_message_takes_the_place_of_another(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    # The same moment in two archives: nobody may see what another was written.
    stamp = "2020-01-01T00:00:00Z"
    await take(server, tmp_path / "one.xml", account("mercutio", result("1", stamp, "for mercutio")))
    await take(
        server,
        tmp_path / "two.xml",
        account("benvolio", result("1", stamp, "for benvolio", "benvolio")),
        account("tybalt", result("1", stamp, "for tybalt", "tybalt")),
    )
    for user in ("mercutio", "benvolio", "tybalt"):
        found = await archive(await connect(f"{user}/square"))
        assert [text for _, _, text in found] == [f"for {user}"]


async def test_a_message_in_two_archives_is_stored_once(
    server: Server, connect: Connect, serve: Serve, tmp_path: Path
) -> None:
    juliet = await connect("juliet/balcony")
    juliet.write("<message to='romeo@localhost' type='chat'><body>Ay me</body></message>")
    await juliet.sync()
    before = await archive(juliet)
    assert [text for _, _, text in before] == ["Ay me"]
    await call(server, "export_piefxis", str(tmp_path / "out"))
    main = tmp_path / "out" / min(os.listdir(tmp_path / "out"), key=len)
    other = await serve(database={"url": f"sqlite:///{tmp_path / 'other.db'}"})
    await call(other, "import_piefxis", str(main))
    for user in ("juliet", "romeo"):
        assert (user, await archive(await connect(f"{user}/elsewhere", to=other))) == (user, before)
    row = await other.database.fetch_one(select(func.count()).select_from(archive_stanzas))
    assert row is not None
    assert row[0] == 1
    # What is said from now on gets numbers behind those that came.
    client = await connect("juliet/again", to=other)
    client.write("<message to='romeo@localhost' type='chat'><body>More</body></message>")
    await client.sync()
    assert [text for _, _, text in await archive(client)] == ["Ay me", "More"]


async def test_an_archive_larger_than_a_transaction(server: Server, connect: Connect, tmp_path: Path) -> None:
    count = 5001
    results = [
        result(str(each), f"2020-01-01T{each // 3600:02}:{each // 60 % 60:02}:{each % 60:02}Z", str(each))
        for each in range(count)
    ]
    said = await take(server, tmp_path / "main.xml", account("mercutio", *results))
    assert said == f"1 accounts imported, with {count} rows"
    row = await server.database.fetch_one(select(func.count()).select_from(archive_stanzas))
    assert row is not None
    assert row[0] == count
    # And it stays as it is when it comes again.
    said = await take(server, tmp_path / "main.xml", account("mercutio", *results))
    assert said == "0 accounts imported, with 0 rows; 1 are here already and stay as they are"
    assert (await archive(await connect("mercutio/square")))[0][2] == "0"
