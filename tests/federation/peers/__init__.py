"""Servers that talk to each other: what they are, who vouches for them, how they find each other."""

from tests.federation.peers.authority import Authority
from tests.federation.peers.base import Peer, PeerFailed, Proof
from tests.federation.peers.world import KINDS, PROGRAMS, World

__all__ = ["KINDS", "PROGRAMS", "Authority", "Peer", "PeerFailed", "Proof", "World"]
