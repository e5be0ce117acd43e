"""Block lists as the tests ask for and change them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, ScriptedClient, condition

BLOCKING = "{urn:xmpp:blocking}"
BLOCKED = "{urn:xmpp:blocking:errors}blocked"


async def listed(client: ScriptedClient) -> list[str]:
    """The block list; the client hears of changes afterwards."""
    answer = await client.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    assert answer.get("type") == "result"
    return items(answer)


def items(iq: ET.Element) -> list[str]:
    payload = iq[0]
    assert {child.tag for child in payload} <= {f"{BLOCKING}item"}
    return [child.attrib["jid"] for child in payload]


async def change(client: ScriptedClient, verb: str, *jids: str) -> ET.Element:
    payload = "".join(f"<item jid='{jid}'/>" for jid in jids)
    return await client.ask("set", f"<{verb} xmlns='urn:xmpp:blocking'>{payload}</{verb}>")


async def block(client: ScriptedClient, *jids: str) -> None:
    assert (await change(client, "block", *jids)).get("type") == "result"


async def unblock(client: ScriptedClient, *jids: str) -> None:
    assert (await change(client, "unblock", *jids)).get("type") == "result"


def say(client: ScriptedClient, to: str, kind: str = "chat") -> None:
    client.write(f"<message to='{to}' type='{kind}' id='m'><body>hear me</body></message>")


def is_refusal(answer: ET.Element) -> bool:
    """Whether the answer says that the sender itself has blocked the address (§3.3)."""
    error = answer.find(f"{CLIENT}error")
    assert error is not None, ET.tostring(answer)
    return (
        condition(answer) == "not-acceptable"
        and error.get("type") == "cancel"
        and error.find(BLOCKED) is not None
    )


async def rest(client: ScriptedClient) -> list[ET.Element]:
    await client.sync()
    found = []
    while True:
        try:
            found.append(await client.next(timeout=0.01))
        except TimeoutError:
            return found
