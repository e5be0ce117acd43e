"""Calling ad-hoc commands with a scripted client."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from tests.client import ScriptedClient, condition

COMMANDS = "{http://jabber.org/protocol/commands}"
DATA = "{jabber:x:data}"
ITEMS = "{http://jabber.org/protocol/disco#items}"
INFO = "{http://jabber.org/protocol/disco#info}"
NODE = "http://jabber.org/protocol/commands"

Values = Mapping[str, str | Iterable[str]]


def form(values: Values, type: str = "submit") -> str:
    """A form as it is submitted."""
    fields = ""
    for var, value in values.items():
        texts = [value] if isinstance(value, str) else value
        inside = "".join(f"<value>{escape(text)}</value>" for text in texts)
        fields += f"<field var={quoteattr(var)}>{inside}</field>"
    return f"<x xmlns='jabber:x:data' type='{type}'>{fields}</x>"


async def send(
    client: ScriptedClient,
    node: str,
    action: str = "",
    sessionid: str | None = None,
    payload: str = "",
    extra: str = "",
) -> ET.Element:
    """Send a ``<command/>`` and return the whole answer."""
    attrs = f" action='{action}'" if action else ""
    if sessionid is not None:
        attrs += f" sessionid='{sessionid}'"
    if node:
        attrs += f" node={quoteattr(node)}"
    return await client.ask(
        "set", f"<command xmlns='{NODE}'{attrs}{extra}>{payload}</command>", client.domain
    )


async def call(
    client: ScriptedClient,
    node: str,
    action: str = "",
    sessionid: str | None = None,
    values: Values | None = None,
) -> ET.Element:
    """Take a step that must work; returns the ``<command/>``."""
    answer = await send(client, node, action, sessionid, form(values) if values is not None else "")
    assert answer.get("type") == "result", ET.tostring(answer)
    assert answer[0].tag == f"{COMMANDS}command"
    assert answer[0].get("node") == node
    return answer[0]


async def complete(client: ScriptedClient, node: str, values: Values) -> ET.Element:
    """Begin a command of one form and submit that; returns the whole answer."""
    begun = await call(client, node)
    assert begun.get("status") == "executing", ET.tostring(begun)
    return await send(client, node, "complete", begun.get("sessionid"), form(values))


async def done(client: ScriptedClient, node: str, values: Values | None = None) -> ET.Element:
    """A command of one form, or of none, that must work; returns the ``<command/>``."""
    answer = await (send(client, node) if values is None else complete(client, node, values))
    assert answer.get("type") == "result", ET.tostring(answer)
    assert answer[0].get("status") == "completed", ET.tostring(answer)
    return answer[0]


def refusal(answer: ET.Element) -> tuple[str, str]:
    """The condition of an error, and the specific one of XEP-0050, or ""."""
    error = answer.find("{jabber:client}error")
    assert error is not None, ET.tostring(answer)
    specific = [child.tag.removeprefix(COMMANDS) for child in error if child.tag.startswith(COMMANDS)]
    return condition(answer), "".join(specific)


def text(answer: ET.Element) -> str:
    """What an error says."""
    return answer.findtext(".//{urn:ietf:params:xml:ns:xmpp-stanzas}text") or ""


def fields(command: ET.Element) -> dict[str, list[str]]:
    """The values of a form's fields."""
    found = command.find(f"{DATA}x")
    assert found is not None, ET.tostring(command)
    return {
        field.get("var", ""): [value.text or "" for value in field.findall(f"{DATA}value")]
        for field in found.findall(f"{DATA}field")
    }


def notes(command: ET.Element) -> list[tuple[str, str]]:
    """Type and text of each note."""
    return [(note.get("type", "info"), note.text or "") for note in command.findall(f"{COMMANDS}note")]


def actions(command: ET.Element) -> tuple[str, list[str]]:
    """What ``execute`` stands for, and what else there is."""
    found = command.find(f"{COMMANDS}actions")
    assert found is not None, ET.tostring(command)
    return found.get("execute", ""), [child.tag.removeprefix(COMMANDS) for child in found]


async def listed(client: ScriptedClient) -> dict[str, str]:
    """The commands that service discovery shows: names by node."""
    query = f"<query xmlns='http://jabber.org/protocol/disco#items' node='{NODE}'/>"
    answer = await client.ask("get", query, client.domain)
    assert answer.get("type") == "result", ET.tostring(answer)
    items = answer.findall(f"{ITEMS}query/{ITEMS}item")
    assert all(item.get("jid") == client.domain for item in items)
    return {item.get("node", ""): item.get("name", "") for item in items}


async def info(client: ScriptedClient, node: str) -> ET.Element:
    """What service discovery says of a node: the whole answer."""
    query = f"<query xmlns='http://jabber.org/protocol/disco#info' node={quoteattr(node)}/>"
    return await client.ask("get", query, client.domain)
