"""Messages between accounts of two servers (RFC 6121 §5, §8.5)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, condition
from tests.federation.conftest import Ends, Meet
from tests.federation.person import Person
from tests.federation.table import service

_DELAY = "{urn:xmpp:delay}delay"


@service("chat")
async def test_a_message_and_its_answer_arrive(ends: Ends, meet: Meet) -> None:
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")

    juliet.write(
        f"<message to='{romeo.address}' type='chat' id='m1' xml:lang='it'>"
        "<body>Ō Rōmeo, &lt;wherefore&gt;?</body>"
        "<active xmlns='http://jabber.org/protocol/chatstates'/>"
        "<x xmlns='urn:example:unknown' a='1'><y>2</y></x></message>"
    )

    message = await romeo.gets("message", juliet.jid, type="chat", id="m1")
    assert message.findtext(f"{CLIENT}body") == "Ō Rōmeo, <wherefore>?"
    assert message.get("to") in (romeo.address, romeo.jid)
    assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "it"
    assert message.find("{http://jabber.org/protocol/chatstates}active") is not None
    unknown = message.find("{urn:example:unknown}x")
    assert unknown is not None
    assert (unknown.get("a"), unknown.findtext("{urn:example:unknown}y")) == ("1", "2")
    await romeo.says(juliet.jid, "Call me but love")
    await juliet.hears(romeo.jid, "Call me but love")


@service("message to nobody")
async def test_a_message_to_nobody_comes_back(ends: Ends, meet: Meet) -> None:
    """RFC 6121 §8.5.1."""
    juliet = await meet(ends.here, "juliet")
    nobody = f"nobody@{ends.there.domain}"

    await juliet.says(nobody, "Art thou there?")

    assert condition(await juliet.gets("message", nobody, type="error")) == "service-unavailable"


@service("offline message")
async def test_a_message_to_somebody_offline_is_kept(ends: Ends, meet: Meet) -> None:
    """XEP-0160, XEP-0203."""
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")
    await romeo.log_out()

    await juliet.says(romeo.address, "Good night, good night!")
    await _arrived(juliet, romeo)
    await romeo.log_in()

    message = await romeo.hears(juliet.jid, "Good night, good night!")
    assert message.find(_DELAY) is not None, ET.tostring(message)


async def _arrived(sender: Person, receiver: Person) -> None:
    """Wait until all that was sent before has been handled by the receiver's server.

    What is sent from one address to another stays in order (RFC 6120 §10.1).
    """
    ping = "<iq type='get' id='there' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>"
    sender.write(ping.format(receiver.address))
    await sender.find(lambda e: e.tag == f"{CLIENT}iq" and e.get("id") == "there", 10)
