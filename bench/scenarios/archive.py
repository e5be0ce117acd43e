"""Reading an archive page by page (XEP-0313)."""

import asyncio

from bench.client import DOMAIN, Client, log_in
from bench.figures import Figure
from bench.meter import Meter, Span, settle
from bench.scenarios.base import Counter, Scenario, ScenarioFailed, log_in_all, names, register_all, until
from bench.servers import Server

MESSAGES = 2000
SENDERS = 10
PAGE = 50
ROUNDS = 5
LIMIT = 60.0  # seconds
_QUERY = (
    "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'>{form}"
    "<set xmlns='http://jabber.org/protocol/rsm'><max>{most}</max>{before}</set></query></iq>"
)
_FORM = (
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
    "<field var='with'><value>{peer}</value></field></x>"
)


class Archive(Scenario):
    """CPU a page of 50, of all messages and of those with one contact."""

    name = "archive"

    async def prepare(self, server: Server) -> None:
        """Register the reader and those who write to it."""
        await register_all(server, ["reader", *names("writer", SENDERS)])

    async def run(self, server: Server) -> tuple[list[Figure], Span]:
        """Fill the archive, then read it from the newest page to the oldest."""
        reader = await log_in(server.port, "reader")
        reader.send(b"<presence/>")
        await reader.expect(b"<presence")
        writers = await log_in_all(server, names("writer", SENDERS))
        arrivals = Counter(reader, b"</message>")
        for number in range(MESSAGES):
            text = f"<body>The quick brown fox jumps over the lazy dog, {number}.</body>"
            message = f"<message to='reader@{DOMAIN}' type='chat' id='a{number}'>{text}</message>"
            writers[number % SENDERS].send(message.encode())
        await until(lambda: arrivals.count >= MESSAGES, LIMIT)
        reader.sink = None
        await settle(server.processes)
        pages = MESSAGES // PAGE
        meter = Meter(server.processes)
        for _ in range(ROUNDS):
            await self._read(reader, "", pages)
        all_pages = meter.stop()
        form = _FORM.format(peer=f"writer3@{DOMAIN}")
        some = pages // SENDERS
        meter = Meter(server.processes)
        for _ in range(ROUNDS * SENDERS):
            await self._read(reader, form, some)
        with_one = meter.stop()
        for client in (reader, *writers):
            await client.close()
        return [
            Figure("archive: CPU a page of 50", "ms", all_pages.server_cpu * 1e3 / (pages * ROUNDS)),
            Figure(
                "archive: CPU a page of 50 with one contact",
                "ms",
                with_one.server_cpu * 1e3 / (some * ROUNDS * SENDERS),
            ),
        ], all_pages

    async def _read(self, reader: Client, form: str, pages: int) -> None:
        before = "<before/>"
        for _ in range(pages):
            reader.send(_QUERY.format(form=form, most=PAGE, before=before).encode())
            async with asyncio.timeout(LIMIT):
                answer = await reader.expect(b"</fin>")
            found = answer.count(b"</forwarded>")
            if found != PAGE:
                raise ScenarioFailed(f"a page had {found} messages: {answer[-500:]!r}")
            first = answer[answer.rindex(b"<first") :]
            id = first[first.index(b">") + 1 : first.index(b"</first>")].decode()
            before = f"<before>{id}</before>"
