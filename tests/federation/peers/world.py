"""Some servers, a name server that knows them, and an authority that vouches for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from tests.dns.nameserver import NameServer
from tests.federation.peers.authority import BOTH_USAGES, SERVER_ONLY, Authority
from tests.federation.peers.base import Peer, Proof
from tests.federation.peers.burble import Burble
from tests.federation.peers.ejabberd import Ejabberd
from tests.federation.peers.prosody import Prosody

PROGRAMS: Mapping[str, type[Peer]] = {"burble": Burble, "prosody": Prosody, "ejabberd": Ejabberd}
#: How a server is, and the program, with a hyphen between.
#:
#: other: nothing is special about it;
#: public: its certificate is for servers only, as public authorities issue them;
#: direct: it expects TLS from the first byte;
#: closed: it has nothing to do with the others.
KINDS: Mapping[str, type[Peer]] = {
    f"{quality}-{name}" if quality else name: program
    for quality in ("", "other", "public", "direct", "closed")
    for name, program in PROGRAMS.items()
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
        await asyncio.gather(*(peer.stop() for peer in self._peers.values()))
        await self._stack.aclose()

    async def peer(self, kind: str) -> Peer:
        """The server of a kind; it runs."""
        if kind not in self._peers:
            peer = self.make(kind)
            await peer.start()
            self._peers[kind] = peer
        return self._peers[kind]

    def make(self, kind: str) -> Peer:
        """Make a server of a kind, which the DNS knows; it does not run yet."""
        domain = f"{kind}.example"
        home = self.directory / kind
        home.mkdir(exist_ok=True)
        quality = kind.rpartition("-")[0]
        files = self._authority.issue(
            domain,
            f"conference.{domain}",
            usages=SERVER_ONLY if quality == "public" else BOTH_USAGES,
            trusted=self.proof == "certificate" or quality == "public",
        )
        peer = KINDS[kind](domain, home, self.proof, files, self._authority.certificate, self.names.port)
        peer.direct_tls = quality == "direct"
        if quality == "closed":
            peer.blocked = [f"{other}.example" for other in KINDS if other != kind]
        self.names.zone.update(peer.records())
        return peer
