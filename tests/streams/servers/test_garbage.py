"""Whatever other servers send, in whatever order: nobody is believed for it, and nothing breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burble import testing
from burble.server import Server
from burble.streams.base import XMLStream
from burble.streams.servers.outgoing import OutgoingStream
from tests.streams.servers.peer import HOST, MESSAGE, PEER

HEADER = (
    f"<stream:stream from='{PEER}' to='{HOST}' version='1.0' id='x' xmlns='jabber:server'"
    " xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>"
)
SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
SM = "xmlns='urn:xmpp:sm:3'"
FROM_TO = f"from='{PEER}' to='{HOST}'"
VERIFY = f"<db:verify {FROM_TO} id='x'>\N{SNOWMAN}</db:verify>"
PIECES = st.sampled_from(
    [
        HEADER,
        "</stream:stream>",
        "<stream:features/>",
        "<stream:features><bidi xmlns='urn:xmpp:features:bidi'/><limits xmlns='urn:xmpp:stream-limits:0'>"
        f"<max-bytes>-1</max-bytes></limits><sm {SM}/></stream:features>",
        f"<stream:features><mechanisms {SASL}><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "<stream:error/>",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        f"<auth {SASL} mechanism='EXTERNAL'>=</auth>",
        f"<auth {SASL}>\N{SNOWMAN}</auth>",
        f"<success {SASL}/>",
        f"<challenge {SASL}/>",
        f"<failure {SASL}/>",
        "<bidi xmlns='urn:xmpp:bidi'/>",
        f"<db:result {FROM_TO}>key</db:result>",
        f"<db:result from='{HOST}' to='{PEER}'>key</db:result>",
        f"<db:result {FROM_TO} type='valid'/>",
        f"<db:result {FROM_TO} type='invalid'/>",
        f"<db:result {FROM_TO} type='error'/>",
        VERIFY,
        f"<db:verify {FROM_TO} id='x' type='valid'/>",
        f"<db:verify {FROM_TO}/>",
        "<db:other/>",
        f"<enable {SM} resume='true'/>",
        f"<enabled {SM} id='x' resume='true'/>",
        f"<resume {SM} previd='x' h='0'/>",
        f"<resumed {SM} previd='x' h='0'/>",
        f"<failed {SM} h='99999999999'/>",
        f"<r {SM}/>",
        f"<a {SM} h='7'/>",
        f"<a {SM}/>",
        MESSAGE,
        f"<message xmlns='jabber:server' {FROM_TO}/>",
        f"<iq {FROM_TO} type='result' id='burble-1'/>",
        "<presence/>",
        " ",
        "<",
        "x",
    ]
)


class Wire:
    """What carries a stream: nothing at all."""

    def __init__(self, make: Callable[[Wire], XMLStream]) -> None:
        self.tls = None
        self.can_start_tls = True
        self.address = "192.0.2.1"
        self.port = 0
        self.stream = make(self)

    def wake(self) -> None:
        """Nobody reads."""

    def start_tls(self) -> None:
        """What follows is taken for encrypted."""
        self.can_start_tls = False

    def pause(self) -> None:
        """Nothing more comes than what is there."""

    def resume(self) -> None:
        """The same."""

    def close(self) -> None:
        """There is nothing to close."""


def incoming(server: Server) -> Wire:
    return Wire(server.federation.accept)


def outgoing(server: Server) -> Wire:
    policy = server.federation.policy(PEER)
    assert policy is not None
    wire = Wire(lambda wire: OutgoingStream(wire, server.federation, HOST, PEER, policy))
    wire.stream.connected()
    return wire


@pytest.mark.parametrize(("begin", "tls"), [(incoming, "optional"), (outgoing, "required")])
def test_nobody_is_believed_for_garbage(
    begin: Callable[[Server], Wire], tls: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "burble")
    came: list[object] = []

    @settings(max_examples=150, deadline=None)
    @given(pieces=st.lists(PIECES, max_size=10), with_header=st.booleans())
    @example(pieces=[VERIFY], with_header=True)
    def feed(pieces: list[str], with_header: bool) -> None:
        async def talk() -> None:
            wire = begin(server)
            stream = wire.stream
            stream.receive(((HEADER if with_header else "") + "".join(pieces)).encode())
            said = stream.take()
            await asyncio.sleep(0)
            assert b"internal-server-error" not in said + stream.take()
            assert not stream.proved
            stream.disconnected()
            await asyncio.sleep(0)

        runner.run(talk())
        assert not came
        assert not caplog.records

    with asyncio.Runner() as runner:
        # Nobody answers for peer.test, so that a question about a key of its can't be answered either.
        peer = {"address": "127.0.0.1:1"}
        server = Server(
            testing.settings(
                tmp_path,
                hosts=[HOST],
                federation={"enabled": True, "tls": tls, "domains": {PEER: peer}},
            )
        )
        runner.run(server.start())
        server.router.unregister(HOST)
        server.router.register(HOST, came.append)
        feed()
        runner.run(server.stop())
