"""TLS on connections that this server makes: it speaks first, and shows its certificate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from burble.dns import Resolver, Service
from burble.tls import TlsContext, TlsSession
from burble.transports.connecting import Peer
from burble.transports.dialing import Dialer
from tests.tls.authority import Issued, dns, make
from tests.transports.ends import Accepting, Connecting, Listener, Ours, listening


@pytest.fixture(scope="module")
def here() -> Issued:
    return make([dns("here.test")])


@pytest.fixture(scope="module")
def there() -> Issued:
    return make([dns("there.test")])


def context(directory: Path, issued: Issued, host: str) -> TlsContext:
    return TlsContext({host: issued.write(directory, host)}, host)


class Pair:
    """Connects to a listener with the certificate of ``here.test``; `theirs` has that of ``there.test``."""

    def __init__(self, directory: Path, here: Issued, there: Issued) -> None:
        self._tls = context(directory, here, "here.test")
        self.theirs = context(directory, there, "there.test")
        self.ours = Ours()

    async def connect(self, listener: Listener, *, direct_tls: bool) -> tuple[Connecting, Accepting]:
        """Return the streams of both ends."""
        self.ours = Ours(self._tls, Peer("here.test", "there.test", direct_tls))
        service = Service("127.0.0.1", listener.port, direct_tls)
        carrier = await Dialer(Resolver()).connect(service, self.ours.make)
        taken = await listener.taken.get()
        assert isinstance(carrier.stream, Connecting)
        assert isinstance(taken.stream, Accepting)
        return carrier.stream, taken.stream


@pytest.fixture
async def pair(tmp_path: Path, here: Issued, there: Issued) -> AsyncIterator[Pair]:
    pair = Pair(tmp_path, here, there)
    yield pair
    await pair.ours.hang_up()


def shown(stream: Connecting | Accepting) -> tuple[TlsSession, list[x509.Certificate]]:
    """The TLS session of a stream, and what the peer has shown."""
    session = stream.carrier.tls
    assert isinstance(session, TlsSession)
    return session, session.peer_chain


async def test_with_starttls_the_header_is_sent_before_and_after(
    pair: Pair, here: Issued, there: Issued
) -> None:
    async with listening(pair.theirs) as listener:
        ours, theirs = await pair.connect(listener, direct_tls=False)
        assert [await ours.next(), await ours.next()] == ["connected", "opened"]
        assert [await theirs.next(), await theirs.next()] == ["connected", "opened"]
        assert ours.carrier.can_start_tls
        ours.ask_for_tls()
        assert [await ours.next() for _ in range(3)] == ["proceed", "connected", "opened"]
        assert [await theirs.next() for _ in range(3)] == ["starttls", "connected", "opened"]
        session, chain = shown(theirs)
        assert chain == here.chain
        assert session.server_name == "there.test"
        assert session.alpn is None
        assert shown(ours)[1] == there.chain
        assert not ours.carrier.can_start_tls


async def test_with_direct_tls_the_header_waits_for_the_handshake(
    pair: Pair, here: Issued, there: Issued
) -> None:
    async with listening(pair.theirs, direct_tls=True) as listener:
        ours, theirs = await pair.connect(listener, direct_tls=True)
        assert [await ours.next(), await ours.next()] == ["connected", "opened"]
        assert [await theirs.next(), await theirs.next()] == ["connected", "opened"]
        session, chain = shown(theirs)
        assert chain == here.chain
        assert session.server_name == "there.test"
        assert session.alpn == "xmpp-server"
        assert shown(ours)[1] == there.chain


async def test_a_peer_that_speaks_no_tls_ends_the_stream_unopened(pair: Pair) -> None:
    async with listening() as listener:
        ours, _ = await pair.connect(listener, direct_tls=True)
        assert await ours.next() == "ended"


async def test_who_is_not_asked_shows_no_certificate(pair: Pair) -> None:
    async with listening(pair.theirs) as listener:
        listener.settings.ask_peer = False
        ours, theirs = await pair.connect(listener, direct_tls=False)
        assert [await theirs.next(), await theirs.next()] == ["connected", "opened"]
        ours.ask_for_tls()
        assert [await theirs.next(), await theirs.next()] == ["starttls", "connected"]
        assert shown(theirs)[1] == []
