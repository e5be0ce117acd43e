"""Clients with TLS and SCRAM: what a scripted client needs to prove who it is."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import ssl
import xml.etree.ElementTree as ET

from OpenSSL import SSL

from tests.client import SASL, ScriptedClient

NS = "urn:ietf:params:xml:ns:xmpp-sasl"


def client_context(alpn: list[str] | None = None) -> ssl.SSLContext:
    """A TLS client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def b64(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def auth(mechanism: str, data: str | bytes | None = None) -> str:
    """An <auth/> with an initial response, where there is one."""
    return f"<auth xmlns='{NS}' mechanism='{mechanism}'>{'' if data is None else b64(data)}</auth>"


def response(data: str | bytes) -> str:
    return f"<response xmlns='{NS}'>{b64(data)}</response>"


def failure(answer: ET.Element) -> str:
    """The condition of a SASL failure."""
    assert answer.tag == f"{SASL}failure", ET.tostring(answer)
    assert answer.findtext(f"{SASL}text")
    return answer[0].tag.removeprefix(SASL)


def end_point(client: ScriptedClient) -> bytes:
    """The channel binding data ``tls-server-end-point`` (RFC 5929 §4) of a client's connection."""
    certificate = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return hashlib.sha256(certificate).digest()


class Scram:
    """The client's side of SCRAM (RFC 5802 §3); libraries know fewer bindings."""

    def __init__(
        self, mechanism: str, user: str, password: str, binding: tuple[str, bytes] | None = None
    ) -> None:
        self._hash = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS").replace("-", "").lower()
        self._password = password.encode()
        self._header = f"p={binding[0]},," if binding else "n,,"
        self._binding = binding[1] if binding else b""
        self._bare = f"n={user},r={secrets.token_hex(8)}"

    def first(self) -> str:
        """The client-first-message."""
        return self._header + self._bare

    def final(self, challenge: str) -> str:
        """The client-final-message, with the proof."""
        given = dict(part.split("=", 1) for part in challenge.split(","))
        bound = b64(self._header.encode() + self._binding)
        without_proof = f"c={bound},r={given['r']}"
        salted = hashlib.pbkdf2_hmac(
            self._hash, self._password, base64.b64decode(given["s"]), int(given["i"])
        )
        signed = f"{self._bare},{challenge},{without_proof}".encode()
        key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, key).digest(), signed)
        self._expected = self._hmac(self._hmac(salted, b"Server Key"), signed)
        proof = bytes(x ^ y for x, y in zip(key, signature, strict=True))
        return f"{without_proof},p={b64(proof)}"

    def check(self, final: str) -> None:
        """Check the server-final-message: the server knows the password's keys, too."""
        assert final == f"v={b64(self._expected)}"

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)


async def scram(
    client: ScriptedClient,
    mechanism: str,
    user: str = "juliet",
    password: str = "secret",
    binding: tuple[str, bytes] | None = None,
) -> ET.Element:
    """Log in with SCRAM, checking the server's proof; returns the success or failure."""
    exchange = Scram(mechanism, user, password, binding)
    client.write(auth(mechanism, exchange.first()))
    answer = await client.next()
    if answer.tag != f"{SASL}challenge":
        return answer
    client.write(response(exchange.final(base64.b64decode(answer.text or "").decode())))
    answer = await client.next()
    if answer.tag == f"{SASL}success":
        exchange.check(base64.b64decode(answer.text or "").decode())
    return answer


class OpenSSLClient(ScriptedClient):
    """A client whose TLS is OpenSSL itself, which can export keying material (RFC 9266)."""

    async def encrypt(self, version: int = SSL.TLS1_3_VERSION) -> None:
        """Do the TLS handshake on the connection as it is."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        self.tls = SSL.Connection(context)
        self.tls.set_connect_state()
        self._plain, self.reader = self.reader, self
        while True:
            try:
                self.tls.do_handshake()
            except SSL.WantReadError:
                self._pass_on()
                self.tls.bio_write(await self._plain.read(65536))
            else:
                break
        self._pass_on()

    async def read(self, size: int) -> bytes:
        """Decrypted bytes, in the place of the connection's reader."""
        while True:
            try:
                return self.tls.recv(size)
            except SSL.WantReadError:
                data = await self._plain.read(size)
                if not data:
                    return b""
                self.tls.bio_write(data)
            except SSL.ZeroReturnError:
                return b""

    def write(self, data: str | bytes) -> None:
        """Send bytes, encrypted once TLS is up."""
        if not hasattr(self, "tls"):
            super().write(data)
            return
        self.tls.send(data.encode() if isinstance(data, str) else data)
        self._pass_on()

    def exporter(self) -> bytes:
        """The channel binding data ``tls-exporter``."""
        return self.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    def _pass_on(self) -> None:
        try:
            while True:
                self.writer.write(self.tls.bio_read(65536))
        except SSL.WantReadError:
            pass


async def reset(client: ScriptedClient) -> bytes:
    """All that still comes, as bytes, until the connection ends in whatever way."""
    data = b""
    try:
        async with asyncio.timeout(8):
            while piece := await client.reader.read(65536):
                data += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return data
