"""Other servers are found by what the DNS says, and by the next record where the first leads nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dns.nameserver import Fault, NameServer
from tests.federation.meddler import Meddler
from tests.federation.pair import Pair, bounced, heard, say, two

ROMEO, JULIET = "romeo@a.test", "juliet@b.test"
SRV = "_xmpp-server._tcp.b.test"


@asynccontextmanager
async def asking(directory: Path, **federation: Any) -> AsyncIterator[tuple[Pair, NameServer]]:
    """Two servers, of which a.test asks a name server where b.test is; that one knows ``b.test`` by now."""
    async with NameServer({"xmpp.b.test": ["A 127.0.0.1"]}) as names:
        own = {"nameservers": [names.address], "domains": {"b.test": {"address": None}}, **federation}
        async with two(directory, a=own) as pair:
            names.zone[SRV] = [f"SRV 1 1 {pair.to_b.port} xmpp.b.test."]
            yield pair, names


async def test_a_server_is_found_by_its_record(tmp_path: Path) -> None:
    async with asking(tmp_path) as (pair, _):
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]


@pytest.mark.parametrize("fault", ["refuses", "deaf", "nobody listens", "no such host"])
async def test_where_one_server_of_a_domain_fails_the_next_has_its_turn(tmp_path: Path, fault: str) -> None:
    async with AsyncExitStack() as stack:
        first = Meddler()
        port = 1
        if fault in ("refuses", "deaf"):
            await stack.enter_async_context(first)
            setattr(first, fault, True)
            port = first.port
        pair, names = await stack.enter_async_context(asking(tmp_path, connect_timeout=3))
        host = "gone.b.test" if fault == "no such host" else "xmpp.b.test"
        names.zone[SRV] = [f"SRV 1 1 {port} {host}.", f"SRV 2 1 {pair.to_b.port} xmpp.b.test."]
        say(pair.romeo, JULIET, 1, 2)
        assert await heard(pair.juliet, 2) == [1, 2]
        assert first.made == (fault in ("refuses", "deaf"))


async def test_with_no_answer_from_any_the_sender_hears_of_it_in_time(tmp_path: Path) -> None:
    async with Meddler() as deaf, asking(tmp_path, connect_timeout=1.5) as (pair, names):
        deaf.deaf = True
        names.zone[SRV] = [f"SRV {n} 1 {deaf.port} xmpp.b.test." for n in range(9)]
        begin = asyncio.get_running_loop().time()
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-timeout")]
        assert 1 < asyncio.get_running_loop().time() - begin < 5


async def test_one_server_that_is_down_is_reason_enough_to_try_again(tmp_path: Path) -> None:
    async with asking(tmp_path) as (pair, names):
        names.zone[SRV] = ["SRV 1 1 1 xmpp.b.test.", "SRV 2 1 1 gone.b.test."]
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-timeout")]


async def test_a_domain_that_says_so_is_left_alone(tmp_path: Path) -> None:
    async with asking(tmp_path) as (pair, names):
        names.zone[SRV] = ["SRV 0 0 0 ."]
        names.zone["b.test"] = ["A 127.0.0.1"]
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-not-found")]


@pytest.mark.parametrize("fault", [None, Fault.SERVFAIL])
async def test_what_the_dns_does_not_tell_is_told_to_the_sender(tmp_path: Path, fault: Fault | None) -> None:
    """RFC 6120 §10.4.3: a domain that can't be found, for now or at all, is not found."""
    async with asking(tmp_path) as (pair, names):
        del names.zone[SRV]
        if fault is not None:
            names.faults[SRV] = fault
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-not-found")]
