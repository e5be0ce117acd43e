"""Where the servers of a domain are, asked of a real name server on loopback that may lie."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import pytest
import uvloop

from burble.dns import DnsFailure, DomainUnreachable, Resolver, Service
from tests.dns.nameserver import Fault, NameServer, SilentServer, Zone, empty_server

Serve = Callable[..., Awaitable[tuple[NameServer, Resolver]]]

# How long a question may take in these tests; loopback needs a thousandth of it.
TIMEOUT = 0.5


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a name server, with a resolver that asks it."""
    async with AsyncExitStack() as stack:

        async def start(zone: Zone | NameServer, timeout: float = 5.0) -> tuple[NameServer, Resolver]:
            server = zone if isinstance(zone, NameServer) else NameServer(zone)
            names = await stack.enter_async_context(server)
            resolver = Resolver([names.address], timeout, hosts=tmp_path / "hosts")
            stack.callback(resolver.close)
            return names, resolver

        yield start


# ---- services


async def test_a_domain_without_srv_records_is_its_own_host(serve: Serve) -> None:
    _, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    assert await resolver.services("a.test") == [Service("a.test", 5269)]


async def test_both_kinds_of_services_are_sorted_together(serve: Serve) -> None:
    zone = {
        "_xmpp-server._tcp.a.test": ["SRV 5 0 5269 first.a.test.", "SRV 20 0 5269 last.a.test."],
        "_xmpps-server._tcp.a.test": ["SRV 10 0 5270 second.a.test."],
    }
    _, resolver = await serve(zone)
    assert await resolver.services("a.test") == [
        Service("first.a.test", 5269),
        Service("second.a.test", 5270, direct_tls=True),
        Service("last.a.test", 5269),
    ]


async def test_equal_priorities_are_drawn_by_weight_each_time(serve: Serve) -> None:
    zone = {"_xmpp-server._tcp.a.test": ["SRV 1 90 1 heavy.test.", "SRV 1 10 2 light.test."]}
    names, resolver = await serve(zone)
    first = [(await resolver.services("a.test"))[0].host for _ in range(1000)]
    assert 820 < first.count("heavy.test") < 960
    assert names.asked["_xmpp-server._tcp.a.test", "SRV"] == 1


async def test_a_domain_that_offers_neither_kind_is_unreachable(serve: Serve) -> None:
    zone = {"_xmpp-server._tcp.a.test": ["SRV 0 0 0 ."], "_xmpps-server._tcp.a.test": ["SRV 0 0 0 ."]}
    _, resolver = await serve(zone | {"a.test": ["A 127.0.0.1"]})
    with pytest.raises(DomainUnreachable) as error:
        await resolver.services("a.test")
    assert error.value.condition == "remote-server-not-found"


async def test_a_kind_that_is_not_offered_leaves_the_other(serve: Serve) -> None:
    zone = {"_xmpp-server._tcp.a.test": ["SRV 0 0 0 ."], "_xmpps-server._tcp.a.test": ["SRV 5 0 443 x.test."]}
    _, resolver = await serve(zone)
    assert await resolver.services("a.test") == [Service("x.test", 443, direct_tls=True)]


async def test_no_direct_tls_says_nothing_about_the_domain(serve: Serve) -> None:
    _, resolver = await serve({"_xmpps-server._tcp.a.test": ["SRV 0 0 0 ."], "a.test": ["A 127.0.0.1"]})
    assert await resolver.services("a.test") == [Service("a.test", 5269)]


async def test_the_records_may_be_behind_an_alias(serve: Serve) -> None:
    zone = {
        "_xmpp-server._tcp.a.test": ["CNAME _xmpp-server._tcp.hoster.test."],
        "_xmpp-server._tcp.hoster.test": ["SRV 5 0 5269 xmpp.hoster.test."],
    }
    _, resolver = await serve(zone)
    assert await resolver.services("a.test") == [Service("xmpp.hoster.test", 5269)]


async def test_a_domain_in_other_letters_is_asked_for_in_a_labels(serve: Serve) -> None:
    zone = {
        "_xmpp-server._tcp.xn--bcher-kva.test": ["SRV 5 0 5269 xn--bcher-kva.test."],
        "xn--bcher-kva.test": ["A 127.0.0.7"],
    }
    _, resolver = await serve(zone)
    assert await resolver.services("bücher.test") == [Service("xn--bcher-kva.test", 5269)]
    assert await resolver.addresses("bücher.test") == ["127.0.0.7"]


@pytest.mark.parametrize(
    ("domain", "address"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("[2001:DB8::0]", "2001:db8::")]
)
async def test_an_address_is_where_it_says(serve: Serve, domain: str, address: str) -> None:
    names, resolver = await serve({})
    assert await resolver.services(domain) == [Service(address, 5269)]
    assert await resolver.addresses(address) == [address]
    assert not names.asked


@pytest.mark.parametrize(
    "domain",
    ["", ".", "a..test", "x" * 64 + ".test", ".".join(["x" * 60] * 5), "a b.test", "a\\.test", "xn--\u200d"],
)
async def test_what_no_domain_can_be_is_not_asked_for(serve: Serve, domain: str) -> None:
    names, resolver = await serve({})
    with pytest.raises(DomainUnreachable):
        await resolver.services(domain)
    with pytest.raises(DomainUnreachable):
        await resolver.addresses(domain)
    assert not names.asked


# ---- addresses


async def test_a_host_has_addresses_of_both_families(serve: Serve) -> None:
    _, resolver = await serve({"a.test": ["A 127.0.0.1", "A 127.0.0.2", "AAAA ::1"]})
    assert sorted(await resolver.addresses("a.test")) == ["127.0.0.1", "127.0.0.2", "::1"]


async def test_a_host_may_be_an_alias(serve: Serve) -> None:
    _, resolver = await serve(
        {"a.test": ["CNAME b.test."], "b.test": ["CNAME c.test."], "c.test": ["AAAA ::1"]}
    )
    assert await resolver.addresses("a.test") == ["::1"]


@pytest.mark.parametrize("records", [None, ["SRV 0 0 1 x.test."]], ids=["no such name", "no address"])
async def test_a_host_without_addresses_is_unreachable(serve: Serve, records: list[str] | None) -> None:
    _, resolver = await serve({} if records is None else {"a.test": records})
    with pytest.raises(DomainUnreachable) as error:
        await resolver.addresses("a.test")
    assert error.value.condition == "remote-server-not-found"


async def test_the_file_of_hosts_comes_first_and_is_read_anew(serve: Serve, tmp_path: Path) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.9 A.test other.test # a.test\n::9\ta.test\nnonsense a.test\n")
    assert await resolver.addresses("a.test") == ["127.0.0.9", "::9"]
    assert not names.asked
    hosts.unlink()
    assert await resolver.addresses("a.test") == ["127.0.0.1"]


async def test_localhost_is_this_machine_without_asking(serve: Serve) -> None:
    names, resolver = await serve({"localhost": ["A 192.0.2.1"]})
    assert await resolver.addresses("localhost") == ["::1", "127.0.0.1"]
    assert await resolver.addresses("xmpp.localhost") == ["::1", "127.0.0.1"]
    assert not names.asked


# ---- name servers that do wrong

FAILURES = [
    Fault.SERVFAIL,
    Fault.REFUSED,
    Fault.CUT_SHORT,
    Fault.ENDLESSLY_TRUNCATED,
    Fault.SILENT,
    Fault.SILENT_BY_TCP,
    Fault.GARBAGE,
    Fault.OTHER_ID,
    Fault.OTHER_NAME,
]


@pytest.mark.parametrize("fault", FAILURES, ids=lambda fault: fault.name.lower())
async def test_a_wrong_answer_is_a_temporary_failure_within_the_timeout(serve: Serve, fault: Fault) -> None:
    zone = {"_xmpp-server._tcp.a.test": ["SRV 1 1 1 a.test."], "a.test": ["A 127.0.0.1"]}
    names, resolver = await serve(zone, TIMEOUT)
    names.faults = dict.fromkeys(zone, fault)
    begin = monotonic()
    with pytest.raises(DnsFailure) as error:
        await resolver.services("a.test")
    assert error.value.condition == "remote-server-timeout"
    with pytest.raises(DnsFailure):
        await resolver.addresses("a.test")
    assert monotonic() - begin < 2 * TIMEOUT + 1


async def test_a_failure_is_not_remembered(serve: Serve) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    names.faults["a.test"] = Fault.SERVFAIL
    with pytest.raises(DnsFailure, match="SERVFAIL"):
        await resolver.addresses("a.test")
    names.faults.clear()
    assert await resolver.addresses("a.test") == ["127.0.0.1"]


async def test_records_of_others_in_an_answer_are_not_taken(serve: Serve) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    names.faults["a.test"] = Fault.ANSWERS_FOR_OTHERS
    with pytest.raises(DomainUnreachable):
        await resolver.addresses("a.test")


async def test_aliases_in_a_circle_lead_nowhere(serve: Serve) -> None:
    _, resolver = await serve({"a.test": ["CNAME b.test."], "b.test": ["CNAME a.test."]})
    with pytest.raises(DnsFailure, match="circles"):
        await resolver.addresses("a.test")


async def test_a_truncated_answer_is_asked_for_by_tcp(serve: Serve) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    names.faults["a.test"] = Fault.TRUNCATED
    assert await resolver.addresses("a.test") == ["127.0.0.1"]


async def test_an_answer_too_long_for_udp_comes_whole(serve: Serve) -> None:
    _, resolver = await serve({"a.test": [f"A 127.0.0.{n}" for n in range(1, 151)]})
    assert len(await resolver.addresses("a.test")) == 150


async def test_thousands_of_records_are_not_read(serve: Serve) -> None:
    zone = {"a.test": [f"A 127.0.{n // 250}.{n % 250}" for n in range(3000)], "b.test": ["A 127.0.0.1"]}
    _, resolver = await serve(zone)
    huge = asyncio.ensure_future(resolver.addresses("a.test"))
    assert await resolver.addresses("b.test") == ["127.0.0.1"]
    with pytest.raises(DnsFailure, match="3000 records"):
        await huge


async def test_a_failure_of_one_kind_does_not_hide_the_other(serve: Serve) -> None:
    names, resolver = await serve({"_xmpp-server._tcp.a.test": ["SRV 1 1 1 a.test."]})
    names.faults["_xmpps-server._tcp.a.test"] = Fault.SERVFAIL
    assert await resolver.services("a.test") == [Service("a.test", 1)]


async def test_with_a_failure_of_one_kind_nothing_is_known_about_the_domain(serve: Serve) -> None:
    names, resolver = await serve({"_xmpp-server._tcp.a.test": ["SRV 0 0 0 ."]})
    names.faults["_xmpps-server._tcp.a.test"] = Fault.SERVFAIL
    with pytest.raises(DnsFailure):
        await resolver.services("a.test")


async def test_addresses_of_one_family_do_not_wait_long_for_the_other(serve: Serve) -> None:
    _, resolver = await serve(SilentServer({"void.test": ["A 127.0.0.1"]}, "AAAA"))
    async with asyncio.timeout(2):  # a question may take five
        assert await resolver.addresses("void.test") == ["127.0.0.1"]


# ---- several name servers


async def test_a_silent_name_server_is_passed_over_and_asked_no_more_first(serve: Serve) -> None:
    silent, _ = await serve(SilentServer({}))
    names, _ = await serve({"*.void.test": ["A 127.0.0.1"]})
    resolver = Resolver([silent.address, names.address], TIMEOUT)
    begin = monotonic()
    for n in range(20):
        assert await resolver.addresses(f"a{n}.void.test") == ["127.0.0.1"]
    assert monotonic() - begin < 1.5  # with the patience of 0.125 s for each it would be 2.5


async def test_where_nobody_listens_the_next_one_is_asked_at_once(serve: Serve) -> None:
    async with NameServer({}) as nobody:
        address = nobody.address
    names, _ = await serve({"a.test": ["A 127.0.0.1"]})
    resolver = Resolver([address, names.address], 60)
    async with asyncio.timeout(0.9):
        assert await resolver.addresses("a.test") == ["127.0.0.1"]


async def test_where_nobody_listens_at_all_it_says_so(serve: Serve) -> None:
    async with NameServer({}) as nobody:
        address = nobody.address
    with pytest.raises(DnsFailure, match="refused"):
        await Resolver([address]).addresses("a.test")


@pytest.mark.parametrize("address", ["ns.example.org", "", "127.0.0.1:x", "[::1", "1.2.3.4:5:6"])
async def test_a_name_server_without_an_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="name server"):
        Resolver([address])


# ---- many at once


async def test_the_same_question_is_asked_once(serve: Serve) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    names.delay = 0.05
    results = await asyncio.gather(*(resolver.addresses("a.test") for _ in range(100)))
    assert results == [["127.0.0.1"]] * 100
    assert names.asked == {("a.test", "A"): 1, ("a.test", "AAAA"): 1}


async def test_who_waits_no_more_does_not_spoil_it_for_others(serve: Serve) -> None:
    names, resolver = await serve({"a.test": ["A 127.0.0.1"]})
    names.delay = 0.05
    impatient = asyncio.create_task(resolver.addresses("a.test"))
    patient = asyncio.create_task(resolver.addresses("a.test"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == ["127.0.0.1"]


async def test_silence_about_a_thousand_domains_harms_no_other(serve: Serve) -> None:
    _, resolver = await serve(SilentServer({"a.test": ["A 127.0.0.1"]}), 2)
    before = len(os.listdir("/proc/self/fd"))
    lost = [asyncio.create_task(resolver.services(f"a{n}.void.test")) for n in range(1000)]
    await asyncio.sleep(0)
    other = asyncio.create_task(resolver.addresses("a.test"))
    most_open = 0
    while not other.done():
        most_open = max(most_open, len(os.listdir("/proc/self/fd")))
        await asyncio.wait([other], timeout=0.02)
    assert await other == ["127.0.0.1"]
    assert not all(task.done() for task in lost)
    assert 0 < most_open - before <= 60
    results = await asyncio.gather(*lost, return_exceptions=True)
    assert {type(result) for result in results} == {DnsFailure}
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_thousand_domains_that_do_not_exist_are_found_out_about() -> None:
    with empty_server() as address:
        resolver = Resolver([address])

        async def look_up(domain: str) -> list[str]:
            (service,) = await resolver.services(domain)
            return await resolver.addresses(service.host)

        results = await asyncio.gather(*(look_up(f"a{n}.test") for n in range(1000)), return_exceptions=True)
    assert {type(result) for result in results} == {DomainUnreachable}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_no_socket_is_left_over_on_either_event_loop(run: Callable[[Awaitable[None]], None]) -> None:
    async def ask() -> None:
        async with NameServer({}) as gone:
            pass
        async with NameServer({"*.test": ["A 127.0.0.1"]}) as names:
            before = len(os.listdir("/proc/self/fd"))
            resolver = Resolver([gone.address, names.address], TIMEOUT)
            assert await resolver.addresses("a.test") == ["127.0.0.1"]
            names.faults |= {"silent.test": Fault.SILENT, "tcp.test": Fault.TRUNCATED}
            waiting = asyncio.create_task(resolver.addresses("silent.test"))
            async with asyncio.timeout(TIMEOUT):
                await names.heard("silent.test", "A")
            assert len(os.listdir("/proc/self/fd")) > before
            resolver.close()
            await asyncio.wait([waiting])
            assert len(os.listdir("/proc/self/fd")) == before
            assert await Resolver([names.address]).addresses("tcp.test") == ["127.0.0.1"]

    run(ask())
