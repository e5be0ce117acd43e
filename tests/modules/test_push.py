"""Push notifications (XEP-0357): who is told what of whom, and what becomes of services that fail."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ET

import pytest

from burble.jid import JID
from burble.modules.push.notifications import is_worth_waking
from burble.routing.events import SessionHibernated
from burble.server import Server
from burble.stanza import Message
from burble.storage.schema import push_services
from burble.xml import parse_element
from tests.client import CLIENT, ScriptedClient, condition
from tests.commands.calling import CALLER
from tests.conftest import Connect
from tests.modules.letters import write
from tests.modules.pushservice import DOMAIN, PushService, disable, enable, options
from tests.presences import appear


@pytest.fixture
def service(server: Server) -> PushService:
    return PushService(server.hosts["localhost"])


async def asleep(connect: Connect, *, node: str | None = "phone", extra: str = "") -> ScriptedClient:
    """Let Juliet's phone enable notifications and leave; returns Romeo, who may write to her."""
    juliet = await connect("juliet/phone")
    assert (await enable(juliet, node, extra)).get("type") == "result"
    juliet.write("</stream:stream>")
    await juliet.closed()
    return await connect("romeo/orchard")


async def set_options(server: Server, **changes: object) -> None:
    push = server.hosts["localhost"].modules["push"]
    await push.configure(push.Settings(**changes))


async def lose(server: Server, client: ScriptedClient) -> None:
    """Cut a connection whose session waits to be resumed (XEP-0198)."""
    hibernated = asyncio.Event()
    off = server.hosts["localhost"].hooks.on(SessionHibernated, lambda event: hibernated.set())
    client.writer.transport.abort()
    async with asyncio.timeout(5):
        await hibernated.wait()
    off()


async def manage(client: ScriptedClient) -> str:
    """Enable stream management; returns the id to resume by."""
    client.write("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    enabled = await client.find(lambda e: e.tag == "{urn:xmpp:sm:3}enabled")
    return enabled.get("id", "")


# ---- enabling


async def test_accounts_say_that_they_can(connect: Connect) -> None:
    """§4.1."""
    juliet = await connect("juliet")
    info = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
    assert 'var="urn:xmpp:push:0"' in ET.tostring(info, encoding="unicode")


@pytest.mark.parametrize("node", ["phone", None])
async def test_a_message_for_nobody_is_told(connect: Connect, service: PushService, node: str | None) -> None:
    """§7: to the node, as often as there are messages; what they say is not told."""
    romeo = await asleep(connect, node=node)
    for number in (1, 2):
        write(romeo, "secret")
        told = await service.next()
        assert (told.to, told.node, told.options) == (DOMAIN, node, None)
        assert told.summary == {"message-count": str(number)}
    await service.nothing()


async def test_publish_options_are_sent_along(connect: Connect, service: PushService) -> None:
    """§5, §7."""
    romeo = await asleep(connect, extra=options(secret="eruio234vzxc2kla-91"))
    write(romeo, "hark")
    assert (await service.next()).options == {
        "FORM_TYPE": "http://jabber.org/protocol/pubsub#publish-options",
        "secret": "eruio234vzxc2kla-91",
    }


async def test_sender_and_body_are_told_where_it_is_wanted(
    server: Server, connect: Connect, service: PushService
) -> None:
    """§9, §12.3: the options `sender` and `body`."""
    await set_options(server, sender=True, body=True)
    romeo = await asleep(connect)
    write(romeo, "Wherefore art thou?")
    assert (await service.next()).summary == {
        "message-count": "1",
        "last-message-sender": "romeo@localhost/orchard",
        "last-message-body": "Wherefore art thou?",
    }


async def test_each_node_hears_once_and_the_last_options_count(
    connect: Connect, service: PushService
) -> None:
    """§5."""
    juliet = await connect("juliet/tablet")
    for node, secret in (("tablet", "old"), ("tablet", "new")):
        await enable(juliet, node, options(secret=secret))
    juliet.write("</stream:stream>")
    await juliet.closed()
    romeo = await asleep(connect)
    write(romeo, "hark")
    told = {(each.node, (each.options or {}).get("secret")) for each in [await service.next() for _ in "ab"]}
    assert told == {("phone", None), ("tablet", "new")}
    await service.nothing()


@pytest.mark.parametrize(("which", "left"), [("phone", ["tablet"]), (None, [])])
async def test_notifications_are_disabled(
    connect: Connect, service: PushService, which: str | None, left: list[str]
) -> None:
    """§6: one node, or all."""
    juliet = await connect("juliet/phone")
    for node in ("phone", "tablet"):
        await enable(juliet, node)
    assert (await disable(juliet, which)).get("type") == "result"
    assert condition(await disable(juliet, "phone")) == "item-not-found"
    juliet.write("</stream:stream>")
    await juliet.closed()
    write(await connect("romeo/orchard"), "hark")
    assert [(await service.next()).node for _ in left] == left
    await service.nothing()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<enable xmlns='urn:xmpp:push:0'/>", "bad-request"),
        ("<enable xmlns='urn:xmpp:push:0' jid='a@@b'/>", "jid-malformed"),
        ("<disable xmlns='urn:xmpp:push:0'/>", "bad-request"),
        (f"<enable xmlns='urn:xmpp:push:0' jid='a'>{options('other')}</enable>", "bad-request"),
        (
            f"<enable xmlns='urn:xmpp:push:0' jid='a'>{options(secret='x' * 9000)}</enable>",
            "policy-violation",
        ),
    ],
)
async def test_wrong_requests(server: Server, connect: Connect, payload: str, expected: str) -> None:
    juliet, romeo = await connect("juliet"), await connect("romeo")
    assert condition(await juliet.ask("set", payload)) == expected
    assert condition(await romeo.ask("set", payload, "juliet@localhost")) == "service-unavailable"
    assert not server.hosts["localhost"].modules["push"].store.users


async def test_the_oldest_service_gives_way(server: Server, connect: Connect, service: PushService) -> None:
    """The option `services`."""
    await set_options(server, services=2)
    juliet = await connect("juliet/phone")
    database = server.hosts["localhost"].database
    for age, node in enumerate(("new", "old", "older")):
        await enable(juliet, node)
        change = push_services.update().where(push_services.c.node == node)
        await database.execute(change.values(enabled_at=int(time.time()) - age - 1))
    await enable(juliet, "newest")
    rows = await database.fetch(push_services.select().order_by(push_services.c.enabled_at))
    assert [row.node for row in rows] == ["new", "newest"]


# ---- sleeping sessions


async def test_a_hibernated_session_is_told_of_what_it_gets(
    server: Server, connect: Connect, service: PushService
) -> None:
    """What comes while its connection is lost, and what it has not acknowledged; not what it has seen."""
    juliet = await connect("juliet/phone")
    await enable(juliet)
    await manage(juliet)
    await appear(juliet)
    romeo = await connect("romeo/orchard")
    write(romeo, "one", juliet.jid)
    await romeo.sync()
    await service.nothing()
    await lose(server, juliet)
    assert (await service.next()).count == 1
    for number in (2, 3):
        write(romeo, "more")
        assert (await service.next()).count == number
    await service.nothing()


async def test_copies_wake_a_hibernated_session(
    server: Server, connect: Connect, service: PushService
) -> None:
    """XEP-0280: what another client gets, the phone gets as well; the client that is awake is not told."""
    juliet, desk = await connect("juliet/phone"), await appear(await connect("juliet/desk"))
    await enable(juliet, "phone")
    await enable(desk, "desk")
    await juliet.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    await manage(juliet)
    await appear(juliet)
    await lose(server, juliet)
    romeo = await connect("romeo/orchard")
    write(romeo, "hark", desk.jid)
    told = await service.next()
    assert told.node == "phone"
    await service.nothing()


@pytest.mark.parametrize("wanted", [True, False])
async def test_an_inactive_session_is_told(
    server: Server, connect: Connect, service: PushService, wanted: bool
) -> None:
    """XEP-0352, and the option `inactive`."""
    await set_options(server, inactive=wanted)
    juliet, romeo = await connect("juliet/phone"), await connect("romeo/orchard")
    await enable(juliet)
    await appear(juliet)
    for state, told in (("active", False), ("inactive", wanted), ("active", False)):
        juliet.write(f"<{state} xmlns='urn:xmpp:csi:0'/>")
        await juliet.sync()
        write(romeo, "hark")
        await romeo.sync()
        if told:
            assert (await service.next()).count == 1
        await service.nothing()


async def test_a_request_to_subscribe_is_told(connect: Connect, service: PushService) -> None:
    """§12.3: how many there are."""
    romeo = await asleep(connect)
    romeo.write("<presence to='juliet@localhost' type='subscribe'/>")
    assert (await service.next()).summary == {"message-count": "0", "pending-subscription-count": "1"}
    await service.nothing()


WAKING = {
    "a chat": ("chat", "<body>x</body>", True),
    "a message": ("normal", "<body>x</body>", True),
    "a room's": ("groupchat", "<body>x</body>", True),
    "an encrypted one": ("chat", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>", True),
    "a call": ("chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>", True),
    "the end of one": ("chat", "<retract xmlns='urn:xmpp:jingle-message:0' id='a'/>", False),
    "an invitation": ("normal", "<x xmlns='jabber:x:conference' jid='r@c'/>", True),
    "a room's invitation": (
        "normal",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>",
        True,
    ),
    "typing": ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", False),
    "a receipt": ("chat", "<received xmlns='urn:xmpp:receipts' id='a'/>", False),
    "a headline": ("headline", "<body>x</body>", False),
    "an error": ("error", "<body>x</body>", False),
    "a subject": ("groupchat", "<subject>x</subject>", False),
    "a fleeting one": ("chat", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>", False),
}


@pytest.mark.parametrize("what", WAKING)
def test_which_messages_wake(what: str) -> None:
    kind, content, expected = WAKING[what]
    parsed = parse_element(f"<message xmlns='jabber:client'>{content}</message>")
    message = Message(JID.parse("a@b"), JID.parse("c@d/e"), {"type": kind}, *parsed.children)
    assert is_worth_waking(message) is expected


# ---- services that fail


async def test_a_service_that_fails_is_disabled(
    server: Server, connect: Connect, service: PushService
) -> None:
    """§7.1: after so many failures in a row; a success forgives."""
    await set_options(server, failures=2)
    romeo = await asleep(connect)
    push = server.hosts["localhost"].modules["push"]
    for answer, enabled in (
        ("item-not-found", True),
        ("result", True),
        ("item-not-found", True),
        ("forbidden", False),
    ):
        service.answer = answer
        write(romeo, "hark")
        await service.next()
        await service.nothing()
        assert ("juliet" in push.store.users) is enabled
    write(romeo, "hark")
    await romeo.sync()
    await service.nothing()


async def test_a_service_that_never_answers_holds_nothing(
    server: Server, connect: Connect, service: PushService
) -> None:
    """One request at a time, and then the newest there is to tell; in the end it is disabled."""
    romeo = await asleep(connect)
    service.answer = ""
    for number in range(5):
        write(romeo, str(number))
    await romeo.nothing()
    await service.told()
    assert (await service.next()).count == 1
    assert service.published.empty()
    service.answer = "result"
    service.catch_up()
    assert (await service.next()).count == 5
    await service.nothing()

    service.answer = ""
    await set_options(server, failures=1, timeout=0.01)
    write(romeo, "hark")
    assert (await service.next()).count == 6
    await service.nothing()
    assert not server.hosts["localhost"].modules["push"].store.users


async def test_the_server_stops_without_waiting_for_a_service(
    server: Server, connect: Connect, service: PushService
) -> None:
    romeo = await asleep(connect)
    service.answer = ""
    write(romeo, "hark")
    await service.next()
    async with asyncio.timeout(5):
        await server.stop()


async def test_a_service_takes_no_more(server: Server, connect: Connect, service: PushService) -> None:
    """§8: it says so to the account."""
    juliet = await connect("juliet/phone")
    for node in ("phone", "tablet"):
        await enable(juliet, node)
    host = server.hosts["localhost"]
    gone = parse_element(
        "<pubsub xmlns='http://jabber.org/protocol/pubsub' node='phone'>"
        "<affiliation jid='juliet@localhost' affiliation='none'/></pubsub>"
    )
    host.router.route(Message(JID.parse("juliet@localhost"), JID.parse(DOMAIN), {}, gone))
    await appear(juliet)
    await service.nothing()
    assert await juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost") is not None
    assert not [each for each in juliet._arrived if each.tag == f"{CLIENT}message"]
    rows = await host.database.fetch(push_services.select())
    assert [row.node for row in rows] == ["tablet"]


async def test_old_services_are_forgotten(server: Server, connect: Connect) -> None:
    """The command delete_old_push_sessions, as ejabberd has it."""
    juliet, romeo = await connect("juliet"), await connect("romeo")
    for client in (juliet, romeo):
        await enable(client)
    database = server.hosts["localhost"].database
    change = push_services.update().where(push_services.c.user == "romeo")
    await database.execute(change.values(enabled_at=int(time.time()) - 3 * 86_400))
    await server.commands.call("delete_old_push_sessions", ["2"], CALLER)
    assert [row.user for row in await database.fetch(push_services.select())] == ["juliet"]
    assert server.hosts["localhost"].modules["push"].store.users == {"juliet"}


async def test_a_new_account_has_no_services(server: Server, connect: Connect, service: PushService) -> None:
    romeo = await asleep(connect)
    host = server.hosts["localhost"]
    await host.unregister("juliet")
    await host.register("juliet", "secret")
    write(romeo, "hark")
    await romeo.sync()
    await service.nothing()


# ---- rooms

ROOM = "verona@conference.localhost"
REGISTER = "<query xmlns='jabber:iq:register'>{}</query>"


async def enter(client: ScriptedClient, nick: str) -> None:
    client.write(f"<presence to='{ROOM}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await client.find(lambda e: e.find(f"{CLIENT}subject") is not None)


async def register(client: ScriptedClient, nick: str) -> None:
    fields = {"FORM_TYPE": "http://jabber.org/protocol/muc#register", "muc#register_roomnick": nick}
    inner = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in fields.items())
    form = f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"
    assert (await client.ask("set", REGISTER.format(form), ROOM)).get("type") == "result"


async def test_members_hear_of_rooms_that_they_are_not_in(connect: Connect, service: PushService) -> None:
    """Those who have registered a nick and are offline; not for what has no body."""
    romeo, juliet, nurse = [await connect(who) for who in ("romeo/orchard", "juliet/phone", "nurse/hall")]
    await enter(romeo, "Romeo")
    owner = "<query xmlns='http://jabber.org/protocol/muc#owner'>{}</query>"
    await romeo.ask("set", owner.format("<x xmlns='jabber:x:data' type='submit'/>"), ROOM)
    members = "".join(f"<item affiliation='member' jid='{each.bare}'/>" for each in (juliet, nurse))
    admin = f"<query xmlns='http://jabber.org/protocol/muc#admin'>{members}</query>"
    assert (await romeo.ask("set", admin, ROOM)).get("type") == "result"
    for client, nick in ((juliet, "Juliet"), (nurse, "Nurse")):
        assert (await enable(client, nick)).get("type") == "result"
        await register(client, nick)
    juliet.write("</stream:stream>")
    await juliet.closed()
    await appear(nurse)
    romeo.write(f"<message to='{ROOM}' type='groupchat'><subject>Verona</subject></message>")
    romeo.write(f"<message to='{ROOM}' type='groupchat'><body>Hark!</body></message>")
    await romeo.sync()
    told = await service.next()
    assert (told.node, told.count) == ("Juliet", 1)
    await service.nothing()
