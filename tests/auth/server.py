"""A host's SASL as these tests set it up."""

from collections.abc import Mapping

import pytest

from burble.auth import InternalAuthenticator
from burble.sasl import MECHANISMS, Exchange, SaslFailure, SaslPolicy, SaslServer

SECRET = b"a secret of this server, 32 bytes"


class Tls:
    """The facts of a TLS connection; by default of TLS 1.3."""

    def __init__(self, data: Mapping[str, bytes]) -> None:
        self.data = data
        self.channel_binding_types = list(data)

    def channel_binding(self, type: str) -> bytes | None:
        return self.data.get(type)


TLS_13 = Tls({"tls-exporter": b"exported key material", "tls-server-end-point": b"hash of the certificate"})
TLS_WITHOUT_BINDING = Tls({})


def serve(accounts: InternalAuthenticator, *mechanisms: str, plain_anywhere: bool = False) -> SaslServer:
    policy = SaslPolicy(SECRET, mechanisms or MECHANISMS[:-1], plain_anywhere, scram_iterations=4096)
    return SaslServer(accounts, policy)


async def fail(exchange: Exchange, data: bytes | None) -> str:
    with pytest.raises(SaslFailure) as caught:
        await exchange.step(data)
    return caught.value.condition
