"""What was acknowledged survives kill -9; `python -m tests.faults.kill9` does it more often."""

from __future__ import annotations

import pytest
from bench.servers.burble import BurbleArchive

from tests.faults.kill9 import torment


@pytest.mark.faults
@pytest.mark.timeout(120)
async def test_what_was_acknowledged_survives_kill_9() -> None:
    """Three times: nothing is lost, nothing is there under two ids, and all is in order."""
    result = await torment(BurbleArchive, 3, longest=0.6)
    assert result["acknowledged"] > 100
    assert (result["lost"], result["doubled"], result["misordered"]) == (0, 0, 0), dict(result)
