"""What users of other servers may ask of accounts and of the server (RFC 6121 §8.5, RFC 6120 §10)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from burble.server import Server
from tests.client import CLIENT, condition
from tests.conftest import Connect
from tests.elsewhere import Elsewhere
from tests.im.scripts import appear, get, query

JULIET = "juliet@localhost"
ROMEO = "romeo@montague.example/orchard"

DISCO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
LAST = "jabber:iq:last"
MAM = "urn:xmpp:mam:2"
VERSION = "jabber:iq:version"


@pytest.fixture
def elsewhere(server: Server) -> Elsewhere:
    """Where romeo lives."""
    return Elsewhere(server)


# ---- namesakes


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("get", query()),
        ("set", query("<item jid='tybalt@capulet.example'/>")),
        ("set", f"<query xmlns='{MAM}'/>"),
        ("get", f"<metadata xmlns='{MAM}'/>"),
        ("get", f"<prefs xmlns='{MAM}'/>"),
        ("set", f"<prefs xmlns='{MAM}' default='never'/>"),
        ("get", "<offline xmlns='http://jabber.org/protocol/offline'><fetch/></offline>"),
        ("set", "<block xmlns='urn:xmpp:blocking'><item jid='nurse@localhost'/></block>"),
        ("set", "<enable xmlns='urn:xmpp:carbons:2'/>"),
        ("get", "<query xmlns='jabber:iq:privacy'/>"),
        ("get", "<query xmlns='jabber:iq:register'/>"),
        ("get", "<query xmlns='jabber:iq:private'><a xmlns='urn:example'/></query>"),
    ],
)
async def test_a_namesake_elsewhere_is_not_the_owner(
    elsewhere: Elsewhere, connect: Connect, kind: str, payload: str
) -> None:
    """§2.1.5, §2.3.3: who has the same localpart and resource on another server is somebody else."""
    juliet = await connect("juliet/balcony")
    await juliet.ask("set", query("<item jid='nurse@localhost' name='Nurse'/>"))
    answer = await elsewhere.ask(kind, payload, JULIET, "juliet@montague.example/balcony")
    assert answer.get("type") == "error", ET.tostring(answer)
    assert list(answer)[0].tag == f"{CLIENT}error"
    assert len(await get(juliet)) == 1
    await juliet.nothing()
