"""Accounts that move between Burble and ejabberd, both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from burble.server import Server
from tests.client import CLIENT
from tests.commands.calling import call
from tests.conftest import Connect
from tests.migration.ejabberd import Ejabberd, binary, show

HOST = binary("localhost")
ROSTER = "<query xmlns='jabber:iq:roster'/>"
VCARD = "<vCard xmlns='vcard-temp'><FN>Mercutio</FN></vCard>"
SPOOL = f"""\
<xdb><password xmlns='jabber:iq:auth'>queen mab</password>
<query xmlns='jabber:iq:roster'><item jid='romeo@localhost' name='Romeo' subscription='both'>\
<group>Friends</group></item></query>{VCARD}
<foo xmlns='jabber:x:offline'><message xmlns='jabber:client' from='romeo@localhost/orchard' \
to='mercutio@localhost' type='chat'><body>Peace, peace</body></message></foo>
<storage xmlns='storage:bookmarks' j_private_flag='1'><url name='x' url='y'/></storage></xdb>
"""


def main_file(directory: Path) -> Path:
    return min(directory.glob("*.xml"), key=lambda path: len(path.name))


@pytest.mark.parametrize("format", ["scram", "plain"])
async def test_from_ejabberd(server: Server, connect: Connect, tmp_path: Path, format: str) -> None:
    out, spool = tmp_path / "out", tmp_path / "in" / "localhost"
    for directory in (out, spool):
        directory.mkdir(parents=True)
    (spool / "mercutio.xml").write_text(SPOOL)
    calls = [
        show(f"jd2ejd:import_file({binary(spool / 'mercutio.xml')})"),
        show(f"ejabberd_piefxis:export_server({binary(out)})"),
    ]
    assert await asyncio.to_thread(Ejabberd(tmp_path, format).run, *calls) == "ok\nok\n"

    said = await call(server, "import_piefxis", str(main_file(out)))
    assert said == "1 accounts imported, with 5 rows"
    client = await connect()
    await client.login("mercutio", "queen mab", "square")
    (item,) = (await client.ask("get", ROSTER)).findall(".//{jabber:iq:roster}item")
    assert (item.get("jid"), item.get("name")) == ("romeo@localhost", "Romeo")
    answer = await client.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert answer.findtext(".//{vcard-temp}FN") == "Mercutio"
    wanted = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
    assert len((await client.ask("get", wanted)).findall(".//{storage:bookmarks}url")) == 1
    client.write("<presence/>")
    message = await client.find(lambda each: each.tag == f"{CLIENT}message")
    assert message.findtext(f"{CLIENT}body") == "Peace, peace"


async def test_to_ejabberd(server: Server, connect: Connect, tmp_path: Path) -> None:
    juliet, romeo = await connect("juliet/balcony"), await connect("romeo/orchard")
    await juliet.ask(
        "set",
        "<query xmlns='jabber:iq:roster'><item jid='romeo@localhost' name='Romeo'>"
        "<group>Friends</group></item></query>",
    )
    await juliet.ask("set", VCARD)
    private = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
    await juliet.ask("set", private)
    romeo.write("<message to='nurse@localhost' type='chat'><body>where is she?</body></message>")
    romeo.write("<presence to='nurse@localhost' type='subscribe'/>")
    await romeo.sync()
    await call(server, "export_piefxis", str(tmp_path / "out"), "ejabberd")

    check = "ejabberd_auth:check_password({user}, <<>>, {host}, {password})"
    juliet_, nurse = binary("juliet"), binary("nurse")
    printed = await asyncio.to_thread(
        Ejabberd(tmp_path, "scram").run,
        show(f"ejabberd_piefxis:import_file({binary(main_file(tmp_path / 'out'))})"),
        show("lists:sort([User || {User, _} <- ejabberd_auth:get_users()])"),
        show(check.format(user=juliet_, host=HOST, password=binary("secret"))),
        show(check.format(user=juliet_, host=HOST, password=binary("other"))),
        show(f"[element(5, Item) || Item <- mod_roster:get_roster({juliet_}, {HOST})]"),
        show(f"length(mod_vcard:get_vcard({juliet_}, {HOST}))"),
        show(f"length(mod_private:get_data({juliet_}, {HOST}))"),
        show(f"mod_offline:count_offline_messages({nurse}, {HOST})"),
        show(f"[element(7, Item) || Item <- mod_roster:get_roster({nurse}, {HOST})]"),
    )
    assert printed.splitlines() == [
        "ok",
        '[<<"juliet">>,<<"nurse">>,<<"romeo">>]',
        "true",
        "false",
        '[<<"Romeo">>]',
        "1",
        "1",
        "1",
        "[in]",
    ]
