"""XEP-0202: the server's time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from burble.timestamps import parse_stamp
from tests.client import condition
from tests.conftest import Connect

TIME = "{urn:xmpp:time}"
QUERY = "<time xmlns='urn:xmpp:time'/>"


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", "+00:00"), ("XST+03:30", "-03:30"), ("XST-5", "+05:00")]
)
async def test_the_server_tells_its_time_and_zone(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, zone: str, offset: str
) -> None:
    """§2: the time in UTC to the second, and the offset of the server's own zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        juliet = await connect("juliet")
        answer = await juliet.ask("get", QUERY, "localhost")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert answer.findtext(f".//{TIME}tzo") == offset
    stamp = answer.findtext(f".//{TIME}utc") or ""
    assert len(stamp) == len("2006-12-19T17:58:35Z")
    assert stamp.endswith("Z")
    assert abs((datetime.now(UTC) - parse_stamp(stamp)).total_seconds()) < 5


async def test_the_time_can_t_be_set(connect: Connect) -> None:
    juliet = await connect("juliet")
    assert condition(await juliet.ask("set", QUERY, "localhost")) == "not-allowed"
