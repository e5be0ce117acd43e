"""Server Dialback (XEP-0220), seen by who is asked to believe."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.client import CLIENT, TLS, ScriptedClient
from tests.streams.servers.conftest import Burble, Certificates, encrypted, proved
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
