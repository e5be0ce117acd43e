"""Certificates as proof of a domain: SASL EXTERNAL (XEP-0178), seen by who is asked to believe."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest

from tests.client import CLIENT, SASL, TLS
from tests.streams.servers.conftest import Burble, Certificates
from tests.streams.servers.peer import HOST, MESSAGE, PEER, Connection, Listener
from tests.tls.authority import CLIENT as CLIENT_AUTH
from tests.tls.authority import SERVER as SERVER_AUTH
from tests.tls.authority import dns, make, srv, xmpp


def offered(features: ET.Element) -> list[str | None]:
    """The SASL mechanisms that are on offer."""
    return [each.text for each in features.iter(f"{SASL}mechanism")]


def failure(answer: ET.Element) -> str:
    assert answer.tag == f"{SASL}failure", ET.tostring(answer)
    return answer[0].tag.removeprefix(SASL)


@pytest.fixture
async def stream(burble: Burble, certificates: Certificates) -> Connection:
    """A stream of peer.test, whose certificate is good."""
    stream = await (await burble()).dial()
    await stream.encrypted(certificates.good)
    return stream


@pytest.mark.parametrize("claim", [PEER, "", "PEER.test"])
async def test_a_certificate_proves_the_domain(
    burble: Burble, peer: Listener, certificates: Certificates, claim: str
) -> None:
    served = await burble()
    juliet = await served.log_in()
    stream = await served.dial()
    assert offered(await stream.encrypted(certificates.good)) == ["EXTERNAL"]
    first = stream.id
    assert (await stream.external(claim)).tag == f"{SASL}success"
    features = await stream.open()
    assert not features.findall(f"{SASL}mechanisms") + features.findall(f"{TLS}starttls")
    assert stream.id != first
    stream.write(MESSAGE)
    assert (await juliet.find(lambda e: e.tag == f"{CLIENT}message")).findtext(f"{CLIENT}body") == "hey"
    assert peer.made == 0


@pytest.mark.parametrize("usages", [(SERVER_AUTH,), (CLIENT_AUTH,), ()])
async def test_usages_do_not_matter(
    burble: Burble, certificates: Certificates, usages: tuple[object, ...]
) -> None:
    """Public authorities issue certificates for servers only."""
    shown = make([dns(PEER)], certificates.root, usages=usages)
    stream = await (await burble()).dial()
    assert offered(await stream.encrypted(certificates.context(shown))) == ["EXTERNAL"]


@pytest.mark.parametrize("name", [xmpp(PEER), srv(f"_xmpp-server.{PEER}"), dns("*.test")])
async def test_other_names_that_prove_it(burble: Burble, certificates: Certificates, name: object) -> None:
    shown = make([name], certificates.root)
    stream = await (await burble()).dial()
    assert offered(await stream.encrypted(certificates.context(shown))) == ["EXTERNAL"]


@pytest.mark.parametrize("kind", ["none", "self-signed", "another's", "expired", "early"])
async def test_certificates_that_prove_nothing(burble: Burble, certificates: Certificates, kind: str) -> None:
    root = certificates.root
    contexts = {
        "none": certificates.none,
        "self-signed": certificates.self_signed,
        "another's": certificates.context(make([dns("other.test")], root)),
        "expired": certificates.context(make([dns(PEER)], root, end=timedelta(minutes=-1))),
        "early": certificates.context(make([dns(PEER)], root, begin=timedelta(minutes=10))),
    }
    stream = await (await burble()).dial()
    assert offered(await stream.encrypted(contexts[kind])) == []
    assert failure(await stream.external()) == "invalid-mechanism"
    stream.write(MESSAGE)
    assert await stream.error() == "not-authorized"


async def test_a_certificate_that_is_named_in_the_settings(
    burble: Burble, certificates: Certificates
) -> None:
    shown = make([dns("whoever.test")])
    served = await burble(domains={PEER: {"fingerprints": [shown.fingerprint]}})
    stream = await served.dial()
    assert offered(await stream.encrypted(certificates.context(shown))) == ["EXTERNAL"]
    other = await served.dial("other.test")
    assert offered(await other.encrypted(certificates.context(shown))) == []


async def test_a_domain_that_is_named_nowhere(burble: Burble, certificates: Certificates) -> None:
    """XEP-0178 §3: the certificate is compared with the domain in the header."""
    stream = await (await burble()).dial()
    await stream.open()
    await stream.start_tls(certificates.good)
    stream.restart()
    stream.write_header(**{"from": None})
    assert offered(await stream.next()) == []


async def test_a_domain_of_ours(burble: Burble, certificates: Certificates) -> None:
    """However good its certificate: nobody else speaks for whom we serve."""
    shown = make([dns("other.test")], certificates.root)
    served = await burble(hosts=["other.test"])
    stream = await served.dial("other.test")
    stream.write_header()
    assert await stream.error() == "invalid-from"
    direct = await served.dial("other.test", tls=certificates.context(shown))
    direct.write_header()
    assert await direct.error() == "invalid-from"


async def test_nothing_is_offered_in_the_open(burble: Burble) -> None:
    stream = await (await burble(tls="optional")).dial()
    assert offered(await stream.open()) == []
    assert failure(await stream.external()) == "invalid-mechanism"


@pytest.mark.parametrize("claim", ["other.test", HOST, f"romeo@{PEER}", "@"])
async def test_another_identity_is_refused(stream: Connection, claim: str) -> None:
    assert failure(await stream.external(claim)) == "invalid-authzid"


@pytest.mark.parametrize("text", ["%%%", "abc", "\N{SNOWMAN}", "//8="])
async def test_what_is_no_base64(stream: Connection, text: str) -> None:
    stream.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{text}</auth>")
    assert failure(await stream.next()) == "incorrect-encoding"
    assert (await stream.external()).tag == f"{SASL}success"


async def test_other_mechanisms_and_attempts_without_end(stream: Connection) -> None:
    for _ in range(3):
        stream.write("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
        assert failure(await stream.next()) == "invalid-mechanism"
    assert await stream.error() == "policy-violation"


async def test_a_proof_can_be_tried_again_by_other_means(stream: Connection) -> None:
    """XEP-0178 §3: dialback where EXTERNAL has failed."""
    assert failure(await stream.external("other.test")) == "invalid-authzid"
    stream.dial()
    assert (await stream.next()).get("type") == "valid"


@pytest.mark.parametrize("change", [{"from": "other.test"}, {"to": "other.test"}])
async def test_the_domains_stay_the_same(
    burble: Burble, certificates: Certificates, change: dict[str, str]
) -> None:
    """RFC 6120 §4.7: the stream that follows the proof is for the same domains."""
    stream = await (await burble(hosts=["other.test"])).dial()
    await stream.encrypted(certificates.good)
    await stream.external()
    stream.restart()
    stream.write_header(**change)
    assert await stream.error() == "not-authorized"


async def test_the_domain_in_the_open_is_forgotten(burble: Burble, certificates: Certificates) -> None:
    """RFC 6120 §5.4.3.3: nothing that was said before TLS counts."""
    stream = await (await burble()).dial("other.test")
    await stream.open()
    await stream.start_tls(certificates.good)
    stream.peer = PEER
    assert offered(await stream.open()) == ["EXTERNAL"]


async def test_it_is_for_any_domain_of_ours(burble: Burble, certificates: Certificates) -> None:
    served = await burble(hosts=["other.test"])
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(certificates.good)
    stream.write(f"<message from='{PEER}' to='other.test'/>" + MESSAGE)
    await juliet.find(lambda e: e.tag == f"{CLIENT}message")
    stream.write(f"<message from='{PEER}' to='elsewhere.test'/>")
    assert await stream.error() == "host-unknown"


async def test_more_domains_by_the_same_certificate(burble: Burble, certificates: Certificates) -> None:
    """XEP-0344 §2.4: what can't be done by EXTERNAL any more can be by dialback without dialback."""
    shown = certificates.context(make([dns(PEER), dns(f"rooms.{PEER}")], certificates.root))
    served = await burble()
    juliet = await served.log_in()
    stream = await (await served.dial()).certified(shown)
    stream.dial(sender=f"rooms.{PEER}")
    assert (await stream.next()).get("type") == "valid"
    stream.write(f"<message from='rooms.{PEER}' to='juliet@{HOST}'/>")
    assert (await juliet.find(lambda e: e.tag == f"{CLIENT}message")).get("from") == f"rooms.{PEER}"


async def test_too_many_streams(burble: Burble, certificates: Certificates) -> None:
    served = await burble(connections_per_domain=1)
    await (await served.dial()).certified(certificates.good)
    stream = await served.dial()
    await stream.encrypted(certificates.good)
    assert (await stream.external()).tag == f"{SASL}success"
    stream.restart()
    stream.write_header()
    assert await stream.error() == "resource-constraint"


async def test_it_is_proved_once(burble: Burble, certificates: Certificates) -> None:
    stream = await (await (await burble()).dial()).certified(certificates.good)
    assert failure(await stream.external()) == "invalid-mechanism"


async def test_direct_tls(burble: Burble, certificates: Certificates) -> None:
    """XEP-0368 §2: TLS from the first byte, and by ALPN for servers."""
    shown = make([dns(PEER)], certificates.root)
    served = await burble()
    stream = await served.dial(tls=certificates.context(shown, alpn=["xmpp-server"]))
    assert stream.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "xmpp-server"
    features = await stream.open()
    assert offered(features) == ["EXTERNAL"]
    assert features.find(f"{TLS}starttls") is None
    stream.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert (await stream.next()).tag == f"{TLS}failure"
    with pytest.raises(OSError, match=r"(?i)alert|reset|closed|eof"):
        await served.dial(tls=certificates.context(shown, alpn=["xmpp-client"]))
