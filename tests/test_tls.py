"""TLS sessions against the clients of Python's ssl module, pyOpenSSL and the openssl program."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as some
from OpenSSL import SSL
from OpenSSL._util import lib

from burble.tls import CertificateFiles, TlsContext, TlsError, TlsSession, certificates, self_signed

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def issue(directory: Path, host: str, key: Key | None = None, days: int = 90) -> CertificateFiles:
    """Make a certificate for a host; each call makes another one."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384())
    )
    files = CertificateFiles(directory / f"{host}.crt", directory / f"{host}.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def der(files: CertificateFiles) -> bytes:
    return ssl.PEM_cert_to_DER_cert(files.certificate.read_text())


@pytest.fixture(scope="module")
def capulet(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return issue(tmp_path_factory.mktemp("capulet"), "capulet.example")


@pytest.fixture(scope="module")
def montague(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return issue(tmp_path_factory.mktemp("montague"), "montague.example")


@pytest.fixture(scope="module")
def context(capulet: CertificateFiles, montague: CertificateFiles) -> TlsContext:
    return TlsContext({"capulet.example": capulet, "Montague.Example": montague}, "capulet.example")


@pytest.fixture
def client_context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class Client:
    """Python's own TLS client, in memory, joined to a session of the server."""

    def __init__(
        self,
        context: ssl.SSLContext,
        server: TlsSession,
        host: str | None = "capulet.example",
        resume: ssl.SSLSession | None = None,
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host, session=resume)
        self.server = server

    def shake_hands(self, feed: Callable[[bytes], bytes] | None = None) -> bytes:
        """Pass everything to and fro until both sides are content; returns what the server decrypted."""
        feed = feed or self.server.receive
        plaintext = b""
        for _ in range(10):
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            sent = self.outgoing.read()
            if not sent and self.server.handshake_done:
                return plaintext
            plaintext += feed(sent)
            self.incoming.write(self.server.outgoing())
        raise AssertionError("the handshake does not end")

    def encrypt(self, plaintext: bytes) -> bytes:
        self.tls.write(plaintext)
        return self.outgoing.read()

    def decrypt(self, ciphertext: bytes) -> bytes:
        self.incoming.write(ciphertext)
        plaintext = b""
        try:
            while chunk := self.tls.read(65536):
                plaintext += chunk
        except ssl.SSLWantReadError:
            pass
        return plaintext


@pytest.fixture
def client(context: TlsContext, client_context: ssl.SSLContext) -> Client:
    """A client whose handshake is done."""
    made = Client(client_context, context.session())
    made.shake_hands()
    return made


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"])
def version(request: pytest.FixtureRequest, client_context: ssl.SSLContext) -> str:
    client_context.maximum_version = getattr(ssl.TLSVersion, request.param.replace(".", "_"))
    return str(request.param)


def test_both_sides_talk(context: TlsContext, client_context: ssl.SSLContext, version: str) -> None:
    server = context.session()
    client = Client(client_context, server)
    assert (server.handshake_done, server.version, server.cipher, server.alpn) == (False, None, None, None)
    assert server.channel_binding_types == []
    assert client.shake_hands() == b""
    assert server.handshake_done
    assert server.version == version
    assert client.tls.cipher() is not None
    assert server.cipher == client.tls.cipher()[0]
    assert server.receive(client.encrypt(b"<stream:stream>")) == b"<stream:stream>"
    server.send(b"<stream:features/>")
    server.send(b"")
    server.send(b"<iq/>")
    assert client.decrypt(server.outgoing()) == b"<stream:features/><iq/>"
    assert server.outgoing() == b""
    assert server.receive(b"") == b""


def test_plaintext_that_comes_with_the_end_of_the_handshake_is_not_lost(
    context: TlsContext, client_context: ssl.SSLContext
) -> None:
    server = context.session()
    client = Client(client_context, server)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    server.receive(client.outgoing.read())
    client.incoming.write(server.outgoing())
    client.tls.do_handshake()
    client.tls.write(b"<stream:stream>")
    assert server.receive(client.outgoing.read()) == b"<stream:stream>"


@pytest.mark.parametrize("size", [4096, 4097, 16384, 16385, 1_000_000])
def test_large_data_arrives_whole_both_ways(client: Client, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    assert client.server.receive(client.encrypt(data)) == data
    client.server.send(data)
    client.server.send(b"!")
    assert client.decrypt(client.server.outgoing()) == data + b"!"
    assert client.server.outgoing() == b""


def test_a_session_that_carried_much_keeps_little(
    context: TlsContext, client_context: ssl.SSLContext
) -> None:
    data = bytes(1_000_000)
    process = psutil.Process()
    carriers = []
    for count in range(42):
        if count == 2:
            before = process.memory_info().rss
        client = Client(client_context, context.session())
        client.shake_hands()
        client.server.receive(client.encrypt(data))
        client.server.send(data)
        client.server.outgoing()
        carriers.append(client.server)
    assert process.memory_info().rss - before < 20_000_000


def test_a_byte_at_a_time_is_enough(context: TlsContext, client_context: ssl.SSLContext) -> None:
    server = context.session()
    client = Client(client_context, server)

    def by_bytes(data: bytes) -> bytes:
        return b"".join(server.receive(data[at : at + 1]) for at in range(len(data)))

    client.shake_hands(by_bytes)
    assert by_bytes(client.encrypt(b"wherefore") + client.encrypt(b" art thou")) == b"wherefore art thou"


@settings(max_examples=50, deadline=None)
@given(
    messages=some.lists(some.binary(min_size=1, max_size=6000), min_size=1, max_size=5),
    cuts=some.lists(some.integers(0, 40_000)),
)
def test_pieces_of_any_size_give_the_same_plaintext(
    context: TlsContext, messages: list[bytes], cuts: list[int]
) -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    client = Client(trusting, context.session())
    client.shake_hands()
    wire = b"".join(client.encrypt(message) for message in messages)
    edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
    pieces = [wire[start:end] for start, end in itertools.pairwise(edges)]
    assert b"".join(map(client.server.receive, pieces)) == b"".join(messages)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("capulet.example", "capulet"),
        ("montague.example", "montague"),
        ("MONTAGUE.example", "montague"),
        ("conference.montague.example", "montague"),
        ("verona.example", "capulet"),
        (None, "capulet"),
    ],
)
def test_the_server_name_picks_the_certificate(
    context: TlsContext,
    client_context: ssl.SSLContext,
    version: str,
    request: pytest.FixtureRequest,
    asked: str | None,
    shown: str,
) -> None:
    server = context.session()
    client = Client(client_context, server, host=asked)
    client.shake_hands()
    files: CertificateFiles = request.getfixturevalue(shown)
    assert client.tls.getpeercert(binary_form=True) == der(files)
    assert server.server_name == asked
    # The files' signatures are ecdsa-with-SHA384 (RFC 5929 §4.1: the hash of the signature).
    assert server.channel_binding("tls-server-end-point") == hashlib.sha384(der(files)).digest()


def test_a_host_may_have_letters_beyond_ascii(tmp_path: Path, client_context: ssl.SSLContext) -> None:
    plain, umlaut = issue(tmp_path, "plain.example"), issue(tmp_path, "xn--bcher-kva.example")
    context = TlsContext({"plain.example": plain, "bücher.example": umlaut}, "plain.example")
    client = Client(client_context, context.session(), host="xn--bcher-kva.example")
    client.shake_hands()
    assert client.tls.getpeercert(binary_form=True) == der(umlaut)


def test_a_client_verifies_the_certificate(context: TlsContext, montague: CertificateFiles) -> None:
    strict = ssl.create_default_context(cafile=montague.certificate)
    Client(strict, context.session(), host="montague.example").shake_hands()
    server = context.session()
    stranger = Client(ssl.create_default_context(), server, host="montague.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.shake_hands()
    with pytest.raises(TlsError, match=r"the peer refused to go on: .*unknown ca"):
        server.receive(stranger.outgoing.read())


def test_an_older_version_than_the_minimum_is_refused(
    capulet: CertificateFiles, client_context: ssl.SSLContext
) -> None:
    strict = TlsContext({"capulet.example": capulet}, "capulet.example", min_version="TLSv1.3")
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = strict.session()
    client = Client(client_context, server)
    with pytest.raises(TlsError, match="only TLS versions older than the minimum"):
        client.shake_hands()
    client.incoming.write(server.outgoing())
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        client.tls.do_handshake()


def test_ciphers_are_those_set(capulet: CertificateFiles, client_context: ssl.SSLContext) -> None:
    cipher = "ECDHE-ECDSA-CHACHA20-POLY1305"
    context = TlsContext({"capulet.example": capulet}, "capulet.example", ciphers=cipher)
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = Client(client_context, context.session())
    client.shake_hands()
    assert client.server.cipher == cipher
    client_context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(TlsError, match="no cipher in common"):
        Client(client_context, context.session()).shake_hands()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "xmpp-client"], "xmpp-client"), (["xmpp-client"], "xmpp-client"), ([], None)],
)
def test_alpn(
    context: TlsContext, client_context: ssl.SSLContext, offered: list[str], chosen: str | None
) -> None:
    client_context.set_alpn_protocols(offered)
    client = Client(client_context, context.session())
    client.shake_hands()
    assert client.tls.selected_alpn_protocol() == client.server.alpn == chosen


@pytest.mark.parametrize("host", ["capulet.example", "montague.example"])
def test_a_client_that_wants_another_protocol_is_refused(
    context: TlsContext, client_context: ssl.SSLContext, host: str
) -> None:
    client_context.set_alpn_protocols(["h2", "http/1.1"])
    server = context.session()
    client = Client(client_context, server, host=host)
    with pytest.raises(TlsError, match="another protocol than XMPP"):
        client.shake_hands()
    client.incoming.write(server.outgoing())
    with pytest.raises(ssl.SSLError, match=r"(?i)no application protocol"):
        client.tls.do_handshake()


def test_tls_unique_is_that_of_the_client(context: TlsContext, client_context: ssl.SSLContext) -> None:
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = Client(client_context, context.session())
    client.shake_hands()
    assert client.server.channel_binding_types == ["tls-exporter", "tls-unique", "tls-server-end-point"]
    ours = client.server.channel_binding("tls-unique")
    assert ours is not None
    assert ours == client.tls.get_channel_binding("tls-unique")


def test_tls_unique_after_resumption_is_that_of_the_client(
    capulet: CertificateFiles, client_context: ssl.SSLContext
) -> None:
    context = TlsContext({"capulet.example": capulet}, "capulet.example", tickets=True)
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    first = Client(client_context, context.session())
    first.shake_hands()
    again = Client(client_context, context.session(), resume=first.tls.session)
    again.shake_hands()
    assert again.tls.session_reused
    assert again.server.channel_binding("tls-unique") == again.tls.get_channel_binding("tls-unique")
    assert again.server.channel_binding("tls-unique") != first.server.channel_binding("tls-unique")


def test_no_unique_binding_without_the_extended_master_secret(
    context: TlsContext, client_context: ssl.SSLContext
) -> None:
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2
    client_context.options |= ssl.Options(1)  # SSL_OP_NO_EXTENDED_MASTER_SECRET
    client = Client(client_context, context.session())
    client.shake_hands()
    assert client.server.channel_binding_types == ["tls-server-end-point"]
    assert client.server.channel_binding("tls-unique") is None
    assert client.server.channel_binding("tls-exporter") is None


def openssl_client(server: TlsSession, version: int) -> SSL.Connection:
    """Return a pyOpenSSL client that has shaken hands with the server."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(version)
    client = SSL.Connection(context)
    client.set_connect_state()
    for _ in range(4):
        try:
            client.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            server.receive(client.bio_read(65536))
        except SSL.WantReadError:
            break
        if sent := server.outgoing():
            client.bio_write(sent)
    assert server.handshake_done
    return client


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_tls_exporter_is_that_of_the_client(context: TlsContext, version: int) -> None:
    server = context.session()
    client = openssl_client(server, version)
    assert server.channel_binding_types[0] == "tls-exporter"
    theirs = client.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    assert len(theirs) == 32
    assert server.channel_binding("tls-exporter") == theirs


def test_tls_1_3_has_no_tls_unique(client: Client) -> None:
    assert client.server.channel_binding_types == ["tls-exporter", "tls-server-end-point"]
    assert client.server.channel_binding("tls-unique") is None
    assert client.server.channel_binding("tls-invented") is None


def test_a_signature_without_a_hash_has_no_end_point_binding(
    tmp_path: Path, client_context: ssl.SSLContext
) -> None:
    files = issue(tmp_path, "edward.example", ed25519.Ed25519PrivateKey.generate())
    client = Client(client_context, TlsContext({"edward.example": files}, "edward.example").session())
    client.shake_hands()
    assert client.server.channel_binding_types == ["tls-exporter"]


def test_renegotiation_is_refused(context: TlsContext) -> None:
    server = context.session()
    client = openssl_client(server, SSL.TLS1_2_VERSION)
    before = server.channel_binding("tls-unique")
    client.renegotiate()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    assert server.receive(client.bio_read(65536)) == b""
    client.bio_write(server.outgoing())
    with pytest.raises(SSL.Error) as refused:
        client.do_handshake()
    assert "no renegotiation" in str(refused.value)
    assert server.channel_binding("tls-unique") == before


def test_tickets_are_issued_only_where_asked_for(
    context: TlsContext, capulet: CertificateFiles, client_context: ssl.SSLContext, version: str
) -> None:
    generous = TlsContext({"capulet.example": capulet}, "capulet.example", tickets=True)
    for issuer, resumed in ((generous, True), (context, False)):
        first = Client(client_context, issuer.session())
        first.shake_hands()
        first.decrypt(b"")
        again = Client(client_context, issuer.session(), resume=first.tls.session)
        again.shake_hands()
        assert again.tls.session_reused is resumed


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (b"<?xml version='1.0'?><stream:stream>", "not TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"\x16\x03\x01\x00\x05hello", ""),
        (b"\x16\x03\x01\xff\xff" + b"\0" * 100, "not TLS"),
        (b"\0" * 20_000, "not TLS"),
    ],
)
def test_garbage_is_refused_in_words(context: TlsContext, garbage: bytes, why: str) -> None:
    server = context.session()
    with pytest.raises(TlsError, match=f"TLS handshake failed: .*{why}"):
        server.receive(garbage)
    assert server.outgoing()[:1] in (b"", b"\x15")  # nothing, or an alert
    with pytest.raises(TlsError):
        server.receive(b"more")
    with pytest.raises(TlsError):
        server.send(b"more")
    server.close()
    assert server.outgoing() == b""


def test_a_damaged_record_ends_the_session_with_an_alert(client: Client) -> None:
    record = bytearray(client.encrypt(b"to be or not to be"))
    record[-1] ^= 1
    leave_an_error()
    with pytest.raises(TlsError, match="TLS session failed: a record was damaged"):
        client.server.receive(bytes(record))
    with pytest.raises(ssl.SSLError, match=r"(?i)alert bad record mac"):
        client.decrypt(client.server.outgoing())


def test_a_truncated_handshake_waits_for_the_rest(
    context: TlsContext, client_context: ssl.SSLContext
) -> None:
    server = context.session()
    client = Client(client_context, server)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    hello = client.outgoing.read()
    assert server.receive(hello[:-1]) == b""
    assert server.outgoing() == b""
    assert not server.handshake_done
    with pytest.raises(TlsError, match="not over"):
        server.send(b"too early")
    server.close()
    assert server.receive(hello[-1:]) == b""
    assert server.outgoing() != b""


def test_the_peer_closes(client: Client) -> None:
    last_words = client.encrypt(b"</stream:stream>")
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    assert not client.server.eof
    assert client.server.receive(last_words + client.outgoing.read()) == b"</stream:stream>"
    assert client.server.eof
    assert client.server.receive(b"anything") == b""
    client.server.send(b"</stream:stream>")
    assert client.decrypt(client.server.outgoing()) == b"</stream:stream>"


def leave_an_error() -> None:
    """Put into OpenSSL's queue what other users of the library may leave there."""
    lib.ERR_put_error(lib.ERR_LIB_EVP, 0, lib.EVP_R_DATA_NOT_MULTIPLE_OF_BLOCK_LENGTH, b"elsewhere", 1)


def test_errors_left_behind_by_others_do_no_harm(client: Client) -> None:
    leave_an_error()
    assert client.server.receive(client.encrypt(b"good night")) == b"good night"
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    leave_an_error()
    client.server.receive(client.outgoing.read())
    assert client.server.eof


def test_we_close(client: Client) -> None:
    client.server.send(b"</stream:stream>")
    client.server.close()
    client.server.close()
    client.incoming.write(client.server.outgoing())
    assert client.tls.read(100) == b"</stream:stream>"
    assert client.tls.read(100) == b""
    with pytest.raises(TlsError, match="closed"):
        client.server.send(b"more")
    assert client.server.receive(client.encrypt(b"still here")) == b"still here"


def test_reload_takes_what_changed(tmp_path: Path, client_context: ssl.SSLContext) -> None:
    old = issue(tmp_path, "a.example")
    other = issue(tmp_path, "b.example")
    context = TlsContext({"a.example": old, "b.example": other}, "a.example")
    before = der(old)
    early = Client(client_context, context.session(), host="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        early.tls.do_handshake()
    assert context.reload() == []
    issue(tmp_path, "a.example")
    assert context.reload() == ["a.example"]
    late = Client(client_context, context.session(), host="a.example")
    for client in (early, late):
        client.shake_hands()
    assert late.tls.getpeercert(binary_form=True) == der(old) != before
    assert late.server.channel_binding("tls-server-end-point") == hashlib.sha384(der(old)).digest()
    early.server.send(b"I go on")
    assert early.decrypt(early.server.outgoing()) == b"I go on"


def test_reload_adds_and_removes_hosts(
    capulet: CertificateFiles, montague: CertificateFiles, client_context: ssl.SSLContext
) -> None:
    context = TlsContext({"capulet.example": capulet}, "capulet.example")
    hosts = {"montague.example": montague}
    assert context.reload(hosts, "montague.example") == ["montague.example"]
    client = Client(client_context, context.session(), host="capulet.example")
    client.shake_hands()
    assert client.tls.getpeercert(binary_form=True) == der(montague)


def test_a_failed_reload_changes_nothing(tmp_path: Path, client_context: ssl.SSLContext) -> None:
    files = issue(tmp_path, "a.example")
    context = TlsContext({"a.example": files}, "a.example")
    before = der(files)
    files.certificate.write_text("half a cert")
    with pytest.raises(TlsError, match="holds no PEM certificate"):
        context.reload()
    client = Client(client_context, context.session())
    client.shake_hands()
    assert client.tls.getpeercert(binary_form=True) == before


def test_certificates_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    good = issue(tmp_path, "a.example")
    other = issue(tmp_path, "b.example")

    def refusal(files: CertificateFiles) -> str:
        with pytest.raises(TlsError) as refused:
            TlsContext({"a.example": files}, "a.example")
        return str(refused.value)

    nowhere = tmp_path / "nowhere"
    assert refusal(CertificateFiles(nowhere, good.key)) == f"cannot read {nowhere}: No such file or directory"
    assert "does not belong to" in refusal(CertificateFiles(good.certificate, other.key))
    assert "holds no PEM certificate" in refusal(CertificateFiles(good.key, good.key))
    assert "holds no PEM private key" in refusal(CertificateFiles(good.certificate, good.certificate))
    key = serialization.load_pem_private_key(good.key.read_bytes(), None)
    secret = tmp_path / "secret.key"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"rosaline"),
        )
    )
    assert "without a passphrase" in refusal(CertificateFiles(good.certificate, secret))


def test_settings_that_cannot_be_used_are_refused(capulet: CertificateFiles) -> None:
    hosts = {"capulet.example": capulet}
    with pytest.raises(TlsError, match=r"default host verona\.example"):
        TlsContext(hosts, "verona.example")
    with pytest.raises(TlsError, match="no usable TLS cipher in 'ROT13'"):
        TlsContext(hosts, "capulet.example", ciphers="ROT13")
    with pytest.raises(TlsError, match=r"unknown TLS version 'SSLv3': expected TLSv1\.2 or TLSv1\.3"):
        TlsContext(hosts, "capulet.example", min_version="SSLv3")


def test_a_chain_is_sent_whole(tmp_path: Path, montague: CertificateFiles) -> None:
    files = issue(tmp_path, "a.example")
    own = der(files)
    with files.certificate.open("ab") as chain:
        chain.write(montague.certificate.read_bytes())
    server = TlsContext({"a.example": files}, "a.example").session()
    client = openssl_client(server, SSL.TLS1_3_VERSION)
    sent = client.get_peer_cert_chain(as_cryptography=True)
    assert sent is not None
    assert [certificate.public_bytes(serialization.Encoding.DER) for certificate in sent] == [
        own,
        der(montague),
    ]


class TestSelfSigned:
    def test_it_names_the_hosts(self, tmp_path: Path) -> None:
        files = self_signed(tmp_path / "new" / "tls", ["a.example", "bücher.example", "127.0.0.1"])
        assert files.key.stat().st_mode & 0o777 == 0o600
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["a.example", "xn--bcher-kva.example"]
        assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
        addresses = [other.value for other in names if isinstance(other, x509.OtherName)]
        assert b"\x0c\x09a.example" in addresses
        assert b"\x0c\x0fb\xc3\xbccher.example" in addresses

    def test_long_names_are_encoded(self, tmp_path: Path) -> None:
        long, longer = ".".join(["a" * 40] * 4), ".".join(["ü" * 40] * 4)
        files = self_signed(tmp_path, [long, longer])
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = [other.value for other in names if isinstance(other, x509.OtherName)]
        assert addresses == [
            b"\x0c\x81\xa3" + long.encode(),
            b"\x0c\x82\x01\x43" + longer.encode(),
        ]

    def test_a_client_that_trusts_it_connects(self, tmp_path: Path) -> None:
        files = self_signed(tmp_path, ["localhost"])
        trusting = ssl.create_default_context(cafile=files.certificate)
        context = TlsContext({"localhost": files}, "localhost")
        Client(trusting, context.session(), host="localhost").shake_hands()

    def test_it_is_made_once(self, tmp_path: Path) -> None:
        before = der(self_signed(tmp_path, ["a.example", "b.example"]))
        assert der(self_signed(tmp_path, ["b.example"])) == before

    def test_a_new_host_needs_a_new_one(self, tmp_path: Path) -> None:
        before = der(self_signed(tmp_path, ["a.example"]))
        files = self_signed(tmp_path, ["a.example", "b.example"])
        assert der(files) != before
        TlsContext({"a.example": files}, "a.example")

    @pytest.mark.parametrize(("days", "kept"), [(31, True), (29, False), (-1, False)])
    def test_it_is_renewed_before_it_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, kept: bool
    ) -> None:
        with monkeypatch.context() as shorter:
            shorter.setattr(certificates, "_LIFETIME", timedelta(days=days))
            shorter.setattr(certificates, "_CLOCK_SKEW", timedelta(days=2))
            before = der(self_signed(tmp_path, ["a.example"]))
        assert (der(self_signed(tmp_path, ["a.example"])) == before) is kept

    def test_one_half_of_another_pair_is_replaced(self, tmp_path: Path) -> None:
        files = self_signed(tmp_path, ["a.example"])
        self_signed(tmp_path / "other", ["a.example"]).key.replace(files.key)
        TlsContext({"a.example": self_signed(tmp_path, ["a.example"])}, "a.example")

    @pytest.mark.parametrize("broken", ["self-signed.crt", "self-signed.key"])
    def test_a_broken_one_is_replaced(self, tmp_path: Path, broken: str) -> None:
        self_signed(tmp_path, ["a.example"])
        (tmp_path / broken).write_text("-----BEGIN NOTHING-----")
        TlsContext({"a.example": self_signed(tmp_path, ["a.example"])}, "a.example")


class EchoOverTls(asyncio.Protocol):
    def __init__(self, context: TlsContext) -> None:
        self.tls = context.session()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if plaintext := self.tls.receive(data):
            self.tls.send(plaintext.upper())
            self.tls.close()
        self.transport.write(self.tls.outgoing())
        if plaintext:
            self.transport.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
@pytest.mark.parametrize("option", ["-tls1_2", "-tls1_3"])
async def test_the_openssl_program_connects(
    context: TlsContext, montague: CertificateFiles, option: str
) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: EchoOverTls(context), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        program = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", option, "-quiet", "-no_ign_eof"),
            *("-verify_return_error", "-verify_hostname", "montague.example", "-alpn", "xmpp-client"),
            *("-servername", "montague.example", "-CAfile", str(montague.certificate)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"soft\n")
        await program.stdin.drain()
        assert await program.stdout.readline() == b"SOFT\n"
        program.stdin.close()
        await program.wait()
