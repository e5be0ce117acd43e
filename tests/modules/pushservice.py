"""A push service for tests, on a domain of its own, and clients that use it."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

from burble.routing.hosts import Host
from burble.stanza import Iq, Stanza
from tests.client import ScriptedClient

DOMAIN = "push.localhost"
PUBSUB = "{http://jabber.org/protocol/pubsub}"
PUSH = "{urn:xmpp:push:0}"
FORM = "{jabber:x:data}"


class PushService:
    """Takes notifications, and answers them as it is told.

    Args:
        host: a host that notifies it.

    Attributes:
        answer: ``result``, the condition of an error, or "" for no answer at all.
        published: the requests that have come.
    """

    def __init__(self, host: Host, domain: str = DOMAIN) -> None:
        self.answer = "result"
        self.published: asyncio.Queue[Iq] = asyncio.Queue()
        self._host = host
        self._unanswered: list[Iq] = []
        host.router.register(domain, self._take)

    def _take(self, stanza: Stanza) -> None:
        assert isinstance(stanza, Iq)
        assert stanza.from_ == self._host.jid
        self.published.put_nowait(stanza)
        self._unanswered.append(stanza)
        if self.answer:
            self.catch_up()

    def catch_up(self) -> None:
        """Answer all that was not answered."""
        asked, self._unanswered = self._unanswered, []
        for iq in asked:
            answer = iq.reply() if self.answer == "result" else iq.error(self.answer)
            self._host.router.route(answer)

    async def told(self) -> None:
        """Wait until all that there is to tell is published, or waits for an answer."""
        while looking := [task for task in self._host._tasks if "_notify" in repr(task.get_coro())]:
            await asyncio.wait(looking, timeout=5)

    async def next(self) -> Notification:
        """The next notification."""
        async with asyncio.timeout(5):
            return Notification(await self.published.get())

    async def nothing(self) -> None:
        """Make sure that nothing else was published, now that all is handled."""
        while self._host._tasks:
            await asyncio.wait(self._host._tasks, timeout=5)
        assert self.published.empty()


class Notification:
    """What was published (XEP-0357 §7)."""

    def __init__(self, iq: Iq) -> None:
        element = ET.fromstring(iq.to_string(""))
        (pubsub,) = element
        assert (element.get("type"), pubsub.tag) == ("set", f"{PUBSUB}pubsub")
        publish = pubsub[0]
        form = publish.find(f"{PUBSUB}item/{PUSH}notification/{FORM}x")
        assert form is not None
        self.to = element.get("to")
        self.node = publish.get("node")
        self.summary = _fields(form)
        assert self.summary.pop("FORM_TYPE") == "urn:xmpp:push:summary"
        options = pubsub.find(f"{PUBSUB}publish-options/{FORM}x")
        self.options = _fields(options) if options is not None else None

    @property
    def count(self) -> int:
        """How many messages wait."""
        return int(self.summary["message-count"])


def _fields(form: ET.Element) -> dict[str, str]:
    return {field.get("var", ""): field.findtext(f"{FORM}value") or "" for field in form}


async def enable(
    client: ScriptedClient, node: str | None = "phone", options: str = "", jid: str = DOMAIN
) -> ET.Element:
    where = f" node='{node}'" if node is not None else ""
    payload = f"<enable xmlns='urn:xmpp:push:0' jid='{jid}'{where}>{options}</enable>"
    return await client.ask("set", payload)


async def disable(client: ScriptedClient, node: str | None = None, jid: str = DOMAIN) -> ET.Element:
    where = f" node='{node}'" if node is not None else ""
    return await client.ask("set", f"<disable xmlns='urn:xmpp:push:0' jid='{jid}'{where}/>")


def options(type_: str = "http://jabber.org/protocol/pubsub#publish-options", **fields: str) -> str:
    """A form of publish options."""
    said = {"FORM_TYPE": type_, **fields}
    inner = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in said.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"
