"""What the tests of archives ask and read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from tests.client import CLIENT, ScriptedClient, condition

MAM = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"
FORWARD = "{urn:xmpp:forward:0}"
SID = "{urn:xmpp:sid:0}"
DELAY = "{urn:xmpp:delay}delay"


@dataclass(frozen=True)
class Result:
    """A message from an archive."""

    id: str
    stamp: str
    message: ET.Element
    wrapper: ET.Element

    @property
    def body(self) -> str | None:
        return self.message.findtext(f"{CLIENT}body")


@dataclass(frozen=True)
class Answer:
    """What a query brought: the messages, and what was said about the page."""

    results: list[Result]
    iq: ET.Element

    @property
    def bodies(self) -> list[str | None]:
        return [result.body for result in self.results]

    @property
    def ids(self) -> list[str]:
        return [result.id for result in self.results]

    @property
    def fin(self) -> ET.Element:
        found = self.iq.find(f"{MAM}fin")
        assert found is not None, ET.tostring(self.iq)
        return found

    @property
    def complete(self) -> bool:
        return self.fin.get("complete") == "true"

    def page(self, name: str) -> str | None:
        """``first``, ``last`` or ``count`` of the page."""
        return self.fin.findtext(f"{RSM}set/{RSM}{name}")

    @property
    def index(self) -> str | None:
        first = self.fin.find(f"{RSM}set/{RSM}first")
        return None if first is None else first.get("index")


def field(var: str, *values: str) -> str:
    inner = "".join(f"<value>{value}</value>" for value in values)
    return f"<field var='{var}'>{inner}</field>"


def query(fields: str = "", rsm: str = "", more: str = "", attrs: str = "") -> str:
    """The payload of a query."""
    form = (
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
        f"<value>urn:xmpp:mam:2</value></field>{fields}</x>"
        if fields
        else ""
    )
    page = f"<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>" if rsm else ""
    return f"<query xmlns='urn:xmpp:mam:2'{attrs}>{form}{page}{more}</query>"


async def search(
    client: ScriptedClient, fields: str = "", rsm: str = "", more: str = "", to: str | None = None
) -> Answer:
    """Ask an archive, by default the client's own; other stanzas that come meanwhile stay to be read."""
    number = next(ScriptedClient._ids)
    payload = query(fields, rsm, more, f" queryid='q{number}'")
    iq = await client.ask("set", payload, to)
    results = []
    while True:
        try:
            found = await client.find(lambda e: _is_result(e, f"q{number}"), timeout=0.01)
        except TimeoutError:
            break
        results.append(_read(found))
    return Answer(results, iq)


async def refused(client: ScriptedClient, payload: str, to: str | None = None, kind: str = "set") -> str:
    """The condition with which a query is refused."""
    return condition(await client.ask(kind, payload, to))


def _is_result(element: ET.Element, id: str) -> bool:
    result = element.find(f"{MAM}result")
    return result is not None and result.get("queryid") == id


def _read(wrapper: ET.Element) -> Result:
    result = wrapper.find(f"{MAM}result")
    assert result is not None
    delay = result.find(f"{FORWARD}forwarded/{DELAY}")
    message = result.find(f"{FORWARD}forwarded/{CLIENT}message")
    assert delay is not None
    assert message is not None
    return Result(result.attrib["id"], delay.attrib["stamp"], message, wrapper)


def stanza_id(message: ET.Element, by: str) -> str | None:
    """The id that somebody's archive gave a message."""
    found = [each.attrib["id"] for each in message.findall(f"{SID}stanza-id") if each.get("by") == by]
    assert len(found) < 2
    return found[0] if found else None
