"""People with slixmpp on two servers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from slixmpp import JID

from tests.clients.slixmpp_user import SlixmppUser
from tests.clients.user import PATIENCE
from tests.federation.conftest import Ends
from tests.federation.peers import Peer
from tests.federation.table import service

_numbers = itertools.count(1)
LogIn = Callable[[Peer, str], Awaitable[SlixmppUser]]


@dataclass(frozen=True)
class _Door:
    """Where clients of a server connect."""

    port: int
    tls_port: int
    certificate: Path


@pytest_asyncio.fixture(loop_scope="session")
async def log_in() -> AsyncIterator[LogIn]:
    """``await log_in(peer, "juliet")`` has an account there and is logged in."""
    users: list[SlixmppUser] = []

    async def make(peer: Peer, name: str) -> SlixmppUser:
        door = _Door(peer.port, 0, peer.authority)
        user = SlixmppUser(f"{name}-{next(_numbers)}", door, domain=peer.domain)
        users.append(user)
        await user.register()
        await user.log_in()
        return user

    yield make
    for user in users:
        await user.close()


@service("slixmpp: contacts, chat, room", proofs=["certificate"])
async def test_people_with_slixmpp(ends: Ends, log_in: LogIn) -> None:
    juliet, romeo = await log_in(ends.here, "juliet"), await log_in(ends.there, "romeo")

    await juliet.befriend(romeo.jid)
    await romeo.accept(juliet.jid)
    await juliet.sees(romeo.jid, online=True)
    await juliet.send(romeo.jid, "Art thou not Romeo?")
    assert (await romeo.receive(juliet.jid)).body == "Art thou not Romeo?"

    room = f"orchard-{next(_numbers)}@{ends.there.rooms}"
    await romeo.client.plugin["xep_0045"].join_muc_wait(JID(room), "Romeo", timeout=PATIENCE)
    config = await romeo.client.plugin["xep_0045"].get_room_config(room, timeout=PATIENCE)
    await romeo.client.plugin["xep_0045"].set_room_config(room, config, timeout=PATIENCE)
    await juliet.client.plugin["xep_0045"].join_muc_wait(JID(room), "Juliet", timeout=PATIENCE)
    juliet.client.send_message(mto=JID(room), mbody="Who is there?", mtype="groupchat")
    await romeo.happens(kind="room message", body="Who is there?", **{"from": f"{room}/Juliet"})

    await romeo.log_out()
    await juliet.sees(romeo.jid, online=False)
