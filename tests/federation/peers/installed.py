"""Which servers are at hand."""

from __future__ import annotations

import shutil

import pytest

from tests.federation.peers.world import KINDS


def require(*kinds: str) -> None:
    """Skip the test where a server is missing, in CI as well: other servers are not Burble's to install."""
    for kind in kinds:
        program = KINDS[kind].program
        if shutil.which(program) is None:
            pytest.skip(f"no {program} (Debian: apt-get install {kind.rpartition('-')[2]})")
