"""STARTTLS (RFC 6120 §5), direct TLS (XEP-0368), features in their order (XEP-0170)."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import pytest

from burble.server import Server
from burble.tls import self_signed
from tests.client import BIND, SASL, SESSION, STREAMS, TLS, ScriptedClient, condition, header
from tests.conftest import Serve
from tests.streams.conftest import Dial
from tests.streams.secure import client_context, reset, response

STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def names(client: ScriptedClient) -> list[str]:
    assert client.features is not None
    return [child.tag for child in client.features]


@pytest.fixture
async def strict(serve: Serve) -> Server:
    """A server as it is by default: TLS is required, PLAIN only inside it."""
    server = await serve(
        tls={"require": True}, auth={"allow_plain_without_tls": False}, listen={"c2s_tls": ["127.0.0.1:0"]}
    )
    await server.hosts["localhost"].register("juliet", "secret")
    return server


async def test_where_tls_is_required_nothing_else_is_offered(strict: Server, dial: Dial) -> None:
    """§5.3.1: <required/>; §6.3.4 and XEP-0170: no mechanisms before."""
    client = await dial(strict)
    features = await client.open()
    assert names(client) == [f"{TLS}starttls"]
    assert features[0].find(f"{TLS}required") is not None


async def test_after_tls_come_mechanisms_and_after_them_a_resource(strict: Server, dial: Dial) -> None:
    """§4.3.2: only what can be negotiated next; a new stream after each step."""
    client = await dial(strict)
    await client.open()
    await client.start_tls(client_context())
    await client.open()
    assert f"{SASL}mechanisms" in names(client)
    assert f"{TLS}starttls" not in names(client)
    assert (await client.authenticate("juliet", "secret")).tag == f"{SASL}success"
    await client.open()
    assert f"{SASL}mechanisms" not in names(client)
    assert names(client)[:2] == [f"{BIND}bind", f"{SESSION}session"]
    await client.bind("balcony")
    assert client.jid == "juliet@localhost/balcony"


async def test_where_tls_is_not_required_it_is_offered_first(serve: Serve, dial: Dial) -> None:
    """XEP-0170 §2.1: the order is TLS, then SASL."""
    client = await dial(await serve())
    features = await client.open()
    assert names(client)[:2] == [f"{TLS}starttls", f"{SASL}mechanisms"]
    assert features[0].find(f"{TLS}required") is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
async def test_a_login_before_required_tls_fails(strict: Server, dial: Dial, mechanism: str) -> None:
    """§6.5.4: encryption-required; the client may start TLS then."""
    client = await dial(strict)
    await client.open()
    client.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>AGEAYg==</auth>")
    answer = await client.next()
    assert answer.tag == f"{SASL}failure"
    assert answer[0].tag == f"{SASL}encryption-required"
    await client.start_tls(client_context())
    await client.open()


async def test_plaintext_behind_starttls_is_not_taken_for_what_came_inside(
    strict: Server, dial: Dial
) -> None:
    """§5.4.3.3 and CVE-2011-0411: somebody on the way may have added it."""
    client = await dial(strict)
    await client.open()
    client.write(STARTTLS + header())
    (error,) = await client.closed()
    assert condition(error) == "policy-violation"


async def test_plaintext_after_proceed_ends_the_connection(strict: Server, dial: Dial) -> None:
    """§5.4.3.2: TLS failed; no XML, no closing tag, just the end."""
    client = await dial(strict)
    await client.open()
    client.write(STARTTLS)
    assert (await client.next()).tag == f"{TLS}proceed"
    client.write(header())
    assert b"<" not in await reset(client)


async def test_an_exchange_begun_before_tls_does_not_go_on_inside(serve: Serve, dial: Dial) -> None:
    """§5.4.3.3: nothing learned before TLS counts."""
    server = await serve()
    client = await dial(server)
    await client.open()
    client.write(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9YQ==</auth>"
    )
    assert (await client.next()).tag == f"{SASL}challenge"
    await client.start_tls(client_context())
    await client.open()
    client.write(response("c=biws,r=a"))
    answer = await client.next()
    assert answer[0].tag == f"{SASL}malformed-request"


async def test_starttls_twice_or_after_the_login_fails(strict: Server, dial: Dial) -> None:
    """§5.4.2.2: <failure/>, then the stream is closed, without an error."""
    client = await dial(strict)
    await client.open()
    await client.start_tls(client_context())
    await client.open()
    client.write(STARTTLS)
    (answer,) = await client.closed()
    assert answer.tag == f"{TLS}failure"
    assert client.depth == 0


async def test_starttls_before_a_header_is_an_error(strict: Server, dial: Dial) -> None:
    client = await dial(strict)
    client.write(STARTTLS)
    (error,) = await client.closed()
    assert error.tag == f"{STREAMS}error"


# ---- direct TLS


def direct_port(server: Server) -> int:
    return int(server.addresses[1].rpartition(":")[2])


async def test_direct_tls_with_alpn(strict: Server) -> None:
    """XEP-0368 §2: ALPN xmpp-client; no STARTTLS inside."""
    client = ScriptedClient(direct_port(strict))
    await client.connect(client_context(["xmpp-client"]))
    assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "xmpp-client"
    await client.login("juliet", resource="x")
    await client.sync()
    client.write("</stream:stream>")
    assert await client.closed() == []
    assert client.depth == 0
    await client.close()


async def test_direct_tls_without_alpn(strict: Server) -> None:
    client = ScriptedClient(direct_port(strict))
    await client.connect(client_context())
    await client.login("juliet")
    await client.close()


async def test_direct_tls_refuses_another_protocol(strict: Server) -> None:
    """RFC 7301 §3.2."""
    with pytest.raises(ssl.SSLError):
        await ScriptedClient(direct_port(strict)).connect(client_context(["h2"]))


async def test_plaintext_to_the_direct_port_gets_no_xml(strict: Server) -> None:
    client = await ScriptedClient(direct_port(strict)).connect()
    client.write(header())
    assert b"<" not in await reset(client)
    await client.close()


async def test_the_server_name_chooses_the_certificate(serve: Serve, tmp_path: Path) -> None:
    """RFC 6066 §3: a client of each host sees that host's certificate, direct or by STARTTLS."""
    (tmp_path / "c").mkdir()
    other = self_signed(tmp_path / "c", ["capulet.example"])
    server = await serve(
        hosts=["localhost", "capulet.example"],
        listen={"c2s_tls": ["127.0.0.1:0"]},
        host={"capulet.example": {"tls": {"certificate": other.certificate, "key": other.key}}},
    )
    seen = {}
    for host in ("localhost", "capulet.example"):
        for direct in (True, False):
            port = direct_port(server) if direct else int(server.addresses[0].rpartition(":")[2])
            client = await ScriptedClient(port, host).connect(client_context() if direct else None)
            if not direct:
                await client.open()
                await client.start_tls(client_context())
            await client.open()
            certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            seen[host, direct] = hashlib.sha256(certificate).hexdigest()
            await client.close()
    assert seen["localhost", True] == seen["localhost", False]
    assert seen["capulet.example", True] == seen["capulet.example", False]
    assert len(set(seen.values())) == 2
