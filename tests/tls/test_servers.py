"""TLS between servers: both sides show certificates, and nobody is turned away for what is in them."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier
from OpenSSL import SSL

from burble.tls import TlsContext, TlsError, TlsSession

from .authority import CLIENT, SERVER, Issued, authority, dns, make


def talk(one: TlsSession, other: TlsSession) -> None:
    """Pass everything to and fro until both are content."""
    for _ in range(10):
        sent, answer = one.outgoing(), other.outgoing()
        if not sent and not answer:
            return
        if sent:
            other.receive(sent)
        if answer:
            one.receive(answer)
    raise AssertionError("the handshake does not end")


def context_of(directory: Path, issued: Issued, host: str, **settings: object) -> TlsContext:
    return TlsContext({host: issued.write(directory, host)}, host, **settings)


@pytest.fixture(scope="module")
def root() -> Issued:
    return authority()


@pytest.fixture(scope="module")
def juliet(root: Issued) -> Issued:
    return make([dns("capulet.example")], root)


@pytest.fixture(scope="module")
def capulet(juliet: Issued, tmp_path_factory: pytest.TempPathFactory) -> TlsContext:
    return context_of(tmp_path_factory.mktemp("capulet"), juliet, "capulet.example")


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def limit(session: TlsSession, version: str) -> TlsSession:
    if version == "TLSv1.2":
        session._connection.set_options(SSL.OP_NO_TLSv1_3)
    return session


@pytest.mark.parametrize(
    "usages",
    [(SERVER,), (CLIENT,), (SERVER, CLIENT), (), (x509.ObjectIdentifier("1.3.6.1.5.5.7.3.3"),)],
    ids=["server", "client", "both", "none", "code-signing"],
)
def test_usages_keep_nobody_out(
    tmp_path: Path, root: Issued, juliet: Issued, usages: Sequence[ObjectIdentifier], version: str
) -> None:
    romeo = make([dns("montague.example")], root, usages=usages)
    montague = context_of(tmp_path, romeo, "montague.example")
    capulet = context_of(tmp_path, juliet, "capulet.example")
    caller = montague.client_session("montague.example", "capulet.example")
    called = limit(capulet.session(ask_peer=True), version)
    talk(caller, called)
    assert called.peer_chain == romeo.chain
    assert caller.peer_chain == juliet.chain
    back = capulet.client_session("capulet.example", "montague.example")
    asked = limit(montague.session(ask_peer=True), version)
    talk(back, asked)
    assert back.peer_chain == romeo.chain
    assert asked.version == back.version == version


def test_rsa_keys_will_do(tmp_path: Path, root: Issued, capulet: TlsContext) -> None:
    romeo = make([dns("montague.example")], root, key=rsa.generate_private_key(65537, 2048))
    called = capulet.session(ask_peer=True)
    talk(context_of(tmp_path, romeo, "montague.example").client_session("montague.example", "x"), called)
    assert called.peer_chain == romeo.chain


def test_chains_come_whole_and_in_order(tmp_path: Path, root: Issued, capulet: TlsContext) -> None:
    romeo = make([dns("montague.example")], authority("Mantua Authority", root))
    assert len(romeo.chain) == 2
    montague = context_of(tmp_path, romeo, "montague.example")
    for asking, showing in ((capulet, montague), (montague, capulet)):
        called = asking.session(ask_peer=True)
        caller = showing.client_session("montague.example", "x.example")
        talk(caller, called)
        assert romeo.chain in (called.peer_chain, caller.peer_chain)


def test_plaintext_goes_both_ways(capulet: TlsContext) -> None:
    caller, called = capulet.client_session("capulet.example", "capulet.example"), capulet.session(True)
    assert not caller.handshake_done
    with pytest.raises(TlsError, match="not over"):
        caller.send(b"too early")
    talk(caller, called)
    caller.send(b"<stream:stream>")
    assert called.receive(caller.outgoing()) == b"<stream:stream>"
    called.send(b"x" * 50_000)
    assert caller.receive(called.outgoing()) == b"x" * 50_000
    called.close()
    caller.receive(called.outgoing())
    assert caller.eof


def test_clients_are_not_asked_for_certificates(capulet: TlsContext) -> None:
    caller, called = capulet.client_session("capulet.example", "capulet.example", ()), capulet.session()
    talk(caller, called)
    assert called.handshake_done
    assert called.peer_chain == []
    assert len(caller.peer_chain) == 1


def test_a_server_without_a_certificate_is_welcome(capulet: TlsContext) -> None:
    called = capulet.session(ask_peer=True)
    connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    connection.set_connect_state()
    caller = TlsSession(connection, capulet._buffer, connecting=True)
    talk(caller, called)
    assert called.handshake_done
    assert called.peer_chain == []


def test_a_certificate_that_nobody_can_read_proves_as_little_as_none(
    tmp_path: Path, capulet: TlsContext
) -> None:
    romeo = make([dns("montague.example")])
    files = romeo.write(tmp_path)
    assert isinstance(romeo.key, ec.EllipticCurvePrivateKey)
    # Version 5, which OpenSSL takes, with a signature that is right.
    before = romeo.certificate.tbs_certificate_bytes
    after = before.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04", 1)
    whole = romeo.certificate.public_bytes(Encoding.DER).replace(before, after)
    signature = romeo.key.sign(after, ec.ECDSA(hashes.SHA256()))
    while len(signature) != len(romeo.certificate.signature):
        signature = romeo.key.sign(after, ec.ECDSA(hashes.SHA256()))
    whole = whole.replace(romeo.certificate.signature, signature)
    files.certificate.write_text(ssl.DER_cert_to_PEM_cert(whole))
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file(str(files.certificate))
    context.use_privatekey_file(str(files.key))
    connection = SSL.Connection(context)
    connection.set_connect_state()
    called = capulet.session(ask_peer=True)
    talk(TlsSession(connection, capulet._buffer, connecting=True), called)
    assert called.handshake_done
    assert called.peer_chain == []


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("capulet.example", "capulet"),
        ("montague.example", "montague"),
        ("Conference.Montague.example", "montague"),
        ("verona.example", "capulet"),
        ("bücher.example", "books"),
    ],
)
def test_each_host_shows_its_own_certificate(
    tmp_path: Path, root: Issued, capulet: TlsContext, identity: str, shown: str
) -> None:
    hosts = {"capulet": "capulet.example", "montague": "montague.example", "books": "bücher.example"}
    issued = {name: make([dns("x.example")], root, common_name=name) for name in hosts}
    context = TlsContext(
        {host: issued[name].write(tmp_path, name) for name, host in hosts.items()}, "capulet.example"
    )
    called = capulet.session(ask_peer=True)
    talk(context.client_session(identity, "capulet.example"), called)
    assert called.peer_chain == issued[shown].chain


def test_the_server_name_picks_the_certificate_and_still_the_peer_is_asked(
    tmp_path: Path, root: Issued, juliet: Issued, capulet: TlsContext
) -> None:
    hosts = {name: make([dns(name)], root) for name in ("capulet.example", "xn--bcher-kva.example")}
    context = TlsContext(
        {name: issued.write(tmp_path, name) for name, issued in hosts.items()}, "capulet.example"
    )
    called = context.session(ask_peer=True)
    caller = capulet.client_session("capulet.example", "Bücher.example.")
    talk(caller, called)
    assert called.server_name == caller.server_name == "xn--bcher-kva.example"
    assert caller.peer_chain == hosts["xn--bcher-kva.example"].chain
    assert called.peer_chain == juliet.chain
    assert called.alpn == "xmpp-server"


@pytest.mark.parametrize("name", ["127.0.0.1", "[::1]", "ü" * 80 + ".example", "a." * 200])
def test_what_sni_cannot_say_is_left_out(capulet: TlsContext, name: str) -> None:
    caller, called = capulet.client_session("capulet.example", name), capulet.session(ask_peer=True)
    talk(caller, called)
    assert called.handshake_done
    assert called.server_name is None


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["xmpp-server"], "xmpp-server"), (["h2", "xmpp-server"], "xmpp-server"), ([], None)],
)
def test_servers_speak_another_protocol_than_clients(
    capulet: TlsContext, offered: list[str], chosen: str | None
) -> None:
    caller, called = capulet.client_session("capulet.example", "a.example", offered), capulet.session(True)
    talk(caller, called)
    assert caller.alpn == called.alpn == chosen


@pytest.mark.parametrize(("offered", "ask_peer"), [("xmpp-client", True), ("xmpp-server", False)])
def test_who_comes_to_the_wrong_listener_is_refused(
    capulet: TlsContext, offered: str, ask_peer: bool
) -> None:
    caller = capulet.client_session("capulet.example", "capulet.example", [offered])
    called = capulet.session(ask_peer)
    with pytest.raises(TlsError, match="another protocol than XMPP"):
        talk(caller, called)
    with pytest.raises(TlsError, match=r"the peer refused to go on: .*no application protocol"):
        caller.receive(called.outgoing())


def test_certificates_that_do_not_end_are_refused(tmp_path: Path, capulet: TlsContext) -> None:
    names = [dns(f"{number}.example") for number in range(20_000)]
    crowd = context_of(tmp_path, make(names), "crowd.example")
    called = capulet.session(ask_peer=True)
    with pytest.raises(TlsError, match="too many certificates"):
        talk(crowd.client_session("crowd.example", "capulet.example"), called)
    assert called.peer_chain == []


def test_python_s_own_client_shows_its_certificate(
    tmp_path: Path, root: Issued, juliet: Issued, capulet: TlsContext
) -> None:
    romeo = make([dns("montague.example")], root, usages=[SERVER])
    files = romeo.write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(cadata=root.certificate.public_bytes(Encoding.PEM).decode())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="capulet.example")
    called = capulet.session(ask_peer=True)
    while not called.handshake_done:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        called.receive(outgoing.read())
        incoming.write(called.outgoing())
    assert called.peer_chain[0] == romeo.certificate


def test_channel_bindings_are_the_same_on_both_sides(
    capulet: TlsContext, tmp_path: Path, juliet: Issued, version: str
) -> None:
    context = context_of(tmp_path, juliet, "capulet.example")
    caller = context.client_session("capulet.example", "capulet.example")
    called = limit(context.session(ask_peer=True), version)
    talk(caller, called)
    assert caller.channel_binding_types == called.channel_binding_types != []
    for kind in caller.channel_binding_types:
        assert caller.channel_binding(kind) == called.channel_binding(kind) is not None
    assert caller.channel_binding("tls-server-end-point") == juliet.certificate.fingerprint(hashes.SHA256())


def test_a_server_that_returns_shows_its_chain_again(tmp_path: Path, root: Issued, juliet: Issued) -> None:
    romeo = make([dns("montague.example")], authority("Mantua Authority", root))
    files = romeo.write(tmp_path)
    generous = context_of(tmp_path, juliet, "capulet.example", tickets=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(files.certificate, files.key)
    session = None
    for _ in range(2):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, session=session)
        called = generous.session(ask_peer=True)
        while not called.handshake_done:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            called.receive(outgoing.read())
            incoming.write(called.outgoing())
        with pytest.raises(ssl.SSLWantReadError):
            client.read(1)  # a ticket, if there is one
        assert called.peer_chain == romeo.chain
        session = client.session
