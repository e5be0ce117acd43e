"""Accounts from the spool of jabberd 1.4."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from burble.commands import CommandFailed
from burble.server import Server
from tests.client import CLIENT
from tests.commands.calling import call
from tests.conftest import Connect

# As jabberd 1.4.3 writes them.
MERCUTIO = """\
<xdb><password xmlns='jabber:iq:auth' xdbns='jabber:iq:auth'>queen mab</password>
<query xmlns='jabber:iq:register' xdbns='jabber:iq:register'><name>Mercutio</name><x xmlns='jabber:x:delay' \
stamp='20020121T12:00:00'>registered</x></query>
<query xmlns='jabber:iq:roster' xdbns='jabber:iq:roster'><item jid='romeo@localhost' name='Romeo' \
subscription='both'><group>Friends</group></item><item jid='@' subscription='both'/></query>
<query xmlns='jabber:iq:last' last='1011614400' xdbns='jabber:iq:last'>Unavailable</query>
<vCard xmlns='vcard-temp' xdbns='vcard-temp'><FN>Mercutio</FN></vCard>
<foo xmlns='jabber:x:offline' xdbns='jabber:x:offline'><message from='romeo@localhost/orchard' \
to='mercutio@localhost' type='chat'><body>Peace, peace</body><x xmlns='jabber:x:delay' \
from='mercutio@localhost' stamp='20020121T12:00:00'>Offline Storage</x></message></foo>
<storage xmlns='storage:bookmarks' xdbns='storage:bookmarks' j_private_flag='1'><url name='x' \
url='y'/></storage>
</xdb>
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    directory = tmp_path / "spool" / "localhost"
    directory.mkdir(parents=True)
    (directory / "mercutio.xml").write_text(MERCUTIO)
    (directory / "benvolio.xml").write_text("<xdb><password xmlns='jabber:iq:auth'>x</password></xdb>")
    (directory / "notes.txt").write_text("not a spool file")
    return directory


async def test_an_account_arrives(server: Server, connect: Connect, spool: Path) -> None:
    said = await call(server, "import_file", str(spool / "mercutio.xml"))
    assert said == (
        "1 accounts imported, with 6 rows; ignored: 1 elements query of jabber:iq:register; "
        "ignored: 1 contacts that can't be"
    )
    assert await call(server, "registered_users", "localhost") == ["juliet", "mercutio", "nurse", "romeo"]
    client = await connect()
    await client.login("mercutio", "queen mab", "square")
    (item,) = (await client.ask("get", "<query xmlns='jabber:iq:roster'/>")).findall(
        ".//{jabber:iq:roster}item"
    )
    assert (item.get("jid"), item.get("name"), item.get("subscription")) == (
        "romeo@localhost",
        "Romeo",
        "both",
    )
    answer = await client.ask("get", "<vCard xmlns='vcard-temp'/>")
    assert answer.findtext(".//{vcard-temp}FN") == "Mercutio"
    answer = await client.ask(
        "get", "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"
    )
    (url,) = answer.findall(".//{storage:bookmarks}url")
    assert url.attrib == {"name": "x", "url": "y"}
    client.write("<presence/>")
    message = await client.find(lambda each: each.tag == f"{CLIENT}message")
    assert message.findtext(f"{CLIENT}body") == "Peace, peace"
    (delay,) = message.findall("{urn:xmpp:delay}delay")
    assert delay.get("stamp") == "2002-01-21T12:00:00Z"


async def test_a_directory_arrives(server: Server, connect: Connect, spool: Path) -> None:
    said = await call(server, "import_dir", str(spool))
    assert said.startswith("2 accounts imported, with 6 rows; ")
    client = await connect()
    await client.login("benvolio", "x")
    assert (await call(server, "import_dir", str(spool))).startswith(
        "0 accounts imported, with 0 rows; 2 are here"
    )


async def test_files_that_are_no_good(server: Server, spool: Path) -> None:
    bad = {
        "a.xml": "<xml/>",
        "b.xml": "<xdb>",
        "c.xml": "<!DOCTYPE xdb [<!ENTITY e 'boo'>]><xdb>&e;</xdb>",
        "d@e.xml": "<xdb/>",
    }
    for name, text in bad.items():
        (spool / name).write_text(text)
        with pytest.raises(CommandFailed, match=name):
            await call(server, "import_file", str(spool / name))
    with pytest.raises(CommandFailed, match="nowhere can't be read: no such file"):
        await call(server, "import_dir", "/nowhere")
    assert await call(server, "registered_users", "localhost") == ["juliet", "nurse", "romeo"]


async def test_a_host_that_is_not_served_here(server: Server, spool: Path) -> None:
    os.rename(spool, spool.parent / "other.example")
    said = await call(server, "import_dir", str(spool.parent / "other.example"))
    assert "2 of other.example, which is not served here" in said
