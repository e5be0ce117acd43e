"""XEP-0203: the stamp of a stanza that was kept for later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from burble.delay import delay
from burble.jid import JID

CAPULET = JID.parse("capulet.com")


def test_the_stamp_of_the_specification_s_example() -> None:
    """§3, example 1."""
    element = delay(datetime(2002, 9, 10, 23, 8, 25, tzinfo=UTC), CAPULET, "Offline Storage")
    assert element.to_string() == (
        "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>"
        "Offline Storage</delay>"
    )


def test_a_stamp_is_in_utc_wherever_the_server_stands() -> None:
    """§2: the stamp must be expressed in UTC; the reason may be left out."""
    summer = timezone(timedelta(hours=2))
    element = delay(datetime(2002, 9, 11, 1, 8, 25, tzinfo=summer), CAPULET)
    assert element.get("stamp") == "2002-09-10T23:08:25Z"
    assert element.children == []


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        delay(datetime(2002, 9, 10, 23, 8, 25), CAPULET)
