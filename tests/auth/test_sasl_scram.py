"""SCRAM against another implementation's client, and against clients that break its rules."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

import pytest
from scramp import ScramClient

from burble.auth import InternalAuthenticator
from burble.sasl import Challenge, Exchange, SaslFailure, SaslPolicy, SaslServer, Success, TlsFacts
from burble.storage import Database, DatabaseUnavailable

from .server import SECRET, TLS_13, TLS_WITHOUT_BINDING, Tls, fail, serve

HASHES = ["SHA-1", "SHA-256", "SHA-512"]


@dataclass
class Client:
    """A client of SCRAM-SHA-1 that says what it is told to, right or wrong, and proves it."""

    header: str = "n,,"
    username: str = "juliet"
    password: str = "pencil"
    binding: bytes = b""
    nonce: str = "client"

    @property
    def bare(self) -> str:
        return f"n={self.username},r={self.nonce}"

    @property
    def first(self) -> bytes:
        return (self.header + self.bare).encode()

    def final(self, challenge: bytes, nonce: str = "", header: str = "") -> bytes:
        attributes = dict(part.split("=", 1) for part in challenge.decode().split(","))
        nonce = nonce or attributes["r"]
        binding = base64.b64encode((header or self.header).encode() + self.binding).decode()
        without_proof = f"c={binding},r={nonce}"
        salt, iterations = base64.b64decode(attributes["s"]), int(attributes["i"])
        salted = hashlib.pbkdf2_hmac("sha1", self.password.encode(), salt, iterations)
        key = hmac.digest(salted, b"Client Key", "sha1")
        signed = ",".join([self.bare, challenge.decode(), without_proof]).encode()
        signature = hmac.digest(hashlib.sha1(key).digest(), signed, "sha1")
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    async def login(self, exchange: Exchange) -> Success:
        result = await exchange.step(await self.answer(exchange))
        assert isinstance(result, Success)
        return result

    async def answer(self, exchange: Exchange) -> bytes:
        return self.final(await challenged(exchange, self.first))


async def challenged(exchange: Exchange, first: bytes) -> bytes:
    challenge = await exchange.step(first)
    assert isinstance(challenge, Challenge)
    return challenge.data


def begin(
    accounts: InternalAuthenticator, tls: TlsFacts | None = None, name: str = "SCRAM-SHA-1"
) -> Exchange:
    return serve(accounts).begin(name, tls)


class TestLogin:
    @pytest.mark.parametrize("hash", HASHES)
    async def test_client_and_server_prove_themselves(self, juliet: InternalAuthenticator, hash: str) -> None:
        client = ScramClient([f"SCRAM-{hash}"], "juliet", "pencil")
        exchange = begin(juliet, name=f"SCRAM-{hash}")
        client.set_server_first((await challenged(exchange, client.get_client_first().encode())).decode())
        result = await exchange.step(client.get_client_final().encode())
        assert isinstance(result, Success)
        assert result.user == "juliet"
        assert result.data
        client.set_server_final(result.data.decode())

    @pytest.mark.parametrize("hash", HASHES)
    async def test_with_the_channel_bound(self, juliet: InternalAuthenticator, hash: str) -> None:
        binding = ("tls-server-end-point", TLS_13.data["tls-server-end-point"])
        client = ScramClient([f"SCRAM-{hash}-PLUS"], "juliet", "pencil", channel_binding=binding)
        exchange = begin(juliet, TLS_13, f"SCRAM-{hash}-PLUS")
        client.set_server_first((await challenged(exchange, client.get_client_first().encode())).decode())
        result = await exchange.step(client.get_client_final().encode())
        assert isinstance(result, Success)
        assert result.data
        client.set_server_final(result.data.decode())

    async def test_without_initial_response(self, juliet: InternalAuthenticator) -> None:
        exchange = begin(juliet)
        assert await exchange.step(None) == Challenge(b"")
        assert (await Client().login(exchange)).user == "juliet"

    @pytest.mark.parametrize("username", ["Juliet", "JULIET", "\uff2auliet"])
    async def test_username_is_prepared_as_a_localpart(
        self, juliet: InternalAuthenticator, username: str
    ) -> None:
        assert (await Client(username=username).login(begin(juliet))).user == "juliet"

    # The last one has a letter which Unicode 3.2, and so SASLprep, does not know.
    @pytest.mark.parametrize(
        ("sent", "user"), [("a=2Cb=3Dc", "a,b=c"), ("a=3D2Cb", "a=2cb"), ("\u04f7", "\u04f7")]
    )
    async def test_unusual_localparts(self, accounts: InternalAuthenticator, sent: str, user: str) -> None:
        await accounts.register(user, "pencil")
        assert (await Client(username=sent).login(begin(accounts))).user == user

    async def test_non_ascii_password_is_prepared_like_the_client_does(
        self, accounts: InternalAuthenticator
    ) -> None:
        await accounts.register("juliet", "e\u0301\u00a0\u2168")
        client = ScramClient(["SCRAM-SHA-1"], "juliet", "e\u0301\u00a0\u2168")
        exchange = begin(accounts)
        client.set_server_first((await challenged(exchange, client.get_client_first().encode())).decode())
        assert isinstance(await exchange.step(client.get_client_final().encode()), Success)

    @pytest.mark.parametrize("authzid", ["juliet@example.org", "Juliet@EXAMPLE.org"])
    async def test_own_address_as_authorization_identity(
        self, juliet: InternalAuthenticator, authzid: str
    ) -> None:
        assert (await Client(header=f"n,a={authzid},").login(begin(juliet))).user == "juliet"


class TestRefusal:
    async def test_wrong_password(self, juliet: InternalAuthenticator) -> None:
        exchange = begin(juliet)
        assert await fail(exchange, await Client(password="quill").answer(exchange)) == "not-authorized"

    async def test_finished_exchange_cannot_be_reused(self, juliet: InternalAuthenticator) -> None:
        exchange = begin(juliet)
        answer = await Client().answer(exchange)
        await exchange.step(answer)
        assert await fail(exchange, answer) == "not-authorized"

    async def test_failed_exchange_cannot_be_retried(self, juliet: InternalAuthenticator) -> None:
        exchange = begin(juliet)
        challenge = await challenged(exchange, Client().first)
        assert await fail(exchange, Client(password="quill").final(challenge)) == "not-authorized"
        assert await fail(exchange, Client().final(challenge)) == "not-authorized"

    async def test_replayed_exchange(self, juliet: InternalAuthenticator) -> None:
        heard = begin(juliet)
        answer = await Client().answer(heard)
        await heard.step(answer)

        replay = begin(juliet)
        await challenged(replay, Client().first)
        assert await fail(replay, answer) == "not-authorized"

    @pytest.mark.parametrize("nonce", ["client", "foreign"])
    async def test_nonce_other_than_the_servers(self, juliet: InternalAuthenticator, nonce: str) -> None:
        exchange = begin(juliet)
        challenge = await challenged(exchange, Client().first)
        assert await fail(exchange, Client().final(challenge, nonce=nonce)) == "not-authorized"

    @pytest.mark.parametrize("name", ["romeo", "juliet"])
    async def test_unknown_user_looks_like_a_wrong_password(
        self, juliet: InternalAuthenticator, name: str
    ) -> None:
        client = Client(username=name, password="quill")
        one, two = [(await challenged(begin(juliet), client.first)).decode().split(",") for _ in range(2)]
        assert one[0] != two[0]
        assert one[1:] == two[1:]
        assert len(base64.b64decode(one[1][2:])) == 16
        assert one[2] == "i=4096"
        exchange = begin(juliet)
        with pytest.raises(SaslFailure) as caught:
            await exchange.step(await client.answer(exchange))
        assert str(caught.value) == "not-authorized: wrong username or password"

    async def test_unknown_users_salt_is_of_this_server(self, juliet: InternalAuthenticator) -> None:
        salts = set()
        for secret in (SECRET, b"the secret of another server"):
            exchange = SaslServer(juliet, SaslPolicy(secret)).begin("SCRAM-SHA-1", None)
            salts.add((await challenged(exchange, Client(username="romeo").first)).split(b",")[1])
        assert len(salts) == 2

    @pytest.mark.parametrize("authzid", ["romeo@example.org", "juliet@example.net", "juliet", "@"])
    async def test_nobody_acts_as_another(self, juliet: InternalAuthenticator, authzid: str) -> None:
        assert await fail(begin(juliet), Client(header=f"n,a={authzid},").first) == "invalid-authzid"

    async def test_authorization_identity_cannot_be_changed_later(
        self, juliet: InternalAuthenticator
    ) -> None:
        client = Client(header="n,a=juliet@example.org,")
        exchange = begin(juliet)
        challenge = await challenged(exchange, client.first)
        assert await fail(exchange, client.final(challenge, header="n,,")) == "not-authorized"

    @pytest.mark.parametrize("username", ["a b", "a@b", "a/b", "\u265a", "\x7f", "x" * 1100])
    async def test_username_that_is_no_localpart(self, juliet: InternalAuthenticator, username: str) -> None:
        assert await fail(begin(juliet), Client(username=username).first) == "not-authorized"

    @pytest.mark.parametrize(
        "first",
        [b"", b"n,,", b"n,,n=,r=x", b"n,,n=juliet", b"n,,n=\xff,r=x", b"n,,n=juliet,r=" + b"x" * 9000],
    )
    async def test_malformed_first_message(self, juliet: InternalAuthenticator, first: bytes) -> None:
        assert await fail(begin(juliet), first) == "malformed-request"

    async def test_disabled_account_is_told_so_only_with_its_password(
        self, juliet: InternalAuthenticator
    ) -> None:
        await juliet.set_disabled("juliet", True)
        exchange = begin(juliet)
        assert await fail(exchange, await Client().answer(exchange)) == "account-disabled"
        exchange = begin(juliet)
        assert await fail(exchange, await Client(password="quill").answer(exchange)) == "not-authorized"

    async def test_accounts_out_of_reach(
        self, accounts: InternalAuthenticator, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def gone(*_: object) -> None:
            raise DatabaseUnavailable("no space left on device")

        monkeypatch.setattr(database, "fetch", gone)
        assert await fail(begin(accounts), Client().first) == "temporary-auth-failure"
        plain = serve(accounts).begin("PLAIN", TLS_13)
        assert await fail(plain, b"\0juliet\0pencil") == "temporary-auth-failure"


class TestChannelBinding:
    @pytest.mark.parametrize("type", ["tls-exporter", "tls-server-end-point"])
    async def test_either_type_may_be_used(self, juliet: InternalAuthenticator, type: str) -> None:
        client = Client(header=f"p={type},,", binding=TLS_13.data[type])
        assert (await client.login(begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS"))).user == "juliet"

    async def test_with_authorization_identity(self, juliet: InternalAuthenticator) -> None:
        client = Client(header="p=tls-exporter,a=juliet@example.org,", binding=TLS_13.data["tls-exporter"])
        assert (await client.login(begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS"))).user == "juliet"

    async def test_data_of_another_connection(self, juliet: InternalAuthenticator) -> None:
        client = Client(header="p=tls-exporter,,", binding=b"what the man in the middle sees")
        exchange = begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS")
        assert await fail(exchange, await client.answer(exchange)) == "not-authorized"

    @pytest.mark.parametrize("header", ["n,,", "y,,", "p=tls-server-end-point,,"])
    async def test_header_cannot_be_changed_later(self, juliet: InternalAuthenticator, header: str) -> None:
        client = Client(header="p=tls-exporter,,", binding=TLS_13.data["tls-exporter"])
        exchange = begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS")
        challenge = await challenged(exchange, client.first)
        if header != "p=tls-server-end-point,,":
            client.binding = b""
        assert await fail(exchange, client.final(challenge, header=header)) == "not-authorized"

    @pytest.mark.parametrize("type", ["tls-unique", "tls-unique-for-telnet", "TLS-EXPORTER", "x"])
    async def test_type_that_is_not_offered(self, juliet: InternalAuthenticator, type: str) -> None:
        client = Client(header=f"p={type},,", binding=b"x")
        assert await fail(begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS"), client.first) == "not-authorized"

    async def test_type_that_exists_but_is_not_offered(self, juliet: InternalAuthenticator) -> None:
        tls = Tls({"tls-exporter": b"good", "tls-unique": b"weak"})
        tls.channel_binding_types = ["tls-exporter"]
        client = Client(header="p=tls-unique,,", binding=b"weak")
        assert await fail(begin(juliet, tls, "SCRAM-SHA-1-PLUS"), client.first) == "not-authorized"

    async def test_type_whose_data_cannot_be_had(self, juliet: InternalAuthenticator) -> None:
        empty = Tls({"tls-exporter": b""})
        exchange = begin(juliet, empty, "SCRAM-SHA-1-PLUS")
        assert await fail(exchange, Client(header="p=tls-exporter,,").first) == "not-authorized"

    @pytest.mark.parametrize("flag", ["n", "y"])
    async def test_plus_mechanism_without_binding(self, juliet: InternalAuthenticator, flag: str) -> None:
        exchange = begin(juliet, TLS_13, "SCRAM-SHA-1-PLUS")
        assert await fail(exchange, Client(header=f"{flag},,").first) == "malformed-request"

    async def test_binding_without_plus_mechanism(self, juliet: InternalAuthenticator) -> None:
        client = Client(header="p=tls-exporter,,", binding=TLS_13.data["tls-exporter"])
        assert await fail(begin(juliet, TLS_13), client.first) == "malformed-request"

    async def test_client_that_was_kept_from_seeing_the_offer(self, juliet: InternalAuthenticator) -> None:
        assert await fail(begin(juliet, TLS_13), Client(header="y,,").first) == "not-authorized"

    async def test_client_that_could_bind_where_nothing_is_offered(
        self, juliet: InternalAuthenticator
    ) -> None:
        for tls in (None, TLS_WITHOUT_BINDING):
            assert (await Client(header="y,,").login(begin(juliet, tls))).user == "juliet"
        exchange = serve(juliet, "SCRAM-SHA-1").begin("SCRAM-SHA-1", TLS_13)
        assert (await Client(header="y,,").login(exchange)).user == "juliet"

    async def test_client_that_cannot_bind(self, juliet: InternalAuthenticator) -> None:
        assert (await Client().login(begin(juliet, TLS_13))).user == "juliet"
