"""Some servers, a name server that knows them, and an authority that vouches for them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from tests.dns.nameserver import NameServer
from tests.federation.peers.authority import Authority
from tests.federation.peers.base import Peer, Proof
from tests.federation.peers.burble import Burble
from tests.federation.peers.ejabberd import Ejabberd
from tests.federation.peers.prosody import Prosody

KINDS: Mapping[str, type[Peer]] = {
    "burble": Burble,
    "neighbour": Burble,
    "recluse": Burble,  # has nothing to do with the others
    "prosody": Prosody,
    "ejabberd": Ejabberd,
}


class World:
    """Servers that are started when they are first asked for, and stopped at the end.

    Their domains are below ``example``: a validating resolver, such as Prosody has, answers itself for
    ``test``.

    Args:
        directory: where everything is kept.
        proof: how its servers prove their domains to each other.
    """

    def __init__(self, directory: Path, proof: Proof) -> None:
        self.directory = directory
        self.proof = proof
        self.names = NameServer({"localhost": ["A 127.0.0.1"]}, ttl=1, negative_ttl=1)
        self._authority = Authority(directory)
        self._peers: dict[str, Peer] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.names)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def peer(self, kind: str) -> Peer:
        """The server of a kind; it runs."""
        if kind not in self._peers:
            peer = self.make(kind)
            await peer.start()
            self._stack.push_async_callback(peer.stop)
            self._peers[kind] = peer
        return self._peers[kind]

    def make(self, kind: str) -> Peer:
        """Make a server of a kind, which the DNS knows; it does not run yet."""
        domain = f"{kind}.example"
        home = self.directory / kind
        home.mkdir()
        files = self._authority.issue(domain, f"conference.{domain}", trusted=self.proof == "certificate")
        peer = KINDS[kind](domain, home, self.proof, files, self._authority.certificate, self.names.port)
        if kind == "recluse":
            peer.blocked = [f"{other}.example" for other in KINDS if other != kind]
        self.names.zone.update(peer.records())
        return peer
