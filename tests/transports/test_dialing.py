"""Connections to other servers: the fastest address wins, and nothing is left of the others."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import uvloop

from burble.dns import Resolver, Service
from burble.transports.dialing import Dialer, DialError
from tests.dns.nameserver import Fault, NameServer, Zone
from tests.transports.ends import Connecting, Ours, listening

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test on either event loop: each has its own way with sockets."""
    return request.param


@asynccontextmanager
async def dialing(zone: Zone, **settings: float) -> AsyncIterator[Dialer]:
    """A dialer that knows hosts from a zone."""
    async with NameServer(zone) as names:
        yield Dialer(Resolver([names.address], hosts=Path("/nonexistent")), **settings)


@contextmanager
def black_hole(host: str = "127.0.0.1") -> Iterator[int]:
    """An address where connections are neither taken nor refused: a port there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=0) as hole:
        port = hole.getsockname()[1]
        crowd = []
        for _ in range(4):  # the system takes a few all the same
            sock = socket.socket(family)
            sock.setblocking(False)
            sock.connect_ex((host, port))
            crowd.append(sock)
        yield port
        for sock in crowd:
            sock.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def only(files: int) -> None:
    """Wait until no more files are open than that; event loops take a moment to close them."""
    for _ in range(500):
        if open_files() <= files:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{open_files() - files} sockets are left")


def test_a_connection_is_made_to_the_port_of_the_service(run: Run) -> None:
    async def test() -> None:
        ours = Ours()
        async with listening() as there, dialing({"a.test": ["A 127.0.0.1"]}) as dialer:
            carrier = await dialer.connect(Service("a.test", there.port), ours.make)
            assert ours.made == [carrier]
            assert (carrier.address, carrier.port) == ("127.0.0.1", there.port)
            stream = carrier.stream
            assert isinstance(stream, Connecting)
            assert [await stream.next(), await stream.next()] == ["connected", "opened"]
            await ours.hang_up()

    run(test())


@pytest.mark.parametrize("first", ["::1", "127.0.0.1"])
def test_the_other_family_is_tried_at_once_where_one_is_refused(run: Run, first: str) -> None:
    zone = {"a.test": ["A 127.0.0.1", "AAAA ::1"]}
    host = "127.0.0.1" if first == "::1" else "::1"

    async def test() -> None:
        ours = Ours()
        async with listening(host=host) as there, dialing(zone, head_start=30) as dialer:
            async with asyncio.timeout(5):
                service = Service("a.test", there.port)
                carrier = await dialer.connect(service, ours.make)
            assert carrier.address == host
            await ours.hang_up()

    run(test())


def test_ipv6_comes_first(run: Run) -> None:
    async def test() -> None:
        ours = Ours()
        async with listening(host="::1") as six, listening(host="127.0.0.1", port=six.port):
            async with dialing({"a.test": ["A 127.0.0.1", "AAAA ::1"]}) as dialer:
                service = Service("a.test", six.port)
                carrier = await dialer.connect(service, ours.make)
            assert carrier.address == "::1"
            await ours.hang_up()

    run(test())


def test_an_address_that_does_not_answer_loses_its_head_start_only(run: Run) -> None:
    async def test() -> None:
        ours = Ours()
        with black_hole("::1") as port:
            async with (
                listening(host="127.0.0.1", port=port),
                dialing({"a.test": ["A 127.0.0.1", "AAAA ::1"]}, head_start=0.05) as dialer,
            ):
                begin, before = monotonic(), open_files()
                carrier = await dialer.connect(Service("a.test", port), ours.make)
                assert carrier.address == "127.0.0.1"
                assert 0.05 <= monotonic() - begin < 1
                await ours.hang_up()
                await only(before)

    run(test())


def test_where_nobody_listens_the_failure_names_each_address(run: Run) -> None:
    async def test() -> None:
        async with listening() as there:
            port = there.port
        async with dialing({"a.test": ["A 127.0.0.1", "AAAA ::1"]}) as dialer:
            before = open_files()
            with pytest.raises(DialError) as error:
                await dialer.connect(Service("a.test", port), Ours().make)
            assert error.value.temporary
            assert str(error.value) == (
                f"can't connect to a.test:{port} (::1: connection refused; 127.0.0.1: connection refused)"
            )
            await only(before)

    run(test())


def test_a_host_that_does_not_exist_is_no_temporary_failure(run: Run) -> None:
    async def test() -> None:
        async with dialing({}) as dialer:
            with pytest.raises(DialError) as error:
                await dialer.connect(Service("a.test", 1), Ours().make)
            assert not error.value.temporary

    run(test())


def test_a_name_server_that_fails_is_a_temporary_failure(run: Run) -> None:
    async def test() -> None:
        async with NameServer({"a.test": ["A 127.0.0.1"]}) as names:
            names.faults["a.test"] = Fault.SERVFAIL
            with pytest.raises(DialError) as error:
                await Dialer(Resolver([names.address])).connect(Service("a.test", 1), Ours().make)
            assert error.value.temporary

    run(test())


def test_a_service_that_does_not_answer_is_given_up_in_time(run: Run) -> None:
    async def test() -> None:
        with black_hole() as port:
            async with dialing({"a.test": ["A 127.0.0.1"]}, timeout=0.2) as dialer:
                before = open_files()
                with pytest.raises(DialError, match=r"in 0\.2 s") as error:
                    await dialer.connect(Service("a.test", port), Ours().make)
                assert error.value.temporary
                await only(before)

    run(test())


def test_who_stops_waiting_leaves_nothing_behind(run: Run) -> None:
    async def test() -> None:
        ours = Ours()
        with black_hole() as port:
            async with dialing({"a.test": ["A 127.0.0.1"]}) as dialer:
                before = open_files()
                task = asyncio.create_task(dialer.connect(Service("127.0.0.1", port), ours.make))
                while open_files() == before:
                    await asyncio.wait([task], timeout=0.01)
                task.cancel()
                await asyncio.wait([task])
                await only(before)
        assert not ours.made

    run(test())


def test_addresses_take_turns_and_are_not_tried_without_end(run: Run) -> None:
    tried: list[str] = []

    async def test() -> None:
        async with listening() as there:
            port = there.port
        zone = {"a.test": [f"A 127.0.1.{n}" for n in range(1, 100)] + ["AAAA ::1"]}
        async with dialing(zone) as dialer:
            with pytest.raises(DialError) as error:
                await dialer.connect(Service("a.test", port), Ours().make)
            tried.extend(str(error.value).split("(")[1].split("; "))

    run(test())
    assert tried[0].startswith("::1:")
    assert len(tried) == 8
