"""Many messages, while a server is stopped and started."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.federation.conftest import Ends, Meet
from tests.federation.correspondence import WINDOW, Correspondence
from tests.federation.peers import Peer
from tests.federation.peers.burble import Burble
from tests.federation.peers.prosody import Prosody
from tests.federation.table import LONG, RESTARTS, service

_MESSAGES = 10_000 if LONG else 500
#: Seconds after which a message is lost that has not arrived: a server may take a while to try another again.
_PATIENCE = 12.0


async def _correspond(ends: Ends, meet: Meet, restarted: Peer, how: signal.Signals = signal.SIGTERM) -> None:
    sender, receiver = await meet(ends.here, "sender"), await meet(ends.there, "receiver")
    letters = Correspondence(sender, receiver, _MESSAGES)

    async def restart() -> None:
        await letters.reaches(_MESSAGES // 3)
        if not isinstance(restarted, Burble):
            # Others lose what they have taken and not passed on; what they have not taken is what counts.
            await letters.rest()
        await restarted.stop(how)
        letters.go_on()
        await restarted.start()

    try:
        async with asyncio.timeout(55):
            await asyncio.gather(letters.run(_PATIENCE), restart())
    except TimeoutError:
        pytest.fail(str(letters))
    if how == signal.SIGTERM:
        # What a server has not confirmed is sent again; others do not confirm at their end what they took.
        orderly = isinstance(ends.here, Burble) and isinstance(ends.there, Burble)
        assert letters.doubled <= (0 if orderly else WINDOW), str(letters)
    # What Prosody takes just when its stream is ready may go out before what waited for the stream.
    assert letters.overtaken <= (WINDOW if isinstance(ends.here, Prosody) else 0), str(letters)


@service(f"{RESTARTS} while the sender's server restarts")
async def test_messages_pass_a_restart_of_the_senders_server(ends: Ends, meet: Meet) -> None:
    await _correspond(ends, meet, ends.here)


@service(f"{RESTARTS} while the receiver's server restarts")
async def test_messages_pass_a_restart_of_the_receivers_server(ends: Ends, meet: Meet) -> None:
    await _correspond(ends, meet, ends.there)


@service(
    f"{RESTARTS} while the sender's server is killed",
    [("burble", "prosody"), ("burble", "ejabberd"), ("burble", "other-burble")],
)
async def test_messages_outlive_the_senders_server(ends: Ends, meet: Meet) -> None:
    """What it had acknowledged to its client it had brought to the other server."""
    await _correspond(ends, meet, ends.here, signal.SIGKILL)


@service(f"{RESTARTS} while the receiver's server is killed", [("burble", "other-burble")])
async def test_messages_outlive_the_receivers_server(ends: Ends, meet: Meet) -> None:
    """What it had acknowledged to the other server it had stored."""
    await _correspond(ends, meet, ends.there, signal.SIGKILL)
