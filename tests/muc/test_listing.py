"""Pages of the list of rooms (XEP-0045 §6.3, XEP-0059 §2.6)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from burble.jid import JID
from burble.modules.muc import Muc
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.directory import Listing
from burble.rsm import PageRequest
from burble.storage import Database, Row
from tests.muc.stage import SERVICE, Stage


async def test_a_page_by_its_index_reads_no_more_than_the_page(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else anybody could have all rooms read into memory; whichever are stored, and whichever only live."""
    muc = stage.server.hosts["localhost"].modules["muc"]
    assert isinstance(muc, Muc)
    names = [f"room{number:02}" for number in range(20)]
    passing = set(random.Random(1).sample(names, 5))
    crone1 = await stage.actor("crone1/desktop")
    for name in names:
        if name in passing:
            await crone1.enter("firstwitch", f"{name}@{SERVICE}")
            await crone1.configure(f"{name}@{SERVICE}", persistentroom="0")
        else:
            await muc.create(name, RoomConfig(), JID.parse(crone1.jid).bare)
    sizes = []
    kind = type(stage.server.database)
    fetch = kind.fetch

    async def counting(self: Database, *args: Any) -> Sequence[Row]:
        rows = await fetch(self, *args)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(kind, "fetch", counting)
    for index in range(25):
        page = await Listing(muc.service).page(PageRequest(index=index), 3)
        assert [local for local, _ in page.items] == names[index : index + 3]
        assert page.count == 20
    assert max(sizes) <= 3 + len(passing)
