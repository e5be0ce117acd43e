"""What a component sends and gets (XEP-0114 §3; RFC 6120 §8.1)."""

from __future__ import annotations

import pytest

from burble.server import Server
from tests.client import CLIENT, ScriptedClient, condition
from tests.components.component import COMPONENT, condition_of
from tests.components.conftest import DOMAIN, Attach
from tests.conftest import Connect


async def available(connect: Connect, who: str) -> ScriptedClient:
    client = await connect(who)
    client.write("<presence/>")
    await client.next()
    return client


# ---- from the component


async def test_it_speaks_for_any_address_of_its_domain(attach: Attach, connect: Connect) -> None:
    juliet = await available(connect, "juliet/balcony")
    component = await attach()

    for sender in (DOMAIN, f"{DOMAIN}/a", f"nurse@{DOMAIN}", f"nurse@{DOMAIN}/x y"):
        component.write(
            f"<message from='{sender}' to='juliet@localhost' type='chat'><body>Hi</body></message>"
        )
        message = await juliet.next()
        assert message.get("from") == sender
        assert message.findtext(f"{CLIENT}body") == "Hi"


async def test_its_addresses_are_prepared(attach: Attach, connect: Connect) -> None:
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    component.write(
        f"<message from='Nurse@{DOMAIN.upper()}' to='JULIET@localhost' type='chat'><body/></message>"
    )

    message = await juliet.next()

    assert message.get("from") == f"nurse@{DOMAIN}"
    assert message.get("to") == "juliet@localhost"


async def test_a_stanza_without_sender_comes_from_the_component(attach: Attach, connect: Connect) -> None:
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    component.write("<message to='juliet@localhost' type='chat'><body>Hi</body></message>")

    assert (await juliet.next()).get("from") == DOMAIN


@pytest.mark.parametrize(
    "sender",
    ["localhost", "juliet@localhost", "a@plays.localhost", f"a@b.{DOMAIN}", "a@b@c", "@", "gateway.localhos"],
)
async def test_another_sender_ends_the_stream(attach: Attach, connect: Connect, sender: str) -> None:
    """§3: the domain of the sender must be the component's."""
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    component.write(f"<message from='{sender}' to='juliet@localhost'><body>Hi</body></message>")

    [error] = await component.closed()

    assert condition(error) == "invalid-from"
    await juliet.nothing()


async def test_a_stanza_needs_a_recipient(attach: Attach) -> None:
    component = await attach()
    component.write(f"<iq type='get' id='1' from='a@{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")

    answer = await component.next()

    assert condition_of(answer) == "bad-request"
    assert (answer.get("id"), answer.get("to")) == ("1", f"a@{DOMAIN}")


async def test_a_recipient_that_is_no_address_is_refused(attach: Attach) -> None:
    component = await attach()
    component.write(f"<message id='1' from='a@{DOMAIN}' to='a@b@c'/>")

    answer = await component.next()

    assert condition_of(answer) == "jid-malformed"


async def test_no_answer_is_answered(attach: Attach) -> None:
    """RFC 6120 §8.3.1."""
    component = await attach()
    component.write(
        f"<iq type='result' id='1' from='{DOMAIN}'/><message type='error' from='{DOMAIN}' to='@'/>"
    )
    component.write("<iq type='get' id='2' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")

    assert (await component.next()).get("id") == "2"


async def test_what_it_says_is_passed_on_byte_for_byte(attach: Attach, connect: Connect) -> None:
    """Attributes, text and elements of any namespace; and what is of the stream's is the client's own."""
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    for namespace in ("", " xmlns='jabber:component:accept'", " xmlns='jabber:client'"):
        component.write(
            f"<message{namespace} from='a@{DOMAIN}/b' to='juliet@localhost' id='&lt;1' type='chat'"
            " xml:lang='it'><body>Ciao &amp; addio</body><x xmlns='urn:x' y='1'>a<z xmlns=''/>b</x>"
            "<thread xmlns='jabber:component:accept'>t</thread></message>"
        )

        message = await juliet.next()

        assert message.tag == f"{CLIENT}message"
        assert message.get("id") == "<1"
        assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "it"
        assert message.findtext(f"{CLIENT}body") == "Ciao & addio"
        assert message.findtext(f"{CLIENT}thread") == "t"
        other = message.find("{urn:x}x")
        assert other is not None
        assert (other.text, other[0].tag, other[0].tail) == ("a", "z", "b")


async def test_it_can_ask_the_server(attach: Attach) -> None:
    component = await attach()
    component.write(
        f"<iq type='get' id='1' from='{DOMAIN}' to='localhost'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    )

    answer = await component.next()

    assert (answer.tag, answer.get("type")) == (f"{COMPONENT}iq", "result")
    assert answer.find("{http://jabber.org/protocol/disco#info}query") is not None


async def test_a_stanza_that_is_too_big_ends_the_stream(server: Server, attach: Attach) -> None:
    component = await attach()
    limit = server.settings.components[DOMAIN].stanza_bytes
    component.write(f"<message to='juliet@localhost'><body>{'x' * limit}</body></message>")

    [error] = await component.closed()

    assert condition(error) == "policy-violation"


async def test_more_than_before_the_handshake_may_come_after_it(attach: Attach, connect: Connect) -> None:
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    component.write(f"<message to='juliet@localhost' type='chat'><body>{'x' * 500_000}</body></message>")

    assert len((await juliet.next()).findtext(f"{CLIENT}body") or "") == 500_000


# ---- to the component


async def test_it_gets_what_is_for_its_domain(attach: Attach, connect: Connect) -> None:
    component = await attach()
    juliet = await connect("juliet/balcony")

    for to in (DOMAIN, f"{DOMAIN}/a", f"nurse@{DOMAIN}", f"nurse@{DOMAIN}/x"):
        juliet.write(f"<message to='{to}' type='chat'><body>Hi</body></message>")
        message = await component.next()
        assert (message.tag, message.get("to")) == (f"{COMPONENT}message", to)
        assert message.get("from") == "juliet@localhost/balcony"
        assert message.findtext(f"{COMPONENT}body") == "Hi"


async def test_what_is_forwarded_keeps_its_namespace(attach: Attach, connect: Connect) -> None:
    """XEP-0297: a forwarded stanza is of jabber:client wherever it stands."""
    component = await attach()
    juliet = await connect("juliet/balcony")
    juliet.write(
        f"<message to='{DOMAIN}'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'>"
        "<body>Hi</body></message></forwarded><body>fwd</body></message>"
    )

    message = await component.next()

    assert message.find(f"{{urn:xmpp:forward:0}}forwarded/{CLIENT}message/{CLIENT}body") is not None
    assert message.findtext(f"{COMPONENT}body") == "fwd"


async def test_an_iq_goes_there_and_back(attach: Attach, connect: Connect) -> None:
    component = await attach()
    juliet = await connect("juliet/balcony")
    juliet.write(f"<iq type='get' id='7' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
    request = await component.next()
    component.write(f"<iq type='result' id='{request.get('id')}' to='{request.get('from')}'/>")

    answer = await juliet.next()

    assert (answer.get("id"), answer.get("type"), answer.get("from")) == ("7", "result", DOMAIN)


async def test_a_subscription_is_made_with_somebody_there(attach: Attach, connect: Connect) -> None:
    """RFC 6121 §3: the component plays the contact, as gateways do."""
    component = await attach()
    juliet = await available(connect, "juliet/balcony")
    juliet.write("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    await juliet.find(lambda e: e.get("id") == "r")
    juliet.write(f"<presence type='subscribe' to='nurse@{DOMAIN}'/>")
    asked = await component.find(lambda e: e.get("type") == "subscribe")
    assert asked.get("from") == "juliet@localhost"
    component.write(f"<presence type='subscribed' from='nurse@{DOMAIN}' to='juliet@localhost'/>")
    component.write(f"<presence from='nurse@{DOMAIN}/x' to='juliet@localhost'><show>away</show></presence>")

    seen = await juliet.find(lambda e: e.get("from") == f"nurse@{DOMAIN}/x")

    assert seen.findtext(f"{CLIENT}show") == "away"


async def test_it_is_listed_by_the_server(attach: Attach, connect: Connect) -> None:
    """XEP-0030: clients find gateways among the items of their server."""
    juliet = await connect("juliet/balcony")

    answer = await juliet.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "localhost")

    items = {item.get("jid") for item in answer[0]}
    assert DOMAIN in items


async def test_no_message_is_lost_or_overtakes_another(attach: Attach, connect: Connect) -> None:
    juliet = await available(connect, "juliet/balcony")
    component = await attach()
    component.write(
        "".join(
            f"<message from='a@{DOMAIN}' to='juliet@localhost' type='chat' id='{n}'><body/></message>"
            for n in range(500)
        )
    )

    assert [(await juliet.next()).get("id") for _ in range(500)] == [str(n) for n in range(500)]


async def test_messages_for_many_who_are_offline_are_all_kept(attach: Attach, connect: Connect) -> None:
    """Each waits for the database, but not for each other: they share a commit."""
    component = await attach()
    component.write(
        "".join(
            f"<message from='{n}@{DOMAIN}' to='romeo@localhost' type='chat' id='{n}'><body>a</body></message>"
            for n in range(300)
        )
    )
    await component.sync()
    romeo = await connect("romeo/street")
    romeo.write("<presence/>")

    got = {(await romeo.find(lambda e: e.tag == f"{CLIENT}message")).get("id") for _ in range(300)}

    assert got == {str(n) for n in range(300)}
