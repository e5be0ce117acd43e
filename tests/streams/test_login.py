"""SASL on a stream (RFC 6120 §6): every mechanism with a real client, every failure condition."""

from __future__ import annotations

import asyncio
import base64

import pytest
from OpenSSL import SSL

from burble.auth import AuthenticatorUnavailable, InternalAuthenticator
from burble.server import Server
from tests.client import SASL, condition
from tests.conftest import Connect, Serve
from tests.streams.conftest import Dial
from tests.streams.secure import (
    NS,
    OpenSSLClient,
    Scram,
    auth,
    client_context,
    end_point,
    failure,
    response,
    scram,
)

CB = "{urn:xmpp:sasl-cb:0}"
PLUS = [f"SCRAM-{name}-PLUS" for name in ("SHA-1", "SHA-256", "SHA-512")]


def offered(client: OpenSSLClient) -> list[str]:
    assert client.features is not None
    return [e.text or "" for e in client.features.iter(f"{SASL}mechanism")]


def bindings(client: OpenSSLClient) -> set[str]:
    assert client.features is not None
    return {e.get("type") or "" for e in client.features.iter(f"{CB}channel-binding")}


async def secured(dial: Dial, server: Server, version: int = SSL.TLS1_3_VERSION) -> OpenSSLClient:
    """A client whose TLS gives the exporter, with a stream inside it."""
    client = await dial(server)
    await client.open()
    client.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await client.next()
    await client.encrypt(version)
    await client.open()
    return client


# ---- mechanisms


async def test_mechanisms_are_offered_strongest_first(server: Server, dial: Dial) -> None:
    """§6.3.3: in the order of preference; -PLUS only inside TLS."""
    client = await dial(server)
    await client.open()
    assert offered(client) == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    assert not bindings(client)
    inside = await secured(dial, server)
    assert offered(inside)[:3] == PLUS[::-1]


async def test_plain_is_not_offered_without_tls_by_default(serve: Serve, dial: Dial) -> None:
    server = await serve(auth={"allow_plain_without_tls": False})
    client = await dial(server)
    await client.open()
    assert "PLAIN" not in offered(client)
    client.write(auth("PLAIN", "\0juliet\0secret"))
    assert failure(await client.next()) == "encryption-required"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_scram(server: Server, dial: Dial, mechanism: str) -> None:
    """RFC 5802, RFC 7677: the client proves the password, the server that it knows it."""
    client = await dial(server)
    await client.open()
    assert failure(await scram(client, mechanism, password="wrong")) == "not-authorized"
    assert (await scram(client, mechanism)).tag == f"{SASL}success"
    await client.open()
    await client.bind()
    assert client.bare == "juliet@localhost"


@pytest.mark.parametrize("mechanism", PLUS)
async def test_scram_bound_to_the_server_end_point(server: Server, dial: Dial, mechanism: str) -> None:
    """RFC 5929 §4, with a client whose TLS can do no better."""
    client = await dial(server)
    await client.open()
    await client.start_tls(client_context())
    await client.open()
    forged = ("tls-server-end-point", b"x" * 32)
    assert failure(await scram(client, mechanism, binding=forged)) == "not-authorized"
    true = ("tls-server-end-point", end_point(client))
    assert (await scram(client, mechanism, binding=true)).tag == f"{SASL}success"


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize("mechanism", PLUS)
async def test_scram_bound_to_the_exporter(server: Server, dial: Dial, mechanism: str, version: int) -> None:
    """RFC 9266; XEP-0440: the types that can be used are announced."""
    client = await secured(dial, server, version)
    unique = {"tls-unique"} if version == SSL.TLS1_2_VERSION else set()
    assert bindings(client) == {"tls-exporter", "tls-server-end-point"} | unique
    assert failure(await scram(client, mechanism, binding=("tls-exporter", b"x" * 32))) == "not-authorized"
    assert (
        await scram(client, mechanism, binding=("tls-exporter", client.exporter()))
    ).tag == f"{SASL}success"
    await client.open()
    await client.bind("balcony")
    await client.sync()


async def test_a_binding_that_is_not_offered_is_refused(server: Server, dial: Dial) -> None:
    """RFC 9266 §3: no tls-unique in TLS 1.3."""
    client = await secured(dial, server)
    answer = await scram(client, "SCRAM-SHA-1-PLUS", binding=("tls-unique", b"x" * 12))
    assert failure(answer) == "not-authorized"


async def test_a_client_that_was_shown_no_binding_is_warned(server: Server, dial: Dial) -> None:
    """RFC 5802 §6: the flag y where we offer binding means that somebody has cut the list."""
    client = await secured(dial, server)
    client.write(auth("SCRAM-SHA-1", "y,,n=juliet,r=abc"))
    assert failure(await client.next()) == "not-authorized"


async def test_anonymous(serve: Serve, dial: Dial) -> None:
    """XEP-0175: an account of its own for the time being, on hosts that allow it."""
    server = await serve(
        hosts=["localhost", "guest.example"], host={"guest.example": {"auth": {"mechanisms": ["ANONYMOUS"]}}}
    )
    jids = set()
    for data in (None, "trace"):
        client = await dial(server, "guest.example")
        await client.open()
        assert offered(client) == ["ANONYMOUS"]
        client.write(auth("ANONYMOUS", data))
        assert (await client.next()).tag == f"{SASL}success"
        await client.open()
        await client.bind()
        jids.add(client.bare)
    assert len(jids) == 2
    assert all(jid.endswith("@guest.example") for jid in jids)
    other = await dial(server, "localhost")
    await other.open()
    other.write(auth("ANONYMOUS"))
    assert failure(await other.next()) == "invalid-mechanism"


# ---- failures (§6.5)

PLAIN: dict[str, tuple[str | bytes, str]] = {
    "no-nul": ("juliet", "malformed-request"),
    "too-many-nuls": ("\0juliet\0secret\0x", "malformed-request"),
    "empty-password": ("\0juliet\0", "malformed-request"),
    "empty-user": ("\0\0secret", "malformed-request"),
    "empty": ("", "malformed-request"),
    "not-utf-8": (b"\0\xff\0secret", "malformed-request"),
    "wrong-password": ("\0juliet\0wrong", "not-authorized"),
    "no-account": ("\0nobody\0secret", "not-authorized"),
    "no-username": ("\0b@d n@me\0secret", "not-authorized"),
    "another's-identity": ("romeo@localhost\0juliet\0secret", "invalid-authzid"),
    "no-identity": ("@@\0juliet\0secret", "invalid-authzid"),
}


@pytest.mark.parametrize("name", PLAIN)
async def test_failures_of_plain(connect: Connect, name: str) -> None:
    """§6.5; after each the client may try again, on the same stream (§6.4.5)."""
    data, expected = PLAIN[name]
    client = await connect()
    await client.open()
    client.write(auth("PLAIN", data) if data else f"<auth xmlns='{NS}' mechanism='PLAIN'>=</auth>")
    assert failure(await client.next()) == expected
    assert (await client.authenticate("juliet", "secret")).tag == f"{SASL}success"


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (f"<auth xmlns='{NS}' mechanism='PLAIN'>not base64!</auth>", "incorrect-encoding"),
        (f"<auth xmlns='{NS}' mechanism='PLAIN'>AGp1</auth>".replace("AGp1", "AGp"), "incorrect-encoding"),
        (f"<auth xmlns='{NS}' mechanism='PLAIN'>AG =\n</auth>", "incorrect-encoding"),
        (auth("DIGEST-MD5"), "invalid-mechanism"),
        (auth("plain", "\0juliet\0secret"), "invalid-mechanism"),
        (f"<auth xmlns='{NS}'/>", "invalid-mechanism"),
        (auth("SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=juliet,r=a"), "invalid-mechanism"),
        (auth("SCRAM-SHA-1", "nonsense"), "malformed-request"),
        (auth("SCRAM-SHA-1", "p=tls-exporter,,n=juliet,r=a"), "malformed-request"),
        (auth("SCRAM-SHA-1", "n,,m=x,n=juliet,r=a"), "malformed-request"),
        (response("x"), "malformed-request"),
        (f"<hello xmlns='{NS}'/>", "malformed-request"),
        (f"<abort xmlns='{NS}'/>", "aborted"),
    ],
)
async def test_failures(connect: Connect, element: str, expected: str) -> None:
    client = await connect()
    await client.open()
    client.write(element)
    answer = await client.next()
    if expected == "invalid-mechanism" and "PLUS" in element:
        assert failure(answer) in ("invalid-mechanism", "encryption-required")
    else:
        assert failure(answer) == expected
    assert (await client.authenticate("juliet", "secret")).tag == f"{SASL}success"


async def test_an_abort_ends_the_exchange(connect: Connect) -> None:
    """§6.4.4: aborted; a response to the old challenge comes too late."""
    client = await connect()
    await client.open()
    client.write(auth("SCRAM-SHA-1", "n,,n=juliet,r=abc"))
    assert (await client.next()).tag == f"{SASL}challenge"
    client.write(f"<abort xmlns='{NS}'/>")
    assert failure(await client.next()) == "aborted"
    client.write(response("c=biws,r=abc"))
    assert failure(await client.next()) == "malformed-request"


async def test_a_login_without_an_initial_response(connect: Connect) -> None:
    """§6.4.2: an empty challenge asks for it."""
    client = await connect()
    await client.open()
    client.write(auth("PLAIN"))
    challenge = await client.next()
    assert challenge.tag == f"{SASL}challenge"
    assert not challenge.text
    client.write(response("\0juliet\0secret"))
    assert (await client.next()).tag == f"{SASL}success"


async def test_an_account_that_is_disabled(server: Server, connect: Connect) -> None:
    """§6.5.1, told only to who knows the password."""
    authenticator = server.hosts["localhost"].authenticator
    assert isinstance(authenticator, InternalAuthenticator)
    await authenticator.set_disabled("juliet", True)
    client = await connect()
    await client.open()
    assert failure(await client.authenticate("juliet", "wrong")) == "not-authorized"
    assert failure(await client.authenticate("juliet", "secret")) == "account-disabled"
    assert failure(await scram(client, "SCRAM-SHA-256")) == "account-disabled"


async def test_accounts_that_cannot_be_read(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§6.5.11: temporary-auth-failure, while the database is gone."""

    async def gone(*_: object) -> object:
        raise AuthenticatorUnavailable("the database is gone")

    client = await connect()
    await client.open()
    authenticator = server.hosts["localhost"].authenticator
    with monkeypatch.context() as patch:
        patch.setattr(authenticator, "check_password", gone)
        assert failure(await client.authenticate("juliet", "secret")) == "temporary-auth-failure"
    assert (await client.authenticate("juliet", "secret")).tag == f"{SASL}success"


async def test_too_many_failures_close_the_stream(serve: Serve, dial: Dial) -> None:
    """§6.4.5 and §13.12: policy-violation; it counts over restarts and TLS."""
    server = await serve(limits={"login_attempts": 3})
    client = await dial(server)
    await client.open()
    assert failure(await client.authenticate("juliet", "1")) == "not-authorized"
    assert failure(await client.authenticate("juliet", "2")) == "not-authorized"
    await client.start_tls(client_context())
    await client.open()
    client.write(auth("PLAIN", "\0juliet\0wrong"))
    last, error = await client.closed()
    assert failure(last) == "not-authorized"
    assert condition(error) == "policy-violation"


async def test_a_replayed_exchange_is_refused(server: Server, dial: Dial) -> None:
    """RFC 5802 §5.1: the server's nonce is new each time, so what was overheard proves nothing."""
    spy = Scram("SCRAM-SHA-1", "juliet", "secret")
    first = spy.first()
    client = await dial(server)
    await client.open()
    client.write(auth("SCRAM-SHA-1", first))
    challenge = base64.b64decode((await client.next()).text or "").decode()
    final = spy.final(challenge)
    client.write(response(final))
    assert (await client.next()).tag == f"{SASL}success"
    thief = await dial(server)
    await thief.open()
    thief.write(auth("SCRAM-SHA-1", first))
    again = base64.b64decode((await thief.next()).text or "").decode()
    assert again != challenge
    thief.write(response(final))
    assert failure(await thief.next()) == "not-authorized"


async def test_an_unknown_account_looks_like_a_known_one(server: Server, dial: Dial) -> None:
    """§13.11: the same challenge each time, as an account would give, and the same failure."""
    challenges = []
    for user in ("nobody", "nobody", "juliet"):
        client = await dial(server)
        await client.open()
        client.write(auth("SCRAM-SHA-256", f"n,,n={user},r=abc"))
        challenges.append(base64.b64decode((await client.next()).text or "").decode())
    parts = [dict(part.split("=", 1) for part in each.split(",")) for each in challenges]
    assert parts[0]["s"] == parts[1]["s"] != parts[2]["s"]
    assert len(parts[0]["s"]) == len(parts[2]["s"])
    assert parts[0]["i"] == parts[2]["i"]


async def test_a_second_login_on_a_stream_is_an_error(connect: Connect) -> None:
    client = await connect()
    await client.open()
    await client.authenticate("juliet", "secret")
    client.restart()
    await client.open()
    client.write(auth("PLAIN", "\0romeo\0secret"))
    (error,) = await client.closed()
    assert condition(error) == "not-authorized"


async def test_who_does_not_log_in_is_sent_away(serve: Serve, dial: Dial) -> None:
    """§13.12: connection-timeout, in every state before a resource is bound."""
    server = await serve(limits={"unauthenticated_timeout": 0.2})
    await server.hosts["localhost"].register("juliet", "secret")
    silent, halfway, opened, bound = [await dial(server) for _ in range(4)]
    halfway.write("<?xml version='1.0'?><stream:str")
    await opened.open()
    await bound.login("juliet")
    for client in (silent, halfway, opened):
        error = (await client.closed())[-1]
        assert condition(error) == "connection-timeout"
    await bound.sync()


async def test_who_stops_in_the_tls_handshake_is_sent_away(serve: Serve, dial: Dial) -> None:
    """No XML can be sent there, but the connection ends."""
    server = await serve(limits={"unauthenticated_timeout": 0.2}, listen={"c2s_tls": ["127.0.0.1:0"]})
    client = await dial(server)
    await client.open()
    client.write("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await client.next()
    assert await asyncio.wait_for(client.reader.read(), 5) == b""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.addresses[1].rpartition(":")[2]))
    writer.write(b"\x16\x03\x01")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
