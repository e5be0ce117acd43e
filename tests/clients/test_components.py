"""Components that people run, connected to a server and used through a client: slixmpp's, and slidge."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import slixmpp
from slixmpp.componentxmpp import ComponentXMPP

from tests.clients.conftest import SLIDGE, require
from tests.clients.server import BurbleProcess, running
from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PATIENCE

pytestmark = pytest.mark.clients

SECRET = "wherefore"
PARROT = "parrot.localhost"
GATEWAY = "slidge.localhost"
SETTINGS = f"""
[components."{PARROT}"]
secret = "{SECRET}"
connections = 2

[components."{GATEWAY}"]
secret = "{SECRET}"

[modules]
load = ["privilege"]

[modules.privilege.entities."{GATEWAY}"]
roster = "both"
message = "outgoing"
iq."http://jabber.org/protocol/pubsub" = "both"
"""

Meet = Callable[[str], Awaitable[SlixmppUser]]


@pytest.fixture(scope="module")
def burble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BurbleProcess]:
    """A server with a port for components."""
    with running(tmp_path_factory.mktemp("burble"), components=SETTINGS) as process:
        yield process


_numbers = count(1)


@pytest.fixture
async def meet(burble: BurbleProcess) -> AsyncIterator[Meet]:
    """Makes users with accounts of their own, logged in."""
    users: list[SlixmppUser] = []

    async def make(name: str) -> SlixmppUser:
        user = SlixmppUser(f"{name}{next(_numbers)}", burble)
        users.append(user)
        await user.register()
        await user.log_in()
        return user

    yield make
    for user in users:
        await user.close()


# ---- slixmpp


class Parrot(ComponentXMPP):
    """A component that says everything again, and is everybody's friend."""

    def __init__(self, port: int) -> None:
        super().__init__(PARROT, SECRET, "127.0.0.1", port)
        for plugin in ("xep_0030", "xep_0199", "xep_0092"):
            self.register_plugin(plugin)
        self.plugin["xep_0030"].add_identity(category="gateway", itype="parrot", name="Parrot")
        self.auto_authorize = None  # not by slixmpp itself
        self.add_event_handler("message", self.heard)
        self.add_event_handler("presence_subscribe", self.asked)
        self.started = asyncio.Event()
        self.add_event_handler("session_start", lambda _: self.started.set())

    def heard(self, message: slixmpp.Message) -> None:
        """Say it again, from the address it was for."""
        if message["type"] in ("chat", "normal"):
            message.reply(f"{message['body']}!").send()

    def asked(self, presence: slixmpp.Presence) -> None:
        """Be a friend, ask to be one, and be there."""
        for kind in ("subscribed", "subscribe", "available"):
            self.send_presence(pto=presence["from"], pfrom=presence["to"], ptype=kind)

    async def attach(self) -> None:
        """Connect."""
        self.connect()
        async with asyncio.timeout(PATIENCE):
            await self.started.wait()


@pytest.fixture
async def parrot(burble: BurbleProcess) -> AsyncIterator[Parrot]:
    """The component, connected."""
    component = Parrot(burble.component_port)
    await component.attach()
    yield component
    await component.disconnect()


async def test_slixmpp_answers_messages(parrot: Parrot, meet: Meet) -> None:
    juliet = await meet("juliet")
    for sender in (PARROT, f"polly@{PARROT}"):
        juliet.client.send_message(mto=sender, mbody="Hello", mtype="chat")

        assert (await juliet.receive(sender)).body == "Hello!"


async def test_slixmpp_is_found_and_answers_requests(parrot: Parrot, meet: Meet) -> None:
    """Service discovery and pings, both ways."""
    juliet = await meet("juliet")
    for plugin in ("xep_0030", "xep_0199"):
        juliet.client.register_plugin(plugin)
    disco, ping = juliet.client.plugin["xep_0030"], juliet.client.plugin["xep_0199"]

    items = await disco.get_items("localhost", timeout=PATIENCE)
    info = await disco.get_info(PARROT, timeout=PATIENCE)

    assert PARROT in {item[0] for item in items["disco_items"]["items"]}
    assert ("gateway", "parrot", None, "Parrot") in info["disco_info"]["identities"]
    assert await ping.send_ping(PARROT, timeout=PATIENCE) is not None
    assert await parrot.plugin["xep_0199"].send_ping("localhost", ifrom=PARROT, timeout=PATIENCE) is not None
    assert await parrot.plugin["xep_0199"].send_ping(
        str(juliet.client.boundjid), ifrom=PARROT, timeout=PATIENCE
    )


async def test_slixmpp_is_a_contact(parrot: Parrot, meet: Meet) -> None:
    """The whole subscription, and presence both ways (RFC 6121 §3, §4)."""
    juliet = await meet("juliet")
    contact = f"polly@{PARROT}"
    seen: asyncio.Queue[slixmpp.Presence] = asyncio.Queue()
    parrot.add_event_handler("presence_available", seen.put_nowait)
    parrot.add_event_handler("presence_unavailable", seen.put_nowait)

    await juliet.befriend(contact)
    await juliet.accept(contact)
    await juliet.sees(contact, online=True)
    async with asyncio.timeout(PATIENCE):
        while (await seen.get())["from"].bare != juliet.jid:
            pass
    assert (await juliet.roster())[contact] == "both"

    parrot.send_presence(pto=juliet.jid, pfrom=contact, ptype="unavailable")
    await juliet.sees(contact, online=False)
    await juliet.log_out()
    async with asyncio.timeout(PATIENCE):
        while (await seen.get())["type"] != "unavailable":
            pass


async def test_two_connections_of_slixmpp_share_the_work(
    parrot: Parrot, burble: BurbleProcess, meet: Meet
) -> None:
    """What one account says is answered in order; each connection answers somebody."""
    second = Parrot(burble.component_port)
    await second.attach()
    counts = {parrot: 0, second: 0}
    for component in counts:
        component.add_event_handler("message", lambda _, c=component: counts.update({c: counts[c] + 1}))
    users = [await meet("juliet") for _ in range(6)]
    for number in range(10):
        for user in users:
            user.client.send_message(mto=PARROT, mbody=str(number), mtype="chat")

    for user in users:
        assert [(await user.receive(PARROT)).body for _ in range(10)] == [f"{n}!" for n in range(10)]
    assert sum(counts.values()) == 60
    assert all(number % 10 == 0 for number in counts.values())
    await second.disconnect()


# ---- slidge


@pytest.fixture(scope="module")
def slidge(burble: BurbleProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """slidge, with a network of one person, who repeats what is said."""
    require("slidge")
    process = subprocess.Popen(
        [
            SLIDGE,
            *("--jid", GATEWAY, "--secret", SECRET, "--server", "127.0.0.1"),
            *("--port", str(burble.component_port), "--legacy-module", "echo_gateway"),
            *("--home-dir", tmp_path_factory.mktemp("slidge")),
        ],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).with_name("slidge"))},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as stderr:
        log = ""
        while "successfully started" not in log:
            line = stderr.readline()
            assert line, f"slidge does not start:\n{log}"
            log += line
        reader = threading.Thread(target=stderr.read)
        reader.start()
        yield
        process.terminate()
        try:
            process.wait(PATIENCE / 5)
        except subprocess.TimeoutExpired:  # it now and then waits for the end of a connection that is closed
            process.kill()
            process.wait()
        reader.join()


async def sign_up(user: SlixmppUser) -> None:
    """Register with the gateway (XEP-0077, XEP-0100)."""
    iq = user.client.make_iq_set(ito=GATEWAY)
    iq.xml.append(
        ET.fromstring(
            "<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='username'><value>juliet</value></field></x></query>"
        )
    )
    await iq.send(timeout=PATIENCE)


ECHO = f"echo@{GATEWAY}"


async def test_slidge_adds_its_contacts_and_they_answer(slidge: None, meet: Meet) -> None:
    """The gateway puts itself and its contacts into the roster (XEP-0356), and these are online."""
    juliet = await meet("juliet")
    await sign_up(juliet)
    while ECHO not in (roster := await juliet.roster()):
        await juliet.happens(kind="roster", set=True)
    await juliet.sees(ECHO, online=True)
    juliet.client.send_message(mto=ECHO, mbody="Romeo", mtype="chat")

    assert (roster[GATEWAY], roster[ECHO]) == ("both", "both")
    assert (await juliet.receive(ECHO)).body == "Romeo!"


async def test_slidge_shows_what_was_said_with_another_program(slidge: None, meet: Meet) -> None:
    """It sends in the account's name (XEP-0356), and clients see it as a carbon (XEP-0280)."""
    juliet = await meet("juliet")
    juliet.client.register_plugin("xep_0280")
    await juliet.client.plugin["xep_0280"].enable(timeout=PATIENCE)
    copies: asyncio.Queue[slixmpp.Message] = asyncio.Queue()
    juliet.client.add_event_handler("carbon_sent", copies.put_nowait)
    await sign_up(juliet)
    await juliet.sees(ECHO, online=True)

    juliet.client.send_message(mto=ECHO, mbody="elsewhere", mtype="chat")

    async with asyncio.timeout(PATIENCE):
        copy = (await copies.get())["carbon_sent"]
    assert (copy["from"].bare, copy["to"].bare, copy["body"]) == (juliet.jid, ECHO, "said elsewhere")
