"""Privacy lists as the tests make, choose and read them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.client import CLIENT, ScriptedClient

PRIVACY = "{jabber:iq:privacy}"


def query(content: str = "") -> str:
    return f"<query xmlns='jabber:iq:privacy'>{content}</query>"


def rule(action: str, order: int, match: str = "", *kinds: str) -> str:
    """An item: ``rule("deny", 3, "jid romeo@localhost", "message")``."""
    type_, _, value = match.partition(" ")
    about = f" type='{type_}' value='{value}'" if match else ""
    return f"<item{about} action='{action}' order='{order}'>{''.join(f'<{k}/>' for k in kinds)}</item>"


async def ask(client: ScriptedClient, content: str) -> ET.Element:
    """Change something; a push that this brings is read away."""
    answer = await client.ask("set", query(content))
    await client.sync()
    pushes = [each for each in client._arrived if is_push(each)]
    for push in pushes:
        client._arrived.remove(push)
    return answer


def is_push(element: ET.Element) -> bool:
    return element.tag == f"{CLIENT}iq" and element.find(f"{PRIVACY}query") is not None


async def store(client: ScriptedClient, name: str, *rules: str) -> None:
    answer = await ask(client, f"<list name='{name}'>{''.join(rules)}</list>")
    assert answer.get("type") == "result", ET.tostring(answer)


async def choose(client: ScriptedClient, which: str, name: str = "") -> None:
    """Make a list ``active`` or ``default``, or none."""
    answer = await ask(client, f"<{which}{f' name={name!r}' if name else ''}/>")
    assert answer.get("type") == "result", ET.tostring(answer)


async def names(client: ScriptedClient) -> list[str]:
    """All lists: ``active work``, ``default home``, ``list home``, ``list work``."""
    answer = await client.ask("get", query())
    return [f"{part.tag.rpartition('}')[2]} {part.get('name')}" for part in answer[0]]


async def shown(client: ScriptedClient, name: str) -> list[str]:
    """The rules of a list, as `rule` takes them."""
    answer = await client.ask("get", query(f"<list name='{name}'/>"))
    assert answer.get("type") == "result", ET.tostring(answer)
    return [
        " ".join(
            [item.get("order", ""), item.get("action", ""), item.get("type", ""), item.get("value", "")]
            + [kind.tag.rpartition("}")[2] for kind in item]
        ).strip()
        for item in answer[0][0]
    ]
