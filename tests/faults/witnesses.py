"""The clients of the kill -9 test: senders note what was acknowledged, recipients what came."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.client import CLIENT, SASL, Closed, ScriptedClient

NS = "urn:xmpp:sm:3"
SM = f"{{{NS}}}"
MAM = "{urn:xmpp:mam:2}"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
_PATIENCE = 30.0
# Messages that a sender has under way: a server that is slow is not flooded.
_WINDOW = 30

#: A message as somebody found it: its number, and its id in the recipient's archive (XEP-0359) or "".
Found = tuple[int, str]


async def log_in(port: int, user: str) -> ScriptedClient:
    """A client with a resource; whatever becomes of TLS is of no interest here."""
    client = await ScriptedClient(port).connect()
    await client.open()
    async with asyncio.timeout(_PATIENCE):
        answer = await client.authenticate(user, "secret")
        assert answer.tag == f"{SASL}success", ET.tostring(answer)
        await client.open()
        await client.bind()
    return client


@dataclass
class Evidence:
    """What there is of the messages to one recipient.

    Attributes:
        acknowledged: how many the server has acknowledged to the sender: those numbered below.
        screen: what the recipient was shown before the crash.
        later: what it was sent when it came back after it.
        archive: what is in its archive.
    """

    acknowledged: int = 0
    screen: list[Found] = field(default_factory=list)
    later: list[Found] = field(default_factory=list)
    archive: list[Found] = field(default_factory=list)

    @property
    def lost(self) -> list[int]:
        """The messages that were acknowledged and are nowhere."""
        found = {number for number, _ in self.screen + self.later + self.archive}
        return [number for number in range(self.acknowledged) if number not in found]

    @property
    def doubled(self) -> list[int]:
        """Those that are there with several ids, or several times in one place."""
        ids: dict[int, set[str]] = {}
        for number, id in self.screen + self.later + self.archive:
            ids.setdefault(number, set()).update({id} - {""})
        several = {number for number, known in ids.items() if len(known) > 1}
        for place in (self.screen, self.later, self.archive):
            numbers = [number for number, _ in place]
            several |= {number for number in numbers if numbers.count(number) > 1}
        return sorted(several)

    @property
    def misordered(self) -> int:
        """How many came or are stored before one that was sent earlier."""
        return sum(
            sum(1 for before, after in pairwise(place) if after[0] < before[0])
            for place in (self.screen, self.later, self.archive)
        )


class Sender:
    """Sends numbered messages to one account until the server is gone, and asks for acknowledgements."""

    def __init__(self, client: ScriptedClient, to: str, word: str) -> None:
        self.acknowledged = 0
        self._client = client
        self._to = to
        self._word = word

    async def run(self) -> None:
        """Send and listen until the connection breaks."""
        self._client.write(f"<enable xmlns='{NS}'/>")
        answer = await self._client.next()
        assert answer.tag == f"{SM}enabled", ET.tostring(answer)
        sending = asyncio.create_task(self._send())
        try:
            while True:
                element = await self._client.next(_PATIENCE)
                if element.tag == f"{SM}a":
                    self.acknowledged = int(element.get("h") or 0)
        except (Closed, ConnectionError):
            pass
        finally:
            sending.cancel()

    async def _send(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(0.01)
            if number - self.acknowledged > _WINDOW:
                continue
            for _ in range(3):
                body = f"{self._word} {number} The quick brown fox jumps over the lazy dog."
                id = f"{self._word}-{number}"
                self._client.write(
                    f"<message to='{self._to}' type='chat' id='{id}'><body>{body}</body></message>"
                )
                number += 1
            self._client.write(f"<r xmlns='{NS}'/>")


class Recipient:
    """An account's client: ``live`` reads and acknowledges, ``plain`` has no stream management, ``stalled``
    stops reading, ``waiting`` has lost its connection, ``away`` is not there."""

    def __init__(self, port: int, user: str, kind: str, word: str) -> None:
        self.user = user
        self.kind = kind
        self.evidence = Evidence()
        self._port = port
        self._word = word
        self._client: ScriptedClient | None = None

    async def choose_archive(self, default: str) -> None:
        """Say what the account's archive keeps (XEP-0313 §7)."""
        client = await log_in(self._port, self.user)
        prefs = f"<prefs xmlns='urn:xmpp:mam:2' default='{default}'><always/><never/></prefs>"
        answer = await client.ask("set", prefs)
        assert answer.get("type") == "result", ET.tostring(answer)
        await _leave(client)

    async def come(self) -> None:
        """Be what the kind says, before anybody sends anything."""
        if self.kind == "away":
            return
        client = self._client = await log_in(self._port, self.user)
        if self.kind != "plain":
            client.write(f"<enable xmlns='{NS}' resume='true'/>")
            await client.find(lambda e: e.tag == f"{SM}enabled")
        client.write("<presence/>")
        await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid)
        if self.kind == "waiting":
            client.writer.transport.abort()
        elif self.kind == "stalled":
            client.writer.transport.pause_reading()

    async def watch(self) -> None:
        """Note what comes, and acknowledge it, until the server is gone."""
        client = self._client
        if client is None or self.kind in ("waiting", "stalled"):
            return
        handled = 1  # the presence
        try:
            while True:
                element = await client.next(_PATIENCE)
                if element.tag == f"{SM}r":
                    client.write(f"<a xmlns='{NS}' h='{handled}'/>")
                elif element.tag.startswith(CLIENT):
                    handled += 1
                    self.evidence.screen += self._found(element)
        except (Closed, ConnectionError, TimeoutError):
            pass

    async def look(self, port: int, since: str) -> None:
        """Come back after the crash: take what was kept, and read the archive."""
        if self._client is not None:
            self._client.writer.transport.abort()
        client = await log_in(port, self.user)
        client.write("<presence/>")
        await client.find(lambda e: e.tag == f"{CLIENT}presence" and e.get("from") == client.jid, _PATIENCE)
        await client.sync()
        self.evidence.later += [found for e in self._arrived(client) for found in self._found(e)]
        after = ""
        while True:
            form = (
                "<x xmlns='jabber:x:data' type='submit'>"
                "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
                f"<field var='start'><value>{since}</value></field></x>"
            )
            page = f"<set xmlns='http://jabber.org/protocol/rsm'><max>50</max>{after}</set>"
            answer = await client.ask("set", f"<query xmlns='urn:xmpp:mam:2'>{form}{page}</query>")
            for element in self._arrived(client):
                self.evidence.archive += self._archived(element)
            fin = answer.find(f"{MAM}fin")
            assert fin is not None, ET.tostring(answer)
            last = fin.find("{http://jabber.org/protocol/rsm}set/{http://jabber.org/protocol/rsm}last")
            if fin.get("complete") == "true" or last is None:
                break
            after = f"<after>{last.text}</after>"
        await _leave(client)

    @staticmethod
    def _arrived(client: ScriptedClient) -> list[ET.Element]:
        arrived = list(client._arrived)
        client._arrived.clear()
        return arrived

    def _found(self, message: ET.Element) -> Iterator[Found]:
        number = self._number(message)
        if number is not None:
            own = [e.get("id") or "" for e in message.findall(STANZA_ID) if _is_of(e, self.user)]
            yield number, own[0] if own else ""

    def _archived(self, message: ET.Element) -> Iterator[Found]:
        result = message.find(f"{MAM}result")
        inner = None if result is None else result.find(f"{FORWARDED}/{CLIENT}message")
        if result is not None and inner is not None:
            number = self._number(inner)
            if number is not None:
                yield number, result.get("id") or ""

    def _number(self, message: ET.Element) -> int | None:
        word, _, rest = (message.findtext(f"{CLIENT}body") or "").partition(" ")
        return int(rest.split()[0]) if word == self._word else None


async def _leave(client: ScriptedClient) -> None:
    client.write("</stream:stream>")
    try:
        await client.closed(_PATIENCE)
    except ET.ParseError:
        pass
    await client.close()


def _is_of(stanza_id: ET.Element, user: str) -> bool:
    return (stanza_id.get("by") or "").partition("@")[0] == user
