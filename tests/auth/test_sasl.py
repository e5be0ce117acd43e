"""What a client may ask of SASL, and what it is told."""

import base64

import pytest

from burble.auth import InternalAuthenticator
from burble.sasl import Challenge, Exchange, SaslFailure, SaslPolicy, SaslServer, Success, decode, encode

from .server import SECRET, TLS_13, TLS_WITHOUT_BINDING, fail, serve


class TestOffer:
    def test_strongest_first_under_tls(self, accounts: InternalAuthenticator) -> None:
        assert serve(accounts).offered(TLS_13) == [
            "SCRAM-SHA-512-PLUS",
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-512",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1",
            "PLAIN",
        ]

    def test_no_plus_without_channel_binding(self, accounts: InternalAuthenticator) -> None:
        offered = serve(accounts).offered(TLS_WITHOUT_BINDING)
        assert offered == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]

    def test_no_plain_without_tls(self, accounts: InternalAuthenticator) -> None:
        assert serve(accounts).offered(None) == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]
        assert serve(accounts, plain_anywhere=True).offered(None)[-1] == "PLAIN"

    def test_anonymous_only_where_enabled(self, accounts: InternalAuthenticator) -> None:
        assert "ANONYMOUS" not in SaslServer(accounts, SaslPolicy(SECRET)).offered(TLS_13)
        assert serve(accounts, "ANONYMOUS").offered(None) == ["ANONYMOUS"]

    def test_only_what_the_host_allows(self, accounts: InternalAuthenticator) -> None:
        assert serve(accounts, "PLAIN", "SCRAM-SHA-256").offered(TLS_13) == ["SCRAM-SHA-256", "PLAIN"]

    def test_only_what_the_accounts_can_serve(self, accounts: InternalAuthenticator) -> None:
        class PasswordsElsewhere(InternalAuthenticator):
            mechanisms = frozenset({"PLAIN"})

        accounts.__class__ = PasswordsElsewhere
        assert serve(accounts).offered(TLS_13) == ["PLAIN"]

    def test_channel_binding_types_go_with_the_plus_mechanisms(self, accounts: InternalAuthenticator) -> None:
        assert serve(accounts).channel_bindings(TLS_13) == ["tls-exporter", "tls-server-end-point"]
        assert serve(accounts).channel_bindings(TLS_WITHOUT_BINDING) == []
        assert serve(accounts).channel_bindings(None) == []
        assert serve(accounts, "SCRAM-SHA-1", "PLAIN").channel_bindings(TLS_13) == []


class TestChoice:
    @pytest.mark.parametrize("name", ["", "plain", "DIGEST-MD5", "SCRAM-MD5", "ANONYMOUS", "EXTERNAL"])
    def test_what_is_not_offered_is_an_invalid_mechanism(
        self, accounts: InternalAuthenticator, name: str
    ) -> None:
        with pytest.raises(SaslFailure) as caught:
            serve(accounts).begin(name, TLS_13)
        assert caught.value.condition == "invalid-mechanism"

    def test_plus_needs_channel_binding(self, accounts: InternalAuthenticator) -> None:
        for tls in (None, TLS_WITHOUT_BINDING):
            with pytest.raises(SaslFailure) as caught:
                serve(accounts).begin("SCRAM-SHA-1-PLUS", tls)
            assert caught.value.condition == "invalid-mechanism"

    def test_plain_before_tls_requires_encryption(self, accounts: InternalAuthenticator) -> None:
        with pytest.raises(SaslFailure) as caught:
            serve(accounts).begin("PLAIN", None)
        assert caught.value.condition == "encryption-required"

    def test_plain_that_no_encryption_would_allow(self, accounts: InternalAuthenticator) -> None:
        with pytest.raises(SaslFailure) as caught:
            serve(accounts, "SCRAM-SHA-1").begin("PLAIN", None)
        assert caught.value.condition == "invalid-mechanism"


class TestPlain:
    def begin(self, accounts: InternalAuthenticator) -> Exchange:
        return serve(accounts).begin("PLAIN", TLS_13)

    @pytest.mark.parametrize(
        "message",
        [
            b"\0juliet\0pencil",
            b"juliet@example.org\0juliet\0pencil",
            b"JULIET@Example.ORG\0Juliet\0pencil",
            "\0\uff4auliet\0pencil".encode(),
        ],
    )
    async def test_password_opens(self, juliet: InternalAuthenticator, message: bytes) -> None:
        assert await self.begin(juliet).step(message) == Success("juliet")

    async def test_without_initial_response(self, juliet: InternalAuthenticator) -> None:
        exchange = self.begin(juliet)
        assert await exchange.step(None) == Challenge(b"")
        assert await exchange.step(b"\0juliet\0pencil") == Success("juliet")

    async def test_empty_response_is_no_second_start(self, juliet: InternalAuthenticator) -> None:
        exchange = self.begin(juliet)
        await exchange.step(None)
        assert await fail(exchange, None) == "malformed-request"

    @pytest.mark.parametrize(
        "message", [b"\0juliet\0Pencil", b"\0romeo\0pencil", b"\0a b\0pencil", b"\0a@b/c\0d"]
    )
    async def test_wrong_name_and_wrong_password_are_told_alike(
        self, juliet: InternalAuthenticator, message: bytes
    ) -> None:
        with pytest.raises(SaslFailure) as caught:
            await self.begin(juliet).step(message)
        assert (caught.value.condition, caught.value.text) == ("not-authorized", "wrong username or password")

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"juliet",
            b"\0juliet",
            b"\0juliet\0",
            b"\0\0pencil",
            b"\0juliet\0pencil\0",
            b"\0juliet\0\xff",
            b"\0juliet\0" + b"x" * 9000,
        ],
    )
    async def test_malformed(self, juliet: InternalAuthenticator, message: bytes) -> None:
        assert await fail(self.begin(juliet), message) == "malformed-request"

    @pytest.mark.parametrize(
        "authzid", [b"romeo@example.org", b"juliet@example.net", b"juliet", b"@", b"juliet@example.org/x"]
    )
    async def test_nobody_acts_as_another(self, juliet: InternalAuthenticator, authzid: bytes) -> None:
        assert await fail(self.begin(juliet), authzid + b"\0juliet\0pencil") == "invalid-authzid"

    async def test_disabled_account_is_told_so_only_with_its_password(
        self, juliet: InternalAuthenticator
    ) -> None:
        await juliet.set_disabled("juliet", True)
        assert await fail(self.begin(juliet), b"\0juliet\0pencil") == "account-disabled"
        assert await fail(self.begin(juliet), b"\0juliet\0Pencil") == "not-authorized"


class TestAnonymous:
    @pytest.mark.parametrize("trace", [None, b"", b"sirhc", b"\xff\0", b"x" * 100_000])
    async def test_each_gets_a_name_of_its_own(
        self, accounts: InternalAuthenticator, trace: bytes | None
    ) -> None:
        server = serve(accounts, "ANONYMOUS")
        one, two = [await server.begin("ANONYMOUS", None).step(trace) for _ in range(2)]
        assert isinstance(one, Success)
        assert isinstance(two, Success)
        assert one.anonymous
        assert one.user != two.user
        assert len(one.user) == 36


class TestEncoding:
    @pytest.mark.parametrize("text", ["*", "AA", "AAA", "A===", "AA==A", "AA ==", "é", "==", "\0", "AAAA\n"])
    def test_broken_base64(self, text: str) -> None:
        with pytest.raises(SaslFailure) as caught:
            decode(text)
        assert caught.value.condition == "incorrect-encoding"

    def test_no_data_and_empty_data_are_different(self) -> None:
        assert decode("") is None
        assert decode("=") == b""

    def test_there_and_back(self) -> None:
        assert decode(encode(b"\0juliet\0pencil")) == b"\0juliet\0pencil"
        assert encode(b"\0juliet\0pencil") == base64.b64encode(b"\0juliet\0pencil").decode()
        assert encode(None) == encode(b"") == ""
