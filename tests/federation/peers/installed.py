"""Which servers are at hand."""

from __future__ import annotations

import pytest

from tests.federation.peers.world import KINDS


def require(*kinds: str) -> None:
    """Skip the test where a server is missing, in CI as well: other servers are not Burble's to install."""
    for kind in kinds:
        if package := KINDS[kind].missing():
            pytest.skip(f"no {package} (Debian: apt-get install {package})")
