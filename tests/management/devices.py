"""Several clients of two accounts that come, go, lose and resume their connections: a machine for hypothesis.

Each client behaves as a good one does: it keeps what it has sent until it is acknowledged, resumes its
session where it can, and reads the archive where it can't. Then it must have seen every message, none of
them twice, and those of one sender in their order.
"""

from __future__ import annotations

import base64
import itertools
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from burble.server import Server
from burble.testing import settings
from tests.client import CLIENT, SASL, header
from tests.management.words import NS, SM
from tests.simulated import JumpingLoop, Wire, jump, settle

MAM = "{urn:xmpp:mam:2}"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
COPIES = ("{urn:xmpp:carbons:2}received", "{urn:xmpp:carbons:2}sent")
NAMES = ["juliet/phone", "juliet/laptop", "juliet/tablet", "romeo/phone"]
OTHER = {"juliet": "romeo", "romeo": "juliet"}


class Device:
    """One client.

    Attributes:
        out: the numbers of messages that it has sent, or wants to, and were not acknowledged.
        seen: the ids under which it knows each message, by number.
        wire: its connection, or None.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        account, _, self.resource = name.partition("/")
        self.user = account + world.suffix
        self.peer = OTHER[account] + world.suffix
        self.jid = f"{self.user}@localhost/{self.resource}"
        self.out: list[int] = []
        self.seen: dict[int, set[str]] = {}
        self.wire: Wire | None = None
        self._id = ""
        self._received = 0  # stanzas, since stream management was enabled
        self._acknowledged = 0  # of those sent
        self._answers: dict[str, ET.Element] = {}
        # Since the resource was bound: which messages came, and the latest of each sender.
        self._shown: set[int] = set()
        self._latest: dict[str, int] = {}

    # ---- coming and going

    async def connect(self) -> None:
        """Connect, and resume the session or open a new one."""
        wire = self.wire = Wire(self.world.server)
        self.world.wires.append(wire)
        token = base64.b64encode(f"\0{self.user}\0secret".encode()).decode()
        wire.write(header())
        await self._expect("{http://etherx.jabber.org/streams}features")
        wire.write(f"<auth xmlns='{SASL[1:-1]}' mechanism='PLAIN'>{token}</auth>")
        await self._expect(f"{SASL}success")
        wire.restart()
        wire.write(header())
        await self._expect("{http://etherx.jabber.org/streams}features")
        if self._id:
            wire.write(f"<resume xmlns='{NS}' previd='{self._id}' h='{self._received}'/>")
            answer = await self._expect(f"{SM}resumed", f"{SM}failed")
            self._take_ack(int(answer.attrib["h"]))
            if answer.tag == f"{SM}resumed":
                self._write_out()
                return
        await self._bind(wire)

    async def _bind(self, wire: Wire) -> None:
        self._received = self._acknowledged = 0
        self._shown.clear()
        self._latest.clear()
        await self._ask(
            f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{self.resource}</resource></bind>"
        )
        wire.write(f"<enable xmlns='{NS}' resume='true'/>")
        self._id = (await self._expect(f"{SM}enabled")).attrib["id"]
        self._received = self._acknowledged = 0
        await self._ask("<enable xmlns='urn:xmpp:carbons:2'/>")
        wire.write("<presence/>")
        self._acknowledged += 2  # the request and the presence are no messages
        await self._ask("<query xmlns='urn:xmpp:mam:2'/>")
        self._acknowledged += 1
        self._write_out()

    def cut(self) -> None:
        """Lose the connection, with all that is under way."""
        if self.wire is not None:
            self.wire.cut()
            self.world.wires.remove(self.wire)
            self.wire = None

    # ---- messages

    def send(self, number: int) -> None:
        """Send a message, now or when there is a connection again."""
        self.out.append(number)
        if self.wire is not None:
            self._write(number)

    def ask(self) -> None:
        """Ask what the server has."""
        if self.wire is not None:
            self.wire.write(f"<r xmlns='{NS}'/>")

    def tell(self) -> None:
        """Tell the server what has come."""
        if self.wire is not None:
            self.wire.write(f"<a xmlns='{NS}' h='{self._received}'/>")

    def _write(self, number: int) -> None:
        assert self.wire is not None
        to = f"{self.peer}@localhost"
        self.wire.write(f"<message to='{to}' type='chat' id='{number}'><body>{number}</body></message>")

    def _write_out(self) -> None:
        for number in self.out:
            self._write(number)
        self.ask()

    def _take_ack(self, h: int) -> None:
        done = h - self._acknowledged
        if done > 0:  # else it counts only what came before the first message
            del self.out[:done]
            self._acknowledged = h

    # ---- what comes

    def read(self) -> bool:
        """Take what has arrived; whether there was anything."""
        wire = self.wire
        if wire is None:
            return False
        any_came = False
        while (element := wire.next()) is not None:
            any_came = True
            self._handle(element)
        if wire.closed:
            self.cut()
        return any_came

    def _handle(self, element: ET.Element) -> None:
        tag = element.tag
        if tag == f"{SM}r":
            self.tell()
        elif tag == f"{SM}a":
            self._take_ack(int(element.attrib["h"]))
        elif tag in (f"{CLIENT}message", f"{CLIENT}presence", f"{CLIENT}iq"):
            self._received += 1
            if tag == f"{CLIENT}message":
                self._message(element)
            elif tag == f"{CLIENT}iq":
                self._answers[element.get("id") or ""] = element
        else:
            self._answers[tag] = element

    def _message(self, message: ET.Element) -> None:
        result = message.find(f"{MAM}result")
        if result is not None:
            archived = result.find(f"{FORWARDED}/{CLIENT}message")
            assert archived is not None
            self._know(archived, result.get("id") or "")
            return
        for name in COPIES:
            copied = message.find(f"{name}/{FORWARDED}/{CLIENT}message")
            message = message if copied is None else copied
        assert message.get("type") != "error", ET.tostring(message)
        own = [
            e for e in message.findall("{urn:xmpp:sid:0}stanza-id") if e.get("by") == f"{self.user}@localhost"
        ]
        number = self._know(message, own[0].attrib["id"] if own else "")
        sender = message.attrib["from"]
        assert number not in self._shown, f"{self.jid} was shown {number} twice"
        self._shown.add(number)
        if message.find("{urn:xmpp:delay}delay") is None:
            latest = self._latest.get(sender, -1)
            assert number > latest, f"{self.jid} was shown {number} of {sender} after {latest}"
            self._latest[sender] = number

    def _know(self, message: ET.Element, id: str) -> int:
        number = int(message.findtext(f"{CLIENT}body") or "")
        ids = self.seen.setdefault(number, set())
        ids |= {id} - {""}
        assert len(ids) <= 1, f"{self.jid} knows {number} under {ids}"
        return number

    # ---- asking

    async def _ask(self, payload: str) -> ET.Element:
        assert self.wire is not None
        self.wire.write(f"<iq type='set' id='q'>{payload}</iq>")
        return await self._expect("q")

    async def _expect(self, *keys: str) -> ET.Element:
        for _ in range(20):
            await self.world.exchange([self])
            for key in keys:
                if key in self._answers:
                    return self._answers.pop(key)
        raise AssertionError(f"{self.jid} got none of {keys}, only {self._answers}")


class World:
    """Two new accounts of a server, and their clients."""

    def __init__(self, server: Server, suffix: str) -> None:
        self.server = server
        self.suffix = suffix
        self.wires: list[Wire] = []
        self.devices = {name: Device(self, name) for name in NAMES}
        self.senders: list[str] = []  # of each message, by its number

    async def start(self) -> None:
        """All clients connect."""
        for user in OTHER:
            await self.server.hosts["localhost"].register(user + self.suffix, "secret")
        for device in self.devices.values():
            await device.connect()

    async def stop(self) -> None:
        """End all sessions."""
        for device in self.devices.values():
            device.cut()
        for user in OTHER:
            for session in self.server.hosts["localhost"].sessions.of(user + self.suffix):
                session.close()
        await settle(self.server.hosts["localhost"], [])

    async def exchange(self, devices: list[Device]) -> None:
        """Let all that is under way between some clients and the server arrive."""
        busy = True
        while busy:
            await settle(self.server.hosts["localhost"], self.wires)
            carried = [device.wire is not None and device.wire.carry() for device in devices]
            await settle(self.server.hosts["localhost"], self.wires)
            read = [device.read() for device in devices]
            busy = any(carried) or any(read)

    async def do(self, something: Callable[[], object]) -> None:
        """Do something, and let the server do what follows from it."""
        something()
        await settle(self.server.hosts["localhost"], self.wires)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        jump(seconds)
        await settle(self.server.hosts["localhost"], self.wires)

    async def reckon(self) -> None:
        """Let all clients come back, and see that each has seen all."""
        for _ in range(3):
            for device in self.devices.values():
                if device.wire is None:
                    await device.connect()
                device.ask()
            await self.exchange(list(self.devices.values()))
        for name, device in self.devices.items():
            assert not device.out, f"{name} has not got rid of {device.out}"
            wanted = {number for number, sender in enumerate(self.senders) if sender != name}
            assert wanted <= device.seen.keys(), f"{name} has missed {sorted(wanted - device.seen.keys())}"


class Stage:
    """A running server for many worlds, and the loop in which it runs."""

    def __init__(self) -> None:
        self.loop = JumpingLoop()
        self._directory = tempfile.TemporaryDirectory(prefix="burble-")
        self._server = Server(settings(Path(self._directory.name)))
        self._numbers = itertools.count()
        self.loop.run_until_complete(self._server.start())

    def world(self) -> World:
        """Accounts that nobody has used."""
        world = World(self._server, str(next(self._numbers)))
        self.loop.run_until_complete(world.start())
        return world

    def close(self) -> None:
        """Stop the server."""
        self.loop.run_until_complete(self._server.stop())
        self.loop.close()
        self._directory.cleanup()


class DevicesMachine(RuleBasedStateMachine):
    """Random comings and goings. `stage` has to be there before the first."""

    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.stage.world()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self.stage.loop.run_until_complete(work)

    @rule(name=st.sampled_from(NAMES), messages=st.integers(1, 3))
    def send(self, name: str, messages: int) -> None:
        for _ in range(messages):
            self.world.devices[name].send(len(self.world.senders))
            self.world.senders.append(name)

    @rule(name=st.sampled_from(NAMES))
    def exchange(self, name: str) -> None:
        self._run(self.world.exchange([self.world.devices[name]]))

    @rule()
    def exchange_all(self) -> None:
        self._run(self.world.exchange(list(self.world.devices.values())))

    @rule(name=st.sampled_from(NAMES))
    def carry_once(self, name: str) -> None:
        """What is under way arrives; what it causes is under way."""
        wire = self.world.devices[name].wire
        if wire is not None:
            self._run(self.world.do(wire.carry))

    @rule(name=st.sampled_from(NAMES))
    def read(self, name: str) -> None:
        self._run(self.world.do(self.world.devices[name].read))

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        self.world.devices[name].ask()

    @rule(name=st.sampled_from(NAMES))
    def tell(self, name: str) -> None:
        self.world.devices[name].tell()

    @rule(name=st.sampled_from(NAMES))
    def cut(self, name: str) -> None:
        self._run(self.world.do(self.world.devices[name].cut))

    @rule(name=st.sampled_from(NAMES))
    def connect(self, name: str) -> None:
        """Come back; or leave a connection behind that the server takes for a live one."""
        self._run(self.world.devices[name].connect())

    @rule(seconds=st.sampled_from([1, 3, 100, 700]))
    def wait(self, seconds: int) -> None:
        self._run(self.world.wait(seconds))

    def teardown(self) -> None:
        try:
            self._run(self.world.reckon())
        finally:
            self._run(self.world.stop())
