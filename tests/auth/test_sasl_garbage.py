"""Whatever a client sends, it gets an answer or a `SaslFailure`."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from burble.auth import InternalAuthenticator
from burble.sasl import MECHANISMS, Challenge, SaslFailure, Success, decode
from burble.storage import Database

from .server import TLS_13, serve

# Messages that come near the grammar get further than random bytes do.
GRAMMAR = ["n", "y", "p=tls-exporter", ",", ",,", "a=", "n=", "r=", "c=", "p=", "m=", "e=", "i=1"]
VALUES = [
    "=2C",
    "=3D",
    "juliet",
    "biws",
    "AAAA",
    "==",
    "=",
    "x",
    "@",
    "/",
    "\0",
    "é",
    "\u00ad",
    "\ud7ff",
    "\U0001f600",
]
PIECES = st.sampled_from(GRAMMAR + VALUES)
MESSAGES = st.one_of(
    st.none(), st.binary(max_size=64), st.lists(PIECES, max_size=12).map("".join).map(str.encode)
)
FIRST = st.sampled_from([b"n,,n=juliet,r=x", b"p=tls-exporter,,n=juliet,r=x", b"n,,n=romeo,r=x,z=1", None])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_nothing_but_a_failure_comes_of_garbage(mechanism: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        database = Database.open(f"sqlite:///{tmp_path / 'burble.db'}")
        runner.run(database.start())
        accounts = InternalAuthenticator(database, "example.org", 4096)
        runner.run(accounts.register("juliet", "pencil"))
        server = serve(accounts, *MECHANISMS)

        @settings(max_examples=60, deadline=None)
        @given(first=FIRST | MESSAGES, second=MESSAGES, third=MESSAGES)
        def feed(first: bytes | None, second: bytes | None, third: bytes | None) -> None:
            async def talk() -> None:
                exchange = server.begin(mechanism, TLS_13)
                for message in (first, second, third):
                    result = await exchange.step(message)
                    if isinstance(result, Success):
                        assert mechanism == "ANONYMOUS"
                        return
                    assert isinstance(result, Challenge)

            with contextlib.suppress(SaslFailure):
                runner.run(talk())

        feed()
        runner.run(database.stop())


@given(st.text())
@example("\ud800")
@example("A" * 100_000)
def test_any_text_is_decoded_or_refused(text: str) -> None:
    with contextlib.suppress(SaslFailure):
        assert decode(text) is None or text
