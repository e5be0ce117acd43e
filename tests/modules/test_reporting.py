"""Reports of spam and abuse that come with a block (XEP-0377)."""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.conftest import Connect, Serve
from tests.modules.blocklists import listed
from tests.presences import appear

REPORT = "{urn:xmpp:reporting:1}report"
SPAM = "urn:xmpp:reporting:spam"


@pytest.fixture
async def governed(server: Server, serve: Serve) -> Server:
    """A server that the nurse administers, with the accounts of the other."""
    await server.stop()
    return await serve(admins=["nurse@localhost"])


def item(jid: str, reason: str = SPAM, content: str = "") -> str:
    report = f"<report xmlns='urn:xmpp:reporting:1' reason='{reason}'>{content}</report>"
    return f"<item jid='{jid}'>{report}</item>"


async def block(client: ScriptedClient, *items: str) -> ET.Element:
    return await client.ask("set", f"<block xmlns='urn:xmpp:blocking'>{''.join(items)}</block>")


async def reports(admin: ScriptedClient) -> list[ET.Element]:
    """The messages that have come for the administrator."""
    await admin.sync()
    found = [each for each in admin._arrived if each.tag == f"{CLIENT}message"]
    admin._arrived.clear()
    return found


async def test_the_server_takes_reports(connect: Connect) -> None:
    """§3."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "localhost")
    assert 'var="urn:xmpp:reporting:1"' in ET.tostring(info, encoding="unicode")


async def test_administrators_read_and_the_log_keeps_what_was_reported(
    governed: Server, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """§4, §6: reason, text and ids, as a person reads them and as they came."""
    juliet = await connect("juliet/balcony", to=governed)
    nurse = await appear(await connect("nurse/hall", to=governed))
    ids = "".join(f"<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@localhost' id='{n}'/>" for n in (1, 2))
    text = "<text xml:lang='en'>\n  Never came trouble to my house like this.\n </text>"
    with caplog.at_level(logging.INFO, "burble.reports"):
        assert (await block(juliet, item("romeo@localhost", SPAM, ids + text))).get("type") == "result"
    assert await listed(juliet) == ["romeo@localhost"]
    (message,) = await reports(nurse)
    assert (message.get("from"), message.get("to")) == ("localhost", "nurse@localhost")
    expected = (
        "juliet@localhost reports romeo@localhost for spam: Never came trouble to my house like this."
        " (messages 1 of juliet@localhost, 2 of juliet@localhost)"
    )
    assert message.findtext(f"{CLIENT}body") == expected
    report = message.find(REPORT)
    assert report is not None
    assert (report.get("reason"), len(report)) == (SPAM, 3)
    assert [each.message for each in caplog.records if each.name == "burble.reports"] == [expected]


async def test_each_address_may_be_reported_by_itself(governed: Server, connect: Connect) -> None:
    """§7; and an administrator who is away finds the reports later."""
    juliet = await connect("juliet", to=governed)
    await block(
        juliet,
        item("romeo@localhost"),
        "<item jid='paris@localhost'/>",
        item("b.example", "urn:xmpp:reporting:abuse"),
    )
    nurse = await appear(await connect("nurse/hall", to=governed))
    assert [message.findtext(f"{CLIENT}subject") for message in await reports(nurse)] == [
        "romeo@localhost was reported for spam",
        "b.example was reported for abuse",
    ]


@pytest.mark.parametrize("reason", ["", "urn:xmpp:reporting:weather"])
async def test_a_wrong_report_does_not_keep_from_blocking(
    governed: Server, connect: Connect, reason: str
) -> None:
    """§6: the block counts as if there were no report."""
    juliet = await connect("juliet", to=governed)
    nurse = await appear(await connect("nurse/hall", to=governed))
    assert (await block(juliet, item("romeo@localhost", reason))).get("type") == "result"
    assert await listed(juliet) == ["romeo@localhost"]
    assert await reports(nurse) == []


async def test_nothing_is_reported_where_nothing_is_blocked(governed: Server, connect: Connect) -> None:
    """§6: an error as without a report."""
    juliet = await connect("juliet", to=governed)
    nurse = await appear(await connect("nurse/hall", to=governed))
    assert condition(await block(juliet, item("romeo@localhost"), item("a@@b"))) == "jid-malformed"
    assert await reports(nurse) == []


async def test_administrators_are_not_flooded(
    governed: Server, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The option `reports_per_hour`: the log has them all."""
    caplog.set_level(logging.INFO, "burble.reports")
    blocking = governed.hosts["localhost"].modules["blocking"]
    await blocking.configure(blocking.Settings(reports_per_hour=2))
    juliet = await connect("juliet", to=governed)
    nurse = await appear(await connect("nurse/hall", to=governed))
    for number in range(4):
        await block(juliet, item(f"{number}@localhost"))
    assert len(await reports(nurse)) == 2
    assert len([each for each in caplog.records if each.name == "burble.reports"]) == 4
