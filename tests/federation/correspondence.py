"""Somebody writes to somebody elsewhere, whatever happens to the servers."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Awaitable, Callable

from tests.client import CLIENT, Closed
from tests.federation.person import Person

#: Messages that may be under way.
WINDOW = 100
_ASK_EVERY = 20
_AGAIN = 0.1  # seconds before a message that came back is sent again
_SM = "urn:xmpp:sm:3"


class Correspondence:
    """So many numbered messages from one to the other.

    What comes back as an error is sent again. Where the sender's server goes down, what it has not
    acknowledged (XEP-0198) is sent again. All else is for the servers to bring over, once, and in the order
    of sending.

    Args:
        sender: has an account, and is logged in.
        receiver: likewise.
        count: how many messages.

    Attributes:
        received: the numbers that have arrived.
        returned: how many came back as errors.
        doubled: how many arrived twice, though their sender had no reason to send them twice.
        overtaken: how many arrived, for the first time, after one that was sent later; but for those that
            came only when the receiver logged in once more, as it does when nothing comes: what arrives while
            somebody logs in, ejabberd may store and not hand out before the next login.
    """

    def __init__(self, sender: Person, receiver: Person, count: int) -> None:
        self.received: set[int] = set()
        self.returned = 0
        self.doubled = 0
        self.overtaken = 0
        self._sender = sender
        self._receiver = receiver
        self._waiting = deque(range(count))
        self._count = count
        self._under_way: dict[int, int] = {}  # numbers, by the serial of the stanza that carries them
        self._unsure: set[int] = set()  # numbers that were sent again and may have arrived already
        self._serial = 0
        self._newest = 0
        self._acknowledged = 0
        self._sent: list[int] = []  # serials since the stream of now is managed
        self._resting = False
        self._late = False
        self._room = asyncio.Event()
        self.progress = asyncio.Condition()

    async def run(self, patience: float) -> None:
        """Return when all have arrived.

        Raises:
            TimeoutError: none has for so many seconds.
        """
        tasks = [
            asyncio.ensure_future(self._keep(self._sender, self._send_again, self._told)),
            asyncio.ensure_future(self._keep(self._receiver, _nothing, self._arrived)),
            asyncio.ensure_future(self._write()),
            asyncio.ensure_future(self._all_arrive(patience)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def rest(self) -> None:
        """Send nothing more for now, and wait until nothing is under way."""
        self._resting = True
        async with self.progress:
            await self.progress.wait_for(lambda: not self._under_way)

    def go_on(self) -> None:
        """Send again."""
        self._resting = False
        self._room.set()

    async def reaches(self, count: int) -> None:
        """Wait until so many have arrived."""
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.received) >= count)

    async def _all_arrive(self, patience: float) -> None:
        while (count := len(self.received)) < self._count:
            try:
                await asyncio.wait_for(self.reaches(count + 1), patience)
            except TimeoutError:
                if self._late:
                    raise
                self._late = True
                self._receiver.writer.close()

    def __str__(self) -> str:
        sure = {self._under_way[each] for each in self._sent[: self._acknowledged] if each in self._under_way}
        return (
            f"{len(self.received)} of {self._count} arrived, {self.doubled} twice, {self.overtaken} out of"
            f" order; {self.returned} came back; nothing is known of {sorted(self._under_way.values())}, of"
            f" which the sender's server has acknowledged {sorted(sure)}"
        )

    async def _keep(
        self,
        person: Person,
        begin: Callable[[], Awaitable[None]],
        take: Callable[[ET.Element], Awaitable[None]],
    ) -> None:
        """Take what a person gets; log in again when the connection is gone."""
        await begin()
        while True:
            try:
                await take(await person.next(60))
            except (Closed, ConnectionError):
                await person.close()
                await _log_in(person)
                await begin()

    async def _send_again(self) -> None:
        """Have the stream managed, and send what the last one has not acknowledged."""
        self._sender.write(f"<enable xmlns='{_SM}'/>")
        await self._sender.find(lambda element: element.tag == f"{{{_SM}}}enabled")
        lost = [serial for serial in self._sent[self._acknowledged :] if serial in self._under_way]
        self._sent.clear()
        self._acknowledged = 0
        numbers = [self._under_way.pop(serial) for serial in lost]
        self._unsure.update(numbers)
        self._waiting.extendleft(reversed(numbers))
        self._room.set()

    async def _write(self) -> None:
        while True:
            await self._room.wait()
            self._room.clear()
            while self._waiting and len(self._under_way) < WINDOW and not self._resting:
                if self._sender.writer.is_closing():
                    break  # what is not sent yet will be on the next connection
                number = self._waiting.popleft()
                self._serial += 1
                self._under_way[self._serial] = number
                self._sent.append(self._serial)
                self._sender.write(
                    f"<message to='{self._receiver.address}' type='chat' id='{self._serial}'>"
                    f"<body>{number}</body></message>"
                )
                if self._serial % _ASK_EVERY == 0:
                    self._sender.write(f"<r xmlns='{_SM}'/>")

    async def _told(self, element: ET.Element) -> None:
        """The sender gets acknowledgements, and what came back."""
        if element.tag == f"{{{_SM}}}a":
            self._acknowledged = int(element.get("h", "0"))
        elif element.tag == f"{CLIENT}message" and element.get("type") == "error":
            number = self._under_way.pop(int(element.get("id", "0")), None)
            if number is not None:
                self.returned += 1
                self._unsure.add(number)  # that it came back does not tell that it has not arrived
                asyncio.get_running_loop().call_later(_AGAIN, self._returned, number)

    def _returned(self, number: int) -> None:
        self._waiting.append(number)
        self._room.set()

    async def _arrived(self, element: ET.Element) -> None:
        if element.tag != f"{CLIENT}message" or element.find(f"{CLIENT}body") is None:
            return
        serial, number = int(element.get("id", "0")), int(element.findtext(f"{CLIENT}body", ""))
        self._under_way.pop(serial, None)
        if number in self.received:
            self.doubled += number not in self._unsure
        else:
            self.received.add(number)
            self.overtaken += serial < self._newest and not self._late
            self._newest = max(self._newest, serial)
        self._room.set()
        async with self.progress:
            self.progress.notify_all()


async def _nothing() -> None:
    pass


async def _log_in(person: Person) -> None:
    """Try until the server is there again."""
    while True:
        try:
            await person.log_in()
        except (OSError, Closed):
            # A server that is down tells nobody when it will be up.
            await asyncio.sleep(0.05)
        else:
            return
