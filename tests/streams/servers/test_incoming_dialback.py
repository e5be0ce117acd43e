"""Server Dialback (XEP-0220), seen by who is asked to believe."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, STREAMS, TLS, ScriptedClient
from tests.streams.servers.conftest import Burble, Certificates, Served
from tests.streams.servers.peer import (
    DIALBACK,
    HOST,
    MESSAGE,
    PEER,
    Connection,
    Listener,
    listening,
    stanza_condition,
)


async def message(client: ScriptedClient) -> ET.Element:
    """The next message that somebody gets."""
    return await client.find(lambda e: e.tag == f"{CLIENT}message")


async def encrypted(served: Served, certificates: Certificates) -> Connection:
    """A stream of peer.test, whose certificate proves nothing."""
    stream = await served.dial()
    await stream.encrypted(certificates.none)
    return stream


async def proved(served: Served, peer: Listener, certificates: Certificates) -> Connection:
    """A stream whose domain was proved by dialback."""
    stream = await encrypted(served, certificates)
    stream.dial()
    await peer.verifies(certificates.accepting())
    assert (await stream.next()).get("type") == "valid"
    return stream


# ---- whether a domain is believed


async def test_a_key_that_is_confirmed_proves_the_domain(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    features = await stream.encrypted(certificates.none)
    assert (
        features.find("{urn:xmpp:features:dialback}dialback/{urn:xmpp:features:dialback}errors") is not None
    )
    stream.dial("the-key")
    asked = await peer.verifies(certificates.accepting())
    assert (asked.get("from"), asked.get("to"), asked.get("id")) == (HOST, PEER, stream.id)
    assert asked.text == "the-key"
    answer = await stream.next()
    assert answer.tag == f"{DIALBACK}result"
    assert answer.attrib == {"from": HOST, "to": PEER, "type": "valid"}
    stream.write(MESSAGE)
    assert (await message(juliet)).get("from") == "romeo@peer.test/orchard"


async def test_a_key_that_is_denied_ends_the_stream(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    await peer.verifies(certificates.accepting(), "invalid")
    [answer] = await stream.closed()
    assert answer.attrib == {"from": HOST, "to": PEER, "type": "invalid"}


async def test_a_denied_key_leaves_the_domains_that_are_proved(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """§2.2.1: forbidden, since "invalid" would end the stream for those as well."""
    async with listening("thief.test") as thief:
        served = await burble(thief)
        stream = await proved(served, peer, certificates)
        stream.dial(sender="thief.test")
        await thief.verifies(certificates.accepting(), "invalid", **{"from": "thief.test"})
        answer = await stream.next()
        assert answer.get("to") == "thief.test"
        assert stanza_condition(answer) == "forbidden"
        juliet = await served.log_in()
        stream.write(MESSAGE)
        await message(juliet)
        stream.write(f"<message from='thief.test' to='juliet@{HOST}'/>")
        assert await stream.error() == "invalid-from"


async def test_what_the_authority_can_not_tell_is_an_error(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """§2.5: the domain is not there; the stream stays, and it can be tried again."""
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header()
    asked = await connection.next()
    connection.write(
        f"<db:verify from='{PEER}' to='{HOST}' id='{asked.get('id')}' type='error'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:verify>"
    )
    assert stanza_condition(await stream.next()) == "remote-server-not-found"
    stream.dial()
    await peer.verifies(certificates.accepting())
    assert (await stream.next()).get("type") == "valid"


async def test_an_authority_that_does_not_know_the_domain(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    connection = await peer.next()
    await connection.heard_header()
    connection.write_header(id="x")
    connection.write(
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        "</stream:stream>"
    )
    assert stanza_condition(await stream.next()) == "remote-server-not-found"


async def test_an_authority_that_goes_without_an_answer(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header()
    await connection.next()
    await connection.close()
    assert stanza_condition(await stream.next()) == "remote-server-timeout"


async def test_an_authority_that_keeps_silent(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(connect_timeout=0.2), certificates)
    stream.dial()
    connection = await peer.next()
    assert stanza_condition(await stream.next()) == "remote-server-timeout"
    await connection.closed()
    stream.dial()
    await peer.verifies(certificates.accepting())
    assert (await stream.next()).get("type") == "valid"


async def test_an_authority_that_keeps_silent_on_a_stream_it_has(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """The question goes by the stream for stanzas, where there is one; it does not wait for ever either."""
    served = await burble(connect_timeout=0.2)
    juliet = await served.log_in()
    juliet.write(f"<message to='romeo@{PEER}' id='m1'><body>hey</body></message>")
    connection = await peer.takes(certificates.accepting())
    await connection.next()
    stream = await encrypted(served, certificates)
    for _ in range(2):
        stream.dial()
        asked = await connection.find(lambda e: e.tag == f"{DIALBACK}verify")
        assert stanza_condition(await stream.next()) == "remote-server-timeout"
    stream.dial()
    await connection.find(lambda e: e.tag == f"{DIALBACK}verify")
    connection.write(f"<db:verify from='{PEER}' to='{HOST}' id='{asked.get('id')}' type='valid'/>")
    assert (await stream.next()).get("type") == "valid"


async def test_an_authority_that_can_not_be_reached(burble: Burble, certificates: Certificates) -> None:
    async with listening("gone.test") as gone:
        served = await burble(gone)
    stream = await encrypted(served, certificates)
    stream.dial(sender="gone.test")
    assert stanza_condition(await stream.next()).startswith("remote-server-")
    await stream.settled()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "another"},
        {"from": "other.test"},
        {"to": "other.test"},
        {"from": HOST, "to": PEER},
    ],
)
async def test_an_answer_to_something_else_is_not_believed(
    burble: Burble, peer: Listener, certificates: Certificates, wrong: dict[str, str]
) -> None:
    """§2.1.2: from, to and id must be those of the question."""
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header()
    await connection.confirm(**wrong)
    assert stanza_condition(await stream.next()) == "remote-server-timeout"
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


@pytest.mark.parametrize("name", ["result", "verify"])
async def test_an_answer_that_nobody_asked_for_is_not_believed(
    burble: Burble, certificates: Certificates, name: str
) -> None:
    """§4.1: unsolicited dialback."""
    stream = await encrypted(await burble(), certificates)
    stream.write(f"<db:{name} from='{PEER}' to='{HOST}' id='{stream.id}' type='valid'/>")
    stream.write(MESSAGE)
    assert await stream.error() in ("improper-addressing", "invalid-from")


# ---- what is not asked


async def test_a_certificate_spares_the_question(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """XEP-0344 §2.4: dialback without dialback."""
    stream = await served_with(burble, certificates)
    stream.dial("whatever")
    assert (await stream.next()).get("type") == "valid"
    assert peer.made == 0


async def served_with(burble: Burble, certificates: Certificates) -> Connection:
    stream = await (await burble()).dial()
    await stream.encrypted(certificates.good)
    return stream


async def test_a_domain_that_is_not_served(burble: Burble, certificates: Certificates) -> None:
    """§2.2.1: an error of dialback, by which the stream does not end."""
    stream = await encrypted(await burble(), certificates)
    stream.dial(to="other.test")
    answer = await stream.next()
    assert (answer.get("from"), answer.get("to")) == ("other.test", PEER)
    assert stanza_condition(answer) == "item-not-found"
    assert await stream.settled() == []


async def test_tls_comes_first(burble: Burble, peer: Listener) -> None:
    stream = await (await burble()).dial()
    features = await stream.open()
    assert [each.tag for each in features] == [f"{TLS}starttls"]
    assert features[0].find(f"{TLS}required") is not None
    stream.dial()
    assert stanza_condition(await stream.next()) == "policy-violation"
    assert peer.made == 0


async def test_without_tls_where_that_is_allowed(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble(tls="optional")
    stream = await served.dial()
    features = await stream.open()
    starttls = features.find(f"{TLS}starttls")
    assert starttls is not None
    assert starttls.find(f"{TLS}required") is None
    stream.dial()
    connection = await peer.next()
    await connection.answer_header()
    await connection.confirm()
    assert (await stream.next()).get("type") == "valid"


@pytest.mark.parametrize("demand", [{"certificate": "required"}, {"dialback": False}])
async def test_dialback_is_not_enough_where_a_certificate_is_demanded(
    burble: Burble, peer: Listener, certificates: Certificates, demand: dict[str, object]
) -> None:
    stream = await (await burble(**demand)).dial()
    features = await stream.encrypted(certificates.self_signed)
    assert features.find("{urn:xmpp:features:dialback}dialback") is None
    stream.dial()
    assert stanza_condition(await stream.next()) == "not-authorized"
    assert peer.made == 0


async def test_a_domain_of_ours_is_not_for_others_to_prove(
    burble: Burble, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(hosts=["other.test"]), certificates)
    stream.dial(sender="other.test")
    assert stanza_condition(await stream.next()) == "policy-violation"


async def test_a_domain_that_is_denied(burble: Burble, peer: Listener, certificates: Certificates) -> None:
    stream = await encrypted(await burble(deny=["thief.test"]), certificates)
    stream.dial(sender="thief.test")
    assert stanza_condition(await stream.next()) == "policy-violation"


@pytest.mark.parametrize(
    "attributes",
    [
        f"from='{PEER}'",
        f"to='{HOST}'",
        f"from='' to='{HOST}'",
        f"from='@' to='{HOST}'",
        f"from='romeo@{PEER}' to='{HOST}'",
        f"from='{PEER}/orchard' to='{HOST}'",
        f"from='{PEER}' to='juliet@{HOST}'",
    ],
)
async def test_dialback_names_two_domains(
    burble: Burble, certificates: Certificates, attributes: str
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.write(f"<db:result {attributes}>key</db:result>")
    assert await stream.error() == "improper-addressing"


# ---- several questions


async def test_several_domains_on_one_stream(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """§2.6: sender multiplexing, and target multiplexing."""
    async with listening("rooms.peer.test") as rooms:
        served = await burble(rooms, hosts=["other.test"])
        juliet = await served.log_in()
        stream = await proved(served, peer, certificates)
        stream.dial(sender="rooms.peer.test")
        await rooms.verifies(certificates.accepting(), **{"from": "rooms.peer.test"})
        assert (await stream.next()).attrib == {"from": HOST, "to": "rooms.peer.test", "type": "valid"}
        stream.write(f"<message from='rooms.peer.test' to='juliet@{HOST}'/>" + MESSAGE)
        assert (await message(juliet)).get("from") == "rooms.peer.test"
        assert (await message(juliet)).get("from") == "romeo@peer.test/orchard"
        stream.dial(to="other.test")
        await peer.verifies(certificates.accepting(), to="other.test")
        assert (await stream.next()).attrib == {"from": "other.test", "to": PEER, "type": "valid"}
        stream.write(f"<message from='{PEER}' to='other.test'/>")
        await stream.settled()
        stream.write("<message from='rooms.peer.test' to='other.test'/>")
        assert await stream.error() == "host-unknown"


async def test_who_asks_twice_is_answered_once(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    stream.dial("another key")
    asked = await peer.verifies(certificates.accepting())
    assert asked.text == "key"
    assert [each.get("type") for each in [await stream.next(), *await stream.settled()]] == ["valid"]
    assert peer.made == 1


async def test_only_so_many_questions_at_once(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    served = await burble(domains={f"{n}.{PEER}": {"address": f"127.0.0.1:{peer.port}"} for n in range(30)})
    stream = await encrypted(served, certificates)
    for n in range(30):
        stream.dial(sender=f"{n}.{PEER}")
    refused = [each for each in await stream.settled() if each.get("type") == "error"]
    assert {stanza_condition(each) for each in refused} == {"resource-constraint"}
    assert len(refused) >= 20


async def test_who_is_never_believed_is_sent_away(burble: Burble, certificates: Certificates) -> None:
    """Nobody has us knock at doors without end."""
    async with listening("gone.test") as gone:
        served = await burble(gone)
    stream = await encrypted(served, certificates)
    for _ in range(20):
        stream.dial(sender="gone.test")
        if (await stream.next()).tag == f"{STREAMS}error":
            break
    else:
        raise AssertionError("no end")


async def test_what_was_asked_before_tls_is_not_believed_after(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    """RFC 6120 §5.4.3.3: what was said in the open may have been said by anybody."""
    stream = await (await burble(tls="optional")).dial()
    await stream.open()
    stream.dial()
    connection = await peer.next()
    await connection.answer_header()
    asked = await connection.next()
    await stream.start_tls(certificates.none)
    await stream.open()
    assert stream.id != asked.get("id")
    connection.write(f"<db:verify from='{PEER}' to='{HOST}' id='{asked.get('id')}' type='valid'/>")
    await connection.closed()
    assert await stream.settled() == []
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


async def test_a_stanza_does_not_come_before_the_answer(
    burble: Burble, peer: Listener, certificates: Certificates
) -> None:
    stream = await encrypted(await burble(), certificates)
    stream.dial()
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


# ---- being asked


@pytest.fixture
async def ours(burble: Burble, peer: Listener, certificates: Certificates) -> tuple[Connection, str]:
    """A stream by which Burble can be asked about keys, and a key that it has sent."""
    served = await burble(hosts=["other.test"])
    juliet = await served.log_in()
    juliet.write(f"<message to='romeo@{PEER}'/>")
    connection = await peer.next()
    await connection.accept_tls(certificates.accepting())
    await connection.answer_header()
    asked = await connection.next()
    assert (asked.get("from"), asked.get("to")) == (HOST, PEER)
    return await encrypted(served, certificates), asked.text or ""


async def test_a_key_of_ours(ours: tuple[Connection, str]) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{PEER}' to='{HOST}' id='id-of-the-stream'>{key}</db:verify>")
    answer = await stream.next()
    assert answer.tag == f"{DIALBACK}verify"
    assert answer.attrib == {"from": HOST, "to": PEER, "id": "id-of-the-stream", "type": "valid"}


@pytest.mark.parametrize(
    ("sender", "recipient", "id"),
    [
        (PEER, HOST, "replayed-on-another-stream"),
        ("thief.test", HOST, "id-of-the-stream"),
        (PEER, "other.test", "id-of-the-stream"),
    ],
)
async def test_a_key_holds_for_one_stream_of_one_pair(
    ours: tuple[Connection, str], sender: str, recipient: str, id: str
) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{sender}' to='{recipient}' id='{id}'>{key}</db:verify>")
    assert (await stream.next()).get("type") == "invalid"


@pytest.mark.parametrize("forged", ["", "0" * 64, "\N{SNOWMAN}"])
async def test_a_forged_key(ours: tuple[Connection, str], forged: str) -> None:
    stream, _ = ours
    stream.write(f"<db:verify from='{PEER}' to='{HOST}' id='id-of-the-stream'>{forged}</db:verify>")
    assert (await stream.next()).get("type") == "invalid"


async def test_a_question_for_somebody_else(ours: tuple[Connection, str]) -> None:
    stream, key = ours
    stream.write(f"<db:verify from='{PEER}' to='elsewhere.test' id='x'>{key}</db:verify>")
    answer = await stream.next()
    assert (answer.get("from"), answer.get("to"), answer.get("id")) == ("elsewhere.test", PEER, "x")
    assert stanza_condition(answer) == "item-not-found"


async def test_questions_need_no_proof_of_who_asks(burble: Burble) -> None:
    """§2.1.2: a stream that is there for questions need not even be encrypted."""
    stream = await (await burble()).dial()
    await stream.open()
    async with asyncio.timeout(5):
        assert await stream.settled() == []
