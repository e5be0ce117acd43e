"""What the settings demand of other servers, from the start and once they are changed."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from burble.routing.federation import ending, manager
from tests.federation.pair import Pair, bounced, heard, is_said, no_more, number_of, say, two, until

ROMEO, JULIET = "romeo@a.test", "juliet@b.test"


def fingerprint(pair: Pair, name: str) -> str:
    """The fingerprint of a server's certificate."""
    files = getattr(pair, name).certificates[f"{name}.test"]
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


async def meet(pair: Pair) -> None:
    say(pair.romeo, JULIET, 0)
    assert await heard(pair.juliet, 1) == [0]
    await until(lambda: not any(stream.flow.waiting for stream in pair.a.federation.outgoing))


# So that messages do not wait for a server that was there.
IMPATIENT = {"queue_timeout": 0.2}


@pytest.mark.parametrize("who", ["a", "b"])
@pytest.mark.parametrize("change", [{"deny": ["*.test"]}, {"allow": ["example.org"]}, {"enabled": False}])
async def test_a_domain_that_is_refused_from_now_on(tmp_path: Path, who: str, change: dict[str, Any]) -> None:
    async with two(tmp_path, a=IMPATIENT) as pair:
        await meet(pair)
        await pair.reload(who, **change)
        await pair.to_b.quiet()
        say(pair.romeo, JULIET, 1)
        expected = "remote-server-timeout" if who == "b" else "policy-violation"
        if "enabled" in change and who == "a":
            expected = "remote-server-not-found"
        assert await bounced(pair.romeo) == [("m1", expected)]
        await pair.reload(who)
        say(pair.romeo, JULIET, 2)
        if who == "b":  # a.test leaves it in peace for now
            assert await bounced(pair.romeo) == [("m2", "remote-server-timeout")]
            await pair.reload("a")
            say(pair.romeo, JULIET, 2)
        assert await heard(pair.juliet, 1) == [2]


async def test_a_domain_that_is_allowed(tmp_path: Path) -> None:
    async with two(tmp_path, b={"allow": ["a.test"]}) as pair:
        await meet(pair)


@pytest.mark.parametrize("who", ["a", "b"])
async def test_certificates_that_are_demanded_from_now_on(tmp_path: Path, who: str) -> None:
    """Both have signed theirs themselves, and have believed each other by dialback."""
    async with two(tmp_path, a=IMPATIENT) as pair:
        await meet(pair)
        await pair.reload(who, certificate="required")
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-timeout")]
        await no_more(pair.juliet)
        other = "b" if who == "a" else "a"
        way = pair.to_b if who == "a" else pair.to_a
        known = {f"{other}.test": {"address": way.address, "fingerprints": [fingerprint(pair, other)]}}
        await pair.reload(who, certificate="required", domains=known)
        await pair.reload("a", **({"certificate": "required", "domains": known} if who == "a" else {}))
        say(pair.romeo, JULIET, 2)
        assert await heard(pair.juliet, 1) == [2]


async def test_an_authority_that_is_trusted_no_more(tmp_path: Path) -> None:
    async with two(tmp_path, a=IMPATIENT, certified=True, dialback=False) as pair:
        await meet(pair)
        (stream,) = pair.b.federation.incoming
        assert stream.method == "EXTERNAL"
        await pair.reload("b", trust=[])
        assert stream.closing
        say(pair.romeo, JULIET, 1)
        assert await bounced(pair.romeo) == [("m1", "remote-server-timeout")]


@pytest.mark.parametrize("certified", [False, True])
async def test_other_settings_leave_streams_alone(tmp_path: Path, certified: bool) -> None:
    """Where they are certified, only b.test knows by whom: a.test speaks to it all the same."""
    async with two(tmp_path, certified=certified, a={"trust": []}) as pair:
        await meet(pair)
        (stream,) = pair.a.federation.outgoing
        assert stream.method == ("EXTERNAL" if certified else "dialback")
        await pair.reload("a", queue_stanzas=5)
        await pair.reload("b", queue_stanzas=5)
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]
        assert pair.to_b.made == 1


async def test_settings_that_change_while_a_domain_is_searched_for(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        pair.to_b.stall()
        say(pair.romeo, JULIET, 1)
        await pair.to_b.connected(1)
        await pair.reload("a", nameservers=["127.0.0.1:9"])
        pair.to_b.flow()
        assert await heard(pair.juliet, 1) == [1]


def spoken_with(pair: Pair) -> set[str]:
    """The domains there are streams for."""
    managers = (pair.a.federation, pair.b.federation)
    streams = [stream for each in managers for stream in (*each.incoming, *each.outgoing)]
    return {name for stream in streams for name in (stream.local, stream.remote)}


@pytest.mark.parametrize("who", ["a", "b"])
async def test_a_host_that_is_served_no_more(tmp_path: Path, who: str) -> None:
    async with two(tmp_path) as pair:
        await pair.add_host(who, "c.test")
        await meet(pair)
        if who == "b":
            pair.romeo.write("<iq to='c.test' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
            await pair.romeo.find(lambda each: each.get("id") == "p")
            await pair.remove_host(who, "c.test")
            pair.romeo.write("<message to='x@c.test' id='m9' type='chat'><body>?</body></message>")
            assert await bounced(pair.romeo) == [("m9", "remote-server-not-found")]
        else:
            tybalt = await pair.log_in("a", "tybalt", domain="c.test", register=True)
            say(tybalt, JULIET, 7)
            assert await heard(pair.juliet, 1) == [7]
            await pair.remove_host(who, "c.test")
        await until(lambda: "c.test" not in spoken_with(pair))
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]
        assert not [pair for pair in (*pair.a.federation.links, *pair.b.federation.links) if "c.test" in pair]


async def test_a_stream_that_nobody_uses_is_closed_and_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ending, manager):
        monkeypatch.setattr(module, "REST_EVERY", 0.05)
    async with two(tmp_path, idle_timeout=0.5) as pair:
        await meet(pair)
        await pair.to_b.quiet()
        await until(lambda: not pair.a.federation.links and not pair.b.federation.links)
        assert pair.to_b.made == 1, "it was not resumed"
        say(pair.juliet, ROMEO, 1)
        assert await heard(pair.romeo, 1) == [1]
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]


async def test_connections_of_an_address(tmp_path: Path) -> None:
    async with two(tmp_path, b={"connections_per_address": 1}) as pair:
        await pair.add_host("a", "c.test")
        tybalt = await pair.log_in("a", "tybalt", domain="c.test", register=True)
        await meet(pair)
        say(tybalt, JULIET, 1)
        assert await bounced(tybalt) == [("m1", "remote-server-timeout")]
        say(pair.romeo, JULIET, 2)
        assert await heard(pair.juliet, 1) == [2]


async def test_streams_of_a_domain_are_counted_for_each_of_ours(tmp_path: Path) -> None:
    async with two(tmp_path, b={"connections_per_domain": 1}) as pair:
        await pair.add_host("b", "c.test")
        await meet(pair)
        pair.romeo.write("<iq to='c.test' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert (await pair.romeo.find(lambda each: each.get("id") == "p")).get("type") == "result"


async def test_a_server_that_sends_too_fast_is_slowed_down(tmp_path: Path) -> None:
    async with two(tmp_path, b={"rate": 50_000, "burst": 20_000}) as pair:
        began = time.perf_counter()
        say(pair.romeo, JULIET, *range(30), size=3000)
        assert await heard(pair.juliet, 30) == list(range(30))
        assert time.perf_counter() - began > 1.0
        await no_more(pair.romeo)


async def test_a_message_that_the_other_side_can_not_bear_comes_back(tmp_path: Path) -> None:
    """Its server closes the stream each time it sees it; those that come later get through."""
    async with two(tmp_path, a={"queue_timeout": 0.5}) as pair:
        await meet(pair)
        pair.b.federation.limits = replace(pair.b.federation.limits, depth=10)
        pair.to_b.cut()
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]
        deep = "<x xmlns='urn:example:deep'>" + "<y>" * 12 + "</y>" * 12 + "</x>"
        pair.romeo.write(f"<message to='{JULIET}' type='chat' id='m13'>{deep}</message>")
        assert await bounced(pair.romeo) == [("m13", "remote-server-timeout")]
        assert 3 < pair.to_b.made < 10, "it was tried several times, with pauses"
        say(pair.romeo, JULIET, 14)
        assert await heard(pair.juliet, 1) == [14]


async def test_many_messages_while_the_receivers_server_is_restarted(tmp_path: Path) -> None:
    count = 10_000 if os.environ.get("BURBLE_TEST_LONG") == "1" else 2_000
    window, batch = 500, 100
    async with two(tmp_path) as pair:
        arrived: list[int] = []
        room = asyncio.Event()

        async def send() -> None:
            for start in range(0, count, batch):
                while start - len(arrived) > window:
                    room.clear()
                    await room.wait()
                say(pair.romeo, JULIET, *range(start, start + batch))

        async def hear(enough: int) -> None:
            while len(arrived) < enough:
                arrived.extend(await heard(pair.juliet, 1, 20))
                room.set()

        sending = asyncio.create_task(send())
        for part in range(1, 4):
            await hear(count * part // 4)
            stopping = asyncio.create_task(pair.stop("b"))
            arrived.extend(number_of(each) for each in await pair.juliet.closed() if is_said(each))
            await pair.juliet.close()
            await stopping
            await pair.start("b")
            pair.juliet = await pair.log_in("b", "juliet")
        await hear(count)
        await sending
        assert arrived == list(range(count))
        await no_more(pair.romeo, pair.juliet)
