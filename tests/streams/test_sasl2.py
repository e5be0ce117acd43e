"""XEP-0388 and XEP-0386: a login that brings along what comes after it."""

from __future__ import annotations

import pytest

from burble.modules.csi import is_inactive
from burble.server import Server
from tests.client import BIND, SASL, TLS, ScriptedClient, condition
from tests.conftest import Connect
from tests.presences import appear
from tests.streams.inline import BIND2, PHONE, SASL2, SM, InlineClient, bind, failure

ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
MAM = "{urn:xmpp:mam:2}"
CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"


async def test_it_is_offered_only_on_encrypted_streams(server: Server, connect: Connect) -> None:
    """XEP-0388 §5: after TLS, and not once logged in."""
    client = await connect()
    features = await client.open()
    assert features.find(f"{TLS}starttls") is not None
    assert features.find(f"{SASL}mechanisms") is not None
    assert features.find(f"{SASL2}authentication") is None
    client.write("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
    assert condition(await client.next()) == "not-authorized"


async def test_the_offer_names_mechanisms_and_what_can_be_had_inline(server: Server) -> None:
    """§2.1, XEP-0386 §3.1, XEP-0198 §9."""
    client = InlineClient(server)
    offer = await client.begin()
    mechanisms = [element.text for element in offer.findall(f"{SASL2}mechanism")]
    assert "SCRAM-SHA-256" in mechanisms
    inline = offer.find(f"{SASL2}inline")
    assert inline is not None
    assert inline.find(f"{SM}sm") is not None
    features = {element.get("var") for element in inline.findall(f"{BIND2}bind/{BIND2}inline/{BIND2}feature")}
    assert {"urn:xmpp:carbons:2", "urn:xmpp:csi:0", "urn:xmpp:sm:3"} <= features


async def test_a_login_without_more_is_followed_by_the_old_binding(server: Server) -> None:
    """§2.6.1: the bare JID, then the features of the stream as it is now, without a new one."""
    client = InlineClient(server)
    await client.begin()
    answer = await client.plain()
    assert answer.findtext(f"{SASL2}authorization-identifier") == "juliet@localhost"
    features = await client.next_features()
    assert features.find(f"{BIND}bind") is not None
    assert features.find(f"{SASL2}authentication") is None
    await client.bind("balcony")
    assert client.jid == "juliet@localhost/balcony"
    await client.sync()


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_challenge_and_its_response(server: Server, mechanism: str) -> None:
    """§2.5; the server's last words come as additional data."""
    client = InlineClient(server)
    await client.begin()
    assert (await client.scram(mechanism)).tag == f"{SASL2}success"


async def test_a_resource_is_bound_along_with_the_login(server: Server) -> None:
    """XEP-0386 §3.2, §3.3: the full JID with the client's tag; no binding is offered any more."""
    client = InlineClient(server)
    await client.begin()
    answer = await client.plain(bind())
    assert answer.find(f"{BIND2}bound") is not None
    assert client.jid.startswith("juliet@localhost/Test/")
    assert PHONE not in client.jid
    assert (await client.next_features()).find(f"{BIND}bind") is None
    await client.sync()


async def test_the_same_client_gets_the_same_resource_and_replaces_itself(server: Server) -> None:
    """XEP-0386 §3.2, §3.3: another client another."""
    first, again = InlineClient(server), InlineClient(server)
    other = InlineClient(server, "00000000-0000-4000-8000-000000000000")
    for client in (first, again, other):
        await client.begin()
        await client.plain(bind())
        await client.next_features()
    assert first.jid == again.jid != other.jid
    assert condition((await first.closed())[0]) == "conflict"
    await again.sync()
    await other.sync()


async def test_a_client_without_an_id_gets_a_random_resource(server: Server) -> None:
    jids = set()
    for _ in range(2):
        client = InlineClient(server, "")
        await client.begin()
        await client.plain(bind())
        jids.add(client.jid)
    assert len(jids) == 2


async def test_what_a_session_needs_is_enabled_along_with_it(server: Server, connect: Connect) -> None:
    """XEP-0386 §3.4: stream management answers, carbons and an inactive state need not."""
    phone = InlineClient(server)
    await phone.begin()
    answer = await phone.plain(
        bind(ENABLE, CARBONS, "<inactive xmlns='urn:xmpp:csi:0'/>", "<x xmlns='urn:x'/>")
    )
    bound = answer.find(f"{BIND2}bound")
    assert bound is not None
    enabled = bound.find(f"{SM}enabled")
    assert enabled is not None
    assert enabled.get("id")
    # Offered again it would be enabled again, by @xmpp/client for one.
    assert (await phone.next_features()).find(f"{SM}sm") is None
    (session,) = server.hosts["localhost"].sessions.of("juliet")
    assert is_inactive(session)
    phone.write("<presence/>")
    await phone.sync()

    romeo = await connect("romeo/orchard")
    tablet = await connect("juliet/tablet")
    await appear(tablet)
    romeo.write("<message to='juliet@localhost/tablet' type='chat'><body>to the tablet</body></message>")
    carbon = await phone.find(lambda e: e.find("{urn:xmpp:carbons:2}received") is not None)
    assert carbon.get("from") == "juliet@localhost"


@pytest.mark.parametrize("reads", [True, False])
async def test_what_was_read_in_the_archive_is_not_sent_as_kept_offline(
    server: Server, connect: Connect, reads: bool
) -> None:
    """XEP-0386 §3.2, §3.4: it is cleared; but not for clients that read no archive."""
    client = InlineClient(server)
    await client.begin()
    answer = await client.plain(bind())
    metadata = answer.find(f"{BIND2}bound/{MAM}metadata")
    assert metadata is not None
    assert not list(metadata)
    await client.close()
    romeo = await connect("romeo/orchard")
    never = "<no-permanent-store xmlns='urn:xmpp:hints'/>"
    romeo.write("<message to='juliet@localhost' type='chat'><body>archived</body></message>")
    romeo.write(f"<message to='juliet@localhost' type='chat'><body>only kept</body>{never}</message>")
    await romeo.sync()

    again = InlineClient(server)
    await again.begin()
    answer = await again.plain(bind())
    end = answer.find(f"{BIND2}bound/{MAM}metadata/{MAM}end")
    assert end is not None
    await again.next_features()
    if reads:
        await again.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    await appear(again)
    bodies = []
    while "only kept" not in bodies:
        message = await again.find(lambda e: e.find("{jabber:client}body") is not None)
        bodies.append(message.findtext("{jabber:client}body"))
    assert bodies == (["only kept"] if reads else ["archived", "only kept"])
    await again.close()
    old = await connect("juliet/old")
    await appear(old)
    await old.nothing()


async def test_a_session_is_resumed_along_with_the_login(server: Server, connect: Connect) -> None:
    """XEP-0198 §9.2: no resource is bound, no features follow, but what the client has missed."""
    phone = InlineClient(server)
    await phone.begin()
    answer = await phone.plain(bind(ENABLE))
    enabled = answer.find(f"{BIND2}bound/{SM}enabled")
    assert enabled is not None
    jid = phone.jid
    await phone.next_features()
    await appear(phone)
    await phone.sync()
    phone.writer.transport.abort()

    romeo = await connect("romeo/orchard")
    romeo.write("<message to='juliet@localhost' type='chat'><body>while away</body></message>")
    await romeo.sync()
    again = InlineClient(server)
    await again.begin()
    resume = f"<resume xmlns='urn:xmpp:sm:3' previd='{enabled.get('id')}' h='0'/>"
    answer = await again.plain(resume, bind(ENABLE))
    resumed = answer.find(f"{SM}resumed")
    assert resumed is not None
    assert resumed.get("previd") == enabled.get("id")
    assert answer.find(f"{BIND2}bound") is None
    assert again.jid == jid
    message = await again.find(lambda e: e.tag == "{jabber:client}message")
    assert message.findtext("{jabber:client}body") == "while away"


async def test_where_a_session_can_not_be_resumed_another_is_bound(server: Server) -> None:
    """XEP-0198 §9.2.1."""
    client = InlineClient(server)
    await client.begin()
    answer = await client.plain("<resume xmlns='urn:xmpp:sm:3' previd='nonsense' h='3'/>", bind(ENABLE))
    failed = answer.find(f"{SM}failed")
    assert failed is not None
    assert failed[0].tag == "{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found"
    assert answer.find(f"{BIND2}bound/{SM}enabled") is not None
    await client.next_features()
    await client.sync()


async def test_a_wrong_password_leaves_everything_as_it_was(server: Server) -> None:
    """§2.6.2: nothing that was asked for is done; the client may try again, but not for ever."""
    client = InlineClient(server)
    await client.begin()
    assert failure(await client.plain(bind(), password="wrong")) == "not-authorized"
    assert not server.hosts["localhost"].sessions.of("juliet")
    assert (await client.plain(bind())).tag == f"{SASL2}success"

    stubborn = InlineClient(server)
    await stubborn.begin()
    for _ in range(server.hosts["localhost"].settings.limits.login_attempts):
        assert failure(await stubborn.plain(password="wrong")) == "not-authorized"
    assert condition(await stubborn.next()) == "policy-violation"


@pytest.mark.parametrize("mechanism", ["", "NONSENSE", "HT-SHA-256-NONE"])
async def test_a_mechanism_that_is_not_offered_fails(server: Server, mechanism: str) -> None:
    """§2.3."""
    client = InlineClient(server)
    await client.begin()
    client.ask_in(mechanism, b"x")
    assert failure(await client.next()) == "invalid-mechanism"


async def test_the_address_in_the_stream_header_must_be_one_s_own(server: Server) -> None:
    """§2.3: whoever says it is romeo does not log in as juliet."""
    client = InlineClient(server)
    await client.begin(" from='romeo@localhost'")
    assert failure(await client.plain()) == "not-authorized"
    assert (await client.plain(user="romeo")).tag == f"{SASL2}success"


async def test_a_client_may_give_up(server: Server) -> None:
    """§2.4: and begin anew."""
    client = InlineClient(server)
    await client.begin()
    client.ask_in("SCRAM-SHA-256", b"n,,n=juliet,r=abc")
    assert (await client.next()).tag == f"{SASL2}challenge"
    client.write("<abort xmlns='urn:xmpp:sasl:2'/>")
    assert failure(await client.next()) == "aborted"
    assert (await client.plain()).tag == f"{SASL2}success"


@pytest.mark.parametrize(
    "between",
    [
        "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>",
        "<message/>",
    ],
)
async def test_nothing_may_come_between_the_steps(server: Server, between: str) -> None:
    """§2.4: whatever else is sent ends the stream."""
    client = InlineClient(server)
    await client.begin()
    client.ask_in("SCRAM-SHA-256", b"n,,n=juliet,r=abc")
    await client.next()
    client.write(between)
    assert condition(await client.next()) == "policy-violation"


@pytest.mark.parametrize("stray", ["response", "next", "task-data", "nonsense"])
async def test_a_step_out_of_turn_fails(server: Server, stray: str) -> None:
    client = InlineClient(server)
    await client.begin()
    client.write(f"<{stray} xmlns='urn:xmpp:sasl:2'/>")
    assert failure(await client.next()) == "malformed-request"


async def test_one_logs_in_once(server: Server) -> None:
    """§6.4: a second <authenticate/> is a stream error."""
    client = InlineClient(server)
    await client.begin()
    await client.plain(bind())
    await client.next_features()
    client.ask_in("PLAIN", b"\0juliet\0secret")
    assert condition(await client.next()) == "not-authorized"


async def test_after_the_login_larger_stanzas_are_let_in(server: Server, connect: Connect) -> None:
    """The limits before the login are narrow; XEP-0478 says what they are, before and after."""
    client = InlineClient(server)
    await client.begin()
    before = int(_max_bytes(client) or 0)
    await client.plain(bind())
    client.features = await client.next_features()
    after = int(_max_bytes(client) or 0)
    assert 0 < before < after
    await appear(client)
    client.write(f"<message to='{client.jid}' id='large'><body>{'x' * (before + 1)}</body></message>")
    await client.find(lambda e: e.get("id") == "large")


def _max_bytes(client: ScriptedClient) -> str | None:
    limits = "{urn:xmpp:stream-limits:0}"
    assert client.features is not None
    return client.features.findtext(f"{limits}limits/{limits}max-bytes")
