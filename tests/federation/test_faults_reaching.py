"""Servers that can't be found, do not answer or are not who they should be: senders are told, once."""

from __future__ import annotations

import asyncio
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.client import CLIENT, ScriptedClient
from tests.dns.nameserver import Fault, NameServer
from tests.federation.meddler import Meddler
from tests.federation.pair import bounced, heard, no_more, say, two, until

ROMEO, JULIET = "romeo@a.test", "juliet@b.test"


async def errors(client: ScriptedClient, to: str) -> tuple[str, str]:
    """Send a message, and return the type and the condition of the error that comes back."""
    client.write(f"<message to='{to}' type='chat' id='asked'><body>?</body></message>")
    element = await client.find(lambda each: each.get("id") == "asked" and each.get("type") == "error", 10)
    error = element.find("{jabber:client}error")
    assert error is not None
    return error.get("type") or "", error[0].tag.rpartition("}")[2]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, ("cancel", "remote-server-not-found")),
        (Fault.SERVFAIL, ("wait", "remote-server-not-found")),
        (Fault.GARBAGE, ("wait", "remote-server-not-found")),
    ],
)
async def test_what_the_dns_does_not_tell(
    tmp_path: Path, fault: Fault | None, expected: tuple[str, str]
) -> None:
    """RFC 6120 §10.4.3."""
    async with NameServer({"a.test": []}) as names, two(tmp_path, nameservers=[names.address]) as pair:
        if fault is not None:
            for name in ("gone.test", "_xmpp-server._tcp.gone.test", "_xmpps-server._tcp.gone.test"):
                names.faults[name] = fault
        assert await errors(pair.romeo, "juliet@gone.test") == expected


async def test_a_domain_that_wants_no_federation(tmp_path: Path) -> None:
    zone = {"_xmpp-server._tcp.alone.test": ["SRV 0 0 0 ."], "alone.test": ["A 127.0.0.1"]}
    async with NameServer(zone) as names, two(tmp_path, nameservers=[names.address]) as pair:
        assert await errors(pair.romeo, "juliet@alone.test") == ("cancel", "remote-server-not-found")


async def test_names_that_lead_in_circles(tmp_path: Path) -> None:
    zone = {
        "_xmpp-server._tcp.loop.test": ["SRV 0 0 5269 x.loop.test."],
        "x.loop.test": ["CNAME y.loop.test."],
    }
    zone["y.loop.test"] = ["CNAME x.loop.test."]
    async with NameServer(zone) as names, two(tmp_path, nameservers=[names.address]) as pair:
        assert (await errors(pair.romeo, "juliet@loop.test"))[1] == "remote-server-not-found"


async def test_a_server_that_answers_nothing(tmp_path: Path) -> None:
    async with two(tmp_path, connect_timeout=0.3) as pair:
        pair.to_b.deaf = True
        assert await errors(pair.romeo, JULIET) == ("wait", "remote-server-timeout")
        pair.to_b.deaf = False
        await pair.to_b.quiet()
        assert not pair.a.federation.outgoing


async def test_a_server_that_is_down(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        pair.to_b.refuses = True
        assert await errors(pair.romeo, JULIET) == ("wait", "remote-server-timeout")


@pytest.mark.parametrize("first", ["_xmpp-server", "_xmpps-server"])
async def test_the_next_server_of_a_domain_is_tried(tmp_path: Path, first: str) -> None:
    """The first one takes the connection, and says nothing."""
    async with (
        Meddler() as silent,
        NameServer({"c.test": ["A 127.0.0.1"]}) as names,
        two(tmp_path, nameservers=[names.address], connect_timeout=2) as pair,
    ):
        silent.deaf = True
        names.zone[f"{first}._tcp.c.test"] = [f"SRV 1 0 {silent.port} c.test."]
        before = names.zone.get("_xmpp-server._tcp.c.test", ())
        names.zone["_xmpp-server._tcp.c.test"] = [*before, f"SRV 2 0 {pair.to_b.port} c.test."]
        await pair.add_host("b", "c.test", by_dns=True)
        await pinged(pair.romeo, "c.test")
        assert silent.made == 1


async def test_a_domain_that_was_not_reached_is_left_in_peace_ever_longer(tmp_path: Path) -> None:
    async with two(tmp_path, a={"retry_after": 0.4, "retry_after_at_most": 0.8}) as pair:
        pair.to_b.refuses = True
        known = pair.a.federation.known
        pauses = []
        for made in (1, 2, 3):
            await errors(pair.romeo, JULIET)
            assert pair.to_b.made == made
            assert await errors(pair.romeo, JULIET) == ("wait", "remote-server-timeout")
            assert pair.to_b.made == made, "it was left in peace, and the sender was told at once"
            left = known.failures(asyncio.get_running_loop().time())["b.test"][0]
            pauses.append(left)
            await asyncio.sleep(left)
        assert pauses[0] < 0.4 < pauses[1] < 0.8
        assert 0.4 < pauses[2] < 0.8


async def test_who_reaches_us_is_forgiven(tmp_path: Path) -> None:
    async with two(tmp_path, certified=True, a={"retry_after": 60}) as pair:
        pair.to_b.refuses = True
        assert await errors(pair.romeo, JULIET) == ("wait", "remote-server-timeout")
        pair.to_b.refuses = False
        say(pair.juliet, ROMEO, 1)
        assert await heard(pair.romeo, 1) == [1]
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]


async def test_one_of_our_domains_that_is_refused_does_not_keep_the_others_from_being_heard(
    tmp_path: Path,
) -> None:
    async with two(tmp_path, b={"deny": ["c.test"]}) as pair:
        await pair.add_host("a", "c.test")
        await pair.a.hosts["c.test"].register("tybalt", "secret")
        tybalt = await pair.log_in("a", "tybalt", domain="c.test")
        assert (await errors(tybalt, JULIET))[1] == "remote-server-timeout"
        say(pair.romeo, JULIET, 1)
        assert await heard(pair.juliet, 1) == [1]


async def test_a_name_server_that_lies_leads_nowhere(tmp_path: Path) -> None:
    """It says that b.test is at c.test's server, which has another certificate."""
    async with two(tmp_path, certified=True, a={"certificate": "required", "trust": []}) as pair:
        assert await errors(pair.romeo, JULIET) == ("cancel", "remote-server-timeout")
        await no_more(pair.juliet)


async def pinged(client: ScriptedClient, to: str) -> float:
    """How long an answer takes, seconds."""
    began = time.perf_counter()
    client.write(f"<iq to='{to}' type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>")
    answer = await client.find(lambda each: each.get("id") == "ping", 20)
    assert answer.get("type") == "result", ET.tostring(answer)
    return time.perf_counter() - began


async def found(client: ScriptedClient, to: str) -> None:
    """Ping a domain until it is found: a name server in this very process may be too busy to answer."""
    async with asyncio.timeout(20):
        while True:
            client.write(f"<iq to='{to}' type='get' id='found'><ping xmlns='urn:xmpp:ping'/></iq>")
            answer = await client.find(lambda each: each.get("id") == "found", 20)
            if answer.get("type") == "result":
                return
            error = answer.find(f"{CLIENT}error")
            assert error is not None
            assert error.get("type") == "wait", ET.tostring(answer)
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("silent", [False, True], ids=["unknown", "silent"])
async def test_a_thousand_domains_that_are_not_there_harm_nobody(tmp_path: Path, silent: bool) -> None:
    count = 1000
    async with NameServer({}) as names, two(tmp_path, nameservers=[names.address], retry_after=0.5) as pair:
        names.zone["_xmpp-server._tcp.c.test"] = [f"SRV 2 0 {pair.to_b.port} c.test."]
        names.zone["c.test"] = ["A 127.0.0.1"]
        await pair.add_host("b", "c.test", by_dns=True)
        say(pair.romeo, JULIET, 0)
        await heard(pair.juliet, 1)
        if silent:
            for number in range(count):
                for prefix in ("", "_xmpp-server._tcp.", "_xmpps-server._tcp."):
                    names.faults[f"{prefix}d{number}.test"] = Fault.SILENT
        nurse = await pair.log_in("a", "nurse", register=True)
        for number in range(count):
            pair.romeo.write(
                f"<message to='x@d{number}.test' id='m{number}' type='chat'><body>?</body></message>"
            )
        under_way = pair.a.federation.links.keys
        await until(lambda: len(under_way()) > 10)
        here = max([await pinged(nurse, "a.test") for _ in range(20)])
        there = max([await pinged(nurse, "b.test") for _ in range(20)])
        assert max(here, there) < 3, (here, there)  # waiting for all takes 30
        await found(nurse, "c.test")  # which has not been spoken to before
        assert not silent or under_way() > {("a.test", "b.test"), ("a.test", "c.test")}, "that was too easy"
        came = await bounced(pair.romeo, count, 30)
        assert sorted(came) == sorted((f"m{number}", "remote-server-not-found") for number in range(count))
        await until(lambda: not any(link.opening for link in pair.a.federation.links.values()))
        assert pair.a.federation.links.keys() == {("a.test", "b.test"), ("a.test", "c.test")}
        await no_more(pair.romeo)


async def test_more_domains_than_there_may_be_are_refused(tmp_path: Path) -> None:
    async with NameServer({}) as names, two(tmp_path, nameservers=[names.address], a={"streams": 10}) as pair:
        names.delay = 0.2
        for number in range(11):
            pair.romeo.write(
                f"<message to='x@d{number}.test' id='m{number}' type='chat'><body>?</body></message>"
            )
        assert await bounced(pair.romeo) == [("m10", "resource-constraint")]
        assert len(await bounced(pair.romeo, 10)) == 10


async def test_who_waits_too_much_is_told(tmp_path: Path) -> None:
    async with two(tmp_path, a={"queue_stanzas": 5, "queue_bytes": 20_000}) as pair:
        pair.to_b.stall()
        say(pair.romeo, JULIET, *range(6))
        assert await bounced(pair.romeo) == [("m5", "resource-constraint")]
        pair.to_b.flow()
        assert await heard(pair.juliet, 5) == [0, 1, 2, 3, 4]
        await until(lambda: not any(stream.flow.waiting for stream in pair.a.federation.outgoing))
        pair.to_b.stall()
        say(pair.romeo, JULIET, 0, size=19_000)  # is sent, and not confirmed
        say(pair.romeo, JULIET, 1, size=19_000)  # is sent as well: there was room when it came
        say(pair.romeo, JULIET, 2, size=19_000)  # waits
        say(pair.romeo, JULIET, 3, size=19_000)
        assert await bounced(pair.romeo) == [("m3", "resource-constraint")]
        pair.to_b.flow()
        assert await heard(pair.juliet, 3) == [0, 1, 2]


async def test_the_server_goes_while_stanzas_wait(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        pair.to_b.stall()
        say(pair.romeo, JULIET, 1, 2, 3)
        await pair.to_b.connected(1)
        stopping = asyncio.create_task(pair.stop("a"))
        assert [id for id, _ in await bounced(pair.romeo, 3)] == ["m1", "m2", "m3"]
        await stopping


async def test_the_server_goes_while_stanzas_are_not_confirmed(tmp_path: Path) -> None:
    async with two(tmp_path) as pair:
        say(pair.romeo, JULIET, 0)
        await heard(pair.juliet, 1)
        await until(lambda: not any(stream.flow.waiting for stream in pair.a.federation.outgoing))
        pair.to_b.stall()
        say(pair.romeo, JULIET, 1, 2, 3)
        await pair.romeo.sync()
        stopping = asyncio.create_task(pair.stop("a"))
        assert [id for id, _ in await bounced(pair.romeo, 3)] == ["m1", "m2", "m3"]
        await stopping
