"""Domains that a server has nothing to do with."""

from __future__ import annotations

from tests.client import condition
from tests.federation.conftest import Ends, Meet
from tests.federation.table import service

_OTHERS = ("prosody", "ejabberd", "other-burble")


@service("blocked domain", pairs=[("closed-burble", other) for other in _OTHERS])
async def test_nothing_goes_to_a_blocked_domain(ends: Ends, meet: Meet) -> None:
    juliet, romeo = await meet(ends.here, "juliet"), await meet(ends.there, "romeo")

    await juliet.says(romeo.jid, "Art thou there?")

    assert condition(await juliet.gets("message", romeo.jid, type="error")) == "policy-violation"
    await romeo.nothing()


@service("blocked domain", pairs=[(other, "closed-burble") for other in _OTHERS])
async def test_nothing_comes_from_a_blocked_domain(ends: Ends, meet: Meet) -> None:
    """Who sends it is told; how is for the sender's own server to say."""
    romeo, juliet = await meet(ends.here, "romeo"), await meet(ends.there, "juliet")

    await romeo.says(juliet.jid, "Art thou there?")

    await romeo.gets("message", juliet.jid, type="error")
    await juliet.nothing()
