"""Servers that run for all tests, and people who have accounts with them."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.federation.peers import Peer, Proof, World
from tests.federation.peers.installed import require
from tests.federation.person import Person
from tests.federation.table import LONG, deviation, is_brief

Worlds = Callable[[Proof], Awaitable[World]]


@dataclass(frozen=True)
class Ends:
    """The servers of a test: who starts has an account `here`, and talks to somebody or something `there`."""

    here: Peer
    there: Peer
    proof: Proof


Meet = Callable[[Peer, str], Awaitable[Person]]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker of `service` known."""
    config.addinivalue_line("markers", "service(name, pairs): the row of the table in docs/federation.md")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is between two servers for the pairs of its service, and each proof of their domains."""
    if "ends" in metafunc.fixturenames:
        cases = []
        marker = metafunc.definition.get_closest_marker("service")
        assert marker is not None, f"{metafunc.function.__name__} has to name its service"
        for proof, (here, there) in itertools.product(marker.kwargs["proofs"], marker.kwargs["pairs"]):
            if not LONG and not is_brief(marker.args[0], here, there, proof):
                continue
            reason = deviation(marker.args[0], here, there, proof)
            marks = [pytest.mark.xfail(reason=reason)] if reason else []
            cases.append(pytest.param((here, there, proof), id=f"{here}-{there}-{proof}", marks=marks))
        metafunc.parametrize("ends", cases, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all tests of this package share one event loop, as they share the servers."""
    for item in items:
        ours = item.path.is_relative_to(Path(__file__).parent)
        if ours and isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worlds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Worlds]:
    """``await worlds("dialback")``: servers that prove their domains so; the same ones each time."""
    made: dict[Proof, World] = {}
    async with AsyncExitStack() as stack:

        async def world(proof: Proof) -> World:
            if proof not in made:
                directory = tmp_path_factory.mktemp(proof)
                made[proof] = await stack.enter_async_context(World(directory, proof))
            return made[proof]

        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def ends(request: pytest.FixtureRequest, worlds: Worlds) -> Ends:
    """Two servers that run."""
    here, there, proof = request.param
    require(here, there)
    world = await worlds(proof)
    return Ends(*await asyncio.gather(world.peer(here), world.peer(there)), proof)


@pytest_asyncio.fixture(loop_scope="session")
async def meet() -> AsyncIterator[Meet]:
    """Makes people: ``await meet(peer, "juliet")`` has an account there and is available."""
    people: list[Person] = []

    async def make(peer: Peer, name: str) -> Person:
        person = Person(name, peer)
        await person.register()
        people.append(person)
        return await person.log_in()

    yield make
    for person in people:
        await person.close()
