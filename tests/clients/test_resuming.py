"""Real clients lose their connections and resume their sessions: no message is lost, none comes twice."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.clients.conftest import require
from tests.clients.resuming import Resuming, ResumingNode, ResumingSlixmpp
from tests.clients.server import BurbleProcess
from tests.clients.slixmpp_user import SlixmppUser

pytestmark = pytest.mark.clients

CLIENTS: dict[str, type[Resuming]] = {"slixmpp": ResumingSlixmpp, "node": ResumingNode}
_numbers = itertools.count(1)


@pytest.fixture(params=list(CLIENTS))
async def juliet(request: pytest.FixtureRequest, burble: BurbleProcess) -> AsyncIterator[Resuming]:
    """Somebody whose connection is bad."""
    require(request.param)
    name = f"juliet-resuming{next(_numbers)}"
    await SlixmppUser(name, burble).register()
    user = CLIENTS[request.param](name, burble)
    await user.start()
    yield user
    await user.stop()


@pytest.fixture
async def romeo(burble: BurbleProcess) -> AsyncIterator[SlixmppUser]:
    """Somebody whose connection is good."""
    user = SlixmppUser(f"romeo-resuming{next(_numbers)}", burble)
    await user.register()
    await user.log_in()
    yield user
    await user.close()


async def test_what_comes_while_a_client_is_cut_off(juliet: Resuming, romeo: SlixmppUser) -> None:
    """It gets it when it is back, once and in order; again after the next cut."""
    await romeo.send(juliet.jid, "0")
    assert await juliet.receive(1) == ["0"]
    for number in (1, 4):
        await juliet.cut()
        bodies = [str(number + more) for more in range(3)]
        for body in bodies:
            await romeo.send(juliet.jid, body)
        await juliet.come_back()
        assert await juliet.receive(3) == bodies
    await romeo.send(juliet.jid, "last")
    assert await juliet.receive(1) == ["last"]


async def test_what_a_client_sends_as_it_is_cut_off(juliet: Resuming, romeo: SlixmppUser) -> None:
    """It sends again what the server does not have, and nothing else."""
    bodies = [str(number) for number in range(20)]
    await juliet.send(romeo.jid, *bodies)
    await juliet.cut()
    await juliet.come_back()
    await juliet.send(romeo.jid, "last")
    assert [(await romeo.receive(juliet.jid)).body for _ in range(21)] == [*bodies, "last"]
